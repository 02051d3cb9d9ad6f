// The numbers of a plan: scales of activations and weights.
#ifndef QDQ_TENSORRT_DETAIL_PLANNED_NUMBERS_HPP
#define QDQ_TENSORRT_DETAIL_PLANNED_NUMBERS_HPP

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
#include <qdq/tensorrt/detail/pair.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// The numbers of a weight.
struct QuantizedWeight {
  std::vector<float> scales;
  std::optional<OneScale> one;  ///< One scale in place of these.
};

/// Returns the bias of a convolution, which may have no numbers; nothing if the network computes it.
inline std::optional<nvinfer1::Weights> bias_of(const Network& described, const nvinfer1::ILayer& layer) {
  const nvinfer1::ITensor* bias = layer.getNbInputs() > 2 ? layer.getInput(2) : nullptr;
  if (bias == nullptr) return as<nvinfer1::IConvolutionLayer>(layer).getBiasWeights();
  const std::size_t number = described.number(bias);
  const nvinfer1::ILayer* source = number == none ? nullptr : described.tensors[number].layer;
  if (source == nullptr || source->getType() != nvinfer1::LayerType::kCONSTANT) return std::nullopt;
  return as<nvinfer1::IConstantLayer>(*source).getWeights();
}

/// Computes the numbers of a plan. The network stays as it is.
class PlannedNumbers {
 public:
  PlannedNumbers(const Network& described, const Plan& plan, bool is_strongly_typed, nvinfer1::ILogger* logger)
      : described_(described), plan_(plan), is_strongly_typed_(is_strongly_typed), log_(logger) {}

  [[nodiscard]] Result<void> compute(const Ranges& ranges, RangeMethod method) {
    QDQ_TRY(read_ranges(ranges));
    return compute_weights(method);
  }

  /// Returns the amax of the activations of a group.
  [[nodiscard]] float amax(std::size_t group) const { return shared_amax_.at(group); }
  /// Returns the numbers of a weight, by its place in the plan.
  [[nodiscard]] QuantizedWeight& weight(std::size_t index) { return weights_[index]; }

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
      return reader.input == 1 && layer.getType() == nvinfer1::LayerType::kCONVOLUTION &&
             bias_of(described_, layer).has_value();
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

  // Returns the scale of the first input of a node; nothing if it is not quantized.
  std::optional<float> scale_before(std::size_t node) const {
    for (const auto& activation : plan_.activations()) {
      for (const auto& reader : activation.readers) {
        if (reader.node == node && reader.input == 0) return int8_scale(shared_amax_.at(activation.group));
      }
    }
    return std::nullopt;
  }

  std::string name(std::size_t tensor) const { return std::string(described_.graph.tensors().at(tensor).name); }

  const Network& described_;
  const Plan& plan_;
  bool is_strongly_typed_;
  Log log_;
  std::unordered_map<std::size_t, float> shared_amax_;
  std::vector<QuantizedWeight> weights_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
