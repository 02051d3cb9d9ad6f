// Quantization of tensors, and descriptors.

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"

using qdq::Descriptor;
using qdq::DType;
using qdq::Status;

static const std::vector<float> input = {-2.0f, -0.3f, 0.4f, 9.0f};
static const std::vector<std::int8_t> expected = {-7, -1, 1, 7};

TEST(quantize_gives_integers_and_scale) {
  std::vector<std::int8_t> q(4);
  const auto fixed = Descriptor::make().num_bits(4).amax(2.0f).build().value();
  auto scale = qdq::quantize(input, fixed, q);
  if (!CHECK_GOOD(scale)) return;
  CHECK(q == expected);
  CHECK(scale->values().size() == 1 && scale->shape().empty());
  CHECK_EQ((*scale)[0], 3.5f);

  const float amax = 2.0f;
  const auto dynamic = Descriptor::make().num_bits(4).build().value();
  q.assign(4, 0);
  CHECK_EQ(qdq::quantize(input, {&amax, {}}, dynamic, q).value()[0], 3.5f);
  CHECK(q == expected);

  std::vector<float> back(4);
  CHECK_GOOD(qdq::dequantize(q, *scale, dynamic, back));
  CHECK_EQ(back[3], 2.0f);
  CHECK_EQ(back[1], -1.0f / 3.5f);

  // Without a range, the range of the data is used.
  CHECK_EQ(qdq::quantize(input, dynamic, q).value()[0], 7.0f / 9.0f);
  CHECK_EQ(qdq::amax(input, dynamic).value()[0], 9.0f);
  CHECK_EQ(qdq::amax(input, fixed).value()[0], 2.0f);
}

TEST(quantize_in_place_and_back) {
  const float amax = 2.0f;
  const qdq::TensorView range(&amax, {});
  const auto fixed = Descriptor::make().num_bits(4).amax(amax).build().value();
  const auto dynamic = Descriptor::make().num_bits(4).build().value();
  std::vector<float> a = input, b = input, integers(4), gradient(4);
  CHECK_GOOD(qdq::fake_quant(a, fixed, a));
  CHECK_GOOD(qdq::fake_quant(b, range, dynamic, b));
  CHECK(a == b);
  CHECK_EQ(a[0], -2.0f);

  CHECK_EQ(qdq::quant(input, fixed, integers).value()[0], 3.5f);
  CHECK_EQ(qdq::quant(input, range, dynamic, integers).value()[0], 3.5f);
  CHECK(integers == std::vector<float>({-7, -1, 1, 7}));

  const std::vector<float> ones(4, 1.0f), inside = {1, 1, 1, 0};
  CHECK_GOOD(qdq::fake_quant_backward(ones, input, fixed, gradient));
  CHECK(gradient == inside);
  CHECK_GOOD(qdq::fake_quant_backward(ones, input, range, dynamic, gradient));
  CHECK(gradient == inside);

  std::vector<float> affine(4);
  CHECK_GOOD(qdq::fake_affine_quant(input, -2.0f, 2.0f, 8, affine));
  CHECK(std::abs(affine[3] - 2.0f) < 0.02f && std::abs(affine[2] - 0.4f) < 0.02f);
  CHECK_GOOD(qdq::fake_affine_quant_backward(ones, input, -2.0f, 2.0f, gradient));
  CHECK(gradient == inside);
}

TEST(threads_do_not_show) {
  std::vector<float> x((3u << 20) + 5);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1999) / 100.0f - 10.0f;
  const auto fixed = Descriptor::make().amax(8.0f).build().value();
  const auto faked = [&](std::size_t limit) {
    qdq::set_threads(limit);
    std::vector<float> out(x.size());
    CHECK_GOOD(qdq::fake_quant(x, fixed, out));
    return out;
  };
  const auto one = faked(1);
  CHECK(faked(2) == one);
  CHECK(faked(0) == one);
}

TEST(quantize_per_axis_and_by_blocks) {
  const std::vector<float> w = {1, -2, 3, 4, 5, -6};
  const qdq::TensorView view(w.data(), {2, 3});
  const auto rows = Descriptor::make().axis({0}).build().value();
  const auto amax = qdq::amax(view, rows).value();
  CHECK(amax.shape().size() == 2 && amax.shape()[0] == 2 && amax.shape()[1] == 1);
  CHECK(amax[0] == 3.0f && amax[1] == 6.0f);
  std::vector<std::int8_t> q(6);
  const auto scale = qdq::quantize(view, amax, rows, {q.data(), {2, 3}}).value();
  CHECK(q[2] == 127 && q[5] == -127 && scale.values().size() == 2);

  const auto blocks = Descriptor::make().block(-1, 2).build().value();
  const auto by_block = qdq::amax(view, blocks).value();
  CHECK(by_block.values().size() == 4 && by_block[0] == 2.0f && by_block[3] == 6.0f);
}

