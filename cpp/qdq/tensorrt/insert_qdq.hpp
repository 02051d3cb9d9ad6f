// Insertion of Quantize and Dequantize layers by a plan.
#ifndef QDQ_TENSORRT_INSERT_QDQ_HPP
#define QDQ_TENSORRT_INSERT_QDQ_HPP

#include <optional>
#include <utility>

#include <NvInfer.h>

#include <qdq/numbers.hpp>
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
/// Inputs and outputs of the network keep their names and their order. Ranges of weights are computed by
/// `weight_method`. In int8, weights stay stored as they are, except for TensorRT-RTX, and each gets a pair
/// behind it. In other formats they become constants of quantized numbers, before a Dequantize; before
/// TensorRT 10, which has no such constants, they get a pair too. A format whose numbers this TensorRT does
/// not have is refused before the network is changed: fp8 before 9, int4-weights before 10, and before 10.13
/// their blocks of weights that are no matrices.
///
/// The result owns the scales and the quantized weights, and must outlive the build of the engine. An error
/// before the first layer is added, such as a missing range, leaves the network unchanged. After
/// Status::TensorRt the network must not be used any more. Status::Unsupported for a network that leaves the
/// batch out of its shapes.
///
/// For TensorRT-RTX, the weight of a convolution has one scale, and a multiplication by the factors of
/// its channels follows the convolution: see weights_one_scale().
///
/// If trt::cast() follows, give its 16-bit type as `half_scales`: scales are rounded to it before anything is
/// quantized, and scales of fp8 become as large as it needs. Scales that it does not hold stay in f32.
///
/// Nodes that the plan leaves in float because a range is missing are reported to `logger`, if there is one.
/// Graph::plan() has reported them to qdq's own log, and it refuses a plan that quantizes less than
/// Policy::Builder::min_quantized().
///
/// On TensorRT 8 to 10 the builder needs BuilderFlag::kINT8 for int8 and int8-weights, and kFP8 for fp8,
/// unless the network is strongly typed: then TensorRT refuses the flags. build_engine() does this correctly.
[[nodiscard]] inline Result<WeightMemory> insert_qdq(nvinfer1::INetworkDefinition& network, const Plan& plan,
                                                     const Ranges& ranges, RangeMethod weight_method = Method::Mse,
                                                     nvinfer1::ILogger* logger = nullptr,
                                                     std::optional<Half> half_scales = std::nullopt) {
  QDQ_TRY(detail::takes_qdq(network));
  QDQ_TRY_AS(described, detail::Network::describe(network));
  QDQ_TRY(detail::Notes(logger).add(plan));
  return detail::Insertion(network, *std::move(described), plan, half_scales, logger).run(ranges, weight_method);
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
