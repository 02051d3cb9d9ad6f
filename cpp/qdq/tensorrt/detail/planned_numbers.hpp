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
#include <qdq/tensorrt/detail/element_types.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/pair.hpp>
#include <qdq/tensorrt/detail/scales.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// The numbers of a weight.
struct QuantizedWeight {
  Scales scales;
  std::vector<unsigned char> stored;  ///< The quantized numbers, if the format stores them.
  std::optional<OneScale> one;        ///< One scale in place of these.
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
  /// `half` is the 16-bit type that the network will have; scales are rounded to it.
  PlannedNumbers(const Network& described, const Plan& plan, bool is_strongly_typed, std::optional<Half> half,
                 nvinfer1::ILogger* logger)
      : described_(described), plan_(plan), is_strongly_typed_(is_strongly_typed), half_(half), log_(logger) {}

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
      auto stored = store(weight, *constant, method);
      if (!stored) {
        return Error(stored.error().status(),
                     "weight '" + name(weight.tensor) + "' cannot be quantized: " + std::string(stored.error().message()),
                     "check how the model was exported, or exclude the layers that read it");
      }
      QuantizedWeight quantized = *std::move(stored);
      if (takes_one_scale(weight)) QDQ_TRY(compute_one_scale(weight, constant->view(), quantized));
      weights_.push_back(std::move(quantized));
    }
    return {};
  }

  // Computes the scales of a weight, and its numbers if the format stores them.
  Result<QuantizedWeight> store(const Plan::Weight& weight, const Constant& constant, RangeMethod method) const {
    const auto count = static_cast<std::size_t>(volume(constant.shape));
    const DType type = stored_type(weight.format);
    std::vector<unsigned char> numbers(type == DType::I4 ? (count + 1) / 2 : count);
    QDQ_TRY_AS(found, weights_store(constant.view(), weight.format, weight.axis, weight.block, method, scale_type(weight),
                                    MutableTensorView(type, numbers.data(), constant.shape)));
    const auto values = found->values();
    const auto shape = found->shape();
    Scales scales{{values.begin(), values.end()}, {shape.begin(), shape.end()}, weight.axis};
    if (!is_stored(weight.format)) numbers.clear();
    return QuantizedWeight{std::move(scales), std::move(numbers), {}};
  }

  // Returns the type that the scales of a weight have, or will have.
  DType scale_type(const Plan::Weight& weight) const {
    if (half_) return *half_ == Half::F16 ? DType::F16 : DType::BF16;
    const DType own = described_.graph.tensors().at(weight.tensor).dtype;
    return is_strongly_typed_ && half_of(own) ? own : DType::F32;
  }

  // TensorRT-RTX writes float32 from a convolution whose weight has one scale per channel.
  bool takes_one_scale(const Plan::Weight& weight) const {
    if (!QDQ_TRT_RTX || weight.format != Format::Int8 || weight.axis != 0) return false;
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
    const std::array<std::int64_t, 1> channels{static_cast<std::int64_t>(quantized.scales.values.size())};
    QDQ_TRY_AS(one, weights_one_scale(values, TensorView(quantized.scales.values.data(), channels), largest));
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
        const bool is_int8 = activation.format == Format::Int8;
        if (is_int8 && reader.node == node && reader.input == 0) return int8_scale(shared_amax_.at(activation.group));
      }
    }
    return std::nullopt;
  }

  std::string name(std::size_t tensor) const { return std::string(described_.graph.tensors().at(tensor).name); }

  const Network& described_;
  const Plan& plan_;
  bool is_strongly_typed_;
  std::optional<Half> half_;
  Log log_;
  std::unordered_map<std::size_t, float> shared_amax_;
  std::vector<QuantizedWeight> weights_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
