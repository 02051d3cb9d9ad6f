// The functions of autograd: golden numbers, finite differences, kernels compared with torch's operations,
// threads.
//
// usage: functions FOLDER, with the golden arrays as .npy and the cases as lines of words; see run.py
#include "check.hpp"

#include <fstream>
#include <limits>
#include <map>
#include <thread>

static std::string golden;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Tensor array(const std::string& name) {
  const auto stored = qdq::Array::read_npy(golden + "/" + name + ".npy").value();
  return nn::to_tensor(stored.view());
}

torch::ScalarType type_of(const std::string& name) {
  return name == "float16" ? torch::kHalf : name == "float64" ? torch::kDouble : torch::kFloat;
}

using Words = std::map<std::string, std::string>;

std::vector<Words> lines(const std::string& section) {
  std::ifstream file(golden + "/" + section + ".txt");
  std::vector<Words> all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    all.emplace_back();
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      all.back()[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return all;
}

Tensor leaf(const Tensor& x) { return x.detach().clone().requires_grad_(true); }

/// Returns data to quantize: ordinary numbers, ties, and everything that is no number.
Tensor hard(torch::ScalarType type) {
  auto x = torch::randn({4, 6, 5}) * 3;
  auto flat = x.view({-1});
  const std::vector<double> special{0,     -0.0,   0.5,  -0.5, 1.5,   2.5, inf, -inf,      nan_value,  1e-9,
                                    -1e-9, 5.9e-8, 6e-8, 1e30, -1e30, 448, 464, 0.0078125, 0.001953125};
  for (std::size_t i = 0; i < special.size(); ++i) flat[static_cast<std::int64_t>(i * 5)] = special[i];
  return x.to(type);
}

struct Format {
  const char* name;
  std::function<void(qdq::Descriptor::Builder&)> set;
  Tensor amax;
};

std::vector<Format> formats() {
  using Builder = qdq::Descriptor::Builder;
  const auto one = torch::tensor(2.5f);
  const auto rows = torch::tensor({0.0f, 1.0f, 5.9604644775390625e-8f, 40.0f}).reshape({4, 1, 1});
  const auto blocks = torch::rand({4, 3, 5}) + 0.1;
  std::vector<Format> all{
      {"8 bits", [](Builder&) {}, one},
      {"4 bits", [](Builder& d) { d.num_bits(4); }, one},
      {"16 bits", [](Builder& d) { d.num_bits(16); }, one},
      {"narrow", [](Builder& d) { d.narrow_range(true); }, one},
      {"unsigned", [](Builder& d) { d.is_unsigned(true); }, one},
      {"rows", [](Builder& d) { d.axis({0}); }, rows},
      {"blocks", [](Builder& d) { d.block(1, 2); }, blocks},
      {"two axes", [](Builder& d) { d.axis({0, -1}); }, torch::rand({4, 1, 5}) + 0.5},
      {"e4m3", [](Builder& d) { d.e4m3(); }, one},
      {"e4m3 rows", [](Builder& d) { d.e4m3().axis({0}); }, torch::tensor({0.0f, 1.0f, 448.0f, 1e-3f}).reshape({4, 1, 1})},
      {"inf", [](Builder&) {}, torch::tensor(static_cast<float>(inf))},
      {"nan", [](Builder&) {}, torch::tensor(static_cast<float>(nan_value))},
  };
  return all;
}

}  // namespace

TEST(quantization_equals_golden) {
  int compared = 0;
  for (auto& words : lines("quant")) {
    const auto type = type_of(words["x_dtype"]);
    const auto x = leaf(array(words["x"]).to(type));
    const auto amax = array(words["amax"]).to(type_of(words["amax_dtype"])).to(torch::kFloat);
    auto described = qdq::Descriptor::make();
    described.num_bits(static_cast<std::uint32_t>(std::stoi(words["num_bits"])));
    described.is_unsigned(words["unsigned"] == "True").narrow_range(words["narrow_range"] == "True");
    const auto descriptor = nn::share(described.build().value());
    Tensor y, scale;
    const auto run = [&] {
      if (words["kind"] == "tensor") {
        std::tie(y, scale) = F::tensor_quant(x, amax, descriptor);
      } else {
        y = F::fake_tensor_quant(x, amax, descriptor);
      }
    };
    if (words.count("error") != 0) {
      bool refused = false;
      try {
        run();
      } catch (const qdq::Exception&) {
        refused = true;
      }
      if (!refused) failed(__FILE__, __LINE__, words["id"] + " was not refused");
      continue;
    }
    run();
    const auto expected = array(words["y"]).to(type);
    if (!same(y.detach(), expected)) failed(__FILE__, __LINE__, text(words["id"], "\n", y, "\n", expected));
    if (scale.defined()) {
      const auto expected_scale = array(words["scale"]).to(type);
      HOLDS(!scale.requires_grad());
      if (!same(scale.to(type), expected_scale))
        failed(__FILE__, __LINE__, text(words["id"], " scale\n", scale, expected_scale));
    }
    y.backward(array(words["gout"]).to(type));
    if (!same(x.grad(), array(words["gin"]).to(type))) failed(__FILE__, __LINE__, text(words["id"], " gradient"));
    // The same with torch's operations.
    const auto by_operations = words["kind"] == "tensor" ? nn::detail::operations::quant(x.detach(), amax, *descriptor).first
                                                         : nn::detail::operations::fake_quant(x.detach(), amax, *descriptor);
    if (!same(by_operations, expected)) failed(__FILE__, __LINE__, text(words["id"], " by operations"));
    ++compared;
  }
  HOLDS(compared > 140);
}

