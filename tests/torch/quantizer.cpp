// TensorQuantizer, compared with qdq::Quantizer in every state, and its differences from
// pytorch-quantization.
#include "check.hpp"

#include <set>
#include <thread>

#include <qdq/histogram_calibrator.hpp>

using qdq::Descriptor;
using Quantizer = nn::TensorQuantizerImpl;

namespace {

std::shared_ptr<Quantizer> make(Descriptor descriptor = Descriptor()) {
  return std::make_shared<Quantizer>(std::move(descriptor));
}

template <typename Build>
std::shared_ptr<Quantizer> build(Build&& set) {
  auto builder = Descriptor::make();
  set(builder);
  return make(builder.build().value());
}

Tensor leaf(const Tensor& x) { return x.detach().clone().requires_grad_(true); }

}  // namespace

TEST(every_state_is_that_of_the_core) {
  const auto x = torch::randn({3, 4, 5}) * 2;
  int compared = 0;
  for (const bool learn : {false, true}) {
    for (const bool e4m3 : {false, true}) {
      for (const bool fake : {false, true}) {
        for (const int grouping : {0, 1, 2, 3}) {
          if (learn && grouping != 0) continue;
          for (int switches = 0; switches < 16; ++switches) {
            const bool disabled = switches & 1, quantizing = switches & 2, clipping = switches & 4,
                       calibrating = switches & 8;
            if (clipping && !learn) continue;
            for (const bool fixed : {false, true}) {
              for (const bool scaled : {false, true}) {
                if (learn && !fixed) continue;
                auto described = Descriptor::make();
                described.learn_amax(learn).fake_quant(fake);
                if (!learn) described.scale_amax(0.75f);
                if (e4m3) described.e4m3();
                if (grouping == 1) described.axis({-2});
                if (grouping == 2) described.axis({0, 1});
                if (grouping == 3) described.block(2, 2);
                const auto descriptor = described.build().value();
                auto core = qdq::Quantizer::make(descriptor).value();
                const auto module = make(descriptor.clone().value());
                const auto amax = nn::to_tensor(qdq::amax(nn::view(x), descriptor).value()) * 0.6;
                const auto factors = torch::rand({4, 1}) + 0.5;
                if (fixed) {
                  core.set_amax(nn::view(amax)).value();
                  module->set_amax(amax);
                }
                if (learn) {
                  core.set_clip_range(-1.25f, 1.5f).value();
                  module->set_clip_range(-1.25f, 1.5f);
                }
                if (scaled) {
                  core.set_pre_quant_scale(nn::view(factors)).value();
                  module->set_pre_quant_scale(factors);
                }
                core.set_disabled(disabled).value();
                core.set_quantizing(quantizing).value();
                core.set_clipping(clipping).value();
                core.set_calibrating(calibrating).value();
                module->set_disabled(disabled);
                module->set_quantizing(quantizing);
                module->set_clipping(clipping);
                module->set_calibrating(calibrating);
                const auto where = module->to_text();
                const auto core_text = core.to_text().value();
                HOLDS(where == core_text.text());
                HOLDS(module->is_dynamic() == core.is_dynamic() || learn);
                for (const auto type : {torch::kFloat, torch::kDouble, torch::kBFloat16, torch::kHalf}) {
                  const auto data = leaf(x.to(type));
                  const auto found = module->forward(data);
                  auto expected = torch::empty_like(data).detach();
                  core.forward(nn::view(data), nn::view(expected)).value();
                  if (!same(found.detach(), expected)) failed(__FILE__, __LINE__, where + text("\n", found, expected));
                  const auto gradient = torch::randn({3, 4, 5}).to(type);
                  found.backward(gradient);
                  auto to_x = torch::empty_like(gradient);
                  const auto ends = core.backward(nn::view(gradient), nn::view(data), nn::view(to_x)).value();
                  // The gradient of the product rounds once more.
                  const double rounding = type == torch::kHalf || type == torch::kBFloat16 ? 1e-2 : 1e-6;
                  if (!near(data.grad(), to_x, scaled ? rounding : 0))
                    failed(__FILE__, __LINE__, where + text("\n", data.grad(), to_x));
                  if (learn && (clipping || quantizing) && !disabled) {
                    const auto parameters = module->named_parameters();
                    NEAR(parameters["clip_min"].grad(), torch::tensor(ends.min, torch::kFloat), 1e-2);
                    NEAR(parameters["clip_max"].grad(), torch::tensor(ends.max, torch::kFloat), 1e-2);
                    module->zero_grad();
                  }
                  ++compared;
                }
                const auto same_number = [&](const Tensor& ours, const std::optional<qdq::Array>& theirs) {
                  HOLDS(ours.defined() == theirs.has_value());
                  if (theirs) NEAR(ours, nn::to_tensor(*theirs), 1e-6);
                };
                same_number(module->amax_in_use(), core.amax_in_use().value());
                same_number(module->step_size(), core.step_size().value());
                same_number(module->inverse_scale(), core.inverse_scale().value());
                if (calibrating && !disabled) {
                  HOLDS(core.load_calib_amax(qdq::Method::Max).value() && module->load_calib_amax(qdq::Method::Max));
                  same_number(module->amax(), core.amax().value());
                }
              }
            }
          }
        }
      }
    }
  }
  HOLDS(compared > 2000);
}

