// The functions of a tree of modules: descriptors, state, copies, calibration and training.
#include "check.hpp"

#include <set>

TEST(descriptors_by_module_and_by_class) {
  nn::Linear one(nn::LinearOptions(4, 2), nn::QuantOptions().input(qdq::Descriptor::make().num_bits(4).build().value()));
  HOLDS(one->input_quantizer()->descriptor().num_bits() == 4 && one->weight_quantizer()->descriptor().num_bits() == 8);
  nn::LinearImpl::set_default_weight(qdq::Descriptor::make().num_bits(3).axis({0}).build().value());
  HOLDS(nn::Linear(4, 2)->weight_quantizer()->descriptor().num_bits() == 3);
  HOLDS(nn::Conv2d(4, 2, 1)->weight_quantizer()->descriptor().num_bits() == 8);
  nn::LinearImpl::set_default_weight(qdq::Descriptor::predefined(qdq::Predefined::LinearWeightPerRow).value());
  HOLDS(nn::Linear(4, 2)->weight_quantizer()->descriptor().num_bits() == 8);
  // The default input, also of modules without weights.
  nn::MaxPool2dImpl::set_default_input(qdq::Descriptor::make().num_bits(4).build().value());
  HOLDS(nn::MaxPool2d(2)->input_quantizer()->descriptor().num_bits() == 4);
  HOLDS(nn::AvgPool2d(2)->input_quantizer()->descriptor().num_bits() == 8);
  nn::MaxPool2dImpl::set_default_input(nn::detail::default_input()->clone().value());
  nn::LSTM rnn(nn::LSTMOptions(4, 2),
               nn::QuantOptions().weight(qdq::Descriptor::make().num_bits(5).axis({0}).build().value()));
  HOLDS(nn::quantizers(*rnn, "weight_quantizer_l0")[0].quantizer->descriptor().num_bits() == 5);
}

namespace {

struct NetImpl : torch::nn::Cloneable<NetImpl> {
  NetImpl() { NetImpl::reset(); }
  void reset() override {
    conv = register_module("conv", nn::Conv2d(nn::Conv2dOptions(1, 4, 3).padding(1)));
    norm = register_module("norm", nn::BatchNorm2d(4));
    fc = register_module("fc", nn::Linear(4 * 6 * 6, 3));
  }
  Tensor forward(const Tensor& x) { return fc->forward(torch::relu(norm->forward(conv->forward(x))).flatten(1)); }

  nn::Conv2d conv{nullptr};
  nn::BatchNorm2d norm{nullptr};
  nn::Linear fc{nullptr};
};
TORCH_MODULE(Net);

Net calibrated(const Tensor& x) {
  Net net;
  net->eval();
  {
    const nn::Observe observe(*net);
    net->forward(x);
  }
  nn::load_calib_amax(*net, qdq::Method::Mse);
  return net;
}

}  // namespace

TEST(state_goes_through_files) {
  const auto x = torch::randn({4, 1, 6, 6});
  auto net = calibrated(x);
  nn::calibrate_weights(*net);
  std::stringstream file;
  torch::save(net, file);
  Net read;
  read->eval();
  HOLDS(!same(read->forward(x), net->forward(x)));
  torch::load(read, file, torch::kCPU);
  SAME(read->forward(x), net->forward(x));
  SAME(read->conv->weight_quantizer()->amax(), net->conv->weight_quantizer()->amax());
  HOLDS(read->conv->input_quantizer()->amax().device().is_cpu());
  // A range that is dynamic in the file is dynamic after loading, even if it was not before.
  Net fresh;
  std::stringstream dynamic;
  torch::save(fresh, dynamic);
  torch::load(read, dynamic);
  HOLDS(read->conv->input_quantizer()->is_dynamic());
  // The weights of a float network, whose file has no quantizers.
  std::stringstream floats;
  {
    const nn::FloatModules none;
    Net plain;
    torch::save(plain, floats);
  }
  torch::load(net, floats);
  HOLDS(!net->conv->input_quantizer()->is_dynamic());
  // A file that lacks a part of a quantizer gives an error.
  nn::TensorQuantizer whole;
  torch::serialize::OutputArchive parts;
  parts.write("amax", torch::tensor(1.0f), true);
  std::stringstream broken;
  parts.save_to(broken);
  torch::serialize::InputArchive archive;
  archive.load_from(broken);
  bool refused = false;
  try {
    whole->load(archive);
  } catch (const c10::Error&) {
    refused = true;
  }
  HOLDS(refused);
}

