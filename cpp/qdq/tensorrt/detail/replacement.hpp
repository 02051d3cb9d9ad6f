// Layers that replace others.
#ifndef QDQ_TENSORRT_DETAIL_REPLACEMENT_HPP
#define QDQ_TENSORRT_DETAIL_REPLACEMENT_HPP

#include <string>

#include <NvInfer.h>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/kernel.hpp>
#include <qdq/tensorrt/detail/outputs.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// A layer that replaces another, and the tensor that replaces its output.
struct Copy {
  nvinfer1::ILayer* layer;
  nvinfer1::ITensor* output;
};

/// Replaces layers that store their kernel by layers that read it. TensorRT removes layers that nothing reads
/// any more.
class Replacement {
 public:
  explicit Replacement(nvinfer1::INetworkDefinition& network) : network_(network) {}

  /// Adds a layer that is like `layer` except for its kernel and, if not `with_bias`, its bias, and takes
  /// over its name and the name of its output. `finish(copy)` may add layers behind the copy, and returns the
  /// tensor that takes the output's place and name.
  template <typename Finish>
  [[nodiscard]] Result<Copy> replace(nvinfer1::ILayer& layer, bool with_bias, const Finish& finish) {
    const std::string name = layer.getName();
    nvinfer1::ILayer* copy = copy_without_kernel(network_, layer, with_bias);
    if (copy == nullptr) {
      return Error(Status::TensorRt, "TensorRT refused a copy of layer '" + name + "' that reads its kernel",
                   "see what TensorRT logged; parse the network anew, since this one is changed in part");
    }
    // A bias may be a tensor although the kernel is stored.
    for (int i = 2; with_bias && i < layer.getNbInputs(); ++i) {
      if (layer.getInput(i) != nullptr) copy->setInput(i, *layer.getInput(i));
    }
    nvinfer1::ITensor& before = *layer.getOutput(0);
    const std::string output = before.getName();
    layer.setName((name + ".stored").c_str());
    before.setName((output + ".stored").c_str());
    copy->setName(name.c_str());
#if QDQ_TRT_HAS_CAST
    copy->setMetadata(layer.getMetadata());
#endif
    QDQ_TRY_AS(after, finish(*copy));
    (*after)->setName(output.c_str());
    replaced_[&before] = *after;
    return Copy{copy, *after};
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
    replace_outputs(network_, replaced_);
  }

 private:
  nvinfer1::INetworkDefinition& network_;
  Replaced replaced_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