TEST(quantize_other_types) {
  // 1, -1 and 0.5 as binary16. The integers are two per byte.
  const std::vector<std::uint16_t> halves = {0x3c00, 0xbc00, 0x3800};
  const auto four_bits = Descriptor::make().num_bits(4).amax(1.0f).build().value();
  std::uint8_t packed[2] = {0, 0};
  CHECK_GOOD(qdq::quantize({DType::F16, halves.data(), {3}}, four_bits, {DType::I4, packed, {3}}));
  CHECK_EQ(int{packed[0]}, 0x97);
  CHECK_EQ(int{packed[1]} & 15, 4);
  std::vector<double> back(3);
  const float scale = 7.0f;
  CHECK_GOOD(qdq::dequantize({DType::I4, packed, {3}}, {&scale, {}}, four_bits, back));
  CHECK(back[0] == 1.0 && back[1] == -1.0);

  const std::vector<std::uint16_t> brains = {0x3f80};
  std::uint8_t code = 0;
  const auto e4m3 = Descriptor::make().e4m3().amax(448.0f).build().value();
  CHECK(e4m3.is_e4m3() && e4m3.num_bits() == 0);
  CHECK_GOOD(qdq::quantize({DType::BF16, brains.data(), {1}}, e4m3, {DType::E4M3, &code, {1}}));
  CHECK_EQ(int{code}, 0x38);
}

TEST(quantize_refuses_what_does_not_fit) {
  std::vector<std::int8_t> q(4), three(3);
  const Descriptor descriptor;
  const std::vector<float> nan = {std::numeric_limits<float>::quiet_NaN(), 1, 1, 1};
  CHECK_FAILS(qdq::quantize(input, descriptor, three), Status::Shape, "");
  CHECK_FAILS(qdq::quantize(q, descriptor, q), Status::Type, "");
  CHECK(!qdq::quantize(nan, Descriptor::make().amax(1.0f).build().value(), q));
  CHECK_FAILS(qdq::fake_quant({static_cast<const float*>(nullptr), {4}}, descriptor, {DType::F32, nullptr, {4}}),
              Status::InvalidArgument, "");
}

TEST(quantize_by_learned_steps) {
  const std::vector<float> x = {0.375f, -0.5f, 9.0f, -9.0f}, gradient = {1, 10, 100, 1000};
  const float step = 0.5f;
  float step_gradient = 0;
  std::vector<float> y(4), passed(4);
  const auto descriptor = Descriptor::make().num_bits(3).build().value();
  CHECK_GOOD(qdq::learned_step_quant(x, {&step, {}}, descriptor, y));
  CHECK(y == std::vector<float>({0.5f, -0.5f, 1.5f, -2.0f}));
  CHECK_GOOD(qdq::learned_step_quant_backward(gradient, x, {&step, {}}, descriptor, 1.0f, passed, {&step_gradient, {}}));
  CHECK(passed == std::vector<float>({1, 10, 0, 0}));
  CHECK_EQ(step_gradient, 0.25f + 3 * 100 - 4 * 1000);
  CHECK(std::abs(qdq::learned_step_gradient_scale(12, descriptor).value() - 1.0f / 6) < 1e-7f);
  const float zero = 0;
  CHECK_FAILS(qdq::learned_step_quant(x, {&zero, {}}, descriptor, y), Status::InvalidArgument, "step is 0");
}

TEST(quantize_aware_training_has_a_schedule) {
  const auto schedule = qdq::QatSchedule::from_original(90, 0.1).value();
  CHECK(schedule.steps() == 9 && schedule.learning_rate(0) == 0.001 && schedule.learning_rate(9) == 0.00001);
  CHECK(std::abs(qdq::QatSchedule::make(6, 8, 2).value().learning_rate(3) - 5) < 1e-12);
  CHECK_FAILS(qdq::QatSchedule::make(0, 1, 1), Status::InvalidArgument, "0 steps");
}

