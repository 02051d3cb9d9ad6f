// Half precision in strongly typed networks.
#include "network.hpp"

namespace cast_test {

using namespace net;

TEST(a_weakly_typed_network_is_not_cast) {
#if !QDQ_TRT_STRONGLY_TYPED
  Made made;
  made.network.markOutput(out(made.relu("relu", made.input("x", {1, 4}))));
  CHECK_FAILS(trt::cast(made.network), Status::Unsupported, "weakly typed");
  CHECK_EQ(made.network.getNbLayers(), 1);
#endif
}

#if QDQ_TRT_HAS_STRONG_TYPES

constexpr auto strongly_typed = 1U | 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);

/// Statistics of tensors with a few values.
Stats stats(const std::map<std::string, std::vector<float>>& all) {
  Stats made;
  made.set_samples(8).value();
  for (const auto& [name, values] : all)
    made.observe(name, TensorView(values.data(), {static_cast<std::int64_t>(values.size())})).value();
  return made;
}

/// A convolution with a bias, an activation that a second one reads, and an output that is read on.
struct Small : Made {
  explicit Small(std::vector<float> bias_values = numbers(8)) : Made(strongly_typed), bias(std::move(bias_values)) {
    ITensor& x = input("x", {1, 4, 8, 8});
    auto& made_conv = named("conv", network.addConvolutionNd(x, 8, dims({3, 3}), weights(kernel), weights(bias)));
    conv = &made_conv;
    first = &relu("first", out(made_conv));
    second = &relu("second", out(*first));
    network.markOutput(out(*second));
    network.markOutput(out(*first));
    out(*first).setAllowedFormats(5);
  }
  std::vector<float> kernel = numbers(8 * 4 * 9), bias;
  nvinfer1::IConvolutionLayer* conv;
  ILayer *first, *second;
};

const std::vector<float> some = numbers(64);
Stats of_small() { return stats({{"x", some}, {"conv", some}, {"first", some}, {"second", some}}); }

