// Puts Quantize and Dequantize into a network that TensorRT's parser made from a float model: TensorRT 8 to
// 11 and TensorRT-RTX.
// usage: qdq_network MODEL RANGES ENGINE
//
// RANGES comes from `qdq calibrate MODEL -d DATA --ranges RANGES`, or is the calibration cache of an older
// deployment. The engine takes up to 32 samples at once.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <qdq/tensorrt.hpp>

namespace trt = qdq::trt;

class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* text) noexcept override {
    if (severity <= Severity::kWARNING) std::fprintf(stderr, "%s\n", text);
  }
};

static qdq::Ranges read_ranges(const std::string& path) {
  auto ranges = qdq::Ranges::load(path);
  return ranges ? *std::move(ranges) : qdq::Cache::load(path).value().to_ranges().value();
}

static void build(const std::string& model, const std::string& ranges_file, const std::string& engine) {
  Logger logger;
  const auto library = trt::Library::linked_with_parser();
  const auto builder = library.builder(logger).value();
  unsigned flags = 0;
#if NV_TENSORRT_MAJOR == 8 || NV_TENSORRT_MAJOR == 9
  flags = 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#endif
  const trt::Owner<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(flags));
  const auto parser = library.parser(*network, logger).value();
  if (!parser->parseFromFile(model.c_str(), 2)) throw std::runtime_error("TensorRT cannot parse " + model);

  const auto graph = trt::describe(*network).value();
  // The range of a tensor also holds for tensors with its values in another shape.
  const auto ranges = graph.spread(read_ranges(ranges_file)).value();
  const auto plan = graph.plan(qdq::Policy(), ranges).value();
  const auto text = plan.to_text().value();
  std::printf("%s\n", std::string(text.text()).c_str());
  // Owns the scales that the network refers to. It must outlive the build.
  const auto scales = trt::insert_qdq(*network, plan, ranges).value();

  const trt::Owner<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
#if NV_TENSORRT_MAJOR >= 8 && NV_TENSORRT_MAJOR <= 10
  config->setFlag(nvinfer1::BuilderFlag::kINT8);
#endif
#ifdef TRT_MAJOR_RTX
  // RTX builds for a GPU of this kind. This machine need not have one.
  config->setNbComputeCapabilities(1);
  config->setComputeCapability(nvinfer1::ComputeCapability::kSM86, 0);
#endif
  nvinfer1::IOptimizationProfile* profile = builder->createOptimizationProfile();
  for (int i = 0; i < network->getNbInputs(); ++i) {
    const nvinfer1::ITensor* input = network->getInput(i);
    nvinfer1::Dims shape = input->getDimensions();
    const bool is_open = shape.d[0] < 0;
    if (is_open) shape.d[0] = 1;
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, shape);
    if (is_open) shape.d[0] = 32;
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, shape);
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, shape);
  }
  config->addOptimizationProfile(profile);

  trt::Owner<nvinfer1::IHostMemory> built(builder->buildSerializedNetwork(*network, *config));
  if (!built) throw std::runtime_error("TensorRT cannot build the engine");
  trt::Engine(std::move(built)).write(engine).value();
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: qdq_network MODEL RANGES ENGINE\n");
    return 2;
  }
  try {
    build(argv[1], argv[2], argv[3]);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "error: %s\n", exception.what());
    return 1;
  }
  return 0;
}
