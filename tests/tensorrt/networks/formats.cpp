// Networks in other formats than int8.
#include "product.hpp"

#if QDQ_TRT_HAS_QDQ

namespace formats_test {

using namespace product;
using nvinfer1::BuilderFlag;

#if QDQ_TRT_QDQ_HAS_TYPE

TEST(products_compute_in_8_bit_floats) {
  Product made;
  const auto memory = insert(made, of_x, Format::Fp8);
  if (!CHECK_GOOD(memory)) return;
  const auto& dequantize = before<IDequantizeLayer>(made.network, *made.product, 0, LayerType::kDEQUANTIZE);
  const auto& quantize = before<IQuantizeLayer>(made.network, dequantize, 0, LayerType::kQUANTIZE);
  CHECK(quantize.getToType() == DataType::kFP8 && quantize.getInput(0) == made.x && quantize.getAxis() == -1);
  const auto& scale = before<IConstantLayer>(made.network, quantize, 1, LayerType::kCONSTANT);
  CHECK_EQ(*static_cast<const float*>(scale.getWeights().values), 4.48f / 448.0f);
  CHECK_EQ(scale.getDimensions().nbDims, 0);

  const Expected expected(made.values, {256, 64}, Format::Fp8, 1);
  const auto& of_weight = before<IDequantizeLayer>(made.network, *made.product, 1, LayerType::kDEQUANTIZE);
  CHECK_EQ(of_weight.getAxis(), 1);
  has_scales(before<IConstantLayer>(made.network, of_weight, 1, LayerType::kCONSTANT), expected.scales);
#if QDQ_TRT_HAS_STORED_WEIGHTS
  has_numbers(before<IConstantLayer>(made.network, of_weight, 0, LayerType::kCONSTANT), DataType::kFP8, {256, 64}, expected);
#else
  const auto& of_floats = before<IQuantizeLayer>(made.network, of_weight, 0, LayerType::kQUANTIZE);
  CHECK(of_floats.getToType() == DataType::kFP8 && of_floats.getInput(0) == made.w && of_floats.getAxis() == 1);
  CHECK(of_floats.getInput(1) == of_weight.getInput(1));
#endif
}

TEST(kernels_that_layers_store_become_8_bit_floats) {
  Made made;
  const auto kernel = numbers(8 * 4 * 9), bias = numbers(8);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  made.network.markOutput(
      out(made.named("conv", made.network.addConvolutionNd(x, 8, dims({3, 3}), weights(kernel), weights(bias)))));
  const auto memory = insert(made, of_x, Format::Fp8);
  if (!CHECK_GOOD(memory)) return;
  const auto& conv = static_cast<const nvinfer1::IConvolutionLayer&>(*find(made.network, "conv"));
  CHECK(conv.getKernelWeights().count == 0 && conv.getBiasWeights().values == bias.data());
  const auto& dequantize = before<IDequantizeLayer>(made.network, conv, 1, LayerType::kDEQUANTIZE);
  CHECK_EQ(dequantize.getAxis(), 0);
  const Expected expected(kernel, {8, 4, 3, 3}, Format::Fp8, 0);
  has_scales(before<IConstantLayer>(made.network, dequantize, 1, LayerType::kCONSTANT), expected.scales);
#if QDQ_TRT_HAS_STORED_WEIGHTS
  has_numbers(before<IConstantLayer>(made.network, dequantize, 0, LayerType::kCONSTANT), DataType::kFP8, {8, 4, 3, 3},
              expected);
#endif
}

#else

TEST(formats_whose_types_this_version_lacks_are_refused_by_name) {
  Product made;
  const auto fp8 = insert(made, of_x, Format::Fp8);
  CHECK_FAILS(fp8, Status::Unsupported, "'x' is planned in fp8, and TensorRT 8.5.1 has no Quantize and Dequantize layers");
  CHECK_FAILS(fp8, Status::Unsupported, "use TensorRT 9 or newer");
  CHECK_EQ(made.network.getNbLayers(), 2);
}

#endif

TEST(weights_alone_become_integers) {
  Product made;
  const auto memory = insert(made, ranges({}), Format::Int8Weights);
  if (!CHECK_GOOD(memory)) return;
  CHECK(made.product->getInput(0) == made.x);
  const Expected expected(made.values, {256, 64}, Format::Int8Weights, 1);
  const auto& dequantize = before<IDequantizeLayer>(made.network, *made.product, 1, LayerType::kDEQUANTIZE);
  CHECK_EQ(dequantize.getAxis(), 1);
  has_scales(before<IConstantLayer>(made.network, dequantize, 1, LayerType::kCONSTANT), expected.scales);
#if QDQ_TRT_HAS_STORED_WEIGHTS
  has_numbers(before<IConstantLayer>(made.network, dequantize, 0, LayerType::kCONSTANT), DataType::kINT8, {256, 64},
              expected);
  CHECK_EQ(count(made.network, LayerType::kQUANTIZE), 0);
#else
  // This version has no constants of integers, but rounds by the same scales.
  const auto& quantize = before<IQuantizeLayer>(made.network, dequantize, 0, LayerType::kQUANTIZE);
  CHECK(quantize.getInput(0) == made.w && quantize.getInput(1) == dequantize.getInput(1) && quantize.getAxis() == 1);
  CHECK_EQ(count(made.network, LayerType::kQUANTIZE), 1);
#endif
}

#if QDQ_TRT_HAS_INT4

TEST(weights_in_blocks_have_scales_of_rank_2) {
  Product made;
  const auto memory = insert(made, ranges({}), Format::Int4Weights);
  if (!CHECK_GOOD(memory)) return;
  const Expected expected(made.values, {256, 64}, Format::Int4Weights, 0, 128);
  const auto& dequantize = before<IDequantizeLayer>(made.network, *made.product, 1, LayerType::kDEQUANTIZE);
  CHECK_EQ(dequantize.getAxis(), -1);
  const auto& scale = before<IConstantLayer>(made.network, dequantize, 1, LayerType::kCONSTANT);
  has_scales(scale, expected.scales);
  CHECK(scale.getDimensions().d[0] == 2 && scale.getDimensions().d[1] == 64);
  has_numbers(before<IConstantLayer>(made.network, dequantize, 0, LayerType::kCONSTANT), DataType::kINT4, {256, 64},
              expected);
}

/// A product of stacks whose weight is widened by a shuffle, as ONNX's parser does.
struct Widened : Made {
  explicit Widened(std::int64_t stacks) : values(numbers(static_cast<std::size_t>(stacks) * 256 * 64)) {
    ITensor& x = input("x", {stacks, 2, 256});
    ITensor& w = stacks == 1 ? constant("w", {256, 64}, values) : constant("w", {stacks, 256, 64}, values);
    auto* shuffle = network.addShuffle(w);
    shuffle->setReshapeDimensions(dims({stacks, 256, 64}));
    out(named("wide", shuffle)).setDimensions(dims({stacks, 256, 64}));
    const auto none = MatrixOperation::kNONE;
    product = &named("product", network.addMatrixMultiply(x, none, out(*shuffle), none));
    network.markOutput(out(*product));
  }
  const std::vector<float> values;
  ILayer* product;
};

TEST(axes_that_a_product_adds_come_behind_the_dequantize) {
  for (const Format format : {Format::Int4Weights, Format::Int8Weights, Format::Fp8}) {
    Widened made(1);
    const auto memory = insert(made, of_x, format);
    if (!CHECK_GOOD(memory)) return;
    const auto& shuffle = before<nvinfer1::IShuffleLayer>(made.network, *made.product, 1, LayerType::kSHUFFLE);
    CHECK(trt::detail::shape_of(shuffle.getReshapeDimensions()) == (std::vector<std::int64_t>{1, 256, 64}));
    const auto& dequantize = before<IDequantizeLayer>(made.network, shuffle, 0, LayerType::kDEQUANTIZE);
    const bool blocks = format == Format::Int4Weights;
    CHECK_EQ(dequantize.getAxis(), blocks ? -1 : 1);
    const Expected expected(made.values, {256, 64}, format, blocks ? 0 : 1, blocks ? 128 : 0);
    has_scales(before<IConstantLayer>(made.network, dequantize, 1, LayerType::kCONSTANT), expected.scales);
    has_numbers(before<IConstantLayer>(made.network, dequantize, 0, LayerType::kCONSTANT),
                trt::detail::quantized_type(format), {256, 64}, expected);
  }
}

TEST(blocks_of_stacks_are_refused_where_only_matrices_have_them) {
  Widened made(2);
  const auto stacked = insert(made, ranges({}), Format::Int4Weights);
#if QDQ_TRT_HAS_STACKED_BLOCKS
  CHECK_GOOD(stacked);
#else
  CHECK_FAILS(stacked, Status::Unsupported,
              "'wide' is planned in int4-weights, and TensorRT 10.3.0 takes blocks of matrices");
  CHECK_FAILS(stacked, Status::Unsupported, "not of shape [2, 256, 64]");
  CHECK_FAILS(stacked, Status::Unsupported, "format_of");
  CHECK_EQ(made.network.getNbLayers(), 3);
  CHECK_GOOD(insert(made, ranges({}), Format::Int8Weights));
#endif
}

TEST(a_layer_of_a_stored_weight_may_be_refused) {
  for (const LayerType refused : {LayerType::kCONSTANT, LayerType::kDEQUANTIZE, LayerType::kSHUFFLE}) {
    Widened made(1);
    made.network.standin.refused = {refused};
    const auto result = insert(made, ranges({}), Format::Int4Weights);
    CHECK_FAILS(result, Status::TensorRt, "for 'wide'");
    CHECK_FAILS(result, Status::TensorRt, refused == LayerType::kSHUFFLE ? "a Shuffle" : "a Quantize or Dequantize");
    CHECK_FAILS(result, Status::TensorRt, "parse the network anew");
  }
}

TEST(layers_have_formats_of_their_own) {
  Product made;
  const auto none = MatrixOperation::kNONE;
  const auto read = [&](const char* name) -> ILayer& {
    auto& layer = made.named(name, made.network.addMatrixMultiply(*made.x, none, *made.w, none));
    made.network.markOutput(out(layer));
    return layer;
  };
  const ILayer &fp8 = read("fp8"), &int4 = read("int4"), &int8 = read("int8"), &again = read("fp8_again");
  auto policy = Policy::make();
  policy.format_of("fp8*", Format::Fp8).format_of("int4", Format::Int4Weights).format_of("product", Format::Int8Weights);
  const auto memory = trt::insert_qdq(made.network, planned_in(made.network, of_x, policy.build().value()), of_x);
  if (!CHECK_GOOD(memory)) return;
  const auto stored = [&](const ILayer& layer) {
    return before<IDequantizeLayer>(made.network, layer, 1, LayerType::kDEQUANTIZE).getInput(0)->getType();
  };
  CHECK(stored(fp8) == DataType::kFP8 && stored(int4) == DataType::kINT4 && stored(*made.product) == DataType::kINT8);
  CHECK(stored(int8) == DataType::kINT8 && fp8.getInput(1) == again.getInput(1));
  CHECK(before<IDequantizeLayer>(made.network, int8, 1, LayerType::kDEQUANTIZE).getInput(0) !=
        before<IDequantizeLayer>(made.network, *made.product, 1, LayerType::kDEQUANTIZE).getInput(0));
  // The input has a pair for each format that quantizes it, and stays as it is for the others.
  CHECK(int4.getInput(0) == made.x && made.product->getInput(0) == made.x);
  CHECK(fp8.getInput(0) == again.getInput(0) && fp8.getInput(0) != int8.getInput(0));
  const auto type_of_input = [&](const ILayer& layer) {
    const auto& dequantize = before<IDequantizeLayer>(made.network, layer, 0, LayerType::kDEQUANTIZE);
    return before<IQuantizeLayer>(made.network, dequantize, 0, LayerType::kQUANTIZE).getToType();
  };
  CHECK(type_of_input(fp8) == DataType::kFP8 && type_of_input(int8) == DataType::kINT8);
  std::map<std::string, int> names;
  for (int i = 0; i < made.network.getNbLayers(); ++i) ++names[made.network.getLayer(i)->getName()];
  for (const auto& [name, times] : names) CHECK_EQ(name + std::to_string(times), name + "1");
}

#else

TEST(blocks_of_4_bit_integers_are_refused_by_name) {
  Product made;
  const auto int4 = insert(made, ranges({}), Format::Int4Weights);
  CHECK_FAILS(int4, Status::Unsupported,
              "'w' is planned in int4-weights, and " + trt::compiled.text() + " has no 4-bit integers");
  CHECK_FAILS(int4, Status::Unsupported, "use TensorRT 10 or newer, or plan in int8-weights");
  CHECK_EQ(made.network.getNbLayers(), 2);
}

#endif

#if QDQ_TRT_HAS_CALIBRATOR

TEST(the_builder_gets_the_flags_of_the_types) {
  for (const Format format : {Format::Int8, Format::Fp8, Format::Int8Weights, Format::Int4Weights}) {
    if (format == Format::Fp8 && !QDQ_TRT_QDQ_HAS_TYPE) continue;
    if (format == Format::Int4Weights && !QDQ_TRT_HAS_INT4) continue;
    Product made;
    bool int8 = false, fp8 = false;
    trt::EngineOptions options;
    options.logger = &made.logger;
    options.policy = in(format);
    options.configure = [&](nvinfer1::IBuilder&, INetworkDefinition&, nvinfer1::IBuilderConfig& config) {
      int8 = config.getFlag(BuilderFlag::kINT8);
#if QDQ_TRT_QDQ_HAS_TYPE
      fp8 = config.getFlag(BuilderFlag::kFP8);
#endif
    };
    const bool weights_alone = format == Format::Int8Weights || format == Format::Int4Weights;
    const Ranges none = ranges({});
    const auto engine = trt::build_engine(*made.builder, made.network, weights_alone ? none : of_x, options);
    if (!CHECK_GOOD(engine)) continue;
    CHECK_EQ(int8, format == Format::Int8 || format == Format::Int8Weights);
    CHECK_EQ(fp8, format == Format::Fp8);
  }
}

#endif

}  // namespace formats_test

#endif