TEST(copies_are_independent) {
  const auto x = torch::randn({4, 1, 6, 6});
  auto net = calibrated(x);
  net->conv->input_quantizer()->set_calibrating(true);
  const auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  // Statistics are copied too, and from then on they are independent.
  HOLDS(copy->conv->input_quantizer()->stats().values() == 144);
  copy->conv->input_quantizer()->observe(x);
  HOLDS(copy->conv->input_quantizer()->stats().values() == 288 && net->conv->input_quantizer()->stats().values() == 144);
  SAME(copy->forward(x), net->forward(x));
  HOLDS(copy->conv->input_quantizer()->is_calibrating());
  std::set<const void*> memory;
  for (const auto& tensor : net->parameters()) memory.insert(tensor.data_ptr());
  for (const auto& tensor : net->buffers()) memory.insert(tensor.data_ptr());
  for (const auto& tensor : copy->parameters()) HOLDS(memory.count(tensor.data_ptr()) == 0);
  const auto before = net->forward(x);
  for (const auto& named : nn::quantizers(*copy)) {
    named.quantizer->clear_amax();
    named.quantizer->set_amax(torch::tensor(1e-2f));
  }
  SAME(net->forward(x), before);
  HOLDS(!same(copy->forward(x), before));
  auto list = nn::Sequential(nn::Conv2d(1, 2, 3), nn::ReLU());
  const auto list_copy = std::dynamic_pointer_cast<torch::nn::SequentialImpl>(list->clone());
  SAME(list_copy->forward(x), list->forward(x));
  HOLDS(list->ptr<nn::Conv2dImpl>(0) != nullptr);
}

