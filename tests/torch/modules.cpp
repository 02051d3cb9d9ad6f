// The quantized modules, compared with compositions of torch's functions and fake quantization, forward and
// backward, in float and half.
#include "check.hpp"

namespace {

/// Whether fake() quantizes with ranges that clip some of the data.
bool clips = false;

struct Clips {
  Clips() { clips = true; }
  ~Clips() { clips = false; }
};

/// Returns such a range of x, one per index of the kept axes.
Tensor tight(const Tensor& x, const std::vector<std::int32_t>& axis) {
  if (axis.empty()) return torch::tensor(0.75f);
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[static_cast<std::size_t>(axis[0])] = -1;
  return torch::linspace(0.02, 0.2, x.size(axis[0])).reshape(shape);
}

/// Fake-quantizes with the range of this very data, or with one that clips, along kept axes.
Tensor fake(const Tensor& x, std::vector<std::int32_t> axis = {}) {
  const auto descriptor = nn::share(qdq::Descriptor::make().axis(axis).build().value());
  return F::fake_tensor_quant(x, clips ? tight(x, axis) : F::amax(x, *descriptor), descriptor);
}

using Values = std::vector<Tensor>;

/// Compares a module's result for x, and all its gradients, with `expected`, a function of x and of the
/// module's parameters in order. This is done in float, and in half or else bfloat16 if torch computes the
/// function in those; with ranges of the data and with ranges that clip. The clipping ranges then go through
/// a file.
template <typename Module>
void against(
    const std::string& name, Module module, const Tensor& data,
    const std::function<Tensor(const Tensor&, const Values&)>& expected,
    const std::function<Tensor(Module&, const Tensor&)>& forward = [](Module& m, const Tensor& x) {
      return m->forward(x);
    }) {
  const auto compare_once = [&](torch::ScalarType type, double tolerance) {
    module->to(type);
    module->zero_grad();
    const auto x = data.detach().to(type).requires_grad_(true), same_x = x.detach().clone().requires_grad_(true);
    const auto found = forward(module, x);
    Values parameters, gradients;
    for (const auto& parameter : module->parameters()) parameters.push_back(parameter.detach().clone().requires_grad_(true));
    const auto wanted = expected(same_x, parameters);
    if (found.scalar_type() != type) failed(__FILE__, __LINE__, name + " changes the type");
    const auto gradient = torch::randn(found.sizes()).to(type);
    found.backward(gradient);
    wanted.backward(gradient);
    const auto check = [&](const char* what, const Tensor& a, const Tensor& b) {
      if (!near(a, b, tolerance))
        failed(__FILE__, __LINE__, text(name, ", ", what, " in ", torch::toString(type), ":\n", a, "\n", b));
    };
    check("output", found, wanted);
    check("gradient of x", x.grad(), same_x.grad());
    std::size_t at = 0;
    for (const auto& parameter : module->parameters())
      check("gradient of a parameter", parameter.grad(), parameters[at++].grad());
  };
  const auto clear = [](const Module& cleared) {
    for (const auto& named : nn::quantizers(*cleared)) named.quantizer->clear_amax();
  };
  const auto fix = [&] {
    for (const auto& site : module->sites()) {
      site.input->set_amax(tight(data, {}));
      if (site.weight) site.weight->set_amax(tight(site.value, site.weight->descriptor().axis()));
    }
  };
  const auto compare = [&](torch::ScalarType type, double tolerance) {
    compare_once(type, tolerance);
    fix();
    const Clips now;
    compare_once(type, tolerance);
    clear(module);
  };
  compare(torch::kFloat, 1e-5);
  // Whether torch itself computes the function in this type on this machine.
  const auto computes = [&](torch::ScalarType type) {
    try {
      module->to(type);
      Values parameters;
      for (const auto& parameter : module->parameters())
        parameters.push_back(parameter.detach().clone().requires_grad_(true));
      expected(data.detach().to(type).requires_grad_(true), parameters).sum().backward();
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  };
  if (computes(torch::kHalf)) {
    compare(torch::kHalf, 1e-2);
  } else if (computes(torch::kBFloat16)) {
    std::cout << "        " << name << ": in bfloat16, since torch does not compute it in half here\n";
    compare(torch::kBFloat16, 5e-2);
  } else {
    std::cout << "        " << name << ": in float only, since torch computes it in no narrower type here\n";
  }
  module->to(torch::kFloat);
  fix();
  std::stringstream file;
  torch::save(module, file);
  Module read(std::dynamic_pointer_cast<typename Module::ContainedType>(module->clone()));
  clear(read);
  const torch::NoGradGuard no_grad;
  for (auto& parameter : read->parameters()) parameter.zero_();
  HOLDS(!same(forward(read, data), forward(module, data)));
  torch::load(read, file);
  if (!same(forward(read, data), forward(module, data))) failed(__FILE__, __LINE__, name + " is another one in its file");
}

/// Checks that the fake-quantized x differs from x, so that a result equal to the composition is quantized.
void must_quantize(const Tensor& x) { HOLDS(!same(fake(x), x)); }

std::vector<std::string> names(const torch::nn::Module& module) {
  std::vector<std::string> found;
  for (const auto& parameter : module.named_parameters()) found.push_back(parameter.key());
  for (const auto& buffer : module.named_buffers()) found.push_back(buffer.key());
  return found;
}

}  // namespace

TEST(convolutions) {
  const auto x1 = torch::randn({2, 4, 9}), x2 = torch::randn({2, 4, 9, 8}), x3 = torch::randn({2, 4, 5, 6, 7});
  must_quantize(x2);
  against<nn::Conv1d>("Conv1d", nn::Conv1d(nn::Conv1dOptions(4, 6, 3).padding(1).stride(2)), x1,
                      [](const Tensor& x, const Values& p) { return torch::conv1d(fake(x), fake(p[0], {0}), p[1], 2, 1); });
  against<nn::Conv2d>("Conv2d", nn::Conv2d(nn::Conv2dOptions(4, 6, {3, 2}).padding({1, 0}).groups(2).dilation(2)), x2,
                      [](const Tensor& x, const Values& p) {
                        return torch::conv2d(fake(x), fake(p[0], {0}), p[1], 1, {1, 0}, 2, 2);
                      });
  against<nn::Conv2d>("Conv2d without a bias", nn::Conv2d(nn::Conv2dOptions(4, 6, 1).bias(false)), x2,
                      [](const Tensor& x, const Values& p) { return torch::conv2d(fake(x), fake(p[0], {0})); });
  against<nn::Conv2d>("Conv2d, same", nn::Conv2d(nn::Conv2dOptions(4, 6, {2, 3}).padding(torch::kSame)), x2,
                      [](const Tensor& x, const Values& p) {
                        return torch::conv2d(torch::constant_pad_nd(fake(x), {1, 1, 0, 1}), fake(p[0], {0}), p[1]);
                      });
  against<nn::Conv2d>("Conv2d, circular", nn::Conv2d(nn::Conv2dOptions(4, 6, 3).padding(1).padding_mode(torch::kCircular)),
                      x2, [](const Tensor& x, const Values& p) {
                        const auto padded = F::pad(fake(x), F::PadFuncOptions({1, 1, 1, 1}).mode(torch::kCircular));
                        return torch::conv2d(padded, fake(p[0], {0}), p[1]);
                      });
  against<nn::Conv3d>("Conv3d", nn::Conv3d(4, 6, 3), x3,
                      [](const Tensor& x, const Values& p) { return torch::conv3d(fake(x), fake(p[0], {0}), p[1]); });
  nn::Conv2d one(4, 6, 3);
  SAME(one->forward(x2[0]), torch::conv2d(fake(x2[0]), fake(one->weight, {0}), one->bias));
}

TEST(transposed_convolutions) {
  const auto x1 = torch::randn({2, 4, 9}), x2 = torch::randn({2, 4, 5, 6}), x3 = torch::randn({2, 4, 3, 4, 5});
  against<nn::ConvTranspose1d>(
      "ConvTranspose1d", nn::ConvTranspose1d(nn::ConvTranspose1dOptions(4, 6, 3).stride(2).padding(1).output_padding(1)), x1,
      [](const Tensor& x, const Values& p) { return torch::conv_transpose1d(fake(x), fake(p[0], {1}), p[1], 2, 1, 1); });
  against<nn::ConvTranspose2d>("ConvTranspose2d", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(4, 6, 3).groups(2)), x2,
                               [](const Tensor& x, const Values& p) {
                                 return torch::conv_transpose2d(fake(x), fake(p[0], {1}), p[1], 1, 0, 0, 2);
                               });
  against<nn::ConvTranspose3d>("ConvTranspose3d", nn::ConvTranspose3d(4, 6, 2), x3, [](const Tensor& x, const Values& p) {
    return torch::conv_transpose3d(fake(x), fake(p[0], {1}), p[1]);
  });
  nn::ConvTranspose2d up(nn::ConvTranspose2dOptions(4, 6, 3).stride(2));
  const std::vector<std::int64_t> wanted{12, 13};
  HOLDS(up->forward(x2, torch::IntArrayRef(wanted)).sizes() == torch::IntArrayRef({2, 6, 12, 13}));
  torch::nn::ConvTranspose2d plain(nn::ConvTranspose2dOptions(4, 6, 3).stride(2));
  HOLDS(plain->forward(x2, torch::IntArrayRef(wanted)).sizes() == torch::IntArrayRef({2, 6, 12, 13}));
  const std::vector<std::int64_t> too_large{13, 13};
  nn::ConvTranspose1d reflecting(nn::ConvTranspose1dOptions(4, 6, 3).padding_mode(torch::kReflect));
  FAILS("pads with zeros only", reflecting->forward(x1));
  FAILS("no output of size 13", up->forward(x2, torch::IntArrayRef(too_large)));
}

