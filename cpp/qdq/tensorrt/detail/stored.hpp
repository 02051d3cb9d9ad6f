// The weights that layers store: kernels, biases and the numbers of scale layers.
#ifndef QDQ_TENSORRT_DETAIL_STORED_HPP
#define QDQ_TENSORRT_DETAIL_STORED_HPP

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/kernel.hpp>
#include <qdq/tensorrt/detail/operators.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {
QDQ_TRT_DEPRECATED_BEGIN

/// The place in a layer that holds weights.
enum class Slot { Kernel, Bias, Scale, Shift, Power };

/// Weights that a layer stores.
struct Stored {
  Slot slot;
  const char* name;   ///< The end of the constant's name.
  std::size_t input;  ///< The input of the ONNX operator that they are.
  nvinfer1::Weights weights;
  std::vector<std::int64_t> shape;
};

// Calls `use(layer)` with the layer's own class if it stores a kernel or a bias.
template <typename Use>
void with_bias(nvinfer1::ILayer& layer, const Use& use) {
  using nvinfer1::LayerType;
  switch (layer.getType()) {
    case LayerType::kCONVOLUTION: use(static_cast<nvinfer1::IConvolutionLayer&>(layer)); break;
    case LayerType::kDECONVOLUTION: use(static_cast<nvinfer1::IDeconvolutionLayer&>(layer)); break;
#if QDQ_TRT_HAS_IMPLICIT_BATCH
    case LayerType::kFULLY_CONNECTED: use(static_cast<nvinfer1::IFullyConnectedLayer&>(layer)); break;
#endif
    default: break;
  }
}

/// Lists the weights that a layer stores.
inline std::vector<Stored> stored_of(nvinfer1::ILayer& layer) {
  std::vector<Stored> found;
  const auto add = [&](Slot slot, const char* name, std::size_t input, const nvinfer1::Weights& weights) {
    if (weights.count > 0 && weights.values != nullptr) found.push_back({slot, name, input, weights, {weights.count}});
  };
  if (auto kernel = kernel_of(layer)) {
    found.push_back({Slot::Kernel, ".kernel", 1, kernel->weights, std::move(kernel->shape)});
  }
  with_bias(layer, [&](auto& own) {
    // A bias that is a tensor is an input of the layer.
    if (layer.getNbInputs() < 3 || layer.getInput(2) == nullptr) add(Slot::Bias, ".bias", 2, own.getBiasWeights());
  });
  if (layer.getType() == nvinfer1::LayerType::kSCALE) {
    const auto& scale = as<nvinfer1::IScaleLayer>(layer);
    add(Slot::Scale, ".scale", 1, scale.getScale());
    add(Slot::Shift, ".shift", 2, scale.getShift());
    add(Slot::Power, ".power", 3, scale.getPower());
  }
  return found;
}

/// Replaces weights that a layer stores. They are not copied.
inline void set_stored(nvinfer1::ILayer& layer, Slot slot, const nvinfer1::Weights& weights) {
  const auto scale = [&]() -> nvinfer1::IScaleLayer& { return static_cast<nvinfer1::IScaleLayer&>(layer); };
  switch (slot) {
    case Slot::Kernel: with_bias(layer, [&](auto& own) { own.setKernelWeights(weights); }); break;
    case Slot::Bias: with_bias(layer, [&](auto& own) { own.setBiasWeights(weights); }); break;
    case Slot::Scale: scale().setScale(weights); break;
    case Slot::Shift: scale().setShift(weights); break;
    case Slot::Power: scale().setPower(weights); break;
  }
}

QDQ_TRT_DEPRECATED_END
}  // namespace qdq::trt::detail

#endif
