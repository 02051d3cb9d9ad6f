// The layers of a plan.
#ifndef QDQ_TENSORRT_DETAIL_INSERTION_HPP
#define QDQ_TENSORRT_DETAIL_INSERTION_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/array.hpp>
#include <qdq/plan.hpp>
#include <qdq/ranges.hpp>
#include <qdq/tensorrt/detail/constant.hpp>
#include <qdq/tensorrt/detail/element_types.hpp>
#include <qdq/tensorrt/detail/formats.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/pair.hpp>
#include <qdq/tensorrt/detail/planned_numbers.hpp>
#include <qdq/tensorrt/detail/replacement.hpp>
#include <qdq/tensorrt/detail/scales.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// Carries out a plan. All numbers are computed before the network is changed.
class Insertion {
 public:
  /// `half` is the 16-bit type that the network will have, if it is to be cast.
  Insertion(nvinfer1::INetworkDefinition& network, Network described, const Plan& plan, std::optional<Half> half,
            nvinfer1::ILogger* logger)
      : described_(std::move(described)),
        plan_(plan),
        half_(half),
        numbers_(described_, plan, is_strongly_typed(network), half, logger),
        pairs_(network, memory_),
        replacement_(network) {}

  [[nodiscard]] Result<WeightMemory> run(const Ranges& ranges, RangeMethod method) {
    if (plan_.decisions().size() != described_.layers.size()) {
      return Error(Status::InvalidArgument,
                   "the plan is for " + std::to_string(plan_.decisions().size()) + " nodes, but the network has " +
                       std::to_string(described_.layers.size()),
                   "plan the graph that describe() makes of this very network, and insert before changing it");
    }
    QDQ_TRY(check_formats(described_, plan_));
    QDQ_TRY(numbers_.compute(ranges, method));
    // This comes first because it replaces layers that store a kernel.
    QDQ_TRY(add_weights());
    QDQ_TRY(add_activations());
    return std::move(memory_);
  }

 private:
  Result<void> add_activations() {
    for (const auto& activation : plan_.activations()) {
      QDQ_TRY_AS(result, pairs_.add(*described_.tensors[activation.tensor].tensor, name(activation.tensor),
                                    {numbers_.amax(activation.group)}, no_axis, activation.format, half_));
      rewire(activation.readers, **result);
    }
    return {};
  }

  Result<void> add_weights() {
    std::size_t index = 0;
    for (const auto& weight : plan_.weights()) {
      const std::string base = name(weight.tensor);
      QuantizedWeight& quantized = numbers_.weight(index++);
      if (quantized.one) {
        QDQ_TRY(add_one_scale(weight, base, quantized));
        continue;
      }
      // A weight that is read along two axes or in two formats gets two pairs.
      const std::string pair = seen_[weight.tensor]++ == 0 ? base : base + "_" + std::to_string(seen_[weight.tensor]);
      QDQ_TRY_AS(result,
                 is_stored(weight.format) ? add_stored(weight, pair, quantized) : add_pair(weight, base, pair, quantized));
      QDQ_TRY(replace(weight.readers));
      rewire(weight.readers, **result);
    }
    replacement_.rewire();
    return {};
  }

  // Adds a pair behind a weight.
  Result<nvinfer1::ITensor*> add_pair(const Plan::Weight& weight, const std::string& base, const std::string& pair,
                                      QuantizedWeight& quantized) {
    QDQ_TRY_AS(source, source_of(weight.tensor, base));
    return pairs_.add_by_scales(**source, pair, std::move(quantized.scales), weight.format);
  }

  // Adds the quantized numbers of a weight, and a Dequantize. TensorRT removes the float constant, which
  // nothing reads any more.
  Result<nvinfer1::ITensor*> add_stored(const Plan::Weight& weight, const std::string& pair, QuantizedWeight& quantized) {
    QDQ_TRY_AS(constant, constant_of(described_, weight.tensor));
    const std::vector<std::int64_t>& whole = constant->shape;
    const std::size_t added = added_axes(described_, weight, whole);
    const std::vector<std::int64_t> shape(whole.begin() + static_cast<std::ptrdiff_t>(added), whole.end());
    Scales scales = std::move(quantized.scales);
    if (scales.axis != no_axis) scales.axis -= static_cast<std::int32_t>(added);
    if (scales.shape.size() == whole.size()) {
      scales.shape.erase(scales.shape.begin(), scales.shape.begin() + static_cast<std::ptrdiff_t>(added));
    }
    const nvinfer1::Weights numbers = memory_.keep(std::move(quantized.stored), quantized_type(weight.format),
                                                   volume(shape));
    QDQ_TRY_AS(result, pairs_.add_stored(numbers, shape, type_of(weight.tensor), pair, std::move(scales)));
    if (added == 0) return result;
    return pairs_.reshape(**result, whole, pair);
  }

