// Layers that replace others.
#ifndef QDQ_TENSORRT_DETAIL_REPLACEMENT_HPP
#define QDQ_TENSORRT_DETAIL_REPLACEMENT_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include <NvInfer.h>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/kernel.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// Replaces layers that store their kernel by layers that read it. TensorRT removes layers that nothing reads
/// any more.
class Replacement {
 public:
  explicit Replacement(nvinfer1::INetworkDefinition& network) : network_(network) {}

  /// Adds a layer that is like `layer` except for its kernel, and takes over its name and the name of its
  /// output.
  [[nodiscard]] Result<nvinfer1::ILayer*> replace(nvinfer1::ILayer& layer) {
    const std::string name = layer.getName();
    nvinfer1::ILayer* copy = copy_without_kernel(network_, layer);
    if (copy == nullptr) {
      return Error(Status::TensorRt, "TensorRT refused a copy of layer '" + name + "' that reads its kernel",
                   "see what TensorRT logged; parse the network anew, since this one is changed in part");
    }
    nvinfer1::ITensor& before = *layer.getOutput(0);
    nvinfer1::ITensor& after = *copy->getOutput(0);
    const std::string output = before.getName();
    layer.setName((name + ".stored").c_str());
    before.setName((output + ".stored").c_str());
    copy->setName(name.c_str());
#if QDQ_TRT_HAS_CAST
    copy->setMetadata(layer.getMetadata());
#endif
    after.setName(output.c_str());
    replaced_[&before] = &after;
    return copy;
  }

  /// Redirects all readers of a replaced layer to its replacement. The network's outputs are redirected too
  /// and keep their order.
  void rewire() {
    for (int i = 0; i < network_.getNbLayers(); ++i) {
      nvinfer1::ILayer& layer = *network_.getLayer(i);
      for (int input = 0; input < layer.getNbInputs(); ++input) {
        const auto found = replaced_.find(layer.getInput(input));
        if (found != replaced_.end()) layer.setInput(input, *found->second);
      }
    }
    std::vector<nvinfer1::ITensor*> outputs;
    for (int i = 0; i < network_.getNbOutputs(); ++i) outputs.push_back(network_.getOutput(i));
    const auto is_replaced = [&](nvinfer1::ITensor* output) { return replaced_.count(output) != 0; };
    if (std::none_of(outputs.begin(), outputs.end(), is_replaced)) return;
    std::vector<nvinfer1::TensorFormats> formats;
    for (nvinfer1::ITensor* output : outputs) {
      formats.push_back(output->getAllowedFormats());
      network_.unmarkOutput(*output);
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      nvinfer1::ITensor& output = is_replaced(outputs[i]) ? *replaced_[outputs[i]] : *outputs[i];
      network_.markOutput(output);
      if (output.getAllowedFormats() != formats[i]) output.setAllowedFormats(formats[i]);
    }
  }

 private:
  nvinfer1::INetworkDefinition& network_;
  std::unordered_map<nvinfer1::ITensor*, nvinfer1::ITensor*> replaced_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#endif
