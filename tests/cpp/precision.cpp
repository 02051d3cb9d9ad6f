// Models in half precision.

#include <limits>
#include <string>
#include <vector>

#include "digits.hpp"

using qdq::Batches;
using qdq::Half;
using qdq::Precision;
using qdq::PrecisionOptions;
using qdq::Status;

static qdq::Stats observed(const qdq::Model& model, const qdq::Plan& plan) {
  const auto options = qdq::DataOptions::make().batch_size(32).limit(64).build().value();
  auto batches = Batches::open(model.inputs().value(), digits::path("calib.npz"), options).value();
  return model.calibrate(plan, batches, true).value();
}

// Returns the SQNR of the first output of `other` beside `model`.
static double sqnr(const qdq::Model& model, const qdq::Model& other) {
  const auto options = qdq::DataOptions::make().batch_size(32).limit(64).build().value();
  auto batches = Batches::open(model.inputs().value(), digits::path("test.npz"), options).value();
  return (*kept(model.compare(other, batches).value()).tensors().begin()).sqnr_db;
}

TEST(a_model_is_cast_by_its_statistics) {
  const auto model = digits::model();
  const auto plan = model.plan().value();
  const auto stats = observed(model, plan);
  const auto halved = model.cast(PrecisionOptions(), stats).value();
  std::size_t halves = 0;
  for (const auto& decision : halved.plan.decisions()) {
    CHECK(!decision.node.empty() && !decision.reason.empty());
    if (decision.precision == Precision::Half) ++halves;
  }
  CHECK(halves > 0);
  CHECK(sqnr(model, halved.model) > 50.0);
  CHECK(kept(halved.model.inputs().value()).at(0).dtype == qdq::DType::F32);
  CHECK(kept(halved.plan.to_json().value()).text().find("\"half\":\"f16\"") != std::string::npos);
  CHECK(!kept(halved.plan.to_text().value()).text().empty());
  CHECK(kept(halved.plan.findings().value()).size() == 0);
  CHECK_FAILS(halved.model.cast(PrecisionOptions(), stats), Status::Unsupported, "nothing is left to convert");
}

TEST(a_quantized_model_is_cast_with_scales_in_half_precision) {
  const auto model = digits::model();
  const auto plan = model.plan().value();
  const auto stats = observed(model, plan);
  const auto ranges = plan.ranges(stats, qdq::Method::Mse).value();
  const auto scales = qdq::QuantizeOptions::make().half_scales(Half::F16).build().value();
  const auto quantized = model.quantize(plan, ranges, scales).value();
  const auto halved = quantized.cast(PrecisionOptions(), stats, ranges).value();
  CHECK(halved.model.opset() >= 19);
  CHECK(sqnr(model, halved.model) > sqnr(model, quantized) - 0.5);
  const auto by_ranges = quantized.cast(PrecisionOptions(), ranges).value();
  const auto findings = [](const qdq::PrecisionPlan& made) {
    std::string all;
    const auto found = made.findings().value();
    for (const auto finding : found) all += std::string(finding.message) + "\n";
    return all;
  };
  CHECK(findings(by_ranges.plan).find("only the largest values are known") != std::string::npos);
  const auto by_nothing = quantized.cast(PrecisionOptions(), qdq::Ranges::make().value()).value();
  CHECK(findings(by_nothing.plan).find("only the largest values are known") == std::string::npos);
}

TEST(options_of_half_precision_choose_nodes_and_the_type) {
  const auto model = digits::model();
  const auto all = PrecisionOptions::make().float32_name("*").build().value();
  CHECK_FAILS(model.cast(all), Status::Unsupported, "kept in float32 by the user");
  const auto misspelt = PrecisionOptions::make().float32_op("Konv").build().value();
  CHECK_FAILS(model.cast(misspelt), Status::InvalidArgument, "'Konv'");
  const auto options = PrecisionOptions::make().half(Half::BF16).half_io().half_op("Conv").half_name("*").build().value();
  const auto halved = model.cast(options).value();
  CHECK(kept(halved.model.inputs().value()).at(0).dtype == qdq::DType::BF16);
  CHECK(halved.model.opset() == 22);
}

TEST(numbers_are_rounded_to_other_types) {
  const std::vector<float> values{1.0f, 1.0f + 1.0f / 4096.0f, -70000.0f, 1e-9f};
  const qdq::TensorView view(values.data(), {4});
  const auto halved = qdq::Array::convert(view, qdq::DType::F16).value();
  CHECK(halved.view().dtype() == qdq::DType::F16 && halved.values().empty());
  const auto back = qdq::Array::convert(halved, qdq::DType::F32).value();
  CHECK(back[0] == 1.0f && back[1] == 1.0f && back[3] == 0.0f);
  CHECK(back[2] == -std::numeric_limits<float>::infinity());
  CHECK(kept(qdq::Array::convert(view, qdq::DType::BF16).value()).view().dtype() == qdq::DType::BF16);
  CHECK_FAILS(qdq::Array::convert(view, qdq::DType::I8), Status::InvalidArgument, "floating-point");

  CHECK(qdq::half_scale(0.1f, Half::F16) == 0.099975586f);
  CHECK(!qdq::half_scale(1e-5f, Half::F16) && qdq::half_scale(1e-5f, Half::BF16));
}

