// The types of the numbers of formats.
#ifndef QDQ_TENSORRT_DETAIL_ELEMENT_TYPES_HPP
#define QDQ_TENSORRT_DETAIL_ELEMENT_TYPES_HPP

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// Returns the type of the quantized numbers of a format.
inline DType stored_type(Format format) noexcept {
  switch (format) {
    case Format::Fp8: return DType::E4M3;
    case Format::Int4Weights: return DType::I4;
    default: return DType::I8;
  }
}

/// Returns TensorRT's name for that type. The network takes the format: see check_formats().
inline nvinfer1::DataType quantized_type(Format format) noexcept {
  switch (format) {
#if QDQ_TRT_QDQ_HAS_TYPE
    case Format::Fp8: return nvinfer1::DataType::kFP8;
#endif
#if QDQ_TRT_HAS_INT4
    case Format::Int4Weights: return nvinfer1::DataType::kINT4;
#endif
    default: return nvinfer1::DataType::kINT8;
  }
}

/// Returns whether the weights of a format are stored in its type. Otherwise a Quantize behind the float
/// weights computes the numbers, which TensorRT does when it builds the engine.
inline bool is_stored(Format format) noexcept { return QDQ_TRT_HAS_STORED_WEIGHTS && format != Format::Int8; }

}  // namespace qdq::trt::detail

#endif