TEST(linear_layers) {
  const auto x = torch::randn({3, 5, 7});
  against<nn::Linear>("Linear", nn::Linear(7, 4), x,
                      [](const Tensor& data, const Values& p) { return F::linear(fake(data), fake(p[0], {0}), p[1]); });
  against<nn::Linear>("Linear without a bias", nn::Linear(nn::LinearOptions(7, 4).bias(false)), x,
                      [](const Tensor& data, const Values& p) { return F::linear(fake(data), fake(p[0], {0})); });
}

TEST(pools_norms_and_sums) {
  const auto x1 = torch::randn({2, 4, 8}), x2 = torch::randn({2, 4, 8, 6}), x3 = torch::randn({2, 4, 4, 6, 8});
  using Fake = const Tensor&;
  const auto input = [](auto function) { return [function](const Tensor& x, const Values&) { return function(fake(x)); }; };
  against<nn::MaxPool1d>("MaxPool1d", nn::MaxPool1d(2), x1, input([](Fake x) { return torch::max_pool1d(x, 2); }));
  against<nn::MaxPool2d>("MaxPool2d", nn::MaxPool2d(nn::MaxPool2dOptions(2).stride(1)), x2,
                         input([](Fake x) { return torch::max_pool2d(x, 2, 1); }));
  against<nn::MaxPool3d>("MaxPool3d", nn::MaxPool3d(2), x3, input([](Fake x) { return torch::max_pool3d(x, 2); }));
  against<nn::AvgPool1d>("AvgPool1d", nn::AvgPool1d(2), x1, input([](Fake x) { return torch::avg_pool1d(x, 2); }));
  against<nn::AvgPool2d>("AvgPool2d", nn::AvgPool2d(2), x2, input([](Fake x) { return torch::avg_pool2d(x, 2); }));
  against<nn::AvgPool3d>("AvgPool3d", nn::AvgPool3d(2), x3, input([](Fake x) { return torch::avg_pool3d(x, 2); }));
  against<nn::AdaptiveAvgPool1d>("AdaptiveAvgPool1d", nn::AdaptiveAvgPool1d(3), x1,
                                 input([](Fake x) { return torch::adaptive_avg_pool1d(x, 3); }));
  against<nn::AdaptiveAvgPool2d>("AdaptiveAvgPool2d", nn::AdaptiveAvgPool2d(1), x2,
                                 input([](Fake x) { return torch::adaptive_avg_pool2d(x, {1, 1}); }));
  against<nn::AdaptiveAvgPool3d>("AdaptiveAvgPool3d", nn::AdaptiveAvgPool3d(2), x3,
                                 input([](Fake x) { return torch::adaptive_avg_pool3d(x, {2, 2, 2}); }));
  // With indices too, for MaxUnpool.
  const auto with_indices = [&](auto pool, const Tensor& x, auto function) {
    const auto [found, indices] = pool->forward_with_indices(x);
    const auto [expected, same_indices] = function(fake(x));
    SAME(found, expected);
    SAME(indices, same_indices);
    HOLDS(!same(found, std::get<0>(function(x))));
  };
  with_indices(nn::MaxPool1d(2), x1, [](Fake x) { return torch::max_pool1d_with_indices(x, 2); });
  with_indices(nn::MaxPool2d(2), x2, [](Fake x) { return torch::max_pool2d_with_indices(x, 2); });
  with_indices(nn::MaxPool3d(2), x3, [](Fake x) { return torch::max_pool3d_with_indices(x, 2); });
  const auto norm = [](const Tensor& x, const Values& p) {
    return torch::instance_norm(fake(x), p.empty() ? Tensor() : p[0], p.empty() ? Tensor() : p[1], {}, {}, true, 0.1, 1e-5,
                                false);
  };
  against<nn::InstanceNorm1d>("InstanceNorm1d", nn::InstanceNorm1d(4), x1, norm);
  nn::InstanceNorm2d affine(nn::InstanceNorm2dOptions(4).affine(true));
  {
    // Values that quantization would change. Initially they are 1 and 0.
    const torch::NoGradGuard no_grad;
    for (auto& parameter : affine->parameters()) parameter.uniform_(-1, 1);
  }
  against<nn::InstanceNorm2d>("InstanceNorm2d", affine, x2, norm);
  against<nn::InstanceNorm3d>("InstanceNorm3d", nn::InstanceNorm3d(4), x3, norm);
  nn::InstanceNorm2d tracking(nn::InstanceNorm2dOptions(4).track_running_stats(true));
  tracking->forward(x2);
  HOLDS(!same(tracking->running_mean, torch::zeros({4})));
  FAILS("rank 2", tracking->forward(torch::randn({2, 4})));
  const auto other = torch::randn({2, 4, 8});
  against<nn::Add>(
      "Add", nn::Add(), x1, [&](const Tensor& x, const Values&) { return other.to(x.scalar_type()) + fake(x); },
      [&](nn::Add& add, const Tensor& x) { return add->forward(other.to(x.scalar_type()), x); });
}

