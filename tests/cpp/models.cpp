// ONNX models from opening to comparison.

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "digits.hpp"

using qdq::Batches;
using qdq::Model;
using qdq::Status;

static std::vector<char> content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Returns the labels of the test images.
static std::vector<std::int64_t> labels() {
  const auto labels = qdq::Array::read_npy(digits::path("test_labels.npy")).value();
  const qdq::TensorView view = labels;
  CHECK(view.dtype() == qdq::DType::I64 && view.ndim() == 1);
  const auto* values = static_cast<const std::int64_t*>(view.data());
  return {values, values + view.shape()[0]};
}

TEST(digits_end_to_end_from_files) {
  const std::string folder = check::folder("digits_files");
  const Model model = digits::model();
  CHECK(model.opset() > 0 && model.ir_version() > 0);
  const auto inputs = model.inputs().value();
  CHECK(inputs.size() == 1 && inputs.at(0).name == "input" && inputs.at(0).dtype == qdq::DType::F32);
  CHECK(inputs.at(0).shape && inputs.at(0).shape->size() == 4 && (*inputs.at(0).shape)[3] == 8);
  CHECK(kept(model.outputs().value()).size() == 1);
  CHECK(kept(model.graph().value()).nodes().size() > 0);

  const auto plan = model.plan().value();
  CHECK_EQ(plan.decisions().size(), kept(model.graph().value()).nodes().size());
  const auto options = qdq::DataOptions::make().batch_size(32).limit(64).seed(1).build().value();
  auto batches = Batches::open(inputs, digits::path("calib.npz"), options).value();
  CHECK_EQ(batches.remaining().value_or(0), 2u);
  std::uint64_t batches_seen = 0, samples_seen = 0, total = 0;
  const auto run = qdq::RunOptions::make()
                       .threads(1)
                       .runtime(qdq::Runtime::Embedded)
                       .onnxruntime({})
                       .progress([&](const qdq::Progress& progress) {
                         batches_seen = progress.batches;
                         samples_seen = progress.samples;
                         total = progress.total_batches.value_or(0);
                       })
                       .build()
                       .value();
  const auto stats = model.calibrate(plan, batches, true, run).value();
  CHECK(batches_seen == 2 && samples_seen == 64 && total == 2 && stats.samples() == 64);
  CHECK_EQ(stats.names().size(), plan.taps(true).size());

  const auto ranges = plan.ranges(stats).value();
  const auto quantized = model.quantize(plan, ranges).value();
  CHECK_GOOD(quantized.save(folder + "/model.qdq.onnx"));
  CHECK_GOOD(qdq::Cache::from_ranges(ranges, 100300).value().save(folder + "/model.cache"));
  CHECK_GOOD(ranges.save(folder + "/model.json"));
  CHECK_EQ(kept(kept(qdq::Cache::load(folder + "/model.cache").value())
                    .check(100300, qdq::Algorithm::Entropy2, plan.taps(true))
                    .value())
               .size(),
           0u);

  // Compare the saved model with the float one.
  const auto saved = Model::open(folder + "/model.qdq.onnx").value();
  std::vector<std::int64_t> right = labels();
  right.resize(100);
  const auto first = qdq::DataOptions::make().batch_size(50).limit(100).build().value();
  auto test = Batches::open(inputs, {"input=" + digits::path("test.npz")}, first).value();
  auto compared = model.compare(saved, test, true, right, run);
  if (!CHECK_GOOD(compared)) return;
  CHECK_EQ(compared->samples(), right.size());
  CHECK(compared->output_count() == 1 && compared->tensors().size() > 1);
  CHECK(compared->tensors().at(0).sqnr_db > 35 && compared->tensors().at(0).cosine > 0.999);
  const auto first_output = compared->tensors().at(0);
  CHECK(first_output.max_error > 0 && !first_output.name.empty());
  CHECK(first_output.mean_error > 0 && first_output.mean_error < first_output.max_error);
  CHECK(first_output.values == 10 * right.size() && first_output.non_finite == 0);
  CHECK(compared->reaches(0, 35) && !compared->reaches(0, 1000) && !compared->reaches(999, 0));
  const auto agreement = compared->agreement();
  CHECK(agreement.samples == right.size() && agreement.labelled == right.size());
  CHECK(static_cast<double>(agreement.same) == compared->top1() * static_cast<double>(right.size()));
  CHECK(agreement.float_right <= right.size() && agreement.quantized_right <= right.size());
  CHECK(static_cast<double>(agreement.float_right) == compared->float_accuracy() * static_cast<double>(right.size()));
  CHECK(kept(compared->to_text().value()).text().find("SQNR dB") != std::string_view::npos);
  CHECK(compared->float_accuracy() > 0.97 && compared->quantized_accuracy() > 0.97 && compared->top1() > 0.97);
  CHECK(kept(compared->to_json().value()).text().front() == '{');
  auto again = Batches::open(inputs, std::vector<std::string>{digits::path("test.npz")}, options).value();
  CHECK(std::isnan(kept(model.compare(saved, again).value()).float_accuracy()));
}

