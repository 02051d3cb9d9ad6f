// Quantize and Dequantize layers.
#ifndef QDQ_TENSORRT_DETAIL_PAIR_HPP
#define QDQ_TENSORRT_DETAIL_PAIR_HPP

#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/ranges.hpp>
#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// Adds pairs of Quantize and Dequantize to a network.
class Pairs {
 public:
  Pairs(nvinfer1::INetworkDefinition& network, WeightMemory& memory) : network_(network), memory_(memory) {
    for (int i = 0; i < network.getNbInputs(); ++i) names_.insert(network.getInput(i)->getName());
    for (int i = 0; i < network.getNbLayers(); ++i) {
      const nvinfer1::ILayer& layer = *network.getLayer(i);
      names_.insert(layer.getName());
      for (int o = 0; o < layer.getNbOutputs(); ++o) names_.insert(layer.getOutput(o)->getName());
    }
  }

  /// Quantizes and dequantizes a tensor, with one amax for the whole tensor or, along `axis`, one per index.
  /// Returns the dequantized tensor, of the type of `source`.
  [[nodiscard]] Result<nvinfer1::ITensor*> add(nvinfer1::ITensor& source, const std::string& name,
                                               const std::vector<float>& amax, std::int32_t axis) {
    std::vector<float> scales;
    for (const float one : amax) scales.push_back(int8_scale(one));
    nvinfer1::Dims shape{};
    // A scale for the whole tensor has rank 0: TensorRT treats a scale of shape [1] as a channel's and
    // computes in float.
    shape.nbDims = axis == no_axis ? 0 : 1;
    if (axis != no_axis) shape.d[0] = static_cast<std::remove_reference_t<decltype(shape.d[0])>>(scales.size());
    const nvinfer1::Weights stored = memory_.keep(std::move(scales));
    auto* scale = named(network_.addConstant(shape, stored), name + "_scale", name + "_scale");
    if (scale == nullptr) return refused(name);

    const nvinfer1::DataType type = source.getType();
    auto* input = cast(source, nvinfer1::DataType::kFLOAT, name);
    if (input == nullptr) return refused(name);
    auto* quantize = named(add_quantize(*input, *scale->getOutput(0)), name + "_QuantizeLinear", name + "_quantized");
    if (quantize == nullptr) return refused(name);
    auto* dequantize = named(add_dequantize(*quantize->getOutput(0), *scale->getOutput(0)), name + "_DequantizeLinear",
                             name + "_dequantized");
    if (dequantize == nullptr) return refused(name);
    if (axis != no_axis) {
      quantize->setAxis(axis);
      dequantize->setAxis(axis);
    }
    auto* out = cast(*dequantize->getOutput(0), type, name + "_dequantized");
    if (out == nullptr) return refused(name);
    return out;
  }

  /// Adds a constant of the network's own weights, which are not copied.
  [[nodiscard]] Result<nvinfer1::ITensor*> constant(const std::vector<std::int64_t>& shape, nvinfer1::Weights weights,
                                                    const std::string& name) {
    auto* layer = named(network_.addConstant(dims_of(shape), weights), name, name);
    if (layer == nullptr) return refused(name);
    return layer->getOutput(0);
  }

 private:
  template <typename Layer>
  Layer* named(Layer* layer, const std::string& name, const std::string& output) {
    if (layer != nullptr) {
      layer->setName(fresh(name).c_str());
      layer->getOutput(0)->setName(fresh(output).c_str());
    }
    return layer;
  }

  // TensorRT requires a unique name for every layer and every tensor.
  std::string fresh(const std::string& name) {
    std::string made = name;
    for (int i = 2; !names_.insert(made).second; ++i) made = name + "_" + std::to_string(i);
    return made;
  }

  static Error refused(const std::string& name) {
    return Error(Status::TensorRt, "TensorRT refused a Quantize or Dequantize for '" + name + "'",
                 "see what TensorRT logged; parse the network anew, since this one is changed in part");
  }

  nvinfer1::IQuantizeLayer* add_quantize(nvinfer1::ITensor& input, nvinfer1::ITensor& scale) {
#if QDQ_TRT_QDQ_HAS_TYPE
    return network_.addQuantize(input, scale, nvinfer1::DataType::kINT8);
#else
    return network_.addQuantize(input, scale);
#endif
  }

  nvinfer1::IDequantizeLayer* add_dequantize(nvinfer1::ITensor& input, nvinfer1::ITensor& scale) {
#if QDQ_TRT_QDQ_HAS_TYPE
    return network_.addDequantize(input, scale, nvinfer1::DataType::kFLOAT);
#else
    return network_.addDequantize(input, scale);
#endif
  }

  // 16-bit numbers are quantized as 32-bit ones, because their scales would be rounded, and small scales
  // would be lost.
  nvinfer1::ITensor* cast(nvinfer1::ITensor& tensor, nvinfer1::DataType type, const std::string& name) {
    if (tensor.getType() == type) return &tensor;
#if QDQ_TRT_HAS_CAST
    auto* layer = named(network_.addCast(tensor, type), name + "_Cast", name + "_cast");
    return layer == nullptr ? nullptr : layer->getOutput(0);
#else
    static_cast<void>(name);
    return &tensor;
#endif
  }

  nvinfer1::INetworkDefinition& network_;
  WeightMemory& memory_;
  std::unordered_set<std::string> names_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#endif