TEST(descriptor_keeps_its_fields) {
  const std::vector<float> amax = {1, 2};
  auto built = Descriptor::make(qdq::Predefined::LinearWeightPerRow)
                   .num_bits(6)
                   .name("weights")
                   .fake_quant(false)
                   .axis({-2})
                   .amax(qdq::TensorView(amax.data(), {2, 1}))
                   .scale_amax(0.5f)
                   .is_unsigned(true)
                   .narrow_range(true)
                   .mode(qdq::Mode::Corrected)
                   .calib_method(qdq::CalibMethod::Max)
                   .build();
  if (!CHECK_GOOD(built)) return;
  const auto again = Descriptor::from_json(kept(built->to_json().value()).text()).value();
  for (const Descriptor* d : {static_cast<const Descriptor*>(&*built), &again}) {
    CHECK(d->num_bits() == 6 && d->name() == "weights" && !d->fake_quant() && !d->is_e4m3());
    CHECK(d->axis() == std::vector<std::int32_t>{-2});
    CHECK(d->scale_amax() == 0.5f && d->is_unsigned() && d->narrow_range() && d->mode() == qdq::Mode::Corrected);
    CHECK(d->calib_method() == qdq::CalibMethod::Max && !d->learn_amax() && d->block_size() == 0 && d->block_axis() == 0);
    const auto fixed = d->amax().value();
    CHECK(fixed && (*fixed)[1] == 2.0f && fixed->shape()[0] == 2);
  }
  auto changed = built->edit().no_amax().axis({}).learn_amax(true).name({}).build();
  if (CHECK_GOOD(changed)) {
    CHECK(changed->axis().empty() && !changed->amax().value() && changed->name().empty() && changed->learn_amax());
  }
  CHECK(kept(built->clone().value()).num_bits() == 6);
  CHECK(kept(Descriptor::predefined(qdq::Predefined::ConvTransposeWeightPerChannel).value()).axis() ==
        std::vector<std::int32_t>{1});
  CHECK(kept(Descriptor::make().block(1, 16).build().value()).block_axis() == 1);
  CHECK(!Descriptor().amax().value());
  CHECK_FAILS(Descriptor::predefined(static_cast<qdq::Predefined>(77)), Status::InvalidArgument, "77");
  CHECK(!Descriptor::from_json("{\"no_such_field\": 1}"));
  // Fields that do not go together are found when all of them are known.
  CHECK(!Descriptor::make().axis({0}).block(0, 4).build());
}

TEST(weights_are_quantized_for_onnx) {
  const std::vector<float> w = {127, -127, 254, 0};
  const qdq::TensorView view(w.data(), {2, 2});
  std::vector<std::int8_t> q(4);
  const qdq::MutableTensorView out(q.data(), {2, 2});
  const auto scale = qdq::weights_quantize(view, 0, out).value();
  CHECK(scale[0] == 1.0f && scale[1] == 2.0f && q[1] == -127 && q[2] == 127);
  const auto amax = qdq::weights_amax(view, 0, qdq::Method::Max).value();
  CHECK(amax.values().size() == 2 && amax[1] == 254.0f);
  CHECK(qdq::weights_quantize(view, 0, amax, out).value()[1] == 2.0f);
  CHECK(kept(qdq::weights_amax(view, qdq::no_axis).value()).shape().empty());
}

TEST(quantizer_calibrates_quantizes_and_is_restored) {
  const auto descriptor = qdq::Descriptor::make().calib_method(qdq::CalibMethod::Histogram).build();
  if (!CHECK_GOOD(descriptor)) return;
  auto made = qdq::Quantizer::make(*descriptor);
  if (!CHECK_GOOD(made)) return;
  qdq::Quantizer& quantizer = *made;
  CHECK(quantizer.is_dynamic() && quantizer.is_quantizing() && !quantizer.is_calibrating() && !quantizer.is_disabled());
  CHECK_FAILS(quantizer.load_calib_amax(qdq::Method::Max), qdq::Status::Data, "");
  CHECK_EQ(*quantizer.load_calib_amax(qdq::Method::Max, false), false);

  std::vector<float> x = {-4, -1, 0.1f, 1, 2, 8}, y(6);
  CHECK_GOOD(quantizer.set_quantizing(false));
  CHECK_GOOD(quantizer.set_calibrating(true));
  CHECK_GOOD(quantizer.forward(x, y));
  CHECK(x == y);
  auto other = quantizer.clone();
  if (!CHECK_GOOD(other)) return;
  CHECK_GOOD(other->reset_calibration());
  CHECK_GOOD(other->observe(std::vector<float>{16.0f}));
  CHECK_GOOD(quantizer.merge(*other));
  CHECK_GOOD(quantizer.stats());
  CHECK_GOOD(quantizer.load_calib_amax(qdq::Method::Max));
  CHECK_GOOD(quantizer.set_calibrating(false));
  CHECK_GOOD(quantizer.set_quantizing(true));
  CHECK_EQ((*quantizer.amax())->values()[0], 16.0f);
  CHECK_EQ((*quantizer.step_size())->values()[0], 16.0f / 127);
  const auto exported = quantizer.amax_for_export();
  if (CHECK_GOOD(exported)) CHECK_EQ(exported->values()[0], 16.0f);
  CHECK_GOOD(quantizer.forward(x, y));
  CHECK(y[5] != 8 && y[5] > 7.9f);
  const auto scale = quantizer.quantize(x, y);
  CHECK(CHECK_GOOD(scale) && !scale->has_value());  // fake quantization has no integers

  const auto json = quantizer.to_json();
  if (!CHECK_GOOD(json)) return;
  const auto restored = qdq::Quantizer::from_json(json->text());
  if (!CHECK_GOOD(restored)) return;
  CHECK(kept(quantizer.to_text().value()).text() == kept(restored->to_text().value()).text());
  x[0] = -17;
  const std::vector<float> ones(6, 1.0f);
  const auto ends = restored->backward(ones, x, y);
  CHECK(CHECK_GOOD(ends) && ends->min == 0 && ends->max == 0 && y[0] == 0 && y[1] == 1);
  CHECK_GOOD(quantizer.clear_amax());
  CHECK(quantizer.is_dynamic() && !kept(quantizer.amax_in_use().value()).has_value());
}

