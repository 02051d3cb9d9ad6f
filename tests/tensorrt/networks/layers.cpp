// Layers that are quantized when they are added.
#include <limits>

#include "network.hpp"

#if QDQ_TRT_HAS_QDQ

namespace layers_test {

using namespace net;
using nvinfer1::MatrixOperation;
using trt::QuantizedLayers;

struct Layers : Made {
  trt::WeightMemory memory;
  QuantizedLayers layers{network, memory};
  const std::vector<float> kernel = numbers(8 * 4 * 9), bias = numbers(8, 0.9f);
  ITensor& x = input("x", {1, 4, 8, 8});
};

TEST(an_added_convolution_is_quantized) {
  Layers made;
  const auto conv = made.layers.convolution("conv", made.x, 2.0f, 8, dims({3, 3}),
                                            {weights(made.kernel), weights(made.bias)});
  if (!CHECK_GOOD(conv)) return;
  CHECK_EQ((*conv)->getName(), std::string("conv"));
  CHECK_EQ(out(**conv).getName(), std::string("conv"));
  CHECK_EQ((*conv)->getNbOutputMaps(), 8);
  CHECK((*conv)->getBiasWeights().values == made.bias.data());
  is_activation(pair_of(made.network, **conv, 0), made.x, 2.0f);
  // The range is the largest magnitude, pytorch-quantization's default.
  const Pair pair = pair_of(made.network, **conv, 1);
  is_weight(pair, TensorView(made.kernel.data(), {8, 4, 3, 3}), 0, Method::Max);
  const auto* stored = static_cast<const nvinfer1::IConstantLayer*>(producer(made.network, pair.source));
  CHECK(stored->getWeights().values == made.kernel.data());

  const auto grouped = made.layers.convolution("grouped", made.x, 2.0f, 16, dims({3, 3}),
                                               {weights(made.kernel), no_weights, Method::Mse}, 2);
  if (!CHECK_GOOD(grouped)) return;
  CHECK_EQ((*grouped)->getNbGroups(), 2);
  is_weight(pair_of(made.network, **grouped, 1), TensorView(made.kernel.data(), {16, 2, 3, 3}), 0);
  // The same tensor with the same range.
  CHECK((*grouped)->getInput(0) == (*conv)->getInput(0));
  const auto other = made.layers.convolution("other", made.x, 1.0f, 8, dims({3, 3}), {weights(made.kernel)});
  if (!CHECK_GOOD(other)) return;
  is_activation(pair_of(made.network, **other, 0), made.x, 1.0f);
  CHECK_GOOD(trt::describe(made.network));
}

TEST(an_added_transposed_convolution_is_quantized) {
  Layers made;
  const auto whole = made.layers.deconvolution("whole", made.x, 2.0f, 8, dims({3, 3}), {weights(made.kernel)});
  if (!CHECK_GOOD(whole)) return;
  is_activation(pair_of(made.network, **whole, 0), made.x, 2.0f);
  is_weight(pair_of(made.network, **whole, 1), TensorView(made.kernel.data(), {4, 8, 3, 3}), 1, Method::Max);
  const auto grouped = made.layers.deconvolution("grouped", made.x, 2.0f, 16, dims({3, 3}), {weights(made.kernel)}, 2);
  if (!CHECK_GOOD(grouped)) return;
  CHECK_EQ((*grouped)->getNbGroups(), 2);
  is_weight(pair_of(made.network, **grouped, 1), TensorView(made.kernel.data(), {4, 8, 3, 3}), no_axis, Method::Max);
}

TEST(added_products_are_quantized) {
  Layers made;
  ITensor& rows = made.input("rows", {2, 16, 36});
  ITensor& flat = made.input("flat", {2, 36});
  const auto full = made.layers.fully_connected("full", rows, 2.0f, 8, {weights(made.kernel), weights(made.bias)});
  if (!CHECK_GOOD(full)) return;
  // The kernel gets the rank of the input, after its pair. The bias is added.
  CHECK((*full)->getType() == LayerType::kELEMENTWISE && (*full)->getName() == std::string("full"));
  const auto* addend = static_cast<const nvinfer1::IConstantLayer*>(producer(made.network, (*full)->getInput(1)));
  CHECK(addend->getWeights().values == made.bias.data());
  CHECK(addend->getDimensions().nbDims == 3 && addend->getDimensions().d[2] == 8);
  auto* product = static_cast<nvinfer1::IMatrixMultiplyLayer*>(producer(made.network, (*full)->getInput(0)));
  CHECK(product->getOperation(0) == MatrixOperation::kNONE && product->getOperation(1) == MatrixOperation::kTRANSPOSE);
  is_activation(pair_of(made.network, *product, 0), rows, 2.0f);
  auto* wide = static_cast<nvinfer1::IShuffleLayer*>(producer(made.network, product->getInput(1)));
  CHECK(wide->getReshapeDimensions().nbDims == 3 && wide->getReshapeDimensions().d[1] == 8);
  product->setInput(1, *wide->getInput(0));
  is_weight(pair_of(made.network, *product, 1), TensorView(made.kernel.data(), {8, 36}), 0, Method::Max);

  const auto columns = made.layers.matrix_multiply("columns", flat, 2.0f, 8, {weights(made.kernel)});
  if (!CHECK_GOOD(columns)) return;
  CHECK(static_cast<nvinfer1::IMatrixMultiplyLayer*>(*columns)->getOperation(1) == MatrixOperation::kNONE);
  is_weight(pair_of(made.network, **columns, 1), TensorView(made.kernel.data(), {36, 8}), 1, Method::Max);

  const auto both = made.layers.matrix_multiply("both", flat, 2.0f, MatrixOperation::kNONE, flat, 3.0f,
                                                MatrixOperation::kTRANSPOSE);
  if (!CHECK_GOOD(both)) return;
  is_activation(pair_of(made.network, **both, 0), flat, 2.0f);
  is_activation(pair_of(made.network, **both, 1), flat, 3.0f);
}

TEST(an_added_pooling_has_a_quantized_input) {
  Layers made;
  const auto pool = made.layers.pooling("pool", made.x, 2.0f, nvinfer1::PoolingType::kAVERAGE, dims({2, 2}));
  if (!CHECK_GOOD(pool)) return;
  is_activation(pair_of(made.network, **pool, 0), made.x, 2.0f);
  CHECK((*pool)->getPoolingType() == nvinfer1::PoolingType::kAVERAGE && (*pool)->getWindowSizeNd().d[1] == 2);
}

Result<nvinfer1::IConvolutionLayer*> add(Layers& made, const trt::InputRange& range, trt::WeightRange weight) {
  return made.layers.convolution("conv", made.x, range, 8, dims({3, 3}),
                                 {weights(made.kernel), no_weights, std::move(weight)});
}

template <typename Set>
Descriptor descriptor(Set set) {
  auto builder = Descriptor::make();
  set(builder);
  return builder.build().value();
}

TEST(descriptors_say_how) {
  const auto conv = [](Layers& made, const Descriptor& input, const Descriptor& weight) {
    const auto layer = add(made, input, weight);
    return CHECK_GOOD(layer) ? pair_of(made.network, **layer, 1) : Pair();
  };
  const auto three = [](auto& builder) { builder.amax(3.0f); };
  {
    Layers made;
    const Pair pair = conv(made, descriptor([](auto& builder) { builder.amax(3.0f).scale_amax(0.5f); }),
                           Descriptor::predefined(Predefined::ConvWeightPerChannel).value());
    is_activation(pair_of(made.network, *find(made.network, "conv"), 0), made.x, 1.5f);
    is_weight(pair, TensorView(made.kernel.data(), {8, 4, 3, 3}), 0, Method::Max);
  }
  {
    Layers made;
    const Pair pair = conv(made, descriptor(three), Descriptor());
    is_weight(pair, TensorView(made.kernel.data(), {8, 4, 3, 3}), no_axis, Method::Max);
  }
  {
    Layers made;
    const std::vector<float> amax{1, 2, 3, 4, 5, 6, 7, 8};
    const Pair pair = conv(made, descriptor(three), descriptor([&](auto& builder) {
                             builder.axis({-4}).amax(TensorView(amax.data(), {8, 1, 1, 1})).scale_amax(2);
                           }));
    CHECK_EQ(pair.axis, 0);
    for (std::size_t i = 0; i < amax.size(); ++i) CHECK_EQ(pair.scales.at(i), int8_scale(2 * amax[i]));
  }
  Layers made;
  const Pair pair = conv(made, descriptor(three), descriptor(three));
  CHECK(pair.axis == -1 && pair.scale_rank == 0 && pair.scales == std::vector<float>{int8_scale(3.0f)});
}

TEST(what_TensorRT_cannot_express_is_refused) {
  Layers made;
  const auto refused = [&](auto set, const std::string& why) {
    const Descriptor given = descriptor(set);
    CHECK_FAILS(add(made, given, {}), Status::Unsupported, "the descriptor of the input " + why);
    CHECK_FAILS(add(made, 1.0f, given), Status::Unsupported, "the descriptor of the weights " + why);
  };
  refused([](auto& builder) { builder.num_bits(16); }, "has 16 bits");
  refused([](auto& builder) { builder.num_bits(4); }, "has 4 bits");
  refused([](auto& builder) { builder.e4m3(); }, "is e4m3");
  refused([](auto& builder) { builder.is_unsigned(true); }, "is unsigned");
  refused([](auto& builder) { builder.narrow_range(true); }, "has a narrow range");
  refused([](auto& builder) { builder.block(1, 2); }, "has blocks");
  const auto axis = [](std::vector<std::int32_t> axes) { return Descriptor::make().axis(axes).build().value(); };
  CHECK_FAILS(add(made, axis({1}), {}), Status::Unsupported, "keeps an axis, but TensorRT has one scale for an activation");
  CHECK_FAILS(add(made, 1.0f, axis({0, 1})), Status::Unsupported, "keeps several axes");
  CHECK_FAILS(add(made, 1.0f, axis({1})), Status::Unsupported, "keeps axis 1, by which TensorRT does not compute in INT8");
  CHECK_FAILS(add(made, 1.0f, axis({1})), Status::Unsupported, "keep axis 0, or none");
  CHECK_FAILS(made.layers.deconvolution("up", made.x, 1.0f, 16, dims({3, 3}), {weights(made.kernel), no_weights, axis({1})},
                                        2),
              Status::Unsupported, "keep no axis");
  CHECK_FAILS(add(made, 1.0f, axis({9})), Status::Unsupported, "keeps axis 9");
  CHECK_EQ(made.network.getNbLayers(), 0);
}

TEST(what_cannot_be_computed_is_refused) {
  Layers made;
  CHECK_FAILS(add(made, Descriptor(), {}), Status::InvalidArgument, "the descriptor of the input has no amax");
  CHECK_FAILS(add(made, Descriptor(), {}), Status::InvalidArgument, "layer 'conv' cannot be quantized");
  for (const float amax : {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    CHECK_FAILS(add(made, amax, {}), Status::Data, "the amax of the input is");
  }
  const std::vector<float> three{1, 2, 3};
  CHECK_FAILS(add(made, 1.0f, Descriptor::make().axis({0}).amax(TensorView(three.data(), {3, 1, 1, 1})).build().value()),
              Status::Shape, "3 ranges for weights that need 8");
  CHECK_FAILS(add(made, Descriptor::make().amax(three).build().value(), {}), Status::Unsupported,
              "the input has several ranges");
  CHECK_FAILS(made.layers.convolution("conv", made.x, 1.0f, 7, dims({3, 3}), {weights(made.kernel)}), Status::Shape,
              "layer 'conv' cannot have a kernel of 288 numbers");
  CHECK_FAILS(made.layers.convolution("conv", made.x, 1.0f, 0, dims({3, 3}), {weights(made.kernel)}), Status::Shape, "288");
  CHECK_FAILS(made.layers.convolution("conv", made.x, 1.0f, 8, dims({3, 3}), {no_weights}), Status::Shape, "of 0 numbers");
  CHECK_FAILS(made.layers.deconvolution("up", made.x, 1.0f, 8, dims({3, 3}), {weights(made.kernel)}, 0), Status::Shape,
              "288");
  CHECK_FAILS(made.layers.fully_connected("full", made.x, 1.0f, 7, {weights(made.kernel)}), Status::Shape, "288");
  CHECK_FAILS(made.layers.fully_connected("full", made.x, 1.0f, 36, {weights(made.kernel), weights(made.bias)}),
              Status::Shape, "has 36 outputs, but 8 biases");
  CHECK_FAILS(made.layers.fully_connected("full", made.input("v", {36}), 1.0f, 8, {weights(made.kernel)}), Status::Shape,
              "a known rank of 2 or more");
  const auto none = MatrixOperation::kNONE;
  CHECK_FAILS(made.layers.matrix_multiply("both", made.x, 1.0f, none, made.x, -1.0f, none), Status::Data,
              "layer 'both' cannot be quantized");
  auto odd = made.kernel;
  odd[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK_FAILS(made.layers.convolution("conv", made.x, 1.0f, 8, dims({3, 3}), {weights(odd)}), Status::Data, "layer 'conv'");
  const std::vector<std::int8_t> integers(288, 1);
  CHECK_FAILS(made.layers.convolution("conv", made.x, 1.0f, 8, dims({3, 3}), {{DataType::kINT8, integers.data(), 288}}),
              Status::Type, "layer 'conv'");
  CHECK_EQ(made.network.getNbLayers(), 0);
  for (const LayerType refused : {LayerType::kCONVOLUTION, LayerType::kQUANTIZE, LayerType::kCONSTANT}) {
    made.network.standin.refused = {refused};
    CHECK_FAILS(add(made, 1.0f, {}), Status::TensorRt, "TensorRT refused");
  }
}

TEST(half_precision_weights_are_quantized) {
  Layers made;
  std::vector<std::uint16_t> halves;
  for (std::uint16_t i = 0; i < 288; ++i) halves.push_back(static_cast<std::uint16_t>(0x3800 + 3 * i));
  const auto conv = made.layers.convolution("conv", made.x, 1.0f, 8, dims({3, 3}), {{DataType::kHALF, halves.data(), 288}});
  if (!CHECK_GOOD(conv)) return;
  is_weight(pair_of(made.network, **conv, 1), TensorView(DType::F16, halves.data(), {8, 4, 3, 3}), 0, Method::Max);
}

}  // namespace layers_test

#endif
