// Export of a trained network to the ONNX model that is deployed.
#ifndef QDQ_TORCH_EXPORT_HPP
#define QDQ_TORCH_EXPORT_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <qdq/cache.hpp>
#include <qdq/model.hpp>
#include <qdq/torch/calibrate.hpp>

namespace qdq::nn {

/// Options of export_onnx().
struct ExportOptions {
  /// The storage of weights.
  WeightForm weight_form = WeightForm::Int8;
  /// The version of TensorRT that reads the calibration cache, in the form of getInferLibVersion(); 0 for no
  /// cache.
  std::uint32_t tensorrt_version = 100000;
};

/// A module whose quantizers are not in the exported model, with the reason.
struct LeftInFloat {
  std::string module, reason;
};

/// The result of export_onnx().
struct Exported {
  Ranges ranges;                       ///< The ranges of activations, by their names in the float model or of a Clip.
  std::vector<std::string> quantized;  ///< The modules that are quantized in the model.
  std::vector<LeftInFloat>
      left_in_float;  ///< The other modules with quantizers: pools, sums, norms, LSTMs, and disabled ones.
};

namespace detail {

/// Returns whether a tensor has no negative element for any data, judged by the node that computes it and by
/// the nodes before it that only select, move or average values.
inline bool never_negative(const Graph& graph, std::size_t tensor) {
  static const std::set<std::string_view> starts{"Abs", "Relu", "Sigmoid", "Softmax"};
  static const std::set<std::string_view> keeps{"AveragePool",   "Dropout",   "Flatten",  "GlobalAveragePool",
                                                "GlobalMaxPool", "Identity",  "MaxPool",  "Reshape",
                                                "Squeeze",       "Transpose", "Unsqueeze"};
  while (tensor != none && graph.tensors().at(tensor).producer != none) {
    const auto node = graph.nodes().at(graph.tensors().at(tensor).producer);
    if (starts.count(node.op) != 0) return true;
    if (keeps.count(node.op) == 0) return false;
    tensor = node.inputs[0];
  }
  return false;
}

/// Converts the network's modules to their form in the model.
class Exporter {
 public:
  Exporter(const torch::nn::Module& model, Model onnx)
      : model_(model), onnx_(std::move(onnx)), graph_(at_opset_13(onnx_)), ranges_(Ranges::make("trained").value()) {}

  Exported write(const std::string& out, const ExportOptions& options) {
    quantized_.weight_form(options.weight_form);
    store_parameters();
    for (const auto& [name, site] : sites(model_)) add(name, site);
    if (exported_.empty()) {
      fail(Status::InvalidArgument, "the network has no quantized weight to export",
           "build it while is_quantized(), and calibrate it");
    }
    // A calibration cache is for the unchanged float model, in which nothing clips.
    const auto of_float = graph_.spread(ranges_).value();
    clip_inputs();
    const auto plan = onnx_.plan(policy_.build().value(), ranges_).value();
    std::vector<std::string> quantized;
    for (const auto& layer : exported_) {
      check_plan(plan, layer);
      quantized.push_back(layer.module);
    }
    onnx_.quantize(plan, ranges_, quantized_.build().value()).value().save(out).value();
    if (options.tensorrt_version != 0) {
      Cache::from_ranges(of_float, options.tensorrt_version).value().save(out + ".cache").value();
    }
    return {std::move(ranges_), std::move(quantized), std::move(left_in_float_)};
  }

 private:
  /// The quantized parts of a module: the node that computes it, the clip of its input, and the weight with
  /// the axis of its ranges.
  struct Layer {
    std::string module, node, weight;
    std::optional<Quantizer::ClipRange> clip;
    std::int32_t axis;
  };

  /// Raises the model to the opset in which plans are made, so that the numbers of nodes stay the same, and
  /// returns its graph.
  static Graph at_opset_13(Model& onnx) {
    if (onnx.opset() < 13) (void)onnx.raise_opset(13).value();
    return onnx.graph().value();
  }

  /// Stores parameters and buffers by name. Those of quantizers do not exist in the float model.
  void store_parameters() {
    std::set<const void*> ranges;
    for (const auto& named : quantizers(model_)) {
      for (const auto& range : named.quantizer->parameters()) ranges.insert(range.unsafeGetTensorImpl());
      for (const auto& range : named.quantizer->buffers()) ranges.insert(range.unsafeGetTensorImpl());
    }
    const auto is_range = [&](const torch::Tensor& tensor) { return ranges.count(tensor.unsafeGetTensorImpl()) != 0; };
    for (const auto& parameter : model_.named_parameters()) {
      if (!is_range(parameter.value())) store(parameter.key(), parameter.value());
    }
    // Exporters drop buffers that inference does not need, such as the count of a batch norm.
    for (const auto& buffer : model_.named_buffers()) {
      if (!is_range(buffer.value()) && onnx_.get_constant(buffer.key()).value()) store(buffer.key(), buffer.value());
    }
  }
  void store(const std::string& name, const torch::Tensor& value) {
    const auto stored = onnx_.get_constant(name).value();
    auto copy = value.detach().cpu().contiguous();
    for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kDouble}) {
      if (stored && stored->view().dtype() == dtype_of(type)) copy = copy.to(type);
    }
    onnx_.set_initializer(name, view(copy)).value();
  }

