// The tensors of a network.
#ifndef QDQ_TENSORRT_DETAIL_TENSORS_HPP
#define QDQ_TENSORRT_DETAIL_TENSORS_HPP

#include <type_traits>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/types.hpp>

namespace qdq::trt::detail {

/// Calls the function with every input and every layer's output. If the function takes two arguments, it gets
/// the layer as well, NULL for inputs.
template <typename Network, typename Function>
void for_each_tensor(Network& network, Function function) {
  const auto call = [&](nvinfer1::ITensor& tensor, const nvinfer1::ILayer* layer) {
    if constexpr (std::is_invocable_v<Function&, nvinfer1::ITensor&, const nvinfer1::ILayer*>) {
      function(tensor, layer);
    } else {
      static_cast<void>(layer);
      function(tensor);
    }
  };
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i) {
    if (nvinfer1::ITensor* tensor = network.getInput(i)) call(*tensor, nullptr);
  }
  for (std::int32_t i = 0; i < network.getNbLayers(); ++i) {
    const nvinfer1::ILayer* layer = network.getLayer(i);
    for (std::int32_t output = 0; layer != nullptr && output < layer->getNbOutputs(); ++output) {
      if (nvinfer1::ITensor* tensor = layer->getOutput(output)) call(*tensor, layer);
    }
  }
}

/// Returns whether INT8 can represent the tensor's elements.
inline bool is_float(const nvinfer1::ITensor& tensor) noexcept { return is_float(dtype_of(tensor.getType())); }

}  // namespace qdq::trt::detail

#endif