namespace {

/// Computes one step by torch's formula.
std::pair<Tensor, Tensor> lstm(const Tensor& x, const Tensor& h, const Tensor& c, const Tensor& ih, const Tensor& hh,
                               const Tensor& bias) {
  const auto gates = F::linear(fake(torch::cat({x, h}, 1)), fake(torch::cat({ih, hh}, 1), {0}), bias).chunk(4, 1);
  const auto next = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
  return {gates[3].sigmoid() * next.tanh(), next};
}

}  // namespace

TEST(lstms) {
  const auto x = torch::randn({5, 3, 4});
  against<nn::LSTMCell>(
      "LSTMCell", nn::LSTMCell(4, 6), x[0],
      [](const Tensor& data, const Values& p) {
        const auto zeros = torch::zeros({3, 6}).to(data.scalar_type());
        return lstm(data, zeros, zeros, p[0], p[1], p[2] + p[3]).first;
      },
      [](nn::LSTMCell& cell, const Tensor& data) { return std::get<0>(cell->forward(data)); });
  against<nn::LSTM>(
      "LSTM", nn::LSTM(nn::LSTMOptions(4, 6).bidirectional(true).num_layers(2)), x,
      [](const Tensor& data, const Values& p) {
        auto layer_input = data;
        for (std::size_t layer = 0; layer < 2; ++layer) {
          Values directions;
          for (std::size_t reverse = 0; reverse < 2; ++reverse) {
            const auto first = (layer * 2 + reverse) * 4;
            auto h = torch::zeros({3, 6}).to(data.scalar_type()), c = h;
            Values steps(5);
            for (int step = 0; step < 5; ++step) {
              const auto time = reverse ? 4 - step : step;
              std::tie(h, c) = lstm(layer_input[time], h, c, p[first], p[first + 1], p[first + 2] + p[first + 3]);
              steps[static_cast<std::size_t>(time)] = h;
            }
            directions.push_back(torch::stack(steps));
          }
          layer_input = torch::cat(directions, 2);
        }
        return layer_input;
      },
      [](nn::LSTM& lstm_module, const Tensor& data) { return std::get<0>(lstm_module->forward(data)); });
  // Without quantization the results and states are torch's own, batch first or without a batch.
  for (const bool batch_first : {false, true}) {
    const auto options = nn::LSTMOptions(4, 6).num_layers(2).bidirectional(true).batch_first(batch_first);
    nn::LSTM quantized(options);
    torch::nn::LSTM plain(options);
    nn::disable(*quantized);
    const torch::NoGradGuard no_grad;
    for (const auto& parameter : plain->named_parameters())
      parameter.value().copy_(quantized->named_parameters()[parameter.key()]);
    const auto state = std::make_tuple(torch::randn({4, batch_first ? 5 : 3, 6}), torch::randn({4, batch_first ? 5 : 3, 6}));
    const auto [y, states] = quantized->forward(x, state);
    const auto [plain_y, plain_states] = plain->forward(x, state);
    NEAR(y, plain_y, 1e-5);
    NEAR(std::get<0>(states), std::get<0>(plain_states), 1e-5);
    NEAR(std::get<1>(states), std::get<1>(plain_states), 1e-5);
    NEAR(std::get<0>(quantized->forward(x[0])),
         std::get<0>(plain->forward(batch_first ? x[0].unsqueeze(0) : x[0].unsqueeze(1))).squeeze(batch_first ? 0 : 1),
         1e-5);
  }
  FAILS("no projections", nn::LSTM(nn::LSTMOptions(4, 6).proj_size(3)));
}

