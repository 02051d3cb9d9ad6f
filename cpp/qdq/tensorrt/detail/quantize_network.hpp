// A network's quantization in the way that its TensorRT offers.
#ifndef QDQ_TENSORRT_DETAIL_QUANTIZE_NETWORK_HPP
#define QDQ_TENSORRT_DETAIL_QUANTIZE_NETWORK_HPP

#include <utility>

#include <NvInfer.h>

#include <qdq/tensorrt/dynamic_range.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/graph.hpp>
#include <qdq/tensorrt/insert_qdq.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

namespace qdq::trt::detail {

/// Whether Quantize and Dequantize layers say what to run in INT8.
inline bool inserts_qdq(const EngineOptions& options) noexcept {
  return options.way == Way::Qdq || (options.way == Way::Auto && QDQ_TRT_HAS_QDQ);
}

/// Whether the network has such layers.
inline bool has_quantize(const nvinfer1::INetworkDefinition& network) {
  static_cast<void>(network);
#if QDQ_TRT_HAS_QDQ
  for (int i = 0; i < network.getNbLayers(); ++i) {
    if (network.getLayer(i)->getType() == nvinfer1::LayerType::kQUANTIZE) return true;
  }
#endif
  return false;
}

/// Quantizes the network by the ranges; does nothing where there are none. The result must outlive the build.
inline Result<WeightMemory> quantize_network(nvinfer1::INetworkDefinition& network, const Ranges* ranges,
                                             const EngineOptions& options) {
  if (ranges == nullptr) return WeightMemory();
  if (!inserts_qdq(options)) {
#if QDQ_TRT_HAS_CALIBRATOR
    auto set = set_dynamic_ranges(network, *ranges);
    if (!set) return std::move(set).error();
    return WeightMemory();
#else
    return Error(Status::Unsupported, compiled.text() + " has no dynamic ranges", "use Way::Qdq");
#endif
  }
#if QDQ_TRT_HAS_QDQ
  auto graph = describe(network);
  if (!graph) return std::move(graph).error();
  auto all = graph->spread(*ranges);
  if (!all) return std::move(all).error();
  auto plan = graph->plan(options.policy, *all);
  if (!plan) return std::move(plan).error();
  return insert_qdq(network, *plan, *all, options.weight_method);
#else
  return Error(Status::Unsupported, compiled.text() + " has no Quantize and Dequantize layers", "use Way::DynamicRange");
#endif
}

}  // namespace qdq::trt::detail

#endif
