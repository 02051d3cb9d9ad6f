// Dynamic ranges for TensorRT 7 to 10, without a calibrator.
#ifndef QDQ_TENSORRT_DYNAMIC_RANGE_HPP
#define QDQ_TENSORRT_DYNAMIC_RANGE_HPP

#include <qdq/result.hpp>
#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/policy.hpp>
#include <qdq/ranges.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/detail/tensors.hpp>
#include <qdq/tensorrt/graph.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// The result of set_dynamic_ranges().
struct DynamicRanges {
  std::size_t count;                 ///< The number of tensors that got a range.
  std::vector<std::string> missing;  ///< Floating-point tensors without one: TensorRT runs their layers without INT8.
};

namespace detail {

/// Sets the ranges of the network's tensors. `all` must be spread already. Logs the tensors without a range.
inline Result<DynamicRanges> apply_ranges(nvinfer1::INetworkDefinition& network, const Ranges& all, const Log& log) {
  DynamicRanges out{};
  std::vector<std::string> computed;  // Missing ones that are not constants.
  std::string refused;
  for_each_tensor(network, [&](nvinfer1::ITensor& tensor, const nvinfer1::ILayer* layer) {
    if (!is_float(tensor)) return;
    const std::string name = tensor.getName();
    const auto amax = all.get(name);
    QDQ_TRT_DEPRECATED_BEGIN
    if (!amax) {
      if (tensor.dynamicRangeIsSet()) return;
      out.missing.push_back(name);
      if (layer == nullptr || layer->getType() != nvinfer1::LayerType::kCONSTANT) computed.push_back(name);
      return;
    }
    const float reach = int8_scale(*amax) * 127.0f;
    if (tensor.setDynamicRange(-reach, reach)) {
      ++out.count;
    } else if (refused.empty()) {
      refused = name;
    }
    QDQ_TRT_DEPRECATED_END
  });
  if (!refused.empty()) {
    return Error(Status::TensorRt, "TensorRT refuses the range of tensor " + quote(refused), "see what it logged");
  }
  if (out.count == 0) {
    return Error(Status::Data, "the network has none of the tensors that the ranges are for",
                 "use the ranges of this very model; another export names its tensors otherwise");
  }
  if (!computed.empty()) {
    log.warning("no range for " + std::to_string(computed.size()) + (computed.size() == 1 ? " tensor" : " tensors") +
                ", so that TensorRT runs the layers around them without INT8: " + some(computed) +
                "; calibrate with every activation, as for a cache");
  }
  return out;
}

}  // namespace detail

/// Sets the range of every input and every layer's output, -amax to amax, by its name. The builder then needs
/// no calibrator.
///
/// A tensor that holds the values of a ranged one in another shape or order gets its range. A tensor without
/// an entry in `ranges` keeps a range that it already has. A range of 0 becomes 127, as in a cache, because
/// TensorRT refuses an empty range.
///
/// Tensors without a range are reported to `logger`, if there is one, and to qdq's own log. Of `policy` only
/// the least share is used (Policy::Builder::min_quantized()), among the convolutions and products that the
/// policy allows: if the share is smaller, for example because ranges are missing, nothing is set and
/// Status::Data is returned. TensorRT decides which layers run in INT8.
///
/// Status::Data if the network has none of the tensors; Status::TensorRt if TensorRT refuses a range, and
/// ranges that were set before stay set; Status::Unsupported for a strongly typed network.
[[nodiscard]] inline Result<DynamicRanges> set_dynamic_ranges(nvinfer1::INetworkDefinition& network, const Ranges& ranges,
                                                              const Policy& policy = Policy(),
                                                              nvinfer1::ILogger* logger = nullptr) {
  QDQ_TRY(detail::takes_ranges(network));
  QDQ_TRY_AS(graph, describe(network));
  QDQ_TRY_AS(all, graph->spread(ranges));
  // The plan is made for its findings, which go to qdq's log, and for the check of the least share.
  QDQ_TRY_AS(plan, graph->plan(policy, *all));
  return detail::apply_ranges(network, *all, detail::Log(logger));
}

}  // namespace qdq::trt

#else

namespace qdq::trt {
namespace detail {

template <typename...>
inline constexpr bool has_dynamic_ranges = false;

}  // namespace detail

template <typename... Arguments>
Result<void> set_dynamic_ranges(Arguments&&...) {
  static_assert(
      detail::has_dynamic_ranges<Arguments...>,
      "TensorRT 11 and TensorRT-RTX have no dynamic ranges: use qdq::trt::insert_qdq() or qdq::trt::build_engine()");
  return {};
}

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_CALIBRATOR

#include <qdq/detail/end_try.hpp>

#endif