namespace {

using State = std::tuple<Tensor, Tensor>;

/// Computes torch's formula over a sequence, time first: the outputs, and the final states.
std::tuple<Tensor, State> lstm_layers(const nn::LSTMOptions& options, Tensor x, const State& start, const Values& p) {
  const std::size_t directions = options.bidirectional() ? 2 : 1, per_direction = options.bias() ? 4 : 2;
  Values hs, cs;
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(options.num_layers()); ++layer) {
    Values outputs;
    for (std::size_t reverse = 0; reverse < directions; ++reverse) {
      const auto at = layer * directions + reverse, first = at * per_direction;
      auto h = std::get<0>(start)[static_cast<std::int64_t>(at)], c = std::get<1>(start)[static_cast<std::int64_t>(at)];
      const auto bias = options.bias() ? p[first + 2] + p[first + 3] : Tensor();
      Values steps(static_cast<std::size_t>(x.size(0)));
      for (std::int64_t step = 0; step < x.size(0); ++step) {
        const auto time = reverse ? x.size(0) - 1 - step : step;
        std::tie(h, c) = lstm(x[time], h, c, p[first], p[first + 1], bias);
        steps[static_cast<std::size_t>(time)] = h;
      }
      outputs.push_back(torch::stack(steps));
      hs.push_back(h);
      cs.push_back(c);
    }
    x = torch::cat(outputs, 2);
  }
  return {x, {torch::stack(hs), torch::stack(cs)}};
}

