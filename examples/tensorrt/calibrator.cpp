// Builds an INT8 engine on TensorRT 8 to 10 with a calibrator: TensorRT measures ranges on a GPU, or gets
// ranges that qdq measured.
// usage: calibrator MODEL ENGINE --data PATH CACHE
// usage: calibrator MODEL ENGINE --ranges FILE
//
// PATH is a folder of images, a .npz, a .npy or raw data, or a .txt with one such path per line. FILE comes
// from `qdq calibrate MODEL -d PATH --ranges FILE`.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
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
    if (severity <= Severity::kINFO) std::fprintf(stderr, "%s\n", text);
  }
};

// Adds the profile of the model's inputs. Only the number of samples is open: it is up to 32, and 32 at once
// while TensorRT calibrates.
static const nvinfer1::IOptimizationProfile& add_profile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
                                                         const nvinfer1::INetworkDefinition& network) {
  nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
  for (int i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor* input = network.getInput(i);
    nvinfer1::Dims shape = input->getDimensions();
    if (shape.d[0] < 0) shape.d[0] = 1;
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, shape);
    if (input->getDimensions().d[0] < 0) shape.d[0] = 32;
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, shape);
    profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, shape);
  }
  config.addOptimizationProfile(profile);
  config.setCalibrationProfile(profile);
  return *profile;
}

// Reads the paths of a list, one per line. They do not depend on the position of the list.
static std::vector<std::string> listed(const std::string& list) {
  std::ifstream file(list);
  std::vector<std::string> paths;
  for (std::string line; std::getline(file, line);) paths.push_back(line);
  return paths;
}

static qdq::Batches open_batches(const qdq::Specs& inputs, const std::string& path) {
  const bool is_list = path.size() > 4 && path.substr(path.size() - 4) == ".txt";
  return (is_list ? qdq::Batches::open(inputs, listed(path)) : qdq::Batches::open(inputs, path)).value();
}

static void build(const std::string& model, const std::string& engine, const std::vector<std::string>& calibration) {
  Logger logger;
  const std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger));
  const auto explicit_batch = 1U << static_cast<unsigned>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
  const std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(explicit_batch));
  const std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
  if (!parser->parseFromFile(model.c_str(), 2)) throw std::runtime_error("TensorRT cannot parse " + model);
  const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  const nvinfer1::IOptimizationProfile& profile = add_profile(*builder, *config, *network);

  auto options = trt::CalibratorOptions::make();
  options.logger(logger).profile(profile);
  std::unique_ptr<trt::EntropyCalibrator2> calibrator;
  if (calibration.front() == "--ranges") {
    auto ranges = qdq::Ranges::load(calibration[1]).value();
    calibrator = trt::EntropyCalibrator2::from_ranges(*network, ranges, options.build().value()).value();
  } else {
    auto batches = open_batches(trt::inputs(*network, &profile).value(), calibration[1]);
    options.cache_file(calibration[2]);
    calibrator = trt::EntropyCalibrator2::from_batches(*network, std::move(batches), options.build().value()).value();
  }
  config->setFlag(nvinfer1::BuilderFlag::kINT8);
  config->setInt8Calibrator(calibrator.get());

  const std::unique_ptr<nvinfer1::IHostMemory> built(builder->buildSerializedNetwork(*network, *config));
  // TensorRT does not report why a calibrator gave it no data. The calibrator does.
  if (const qdq::Error* failure = calibrator->failure()) throw std::runtime_error(std::string(failure->text()));
  if (!built) throw std::runtime_error("TensorRT cannot build the engine");
  std::ofstream(engine, std::ios::binary)
      .write(static_cast<const char*>(built->data()), static_cast<std::streamsize>(built->size()));
}

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool has_data = arguments.size() == 5 && arguments[2] == "--data";
  if (!has_data && !(arguments.size() == 4 && arguments[2] == "--ranges")) {
    std::fprintf(stderr, "usage: calibrator MODEL ENGINE --data PATH CACHE | --ranges FILE\n");
    return 2;
  }
  try {
    build(arguments[0], arguments[1], {arguments.begin() + 2, arguments.end()});
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "error: %s\n", exception.what());
    return 1;
  }
  return 0;
}