TEST(the_scale_applies_when_disabled) {
  auto q = make();
  q->set_pre_quant_scale(torch::tensor(2.0f));
  q->set_disabled(true);
  const auto x = torch::randn({5});
  SAME(q->forward(x), x * 2);
  q->set_pre_quant_scale(Tensor());
  SAME(q->forward(x), x);
  FAILS("pre_quant_scale is not finite", q->set_pre_quant_scale(torch::tensor(1.0f) / 0));
}

TEST(clipping_comes_before_quantizing) {
  // The original quantizes the unclipped data, and e4m3 ignores the learned range.
  for (const bool e4m3 : {false, true}) {
    auto q = build([&](Descriptor::Builder& d) { e4m3 ? (void)d.e4m3().learn_amax(true) : (void)d.learn_amax(true); });
    q->set_clip_range(-1, 2);
    q->set_clipping(true);
    const auto y = q->forward(torch::tensor({-1.5f, 3.0f}));
    NEAR(y, torch::tensor({-1.0f, 2.0f}), 0.01);
  }
}

TEST(calibrating_does_not_stop_quantizing) {
  auto q = make();
  q->set_calibrating(true);
  const auto x = torch::randn({50});
  SAME(q->forward(x), F::fake_tensor_quant(x, x.abs().max()));
  q->load_calib_amax(qdq::Method::Max);
  SAME(q->amax(), x.abs().max());
}

TEST(integers_and_their_scale) {
  auto q = build([](Descriptor::Builder& d) { d.fake_quant(false).amax(2.0f); });
  HOLDS(!q->inverse_scale().defined());
  // -2.1 / 2 * 127 is -133. The original always used the narrow range here.
  SAME(q->forward(torch::tensor({-2.1f, 1.0f})), torch::tensor({-128.0f, 64.0f}));
  SAME(q->inverse_scale(), torch::tensor(63.5f));
}

TEST(dynamic_ranges) {
  auto q = build([](Descriptor::Builder& d) { d.axis({-1}); });
  const auto x = torch::randn({4, 3});
  HOLDS(q->is_dynamic());
  SAME(q->forward(x), F::fake_tensor_quant(x, x.abs().amax(0, true)));
  SAME(q->forward(torch::empty({0, 3})), torch::empty({0, 3}));
  auto far = build([](Descriptor::Builder& d) { d.axis({5}); });
  FAILS("no axis 5", far->forward(x));
  HOLDS(!q->step_size().defined() && !q->amax().defined() && !q->amax_in_use().defined());
}

