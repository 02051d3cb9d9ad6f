// Every format beside half precision.
#include "product.hpp"

#if QDQ_TRT_HAS_STRONG_TYPES && QDQ_TRT_HAS_INT4

namespace half_formats_test {

using namespace product;

constexpr auto strongly_typed = 1U | 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);

TEST(every_format_goes_with_half_precision) {
  for (const Format format : {Format::Int8, Format::Fp8, Format::Int8Weights, Format::Int4Weights}) {
    for (const bool in_one_call : {true, false}) {
      Product made(strongly_typed);
      trt::EngineOptions options;
      options.logger = &made.logger;
      options.fp16 = true;
      options.policy = in(format);
      options.precision = PrecisionOptions::make().half_name("product").build().value();
      trt::WeightMemory scales;
      if (in_one_call) {
        CHECK_GOOD(trt::build_engine(*made.builder, made.network, of_x, options));
      } else {
        const auto plan = planned_in(made.network, of_x, *options.policy);
        scales = trt::insert_qdq(made.network, plan, of_x, Method::Mse, nullptr, Half::F16).value();
        CHECK_GOOD(trt::cast(made.network, *options.precision, of_x));
      }
      const auto& dequantize = before<IDequantizeLayer>(made.network, *made.product, 1, LayerType::kDEQUANTIZE);
      CHECK(dequantize.getToType() == DataType::kHALF && dequantize.getInput(1)->getType() == DataType::kHALF);
      const ILayer* of_input = producer(made.network, made.product->getInput(0));
      if (format == Format::Int8 || format == Format::Fp8) {
        CHECK(of_input->getType() == LayerType::kDEQUANTIZE);
        CHECK(static_cast<const IDequantizeLayer&>(*of_input).getToType() == DataType::kHALF);
      } else {
        CHECK(of_input->getType() == LayerType::kCAST && of_input->getOutput(0)->getType() == DataType::kHALF);
      }
      const ILayer* stored = producer(made.network, dequantize.getInput(0));
      CHECK(stored->getType() == (format == Format::Int8 ? LayerType::kQUANTIZE : LayerType::kCONSTANT));
      CHECK(dequantize.getInput(0)->getType() == trt::detail::quantized_type(format));
    }
  }
}

TEST(small_ranges_of_8_bit_floats_get_scales_that_half_precision_holds) {
  const Ranges small = ranges({{"x", 0.01f}});
  for (const bool held : {true, false}) {
    Product made(strongly_typed);
    const auto plan = planned_in(made.network, small, in(Format::Fp8));
    const auto memory = trt::insert_qdq(made.network, plan, small, Method::Mse, nullptr,
                                        held ? std::optional<Half>(Half::F16) : std::nullopt);
    if (!CHECK_GOOD(memory)) return;
    const auto& dequantize = before<IDequantizeLayer>(made.network, *made.product, 0, LayerType::kDEQUANTIZE);
    const auto& scale = before<IConstantLayer>(made.network, dequantize, 1, LayerType::kCONSTANT);
    CHECK_EQ(*static_cast<const float*>(scale.getWeights().values), held ? std::ldexp(1.0f, -14) : 0.01f / 448.0f);
  }
}

TEST(weights_in_half_precision_get_scales_of_their_type) {
  Made made(strongly_typed);
  const std::vector<std::uint16_t> ones(256 * 64, 0x3c00);
  ITensor& x = made.input("x", {2, 256}, DataType::kHALF);
  auto& w = made.named("w", made.network.addConstant(dims({256, 64}), {DataType::kHALF, ones.data(), 256 * 64}));
  const auto none = MatrixOperation::kNONE;
  auto& product = made.named("product", made.network.addMatrixMultiply(x, none, out(w), none));
  made.network.markOutput(out(product));
  const auto memory = insert(made, ranges({}), Format::Int4Weights);
  if (!CHECK_GOOD(memory)) return;
  const auto& dequantize = before<IDequantizeLayer>(made.network, product, 1, LayerType::kDEQUANTIZE);
  CHECK(dequantize.getToType() == DataType::kHALF && dequantize.getInput(1)->getType() == DataType::kHALF);
  CHECK_EQ(count(made.network, LayerType::kCAST), 0);
}

// The numbers of a stored weight belong to its scales: they are not raised afterwards.
TEST(scales_that_half_precision_does_not_hold_stay_as_they_are) {
  for (const float factor : {1.0f, 1e-4f}) {
    Product made(strongly_typed, factor);
    const auto plan = planned_in(made.network, of_x, in(Format::Int8Weights));
    const auto memory = trt::insert_qdq(made.network, plan, of_x);
    if (!CHECK_GOOD(memory)) return;
    const auto options = PrecisionOptions::make().half_name("product").build().value();
    const auto halved = trt::cast(made.network, options, of_x);
    if (!CHECK_GOOD(halved)) return;
    const ILayer* last = producer(made.network, made.product->getInput(1));
    CHECK(last->getType() == (factor == 1.0f ? LayerType::kDEQUANTIZE : LayerType::kCAST));
    if (factor == 1.0f) continue;
    const auto& dequantize = before<IDequantizeLayer>(made.network, *last, 0, LayerType::kDEQUANTIZE);
    CHECK(dequantize.getToType() == DataType::kFLOAT && dequantize.getInput(1)->getType() == DataType::kFLOAT);
  }
}

}  // namespace half_formats_test

#endif