TEST(digits_end_to_end_from_a_lambda) {
  const Model model = Model::from_bytes(content(digits::path("model.onnx"))).value();
  const auto plan = model.plan(qdq::Policy::make().exclude_op("Gemm").build().value()).value();
  auto batches = Batches::from_callback(model.inputs().value(), digits::source(4)).value();
  CHECK(!batches.remaining());
  const auto stats = model.calibrate(plan, batches).value();
  CHECK_EQ(stats.samples(), 32u);
  CHECK_EQ(stats.names().size(), plan.taps().size());
  const auto ranges = plan.ranges(stats, qdq::percentile(99.9)).value();
  const auto options =
      qdq::QuantizeOptions::make().weight_form(qdq::WeightForm::Float).weight_method(qdq::Method::Max).build().value();
  const auto as_float = model.quantize(plan, ranges, options).value();
  const auto as_int8 = model.quantize(plan, ranges).value();
  CHECK(kept(as_float.to_bytes().value()).size() > kept(as_int8.to_bytes().value()).size());

  // Two threads run one model over the same data and give the same bytes.
  auto first = Batches::from_callback(model.inputs().value(), digits::source(4)).value();
  CHECK_EQ(kept(kept(model.calibrate(plan, first).value()).to_bytes().value()).text(),
           kept(stats.to_bytes().value()).text());
}

TEST(inputs_are_fixed_and_get_other_shapes) {
  Model model = digits::model();
  const std::vector<float> zeros(128);
  CHECK_FAILS(model.fix_input("none", qdq::TensorView(zeros.data(), {1, 1, 8, 8})), Status::InvalidArgument, "input");
  CHECK_FAILS(model.fix_input("input", qdq::TensorView(zeros.data(), {8, 8})), Status::Shape, "'input'");
  CHECK_FAILS(model.set_input_shape("input", {1, 64}), Status::Shape, "2 axes");
  for (const std::int64_t size : {qdq::dynamic, std::int64_t{2}}) {
    CHECK_GOOD(model.set_input_shape("input", {size, 1, 8, 8}));
    const auto inputs = model.inputs().value();
    CHECK_EQ(inputs.at(0).shape.value().at(0), size);
  }
  const auto one = model.fix_input("input", qdq::TensorView(zeros.data(), {1, 1, 8, 8}));
  CHECK_FAILS(one, Status::Shape, "[2, 1, 8, 8]");
  CHECK_GOOD(model.fix_input("input", qdq::TensorView(zeros.data(), {2, 1, 8, 8})));
  CHECK_EQ(model.inputs().value().size(), std::size_t{0});
}

