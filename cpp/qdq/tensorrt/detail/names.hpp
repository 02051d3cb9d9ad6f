// Names for new layers and tensors.
#ifndef QDQ_TENSORRT_DETAIL_NAMES_HPP
#define QDQ_TENSORRT_DETAIL_NAMES_HPP

#include <string>
#include <unordered_set>

#include <NvInfer.h>

namespace qdq::trt::detail {

/// Gives names to layers and tensors that are added to a network. TensorRT requires a unique name for each.
class Names {
 public:
  explicit Names(const nvinfer1::INetworkDefinition& network) {
    for (int i = 0; i < network.getNbInputs(); ++i) taken_.insert(network.getInput(i)->getName());
    for (int i = 0; i < network.getNbLayers(); ++i) {
      const nvinfer1::ILayer& layer = *network.getLayer(i);
      taken_.insert(layer.getName());
      for (int o = 0; o < layer.getNbOutputs(); ++o) taken_.insert(layer.getOutput(o)->getName());
    }
  }

  /// Names a layer and its output, unless TensorRT refused the layer. Returns the layer.
  template <typename Layer>
  Layer* name(Layer* layer, const std::string& name, const std::string& output) {
    if (layer != nullptr) {
      layer->setName(fresh(name).c_str());
      layer->getOutput(0)->setName(fresh(output).c_str());
    }
    return layer;
  }

  /// Returns a new name that is, or begins with, the given one.
  std::string fresh(const std::string& name) {
    std::string made = name;
    for (int i = 2; !taken_.insert(made).second; ++i) made = name + "_" + std::to_string(i);
    return made;
  }

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace qdq::trt::detail

#endif
