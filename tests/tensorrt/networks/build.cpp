// Engines of networks and of models.
#include <fstream>
#include <iterator>

#include "parser.hpp"

extern "C" void* createNvOnnxParser_INTERNAL(void* network, void*, int) NET_NOEXCEPT {
  return static_cast<nvonnxparser::IParser*>(new net::Parser(*static_cast<nvinfer1::INetworkDefinition*>(network)));
}

namespace build_test {

using namespace net;
using nvinfer1::BuilderFlag;
using nvinfer1::IBuilder;
using nvinfer1::IBuilderConfig;
using trt::EngineOptions;
using trt::Way;

// The settings of the builder just before the build.
struct Seen {
  bool int8 = false, half = false, bf16 = false;
  std::size_t workspace = 0;
  int quantize = 0, profiles = 0;
  std::vector<Dims> shapes;  // The min, opt and max of x in the last profile.
};

EngineOptions watched(Seen& seen) {
  EngineOptions options;
  options.configure = [&seen](IBuilder&, INetworkDefinition& network, IBuilderConfig& config) {
    seen.int8 = config.getFlag(BuilderFlag::kINT8);
    seen.half = config.getFlag(BuilderFlag::kFP16);
#if QDQ_TRT_QDQ_HAS_TYPE
    seen.bf16 = config.getFlag(BuilderFlag::kBF16);
#endif
    seen.workspace = config.standin.pools.count(0) != 0 ? config.standin.pools.at(0) : 0;
    seen.profiles = config.getNbOptimizationProfiles();
    for (const auto* profile : config.standin.profiles) {
      seen.shapes.clear();
      for (const auto select :
           {nvinfer1::OptProfileSelector::kMIN, nvinfer1::OptProfileSelector::kOPT, nvinfer1::OptProfileSelector::kMAX}) {
        seen.shapes.push_back(profile->getDimensions("x", select));
      }
    }
#if QDQ_TRT_HAS_QDQ
    seen.quantize = count(network, LayerType::kQUANTIZE);
#else
    static_cast<void>(network);
#endif
  };
  return options;
}

struct Conv : Made {
  explicit Conv(std::int64_t batch = 1) : x(input("x", {batch, 4, 8, 8})) {
    network.markOutput(out(conv("conv", x, 4, kernel)));
  }
  Result<trt::Engine> build(const EngineOptions& options) { return trt::build_engine(*builder, network, given, options); }

  const std::vector<float> kernel = numbers(4 * 4 * 9);
  ITensor& x;
  const Ranges given = ranges({{"x", 2.0f}, {"conv", 4.0f}});
};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(a_network_becomes_an_int8_engine) {
  Seen seen;
  Conv made;
  EngineOptions options = watched(seen);
  options.workspace = 12345;
  const auto engine = made.build(options);
  if (!CHECK_GOOD(engine)) return;
  CHECK(seen.int8 && !seen.half);
  CHECK_EQ(seen.workspace, std::size_t{12345});
  CHECK_EQ(seen.quantize, QDQ_TRT_HAS_QDQ ? 2 : 0);
  if (!QDQ_TRT_HAS_QDQ) CHECK_EQ(made.x.getDynamicRangeMax(), 2.0f);
  CHECK_GOOD(engine->write("network.engine"));
  CHECK_EQ(read("network.engine"), std::string(static_cast<const char*>(engine->data()), engine->size()));
  CHECK_EQ(read("network.engine").rfind("standin " + std::to_string(NV_TENSORRT_VERSION), 0), std::size_t{0});
}

TEST(the_way_can_be_chosen) {
  {
    Seen seen;
    Conv made;
    EngineOptions options = watched(seen);
    options.way = Way::DynamicRange;
    options.fp16 = true;
    CHECK_GOOD(made.build(options));
    CHECK(seen.int8 && seen.half && seen.quantize == 0);
    CHECK_EQ(made.x.getDynamicRangeMax(), 2.0f);
    CHECK_EQ(seen.workspace, std::size_t{0});
  }
  {
    Seen seen;
    Conv made;
    EngineOptions options = watched(seen);
    options.bf16 = true;
#if QDQ_TRT_QDQ_HAS_TYPE
    CHECK_GOOD(made.build(options));
    CHECK(seen.int8 && seen.bf16 && !seen.half);
#else
    CHECK_FAILS(made.build(options), Status::Unsupported, "has no bfloat16");
#endif
  }
  Seen seen;
  Conv made;
  EngineOptions options = watched(seen);
  options.way = Way::Qdq;
#if QDQ_TRT_HAS_QDQ
  CHECK_GOOD(made.build(options));
  CHECK(seen.int8 && seen.quantize == 2);
  QDQ_TRT_DEPRECATED_BEGIN
  CHECK(!made.x.dynamicRangeIsSet());
  QDQ_TRT_DEPRECATED_END
#else
  CHECK_FAILS(made.build(options), Status::Unsupported, "has no Quantize and Dequantize layers");
  CHECK_FAILS(made.build(options), Status::Unsupported, "use Way::DynamicRange");
#endif
}

TEST(a_float_network_is_built_in_float) {
  Seen seen;
  Conv made;
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, watched(seen)));
  CHECK(!seen.int8 && seen.quantize == 0);
}