TEST(trained_weights_and_their_ranges_go_into_a_model) {
  Model model = digits::model();
  std::vector<float> weights(1280);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 100) / 64.0f;
  CHECK(model.set_initializer("fc.weight", qdq::TensorView(weights.data(), {10, 128})).has_value());
  const auto stored = model.get_constant("fc.weight").value();
  const auto* values = static_cast<const float*>(stored->view().data());
  CHECK(std::vector<float>(values, values + weights.size()) == weights);
  CHECK_FAILS(model.set_initializer("none", qdq::TensorView(weights.data(), {10, 128})), Status::InvalidArgument, "'none'");
  CHECK_FAILS(model.set_initializer("fc.weight", qdq::TensorView(weights.data(), {128, 10})), Status::Shape, "fc.weight");
  const std::vector<std::int8_t> integers(1280);
  CHECK_FAILS(model.set_initializer("fc.weight", qdq::TensorView(integers.data(), {10, 128})), Status::Type, "fc.weight");

  const auto before = model.graph().value();
  const auto fc = before.tensors().at(before.find_tensor("fc.weight")).consumers.at(0).node;
  Model clipped = Model::from_bytes(model.to_bytes().value()).value();
  CHECK_GOOD(clipped.clip_input(before.nodes().at(fc).name, 0, -1, 2));
  const auto graph = clipped.graph().value();
  const auto input = graph.nodes().at(graph.tensors().at(graph.find_tensor("fc.weight")).consumers.at(0).node).inputs[0];
  CHECK_EQ(graph.nodes().at(graph.tensors().at(input).producer).op, "Clip");
  CHECK_FAILS(clipped.clip_input("none", 0, -1, 2), Status::InvalidArgument, "'none'");

  const auto plan = model.plan().value();
  auto batches = Batches::from_callback(model.inputs().value(), digits::source(1)).value();
  const auto ranges = plan.ranges(model.calibrate(plan, batches).value()).value();
  const auto scales = [&](qdq::QuantizeOptions::Builder& options) {
    const auto quantized = model.quantize(plan, ranges, options.build().value());
    if (!quantized) return std::vector<float>();
    const auto scale = quantized->get_constant("fc.weight_scale").value();
    const auto* numbers = static_cast<const float*>(scale->view().data());
    return std::vector<float>(numbers, numbers + 10);
  };
  std::vector<float> amax, expected;
  for (int i = 1; i <= 10; ++i) amax.push_back(127.0f * static_cast<float>(i));
  for (int i = 1; i <= 10; ++i) expected.push_back(static_cast<float>(i));
  auto computed = qdq::QuantizeOptions::make();
  auto given = qdq::QuantizeOptions::make();
  given.weight_amax("fc.weight", amax);
  CHECK(scales(given) == expected);
  auto one = qdq::QuantizeOptions::make();
  one.weight_amax("fc.weight", std::vector<float>{254.0f}).weight_amax("of nothing", std::vector<float>{1.0f});
  CHECK(scales(one) == std::vector<float>(10, 2.0f));
  auto taken_back = qdq::QuantizeOptions::make();
  taken_back.weight_amax("fc.weight", amax).no_weight_amax("fc.weight");
  CHECK(scales(taken_back) == scales(computed));
  auto wrong = qdq::QuantizeOptions::make();
  wrong.weight_amax("fc.weight", std::vector<float>{1.0f, 2.0f});
  CHECK_FAILS(model.quantize(plan, ranges, wrong.build().value()), Status::Shape, "2 ranges are given for 10 scales");
  CHECK_FAILS(qdq::QuantizeOptions::make().weight_amax("w", std::vector<float>{-1.0f}).build(), Status::InvalidArgument,
              "amax is -1");
}

