// Layers, constants and outputs of a strongly typed network in half precision.
#ifndef QDQ_TENSORRT_DETAIL_CASTING_HPP
#define QDQ_TENSORRT_DETAIL_CASTING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/precision_plan.hpp>
#include <qdq/tensorrt/detail/constant.hpp>
#include <qdq/tensorrt/detail/names.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/outputs.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_QDQ_HAS_TYPE

namespace qdq::trt::detail {

/// Carries a precision plan out in a strongly typed network, whose layers compute in the types of their
/// inputs.
///
/// Each tensor has the type of the layer that computes it. Layers of the other type read one cast of it.
/// Constants are converted; an f32 constant stays for layers in f32. Inputs and outputs keep their types
/// unless the options say otherwise.
class Casting {
 public:
  Casting(nvinfer1::INetworkDefinition& network, const Network& described, const PrecisionPlan& plan, WeightMemory& memory)
      : network_(network), described_(described), plan_(plan), memory_(memory), names_(network) {}

  [[nodiscard]] Result<void> run() {
    const auto tensors = described_.graph.tensors();
    for (std::size_t id = 0; id < tensors.size(); ++id) {
      const Graph::Tensor tensor = tensors.at(id);
      if (tensor.dtype == DType::F32) QDQ_TRY(convert(id, tensor));
    }
    for (std::size_t node = 0; node < described_.layers.size(); ++node) set_own_type(node);
    replace_outputs(network_, outputs_);
    return {};
  }

 private:
  // The uses of a tensor, by the type that its readers want.
  struct Uses {
    std::vector<Graph::Use> half, float32;
    std::vector<nvinfer1::ILayer*> casts;  // Casts to the 16-bit type, which the 16-bit form replaces.
  };

  Uses uses_of(const Graph::Tensor& tensor) const {
    using nvinfer1::LayerType;
    Uses uses;
    for (const Graph::Use& use : tensor.consumers) {
      nvinfer1::ILayer& layer = *described_.layers[use.node];
      // These read any type.
      if (layer.getType() == LayerType::kSHAPE) continue;
      if (layer.getType() == LayerType::kCAST && as<nvinfer1::ICastLayer>(layer).getToType() != nvinfer1::DataType::kFLOAT) {
        const bool is_half = as<nvinfer1::ICastLayer>(layer).getToType() == half_type();
        if (is_half && !layer.getOutput(0)->isNetworkOutput()) uses.casts.push_back(&layer);
        continue;
      }
      (plan_.input_is_half(use.node, use.input) ? uses.half : uses.float32).push_back(use);
    }
    return uses;
  }

  Result<void> convert(std::size_t id, const Graph::Tensor& tensor) {
    const NetworkTensor& found = described_.tensors[id];
    const Uses uses = uses_of(tensor);
    if (tensor.kind == TensorKind::Constant) return convert_constant(id, tensor, found, uses);
    const bool is_half = tensor.producer == none ? plan_.half_io()
                                                 : plan_.output_is_half(tensor.producer, output_of(id, tensor));
#if QDQ_TRT_HAS_INPUT_TYPE
    QDQ_TRT_DEPRECATED_BEGIN
    if (is_half && tensor.producer == none) found.tensor->setType(half_type());
    QDQ_TRT_DEPRECATED_END
#endif
    return is_half ? stored_in_half(tensor, *found.tensor, uses) : stored_in_float32(tensor, *found.tensor, uses);
  }

  std::size_t output_of(std::size_t id, const Graph::Tensor& tensor) const {
    const Graph::NodeInfo node = described_.graph.nodes().at(tensor.producer);
    std::size_t output = 0;
    while (output < node.outputs.size() && node.outputs[output] != id) ++output;
    return output;
  }