TEST(calibration_of_a_tree) {
  const auto x = torch::randn({4, 1, 6, 6});
  Net net;
  net->eval();
  HOLDS(nn::quantizers(*net).size() == 4 && nn::quantizers(*net, "conv.*").size() == 2 &&
        nn::quantizers(*net, "*weight_quantizer").size() == 2);
  HOLDS(nn::disable(*net, "fc.*") == 2 && net->fc->input_quantizer()->is_disabled() &&
        !net->conv->input_quantizer()->is_disabled());
  HOLDS(nn::enable(*net) == 4);
  FAILS("no quantizer is called 'none*'", nn::enable(*net, "none*"));
  FAILS("nothing was observed", nn::load_calib_amax(*net, qdq::Method::Max));
  HOLDS(nn::load_calib_amax(*net, qdq::Method::Max, false) == 0);
  {
    const nn::Observe observe(*net);
    HOLDS(!net->conv->input_quantizer()->is_quantizing());
    SAME(net->conv->forward(x), torch::conv2d(x, net->conv->weight, net->conv->bias, 1, 1));
    net->forward(x);
  }
  HOLDS(net->conv->input_quantizer()->is_quantizing() && !net->conv->input_quantizer()->is_calibrating());
  qdq::TensorStats stats;
  stats.observe(nn::view(x)).value();
  stats.observe(nn::view(x)).value();
  for (const auto& method : {qdq::RangeMethod(qdq::Method::Max), qdq::RangeMethod(qdq::Method::Entropy),
                             qdq::RangeMethod(qdq::Method::Mse), qdq::percentile(99)}) {
    HOLDS(nn::load_calib_amax(*net, method) == 4);
    HOLDS(net->conv->input_quantizer()->amax().item<float>() == stats.amax(method).value());
    SAME(net->conv->weight_quantizer()->amax(), net->conv->weight.detach().abs().amax({1, 2, 3}, true));
  }
  // The options of the original's searches go to every quantizer with its histogram.
  FAILS("conv.input_quantizer: quantizer: start_bin", nn::load_calib_amax(*net, qdq::Method::Entropy, {128, 1}));
  nn::Linear compat(nn::LinearOptions(36, 3),
                    nn::QuantOptions().input(
                        qdq::Descriptor::make().calib_method(qdq::CalibMethod::Compat).build().value()));
  {
    const nn::Observe observe(*compat);
    compat->forward(x.reshape({4, 36}));
  }
  HOLDS(nn::load_calib_amax(*compat, qdq::Method::Mse, {1000, 3}) == 2);
  auto original = compat->input_quantizer();
  const auto searched = original->amax();
  HOLDS(original->load_calib_amax(qdq::Method::Mse, {1000, 3}) && same(original->amax(), searched));
  HOLDS(nn::calibrate_weights(*net, qdq::Method::Mse) == 2);
  const auto expected = qdq::weights_amax(nn::view(net->fc->weight), 0, qdq::Method::Mse).value();
  SAME(net->fc->weight_quantizer()->amax(), nn::to_tensor(expected).reshape({3, 1}));
  const auto summary = nn::summary(*net);
  HOLDS(summary.find("fc.weight_quantizer") != std::string::npos && summary.find("](3)") != std::string::npos);
  HOLDS(std::count(summary.begin(), summary.end(), '\n') == 4);
  // Transposed convolutions, recurrent layers, blocks, e4m3.
  nn::ConvTranspose2d up(nn::ConvTranspose2dOptions(4, 6, 3));
  HOLDS(nn::calibrate_weights(*up) == 1 && up->weight_quantizer()->amax().sizes() == torch::IntArrayRef({1, 6, 1, 1}));
  nn::LSTM rnn(nn::LSTMOptions(3, 4).num_layers(2));
  HOLDS(nn::calibrate_weights(*rnn) == 2);
  std::get<0>(rnn->forward(torch::randn({2, 2, 3}))).sum().backward();
  nn::Linear blocks(nn::LinearOptions(8, 4),
                    nn::QuantOptions().weight(qdq::Descriptor::make().num_bits(4).block(1, 4).build().value()));
  HOLDS(nn::calibrate_weights(*blocks) == 1 && blocks->weight_quantizer()->amax().sizes() == torch::IntArrayRef({4, 2}));
  nn::Linear floats(nn::LinearOptions(8, 4), nn::QuantOptions().weight(qdq::Descriptor::make().e4m3().build().value()));
  HOLDS(nn::calibrate_weights(*floats) == 1 && floats->weight_quantizer()->amax().dim() == 0);
}