Values leaves(const torch::nn::Module& module) {
  Values found;
  for (const auto& parameter : module.parameters()) {
    if (parameter.dim() > 0) found.push_back(parameter.detach().clone().requires_grad_(true));
  }
  return found;
}

Tensor leaf(const Tensor& x) { return x.detach().clone().requires_grad_(true); }

}  // namespace

TEST(lstm_options_states_and_their_gradients) {
  int compared = 0;
  for (const bool batch_first : {false, true}) {
    for (const bool bias : {false, true}) {
      for (const bool bidirectional : {false, true}) {
        for (const std::int64_t layers : {1, 2}) {
          const auto options =
              nn::LSTMOptions(4, 6).batch_first(batch_first).bias(bias).bidirectional(bidirectional).num_layers(layers);
          nn::LSTM module(options);
          const auto states = layers * (bidirectional ? 2 : 1);
          const auto x = leaf(torch::randn({5, 3, 4})), h = leaf(torch::randn({states, batch_first ? 5 : 3, 6})),
                     c = leaf(torch::randn_like(h));
          const auto [y, last] = module->forward(x, State(h, c));
          const auto same_x = leaf(x), same_h = leaf(h), same_c = leaf(c);
          auto parameters = leaves(*module);
          const auto [time_first, wanted] = lstm_layers(options, batch_first ? same_x.transpose(0, 1) : same_x,
                                                        State(same_h, same_c), parameters);
          const auto expected = batch_first ? time_first.transpose(0, 1) : time_first;
          NEAR(y, expected, 1e-5);
          NEAR(std::get<0>(last), std::get<0>(wanted), 1e-5);
          NEAR(std::get<1>(last), std::get<1>(wanted), 1e-5);
          // The gradient goes through the outputs and through both states.
          const auto to_y = torch::randn_like(y), to_h = torch::randn_like(h), to_c = torch::randn_like(c);
          const auto loss = [&](const Tensor& out, const State& end) {
            return (out * to_y).sum() + (std::get<0>(end) * to_h).sum() + (std::get<1>(end) * to_c).sum();
          };
          loss(y, last).backward();
          loss(expected, wanted).backward();
          NEAR(x.grad(), same_x.grad(), 1e-4);
          NEAR(h.grad(), same_h.grad(), 1e-4);
          NEAR(c.grad(), same_c.grad(), 1e-4);
          HOLDS(h.grad().abs().sum().item<float>() > 0 && c.grad().abs().sum().item<float>() > 0);
          std::size_t at = 0;
          for (const auto& parameter : module->parameters()) NEAR(parameter.grad(), parameters[at++].grad(), 1e-4);
          HOLDS(at == static_cast<std::size_t>(states) * (bias ? 4 : 2));
          // Without a state, the module starts from zeros.
          const auto zeros = torch::zeros_like(h);
          SAME(std::get<0>(module->forward(x)), std::get<0>(module->forward(x, State(zeros, zeros))));
          ++compared;
        }
      }
    }
  }
  HOLDS(compared == 16);
}