  /// Returns the only node that reads a weight, and the input by which it reads it.
  Graph::Use reader(const std::string& weight) const {
    const auto tensor = graph_.find_tensor(weight);
    const auto uses = tensor == none ? std::vector<Graph::Use>() : graph_.tensors().at(tensor).consumers;
    if (uses.size() != 1) {
      fail(Status::InvalidArgument,
           "the ONNX model has " + std::to_string(uses.size()) + " nodes that read '" + weight + "'",
           "export the network with one node per module and parameter names kept");
    }
    return uses[0];
  }

  void leave_in_float(const std::string& name, const char* reason) {
    // A module may have several sites.
    if (left_in_float_.empty() || left_in_float_.back().module != name) left_in_float_.push_back({name, reason});
  }

  void add(const std::string& name, const Site& site) {
    if (site.input->is_disabled() && (!site.weight || site.weight->is_disabled())) {
      return leave_in_float(name, "its quantizers are disabled");
    }
    if (!site.weight) return leave_in_float(name, "it has no weight by whose name its node could be found");
    if (site.parameter.empty()) return leave_in_float(name, "ONNX stores no single weight of it");
    if (site.input->is_disabled() != site.weight->is_disabled()) {
      fail(Status::Unsupported, name + " has one of its quantizers disabled",
           "enable or disable both: integers are multiplied by integers");
    }
    const auto weight = name.empty() ? site.parameter : name + "." + site.parameter;
    const auto use = reader(weight);
    const auto node = graph_.nodes().at(use.node);
    if (use.input != 1) {
      fail(Status::Unsupported, "'" + weight + "' is input " + std::to_string(use.input) + " of a " + std::string(node.op),
           "export the network so that its layers read their weights themselves, as their second input");
    }
    if (node.name.empty() || node.inputs.empty() || node.inputs[0] == none) {
      fail(Status::Unsupported, "the node that reads '" + weight + "' has no name or input",
           "name the nodes of the ONNX model");
    }
    policy_.include_name(node.name);
    Layer layer{name, std::string(node.name), weight, add_input(name, *site.input, node.inputs[0]), no_axis};
    layer.axis = add_weight(name, *site.weight, weight, site.value);
    exported_.push_back(std::move(layer));
  }

  /// Clips the inputs in the model that training clipped.
  void clip_inputs() {
    for (const auto& layer : exported_) {
      if (layer.clip) onnx_.clip_input(layer.node, 0, layer.clip->min, layer.clip->max).value();
    }
    graph_ = onnx_.graph().value();
    for (const auto& layer : exported_) {
      if (!layer.clip) continue;
      const auto clipped = graph_.nodes().at(graph_.find_node(layer.node)).inputs[0];
      ranges_.set(graph_.tensors().at(clipped).name, std::max(-layer.clip->min, layer.clip->max)).value();
    }
  }

  /// Checks that the plan quantizes a layer, and its weight along the axis that its ranges were trained for.
  void check_plan(const Plan& plan, const Layer& layer) const {
    for (const auto& weight : plan.weights()) {
      if (graph_.tensors().at(weight.tensor).name != layer.weight) continue;
      if (layer.axis == no_axis || layer.axis == weight.axis) return;
      const auto along = weight.axis == no_axis ? std::string("with one range")
                                                : "along axis " + std::to_string(weight.axis);
      fail(Status::Unsupported,
           layer.module + ".weight_quantizer has a range per index of axis " + std::to_string(layer.axis) +
               ", but the weight of node '" + layer.node + "' is quantized " + along,
           "train it with that axis, or with one range");
    }
    const auto decision = plan.decisions().at(graph_.find_node(layer.node));
    fail(Status::Unsupported, layer.module + ": node '" + layer.node + "' stays in float: " + std::string(decision.reason),
         "disable its quantizers, or build it in float");
  }