TEST(affine_quantization_equals_golden) {
  const auto all = lines("affine");
  HOLDS(all.size() == 3);
  for (auto words : all) {
    const auto x = leaf(array(words["x"]));
    const auto y = F::fake_affine_tensor_quant(x, std::stof(words["min"]), std::stof(words["max"]),
                                               static_cast<std::uint32_t>(std::stoi(words["num_bits"])));
    SAME(y.detach(), array(words["y"]));
    // The input gradient is not stored. Each result is zero or equal to it.
    const auto expected = array(words["gin"]);
    y.backward(torch::where(expected == 0, torch::ones_like(y), expected));
    SAME(x.grad(), expected);
  }
}

TEST(operations_equal_the_kernels) {
  namespace kernels = nn::detail::kernels;
  namespace operations = nn::detail::operations;
  int compared = 0;
  for (const auto type : {torch::kFloat, torch::kDouble, torch::kHalf, torch::kBFloat16}) {
    for (const auto& format : formats()) {
      for (const auto mode : {qdq::Mode::Reference, qdq::Mode::GpuCompat, qdq::Mode::Corrected}) {
        auto described = qdq::Descriptor::make();
        format.set(described);
        const auto descriptor = described.mode(mode).build().value();
        auto x = hard(type);
        if (descriptor.is_unsigned()) x = x.abs();
        const auto where = text(format.name, " in ", torch::toString(type), ", mode ", static_cast<int>(mode), ": ");
        const auto compare = [&](const char* what, const std::function<Tensor()>& by_kernel,
                                 const std::function<Tensor()>& by_operation) {
          Tensor expected, found;
          std::string refused, also;
          try {
            expected = by_kernel();
          } catch (const qdq::Exception& error) {
            refused = error.what();
          }
          try {
            found = by_operation();
          } catch (const qdq::Exception& error) {
            also = error.what();
          }
          if (refused.empty() != also.empty()) failed(__FILE__, __LINE__, where + what + ": " + refused + " | " + also);
          if (refused.empty() && !same(expected, found)) {
            const auto wrong = (expected == found).logical_or(expected.isnan().logical_and(found.isnan())).logical_not();
            failed(__FILE__, __LINE__,
                   text(where, what, "\n", expected.sizes(), found.sizes(),
                        wrong.expand_as(x).sizes() == x.sizes() ? x.masked_select(wrong.expand_as(x)) : x,
                        expected.masked_select(wrong), found.masked_select(wrong)));
          }
          ++compared;
        };
        compare(
            "fake", [&] { return kernels::fake_quant(x, format.amax, descriptor); },
            [&] { return operations::fake_quant(x, format.amax, descriptor); });
        compare(
            "quant", [&] { return kernels::quant(x, format.amax, descriptor).first; },
            [&] { return operations::quant(x, format.amax, descriptor).first; });
        compare(
            "scale", [&] { return kernels::quant(x, format.amax, descriptor).second; },
            [&] { return operations::quant(x, format.amax, descriptor).second; });
        const auto gradient = torch::randn({4, 6, 5}).to(type);
        compare(
            "backward", [&] { return kernels::backward(gradient, x, format.amax, descriptor); },
            [&] { return operations::backward(gradient, x, format.amax, descriptor); });
        compare("amax", [&] { return kernels::amax_of(x, descriptor); }, [&] { return operations::amax_of(x, descriptor); });
        compare(
            "learned step", [&] { return kernels::learned_step(x, format.amax, descriptor); },
            [&] { return operations::learned_step(x, format.amax, descriptor); });
        const auto learned = [&](auto backward) { return backward(gradient, x, format.amax, descriptor, 0.5f); };
        compare(
            "learned step, backward", [&] { return learned(kernels::learned_step_backward).first; },
            [&] { return learned(operations::learned_step_backward).first; });
        if (!descriptor.is_e4m3() && (format.amax > 0).logical_and(format.amax.isfinite()).all().item<bool>()) {
          // The sums have another order.
          NEAR(learned(kernels::learned_step_backward).second, learned(operations::learned_step_backward).second, 1e-6);
        }
      }
    }
    const auto x = hard(type), gradient = torch::randn({4, 6, 5}).to(type);
    for (const auto& [min, max] : {std::pair(-1.0f, 2.0f), std::pair(0.1f, 0.7f), std::pair(-5.0f, -1.0f)}) {
      SAME(kernels::affine(x, min, max, 5), operations::affine(x, min, max, 5));
      SAME(kernels::affine_backward(gradient, x, min, max), operations::affine_backward(gradient, x, min, max));
      SAME(kernels::clip(x, min, max), operations::clip(x, min, max));
      const auto [by_kernel, ends] = kernels::clip_backward(gradient, x, min, max);
      const auto [by_operation, same_ends] = operations::clip_backward(gradient, x, min, max);
      SAME(by_kernel, by_operation);
      HOLDS(std::abs(ends.min - same_ends.min) < 1e-9 && std::abs(ends.max - same_ends.max) < 1e-9);
    }
  }
  HOLDS(compared == 4 * 12 * 3 * 7);
  FAILS("amax is", operations::fake_quant(hard(torch::kFloat), torch::tensor(-1.0f), qdq::Descriptor()));
  FAILS("no axis 7", operations::amax_of(hard(torch::kFloat), qdq::Descriptor::make().axis({7}).build().value()));
}