TEST(scales_of_weights_are_held_in_half_precision_unless_live_channels_are_too_small) {
  const std::vector<float> weights{1.0f, -2.0f, 1e-8f, 2e-8f}, live{5e-3f, 4e-3f, 5e-3f, 4e-3f};
  const std::vector<float> scales{0.02f, 1e-10f}, small{4e-5f, 4e-5f};
  const auto held = qdq::weights_half_scale({weights.data(), {2, 2}}, 0, {scales.data(), {2}}, Half::F16).value();
  if (CHECK(held.has_value())) CHECK((*held)[1] == 6.1035156e-5f);
  CHECK(!qdq::weights_half_scale({live.data(), {2, 2}}, 0, {small.data(), {2}}, Half::F16).value());
  CHECK_FAILS(qdq::weights_half_scale({live.data(), {2, 2}}, 0, {small.data(), {1}}, Half::F16), Status::Shape, "");
}

TEST(one_scale_and_factors_stand_for_the_scales_of_channels) {
  const std::vector<float> weights{1.0f, -2.0f, 0.25f, 0.5f, 0.0f, 0.0f}, scales{2.0f / 127, 0.5f / 127, 1.0f};
  const qdq::TensorView view(weights.data(), {3, 2});
  const auto one = qdq::weights_one_scale(view, {scales.data(), {3}}, 10.0f).value();
  CHECK(one.scale == 1.0f / 64);
  CHECK(one.factors[0] * one.scale == scales[0] && one.factors[1] * one.scale == scales[1] && one.factors[2] == 0.0f);
  CHECK(one.values[1] == -127.0f * one.scale && one.values[3] == 127.0f * one.scale && one.values[4] == 0.0f);
  CHECK(qdq::weights_one_scale(view, {scales.data(), {3}}, 1e9f).value().scale == 0.0f);
  CHECK_FAILS(qdq::weights_one_scale({weights.data(), {0, 2}}, {scales.data(), {0}}, 1.0f), Status::Shape, "no element");
  CHECK_FAILS(qdq::weights_one_scale(view, {weights.data(), {3}}, 1.0f), Status::InvalidArgument, "not -2");
  CHECK_FAILS(qdq::weights_one_scale(view, {scales.data(), {3}}, -1.0f), Status::InvalidArgument, "largest_input");
}

TEST(a_graph_is_planned_by_what_is_known_of_its_values) {
  qdq::Graph graph;
  const auto x = graph.add_tensor("x", qdq::TensorKind::Input, qdq::DType::F32, {1, 4}).value();
  const auto c = graph.add_tensor("c", qdq::TensorKind::Constant, qdq::DType::F32, {4}).value();
  graph.add_node(qdq::Node::make("Mul", "first").input(x).input(c).output("y").build().value()).value();
  graph.add_node(qdq::Node::make("Relu", "second").input(graph.find_tensor("y")).output("z").build().value()).value();
  for (const char* name : {"y", "z"}) graph.describe_tensor(graph.find_tensor(name), qdq::DType::F32, {1, 4}).value();
  graph.mark_output(graph.find_tensor("z")).value();

  const std::vector<float> values{1.0f, 2.0f, 3.0f, 1e6f};
  qdq::Stats stats, constants;
  stats.set_samples(4).value();
  for (const char* name : {"x", "y", "z"}) stats.observe(name, {values.data(), {3}}).value();
  constants.observe("c", {values.data(), {4}}).value();
  qdq::KnownValues known;
  known.stats = &stats;
  known.constants = &constants;
  const auto plan = graph.plan_precision(PrecisionOptions(), known).value();
  CHECK(plan.decisions().at(0).precision == Precision::Float32 && plan.decisions().at(1).precision == Precision::Half);
  CHECK(!plan.input_is_half(0, 1) && plan.input_is_half(1, 0) && plan.output_is_half(1, 0));
  CHECK(!plan.input_is_half(1, 1) && !plan.input_is_half(9, 0) && !plan.output_is_half(1, 7));
  CHECK(plan.half() == Half::F16 && !plan.half_io());
  const auto forced = graph.plan_precision(PrecisionOptions::make().half_name("first").build().value(), known).value();
  CHECK(forced.input_is_half(0, 1));
  CHECK(forced.constant(c, {values.data(), {4}}, true).value()[3] == 65504.0f);
  CHECK(forced.constant(c, {values.data(), {4}}, false).value()[3] == 1e6f);
  CHECK_FAILS(forced.constant(99, {values.data(), {4}}, true), Status::InvalidArgument, "no tensor 99");
  const std::vector<std::size_t> beyond{99};
  known.unheld = beyond;
  CHECK_FAILS(graph.plan_precision(PrecisionOptions(), known), Status::InvalidArgument, "no tensor 99");
}
