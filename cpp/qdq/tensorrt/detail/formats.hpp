// The formats that a network takes.
#ifndef QDQ_TENSORRT_DETAIL_FORMATS_HPP
#define QDQ_TENSORRT_DETAIL_FORMATS_HPP

#include <qdq/numbers.hpp>
#include <qdq/plan.hpp>
#include <qdq/result.hpp>

namespace qdq::trt::detail {

/// Refuses a plan with another format than int8.
inline Result<void> has_only_int8(const Plan& plan) {
  bool is_int8 = true;
  for (const auto& activation : plan.activations()) is_int8 = is_int8 && activation.format == Format::Int8;
  for (const auto& weight : plan.weights()) is_int8 = is_int8 && weight.format == Format::Int8;
  if (is_int8) return {};
  return Error(Status::Unsupported, "the plan has other formats than int8, which are for ONNX models",
               "quantize the ONNX model and build the engine from it, or plan the network in int8");
}

}  // namespace qdq::trt::detail

#endif