TEST(trained_quantizers_give_weights_their_numbers) {
  const Model model = digits::model();
  auto rows = qdq::Descriptor::make();
  std::vector<float> amax(10, 7.0f);
  const std::int64_t shape[2] = {10, 1};
  rows.num_bits(4).axis({0}).name("fc").amax(qdq::TensorView(amax.data(), shape));
  const auto trained = qdq::Quantizer::make(rows.build().value()).value();
  const auto policy = qdq::Policy::make().include_trained("/fc/Gemm", trained).build().value();
  const auto plan = model.plan(policy).value();
  const auto none = qdq::Ranges::make().value();
  auto given = qdq::QuantizeOptions::make();
  const auto quantized = model.quantize(plan, none, given.weight_quantizer("fc.weight", trained).build().value()).value();
  const auto scale = quantized.get_constant("fc.weight_scale").value();
  CHECK(*static_cast<const float*>(scale->view().data()) == 1.0f);
  auto typo = qdq::QuantizeOptions::make();
  CHECK_FAILS(model.quantize(plan, none, typo.weight_quantizer("fc", trained).build().value()), Status::InvalidArgument,
              "weight 'fc' was trained, but no node reads a tensor of this name");
  auto taken_back = qdq::QuantizeOptions::make();
  taken_back.weight_quantizer("fc", trained).no_weight_quantizer("fc");
  CHECK_GOOD(model.quantize(plan, none, taken_back.build().value()));
  const auto dynamic = qdq::Quantizer::make(qdq::Descriptor()).value();
  CHECK_FAILS(qdq::QuantizeOptions::make().weight_quantizer("fc.weight", dynamic).build(), Status::InvalidArgument,
              "weight 'fc.weight': quantizer: has no fixed range");
}

TEST(digits_recover_accuracy) {
  const Model model = digits::model();
  const auto inputs = model.inputs().value();
  const auto plan = model.plan().value();
  const auto few = qdq::DataOptions::make().batch_size(16).limit(32).build().value();
  const auto open = [&] { return Batches::open(inputs, digits::path("calib.npz"), few); };
  auto batches = open().value();
  const auto ranges = plan.ranges(model.calibrate(plan, batches).value(), qdq::Method::Mse).value();
  const auto four = qdq::QuantizeOptions::make().weight_bits(4).build().value();
  const auto all = qdq::RecoverOptions::make()
                       .quantize(four)
                       .equalization()
                       .smooth()
                       .learned_rounding()
                       .bias_correction()
                       .build()
                       .value();
  auto recovered = model.recover(plan, ranges, qdq::Method::Mse, open, all);
  if (!CHECK_GOOD(recovered)) return;
  CHECK(recovered->report.text().find("learned rounding") != std::string::npos);
  CHECK(recovered->report.text().find("smoothing") != std::string::npos);
  const auto sqnr = [&](const Model& quantized) {
    auto test = Batches::open(inputs, digits::path("test.npz"), few).value();
    return (*kept(model.compare(quantized, test).value()).tensors().begin()).sqnr_db;
  };
  const auto awq = qdq::RecoverOptions::make().awq().build().value();
  const auto refused = model.recover(plan, ranges, qdq::Method::Mse, open, awq);
  CHECK(!refused && refused.error().message().find("weights in blocks") != std::string::npos);
  CHECK(sqnr(recovered->model) > sqnr(model.quantize(plan, ranges, four).value()) + 1.0);

  auto fails = [] { return qdq::Result<Batches>(qdq::Error(Status::Io, "the camera is gone")); };
  const auto failed = model.recover(plan, ranges, qdq::Method::Mse, fails, all);
  CHECK(!failed && failed.error().status() == Status::Io && failed.error().message() == "the camera is gone");
  CHECK(qdq::QuantizeOptions::make().weight_bits(9).build().error().status() == Status::InvalidArgument);
}

TEST(digits_tell_their_layers_and_their_best_ranges) {
  const Model model = digits::model();
  const auto inputs = model.inputs().value();
  const auto plan = model.plan().value();
  const auto few = qdq::DataOptions::make().batch_size(4).limit(32).build().value();
  const auto open = [&] { return Batches::open(inputs, digits::path("calib.npz"), few); };
  auto batches = open().value();
  const auto stats = model.calibrate(plan, batches).value();
  const auto costs = model.sensitivity(plan, stats, qdq::Method::Mse, open, 8);
  if (!CHECK_GOOD(costs)) return;
  CHECK(costs->text().find("\"samples\":8") != std::string::npos);
  CHECK(costs->text().find("\"output_db\"") != std::string::npos);
  const auto chosen = model.choose_ranges(plan, stats, open);
  if (!CHECK_GOOD(chosen)) return;
  CHECK(chosen->ranges.size() == plan.ranges(stats, qdq::Method::Mse).value().size());
  CHECK(chosen->report.text().find("\"held_out\":true") != std::string::npos);
  auto fails = [] { return qdq::Result<Batches>(qdq::Error(Status::Io, "the camera is gone")); };
  const auto unmeasured = model.sensitivity(plan, stats, qdq::Method::Mse, fails);
  CHECK(!unmeasured && unmeasured.error().message() == "the camera is gone");
  const auto unchosen = model.choose_ranges(plan, stats, fails);
  CHECK(!unchosen && unchosen.error().status() == Status::Io);
}

