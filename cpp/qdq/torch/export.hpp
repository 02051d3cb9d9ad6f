// From a trained network to the ONNX model that is deployed.
#ifndef QDQ_TORCH_EXPORT_HPP
#define QDQ_TORCH_EXPORT_HPP

#include <algorithm>
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

/// How export_onnx() writes.
struct ExportOptions {
  /// How weights are stored.
  WeightForm weight_form = WeightForm::Int8;
  /// The version of TensorRT that reads the calibration cache, as getInferLibVersion() reports it; 0 for no cache.
  std::uint32_t tensorrt_version = 100000;
};

namespace detail {

/// What becomes of the network's modules in the model.
class Exporter {
 public:
  Exporter(const torch::nn::Module& model, Model onnx)
      : model_(model), onnx_(std::move(onnx)), graph_(onnx_.graph().value()), ranges_(Ranges::make("trained").value()) {}

  Ranges write(const std::string& out, const ExportOptions& options) {
    quantized_.weight_form(options.weight_form);
    store_parameters();
    for (const auto& [name, site] : sites(model_)) {
      if (site.weight) add(name, site);
    }
    if (ranges_.size() == 0) {
      fail(Status::InvalidArgument, "the network has no quantized weight to export", "build it while is_quantized(), and calibrate it");
    }
    const auto plan = onnx_.plan(policy_.build().value(), ranges_).value();
    onnx_.quantize(plan, ranges_, quantized_.build().value()).value().save(out).value();
    if (options.tensorrt_version != 0) {
      Cache::from_ranges(graph_.spread(ranges_).value(), options.tensorrt_version).value().write(out + ".cache").value();
    }
    return std::move(ranges_);
  }