TEST(quantizer_learns_its_range) {
  const auto descriptor = qdq::Descriptor::make().learn_amax(true).amax(2.0f).build();
  if (!CHECK_GOOD(descriptor)) return;
  auto quantizer = qdq::Quantizer::make(*descriptor);
  if (!CHECK_GOOD(quantizer)) return;
  CHECK(quantizer->clip_range().min == -2 && quantizer->clip_range().max == 2);
  CHECK_GOOD(quantizer->set_clip_range(-1, 3));
  CHECK_GOOD(quantizer->set_clipping(true));
  CHECK(quantizer->is_clipping());
  const std::vector<float> x = {-5, 0, 4}, ones = {1, 10, 100};
  std::vector<float> out(3);
  const auto ends = quantizer->backward(ones, x, out);
  CHECK(CHECK_GOOD(ends) && ends->min == 1 && ends->max == 100 && out[0] == 0 && out[1] == 10 && out[2] == 0);
  CHECK_GOOD(quantizer->init_learn_amax());
  CHECK_GOOD(quantizer->set_integers(4, false, true));
  CHECK_GOOD(quantizer->set_pre_quant_scale(std::vector<float>{0.5f}));
  CHECK_EQ((*quantizer->pre_quant_scale())->values()[0], 0.5f);
  CHECK_GOOD(quantizer->clear_pre_quant_scale());
  CHECK_GOOD(quantizer->set_disabled(true));
  CHECK_GOOD(quantizer->set_amax(qdq::TensorView(&x[2], {})));
  CHECK(quantizer->is_disabled() && kept(quantizer->descriptor().value()).num_bits() == 4 &&
        !kept(quantizer->inverse_scale().value()).has_value());
}

TEST(clipping_and_scaling) {
  const std::vector<float> x = {-2, 0.5f, 3}, gradient = {1, 10, 100};
  std::vector<float> out(3);
  CHECK_GOOD(qdq::clip(x, -1, 1, out));
  CHECK(out == (std::vector<float>{-1, 0.5f, 1}));
  const auto ends = qdq::clip_backward(gradient, x, -1, 1, out);
  CHECK(CHECK_GOOD(ends) && ends->min == 1 && ends->max == 100 && out == (std::vector<float>{0, 10, 0}));
  CHECK_GOOD(qdq::multiply(x, std::vector<float>{2}, out));
  CHECK(out == (std::vector<float>{-4, 1, 6}));
}

TEST(weights_count_axes_from_either_end) {
  const std::vector<float> weights = {1, -2, 3, 4, -5, 0.5f};
  const qdq::TensorView view(weights.data(), {2, 3});
  const auto last = qdq::weights_amax(view, -1, qdq::Method::Max),
             all = qdq::weights_amax(view, qdq::no_axis, qdq::Method::Max);
  CHECK(CHECK_GOOD(last) && last->values()[0] == 4 && last->values()[1] == 5 && last->values()[2] == 3);
  CHECK(CHECK_GOOD(all) && all->values().size() == 1 && all->values()[0] == 5);
  CHECK_FAILS(qdq::weights_amax(view, 2, qdq::Method::Max), qdq::Status::Shape, "no axis 2");
}

