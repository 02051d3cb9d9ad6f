// export_onnx() in every format: the stored numbers are those of the quantizers, the model computes what the
// network computes, and quantizers that no format has are refused by the name of their module.
//
// usage: formats FLOAT.onnx OUT, see export_model.py; check_formats.py reads what is written to OUT
#include "check.hpp"

#include <cmath>
#include <fstream>

#include <qdq/session.hpp>

static std::string float_onnx, out;

namespace {

using qdq::Descriptor;
using qdq::Format;

struct NetImpl : torch::nn::Module {
  Tensor forward(const Tensor& input) {
    const auto x = torch::relu(conv->forward(input)).flatten(1);
    return fc2->forward(torch::relu(fc1->forward(x)));
  }

  nn::Conv2d conv = register_module("conv", nn::Conv2d(nn::Conv2dOptions(3, 4, 3).padding(1)));
  nn::Linear fc1 = register_module("fc1", nn::Linear(256, 128));
  nn::Linear fc2 = register_module("fc2", nn::Linear(128, 6));
};
TORCH_MODULE(Net);

Descriptor::Builder e4m3() { return std::move(Descriptor::make().e4m3()); }
Descriptor::Builder bits(std::uint32_t count) { return std::move(Descriptor::make().num_bits(count)); }
Descriptor::Builder blocks(std::uint32_t count, std::size_t size, std::int32_t axis = -1) {
  return std::move(Descriptor::make().num_bits(count).block(axis, size));
}

/// Gives a module quantizers, whose input stays in float without a descriptor.
template <typename Module>
void quantize(Module& module, std::optional<Descriptor::Builder> input, Descriptor::Builder weight) {
  const auto make = [](Descriptor::Builder& described) {
    return std::make_shared<nn::TensorQuantizerImpl>(described.build().value());
  };
  auto none = Descriptor::make();
  module->replace_module("input_quantizer", make(input ? *input : none));
  module->replace_module("weight_quantizer", make(weight));
  module->input_quantizer()->set_disabled(!input);
}

void calibrate(Net& net, const Tensor& x) {
  nn::calibrate_weights(*net);
  const torch::NoGradGuard no_grad;
  {
    const nn::Observe observe(*net, "*.input_quantizer");
    net->forward(x);
  }
  nn::load_calib_amax(*net, qdq::Method::Mse, false);
}

void write(const std::string& name, const Tensor& values) {
  const auto stored = values.detach().contiguous();
  std::ofstream file(out + "/" + name, std::ios::binary);
  file.write(static_cast<const char*>(stored.data_ptr()), static_cast<std::streamsize>(stored.nbytes()));
}

Tensor run_onnx(const qdq::Model& model, const Tensor& x) {
  auto session = qdq::Session::open(model).value();
  qdq::Batch batch;
  batch.set("x", nn::view(x)).value();
  const auto outputs = session.run(batch).value();
  return nn::to_tensor(outputs.at(0).tensor);
}

/// Returns the numbers of a stored weight, integers or e4m3, as float.
Tensor stored_numbers(const qdq::Model& model, const std::string& weight, const Tensor& like) {
  const auto array = model.get_constant(weight + "_quantized").value();
  const auto view = array->view();
  if (view.dtype() != qdq::DType::E4M3) return nn::to_tensor(view).to(torch::kFloat);
  auto numbers = torch::empty_like(like).contiguous();
  const auto* codes = static_cast<const std::uint8_t*>(view.data());
  for (std::int64_t i = 0; i < numbers.numel(); ++i) {
    const int exponent = codes[i] >> 3 & 15, mantissa = codes[i] & 7;
    const double size = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    numbers.data_ptr<float>()[i] = static_cast<float>(codes[i] < 128 ? size : -size);
  }
  return numbers;
}

/// Exports the network, checks what is stored, and writes what check_formats.py compares.
nn::Exported exported(Net& net, const Tensor& x, const std::string& name, std::int64_t opset,
                      const nn::ExportOptions& options = {}) {
  const auto file = out + "/" + name + ".onnx";
  auto result = nn::export_onnx(*net, float_onnx, file, options);
  const auto model = qdq::Model::open(file).value();
  HOLDS(model.opset() == opset);
  const torch::NoGradGuard no_grad;
  for (const auto& [module, site] : nn::detail::sites(*net)) {
    if (site.weight->is_disabled()) continue;
    const auto weight = module + ".weight";
    const auto described = nn::share(site.weight->descriptor().clone().value());
    const auto range = site.weight->clip_range();
    const auto value = range ? site.value.clamp(range->min, range->max) : site.value;
    const auto numbers = F::tensor_quant(value.detach(), site.weight->amax_in_use(), described).first;
    SAME(stored_numbers(model, weight, site.value), numbers);
    write(name + "." + weight, site.weight->forward(site.value));
  }
  const auto expected = net->forward(x);
  NEAR(run_onnx(model, x), expected, 1e-4);
  write(name + ".y", expected);
  return result;
}

Net floats() {
  torch::manual_seed(3);
  return Net();
}

Tensor data() {
  torch::manual_seed(4);
  const auto x = torch::randn({8, 3, 8, 8}) * 2;
  write("x", x);
  return x;
}

bool has_cache(const std::string& name) { return std::ifstream(out + "/" + name + ".onnx.cache").good(); }

/// Rounds every range of a weight so that its step is a power of two.
void round_steps(Net& net) {
  for (const auto& [module, site] : nn::detail::sites(*net)) {
    const auto& quantizer = site.weight;
    const double high = nn::detail::operations::high(quantizer->descriptor());
    quantizer->set_amax((quantizer->amax() / high).log2().round().exp2() * high);
  }
}

}  // namespace