// The 16-bit number as f32.
float number(const Weights& weights, std::size_t index) {
  const auto bits = static_cast<const std::uint16_t*>(weights.values)[index];
  const float magnitude = std::ldexp(static_cast<float>((bits & 0x3ff) + 0x400), ((bits >> 10) & 0x1f) - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(layers_and_their_weights_become_16_bit_and_the_borders_stay) {
  Small made;
  const auto halved = trt::cast(made.network, PrecisionOptions(), of_small());
  if (!CHECK_GOOD(halved)) return;
  const ILayer* before = producer(made.network, made.conv->getInput(0));
  if (!CHECK(before != nullptr && before->getType() == LayerType::kCAST)) return;
  CHECK(before->getInput(0) == made.network.getInput(0) && before->getOutput(0)->getType() == DataType::kHALF);
  CHECK(made.network.getInput(0)->getType() == DataType::kFLOAT);
  const Weights kernel = made.conv->getKernelWeights(), bias = made.conv->getBiasWeights();
  CHECK(kernel.type == DataType::kHALF && kernel.count == 8 * 4 * 9);
  CHECK(bias.type == DataType::kHALF && bias.count == 8);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(std::abs(number(kernel, i) - made.kernel[i]) <= std::abs(made.kernel[i]) / 2048.0f);
    CHECK(std::abs(number(bias, i) - made.bias[i]) <= std::abs(made.bias[i]) / 2048.0f);
  }
  // Both outputs have their names, their order and formats, and f32 by one cast each.
  CHECK_EQ(made.network.getNbOutputs(), 2);
  for (int i = 0; i < 2; ++i) {
    const ITensor& output = *made.network.getOutput(i);
    CHECK_EQ(output.getName(), std::string(i == 0 ? "second" : "first"));
    CHECK(output.getType() == DataType::kFLOAT);
    const ILayer* cast = producer(made.network, &output);
    if (CHECK(cast != nullptr && cast->getType() == LayerType::kCAST)) {
      CHECK(cast->getInput(0) == made.first->getOutput(0) || cast->getInput(0) == made.second->getOutput(0));
    }
  }
  CHECK_EQ(made.network.getOutput(1)->getAllowedFormats(), 5u);
  // A reader in half precision reads what was computed, not its f32 form.
  CHECK(made.second->getInput(0) == made.first->getOutput(0));
  CHECK_EQ(count(made.network, LayerType::kCAST), 3);
  CHECK_FAILS(trt::cast(made.network, PrecisionOptions::make().float32_name("*").build().value(), of_small()),
              Status::Unsupported, "kept in float32 by the user");
}

TEST(one_cast_serves_all_readers_of_the_other_type) {
  Small made;
  auto& third = made.relu("third", out(*made.first));
  made.network.markOutput(out(third));
  const auto options = PrecisionOptions::make().float32_name("second").float32_name("third").build().value();
  const auto halved = trt::cast(made.network, options, of_small());
  if (!CHECK_GOOD(halved)) return;
  CHECK(made.second->getInput(0) == third.getInput(0));
  CHECK(made.second->getInput(0) == made.network.getOutput(1));
  CHECK_EQ(count(made.network, LayerType::kCAST), 2);
  CHECK(made.network.getOutput(0) == made.second->getOutput(0));
}

TEST(values_and_constants_beyond_the_type_keep_their_layers) {
  Small made;
  const auto large = trt::cast(made.network, PrecisionOptions(),
                               stats({{"x", some}, {"conv", {3e4f}}, {"first", {3e4f}}, {"second", some}}));
  CHECK_FAILS(large, Status::Unsupported, "'conv' reaches 3.0000e4");
  CHECK_EQ(made.network.getNbLayers(), 3);
  Small biased(std::vector<float>(8, 1e5f));
  const auto options = PrecisionOptions::make().half_name("conv").build().value();
  const auto forced = trt::cast(biased.network, options, of_small());
  if (!CHECK_GOOD(forced)) return;
  CHECK_EQ(number(biased.conv->getBiasWeights(), 0), 65504.0f);
  std::string findings;
  for (const Finding finding : forced->plan.findings().value()) findings += std::string(finding.message) + "\n";
  CHECK(findings.find("numbers too large for f16 become its largest") != std::string::npos);
}

TEST(inputs_and_outputs_become_16_bit_on_demand) {
  Small made;
  const auto options = PrecisionOptions::make().half_io().float32_name("second").build().value();
  if (!CHECK_GOOD(trt::cast(made.network, options, of_small()))) return;
  CHECK(made.network.getInput(0)->getType() == DataType::kHALF);
  CHECK(made.conv->getInput(0) == made.network.getInput(0));
  CHECK_EQ(made.network.getOutput(0)->getName(), std::string("second"));
  CHECK(made.network.getOutput(0)->getType() == DataType::kHALF);
  CHECK(made.network.getOutput(1) == made.first->getOutput(0));
  CHECK_EQ(count(made.network, LayerType::kCAST), 2);
}

TEST(shared_constants_are_converted_once_and_stay_for_layers_in_float32) {
  Made made(strongly_typed);
  const auto values = numbers(4);
  ITensor& x = made.input("x", {1, 4});
  ITensor& c = made.constant("c", {1, 4}, values);
  const auto add = [&](const char* name) -> ILayer& {
    auto& layer = made.named(name, made.network.addElementWise(x, c, nvinfer1::ElementWiseOperation::kPROD));
    made.network.markOutput(out(layer));
    return layer;
  };
  const ILayer &first = add("first"), &second = add("second"), &third = add("third");
  const auto options = PrecisionOptions::make().float32_name("third").build().value();
  if (!CHECK_GOOD(trt::cast(made.network, options, stats({{"x", some}, {"first", some}, {"second", some}})))) return;
  CHECK(first.getInput(1) == second.getInput(1) && first.getInput(1)->getType() == DataType::kHALF);
  CHECK(third.getInput(1) == &c && third.getInput(0) == &x);
  CHECK(first.getInput(0) == second.getInput(0));
}

TEST(pairs_have_scales_of_the_type_of_the_data) {
  Small made;
  const Ranges given = ranges({{"x", 2.54f}, {"conv", 1.27f}, {"first", 1.27f}, {"second", 1.27f}});
  const auto plan = planned(made.network, given);
  const auto scales = trt::insert_qdq(made.network, plan, given);
  if (!CHECK_GOOD(scales)) return;
  const auto halved = trt::cast(made.network, PrecisionOptions(), of_small(), given);
  if (!CHECK_GOOD(halved)) return;
  const ILayer& conv = *find(made.network, "conv");
  const auto* dequantize = static_cast<nvinfer1::IDequantizeLayer*>(producer(made.network, conv.getInput(0)));
  if (!CHECK(dequantize->getType() == LayerType::kDEQUANTIZE)) return;
  CHECK(dequantize->getToType() == DataType::kHALF && dequantize->getInput(1)->getType() == DataType::kHALF);
  const ILayer* quantize = producer(made.network, dequantize->getInput(0));
  CHECK(quantize->getInput(0)->getType() == DataType::kHALF && quantize->getInput(1) == dequantize->getInput(1));
  CHECK(producer(made.network, conv.getInput(1))->getType() == LayerType::kDEQUANTIZE);
}

TEST(dead_channels_get_the_smallest_normal_scale_and_live_ones_keep_float32) {
  for (const bool is_dead : {true, false}) {
    Small made;
    // Channel 0 is tiny beside the others, or nearly as large as they are.
    for (std::size_t i = 0; i < made.kernel.size(); ++i) made.kernel[i] *= i >= 36 ? 0.01f : is_dead ? 1e-6f : 0.006f;
    const Ranges given = ranges({{"x", 2.54f}, {"conv", 1.27f}, {"first", 1.27f}, {"second", 1.27f}});
    const auto plan = planned(made.network, given);
    const auto scales = trt::insert_qdq(made.network, plan, given);
    if (!CHECK_GOOD(scales)) return;
    const auto halved = trt::cast(made.network, PrecisionOptions(), of_small(), given);
    if (!CHECK_GOOD(halved)) return;
    const ILayer& conv = *find(made.network, "conv");
    const ILayer* last = producer(made.network, conv.getInput(1));
    if (!is_dead) {
      CHECK(last->getType() == LayerType::kCAST);
      continue;
    }
    CHECK(last->getType() == LayerType::kDEQUANTIZE);
    const auto& scale = static_cast<const nvinfer1::IConstantLayer&>(*producer(made.network, last->getInput(1)));
    CHECK(scale.getWeights().type == DataType::kHALF);
    CHECK_EQ(number(scale.getWeights(), 0), std::ldexp(1.0f, -14));
  }
}

TEST(networks_in_half_precision_get_scales_of_their_type) {
  for (const float amax : {2.54f, 1e-5f}) {
    Made made(strongly_typed);
    const std::vector<std::uint16_t> ones(4 * 4 * 9, 0x3c00);
    ITensor& x = made.input("x", {1, 4, 8, 8}, DataType::kHALF);
    const Weights kernel{DataType::kHALF, ones.data(), static_cast<std::int64_t>(ones.size())};
    auto& conv = made.named("conv", made.network.addConvolutionNd(x, 4, dims({3, 3}), kernel, no_weights));
    made.network.markOutput(out(conv));
    const Ranges given = ranges({{"x", amax}});
    const auto scales = trt::insert_qdq(made.network, planned(made.network, given), given);
    if (!CHECK_GOOD(scales)) return;
    const ILayer& after = *find(made.network, "conv");
    const ILayer* last = producer(made.network, after.getInput(0));
    // f16 does not hold the step of the small range.
    CHECK(last->getType() == (amax > 1.0f ? LayerType::kDEQUANTIZE : LayerType::kCAST));
    CHECK(producer(made.network, after.getInput(1))->getType() == LayerType::kDEQUANTIZE);
    CHECK_EQ(count(made.network, LayerType::kCAST), amax > 1.0f ? 0 : 2);
  }
}

TEST(networks_are_quantized_and_cast_in_one_call) {
  Small made;
  trt::EngineOptions options;
  options.fp16 = true;
  options.logger = &made.logger;
  options.precision = PrecisionOptions::make().float32_name("second").build().value();
  const Ranges given = ranges({{"x", 2.54f}, {"conv", 1.27f}, {"first", 1.27f}, {"second", 1.27f}});
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, given, options));
  const ILayer& conv = *find(made.network, "conv");
  CHECK(&conv != made.conv);
  for (const int input : {0, 1}) {
    const auto* last = static_cast<nvinfer1::IDequantizeLayer*>(producer(made.network, conv.getInput(input)));
    CHECK(last->getType() == LayerType::kDEQUANTIZE && last->getToType() == DataType::kHALF);
  }
  CHECK(made.second->getInput(0)->getType() == DataType::kFLOAT);
  CHECK(made.logger.said.find("only the largest values are known") != std::string::npos);
}