  /// Adds the range of a module's input. One tensor has one range: the widest range that its readers were
  /// trained with.
  ///
  /// Returns the extra clip range of the input, if quantizing alone would not give the learned range's
  /// result, because the integers go further.
  std::optional<Quantizer::ClipRange> add_input(const std::string& name, const TensorQuantizerImpl& quantizer,
                                                std::size_t read) {
    const auto tensor = graph_.tensors().at(read).name;
    const auto& descriptor = quantizer.descriptor();
    const auto amax = checked(name + ".input_quantizer", quantizer);
    if (descriptor.num_bits() != 8 || descriptor.is_unsigned() || descriptor.narrow_range() || amax.numel() != 1) {
      fail(Status::Unsupported, name + ".input_quantizer is no signed 8-bit one with one amax and its whole range",
           "train it in the format that the engine computes in");
    }
    const auto number = amax.item<float>();
    const auto before = ranges_.has(tensor) ? ranges_.get(tensor).value() : 0.0f;
    ranges_.set(tensor, std::max(number, before)).value();
    const auto range = quantizer.clip_range();
    if (!range || (never_negative(graph_, read) && std::nearbyint(range->max * (127 / number)) == 127)) return std::nullopt;
    return range;
  }

  /// Adds the ranges of a weight. Returns the axis that has its own ranges.
  ///
  /// Weights with fewer bits, with the narrow range or with a learned range are stored in quantized form:
  /// int8 holds them exactly, with the same step.
  std::int32_t add_weight(const std::string& name, TensorQuantizerImpl& quantizer, const std::string& tensor,
                          const torch::Tensor& value) {
    const auto& descriptor = quantizer.descriptor();
    const auto amax = checked(name + ".weight_quantizer", quantizer).cpu().contiguous();
    if (descriptor.is_e4m3() || descriptor.num_bits() > 8 || descriptor.is_unsigned() || descriptor.block_size() != 0) {
      fail(Status::Unsupported, name + ".weight_quantizer is no signed one of up to 8 bits without blocks",
           "train it in a format that int8 holds");
    }
    const auto axes = descriptor.axis();
    if (axes.size() > 1) {
      fail(Status::Unsupported, name + ".weight_quantizer keeps several axes",
           "train it with one range, or one per output channel");
    }
    if (descriptor.num_bits() < 8 || descriptor.narrow_range() || descriptor.learn_amax()) {
      const torch::NoGradGuard no_grad;
      store(tensor, quantizer.forward(value));
    }
    const auto high = operations::high(descriptor);
    const auto int8 = (amax.flatten().to(torch::kDouble) * (127 / high)).to(torch::kFloat);
    quantized_.weight_amax(tensor, view(int8));
    return amax.numel() == 1 ? no_axis : static_cast<std::int32_t>(operations::from_first(axes[0], value));
  }

  static torch::Tensor checked(const std::string& name, const TensorQuantizerImpl& quantizer) {
    const auto amax = quantizer.amax_in_use();
    if (!quantizer.descriptor().fake_quant()) {
      fail(Status::Unsupported, name + " gives integers, not what they stand for", "train with fake quantization");
    }
    if (quantizer.is_calibrating() || !quantizer.is_quantizing() || !amax.defined() ||
        quantizer.pre_quant_scale().defined()) {
      fail(Status::InvalidArgument,
           name + " has no fixed range that it quantizes by, is calibrating, or scales its data first",
           "load a calibrated amax, switch calibrating off and quantizing on, and fold the scale into the weights");
    }
    return amax;
  }

  const torch::nn::Module& model_;
  Model onnx_;
  Graph graph_;
  Ranges ranges_;
  std::vector<Layer> exported_;
  std::vector<LeftInFloat> left_in_float_;
  Policy::Builder policy_ = Policy::make();
  QuantizeOptions::Builder quantized_ = QuantizeOptions::make();
};

}  // namespace detail

/// Puts a trained network into the float ONNX model of the same network.
///
/// Writes `out` with the network's weights, and with Quantize and Dequantize at the modules with a weight
/// that quantize, with exactly their ranges. Writes the calibration cache `out`.cache beside it. Returns the
/// ranges of the activations, the quantized modules, and the modules that stay in float.
///
/// The model's initializers must have the names of the network's parameters, such as "conv1.weight".
/// Exporters use these names if they fold nothing. The range of a module's input belongs to the other input
/// of the node that reads its weight. If one tensor has several such ranges, the widest is used. Activations
/// are signed with 8 bits and one range. A learned range clips: the model gets a Clip before Quantize if that
/// makes a difference, so that it computes the same as the module. A calibration cache can only express
/// amax = max(-min, max). Weights have up to 8 bits, with one range or one per output channel; another axis
/// is an error.
///
/// Modules without a weight cannot be found in the model by a name. They stay as they are in the float model,
/// as do LSTMs and disabled modules; the result names them. Disable their quantizers to train the network
/// that is exported.
inline Exported export_onnx(const torch::nn::Module& model, const std::string& float_onnx, const std::string& out,
                            const ExportOptions& options = ExportOptions()) {
  return detail::Exporter(model, Model::open(float_onnx).value()).write(out, options);
}

}  // namespace qdq::nn

#endif
