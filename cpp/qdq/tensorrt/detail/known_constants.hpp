// The values of constants that a precision plan must know.
#ifndef QDQ_TENSORRT_DETAIL_KNOWN_CONSTANTS_HPP
#define QDQ_TENSORRT_DETAIL_KNOWN_CONSTANTS_HPP

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/stats.hpp>
#include <qdq/tensorrt/detail/constant.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// The values of the constants of a network, as a precision plan asks for them.
class KnownConstants {
 public:
  /// Reads all constants of 32-bit floats, and judges the scales of weights.
  [[nodiscard]] static Result<KnownConstants> read(const Network& network, Half half) {
    KnownConstants out;
    const auto tensors = network.graph.tensors();
    for (std::size_t id = 0; id < tensors.size(); ++id) {
      const Graph::Tensor tensor = tensors.at(id);
      if (tensor.kind != TensorKind::Constant || tensor.dtype != DType::F32 || is_empty(network.tensors[id])) continue;
      QDQ_TRY_AS(constant, constant_of(network, id));
      QDQ_TRY(out.values_.observe(tensor.name, constant->view()));
    }
    for (std::size_t node = 0; node < network.layers.size(); ++node) QDQ_TRY(out.judge(network, node, half));
    return out;
  }

  /// Returns the statistics of the values.
  [[nodiscard]] const Stats& values() const noexcept { return values_; }
  /// Returns the scales that the 16-bit type cannot hold.
  [[nodiscard]] const std::vector<std::size_t>& unheld() const noexcept { return unheld_; }

 private:
  // Judges the scales of a Dequantize of a weight.
  Result<void> judge(const Network& network, std::size_t node, Half half) {
    using nvinfer1::LayerType;
    if (network.layers[node]->getType() != LayerType::kDEQUANTIZE) return {};
    const auto nodes = network.graph.nodes();
    const auto tensors = network.graph.tensors();
    const Graph::NodeInfo dequantize = nodes.at(node);
    if (dequantize.inputs.size() < 2 || dequantize.inputs[0] == none || dequantize.inputs[1] == none) return {};
    const std::size_t scale = dequantize.inputs[1];
    const std::size_t maker = tensors.at(dequantize.inputs[0]).producer;
    if (maker == none) return judge_stored(network, dequantize.inputs[0], scale, half);
    if (network.layers[maker]->getType() != LayerType::kQUANTIZE) return {};
    const std::size_t source = nodes.at(maker).inputs[0];
    const auto is_constant = [&](std::size_t id) { return id != none && tensors.at(id).kind == TensorKind::Constant; };
    if (!is_constant(source) || !is_constant(scale) || tensors.at(source).dtype != DType::F32) return {};
    QDQ_TRY_AS(weight, constant_of(network, source));
    QDQ_TRY_AS(steps, constant_of(network, scale));
    const auto& layer = static_cast<const nvinfer1::IDequantizeLayer&>(*network.layers[node]);
    const std::int64_t count = volume(steps->shape);
    std::int32_t axis = no_axis;
    if (count == 1) {
      steps->shape.clear();
    } else {
      // The plan judges other scales, such as those of blocks, by their values alone.
      axis = layer.getAxis();
      const auto rank = static_cast<std::int32_t>(weight->shape.size());
      if (steps->shape.size() != 1 || axis < 0 || axis >= rank || weight->shape[static_cast<std::size_t>(axis)] != count) {
        return {};
      }
    }
    QDQ_TRY_AS(held, weights_half_scale(weight->view(), axis, steps->view(), half));
    if (!held->has_value()) unheld_.push_back(scale);
    return {};
  }

  // Judges the scales of numbers that are quantized already: they cannot be computed anew for other scales.
  Result<void> judge_stored(const Network& network, std::size_t stored, std::size_t scale, Half half) {
    const auto tensors = network.graph.tensors();
    const auto is_constant = [&](std::size_t id) { return tensors.at(id).kind == TensorKind::Constant; };
    if (!is_constant(stored) || !is_constant(scale) || tensors.at(scale).dtype != DType::F32) return {};
    QDQ_TRY_AS(steps, constant_of(network, scale));
    const auto* values = static_cast<const float*>(steps->values);
    const auto is_lost = [&](float step) { return !half_scale(step, half); };
    if (std::any_of(values, values + volume(steps->shape), is_lost)) unheld_.push_back(scale);
    return {};
  }

  Stats values_;
  std::vector<std::size_t> unheld_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