  // Returns the type of a weight in the network.
  nvinfer1::DataType type_of(std::size_t weight) const {
    const NetworkTensor& found = described_.tensors[weight];
    return found.tensor != nullptr ? found.tensor->getType() : kernel_of(*found.layer)->weights.type;
  }

  // Replaces readers that store the kernel, which is already copied here, by layers that read it.
  Result<void> replace(const Plan::Readers& readers) {
    for (const auto& reader : readers) {
      if (reader.input != 1 || !kernel_of(*described_.layers[reader.node])) continue;
      const auto only_copy = [](nvinfer1::ILayer& copy) { return Result<nvinfer1::ITensor*>(copy.getOutput(0)); };
      QDQ_TRY(replace(reader.node, true, only_copy));
    }
    return {};
  }

  template <typename Finish>
  Result<void> replace(std::size_t node, bool with_bias, const Finish& finish) {
    QDQ_TRY_AS(copy, replacement_.replace(*described_.layers[node], with_bias, finish));
    described_.tensors[described_.graph.nodes().at(node).outputs[0]].tensor = copy->output;
    described_.layers[node] = copy->layer;
    return {};
  }

  // Adds a weight with one scale. Behind each convolution come the factors of the channels, and the bias.
  Result<void> add_one_scale(const Plan::Weight& weight, const std::string& base, QuantizedWeight& quantized) {
    QDQ_TRY_AS(constant, constant_of(described_, weight.tensor));
    // The constant may lie behind a cast.
    const DType dtype = described_.graph.tensors().at(weight.tensor).dtype;
    QDQ_TRY_AS(values, Array::convert(quantized.one->values, dtype));
    QDQ_TRY_AS(factors, Array::convert(quantized.one->factors, dtype));
    const nvinfer1::Weights channels = memory_.keep(*std::move(factors));
    QDQ_TRY_AS(source, pairs_.constant(constant->shape, memory_.keep(*std::move(values)), base + "_one_scale"));
    QDQ_TRY_AS(result, pairs_.add_by_scales(**source, base, Scales::along(no_axis, {quantized.one->scale})));
    std::vector<std::int64_t> shape(constant->shape.size(), 1);
    shape[1] = channels.count;
    for (const auto& reader : weight.readers) {
      const nvinfer1::ILayer& layer = *described_.layers[reader.node];
      const nvinfer1::Weights bias = *bias_of(described_, layer);
      const std::string output = layer.getOutput(0)->getName();
      QDQ_TRY(replace(reader.node, false, [&](nvinfer1::ILayer& copy) -> Result<nvinfer1::ITensor*> {
        using nvinfer1::ElementWiseOperation;
        pairs_.name_output(copy, output + "_unscaled");
        QDQ_TRY_AS(scaled, pairs_.with_numbers(*copy.getOutput(0), ElementWiseOperation::kPROD, shape, channels,
                                               output + "_scaled"));
        if (bias.count == 0) return scaled;
        return pairs_.with_numbers(**scaled, ElementWiseOperation::kSUM, shape, bias, output + "_biased");
      }));
    }
    rewire(weight.readers, **result);
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
      nvinfer1::ILayer& layer = *described_.layers[reader.node];
      layer.setInput(layer_input(layer, reader.input), dequantized);
    }
  }

  std::string name(std::size_t tensor) const { return std::string(described_.graph.tensors().at(tensor).name); }

  Network described_;
  const Plan& plan_;
  std::optional<Half> half_;
  PlannedNumbers numbers_;
  WeightMemory memory_;
  Pairs pairs_;
  Replacement replacement_;
  std::unordered_map<std::size_t, int> seen_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