TEST(a_quantizer_with_the_search_of_the_original) {
  std::vector<float> x(5000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * std::sin(static_cast<float>(i) * 0.7f);
  const qdq::TensorView view(x.data(), {5000});
  const auto descriptor = qdq::Descriptor::make().calib_method(qdq::CalibMethod::Compat).build().value();
  CHECK(descriptor.calib_method() == qdq::CalibMethod::Compat);
  auto quantizer = qdq::Quantizer::make(descriptor).value();
  auto calibrator = qdq::HistogramCalibrator::make().value();
  CHECK_EQ(*quantizer.load_calib_amax(qdq::Method::Mse, qdq::Search{}, false), false);
  CHECK_GOOD(quantizer.observe(view));
  CHECK_GOOD(calibrator.observe(view));
  CHECK_GOOD(calibrator.set_search(300, 7));
  for (const auto method : {qdq::Method::Entropy, qdq::Method::Mse}) {
    CHECK_EQ(*quantizer.load_calib_amax(method, {300, 7}), true);
    CHECK_EQ((*quantizer.amax().value())[0], calibrator.amax(method).value());
  }
  CHECK_FAILS(quantizer.load_calib_amax(qdq::Method::Mse, {128, 0}), qdq::Status::InvalidArgument, "in steps of 0");
  CHECK_FAILS(quantizer.load_calib_amax(qdq::Method::Max, {128, 1}), qdq::Status::InvalidArgument, "no start_bin");
  CHECK_FAILS(quantizer.load_calib_amax(qdq::Method::Max), qdq::Status::InvalidArgument, "no max");
  CHECK_FAILS(quantizer.stats(), qdq::Status::Unsupported, "no statistics");
  CHECK_FAILS(quantizer.calibration_to_bytes(), qdq::Status::Unsupported, "no file");
}

TEST(weight_ranges_of_the_original) {
  std::vector<float> weights(2 * 300);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i)) * (i < 300 ? 1.0f : 3.0f);
  const qdq::TensorView view(weights.data(), {2, 300});
  const auto amax = qdq::weights_compat_amax(view, 0, qdq::percentile(99.0)).value();
  CHECK(amax.values().size() == 2 && amax[1] > 2.5f && amax[1] < 3.0f && amax[0] < 1.0f);
  CHECK_EQ(qdq::weights_compat_amax(view, qdq::no_axis, qdq::Method::Max).value()[0],
           qdq::weights_amax(view, qdq::no_axis, qdq::Method::Max).value()[0]);
  CHECK_GOOD(qdq::weights_compat_amax(view, -1, qdq::Method::Mse, 8, false, 256));
  CHECK_FAILS(qdq::weights_compat_amax(view, 0, qdq::Method::Entropy), qdq::Status::InvalidArgument, "no entropy");
  CHECK_FAILS(qdq::weights_compat_amax(view, 0, qdq::Method::Mse, 8, false, 0), qdq::Status::InvalidArgument, "0 bins");
}

TEST(calibrations_of_two_machines_are_merged) {
  const std::string path = check::folder("calibration") + "/calibration";
  const std::vector<float> x = {1, -2, 3, 4}, y = {5, 0, 0, 0};
  const auto rows = qdq::Descriptor::make().axis({0}).build().value();
  const auto histogram = qdq::Descriptor::make().calib_method(qdq::CalibMethod::Histogram).build().value();
  for (const qdq::Descriptor* descriptor : {&rows, &histogram}) {
    auto here = qdq::Quantizer::make(*descriptor).value(), there = qdq::Quantizer::make(*descriptor).value();
    CHECK_GOOD(here.observe({x.data(), {2, 2}}));
    CHECK_GOOD(there.observe({y.data(), {2, 2}}));
    CHECK_GOOD(there.save_calibration(path));
    auto loaded = here.clone().value();
    CHECK_GOOD(loaded.load_calibration(path));
    CHECK_EQ(kept(loaded.calibration_to_bytes().value()).text(), kept(there.calibration_to_bytes().value()).text());
    CHECK_GOOD(here.merge(loaded));
    CHECK(here.load_calib_amax(qdq::Method::Max).value() && (*here.amax().value())[0] == 5.0f);
    CHECK_GOOD(here.calibration_from_bytes(there.calibration_to_bytes().value()));
  }
  auto other = qdq::Quantizer::make(rows).value();
  CHECK_FAILS(other.load_calibration(path), qdq::Status::Format, "maxima");
}