TEST(lstm_cells_with_states) {
  for (const bool bias : {false, true}) {
    nn::LSTMCell cell(nn::LSTMCellOptions(4, 6).bias(bias));
    const auto x = leaf(torch::randn({3, 4})), h = leaf(torch::randn({3, 6})), c = leaf(torch::randn({3, 6}));
    const auto same_x = leaf(x), same_h = leaf(h), same_c = leaf(c);
    const auto [next_h, next_c] = cell->forward(x, State(h, c));
    auto p = leaves(*cell);
    const auto [expected_h, expected_c] = lstm(same_x, same_h, same_c, p[0], p[1], bias ? p[2] + p[3] : Tensor());
    NEAR(next_h, expected_h, 1e-5);
    NEAR(next_c, expected_c, 1e-5);
    const auto to_h = torch::randn_like(h), to_c = torch::randn_like(c);
    ((next_h * to_h).sum() + (next_c * to_c).sum()).backward();
    ((expected_h * to_h).sum() + (expected_c * to_c).sum()).backward();
    NEAR(x.grad(), same_x.grad(), 1e-5);
    NEAR(h.grad(), same_h.grad(), 1e-5);
    NEAR(c.grad(), same_c.grad(), 1e-5);
    std::size_t at = 0;
    for (const auto& parameter : cell->parameters()) NEAR(parameter.grad(), p[at++].grad(), 1e-5);
    // Without a batch.
    const auto [one_h, one_c] = cell->forward(x[0], State(h[0], c[0]));
    const auto [row_h, row_c] = cell->forward(x.narrow(0, 0, 1), State(h.narrow(0, 0, 1), c.narrow(0, 0, 1)));
    SAME(one_h, row_h[0]);
    SAME(one_c, row_c[0]);
  }
}

