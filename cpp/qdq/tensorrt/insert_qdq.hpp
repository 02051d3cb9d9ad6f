// Insertion of Quantize and Dequantize layers by a plan.
#ifndef QDQ_TENSORRT_INSERT_QDQ_HPP
#define QDQ_TENSORRT_INSERT_QDQ_HPP

#include <utility>

#include <NvInfer.h>

#include <qdq/plan.hpp>
#include <qdq/ranges.hpp>
#include <qdq/tensorrt/detail/insertion.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt {

/// Inserts Quantize and Dequantize layers into a network at the places of the plan of its describe(), with
/// scales from the ranges, and connects the readers of quantized values.
///
/// Inputs and outputs of the network keep their names and their order. Weights stay stored as they are,
/// except for TensorRT-RTX. Each gets a pair behind it; its ranges, one per channel, are computed by
/// `weight_method`.
///
/// The result owns the scales and must outlive the build of the engine. An error before the first layer is
/// added, such as a missing range, leaves the network unchanged. After Status::TensorRt the network must not
/// be used any more. Status::Unsupported for a network that leaves the batch out of its shapes.
///
/// For TensorRT-RTX, the weight of a convolution has one scale, and a multiplication by the factors of
/// its channels follows the convolution: see weights_one_scale().
///
/// Nodes that the plan leaves in float because a range is missing are reported to `logger`, if there is one.
/// Graph::plan() has reported them to qdq's own log, and it refuses a plan that quantizes less than
/// Policy::Builder::min_quantized().
///
/// On TensorRT 8 to 10 the builder needs BuilderFlag::kINT8, unless the network is strongly typed: then
/// TensorRT refuses the flag. build_engine() does this correctly.
[[nodiscard]] inline Result<WeightMemory> insert_qdq(nvinfer1::INetworkDefinition& network, const Plan& plan,
                                                     const Ranges& ranges, RangeMethod weight_method = Method::Mse,
                                                     nvinfer1::ILogger* logger = nullptr) {
  QDQ_TRY(detail::takes_qdq(network));
  QDQ_TRY_AS(described, detail::Network::describe(network));
  QDQ_TRY(detail::Notes(logger).add(plan));
  return detail::Insertion(network, *std::move(described), plan, logger).run(ranges, weight_method);
}

}  // namespace qdq::trt

#else

namespace qdq::trt {
namespace detail {

template <typename...>
inline constexpr bool has_qdq = false;

}  // namespace detail

template <typename... Arguments>
Result<WeightMemory> insert_qdq(Arguments&&...) {
  static_assert(detail::has_qdq<Arguments...>,
                "TensorRT 7 has no Quantize and Dequantize layers: use qdq::trt::set_dynamic_ranges() or a calibrator");
  return WeightMemory();
}

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