TEST(modules_are_built_in_a_format) {
  nn::QuantOptions fp8, int4;
  fp8.input(Descriptor::make().e4m3().build().value()).weight(Descriptor::make().e4m3().axis({0}).build().value());
  int4.weight(Descriptor::make().num_bits(4).block(-1, 128).build().value());
  nn::Linear first(nn::LinearOptions(256, 256), fp8), second(nn::LinearOptions(256, 64), int4);
  second->input_quantizer()->set_disabled(true);
  HOLDS(first->input_quantizer()->descriptor().is_e4m3() && first->weight_quantizer()->descriptor().is_e4m3());
  nn::calibrate_weights(*second);
  HOLDS(second->weight_quantizer()->amax().sizes() == c10::IntArrayRef({64, 2}));
}

TEST(e4m3_is_exported_as_fp8) {
  const auto x = data();
  auto net = floats();
  for (auto* linear : {&net->fc1, &net->fc2}) quantize(*linear, e4m3(), std::move(e4m3().axis({0})));
  quantize(net->conv, e4m3(), std::move(e4m3().axis({-4})));
  calibrate(net, x);
  const auto result = exported(net, x, "fp8", 19);
  HOLDS(result.quantized.size() == 3 && result.ranges.size() == 3 && !has_cache("fp8"));
  HOLDS(result.ranges.get("x").value() == net->conv->input_quantizer()->amax_in_use().item<float>());
  // One range for a whole weight.
  quantize(net->fc1, e4m3(), e4m3());
  calibrate(net, x);
  exported(net, x, "fp8_one_range", 19);
}

TEST(learned_ranges_of_e4m3_clip_where_they_end_before_its_numbers) {
  const auto x = data();
  auto net = floats();
  const auto learned = [] { return std::move(e4m3().learn_amax(true).calib_method(qdq::CalibMethod::Histogram)); };
  for (auto* linear : {&net->fc1, &net->fc2}) quantize(*linear, learned(), std::move(e4m3().learn_amax(true)));
  quantize(net->conv, learned(), e4m3());
  calibrate(net, x);
  const auto clips = [](const std::string& name) {
    const auto graph = qdq::Model::open(out + "/" + name + ".onnx").value().graph().value();
    std::size_t found = 0;
    for (const auto& node : graph.nodes()) found += node.op == "Clip";
    return found;
  };
  // The largest numbers are the ends of the range.
  exported(net, x, "fp8_learned", 19);
  HOLDS(clips("fp8_learned") == 0);
  net->conv->input_quantizer()->set_clip_range(-0.5f, 1.5f);
  net->fc1->weight_quantizer()->set_clip_range(-0.03f, 0.05f);
  exported(net, x, "fp8_clipped", 19);
  HOLDS(clips("fp8_clipped") == 1);
}

TEST(weights_in_blocks_are_exported_as_4_bits) {
  const auto x = data();
  auto net = floats();
  nn::disable(*net, "conv.*");
  quantize(net->fc1, std::nullopt, blocks(4, 64));
  quantize(net->fc2, std::nullopt, blocks(4, 64, 1));
  calibrate(net, x);
  const auto result = exported(net, x, "int4", 21);
  HOLDS(result.quantized == std::vector<std::string>({"fc1", "fc2"}) && result.ranges.size() == 0 && !has_cache("int4"));
  // Every module has its own blocks. Fewer bits have the same steps.
  quantize(net->fc1, std::nullopt, std::move(blocks(3, 128).narrow_range(true)));
  calibrate(net, x);
  exported(net, x, "int4_coarse", 21);
}

TEST(weights_alone_are_exported_as_8_bits) {
  const auto x = data();
  auto net = floats();
  nn::disable(*net, "conv.*");
  quantize(net->fc1, std::nullopt, std::move(bits(8).axis({0})));
  quantize(net->fc2, std::nullopt, bits(5));
  calibrate(net, x);
  exported(net, x, "int8_weights", 13);
}