TEST(e4m3_rounds_every_number_as_the_kernel) {
  // Every half is near some tie of e4m3, and every float between two of e4m3 rounds like one of them.
  const auto halves = torch::arange(0, 65536, torch::kInt).to(torch::kShort).view(torch::kHalf).to(torch::kFloat);
  const auto descriptor = qdq::Descriptor::make().e4m3().build().value();
  for (const float amax : {448.0f, 1.0f, 3.3f}) {
    SAME(nn::detail::kernels::fake_quant(halves, torch::tensor(amax), descriptor),
         nn::detail::operations::fake_quant(halves, torch::tensor(amax), descriptor));
  }
}

namespace {

/// Returns the gradient of sum(weights * f(x)) by central differences, in double.
Tensor differences(const std::function<Tensor(const Tensor&)>& f, const Tensor& x, const Tensor& weights) {
  const double step = 1e-4;
  auto found = torch::zeros_like(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    auto up = x.clone(), down = x.clone();
    up.view({-1})[i] += step;
    down.view({-1})[i] -= step;
    found.view({-1})[i] = ((f(up) - f(down)) * weights).sum() / (2 * step);
  }
  return found;
}

}  // namespace

TEST(clip_has_the_gradients_of_finite_differences) {
  const auto x = torch::tensor({-3.0, -1.2, -0.4, 0.3, 0.9, 1.8, 2.2, 5.0}, torch::kDouble);
  const auto weights = torch::randn({8}, torch::kDouble);
  const auto min = torch::tensor(-1.0f), max = torch::tensor(2.0f);
  const auto data = leaf(x), from = leaf(min), to = leaf(max);
  (F::clip(data, from, to) * weights).sum().backward();
  NEAR(data.grad(), differences([&](const Tensor& moved) { return F::clip(moved, min, max); }, x, weights), 1e-6);
  // The ends are floats, so their differences are larger.
  const auto end = [&](bool is_min) {
    const float step = 1.0f / 64;
    const auto at = [&](float by) { return F::clip(x, min + (is_min ? by : 0), max + (is_min ? 0 : by)); };
    return ((at(step) - at(-step)) * weights).sum() / (2.0 * step);
  };
  NEAR(from.grad(), end(true), 1e-5);
  NEAR(to.grad(), end(false), 1e-5);
  // At the ends themselves the range gets the gradient and x does not.
  const auto ends = leaf(torch::tensor({-1.0f, 2.0f})), low = leaf(min), high = leaf(max);
  F::clip(ends, low, high).backward(torch::tensor({3.0f, 5.0f}));
  SAME(ends.grad(), torch::zeros({2}));
  HOLDS(low.grad().item<float>() == 3 && high.grad().item<float>() == 5);
  FAILS("clip range has one", F::clip(x, torch::zeros({8}), max));
  FAILS("clip range has one", F::clip(x, min, Tensor()));
}

TEST(straight_through_is_the_gradient_of_clipping) {
  // Rounding counts as the identity, so the gradient of fake quantization is that of clipping.
  const auto x = torch::randn({40}, torch::kDouble) * 2;
  const auto weights = torch::randn({40}, torch::kDouble);
  for (const bool e4m3 : {false, true}) {
    const auto data = leaf(x);
    const auto amax = torch::tensor(1.5f);
    ((e4m3 ? F::scaled_e4m3(data, amax) : F::fake_tensor_quant(data, amax)) * weights).sum().backward();
    NEAR(data.grad(), differences([](const Tensor& moved) { return moved.clamp(-1.5, 1.5); }, x, weights), 1e-6);
  }
  const auto data = leaf(x);
  (F::fake_affine_tensor_quant(data, -0.5f, 2.0f) * weights).sum().backward();
  NEAR(data.grad(), differences([](const Tensor& moved) { return moved.clamp(-0.5, 2.0); }, x, weights), 1e-6);
}