TEST(clipping_needs_a_learned_range) {
  auto q = make();
  FAILS("clipping needs learn_amax", q->set_clipping(true));
  q->set_clipping(false);
  FAILS("needs learn_amax", q->init_learn_amax());
  FAILS("needs learn_amax", q->set_clip_range(0, 1));
  HOLDS(!q->clip_range());
  auto learned = build([](Descriptor::Builder& d) { d.learn_amax(true); });
  FAILS("no clip range to start from", learned->forward(torch::ones({2})));
  FAILS("no amax to start learning from", learned->init_learn_amax());
  FAILS("no clip range from", learned->set_clip_range(2, 1));
  learned->set_amax(torch::tensor(3.0f));
  learned->init_learn_amax();
  HOLDS(learned->clip_range()->min == -3 && learned->clip_range()->max == 3);
  HOLDS(build([](Descriptor::Builder& d) { d.learn_amax(true).amax(4.0f); })->clip_range()->max == 4);
  learned->clear_amax();
  learned->set_amax(torch::tensor({1.0f, 5.0f}));
  learned->init_learn_amax();
  HOLDS(learned->clip_range()->min == -5 && learned->clip_range()->max == 5);
}

TEST(loading_strictly_and_leniently) {
  auto q = make();
  FAILS("nothing was observed", q->load_calib_amax(qdq::Method::Max));
  q->set_amax(torch::tensor(5.0f));
  // The original sets NaN here.
  HOLDS(!q->load_calib_amax(qdq::Method::Max, false) && q->amax().item<float>() == 5);
  q->observe(torch::tensor({1.0f, -7.0f}));
  FAILS("needs a histogram", q->load_calib_amax(qdq::Method::Entropy));
  HOLDS(q->amax().item<float>() == 5);
  HOLDS(q->load_calib_amax(qdq::Method::Max) && q->amax().item<float>() == 7);
  q->reset_calibration();
  HOLDS(!q->load_calib_amax(qdq::Method::Max, false));
  q->observe(torch::tensor({1.0f, -std::numeric_limits<float>::infinity()}));
  FAILS("infinity", q->load_calib_amax(qdq::Method::Max));
  auto histogram = build([](Descriptor::Builder& d) { d.calib_method(qdq::CalibMethod::Histogram); });
  const auto x = torch::randn({10000});
  histogram->observe(x);
  for (const auto& method :
       {qdq::RangeMethod(qdq::Method::Entropy), qdq::RangeMethod(qdq::Method::Mse), qdq::percentile(99.9)}) {
    HOLDS(histogram->load_calib_amax(method));
    HOLDS(histogram->amax().item<float>() == histogram->stats().amax(method).value());
  }
  auto other = build([](Descriptor::Builder& d) { d.calib_method(qdq::CalibMethod::Histogram); });
  other->observe(x * 2);
  histogram->merge(*other);
  HOLDS(histogram->stats().values() == 20000 && histogram->stats().abs_max() == (x * 2).abs().max().item<float>());
}

TEST(the_options_of_the_original_searches) {
  auto q = build([](Descriptor::Builder& d) { d.calib_method(qdq::CalibMethod::Compat); });
  const auto x = torch::randn({20000});
  q->observe(x);
  auto core = qdq::HistogramCalibrator::make().value();
  core.observe(nn::view(x)).value();
  for (const auto method : {qdq::Method::Entropy, qdq::Method::Mse}) {
    std::set<float> found;
    for (const qdq::Search search : {qdq::Search{}, qdq::Search{1500, 1}, qdq::Search{200, 300}}) {
      core.set_search(search.start_bin, search.stride).value();
      HOLDS(q->load_calib_amax(method, search));
      HOLDS(q->amax().item<float>() == core.amax(method).value());
      found.insert(q->amax().item<float>());
    }
    HOLDS(found.size() > 1);
    core.set_search(128, 1).value();
    HOLDS(q->load_calib_amax(method) && q->amax().item<float>() == core.amax(method).value());
  }
  FAILS("in steps of 0", q->load_calib_amax(qdq::Method::Entropy, {128, 0}));
  FAILS("no bin to try", q->load_calib_amax(qdq::Method::Mse, {5000, 1}));
  FAILS("max has no start_bin", q->load_calib_amax(qdq::Method::Max, {128, 1}));
  auto histogram = build([](Descriptor::Builder& d) { d.calib_method(qdq::CalibMethod::Histogram); });
  histogram->observe(x);
  FAILS("options of pytorch-quantization's histogram", histogram->load_calib_amax(qdq::Method::Entropy, {128, 1}));
}