 private:
  /// Parameters and buffers by name; those of quantizers are none of the float model's.
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
    // Exporters drop what a network does not need when it runs, such as the count of a batch norm.
    for (const auto& buffer : model_.named_buffers()) {
      if (!is_range(buffer.value()) && onnx_.constant(buffer.key()).value()) store(buffer.key(), buffer.value());
    }
  }
  void store(const std::string& name, const torch::Tensor& value) {
    const auto stored = onnx_.constant(name).value();
    auto copy = value.detach().cpu().contiguous();
    for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kDouble}) {
      if (stored && stored->view().dtype() == dtype_of(type)) copy = copy.to(type);
    }
    onnx_.set_initializer(name, view(copy)).value();
  }

  /// The one node that reads a weight, and by which input.
  Graph::Use reader(const std::string& weight) const {
    const auto tensor = graph_.find_tensor(weight);
    const auto uses = tensor == none ? std::vector<Graph::Use>() : graph_.tensors()[tensor].consumers;
    if (uses.size() != 1) {
      fail(Status::InvalidArgument, "the ONNX model has " + std::to_string(uses.size()) + " nodes that read '" + weight + "'",
           "export the network with one node per module and parameter names kept");
    }
    return uses[0];
  }

  void add(const std::string& name, const Site& site) {
    if (site.input->is_disabled() && site.weight->is_disabled()) return;
    if (site.parameter.empty()) {
      fail(Status::Unsupported, name + " has no single weight that ONNX stores", "disable its quantizers, or build it in float");
    }
    if (site.input->is_disabled() != site.weight->is_disabled()) {
      fail(Status::Unsupported, name + " has one of its quantizers disabled", "enable or disable both: integers are multiplied by integers");
    }
    const auto weight = name.empty() ? site.parameter : name + "." + site.parameter;
    const auto use = reader(weight);
    const auto node = graph_.nodes()[use.node];
    if (use.input != 1) {
      fail(Status::Unsupported, "'" + weight + "' is input " + std::to_string(use.input) + " of a " + std::string(node.op),
           "export the network so that its layers read their weights themselves, as their second input");
    }
    if (node.name.empty() || node.inputs.empty() || node.inputs[0] == none) {
      fail(Status::Unsupported, "the node that reads '" + weight + "' has no name or input", "name the nodes of the ONNX model");
    }
    policy_.include_name(node.name);
    add_input(name, *site.input, graph_.tensors()[node.inputs[0]].name);
    add_weight(name, *site.weight, weight, site.value);
  }

  /// One tensor has one range: the widest of those that its readers were trained with.
  void add_input(const std::string& name, const TensorQuantizerImpl& quantizer, std::string_view tensor) {
    const auto& descriptor = quantizer.descriptor();
    const auto amax = checked(name + ".input_quantizer", quantizer);
    if (descriptor.num_bits() != 8 || descriptor.is_unsigned() || descriptor.narrow_range() || amax.numel() != 1) {
      fail(Status::Unsupported, name + ".input_quantizer is no signed 8-bit one with one amax and its whole range",
           "train it in the format that the engine computes in");
    }
    const auto number = amax.item<float>();
    const auto before = ranges_.has(tensor) ? ranges_.get(tensor).value() : 0.0f;
    ranges_.set(tensor, std::max(number, before)).value();
  }

  /// Weights of fewer bits, of the narrow range or of a learned one are stored as they are quantized: int8 holds them exactly, with
  /// the same step.
  void add_weight(const std::string& name, TensorQuantizerImpl& quantizer, const std::string& tensor, const torch::Tensor& value) {
    const auto& descriptor = quantizer.descriptor();
    const auto amax = checked(name + ".weight_quantizer", quantizer).cpu().contiguous();
    if (descriptor.is_e4m3() || descriptor.num_bits() > 8 || descriptor.is_unsigned() || descriptor.block_size() != 0) {
      fail(Status::Unsupported, name + ".weight_quantizer is no signed one of up to 8 bits without blocks",
           "train it in a format that int8 holds");
    }
    if (descriptor.num_bits() < 8 || descriptor.narrow_range() || descriptor.learn_amax()) {
      const torch::NoGradGuard no_grad;
      store(tensor, quantizer.forward(value));
    }
    const auto high = operations::high(descriptor);
    const auto int8 = (amax.flatten().to(torch::kDouble) * (127 / high)).to(torch::kFloat);
    quantized_.weight_amax(tensor, view(int8));
  }

  static torch::Tensor checked(const std::string& name, const TensorQuantizerImpl& quantizer) {
    const auto amax = quantizer.amax_in_use();
    if (!quantizer.descriptor().fake_quant()) {
      fail(Status::Unsupported, name + " gives integers, not what they stand for", "train with fake quantization");
    }
    if (quantizer.is_calibrating() || !quantizer.is_quantizing() || !amax.defined() || quantizer.pre_quant_scale().defined()) {
      fail(Status::InvalidArgument, name + " has no fixed range that it quantizes by, is calibrating, or scales its data first",
           "load a calibrated amax, switch calibrating off and quantizing on, and fold the scale into the weights");
    }
    return amax;
  }

  const torch::nn::Module& model_;
  Model onnx_;
  Graph graph_;
  Ranges ranges_;
  Policy::Builder policy_ = Policy::make();
  QuantizeOptions::Builder quantized_ = QuantizeOptions::make();
};

}  // namespace detail

/// Puts a trained network into the float ONNX model of the same network: writes `out` with the network's weights, Quantize and
/// Dequantize where its modules with a weight quantize, by exactly their ranges, and the calibration cache `out`.cache beside it.
/// Returns the ranges of the activations.
///
/// The model's initializers are called as the network's parameters, "conv1.weight", which is how exporters call them where they fold
/// nothing. The range of a module's input belongs to what the node that reads its weight reads besides; of several such ranges for one
/// tensor the widest is taken. Activations are signed with 8 bits and one range, which is symmetric: of a learned range it is amax =
/// max(-min, max), and the model does not clip what training clipped at an end nearer to zero. Weights have up to 8 bits. Modules without a weight, whose place in the model no name tells, stay as
/// they are in the float model: disable their quantizers to train what is exported. Modules whose quantizers are disabled stay in float.
inline Ranges export_onnx(const torch::nn::Module& model, const std::string& float_onnx, const std::string& out,
                          const ExportOptions& options = ExportOptions()) {
  return detail::Exporter(model, Model::open(float_onnx).value()).write(out, options);
}

}  // namespace qdq::nn

#endif