// The first plan of a model raises its opset to what the format needs.
TEST(models_are_written_in_every_format) {
  using qdq::Format;
  const std::vector<std::pair<Format, std::int64_t>> formats = {{Format::Fp8, 19},
                                                                {Format::Int8Weights, 17},
                                                                {Format::Int4Weights, 21}};
  for (const auto& [format, opset] : formats) {
    const auto model = qdq::Model::open(check::data() + "/digits/model.onnx").value();
    const auto plan = model.plan(qdq::Policy::make().format(format).build().value()).value();
    auto ranges = qdq::Ranges::make().value();
    for (std::string_view tap : plan.taps()) ranges.set(tap, 1.0f).value();
    const auto quantized = model.quantize(plan, ranges).value();
    CHECK_EQ(quantized.opset(), opset);
    const auto as_float = qdq::QuantizeOptions::make().weight_form(qdq::WeightForm::Float).build().value();
    CHECK_FAILS(model.quantize(plan, ranges, as_float), Status::InvalidArgument, "are not stored as float");
  }
  // A model that was planned before keeps its opset.
  const auto model = qdq::Model::open(check::data() + "/digits/model.onnx").value();
  CHECK_GOOD(model.plan());
  const auto fp8 = model.plan(qdq::Policy::make().format(Format::Fp8).build().value());
  CHECK_FAILS(fp8, Status::Unsupported, "fp8 needs opset 19, and the model has 17");
}

// Only the weights remain to be quantized, so no activation needs a range and no data is read.
TEST(layers_that_are_quantized_by_half_are_completed) {
  const auto model = qdq::Model::open(check::data() + "/cases/activations_quantized_only.onnx").value();
  const auto plan = model.plan().value();
  CHECK(plan.activations().size() == 0 && plan.weights().size() == 2 && plan.findings().value().size() == 1);
  auto batches = qdq::Batches::open(model.inputs().value(), check::data() + "/cases/activations_quantized_only.npz").value();
  const auto stats = model.calibrate(plan, batches).value();
  CHECK_EQ(stats.samples(), std::uint64_t{0});
  CHECK_GOOD(model.quantize(plan, plan.ranges(stats).value()));
}

TEST(batches_are_read_one_by_one) {
  const Model model = digits::model();
  auto batches = Batches::from_callback(model.inputs().value(), digits::source(2)).value();
  std::size_t count = 0;
  while (auto batch = batches.next().value()) {
    CHECK(batch->samples() == 8 && batch->size() == 1);
    for (auto [name, tensor] : *batch) {
      CHECK(name == "input" && tensor.dtype() == qdq::DType::F32 && tensor.shape().size() == 4);
      const auto* pixels = static_cast<const float*>(tensor.data());
      CHECK(std::vector<float>(pixels, pixels + 512) == digits::images(8 * static_cast<int>(count)));
    }
    ++count;
  }
  CHECK_EQ(count, 2u);
}

TEST(a_quantized_model_has_findings) {
  const Model model = digits::model();
  const auto plan = model.plan(qdq::Policy::make().target(qdq::Target::Rtx).build().value()).value();
  auto batches = Batches::from_callback(model.inputs().value(), digits::source(1)).value();
  auto ranges = plan.ranges(model.calibrate(plan, batches).value()).value();
  CHECK_EQ(kept(kept(model.quantize(plan, ranges).value()).findings().value()).size(), 0u);
  // Results of such inputs exceed f16 with one scale for the whole weight.
  CHECK_GOOD(ranges.set("input", 1e30F));
  const auto quantized = model.quantize(plan, ranges).value();
  const auto findings = quantized.findings().value();
  if (!CHECK(findings.size() == 1)) return;
  CHECK(findings.at(0).message.find("keep one scale per channel") != std::string_view::npos);
  CHECK_EQ(findings.at(0).tensors.size(), 1u);
}