TEST(lstm_dropout_is_between_layers_while_training) {
  nn::LSTM module(nn::LSTMOptions(4, 6).num_layers(2).dropout(0.5));
  const auto x = torch::randn({5, 3, 4});
  const auto run = [&] { return std::get<0>(module->forward(x)); };
  HOLDS(!same(run(), run()));
  torch::manual_seed(5);
  const auto found = run();
  // The first layer, with torch's dropout, feeds the second.
  nn::LSTM first(nn::LSTMOptions(4, 6)), second(nn::LSTMOptions(6, 6));
  const torch::NoGradGuard no_grad;
  auto all = module->named_parameters();
  for (const auto* what : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    const auto name = std::string(what);
    first->named_parameters()[name + "_l0"].copy_(all[name + "_l0"]);
    second->named_parameters()[name + "_l0"].copy_(all[name + "_l1"]);
  }
  torch::manual_seed(5);
  NEAR(found, std::get<0>(second->forward(torch::dropout(std::get<0>(first->forward(x)), 0.5, true))), 1e-6);
  module->eval();
  SAME(run(), run());
  NEAR(run(), std::get<0>(second->forward(std::get<0>(first->forward(x)))), 1e-6);
}

TEST(lstms_quantize_once_per_layer_and_direction) {
  nn::LSTM module(nn::LSTMOptions(4, 6).num_layers(2).bidirectional(true));
  HOLDS(nn::quantizers(*module).size() == 8 && nn::quantizers(*module, "weight_quantizer_l1_reverse").size() == 1);
  // A row of [W_ih, W_hh] has one range for both matrices.
  nn::calibrate_weights(*module, qdq::Method::Max);
  auto parameters = module->named_parameters();
  const auto joined = torch::cat({parameters["weight_ih_l1_reverse"], parameters["weight_hh_l1_reverse"]}, 1).detach();
  SAME(nn::quantizers(*module, "weight_quantizer_l1_reverse")[0].quantizer->amax(), joined.abs().amax(1, true));
  FAILS("packed", module->forward_with_packed_input(
                      torch::nn::utils::rnn::pack_padded_sequence(torch::randn({2, 1, 4}), torch::tensor({2}))));
}

TEST(the_switch_makes_torch_modules) {
  const nn::FloatModules floats;
  nn::Conv2d conv(nn::Conv2dOptions(3, 4, 3).padding(1));
  torch::nn::Conv2d plain(nn::Conv2dOptions(3, 4, 3).padding(1));
  HOLDS(names(*conv) == names(*plain) && conv->children().empty() && conv->input_quantizer().is_empty());
  HOLDS(text(conv) == text(plain));
  const torch::NoGradGuard no_grad;
  plain->weight.copy_(conv->weight);
  plain->bias.copy_(conv->bias);
  const auto x = torch::randn({2, 3, 5, 5});
  SAME(conv->forward(x), plain->forward(x));
  nn::LSTM rnn(3, 4);
  torch::nn::LSTM plain_rnn(3, 4);
  HOLDS(names(*rnn) == names(*plain_rnn));
  nn::MaxPool2d pool(2);
  SAME(pool->forward(x), torch::max_pool2d(x, 2));
  nn::Add add;
  SAME(add->forward(x, x), x + x);
  HOLDS(text(add) == "qdq::nn::Add" && text(rnn) == text(plain_rnn));
  const auto copy = std::dynamic_pointer_cast<nn::Conv2dImpl>(conv->clone());
  SAME(copy->forward(x), conv->forward(x));
  FAILS("no quantizer", nn::disable(*conv));
}