TEST(setting_amax) {
  auto q = make();
  q->set_amax(torch::tensor({2.0f}));
  q->set_amax(torch::tensor(3.0f));
  HOLDS(q->amax().dim() == 1 && q->amax().item<float>() == 3);
  FAILS("another shape", q->set_amax(torch::ones({2})));
  for (const float bad : {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    FAILS("amax is", q->set_amax(torch::tensor(bad)));
  }
  FAILS("amax has no number", q->set_amax(torch::empty({0})));
  FAILS("amax has no number", q->set_amax(Tensor()));
  HOLDS(q->amax().item<float>() == 3);
  // The original ignores this.
  q->clear_amax();
  HOLDS(q->is_dynamic());
  q->set_amax(torch::ones({2, 1}));
  const auto source = torch::ones({2, 1});
  q->set_amax(source);
  source.fill_(9);
  SAME(q->amax(), torch::ones({2, 1}));
  auto named = build([](Descriptor::Builder& d) { d.name("conv1 input"); });
  FAILS("quantizer 'conv1 input': amax is negative", named->set_amax(torch::tensor(-1.0f)));
}

TEST(formats_change) {
  auto q = build([](Descriptor::Builder& d) { d.amax(7.0f).calib_method(qdq::CalibMethod::Histogram); });
  q->set_integers(4, false, true);
  SAME(q->forward(torch::tensor({-8.0f, 1.2f})), torch::tensor({-7.0f, 1.0f}));
  NEAR(q->step_size(), torch::tensor(1.0f), 1e-6);
  const auto x = torch::randn({1000});
  q->observe(x);
  q->load_calib_amax(qdq::Method::Mse);
  HOLDS(q->amax().item<float>() == q->stats().amax(qdq::Method::Mse, 4).value());
  q->set_e4m3();
  HOLDS(q->descriptor().is_e4m3());
  NEAR(q->step_size(), q->amax() / 448, 1e-9);
  FAILS("40", q->set_integers(40));
  HOLDS(q->descriptor().is_e4m3());
}

TEST(one_line_for_people) {
  HOLDS(build([](Descriptor::Builder&) {})->to_text() ==
        "TensorQuantizer(8bit per-tensor amax=dynamic calibrator=max quant)");
  HOLDS(build([](Descriptor::Builder& d) { d.amax(1.5f); })->to_text() ==
        "TensorQuantizer(8bit per-tensor amax=1.5 calibrator=max quant)");
  auto rows = build([](Descriptor::Builder& d) { d.axis({0}); });
  rows->set_amax(torch::tensor({1.0f, 0.5f, 2.0f}).reshape({3, 1}));
  std::ostringstream printed;
  printed << nn::TensorQuantizer(rows);
  HOLDS(printed.str() == "TensorQuantizer(8bit per-channel axis=0 amax=[0.5, 2.0](3) calibrator=max quant)");
}

TEST(buffers_and_their_type) {
  auto q = build([](Descriptor::Builder& d) { d.learn_amax(true).amax(1.0f / 3); });
  HOLDS(q->named_buffers().size() == 2 && q->named_parameters().size() == 2);
  // In half the range would differ.
  q->to(torch::kHalf);
  q->to(torch::kCPU, torch::kHalf);
  HOLDS(q->amax().scalar_type() == torch::kFloat && q->amax().item<float>() == 1.0f / 3);
  HOLDS(q->named_parameters()["clip_max"].scalar_type() == torch::kFloat);
  q->to(torch::kCPU);
  const auto y = q->forward(torch::ones({2}, torch::kHalf));
  HOLDS(y.scalar_type() == torch::kHalf);
}

// Like the Rust test of the same name: the range stays float, and so does the arithmetic.
TEST(data_of_16_bits_is_quantized_in_float_by_a_range_of_float) {
  constexpr float kLargest = 3, kFactor = 0.7f;
  const auto corrected = nn::share(Descriptor::make().mode(qdq::Mode::Corrected).build().value());
  for (const auto type : {torch::kHalf, torch::kBFloat16}) {
    const auto x = torch::linspace(0, kLargest, 1200).to(type);
    const auto by = [&](const Tensor& amax) { return F::fake_tensor_quant(x.to(torch::kFloat), amax, corrected).to(type); };
    for (const bool dynamic : {false, true}) {
      const auto q = build([&](Descriptor::Builder& d) {
        d.mode(qdq::Mode::Corrected).scale_amax(kFactor);
        if (!dynamic) d.amax(kLargest);
      });
      const auto amax = torch::tensor(kLargest * kFactor), found = q->forward(x);
      HOLDS(same(found, by(amax)));
      HOLDS(!same(found, by(amax.to(type).to(torch::kFloat))));
    }
  }
}

TEST(state_goes_through_files) {
  const auto describe = [](Descriptor::Builder& d) { d.learn_amax(true); };
  const auto written = [](const std::shared_ptr<Quantizer>& quantizer) {
    auto file = std::make_unique<std::stringstream>();
    torch::save(nn::TensorQuantizer(quantizer), *file);
    return file;
  };
  auto q = build(describe);
  q->set_amax(torch::tensor({3.0f, 0.1f}));
  q->set_clip_range(-0.1f, 1.0f / 3);
  q->set_pre_quant_scale(torch::tensor({0.7f, -2.0f, 1e-3f}));
  const auto before = written(build(describe)), file = written(q);
  nn::TensorQuantizer read(build(describe));
  torch::load(read, *file);
  SAME(read->amax(), q->amax());
  SAME(read->pre_quant_scale(), q->pre_quant_scale());
  HOLDS(read->clip_range()->min == -0.1f && read->clip_range()->max == 1.0f / 3);
  HOLDS(read->amax().device().is_cpu() && read->named_parameters()["clip_min"].requires_grad());
  const auto x = torch::randn({4, 3});
  SAME(read->forward(x), q->forward(x));
  // A value that is unset in the file is unset after loading, even if it was set before.
  torch::load(read, *before);
  HOLDS(!read->amax().defined() && !read->pre_quant_scale().defined() && !read->clip_range());
}

TEST(threads_collect_and_quantize) {
  auto q = build([](Descriptor::Builder& d) { d.calib_method(qdq::CalibMethod::Histogram).amax(2.0f); });
  q->set_calibrating(true);
  const auto x = torch::randn({256, 32});
  const auto expected = F::fake_tensor_quant(x, torch::tensor(2.0f));
  std::vector<Tensor> found(8);
  std::vector<std::thread> threads;
  for (auto& result : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = q->forward(x);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : found) SAME(result, expected);
  HOLDS(q->stats().values() == 8 * 20 * 256 * 32);
  qdq::TensorStats alone;
  for (int i = 0; i < 160; ++i) alone.observe(nn::view(x)).value();
  HOLDS(q->stats().amax(qdq::Method::Entropy).value() == alone.amax(qdq::Method::Entropy).value());
}

int main() { return run_all(); }