TEST(models_fail_with_reasons) {
  const Model model = digits::model();
  const auto inputs = model.inputs().value();
  CHECK(!Model::from_bytes(std::string("no model")));
  CHECK_FAILS(Batches::open(inputs, "none.npz"), Status::Io, "none.npz");
  CHECK_FAILS(Batches::open(inputs, std::vector<std::string>()), Status::InvalidArgument, "");
  auto batches = Batches::from_callback(inputs, digits::source(1)).value();
  const auto plan = model.plan().value();
  CHECK_FAILS(model.quantize(plan, qdq::Ranges::make().value()), Status::Data, "");
  CHECK_FAILS(model.save("no/such/folder/model.onnx"), Status::Io, "no/such/folder");
  auto raised = digits::model();
  CHECK_GOOD(raised.raise_opset(raised.opset()));
  CHECK(!raised.raise_opset(9999));
  const auto written = model.save_external(check::folder("external") + "/model.onnx", 1000, 100);
  CHECK(CHECK_GOOD(written) && written->size() == 2 && (*written).at(0) == "external/model.onnx");
  for (std::string_view file : *written) CHECK(std::filesystem::exists(file));
  CHECK(std::filesystem::exists("external/model.onnx.data"));
  CHECK_GOOD(Model::open("external/model.onnx"));
  const auto odd = qdq::RunOptions::make().runtime(qdq::Runtime::OnnxRuntime).onnxruntime("no/such/library").build().value();
  CHECK_FAILS(model.calibrate(plan, batches, false, odd), Status::InvalidArgument, "no/such/library");
}

TEST(models_have_constants_and_metadata) {
  auto model = digits::model();
  CHECK(!model.get_constant("nothing").value() && !model.get_metadata("owner").value());
  const auto graph = model.graph().value();
  for (const qdq::Graph::Tensor& tensor : graph.tensors()) {
    if (tensor.kind != qdq::TensorKind::Constant) continue;
    const auto value = model.get_constant(tensor.name).value();
    if (!CHECK(value.has_value())) continue;
    const qdq::TensorView view = *value;
    CHECK(view.dtype() == tensor.dtype);
    CHECK(std::vector<std::int64_t>(view.shape().begin(), view.shape().end()) == tensor.shape);
  }
  CHECK_GOOD(model.set_metadata("owner", "nobody"));
  CHECK_EQ(kept(*model.get_metadata("owner").value()).text(), "nobody");
  const auto converted = model.raise_opset(21);
  CHECK(CHECK_GOOD(converted) && model.opset() == 21 && converted->size() == 0);
  CHECK_FAILS(qdq::Array::read_npy("none.npy"), Status::Io, "none.npy");
}

TEST(specs_describe_any_network) {
  const auto specs = qdq::Specs::make().add("a", qdq::DType::F32, {qdq::dynamic, 3}).add("b").build().value();
  const auto named = qdq::Specs::make().add("a", qdq::DType::F32, {qdq::dynamic, 3}).name_dim(0, 0, "N").build().value();
  CHECK(named.at(0).dims == std::vector<std::string_view>({"N", ""}) && specs.at(0).dims[0].empty());
  CHECK(!qdq::Specs::make().add("a", qdq::DType::F32, {3}).name_dim(0, 0, "N").build());
  CHECK(specs.size() == 2 && specs.at(1).name == "b" && specs.at(1).dtype == qdq::DType::Unknown && !specs.at(1).shape);
  CHECK(specs.at(0).shape == std::vector<std::int64_t>({qdq::dynamic, 3}));
  CHECK(!qdq::Specs::make().add("a", qdq::DType::F32, {-5}).build());
  std::string names;
  for (const qdq::Spec& spec : specs) names += spec.name;
  CHECK_EQ(names, "ab");
}