TEST(the_switch_goes_back) {
  const nn::Conv2d before(1, 1, 1);
  {
    const nn::FloatModules off;
    {
      const nn::FloatModules again;
    }
    HOLDS(!nn::is_quantized() && nn::Conv2d(1, 1, 1)->children().empty());
  }
  HOLDS(nn::is_quantized() && nn::Conv2d(1, 1, 1)->children().size() == 2 && before->children().size() == 2);
}

namespace {

/// Checks that a module built while the switch is on quantizes, and that one built while it is off is
/// torch's.
template <typename Ours, typename Torch, typename Options>
void follows_the_switch(const Options& options, const Tensor& x) {
  const Ours quantized(options);
  HOLDS(!quantized->children().empty() && text(quantized).rfind("qdq::nn::", 0) == 0);
  const nn::FloatModules off;
  Ours ours(options);
  Torch plain(options);
  HOLDS(ours->children().empty() && names(*ours) == names(*plain) && names(*plain).size() < names(*quantized).size());
  if (text(ours) != text(plain)) failed(__FILE__, __LINE__, text(ours, " is not ", plain));
  const torch::NoGradGuard no_grad;
  for (const auto& parameter : plain->named_parameters()) parameter.value().copy_(ours->named_parameters()[parameter.key()]);
  if constexpr (std::is_same_v<decltype(plain->forward(x)), Tensor>) {
    SAME(ours->forward(x), plain->forward(x));
  } else {
    SAME(std::get<0>(ours->forward(x)), std::get<0>(plain->forward(x)));
  }
}

}  // namespace

// The original's switch leaves the pools that take maxima and the norms in float.
TEST(every_class_follows_the_switch) {
  const auto x1 = torch::randn({2, 4, 9}), x2 = torch::randn({2, 4, 9, 8}), x3 = torch::randn({2, 4, 5, 6, 7});
#define FOLLOWS(Name, x, ...) follows_the_switch<nn::Name, torch::nn::Name>(torch::nn::Name##Options(__VA_ARGS__), x)
  FOLLOWS(Conv1d, x1, 4, 6, 3);
  FOLLOWS(Conv2d, x2, 4, 6, 3);
  FOLLOWS(Conv3d, x3, 4, 6, 3);
  FOLLOWS(ConvTranspose1d, x1, 4, 6, 3);
  FOLLOWS(ConvTranspose2d, x2, 4, 6, 3);
  FOLLOWS(ConvTranspose3d, x3, 4, 6, 3);
  FOLLOWS(Linear, x1, 9, 3);
  FOLLOWS(LSTM, x1, 9, 3);
  FOLLOWS(LSTMCell, x1[0], 9, 3);
  FOLLOWS(MaxPool1d, x1, 2);
  FOLLOWS(MaxPool2d, x2, 2);
  FOLLOWS(MaxPool3d, x3, 2);
  FOLLOWS(AvgPool1d, x1, 2);
  FOLLOWS(AvgPool2d, x2, 2);
  FOLLOWS(AvgPool3d, x3, 2);
  FOLLOWS(AdaptiveAvgPool1d, x1, 2);
  FOLLOWS(AdaptiveAvgPool2d, x2, 2);
  FOLLOWS(AdaptiveAvgPool3d, x3, 2);
  FOLLOWS(InstanceNorm1d, x1, 4);
  FOLLOWS(InstanceNorm2d, x2, 4);
  FOLLOWS(InstanceNorm3d, x3, 4);
#undef FOLLOWS
}

int main() { return run_all(); }
