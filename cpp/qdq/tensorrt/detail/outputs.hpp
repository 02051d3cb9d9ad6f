// Outputs of a network that other tensors replace.
#ifndef QDQ_TENSORRT_DETAIL_OUTPUTS_HPP
#define QDQ_TENSORRT_DETAIL_OUTPUTS_HPP

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <vector>

#include <NvInfer.h>

namespace qdq::trt::detail {

/// The tensors that replace others.
using Replaced = std::unordered_map<nvinfer1::ITensor*, nvinfer1::ITensor*>;

/// Marks the replacements as outputs. All outputs keep their order and their formats.
inline void replace_outputs(nvinfer1::INetworkDefinition& network, const Replaced& replaced) {
  std::vector<nvinfer1::ITensor*> outputs;
  for (int i = 0; i < network.getNbOutputs(); ++i) outputs.push_back(network.getOutput(i));
  const auto is_replaced = [&](nvinfer1::ITensor* output) { return replaced.count(output) != 0; };
  if (std::none_of(outputs.begin(), outputs.end(), is_replaced)) return;
  std::vector<nvinfer1::TensorFormats> formats;
  for (nvinfer1::ITensor* output : outputs) {
    formats.push_back(output->getAllowedFormats());
    network.unmarkOutput(*output);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    nvinfer1::ITensor& output = is_replaced(outputs[i]) ? *replaced.at(outputs[i]) : *outputs[i];
    network.markOutput(output);
    if (output.getAllowedFormats() != formats[i]) output.setAllowedFormats(formats[i]);
  }
}

}  // namespace qdq::trt::detail

#endif