TEST(training_helpers) {
  // The numbers are those of the core.
  const nn::FineTuning schedule(1000, 0.5);
  const auto core = qdq::QatSchedule::from_original(1000, 0.5).value();
  HOLDS(schedule.steps() == 100 && core.steps() == 100);
  for (std::uint64_t step = 0; step < 120; ++step) HOLDS(schedule.rate(step) == core.learning_rate(step));
  HOLDS(nn::FineTuning(qdq::QatSchedule::make(3, 0.2, 0.1).value()).rate(3) == 0.1);
  FAILS("0 steps", nn::FineTuning(0, 0.1));
  FAILS("learning rate", nn::FineTuning(10, -0.1));

  nn::Conv2dImpl::set_default_input(
      qdq::Descriptor::make().learn_amax(true).calib_method(qdq::CalibMethod::Histogram).build().value());
  Net net;
  nn::Conv2dImpl::set_default_input(nn::detail::default_input()->clone().value());
  auto groups = nn::parameter_groups(*net);
  HOLDS(groups.ranges.size() == 2 && groups.weights.size() == 6);
  const auto x = torch::randn({4, 1, 6, 6});
  {
    const nn::Observe observe(*net);
    net->forward(x);
  }
  FAILS("no range to freeze", nn::freeze_ranges(*net));
  nn::load_calib_amax(*net, qdq::Method::Max);
  std::vector<torch::optim::OptimizerParamGroup> both{torch::optim::OptimizerParamGroup(groups.weights),
                                                      torch::optim::OptimizerParamGroup(groups.ranges)};
  torch::optim::SGD optimizer(both, torch::optim::SGDOptions(1.0));
  schedule.apply(optimizer, 0, {1, 10});
  HOLDS(std::abs(optimizer.param_groups()[0].options().get_lr() - 0.005) < 1e-12);
  HOLDS(std::abs(optimizer.param_groups()[1].options().get_lr() - 0.05) < 1e-12);
  const auto range = net->conv->input_quantizer()->clip_range().value();
  const auto step = [&] {
    optimizer.zero_grad();
    net->forward(x * 2).pow(2).sum().backward();
    optimizer.step();
  };
  step();
  const auto moved = net->conv->input_quantizer()->clip_range().value();
  HOLDS(moved.max != range.max && moved.min != range.min);
  nn::freeze_ranges(*net);
  step();
  HOLDS(net->conv->input_quantizer()->clip_range()->max == moved.max && nn::parameter_groups(*net).ranges.empty());
  // The state of an optimizer does not move them either, and a copy is not free to move.
  nn::freeze_ranges(*net, false);
  torch::optim::Adam adam(nn::parameter_groups(*net).ranges, torch::optim::AdamOptions(0.1));
  const auto backward = [&] { net->forward(x * 2).pow(2).sum().backward(); };
  backward();
  adam.step();
  const auto before = net->conv->input_quantizer()->clip_range().value();
  nn::freeze_ranges(*net);
  adam.zero_grad();
  backward();
  adam.step();
  const auto after = net->conv->input_quantizer()->clip_range().value();
  HOLDS(after.max == before.max && after.min == before.min && before.max != moved.max);
  const auto copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
  HOLDS(nn::parameter_groups(*copy).ranges.empty());
  nn::freeze_ranges(*net, false);
  HOLDS(nn::parameter_groups(*net).ranges.size() == 2);
  nn::freeze_ranges(*net, true, "fc.*");
  HOLDS(nn::parameter_groups(*net).ranges.size() == 2);
  nn::freeze_ranges(*net, true, "conv.*");
  HOLDS(nn::parameter_groups(*net).ranges.empty());
}

TEST(weights_are_calibrated_as_they_are_quantized) {
  nn::Linear linear(6, 3);
  const auto factors = torch::tensor({1.0f, 2.0f, 0.5f, 3.0f, 1.0f, 4.0f});
  linear->weight_quantizer()->set_pre_quant_scale(factors);
  const auto scaled = linear->weight.detach() * factors;
  for (const auto method : {qdq::Method::Max, qdq::Method::Mse}) {
    nn::calibrate_weights(*linear, method);
    SAME(linear->weight_quantizer()->amax(),
         nn::to_tensor(qdq::weights_amax(nn::view(scaled), 0, method).value()).reshape({3, 1}));
  }
  nn::Linear floats(nn::LinearOptions(6, 3), nn::QuantOptions().weight(qdq::Descriptor::make().e4m3().build().value()));
  floats->weight_quantizer()->set_pre_quant_scale(factors);
  nn::calibrate_weights(*floats);
  SAME(floats->weight_quantizer()->amax(), (floats->weight.detach() * factors).abs().max());
}