#if QDQ_TRT_HAS_QDQ
TEST(a_network_with_pairs_is_built_in_int8) {
  Seen seen;
  Conv made;
  const auto memory = trt::insert_qdq(made.network, planned(made.network, made.given), made.given);
  CHECK_GOOD(memory);
  CHECK_GOOD(trt::build_engine(*made.builder, made.network, watched(seen)));
  CHECK(seen.int8 && seen.quantize == 2);
}
#endif

TEST(shapes_are_decided_by_profiles) {
  Seen seen;
  EngineOptions options = watched(seen);
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "input 'x' has a shape that is decided at run time");
  options.profiles = {{{"x", {1, 4, 8, 8}, {2, 4, 8, 8}, {4, 4, 8, 8}}}, {{"x", {1, 4, 8, 8}, {8, 4, 8, 8}, {9, 4, 8, 8}}}};
  CHECK_GOOD(Conv(-1).build(options));
  CHECK_EQ(seen.profiles, 2);
  if (CHECK_EQ(seen.shapes.size(), std::size_t{3})) {
    CHECK(seen.shapes[0].d[0] == 1 && seen.shapes[1].d[0] == 8 && seen.shapes[2].d[0] == 9 && seen.shapes[2].nbDims == 4);
  }
  options.profiles = {{{"x", {4, 4, 8, 8}, {2, 4, 8, 8}, {8, 4, 8, 8}}}};
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "TensorRT refused the shapes of input 'x'");
  options.profiles = {{{"x", {1, 4, 8, 8}, {2, 4, 8, 8}, {4, 4, 8}}}};
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "min <= opt <= max of its rank");
  options.profiles = {{{"image", {1, 4, 8, 8}, {2, 4, 8, 8}, {4, 4, 8, 8}}}};
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "'image', which is no input of the network");
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "its inputs are 'x'");
  const std::vector<std::int64_t> too_many(9, 1);
  options.profiles = {{{"x", too_many, too_many, too_many}}};
  CHECK_FAILS(Conv(-1).build(options), Status::InvalidArgument, "TensorRT refused the shapes of input 'x'");
}

TEST(compute_capabilities_are_for_RTX) {
  EngineOptions options;
  options.compute_capabilities = {86};
  CHECK_FAILS(Conv().build(options), Status::Unsupported, "builds for the GPU of this machine only");
}

TEST(a_timing_cache_is_kept) {
  EngineOptions options;
  options.timing_cache = check::folder("timing") + "/cache";
#if QDQ_TRT_HAS_TIMING_CACHE
  CHECK_GOOD(Conv().build(options));
  CHECK_EQ(read(options.timing_cache), "measured ");
  CHECK_GOOD(Conv().build(options));
  CHECK_EQ(read(options.timing_cache), "measured measured ");
  std::ofstream(options.timing_cache) << "of another version";
  CHECK_GOOD(Conv().build(options));
  CHECK_EQ(read(options.timing_cache), "measured ");
  options.timing_cache = "none/cache";
  CHECK_FAILS(Conv().build(options), Status::Io, "none/cache");
#else
  CHECK_FAILS(Conv().build(options), Status::Unsupported, "keeps no timing cache");
#endif
}

TEST(failures_say_what_TensorRT_said) {
  Conv made;
  made.builder->standin.refuses = true;
  CHECK_FAILS(made.build({}), Status::TensorRt, "TensorRT cannot build the engine");

  Logger logger;
  EngineOptions options;
  options.logger = &logger;
  options.configure = [](IBuilder& builder, INetworkDefinition&, IBuilderConfig&) { builder.standin.refuses = true; };
  const auto given = ranges({{"input", 1.0f}});
  const std::string model = check::data() + "/model.onnx";
  CHECK_FAILS(trt::build_engine(model, options), Status::TensorRt,
              "TensorRT cannot build the engine: the stand-in was told to refuse the network");
  CHECK_EQ(logger.said, "the stand-in was told to refuse the network\n");
}

TEST(models_are_parsed) {
  Seen seen;
  const EngineOptions options = watched(seen);
  const std::string model = check::data() + "/model.onnx";
  CHECK_GOOD(trt::build_engine(model, options));
  CHECK(!seen.int8);
  complaint = "no importer for Fancy";
  CHECK_FAILS(trt::build_engine(model, options), Status::TensorRt, "model.onnx': no importer for Fancy");
  complaint = "";
  CHECK_FAILS(trt::build_engine(model, options), Status::TensorRt, "TensorRT cannot parse '" + model + "'");
  complaint = nullptr;
  CHECK_FAILS(trt::build_engine("none.onnx", options), Status::Io, "none.onnx");
  CHECK_FAILS(trt::build_engine(model, options, trt::Library::linked()), Status::InvalidArgument, "without an ONNX parser");
}

TEST(models_are_quantized_by_ranges_and_batches) {
  const std::string model = check::data() + "/model.onnx";
  Seen seen;
  EngineOptions options = watched(seen);
  const auto opened = Model::open(model);
  if (!CHECK_GOOD(opened)) return;
  auto batches = Batches::open(opened->inputs().value(), check::data() + "/calib.npz");
  if (!CHECK_GOOD(batches)) return;
  CHECK_GOOD(trt::build_engine(model, *batches, options));
  // The parsed model contains the pairs. Ranges are set on the parser's network.
  CHECK_EQ(seen.int8, !QDQ_TRT_HAS_QDQ);
  options.way = Way::DynamicRange;
  CHECK_GOOD(trt::build_engine(model, ranges({{"input", 1.0f}}), options));
  CHECK(seen.int8);
}

}  // namespace build_test