using nvinfer1::ElementWiseOperation;
using nvinfer1::UnaryOperation;

// Plans the network by these statistics, in one of the types, and carries the plan out.
Precision precision_of(Made& made, const char* node, const Stats& known, Half half = Half::F16) {
  const auto done = trt::cast(made.network, PrecisionOptions::make().half(half).build().value(), known);
  if (!CHECK_GOOD(done)) return Precision::Neither;
  for (const auto& decision : done->plan.decisions()) {
    if (decision.node == node) return decision.precision;
  }
  return Precision::Neither;
}

TEST(layers_judge_what_they_read_as_the_operators_of_ONNX_do) {
  for (const UnaryOperation operation : {UnaryOperation::kCOS, UnaryOperation::kFLOOR, UnaryOperation::kASIN}) {
    Made made(strongly_typed);
    ITensor& x = made.input("x", {1, 4});
    auto& scaled = made.named("scaled", made.network.addElementWise(x, x, ElementWiseOperation::kSUM));
    auto& unary = made.named("unary", made.network.addUnary(out(scaled), operation));
    auto& relu = made.relu("relu", out(unary));
    made.network.markOutput(out(relu));
    const Stats known = stats({{"x", {2000.0f, 1.0f}}, {"scaled", {4000.0f, 2.0f}}, {"unary", some}, {"relu", some}});
    CHECK(precision_of(made, "scaled", known) == Precision::Float32);
    CHECK(unary.getInput(0) == scaled.getOutput(0));
  }
}