TEST(learned_steps_have_the_gradients_of_finite_differences) {
  const auto descriptor = nn::share(qdq::Descriptor::make().num_bits(4).build().value());
  const auto x = torch::randn({3, 20}, torch::kDouble) * 4;
  const auto weights = torch::randn({3, 20}, torch::kDouble);
  const auto step = torch::tensor({0.25, 0.5, 0.75}, torch::kDouble).reshape({3, 1});
  const auto data = leaf(x), learned = leaf(step);
  const auto y = F::learned_step_quant(data, learned, descriptor, 1);
  SAME(y.detach(), (x / step).round().clamp(-8, 7) * step);
  (y * weights).sum().backward();
  // With the rounding error held fixed, the function is differentiable.
  const auto steps = (x / step).clamp(-8, 7);
  const auto error = torch::where((x / step) == steps, steps.round() - steps, torch::zeros_like(steps));
  const auto smooth = [&](const Tensor& moved_x, const Tensor& moved_step) {
    return ((moved_x / moved_step).clamp(-8, 7) + error) * moved_step;
  };
  NEAR(data.grad(), differences([&](const Tensor& moved) { return smooth(moved, step); }, x, weights), 1e-5);
  NEAR(learned.grad(), differences([&](const Tensor& moved) { return smooth(x, moved); }, step, weights), 1e-5);
  // The scale of the gradient of the step: 1 / sqrt(N M).
  const auto scaled = leaf(step);
  (F::learned_step_quant(x, scaled, descriptor) * weights).sum().backward();
  NEAR(scaled.grad(), learned.grad() / std::sqrt(20.0 * 7), 1e-6);
  // One step for all elements, in the types of networks.
  for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    const auto narrow = leaf(x.to(type)), one = leaf(torch::tensor(0.4f));
    F::learned_step_quant(narrow, one, descriptor).sum().backward();
    HOLDS(narrow.grad().scalar_type() == type && one.grad().scalar_type() == torch::kFloat && one.grad().dim() == 0);
  }
  FAILS("not a positive finite", F::learned_step_quant(x, torch::tensor(0.0f), descriptor));
  FAILS("e4m3", F::learned_step_quant(x, torch::tensor(1.0f), nn::share(qdq::Descriptor::make().e4m3().build().value())));
}

TEST(tensors_are_read_where_they_are) {
  const auto x = torch::randn({3, 4});
  const auto plain = nn::view(x);
  HOLDS(plain.data() == x.data_ptr() && plain.strides().empty());
  const auto turned = x.t();
  const auto strided = nn::view(turned);
  HOLDS(strided.data() == x.data_ptr() && strided.strides().size() == 2);
  SAME(F::fake_tensor_quant(turned, torch::tensor(1.0f)), F::fake_tensor_quant(x, torch::tensor(1.0f)).t().contiguous());
  const auto wide = torch::randn({2, 3, 4, 5}).contiguous(torch::MemoryFormat::ChannelsLast);
  SAME(F::fake_tensor_quant(wide, torch::tensor(1.0f)), F::fake_tensor_quant(wide.contiguous(), torch::tensor(1.0f)));
  SAME(F::fake_tensor_quant(torch::empty({0, 3}), torch::tensor(1.0f)), torch::empty({0, 3}));
  FAILS("cannot be quantized", F::fake_tensor_quant(torch::ones({2}, torch::kInt), torch::tensor(1.0f)));
  FAILS("undefined", F::fake_tensor_quant(Tensor(), torch::tensor(1.0f)));
  FAILS("does not fit", F::fake_tensor_quant(x, torch::ones({3})));
}

TEST(gradients_flow_through_chains_and_threads) {
  const auto descriptor = nn::share(qdq::Descriptor::make().num_bits(4).build().value());
  const auto step = [&](const Tensor& x) {
    const auto data = leaf(x);
    F::fake_tensor_quant(F::fake_tensor_quant(data * 2, torch::tensor(1.0f), descriptor).tanh(), torch::tensor(0.5f))
        .pow(2)
        .sum()
        .backward();
    return data.grad();
  };
  const auto x = torch::randn({64, 64});
  const auto expected = step(x);
  std::vector<Tensor> found(8);
  std::vector<std::thread> threads;
  for (auto& result : found) threads.emplace_back([&] { result = step(x); });
  for (auto& thread : threads) thread.join();
  for (const auto& result : found) SAME(result, expected);
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  golden = arguments[1];
  return run_all();
}
