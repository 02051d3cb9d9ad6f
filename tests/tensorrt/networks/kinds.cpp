// Kinds of networks with restrictions: strongly typed ones, and those without the batch in their shapes.
#include <type_traits>

#include "network.hpp"

namespace kinds_test {

using namespace net;
using nvinfer1::BuilderFlag;
using trt::EngineOptions;
using trt::Way;

struct Conv : Made {
  explicit Conv(nvinfer1::NetworkDefinitionCreationFlags flags) : Made(flags) {
    network.markOutput(out(conv("conv", input("x", {4, 4, 8, 8}), 4, kernel)));
  }

  const std::vector<float> kernel = numbers(4 * 4 * 9);
  const Ranges given = ranges({{"x", 2.0f}, {"conv", 4.0f}});
};

// Whether the builder got the flag, and the number of Quantize layers.
struct Seen {
  bool int8 = false;
  int quantize = 0;
};

EngineOptions watched(Seen& seen) {
  EngineOptions options;
  options.configure = [&seen](nvinfer1::IBuilder&, INetworkDefinition& network, nvinfer1::IBuilderConfig& config) {
    seen.int8 = config.getFlag(BuilderFlag::kINT8);
#if QDQ_TRT_HAS_QDQ
    seen.quantize = count(network, LayerType::kQUANTIZE);
#else
    static_cast<void>(network);
#endif
  };
  return options;
}

#if QDQ_TRT_HAS_STRONG_TYPES

constexpr auto strongly_typed = 1U | 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);

TEST(a_strongly_typed_network_gets_no_flag) {
  Seen seen;
  Conv made(strongly_typed);
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, made.given, watched(seen)));
  CHECK(!seen.int8 && seen.quantize == 2);
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, watched(seen)));
  CHECK(!seen.int8);
}

TEST(a_strongly_typed_network_takes_no_ranges_and_no_calibrator) {
  Conv made(strongly_typed);
  EngineOptions options;
  options.way = Way::DynamicRange;
  CHECK_FAILS(trt::build_engine(*made.builder, made.network, made.given, options), Status::Unsupported, "strongly typed");
  CHECK_FAILS(trt::set_dynamic_ranges(made.network, made.given), Status::Unsupported, "use insert_qdq()");
  CHECK_FAILS(trt::EntropyCalibrator2::from_ranges(made.network, made.given), Status::Unsupported, "neither calibrates it");
}

#endif

#if QDQ_TRT_HAS_IMPLICIT_BATCH

TEST(a_network_without_the_batch_in_its_shapes_gets_dynamic_ranges) {
  Seen seen;
  Conv made(0U);
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, made.given, watched(seen)));
  CHECK(seen.int8 && seen.quantize == 0);
  CHECK_EQ(made.network.getInput(0)->getDynamicRangeMax(), 2.0f);
}

#if QDQ_TRT_HAS_QDQ
TEST(a_network_without_the_batch_in_its_shapes_takes_no_pairs) {
  Conv made(0U);
  EngineOptions options;
  options.way = Way::Qdq;
  CHECK_FAILS(trt::build_engine(*made.builder, made.network, made.given, options), Status::Unsupported,
              "leaves the batch out of its shapes");
  CHECK_FAILS(trt::insert_qdq(made.network, planned(made.network, made.given), made.given), Status::Unsupported,
              "kEXPLICIT_BATCH");
  trt::WeightMemory memory;
  trt::QuantizedLayers layers(made.network, memory);
  CHECK_FAILS(layers.convolution("second", out(*find(made.network, "conv")), 1.0f, 4, dims({3, 3}), {weights(made.kernel)}),
              Status::Unsupported, "leaves the batch out of its shapes");
  CHECK_EQ(made.network.getNbLayers(), 1);
}
#endif

#endif

#if QDQ_TRT_HAS_CALIBRATOR
TEST(ranges_of_a_network_are_for_int8_alone) {
  Conv made(1U);
  EngineOptions options;
  options.policy = Policy::make().format(Format::Fp8).build().value();
  options.way = Way::DynamicRange;
  CHECK_FAILS(trt::build_engine(*made.builder, made.network, made.given, options), Status::Unsupported,
              "other formats than int8, and dynamic ranges are for int8 alone");
  CHECK_EQ(made.network.getNbLayers(), 1);
}
#endif

TEST(options_can_be_copied) {
  static_assert(std::is_copy_constructible_v<EngineOptions> && std::is_copy_assignable_v<EngineOptions>);
  EngineOptions options;
  options.policy = Policy::make().exclude_name("conv").build().value();
  options.run = RunOptions::make().threads(1).build().value();
  const EngineOptions copy = options;
  options.policy = Policy();
#if QDQ_TRT_HAS_QDQ
  for (const bool excluded : {true, false}) {
    Seen seen;
    Conv made(1U);
    EngineOptions used = excluded ? copy : options;
    used.configure = watched(seen).configure;
    CHECK_GOOD(trt::build_engine(*made.builder, made.network, made.given, used));
    CHECK_EQ(seen.quantize, excluded ? 0 : 2);
  }
#endif
  CHECK(copy.run->runtime() == options.run->runtime());
}

}  // namespace kinds_test