TEST(powers_of_a_scale_layer_stay_in_float32) {
  for (const float power : {1.0f, 0.5f}) {
    Made made(strongly_typed);
    const std::vector<float> powers(4, power), ones(4, 1.0f);
    auto& scale = made.named("scale", made.network.addScale(made.input("x", {1, 4, 2, 2}), nvinfer1::ScaleMode::kCHANNEL,
                                                            weights(ones), weights(ones), weights(powers)));
    made.network.markOutput(out(made.relu("relu", out(scale))));
    const Stats known = stats({{"x", some}, {"scale", some}, {"relu", some}});
    CHECK(precision_of(made, "scale", known) == (power == 1.0f ? Precision::Half : Precision::Float32));
    CHECK(static_cast<nvinfer1::IScaleLayer&>(scale).getShift().type ==
          (power == 1.0f ? DataType::kHALF : DataType::kFLOAT));
  }
}

TEST(what_a_slice_fills_in_has_the_type_of_the_data) {
  Made made(strongly_typed);
  const std::vector<float> zero{0.0f};
  ITensor& x = made.input("x", {1, 4});
  auto& slice = made.named("slice", made.network.addSlice(x, dims({0, 0}), dims({1, 8}), dims({1, 1})));
  slice.setMode(nvinfer1::SampleMode::kFILL);
  slice.setInput(4, made.constant("zero", {}, zero));
  made.network.markOutput(out(made.relu("relu", out(slice))));
  const Stats known = stats({{"x", some}, {"slice", some}, {"relu", some}});
  CHECK(precision_of(made, "slice", known, Half::BF16) == Precision::Half);
  CHECK(slice.getInput(4)->getType() == DataType::kBF16 && slice.getInput(0)->getType() == DataType::kBF16);
}