TEST(formats_are_mixed_and_exact_steps_keep_every_bit) {
  const auto x = data();
  auto net = floats();
  quantize(net->conv, bits(8), std::move(bits(8).axis({0})));
  quantize(net->fc1, e4m3(), std::move(e4m3().axis({0})));
  quantize(net->fc2, std::nullopt, blocks(4, 64));
  calibrate(net, x);
  const auto result = exported(net, x, "mixed", 21);
  HOLDS(result.ranges.size() == 2 && !has_cache("mixed"));
  round_steps(net);
  exported(net, x, "mixed_exact", 21);
}

TEST(a_cache_is_for_int8_alone) {
  const auto x = data();
  auto net = floats();
  quantize(net->conv, bits(8), std::move(bits(8).axis({0})));
  for (auto* linear : {&net->fc1, &net->fc2}) quantize(*linear, bits(8), std::move(bits(8).axis({0})));
  calibrate(net, x);
  exported(net, x, "int8", 13);
  HOLDS(has_cache("int8"));
  quantize(net->fc2, std::nullopt, blocks(4, 64));
  calibrate(net, x);
  nn::ExportOptions options;
  options.tensorrt_version = 100000;
  FAILS("a calibration cache holds ranges of INT8", nn::export_onnx(*net, float_onnx, out + "/refused.onnx", options));
  options.tensorrt_version = 0;
  exported(net, x, "no_cache", 21, options);
  HOLDS(!has_cache("no_cache") && !std::ifstream(out + "/refused.onnx").good());
}

TEST(quantizers_that_no_format_has_are_refused_by_name) {
  const auto x = data();
  const auto refused = [&](const char* expected, std::optional<Descriptor::Builder> input, Descriptor::Builder weight) {
    auto net = floats();
    for (auto* linear : {&net->fc1, &net->fc2}) quantize(*linear, std::nullopt, blocks(4, 64));
    nn::disable(*net, "conv.*");
    quantize(net->fc1, std::move(input), std::move(weight));
    calibrate(net, x);
    FAILS(expected, nn::export_onnx(*net, float_onnx, out + "/refused.onnx"));
    HOLDS(!std::ifstream(out + "/refused.onnx").good());
  };
  const auto rows = [](Descriptor::Builder described) { return std::move(described.axis({0})); };
  const auto none = std::nullopt;
  refused("quantizer 'fc1.weight_quantizer': its weights are e4m3, and no format has inputs in floating", none,
          rows(e4m3()));
  refused("no format has inputs in integers", bits(8), rows(e4m3()));
  refused("no format has inputs in e4m3", e4m3(), rows(bits(8)));
  refused("its weights are integers in blocks, and no format has inputs in integers", bits(8), blocks(4, 64));
  refused("quantizer 'fc1.weight_quantizer': has blocks of 32", none, blocks(4, 32));
  refused("has blocks of 8-bit integers", none, blocks(8, 64));
  refused("has blocks of e4m3", e4m3(), std::move(e4m3().block(-1, 64)));
  refused("has 9 bits", bits(8), rows(bits(9)));
  refused("quantizer 'fc1.input_quantizer': is no signed 8-bit quantizer", bits(4), rows(bits(8)));
  refused("quantizer 'fc1.input_quantizer': is no signed 8-bit quantizer", std::move(bits(8).is_unsigned(true)),
          rows(bits(8)));
  refused("quantizer 'fc1.input_quantizer': has 256 ranges", std::move(e4m3().axis({1})), rows(e4m3()));
  refused("weight 'fc1.weight': quantizer 'fc1.weight_quantizer': has ranges of shape [1, 256] for fp8", e4m3(),
          std::move(e4m3().axis({1})));
  refused("has ranges of shape [1, 256] for int4-weights in blocks of 128", none, blocks(4, 128, 0));
}

TEST(layers_that_a_format_leaves_in_float_are_refused_by_name) {
  const auto x = data();
  auto net = floats();
  nn::disable(*net, "fc*");
  quantize(net->conv, std::nullopt, std::move(bits(8).axis({0})));
  calibrate(net, x);
  FAILS("weight 'conv.weight' was trained with a quantizer, but node '/conv/Conv' reads it in float: int8-weights is for",
        nn::export_onnx(*net, float_onnx, out + "/refused.onnx"));
  // Entropy searches levels of integers.
  quantize(net->conv, std::move(e4m3().calib_method(qdq::CalibMethod::Histogram)), e4m3());
  net->conv->input_quantizer()->observe(x);
  FAILS("conv.input_quantizer", nn::load_calib_amax(*net, qdq::Method::Entropy, false));
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  float_onnx = arguments[1];
  out = arguments[2];
  return run_all();
}