  Result<void> stored_in_half(const Graph::Tensor& tensor, nvinfer1::ITensor& source, const Uses& uses) {
    const bool keeps_type = tensor.is_output && !plan_.half_io();
    const std::string name(tensor.name);
    if (keeps_type) source.setName(names_.fresh(name + "_" + suffix()).c_str());
    const std::vector<nvinfer1::ILayer*> fed_back = fed_back_by(source);
    if (keeps_type || !uses.float32.empty() || !fed_back.empty()) {
      QDQ_TRY_AS(float32, cast(source, nvinfer1::DataType::kFLOAT, name, "f32"));
      if (keeps_type) replace_output(source, **float32, name);
      rewire(uses.float32, **float32);
      for (nvinfer1::ILayer* layer : fed_back) layer->setInput(1, **float32);
    }
    replace_casts(uses, source);
    return {};
  }

  Result<void> stored_in_float32(const Graph::Tensor& tensor, nvinfer1::ITensor& source, const Uses& uses) {
    const bool becomes_half = tensor.is_output && plan_.half_io() &&
                              (tensor.producer != none || tensor.kind == TensorKind::Constant);
    if (uses.half.empty() && !becomes_half) return {};
    const std::string name(tensor.name);
    nvinfer1::ITensor* half = becomes_half ? nullptr : half_source_of(tensor);
    if (half == nullptr) {
      if (becomes_half) source.setName(names_.fresh(name + "_f32").c_str());
      QDQ_TRY_AS(made, cast(source, half_type(), name, suffix()));
      half = *made;
    }
    if (becomes_half) replace_output(source, *half, name);
    rewire(uses.half, *half);
    replace_casts(uses, *half);
    return {};
  }

  // Returns the 16-bit tensor of which an f32 tensor is a cast; NULL if it is none.
  nvinfer1::ITensor* half_source_of(const Graph::Tensor& tensor) const {
    if (tensor.producer == none) return nullptr;
    const nvinfer1::ILayer& layer = *described_.layers[tensor.producer];
    if (layer.getType() != nvinfer1::LayerType::kCAST) return nullptr;
    const std::size_t source = described_.number(layer.getInput(0));
    return source != none && described_.graph.tensors().at(source).dtype == half_dtype() ? layer.getInput(0) : nullptr;
  }

  Result<void> convert_constant(std::size_t id, const Graph::Tensor& tensor, const NetworkTensor& found, const Uses& uses) {
    QDQ_TRY(convert_values(id, std::string(tensor.name), found, uses));
    return tensor.is_output && plan_.half_io() ? stored_in_float32(tensor, *found.tensor, {}) : Result<void>();
  }

  Result<void> convert_values(std::size_t id, const std::string& name, const NetworkTensor& found, const Uses& uses) {
    // Other constants keep their f32 numbers.
    const bool is_changed = !uses.float32.empty() && (plan_.is_mask(id) || are_scales(uses.half));
    if (uses.half.empty() && !is_changed) return {};
    if (is_empty(found)) return convert_empty(name, found, uses);
    QDQ_TRY_AS(constant, constant_of(described_, id));
    if (is_changed && found.tensor != nullptr) {
      QDQ_TRY_AS(beside, plan_.constant(id, constant->view(), false));
      static_cast<nvinfer1::IConstantLayer*>(found.layer)->setWeights(memory_.keep(*std::move(beside)));
    }
    if (uses.half.empty()) return {};
    QDQ_TRY_AS(numbers, plan_.constant(id, constant->view(), true));
    QDQ_TRY_AS(rounded, Array::convert(*numbers, half_dtype()));
    const nvinfer1::Weights half = memory_.keep(*std::move(rounded));
    if (found.tensor == nullptr) {
      set_stored(*found.layer, found.slot, half);
      return {};
    }
    const std::string named = name + "_" + suffix();
    auto* layer = names_.name(network_.addConstant(dims_of(constant->shape), half), named, named);
    if (layer == nullptr) return refused(name);
    rewire(uses.half, *layer->getOutput(0));
    replace_casts(uses, *layer->getOutput(0));
    return {};
  }

  // Returns whether a Quantize or a Dequantize is scaled by these uses.
  bool are_scales(const std::vector<Graph::Use>& uses) const {
    return std::any_of(uses.begin(), uses.end(), [&](const Graph::Use& use) {
      const nvinfer1::LayerType type = described_.layers[use.node]->getType();
      return use.input == 1 && (type == nvinfer1::LayerType::kQUANTIZE || type == nvinfer1::LayerType::kDEQUANTIZE);
    });
  }

