// Insertion of Quantize and Dequantize layers by a plan.
#ifndef QDQ_TENSORRT_INSERT_QDQ_HPP
#define QDQ_TENSORRT_INSERT_QDQ_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// The numbers of a weight.
struct QuantizedWeight {
  std::vector<float> scales;
  std::optional<OneScale> one;  ///< One scale in place of these.
};

/// Carries out a plan. All numbers are computed before the network is changed.
class Insertion {
 public:
  Insertion(nvinfer1::INetworkDefinition& network, Network described, const Plan& plan, nvinfer1::ILogger* logger)
      : described_(std::move(described)),
        plan_(plan),
        log_(logger),
        is_strongly_typed_(is_strongly_typed(network)),
        pairs_(network, memory_),
        replacement_(network) {}

  [[nodiscard]] Result<WeightMemory> run(const Ranges& ranges, RangeMethod method) {
    if (plan_.decisions().size() != described_.layers.size()) {
      return Error(Status::InvalidArgument,
                   "the plan is for " + std::to_string(plan_.decisions().size()) + " nodes, but the network has " +
                       std::to_string(described_.layers.size()),
                   "plan the graph that describe() makes of this very network, and insert before changing it");
    }
    QDQ_TRY(check_formats());
    QDQ_TRY(read_ranges(ranges));
    QDQ_TRY(compute_weights(method));
    // This comes first because it replaces layers that store a kernel.
    QDQ_TRY(add_weights());
    QDQ_TRY(add_activations());
    return std::move(memory_);
  }

 private:
  Result<void> check_formats() const {
    bool is_int8 = true;
    for (const auto& activation : plan_.activations()) is_int8 = is_int8 && activation.format == Format::Int8;
    for (const auto& weight : plan_.weights()) is_int8 = is_int8 && weight.format == Format::Int8;
    if (is_int8) return {};
    return Error(Status::Unsupported, "the plan has other formats than int8, which are for ONNX models",
                 "quantize the ONNX model and build the engine from it, or plan the network in int8");
  }

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
      QuantizedWeight quantized;
      for (const float one : amax->values()) quantized.scales.push_back(int8_scale(one));
      QDQ_TRY(hold_scales(weight, constant->view(), quantized.scales));
      if (takes_one_scale(weight)) QDQ_TRY(compute_one_scale(weight, constant->view(), quantized));
      weights_.push_back(std::move(quantized));
    }
    return {};
  }

  // Rounds the scales of a 16-bit weight to its type, if the network is strongly typed and the type holds
  // them.
  Result<void> hold_scales(const Plan::Weight& weight, const TensorView& values, std::vector<float>& scales) const {
    const std::optional<Half> half = Pairs::half_of(described_.graph.tensors().at(weight.tensor).dtype);
    if (!half || !is_strongly_typed_) return {};
    std::vector<std::int64_t> shape;
    if (weight.axis != no_axis) shape.push_back(static_cast<std::int64_t>(scales.size()));
    QDQ_TRY_AS(held, weights_half_scale(values, weight.axis, TensorView(scales.data(), shape), *half));
    if (*held) scales.assign((*held)->values().begin(), (*held)->values().end());
    return {};
  }

  // TensorRT-RTX writes float32 from a convolution whose weight has one scale per channel.
  bool takes_one_scale(const Plan::Weight& weight) const {
    if (!QDQ_TRT_RTX || weight.axis != 0) return false;
    return std::all_of(weight.readers.begin(), weight.readers.end(), [&](const Plan::Reader& reader) {
      const nvinfer1::ILayer& layer = *described_.layers[reader.node];
      return reader.input == 1 && layer.getType() == nvinfer1::LayerType::kCONVOLUTION && bias_of(layer).has_value();
    });
  }

  Result<void> compute_one_scale(const Plan::Weight& weight, const TensorView& values, QuantizedWeight& quantized) {
    float largest = 0.0f;
    for (const auto& reader : weight.readers) {
      const std::optional<float> scale = scale_before(reader.node);
      if (!scale) return {};
      largest = std::max(largest, 128.0f * *scale);
    }
    const std::array<std::int64_t, 1> channels{static_cast<std::int64_t>(quantized.scales.size())};
    QDQ_TRY_AS(one, weights_one_scale(values, TensorView(quantized.scales.data(), channels), largest));
    if (one->scale != 0.0f) {
      quantized.one = *std::move(one);
      return {};
    }
    log_.info("weight '" + name(weight.tensor) +
              "' keeps one scale per channel, with which TensorRT-RTX writes float32: with one scale, results could exceed "
              "65504");
    return {};
  }

  // Returns the bias of a convolution, which may have no numbers; nothing if the network computes it.
  std::optional<nvinfer1::Weights> bias_of(const nvinfer1::ILayer& layer) const {
    const nvinfer1::ITensor* bias = layer.getNbInputs() > 2 ? layer.getInput(2) : nullptr;
    if (bias == nullptr) return as<nvinfer1::IConvolutionLayer>(layer).getBiasWeights();
    const std::size_t number = described_.number(bias);
    const nvinfer1::ILayer* source = number == none ? nullptr : described_.tensors[number].layer;
    if (source == nullptr || source->getType() != nvinfer1::LayerType::kCONSTANT) return std::nullopt;
    return as<nvinfer1::IConstantLayer>(*source).getWeights();
  }

  // Returns the scale of the first input of a node; nothing if it is not quantized.
  std::optional<float> scale_before(std::size_t node) const {
    for (const auto& activation : plan_.activations()) {
      for (const auto& reader : activation.readers) {
        if (reader.node == node && reader.input == 0) return int8_scale(shared_amax_.at(activation.group));
      }
    }
    return std::nullopt;
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
      QuantizedWeight& quantized = weights_[index++];
      if (quantized.one) {
        QDQ_TRY(add_one_scale(weight, base, quantized));
        continue;
      }
      QDQ_TRY_AS(source, source_of(weight.tensor, base));
      // A weight that is read along two axes gets two pairs.
      const std::string pair = seen_[weight.tensor]++ == 0 ? base : base + "_" + std::to_string(seen_[weight.tensor]);
      QDQ_TRY_AS(result, pairs_.add_by_scales(**source, pair, std::move(quantized.scales), weight.axis));
      QDQ_TRY(replace(weight.readers));
      rewire(weight.readers, **result);
    }
    replacement_.rewire();
    return {};
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
    QDQ_TRY_AS(result, pairs_.add_by_scales(**source, base, {quantized.one->scale}, no_axis));
    std::vector<std::int64_t> shape(constant->shape.size(), 1);
    shape[1] = channels.count;
    for (const auto& reader : weight.readers) {
      const nvinfer1::ILayer& layer = *described_.layers[reader.node];
      const nvinfer1::Weights bias = *bias_of(layer);
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
  Log log_;
  bool is_strongly_typed_;
  WeightMemory memory_;
  Pairs pairs_;
  Replacement replacement_;
  std::unordered_map<std::size_t, float> shared_amax_;
  std::vector<QuantizedWeight> weights_;
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
