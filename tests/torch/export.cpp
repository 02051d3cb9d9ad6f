// The file of export_onnx() computes what the network computes: learned ranges clip, weights keep their axis,
// and unsupported parts are named.
//
// usage: export FLOAT.onnx OUT.onnx, see export_model.py
#include "check.hpp"

#include <set>

#include <qdq/session.hpp>

static std::string float_onnx, out;

namespace {

struct NetImpl : torch::nn::Module {
  Tensor forward(const Tensor& input) {
    auto x = torch::relu(conv->forward(input));
    x = pool->forward(add->forward(left->forward(x), right->forward(x)));
    return fc->forward(up->forward(norm->forward(x)).flatten(1));
  }

  nn::Conv2d same(const char* name, std::int64_t from) {
    return register_module(name, nn::Conv2d(nn::Conv2dOptions(from, 4, 3).padding(1)));
  }
  nn::Conv2d conv = same("conv", 3), left = same("left", 4), right = same("right", 4);
  nn::Add add = register_module("add", nn::Add());
  nn::MaxPool2d pool = register_module("pool", nn::MaxPool2d(2));
  nn::InstanceNorm2d norm = register_module("norm", nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).affine(true)));
  nn::ConvTranspose2d up = register_module("up", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(4, 4, 2).stride(2)));
  nn::Linear fc = register_module("fc", nn::Linear(256, 6));
  nn::LSTM rnn = register_module("rnn", nn::LSTM(3, 2));
};
TORCH_MODULE(Net);

/// Makes a calibrated network whose convolutions learn the ranges of their inputs.
Net calibrated(const Tensor& x) {
  nn::Conv2dImpl::set_default_input(
      qdq::Descriptor::make().learn_amax(true).calib_method(qdq::CalibMethod::Histogram).build().value());
  nn::LinearImpl::set_default_weight(qdq::Descriptor());
  Net net;
  nn::Conv2dImpl::set_default_input(nn::detail::default_input()->clone().value());
  nn::LinearImpl::set_default_weight(qdq::Descriptor::predefined(qdq::Predefined::LinearWeightPerRow).value());
  {
    const torch::NoGradGuard no_grad;
    const nn::Observe observe(*net);
    net->forward(x);
    net->rnn->forward(x.select(1, 0).narrow(2, 0, 3));
  }
  nn::calibrate_weights(*net);
  nn::load_calib_amax(*net, qdq::Method::Mse, false);
  return net;
}

Tensor run_onnx(const Tensor& x) {
  auto session = qdq::Session::open(qdq::Model::open(out).value()).value();
  qdq::Batch batch;
  batch.set("x", nn::view(x)).value();
  const auto outputs = session.run(batch).value();
  return nn::to_tensor(outputs.at(0).tensor);
}

std::size_t count(std::string_view op) {
  const auto graph = qdq::Model::open(out).value().graph().value();
  std::size_t found = 0;
  for (const auto& node : graph.nodes()) found += node.op == op;
  return found;
}

void disable_the_rest(Net& net) {
  for (const auto* name : {"add.*", "pool.*", "norm.*", "rnn.*"}) nn::disable(*net, name);
}

/// Replaces the quantizer of a weight by a calibrated one of this descriptor.
template <typename Module>
void requantize(Module& module, qdq::Descriptor::Builder& described) {
  module->replace_module("weight_quantizer", std::make_shared<nn::TensorQuantizerImpl>(described.build().value()));
  nn::calibrate_weights(*module);
}

}  // namespace

TEST(learned_ranges_clip_as_the_network_does) {
  const auto x = torch::randn({4, 3, 8, 8}) * 2;
  auto net = calibrated(x);
  disable_the_rest(net);
  const auto exports = [&](std::size_t clips) {
    auto exported = nn::export_onnx(*net, float_onnx, out);
    HOLDS(count("Clip") == clips && count("QuantizeLinear") == 5 - (clips < 2));
    const torch::NoGradGuard no_grad;
    NEAR(run_onnx(x), net->forward(x), 1e-4);
    return exported;
  };
  // Data that is never negative needs no Clip if the end of its range is the highest integer. Signed data
  // reaches -128 without one.
  const auto first = exports(1);
  HOLDS(first.ranges.get("x_clipped").value() == net->conv->input_quantizer()->amax_in_use().item<float>());
  // Training has moved the end of "relu", which two layers read in their own ranges.
  net->conv->input_quantizer()->set_clip_range(-0.5f, 1.5f);
  net->left->input_quantizer()->set_clip_range(-1, 0.3f);
  const auto second = exports(2);
  HOLDS(second.ranges.get("x_clipped").value() == 1.5f && second.ranges.get("relu_clipped").value() == 1.0f);
  // A calibration cache cannot clip, so the float model's tensors have ranges too.
  const auto cache = qdq::Cache::load(out + ".cache").value().to_ranges().value();
  HOLDS(cache.get("x").value() == 1.5f && !cache.has("x_clipped") && cache.has("relu"));
  net->conv->input_quantizer()->set_clip_range(0.25f, 1.5f);
  exports(2);
}

