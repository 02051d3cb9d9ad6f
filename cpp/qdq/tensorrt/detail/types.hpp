// Conversion of TensorRT's types, shapes and stored numbers to qdq's.
#ifndef QDQ_TENSORRT_DETAIL_TYPES_HPP
#define QDQ_TENSORRT_DETAIL_TYPES_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

inline DType dtype_of(nvinfer1::DataType type) noexcept {
  using Type = nvinfer1::DataType;
  switch (type) {
    case Type::kFLOAT: return DType::F32;
    case Type::kHALF: return DType::F16;
    case Type::kINT8: return DType::I8;
    case Type::kINT32: return DType::I32;
    case Type::kBOOL: return DType::Bool;
#if QDQ_TRT_HAS_UINT8
    case Type::kUINT8: return DType::U8;
#endif
#if QDQ_TRT_HAS_CAST
    case Type::kFP8: return DType::E4M3;
#endif
#if QDQ_TRT_QDQ_HAS_TYPE
    case Type::kBF16: return DType::BF16;
    case Type::kINT64: return DType::I64;
#endif
#if QDQ_TRT_HAS_INT4
    case Type::kINT4: return DType::I4;
#endif
    default: return DType::Unknown;
  }
}

/// Returns whether INT8 can represent elements of the type.
inline bool is_float(DType dtype) noexcept { return dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16; }

/// Returns ONNX's number of a floating-point type, for the attribute of a Cast; 0 for other types.
inline std::int64_t onnx_type(nvinfer1::DataType type) noexcept {
  switch (dtype_of(type)) {
    case DType::F32: return 1;
    case DType::F16: return 10;
    case DType::BF16: return 16;
    default: return 0;
  }
}

/// Returns the shape; nothing if the rank is unknown.
inline std::optional<std::vector<std::int64_t>> shape_of(const nvinfer1::Dims& dims) {
  if (dims.nbDims < 0) return std::nullopt;
  std::vector<std::int64_t> shape;
  for (int axis = 0; axis < dims.nbDims; ++axis) shape.push_back(dims.d[axis] < 0 ? dynamic : dims.d[axis]);
  return shape;
}

/// Returns the shape in TensorRT's form. If it has more axes than TensorRT allows, the rank is -1, which
/// TensorRT refuses.
inline nvinfer1::Dims dims_of(const std::vector<std::int64_t>& shape) {
  nvinfer1::Dims dims{};
  if (shape.size() > static_cast<std::size_t>(nvinfer1::Dims::MAX_DIMS)) {
    dims.nbDims = -1;
    return dims;
  }
  dims.nbDims = static_cast<std::int32_t>(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    dims.d[axis] = static_cast<std::remove_reference_t<decltype(dims.d[0])>>(shape[axis]);
  }
  return dims;
}

inline std::int64_t volume(const std::vector<std::int64_t>& shape) noexcept {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

}  // namespace qdq::trt::detail

#endif