TEST(data_options_reach_the_library) {
  const auto options = qdq::DataOptions::make()
                           .batch_size(4)
                           .feeds(qdq::Feeds::Samples)
                           .limit(8)
                           .seed(7)
                           .raw(qdq::DType::F32, {1, 8, 8})
                           .image_size(8, 8)
                           .image_resize(qdq::Resize::Crop)
                           .image_resize_filter(qdq::ResizeFilter::OpenCv)
                           .image_exif(qdq::Exif::Apply)
                           .image_shorter_side(16)
                           .image_channels(qdq::Channels::Gray)
                           .image_scale(1.0f)
                           .image_mean({0.5f})
                           .image_std({2.0f})
                           .image_layout(qdq::Layout::Nchw)
                           .image_fill(0)
                           .build();
  if (!CHECK_GOOD(options)) return;
  const std::string folder = check::folder("raw");
  const std::vector<float> pixels = digits::images(0);
  std::ofstream(folder + "/x.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(pixels.data()), static_cast<std::streamsize>(pixels.size() * sizeof(float)));
  auto batches = Batches::open(digits::model().inputs().value(), folder + "/x.bin", *options).value();
  CHECK_EQ(batches.next().value()->samples(), 4u);
  // With a fixed batch size, repeated samples fill the last batch.
  std::ofstream(folder + "/few.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(pixels.data()), static_cast<std::streamsize>(64 * sizeof(float)));
  const auto fixed = qdq::Specs::make().add("x", qdq::DType::F32, {48, 1}).build().value();
  auto filled = Batches::open(fixed, folder + "/few.bin").value();
  CHECK_EQ(filled.next().value()->repeats(), 0u);
  const auto last = filled.next().value();
  CHECK(last->samples() == 16 && last->repeats() == 32 && !filled.next().value());
  CHECK(!qdq::DataOptions::make().image_resize(static_cast<qdq::Resize>(9)).build());
  CHECK(!qdq::DataOptions::make().image_resize_filter(static_cast<qdq::ResizeFilter>(9)).build());
  CHECK(!qdq::DataOptions::make().image_exif(static_cast<qdq::Exif>(9)).build());
  CHECK(!qdq::DataOptions::make().feeds(static_cast<qdq::Feeds>(9)).build());
}

TEST(outputs_are_chosen_and_whole_numbers_agree_in_part) {
  const std::string cases = check::data() + "/cases/output_argmax_only";
  const Model model = Model::open(cases + ".onnx").value();
  const auto inputs = model.inputs().value();
  const auto open = [&] { return Batches::open(inputs, cases + ".npz").value(); };
  const auto plan = model.plan().value();
  auto batches = open();
  const auto stats = model.calibrate(plan, batches).value();
  const auto quantized = model.quantize(plan, plan.ranges(stats).value()).value();

  // Batches can be read only once. The error differs from that of empty data.
  const auto again = model.calibrate(plan, batches);
  CHECK(!again && again.error().status() == qdq::Status::InvalidArgument);
  CHECK(!again && again.error().message().find("read to their end") != std::string_view::npos);
  CHECK(!model.compare(quantized, batches) && !batches.next());

  auto data = open();
  const auto compared = model.compare(quantized, data).value();
  CHECK(compared.output_count() == 2 && compared.tensors().at(0).name == "am" && compared.tensors().at(1).name == "l");
  const auto argmax = compared.tensors().at(0);
  CHECK(argmax.equal > 0.9 && argmax.equal <= 1 && argmax.values == 1024 && std::isnan(argmax.sqnr_db));
  CHECK(!compared.reaches(0, 0) && compared.reaches(1, 20) && std::isnan(compared.tensors().at(1).equal));
  CHECK(compared.findings().value().size() == 1);

  auto more = open();
  const auto chosen = model.compare_outputs(quantized, more, std::vector<std::string>{"l"}).value();
  CHECK(chosen.output_count() == 1 && chosen.tensors().at(0).sqnr_db == compared.tensors().at(1).sqnr_db);
  auto rest = open();
  const auto unknown = model.compare_outputs(quantized, rest, std::vector<std::string>{"nothing"});
  CHECK(!unknown && unknown.error().message().find("'nothing'") != std::string_view::npos);
}