TEST(what_stays_in_float_is_named) {
  const auto x = torch::randn({4, 3, 8, 8});
  auto net = calibrated(x);
  nn::disable(*net, "right.*");
  const auto exported = nn::export_onnx(*net, float_onnx, out);
  HOLDS(exported.quantized == std::vector<std::string>({"conv", "left", "up", "fc"}));
  std::set<std::string> left;
  for (const auto& [module, reason] : exported.left_in_float) {
    left.insert(module);
    const auto* expected = module == "right" ? "disabled" : module == "rnn" ? "no single weight" : "has no weight";
    HOLDS(reason.find(expected) != std::string::npos);
  }
  HOLDS(left == std::set<std::string>({"add", "norm", "pool", "right", "rnn"}) && exported.left_in_float.size() == 5);
}

TEST(a_weight_keeps_its_axis_or_is_refused) {
  const auto x = torch::randn({4, 3, 8, 8});
  auto net = calibrated(x);
  disable_the_rest(net);
  const auto refused = [&](auto& module, auto&& set, const char* what) {
    auto described = qdq::Descriptor::make();
    set(described);
    requantize(module, described);
    FAILS(what, nn::export_onnx(*net, float_onnx, out));
  };
  using Builder = qdq::Descriptor::Builder;
  // There are as many input channels as output channels, so the number of ranges alone would fit.
  refused(
      net->up, [](Builder& d) { d.axis({0}); },
      "weight 'up.weight': quantizer 'up.weight_quantizer': has ranges of shape [4, 1, 1, 1]");
  refused(net->up, [](Builder& d) { d.axis({0, 1}); }, "quantizer 'up.weight_quantizer': keeps several axes");
  auto one = qdq::Descriptor::make();
  requantize(net->up, one);
  refused(net->left, [](Builder& d) { d.axis({1}); }, "has ranges of shape [1, 4, 1, 1] for int8");
  auto last = qdq::Descriptor::make();
  requantize(net->left, last.axis({-4}));
  const auto exported = nn::export_onnx(*net, float_onnx, out);
  const torch::NoGradGuard no_grad;
  NEAR(run_onnx(x), net->forward(x), 1e-4);
  // The file has the one range of the whole weight once per channel.
  const auto scales = nn::to_tensor(qdq::Model::open(out).value().get_constant("up.weight_scale").value()->view());
  HOLDS(scales.numel() == 4 && (scales == scales[0]).all().item<bool>());
}

TEST(what_the_engine_does_not_compute_is_refused_by_name) {
  const auto x = torch::randn({4, 3, 8, 8});
  auto net = calibrated(x);
  const auto refused = [&](const char* what, const std::function<void(nn::TensorQuantizerImpl&)>& spoil, const char* which) {
    auto quantizer = nn::quantizers(*net, which).at(0).quantizer;
    auto& place = net->up;
    const bool is_input = std::string_view(which).find("input") != std::string_view::npos;
    const auto name = is_input ? "input_quantizer" : "weight_quantizer";
    const auto good = std::dynamic_pointer_cast<nn::TensorQuantizerImpl>(quantizer->clone());
    spoil(*quantizer);
    FAILS(what, nn::export_onnx(*net, float_onnx, out));
    place->replace_module(name, good);
  };
  using Quantizer = nn::TensorQuantizerImpl;
  const auto *input = "up.input_quantizer", *weight = "up.weight_quantizer";
  refused("quantizer 'up.input_quantizer': has no fixed range", [](Quantizer& q) { q.clear_amax(); }, input);
  refused("quantizer 'up.input_quantizer': is calibrating", [](Quantizer& q) { q.set_calibrating(true); }, input);
  refused("quantizer 'up.weight_quantizer': does not quantize", [](Quantizer& q) { q.set_quantizing(false); }, weight);
  refused("scales its data first", [](Quantizer& q) { q.set_pre_quant_scale(torch::tensor(2.0f)); }, input);
  refused("up has the quantizer of its weight disabled", [](Quantizer& q) { q.set_disabled(true); }, weight);
  refused("quantizer 'up.input_quantizer': is no signed 8-bit quantizer", [](Quantizer& q) { q.set_integers(4); }, input);
  refused(
      "quantizer 'up.input_quantizer': is no signed 8-bit quantizer", [](Quantizer& q) { q.set_integers(8, true); }, input);
  refused("its weights are integers, and no format has inputs in e4m3", [](Quantizer& q) { q.set_e4m3(); }, input);
  refused("its weights are e4m3, and no format has inputs in integers", [](Quantizer& q) { q.set_e4m3(); }, weight);
  refused("quantizer 'up.weight_quantizer': has 16 bits", [](Quantizer& q) { q.set_integers(16); }, weight);
  nn::export_onnx(*net, float_onnx, out);
  nn::Linear unknown(4, 2);
  nn::calibrate_weights(*unknown);
  unknown->input_quantizer()->set_amax(torch::tensor(1.0f));
  FAILS("no stored tensor is called 'weight'", nn::export_onnx(*unknown, float_onnx, out));
  nn::disable(*net);
  FAILS("no quantized weight to export", nn::export_onnx(*net, float_onnx, out));
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  float_onnx = arguments[1];
  out = arguments[2];
  return run_all();
}
