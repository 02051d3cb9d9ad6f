// Ranges of a network's tensors, for TensorRT to decide what runs in INT8.
#ifndef QDQ_TENSORRT_DYNAMIC_RANGE_HPP
#define QDQ_TENSORRT_DYNAMIC_RANGE_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/ranges.hpp>
#include <qdq/tensorrt/graph.hpp>
#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

namespace qdq::trt {

/// What became of a network's tensors.
struct DynamicRanges {
  std::size_t set;                   ///< How many got a range.
  std::vector<std::string> missing;  ///< Floating-point tensors without a range: what reads them is not quantized.
};

/// Sets the dynamic range -amax … amax of every tensor that has a range or holds the values of one that has. The builder needs
/// BuilderFlag::kINT8 and no calibrator. Constants need no range.
[[nodiscard]] inline Result<DynamicRanges> set_dynamic_ranges(nvinfer1::INetworkDefinition& network, const Ranges& ranges) {
  auto described = detail::Network::describe(network);
  if (!described) return std::move(described).error();
  auto all = described->graph.spread(ranges);
  if (!all) return std::move(all).error();
  DynamicRanges report{};
  for (std::size_t number = 0; number < described->tensors.size(); ++number) {
    const Graph::Tensor known = described->graph.tensors()[number];
    nvinfer1::ITensor* tensor = described->tensors[number].tensor;
    const bool is_float = known.dtype == DType::F32 || known.dtype == DType::F16 || known.dtype == DType::BF16;
    if (tensor == nullptr || known.kind == TensorKind::Constant || !is_float) continue;
    if (!all->has(known.name)) {
      report.missing.emplace_back(known.name);
      continue;
    }
    const float amax = all->get(known.name).value();
    // TensorRT takes no empty range; what is always zero is so in every range.
    const float end = amax > 0 ? amax : 1.0f;
    QDQ_TRT_DEPRECATED_BEGIN
    const bool taken = tensor->setDynamicRange(-end, end);
    QDQ_TRT_DEPRECATED_END
    if (!taken) {
      return Error(Status::Engine, "TensorRT refused the dynamic range of tensor '" + std::string(known.name) + "'",
                   "see what TensorRT logged");
    }
    ++report.set;
  }
  return report;
}

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_CALIBRATOR

#endif