TEST(copies_are_what_they_copy_whatever_the_switch_says) {
  const auto x = torch::randn({4, 1, 6, 6});
  auto net = calibrated(x);
  nn::LSTM rnn(4, 6);
  nn::Add add;
  std::shared_ptr<NetImpl> copy;
  std::shared_ptr<nn::LSTMImpl> rnn_copy;
  std::shared_ptr<nn::AddImpl> add_copy;
  {
    const nn::FloatModules off;
    copy = std::dynamic_pointer_cast<NetImpl>(net->clone());
    rnn_copy = std::dynamic_pointer_cast<nn::LSTMImpl>(rnn->clone());
    add_copy = std::dynamic_pointer_cast<nn::AddImpl>(add->clone());
    HOLDS(!nn::is_quantized() && nn::Linear(2, 2)->children().empty());
  }
  const auto sequence = torch::randn({3, 2, 4});
  for (int again = 0; again < 2; ++again) {
    copy->eval();
    HOLDS(nn::quantizers(*copy).size() == 4 && nn::calibrate_weights(*copy) == 2);
    SAME(std::get<0>(rnn_copy->forward(sequence)), std::get<0>(rnn->forward(sequence)));
    SAME(add_copy->forward(x, x), add->forward(x, x));
    SAME(copy->conv->input_quantizer()->amax(), net->conv->input_quantizer()->amax());
    // A copy of the copy, with the switch on.
    copy = std::dynamic_pointer_cast<NetImpl>(copy->clone());
    rnn_copy = std::dynamic_pointer_cast<nn::LSTMImpl>(rnn_copy->clone());
    add_copy = std::dynamic_pointer_cast<nn::AddImpl>(add_copy->clone());
  }
  nn::calibrate_weights(*net);
  SAME(copy->forward(x), net->forward(x));
  // A float copy stays float.
  nn::Conv2d plain{nullptr};
  {
    const nn::FloatModules off;
    plain = nn::Conv2d(1, 2, 3);
  }
  HOLDS(std::dynamic_pointer_cast<nn::Conv2dImpl>(plain->clone())->children().empty());
}

TEST(weights_are_quantized_in_place) {
  const auto x = torch::randn({4, 1, 6, 6});
  auto net = calibrated(x);
  nn::calibrate_weights(*net);
  const auto before = net->conv->weight.detach().clone();
  const auto expected = net->conv->weight_quantizer()->forward(before).detach();
  const auto output = net->forward(x);
  nn::disable(*net, "fc.weight_quantizer");
  const auto fc = net->fc->weight.detach().clone();
  HOLDS(nn::quantize_weights(*net) == 1);
  SAME(net->conv->weight.detach(), expected);
  SAME(net->fc->weight.detach(), fc);
  HOLDS(!same(before, expected) && net->conv->weight.requires_grad());
  nn::enable(*net);
  SAME(net->forward(x), output);
  net->conv->weight_quantizer()->set_pre_quant_scale(torch::tensor(2.0f));
  FAILS("conv.weight_quantizer scales", nn::quantize_weights(*net));
}

// Modules that the original does not quantize either.
static_assert(std::is_same_v<nn::GRU, torch::nn::GRU> && std::is_same_v<nn::RNN, torch::nn::RNN> &&
              std::is_same_v<nn::BatchNorm2d, torch::nn::BatchNorm2d>);

struct ResidualImpl : torch::nn::Cloneable<ResidualImpl> {
  ResidualImpl() { ResidualImpl::reset(); }
  void reset() override { add = register_module("add", nn::Add()); }
  nn::Add add{nullptr};
};

TEST(a_copy_keeps_the_range_of_a_sum) {
  ResidualImpl net;
  net.add->input_quantizer()->set_amax(torch::tensor(2.0f));
  const auto copy = std::dynamic_pointer_cast<ResidualImpl>(net.clone());
  SAME(copy->add->input_quantizer()->amax(), torch::tensor(2.0f));
  const auto x = torch::randn({3, 4}) * 3;
  SAME(copy->add->forward(x, x), net.add->forward(x, x));
}

int main() { return run_all(); }
