// Models in half precision.

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
  CHECK(kept(by_ranges.plan.findings().value()).size() > 0);
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
