// The formats that a network takes.
#ifndef QDQ_TENSORRT_DETAIL_FORMATS_HPP
#define QDQ_TENSORRT_DETAIL_FORMATS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/plan.hpp>
#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/version.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// Returns the name of a format, for a message.
inline std::string_view format_text(Format format) noexcept {
  switch (format) {
    case Format::Int8: return "int8";
    case Format::Fp8: return "fp8";
    case Format::Int8Weights: return "int8-weights";
    case Format::Int4Weights: return "int4-weights";
  }
  return "another format";
}

/// Returns whether all readers of a weight are products of matrices.
inline bool only_products_read(const Network& described, const Plan::Weight& weight) {
  for (const auto& reader : weight.readers) {
    if (described.layers[reader.node]->getType() != nvinfer1::LayerType::kMATRIX_MULTIPLY) return false;
  }
  return true;
}

/// Returns the number of axes of size 1 before the matrices of a weight. The parser of ONNX adds them behind
/// the Dequantize, because both operands of a product need the same rank.
inline std::size_t added_axes(const Network& described, const Plan::Weight& weight, const std::vector<std::int64_t>& shape) {
  if (!only_products_read(described, weight)) return 0;
  std::size_t added = 0;
  while (shape.size() - added > 2 && shape[added] == 1) ++added;
  return added;
}

/// Refuses a plan whose formats the interface of this TensorRT does not have.
inline Result<void> check_formats(const Network& described, const Plan& plan) {
  const auto refused = [&](std::size_t tensor, Format format, const std::string& why, const char* remedy) {
    return Error(Status::Unsupported,
                 quote(described.graph.tensors().at(tensor).name) + " is planned in " + std::string(format_text(format)) +
                     ", and " + compiled.text() + " " + why,
                 remedy);
  };
  const auto has_type = [&](std::size_t tensor, Format format) -> Result<void> {
    if (format == Format::Fp8 && !QDQ_TRT_QDQ_HAS_TYPE) {
      return refused(tensor, format, "has no Quantize and Dequantize layers with 8-bit floats",
                     "use TensorRT 9 or newer, or plan in int8");
    }
    if (format == Format::Int4Weights && !QDQ_TRT_HAS_INT4) {
      return refused(tensor, format, "has no 4-bit integers", "use TensorRT 10 or newer, or plan in int8-weights");
    }
    return {};
  };
  for (const auto& activation : plan.activations()) QDQ_TRY(has_type(activation.tensor, activation.format));
  for (const auto& weight : plan.weights()) {
    QDQ_TRY(has_type(weight.tensor, weight.format));
    if (weight.block == 0 || QDQ_TRT_HAS_STACKED_BLOCKS) continue;
    // A weight with blocks has a known shape.
    const auto shape = described.graph.tensors().at(weight.tensor).shape.value_or(std::vector<std::int64_t>());
    if (shape.size() - added_axes(described, weight, shape) == 2) continue;
    return refused(weight.tensor, weight.format, "takes blocks of matrices alone, not of shape " + shape_text(shape),
                   "use TensorRT 10.13 or newer, or plan the layers that read it in int8-weights: Policy::format_of");
  }
  return {};
}

/// Refuses a plan with another format than int8, for networks that say by ranges what is quantized.
inline Result<void> has_only_int8(const Plan& plan) {
  bool is_int8 = true;
  for (const auto& activation : plan.activations()) is_int8 = is_int8 && activation.format == Format::Int8;
  for (const auto& weight : plan.weights()) is_int8 = is_int8 && weight.format == Format::Int8;
  if (is_int8) return {};
  return Error(Status::Unsupported, "the plan has other formats than int8, and dynamic ranges are for int8 alone",
               "use Way::Qdq, which needs TensorRT 8 or newer, or plan in int8");
}

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
