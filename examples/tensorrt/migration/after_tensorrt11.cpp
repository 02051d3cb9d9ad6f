// Builds an INT8 engine on TensorRT 11 or TensorRT-RTX with the calibrator of a program for TensorRT 8 to 10.
// usage: after_tensorrt11 MODEL SAMPLES CACHE ENGINE
//
// SAMPLES holds float32 numbers, one sample after the other, for a model with one input whose first axis
// counts samples.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>
#include <NvOnnxParser.h>
#include <cuda_runtime_api.h>
#include <qdq/tensorrt.hpp>

constexpr int batch_size = 32;

class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* text) noexcept override {
    if (severity <= Severity::kWARNING) std::fprintf(stderr, "%s\n", text);
  }
};

static std::vector<char> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

static void write_file(const std::string& path, const void* data, std::size_t size) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
}

class Calibrator : public nvinfer1::IInt8EntropyCalibrator2 {
 public:
  Calibrator(const std::string& samples, std::string cache_file, std::size_t sample_bytes)
      : samples_(read_file(samples)), cache_file_(std::move(cache_file)), batch_bytes_(batch_size * sample_bytes) {
    cudaMalloc(&device_, batch_bytes_);
  }
  ~Calibrator() override { cudaFree(device_); }

  int32_t getBatchSize() const noexcept override { return batch_size; }

  bool getBatch(void* bindings[], const char*[], int32_t) noexcept override {
    if (next_ + batch_bytes_ > samples_.size()) return false;
    if (cudaMemcpy(device_, &samples_[next_], batch_bytes_, cudaMemcpyHostToDevice) != cudaSuccess) return false;
    next_ += batch_bytes_;
    bindings[0] = device_;
    return true;
  }

  const void* readCalibrationCache(std::size_t& length) noexcept override {
    cache_ = read_file(cache_file_);
    length = cache_.size();
    return cache_.empty() ? nullptr : cache_.data();
  }

  void writeCalibrationCache(const void* cache, std::size_t length) noexcept override {
    write_file(cache_file_, cache, length);
  }

 private:
  std::vector<char> samples_;
  std::string cache_file_;
  std::size_t batch_bytes_;
  void* device_ = nullptr;
  std::size_t next_ = 0;
  std::vector<char> cache_;
};

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  Logger logger;

  std::unique_ptr<nvinfer1::IBuilder> builder(nvinfer1::createInferBuilder(logger));
  std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(0));
  std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
  if (!parser->parseFromFile(argv[1], 2)) return 1;

  const nvinfer1::ITensor* input = network->getInput(0);
  nvinfer1::Dims shape = input->getDimensions();
  std::size_t sample_bytes = sizeof(float);
  for (int i = 1; i < shape.nbDims; ++i) sample_bytes *= static_cast<std::size_t>(shape.d[i]);

  std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  nvinfer1::IOptimizationProfile* profile = builder->createOptimizationProfile();
  shape.d[0] = 1;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, shape);
  shape.d[0] = batch_size;
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, shape);
  profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, shape);
  config->addOptimizationProfile(profile);

  Calibrator calibrator(argv[2], argv[3], sample_bytes);
  auto scales = qdq::trt::quantize(*network, calibrator, {argv[1], profile}).value();
#ifdef TRT_MAJOR_RTX
  // RTX builds for a GPU of this kind. This machine need not have one.
  config->setNbComputeCapabilities(1);
  config->setComputeCapability(nvinfer1::ComputeCapability::kSM86, 0);
#endif

  std::unique_ptr<nvinfer1::IHostMemory> engine(builder->buildSerializedNetwork(*network, *config));
  if (!engine) return 1;
  write_file(argv[4], engine->data(), engine->size());
  return 0;
}
