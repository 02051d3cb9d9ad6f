// Insertion of Quantize and Dequantize layers by a plan.
#ifndef QDQ_TENSORRT_INSERT_QDQ_HPP
#define QDQ_TENSORRT_INSERT_QDQ_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/plan.hpp>
#include <qdq/ranges.hpp>
#include <qdq/tensorrt/detail/constant.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/pair.hpp>
#include <qdq/tensorrt/detail/replacement.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt {
namespace detail {

/// Carries out a plan. All numbers are computed before the network is changed.
class Insertion {
 public:
  Insertion(nvinfer1::INetworkDefinition& network, Network described, const Plan& plan)
      : described_(std::move(described)), plan_(plan), pairs_(network, memory_), replacement_(network) {}

  [[nodiscard]] Result<WeightMemory> run(const Ranges& ranges, RangeMethod method) {
    if (plan_.decisions().size() != described_.layers.size()) {
      return Error(Status::InvalidArgument,
                   "the plan is for " + std::to_string(plan_.decisions().size()) + " nodes, but the network has " +
                       std::to_string(described_.layers.size()),
                   "plan the graph that describe() makes of this very network, and insert before changing it");
    }
    QDQ_TRY(read_ranges(ranges));
    QDQ_TRY(compute_weights(method));
    // This comes first because it replaces layers that store a kernel.
    QDQ_TRY(add_weights());
    QDQ_TRY(add_activations());
    return std::move(memory_);
  }

 private:
  // Tensors that share a scale get the widest range among them.
  Result<void> read_ranges(const Ranges& given) {
    QDQ_TRY_AS(spread, described_.graph.spread(given));
    const Ranges& ranges = *spread;
    for (const auto& activation : plan_.activations()) {
      auto amax = ranges.get(name(activation.tensor));
      if (!amax) {
        return Error(amax.error().status(), "tensor '" + name(activation.tensor) + "' is to be quantized but has no range",
                     "calibrate the network again, or give the ranges to Graph::plan(), which leaves such layers in float");
      }
      float& shared = shared_amax_[activation.group];
      shared = std::max(shared, *amax);
    }
    return {};
  }

  Result<void> compute_weights(RangeMethod method) {
    for (const auto& weight : plan_.weights()) {
      QDQ_TRY_AS(constant, constant_of(described_, weight.tensor));
      auto amax = weights_amax(constant->view(), weight.axis, method);
      if (!amax) {
        return Error(amax.error().status(),
                     "weight '" + name(weight.tensor) + "' cannot be quantized: " + std::string(amax.error().message()),
                     "check how the model was exported, or exclude the layers that read it");
      }
      const auto values = amax->values();
      weight_amax_.emplace_back(values.begin(), values.end());
    }
    return {};
  }

  Result<void> add_activations() {
    for (const auto& activation : plan_.activations()) {
      QDQ_TRY_AS(result, pairs_.add(*described_.tensors[activation.tensor].tensor, name(activation.tensor),
                                    {shared_amax_[activation.group]}, no_axis));
      rewire(activation.readers, **result);
    }
    return {};
  }

  Result<void> add_weights() {
    std::size_t index = 0;
    for (const auto& weight : plan_.weights()) {
      const std::string base = name(weight.tensor);
      QDQ_TRY_AS(source, source_of(weight.tensor, base));
      // A weight that is read along two axes gets two pairs.
      const std::string pair = seen_[weight.tensor]++ == 0 ? base : base + "_" + std::to_string(seen_[weight.tensor]);
      QDQ_TRY_AS(result, pairs_.add(**source, pair, weight_amax_[index++], weight.axis));
      QDQ_TRY(replace(weight.readers));
      rewire(weight.readers, **result);
    }
    replacement_.rewire();
    return {};
  }

  // Replaces readers that store the kernel, which is already copied here, by layers that read it.
  Result<void> replace(const Plan::Readers& readers) {
    for (const auto& reader : readers) {
      nvinfer1::ILayer*& layer = described_.layers[reader.node];
      if (reader.input != 1 || !kernel_of(*layer)) continue;
      QDQ_TRY_AS(replaced, replacement_.replace(*layer));
      described_.tensors[described_.graph.nodes().at(reader.node).outputs[0]].tensor = (*replaced)->getOutput(0);
      layer = *replaced;
    }
    return {};
  }

  // Returns the weight as a tensor. A kernel that a layer stores becomes a constant layer.
  Result<nvinfer1::ITensor*> source_of(std::size_t weight, const std::string& base) {
    const NetworkTensor& found = described_.tensors[weight];
    if (found.tensor != nullptr) return found.tensor;
    const auto kernel = kernel_of(*found.layer);
    return pairs_.constant(kernel->shape, kernel->weights, base);
  }

  void rewire(const Plan::Readers& readers, nvinfer1::ITensor& dequantized) {
    for (const auto& reader : readers) {
      described_.layers[reader.node]->setInput(static_cast<std::int32_t>(reader.input), dequantized);
    }
  }

  std::string name(std::size_t tensor) const { return std::string(described_.graph.tensors().at(tensor).name); }

  Network described_;
  const Plan& plan_;
  WeightMemory memory_;
  Pairs pairs_;
  Replacement replacement_;
  std::unordered_map<std::size_t, float> shared_amax_;
  std::vector<std::vector<float>> weight_amax_;
  std::unordered_map<std::size_t, int> seen_;
};

}  // namespace detail

/// Inserts Quantize and Dequantize layers into a network at the places of the plan of its describe(), with
/// scales from the ranges, and connects the readers of quantized values.
///
/// Inputs and outputs of the network keep their names and their order. Weights stay stored as they are. Each
/// gets a pair behind it; its ranges, one per channel, are computed by `weight_method`.
///
/// The result owns the scales and must outlive the build of the engine. An error before the first layer is
/// added, such as a missing range, leaves the network unchanged. After Status::TensorRt the network must not
/// be used any more. Status::Unsupported for a network that leaves the batch out of its shapes.
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
  return detail::Insertion(network, *std::move(described), plan).run(ranges, weight_method);
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
