// Builds an INT8 engine on TensorRT 8 to 10 with qdq's calibrator.
// usage: after_calibrator MODEL SAMPLES CACHE ENGINE
//
// SAMPLES holds float32 numbers, one sample after the other, for a model with one input whose first axis
// counts samples.

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <qdq/tensorrt.hpp>

constexpr int batch_size = 32;

class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* text) noexcept override {
    if (severity <= Severity::kWARNING) std::fprintf(stderr, "%s\n", text);
  }
};

static void write_file(const std::string& path, const void* data, std::size_t size) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  Logger logger;

  std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger));
  const auto explicit_batch = 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
  std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(explicit_batch));
  std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
  if (!parser->parseFromFile(argv[1], 2)) return 1;

  const nvinfer1::ITensor* input = network->getInput(0);
  nvinfer1::Dims shape = input->getDimensions();

  std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  nvinfer1::IOptimizationProfile* profile = builder->createOptimizationProfile();
  shape.d[0] = 1;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, shape);
  shape.d[0] = batch_size;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, shape);
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, shape);
  config->addOptimizationProfile(profile);

  auto samples = qdq::Batches::open(qdq::trt::inputs(*network, profile).value(), argv[2]).value();
  auto options = qdq::trt::CalibratorOptions::make().logger(logger).cache_file(argv[3]).profile(*profile).build().value();
  auto calibrator = qdq::trt::EntropyCalibrator2::from_batches(*network, std::move(samples), options).value();
  config->setFlag(nvinfer1::BuilderFlag::kINT8);
  config->setCalibrationProfile(profile);
  config->setInt8Calibrator(calibrator.get());

  std::unique_ptr<nvinfer1::IHostMemory> engine(builder->buildSerializedNetwork(*network, *config));
  if (!engine || calibrator->failure() != nullptr) return 1;
  write_file(argv[4], engine->data(), engine->size());
  return 0;
}