TEST(masks_that_float32_layers_read_end_at_numbers_of_the_type_too) {
  Made made(strongly_typed);
  const std::vector<float> mask{0.0f, -3.4e38f}, ones{1.0f, 1.0f};
  ITensor& x = made.input("x", {1, 2});
  ITensor& m = made.constant("mask", {1, 2}, mask);
  auto& chosen = made.named("chosen", made.network.addElementWise(m, made.constant("ones", {1, 2}, ones),
                                                                  ElementWiseOperation::kPROD));
  auto& sum = made.named("sum", made.network.addElementWise(x, out(chosen), ElementWiseOperation::kSUM));
  auto& softmax = made.named("softmax", made.network.addSoftMax(out(sum)));
  softmax.setAxes(2);
  made.network.markOutput(out(softmax));
  const auto options = PrecisionOptions::make().float32_name("chosen").build().value();
  const auto done = trt::cast(made.network, options, stats({{"x", some}, {"softmax", {0.5f}}}));
  if (!CHECK_GOOD(done)) return;
  const auto& constant = static_cast<const nvinfer1::IConstantLayer&>(*producer(made.network, chosen.getInput(0)));
  CHECK_EQ(static_cast<const float*>(constant.getWeights().values)[1], -32752.0f);
}

TEST(constants_without_numbers_and_scales_of_one_element_do_no_harm) {
  Made made(strongly_typed);
  const auto kernel = numbers(4 * 4 * 9);
  const std::vector<float> step{0.01f}, nothing;
  made.constant("empty", {0}, nothing);
  ITensor& scale = made.constant("step", {1}, step);
  ITensor& w = made.constant("w", {4, 4, 3, 3}, kernel);
  auto& quantize = made.named("q", made.network.addQuantize(w, scale, DataType::kINT8));
  auto& dequantize = made.named("dq", made.network.addDequantize(out(quantize), scale, DataType::kFLOAT));
  auto& conv = made.named("conv", made.network.addConvolutionNd(made.input("x", {1, 4, 8, 8}), 4, dims({3, 3}), no_weights,
                                                                no_weights));
  conv.setInput(1, out(dequantize));
  made.network.markOutput(out(conv));
  CHECK(precision_of(made, "conv", stats({{"x", some}, {"conv", some}})) == Precision::Half);
  CHECK(dequantize.getToType() == DataType::kHALF && dequantize.getInput(1)->getType() == DataType::kHALF);
}

TEST(names_of_stored_weights_give_way_to_those_of_the_network) {
  Small made;
  const auto other = numbers(8);
  made.network.markOutput(out(made.relu("read", made.constant("conv.bias", {8}, other))));
  const Graph graph = trt::describe(made.network).value();
  CHECK(graph.find_tensor("conv.bias") != none && graph.find_tensor("conv.bias_2") != none);
}

TEST(misspelt_choices_leave_the_network_as_it_was) {
  Small made;
  trt::EngineOptions options;
  options.fp16 = true;
  options.precision = PrecisionOptions::make().float32_name("typo").build().value();
  const Ranges given = ranges({{"x", 2.54f}, {"conv", 1.27f}, {"first", 1.27f}, {"second", 1.27f}});
  CHECK_FAILS(trt::build_engine(*made.builder, made.network, given, options), Status::InvalidArgument, "'typo'");
  CHECK_EQ(made.network.getNbLayers(), 3);
}

TEST(the_engine_owns_the_numbers_of_its_network) {
  Small made;
  trt::EngineOptions options;
  options.bf16 = true;
  const auto engine = trt::build_engine(*made.builder, made.network, options);
  if (!CHECK_GOOD(engine)) return;
  const Weights kernel = made.conv->getKernelWeights();
  CHECK(kernel.type == DataType::kBF16 && static_cast<const std::uint16_t*>(kernel.values)[0] != 0);
}

TEST(constants_that_are_outputs_become_16_bit_on_demand) {
  Small made;
  const auto values = numbers(4);
  made.network.markOutput(made.constant("c", {4}, values));
  const auto options = PrecisionOptions::make().half_io().build().value();
  if (!CHECK_GOOD(trt::cast(made.network, options, of_small()))) return;
  CHECK_EQ(made.network.getOutput(2)->getName(), std::string("c"));
  CHECK(made.network.getOutput(2)->getType() == DataType::kHALF);
}

#endif

}  // namespace cast_test