  // Gives readers in half precision a constant without elements of their type.
  Result<void> convert_empty(const std::string& name, const NetworkTensor& found, const Uses& uses) {
    if (uses.half.empty() || found.tensor == nullptr) return {};
    const nvinfer1::Weights nothing{half_type(), nullptr, 0};
    const std::string named = name + "_" + suffix();
    auto* layer = names_.name(network_.addConstant(found.tensor->getDimensions(), nothing), named, named);
    if (layer == nullptr) return refused(name);
    rewire(uses.half, *layer->getOutput(0));
    return {};
  }

  // Lists the recurrences that feed a tensor back to their next iteration. The graph has no such edges.
  std::vector<nvinfer1::ILayer*> fed_back_by(const nvinfer1::ITensor& tensor) const {
    std::vector<nvinfer1::ILayer*> found;
    for (nvinfer1::ILayer* layer : described_.layers) {
      if (layer->getType() == nvinfer1::LayerType::kRECURRENCE && layer->getInput(1) == &tensor) found.push_back(layer);
    }
    return found;
  }

  // Sets the type of layers whose result has a type that they state.
  void set_own_type(std::size_t node) {
    nvinfer1::ILayer& layer = *described_.layers[node];
    if (!plan_.output_is_half(node, 0)) return;
    if (layer.getType() == nvinfer1::LayerType::kDEQUANTIZE) {
      static_cast<nvinfer1::IDequantizeLayer&>(layer).setToType(half_type());
    }
    if (layer.getType() == nvinfer1::LayerType::kCAST) {
      auto& cast = static_cast<nvinfer1::ICastLayer&>(layer);
      if (cast.getToType() == nvinfer1::DataType::kFLOAT) cast.setToType(half_type());
    }
  }

  Result<nvinfer1::ITensor*> cast(nvinfer1::ITensor& source, nvinfer1::DataType type, const std::string& name,
                                  const std::string& to) {
    auto* layer = names_.name(network_.addCast(source, type), name + "_Cast_" + to, name + "_" + to);
    if (layer == nullptr) return refused(name);
    return layer->getOutput(0);
  }

  void replace_output(nvinfer1::ITensor& before, nvinfer1::ITensor& after, const std::string& name) {
    after.setName(name.c_str());
    outputs_[&before] = &after;
  }

  void rewire(const std::vector<Graph::Use>& uses, nvinfer1::ITensor& to) {
    for (const Graph::Use& use : uses) {
      nvinfer1::ILayer& layer = *described_.layers[use.node];
      layer.setInput(layer_input(layer, use.input), to);
    }
  }

  void replace_casts(const Uses& uses, nvinfer1::ITensor& half) {
    for (const nvinfer1::ILayer* layer : uses.casts) {
      const std::size_t output = described_.number(layer->getOutput(0));
      rewire(described_.graph.tensors().at(output).consumers, half);
    }
  }

  static Error refused(const std::string& name) {
    return Error(Status::TensorRt, "TensorRT refused a cast of '" + name + "'",
                 "see what TensorRT logged; parse the network anew, since this one is changed in part");
  }

  bool is_f16() const noexcept { return plan_.half() == Half::F16; }
  DType half_dtype() const noexcept { return is_f16() ? DType::F16 : DType::BF16; }
  nvinfer1::DataType half_type() const noexcept { return is_f16() ? nvinfer1::DataType::kHALF : nvinfer1::DataType::kBF16; }
  const char* suffix() const noexcept { return is_f16() ? "f16" : "bf16"; }

  nvinfer1::INetworkDefinition& network_;
  const Network& described_;
  const PrecisionPlan& plan_;
  WeightMemory& memory_;
  Names names_;
  Replaced outputs_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_QDQ_HAS_TYPE

#include <qdq/detail/end_try.hpp>

#endif
