// Quantize and Dequantize in networks.
#include "network.hpp"

#if QDQ_TRT_HAS_QDQ

namespace insert_test {

using namespace net;
using nvinfer1::IConvolutionLayer;
using nvinfer1::MatrixOperation;

ILayer& get(const INetworkDefinition& network, std::string_view name) {
  ILayer* layer = find(network, name);
  if (!CHECK(layer != nullptr)) std::abort();
  return *layer;
}

TEST(convolutions_read_quantized_inputs_and_kernels) {
  Made made;
  const auto kernel = numbers(8 * 4 * 9), second = numbers(6 * 4 * 9, 0.7f), bias = numbers(8);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  auto& conv = made.named("conv", made.network.addConvolutionNd(x, 8, dims({3, 3}), weights(kernel), weights(bias)));
  conv.setStrideNd(dims({2, 1}));
  conv.setPrePadding(dims({1, 0}));
  conv.setPostPadding(dims({2, 3}));
  conv.setDilationNd(dims({1, 2}));
  conv.setPaddingMode(nvinfer1::PaddingMode::kSAME_UPPER);
  auto& relu = made.relu("relu", out(conv));
  auto& grouped = made.conv("grouped", out(relu), 6, second);
  grouped.setNbGroups(2);
  out(conv).setAllowedFormats(5);
  made.network.markOutput(out(relu));
  made.network.markOutput(out(conv));
  made.network.markOutput(out(grouped));
  const Ranges given = ranges({{"x", 2.54f}, {"relu", 1.27f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;

  const auto& after = static_cast<const IConvolutionLayer&>(get(made.network, "conv"));
  CHECK(&after != &conv);
  CHECK_EQ(after.getNbOutputMaps(), 8);
  CHECK_EQ(after.getKernelWeights().count, 0);
  CHECK(after.getBiasWeights().values == bias.data() && after.getBiasWeights().count == 8);
  CHECK(after.getStrideNd().d[0] == 2 && after.getStrideNd().d[1] == 1);
  CHECK(after.getPrePadding().d[0] == 1 && after.getPrePadding().d[1] == 0);
  CHECK(after.getPostPadding().d[0] == 2 && after.getPostPadding().d[1] == 3);
  CHECK(after.getDilationNd().d[0] == 1 && after.getDilationNd().d[1] == 2);
  CHECK(after.getPaddingMode() == nvinfer1::PaddingMode::kSAME_UPPER);
  is_activation(pair_of(made.network, after, 0), x, 2.54f);
  const Pair pair = pair_of(made.network, after, 1);
  is_weight(pair, TensorView(kernel.data(), {8, 4, 3, 3}), 0);
  const auto& stored = static_cast<const nvinfer1::IConstantLayer&>(*producer(made.network, pair.source));
  CHECK(stored.getWeights().values == kernel.data());

  const auto& last = static_cast<const IConvolutionLayer&>(get(made.network, "grouped"));
  CHECK_EQ(last.getNbGroups(), 2);
  is_activation(pair_of(made.network, last, 0), out(relu), 1.27f);
  is_weight(pair_of(made.network, last, 1), TensorView(second.data(), {6, 4, 3, 3}), 0);

  // Readers and outputs use the replacement layer.
  CHECK(relu.getInput(0) == after.getOutput(0));
  CHECK_EQ(made.network.getNbOutputs(), 3);
  CHECK(made.network.getOutput(0) == &out(relu));
  CHECK(made.network.getOutput(1) == after.getOutput(0));
  CHECK(made.network.getOutput(2) == last.getOutput(0));
  const char* const names[] = {"relu", "conv", "grouped"};
  for (int i = 0; i < 3; ++i) CHECK_EQ(made.network.getOutput(i)->getName(), std::string(names[i]));
  CHECK_EQ(made.network.getOutput(1)->getAllowedFormats(), 5u);
  CHECK(!out(conv).isNetworkOutput());
}

TEST(every_layer_and_tensor_has_a_name_of_its_own) {
  Made made;
  const auto kernel = numbers(4 * 4 * 9), one = numbers(1);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  made.constant("x_scale", {}, one);
  made.network.markOutput(out(made.conv("conv", x, 4, kernel)));
  const Ranges given = ranges({{"x", 1.0f}});
  CHECK_GOOD(trt::insert_qdq(made.network, planned(made.network, given), given));
  std::map<std::string, int> layers, tensors;
  for (int i = 0; i < made.network.getNbLayers(); ++i) {
    ++layers[made.network.getLayer(i)->getName()];
    ++tensors[made.network.getLayer(i)->getOutput(0)->getName()];
  }
  for (const auto& [name, times] : layers) CHECK_EQ(name + std::to_string(times), name + "1");
  for (const auto& [name, times] : tensors) CHECK_EQ(name + std::to_string(times), name + "1");
}

TEST(transposed_convolutions_have_channels_along_their_second_axis) {
  Made made;
  const auto kernel = numbers(4 * 6 * 4);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  const auto add = [&](const char* name, ITensor& input, int maps, int groups) -> auto& {
    auto& layer = made.named(name, made.network.addDeconvolutionNd(input, maps, dims({2, 2}), weights(kernel), no_weights));
    layer.setNbGroups(groups);
    layer.setStrideNd(dims({2, 2}));
    return layer;
  };
  made.network.markOutput(out(add("whole", x, 6, 1)));
  made.network.markOutput(out(add("grouped", x, 12, 2)));
  const Ranges given = ranges({{"x", 1.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;
  const auto& grouped = static_cast<const nvinfer1::IDeconvolutionLayer&>(get(made.network, "grouped"));
  CHECK(grouped.getNbGroups() == 2 && grouped.getStrideNd().d[0] == 2);
  is_weight(pair_of(made.network, get(made.network, "whole"), 1), TensorView(kernel.data(), {4, 6, 2, 2}), 1);
  is_weight(pair_of(made.network, grouped, 1), TensorView(kernel.data(), {4, 6, 2, 2}), no_axis);
  // One tensor has one pair.
  CHECK(get(made.network, "whole").getInput(0) == grouped.getInput(0));
}

#if QDQ_TRT_HAS_IMPLICIT_BATCH
TEST(fully_connected_layers_have_channels_along_their_first_axis) {
  Made made;
  const auto kernel = numbers(10 * 16), bias = numbers(10);
  ITensor& x = made.input("x", {1, 16, 1, 1});
  QDQ_TRT_DEPRECATED_BEGIN
  made.network.markOutput(out(made.named("full", made.network.addFullyConnected(x, 10, weights(kernel), weights(bias)))));
  QDQ_TRT_DEPRECATED_END
  const Ranges given = ranges({{"x", 1.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;
  QDQ_TRT_DEPRECATED_BEGIN
  const auto& full = static_cast<const nvinfer1::IFullyConnectedLayer&>(get(made.network, "full"));
  QDQ_TRT_DEPRECATED_END
  CHECK(full.getBiasWeights().values == bias.data());
  CHECK_EQ(full.getNbOutputChannels(), 10);
  is_weight(pair_of(made.network, full, 1), TensorView(kernel.data(), {10, 16}), 0);
}
#endif

TEST(shared_constants_are_quantized_once_for_each_axis) {
  Made made;
  const auto values = numbers(16 * 16);
  ITensor& x = made.input("x", {4, 16});
  ITensor& w = made.constant("w", {16, 16}, values);
  const auto product = [&](const char* name, MatrixOperation operation) -> auto& {
    auto& layer = made.named(name, made.network.addMatrixMultiply(x, MatrixOperation::kNONE, w, operation));
    made.network.markOutput(out(layer));
    return layer;
  };
  const auto& first = product("first", MatrixOperation::kNONE);
  const auto& second = product("second", MatrixOperation::kNONE);
  const auto& transposed = product("transposed", MatrixOperation::kTRANSPOSE);
  const auto& sum = made.named("sum", made.network.addElementWise(w, x, nvinfer1::ElementWiseOperation::kSUB));
  const Ranges given = ranges({{"x", 1.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;
  is_weight(pair_of(made.network, first, 1), TensorView(values.data(), {16, 16}), 1);
  is_weight(pair_of(made.network, transposed, 1), TensorView(values.data(), {16, 16}), 0);
  CHECK(first.getInput(1) == second.getInput(1));
  // A layer without quantization keeps its input.
  CHECK(sum.getInput(0) == &w);
  CHECK_EQ(count(made.network, LayerType::kQUANTIZE), 3);
}

// Returns the result of a shuffle of [2, 3, 4]: axes {2, 0, 1}, then [4, 6], then axes {1, 0}.
std::vector<float> shuffled(const std::vector<float>& values) {
  std::vector<float> result(24);
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      for (std::size_t c = 0; c < 4; ++c) result[(a * 3 + b) * 4 + c] = values[a * 12 + b * 4 + c];
    }
  }
  return result;
}

TEST(weights_behind_a_shuffle_have_the_scales_of_what_comes_out) {
  using nvinfer1::Permutation;
  Made made;
  const auto values = numbers(24), square = numbers(8 * 6);
  ITensor& x = made.input("x", {2, 6});
  auto* both = made.network.addShuffle(made.constant("w", {2, 3, 4}, values));
  both->setFirstTranspose(Permutation{{2, 0, 1, 3, 4, 5, 6, 7}});
  both->setReshapeDimensions(dims({4, 6}));
  both->setSecondTranspose(Permutation{{1, 0, 2, 3, 4, 5, 6, 7}});
  made.named("shuffled", both).getOutput(0)->setDimensions(dims({6, 4}));
  auto* turn = made.network.addShuffle(made.constant("v", {8, 6}, square));
  turn->setFirstTranspose(Permutation{{1, 0, 2, 3, 4, 5, 6, 7}});
  made.named("turned", turn).getOutput(0)->setDimensions(dims({6, 8}));
  const auto product = [&](const char* name, ILayer& w) -> auto& {
    auto* layer = made.network.addMatrixMultiply(x, MatrixOperation::kNONE, out(w), MatrixOperation::kNONE);
    made.network.markOutput(*layer->getOutput(0));
    return made.named(name, layer);
  };
  const auto& first = product("first", *both);
  const auto& second = product("second", *turn);
  const Ranges given = ranges({{"x", 1.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;
  const auto by_hand = shuffled(values);
  is_weight(pair_of(made.network, first, 1), TensorView(by_hand.data(), {6, 4}), 1);
  // The view uses strides and makes no copy.
  is_weight(pair_of(made.network, second, 1), TensorView(square.data(), {6, 8}, {1, 6}), 1);
  CHECK(pair_of(made.network, second, 1).source == turn->getOutput(0));
}

TEST(half_precision_is_quantized_as_float_where_there_are_casts) {
  Made made;
  std::vector<std::uint16_t> halves;
  for (std::uint16_t i = 0; i < 6 * 4; ++i) halves.push_back(static_cast<std::uint16_t>(0x3800 + 37 * i));
  ITensor& x = made.input("x", {2, 6}, DataType::kHALF);
  auto& w = made.named("w", made.network.addConstant(dims({6, 4}), {DataType::kHALF, halves.data(), 24}));
  const auto none = MatrixOperation::kNONE;
  auto& product = made.named("product", made.network.addMatrixMultiply(x, none, out(w), none));
  made.network.markOutput(out(product));
  const Ranges given = ranges({{"x", 1.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given, Method::Max);
  if (!CHECK_GOOD(memory)) return;
  is_activation(pair_of(made.network, product, 0), x, 1.0f);
  is_weight(pair_of(made.network, product, 1), TensorView(DType::F16, halves.data(), {6, 4}), 1, Method::Max);
#if QDQ_TRT_HAS_CAST
  CHECK_EQ(count(made.network, LayerType::kCAST), 4);
  CHECK(product.getInput(0)->getType() == DataType::kHALF && product.getInput(1)->getType() == DataType::kHALF);
#endif
}

TEST(ranges_spread_to_what_holds_the_same_values) {
  Made made;
  const auto kernel = numbers(4 * 4 * 9);
  ITensor& x = made.input("x", {4, 4, 64});
  auto& reshaped = made.named("reshaped", made.network.addShuffle(x));
  out(reshaped).setDimensions(dims({4, 4, 8, 8}));
  made.network.markOutput(out(made.conv("conv", out(reshaped), 4, kernel)));
  const Ranges given = ranges({{"x", 3.0f}});
  const auto memory = trt::insert_qdq(made.network, planned(made.network, given), given);
  if (!CHECK_GOOD(memory)) return;
  CHECK(pair_of(made.network, get(made.network, "conv"), 0).scales == std::vector<float>{int8_scale(3.0f)});
}

}  // namespace insert_test

#endif
