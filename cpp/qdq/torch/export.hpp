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
  /// cache. Without a version, the cache is for 10.0.0, and is written if the engine computes all quantized
  /// modules in INT8.
  std::optional<std::uint32_t> tensorrt_version;
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
    const auto policy = policy_.build().value();
    if (onnx_.opset() < policy.least_opset()) (void)onnx_.raise_opset(policy.least_opset()).value();
    clip_inputs();
    const auto plan = onnx_.plan(policy, ranges_).value();
    const auto version = cache_version(plan, options);
    std::vector<std::string> quantized;
    for (const auto& layer : exported_) quantized.push_back(layer.module);
    onnx_.quantize(plan, ranges_, quantized_.build().value()).value().save(out).value();
    if (version != 0) Cache::from_ranges(of_float, version).value().save(out + ".cache").value();
    return {std::move(ranges_), std::move(quantized), std::move(left_in_float_)};
  }

 private:
  /// The quantized parts of a module: the node that computes it, and the clip of its input.
  struct Layer {
    std::string module, node;
    std::optional<Quantizer::ClipRange> clip;
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
    if (site.weight->is_disabled()) {
      fail(Status::Unsupported, name + " has the quantizer of its weight disabled, but not that of its input",
           "enable or disable both: numbers in a format are multiplied by weights in it");
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
    const auto input = site.input->without_torch(name + ".input_quantizer");
    const auto trained = site.weight->without_torch(name + ".weight_quantizer");
    checked(policy_.include_trained(node.name, input, trained));
    checked(quantized_.weight_quantizer(weight, trained));
    std::optional<Quantizer::ClipRange> clip;
    if (!site.input->is_disabled()) clip = add_input(*site.input, node.inputs[0]);
    exported_.push_back({name, std::string(node.name), clip});
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

  /// Returns the version for the calibration cache; 0 for no cache.
  static std::uint32_t cache_version(const Plan& plan, const ExportOptions& options) {
    const auto is_int8 = [](const auto& part) { return part.format == Format::Int8; };
    const auto weights = plan.weights();
    if (std::all_of(weights.begin(), weights.end(), is_int8)) return options.tensorrt_version.value_or(100000);
    if (options.tensorrt_version.value_or(0) != 0) {
      fail(Status::Unsupported, "a calibration cache holds ranges of INT8, and the network has other formats",
           "leave the version of TensorRT out, or set it to 0");
    }
    return 0;
  }

  /// Adds the range of a module's input. One tensor has one range: the widest range that its readers were
  /// trained with.
  ///
  /// Returns the extra clip range of the input, if quantizing alone would not give the learned range's
  /// result, because the quantized numbers go further.
  std::optional<Quantizer::ClipRange> add_input(const TensorQuantizerImpl& quantizer, std::size_t read) {
    const auto tensor = graph_.tensors().at(read).name;
    const auto number = quantizer.amax_in_use().item<float>();
    const auto before = ranges_.has(tensor) ? ranges_.get(tensor).value() : 0.0f;
    ranges_.set(tensor, std::max(number, before)).value();
    const auto range = quantizer.clip_range();
    if (!range) return std::nullopt;
    // Numbers of e4m3 end at amax on both sides, integers on the upper one.
    const bool is_e4m3 = quantizer.descriptor().is_e4m3();
    const bool ends = is_e4m3 ? range->max == number : std::nearbyint(range->max * (127 / number)) == 127;
    if (ends && (never_negative(graph_, read) || (is_e4m3 && range->min == -number))) return std::nullopt;
    return range;
  }

  /// Throws the error of the last setting, so that nothing is done after it.
  template <typename Builder>
  static void checked(Builder& builder) {
    builder = Builder(builder.build().value());
  }

  const torch::nn::Module& model_;
  Model onnx_;
  Graph graph_;
  Ranges ranges_;
  std::vector<Layer> exported_;
  std::vector<LeftInFloat> left_in_float_;
  // The quantizers have decided, so a front end is no exception.
  Policy::Builder policy_ = std::move(Policy::make().front_end(FrontEnd::Int8));
  QuantizeOptions::Builder quantized_ = QuantizeOptions::make();
};

}  // namespace detail

/// Puts a trained network into the float ONNX model of the same network.
///
/// Writes `out` with the network's weights, and with Quantize and Dequantize at the modules with a weight
/// that quantize, with exactly their ranges. Writes the calibration cache `out`.cache beside it if all of
/// them are in INT8. Returns the ranges of the activations, the quantized modules, and the modules that stay
/// in float.
///
/// The model's initializers must have the names of the network's parameters, such as "conv1.weight".
/// Exporters use these names if they fold nothing. The range of a module's input belongs to the other input
/// of the node that reads its weight. If one tensor has several such ranges, the widest is used. A learned
/// range clips: the model gets a Clip before Quantize if that makes a difference, so that it computes the
/// same as the module. A calibration cache can only express amax = max(-min, max).
///
/// The quantizers of a module decide its format:
///
/// - Format::Int8: input signed with 8 bits and one range, weight of up to 8 bits with one range or one per
///   output channel.
/// - Format::Fp8: both e4m3, the input with one range, the weight with one or one per output channel. The
///   model gets opset 19, if it has a lower one.
/// - Format::Int8Weights: the quantizer of the input disabled, the weight as for Int8. Only for linear
///   layers.
/// - Format::Int4Weights: the quantizer of the input disabled, weight of up to 4 bits in blocks of 128 or 64
///   along the input axis. Only for linear layers. The model gets opset 21, if it has a lower one.
///
/// The stored integers and numbers of e4m3 are those of the quantizers. Every other quantizer is an error
/// with the name of the module: other bits, unsigned numbers, other axes and blocks, dynamic ranges, two
/// formats in one module, and modules that the format leaves in float.
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
