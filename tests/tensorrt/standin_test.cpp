// The stand-ins do what the tests of qdq need: a network keeps its layers, and a build runs the calibrator.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <cstdio>
#include <cstdlib>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

using namespace nvinfer1;

namespace {

int failed = 0;

void expect(bool holds, char const* what) {
  if (!holds) {
    std::printf("%s\n", what);
    ++failed;
  }
}

#if NV_TENSORRT_MAJOR >= 8
#define NOEXCEPT noexcept
template <class Object>
void drop(Object* object) {
  delete object;
}
#else
#define NOEXCEPT
template <class Object>
void drop(Object* object) {
  object->destroy();
}
#endif

class Logger : public ILogger {
 public:
  std::string said;
  void log(Severity, char const* msg) NOEXCEPT override { said += msg; }
};

class Calibrator : public IInt8EntropyCalibrator2 {
 public:
  int batches = 2;
  std::string read;
  std::string written;
  std::vector<float> values = std::vector<float>(12, 1.0F);

  int32_t getBatchSize() const NOEXCEPT override { return 1; }
  bool getBatch(void* bindings[], char const* names[], int32_t nbBindings) NOEXCEPT override {
    expect(nbBindings == 1 && std::string(names[0]) == "x", "the calibrator is asked for the network's input");
    values[3] = -127.0F;
    bindings[0] = values.data();
    return batches-- > 0;
  }
  void const* readCalibrationCache(std::size_t& length) NOEXCEPT override {
    length = read.size();
    return read.empty() ? nullptr : read.data();
  }
  void writeCalibrationCache(void const* ptr, std::size_t length) NOEXCEPT override {
    written.assign(static_cast<char const*>(ptr), length);
  }
};

Dims dims(std::vector<Extent> const& of) {
  Dims result{};
  for (auto const extent : of) {
    result.d[result.nbDims++] = extent;
  }
  return result;
}

std::string build(IBuilder& builder, INetworkDefinition& network, IBuilderConfig& config) {
#if NV_TENSORRT_MAJOR >= 8
  auto* plan = builder.buildSerializedNetwork(network, config);
#else
  auto* engine = builder.buildEngineWithConfig(network, config);
  auto* plan = engine == nullptr ? nullptr : engine->serialize();
  if (engine != nullptr) {
    drop(engine);
  }
#endif
  if (plan == nullptr) {
    return "";
  }
  std::string text(static_cast<char const*>(plan->data()), plan->size());
  drop(plan);
  return text;
}

}  // namespace

int main() {
  Logger logger;
  auto* builder = createInferBuilder(logger);
  auto* network = builder->createNetworkV2(1U);
  auto* config = builder->createBuilderConfig();

  auto* x = network->addInput("x", DataType::kFLOAT, dims({-1, 3, 2, 2}));
  std::vector<float> const weights(12, 0.5F);
  Weights const kernel{DataType::kFLOAT, weights.data(), 12};
  auto* convolution = network->addConvolutionNd(*x, 4, dims({1, 1}), kernel, Weights{DataType::kFLOAT, nullptr, 0});
  auto* relu = network->addActivation(*convolution->getOutput(0), ActivationType::kRELU);
  auto* constant = network->addConstant(dims({4, 3}), kernel);
  auto* product = network->addMatrixMultiply(*constant->getOutput(0), MatrixOperation::kNONE, *constant->getOutput(0),
                                             MatrixOperation::kTRANSPOSE);
  network->markOutput(*relu->getOutput(0));

  expect(network->getNbLayers() == 4 && network->getNbInputs() == 1 && network->getNbOutputs() == 1, "it counts");
  expect(network->getLayer(0) == convolution && network->getLayer(4) == nullptr, "it keeps its layers");
  expect(convolution->getKernelWeights().count == 12 && convolution->getNbOutputMaps() == 4, "it keeps parameters");
  expect(convolution->getOutput(0)->getDimensions().d[1] == 4, "a convolution's channels are known");
  expect(product->getOutput(0)->getDimensions().d[1] == 4, "a product's form is known");
  expect(std::string(relu->getOutput(0)->getName()) == "(Unnamed Layer* 1) [Activation]_output", "it names");
  expect(x->setDynamicRange(-1, 1) && !x->setDynamicRange(1, -1), "ranges are checked");
  convolution->setInput(1, *constant->getOutput(0));
  expect(convolution->getNbInputs() == 2, "weights may be a tensor");
#if NV_TENSORRT_MAJOR >= 10
  auto* quantize = network->addQuantize(*x, *constant->getOutput(0), DataType::kINT8);
  expect(quantize->getToType() == DataType::kINT8, "it keeps the type");
#elif NV_TENSORRT_MAJOR >= 8
  auto* quantize = network->addQuantize(*x, *constant->getOutput(0));
#endif
#if NV_TENSORRT_MAJOR >= 8
  expect(quantize->getOutput(0)->getType() == DataType::kINT8 && quantize->getAxis() == -1, "it quantizes");
#endif

  auto* profile = builder->createOptimizationProfile();
  for (auto const select : {OptProfileSelector::kMIN, OptProfileSelector::kOPT, OptProfileSelector::kMAX}) {
    profile->setDimensions("x", select, dims({1, 3, 2, 2}));
  }
  config->addOptimizationProfile(profile);
  config->setCalibrationProfile(profile);
  config->setFlag(BuilderFlag::kINT8);
  Calibrator calibrator;
  config->setInt8Calibrator(&calibrator);

  expect(!build(*builder, *network, *config).empty(), "it builds");
  expect(config->standin.batches.size() == 2 && config->standin.batches[0]["x"].size() == 12, "it reads the batches");
  expect(calibrator.written == standin::cache_header(CalibrationAlgoType::kENTROPY_CALIBRATION_2) + "x: 3f800000\n",
         "it writes a cache");

  config->standin.batches.clear();
  calibrator.read = calibrator.written;
  expect(!build(*builder, *network, *config).empty() && config->standin.batches.empty(), "it takes the cache");
  calibrator.read = "TRT-1-EntropyCalibration2\n";
  expect(build(*builder, *network, *config).empty(), "without data and cache it fails");
  expect(logger.said.find("does not match") != std::string::npos, "it says so");

  drop(config);
  drop(network);
  drop(builder);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
