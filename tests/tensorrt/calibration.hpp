// Shared parts of the calibrator tests: a network to calibrate, the builder's part, a fake GPU, and a logger
// that keeps its lines.
#ifndef CALIBRATION_HPP
#define CALIBRATION_HPP

#include <dlfcn.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/calibrator.hpp>

#include "../cpp/check.hpp"
#include "fake_cuda.h"

// The tested interface is deprecated in TensorRT 10.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

using qdq::Batch;
using qdq::Batches;
using qdq::DType;
using qdq::Error;
using qdq::Result;
using qdq::Specs;
using qdq::Status;
namespace trt = qdq::trt;

using Floats = std::vector<float>;

class Logger : public nvinfer1::ILogger {
 public:
  // One letter for the severity, then the text.
  std::vector<std::string> lines;

  void log(Severity severity, const char* text) noexcept override {
    lines.push_back(std::string(1, "FEWIV"[static_cast<int>(severity)]) + " " + text);
  }
  // Whether a line has this severity and this part.
  [[nodiscard]] bool has(char severity, const std::string& part) const {
    for (const std::string& line : lines) {
      if (line[0] == severity && line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

// The controls of the fake driver. The loader provides it as the driver.
struct Gpu {
  Gpu() {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW);
    if (driver == nullptr) qdq::detail::give_up("the tests need the folder of the fake libcuda.so.1 in LD_LIBRARY_PATH");
    find(driver, "fake_cuda_reset", reset);
    find(driver, "fake_cuda_fail", fail);
    find(driver, "fake_cuda_devices", devices);
    find(driver, "fake_cuda_protect", protect);
    find(driver, "fake_cuda_calls", calls);
    find(driver, "fake_cuda_live", live);
    find(driver, "fake_cuda_retained", retained);
    find(driver, "fake_cuda_depth", depth);
    find(driver, "fake_cuda_errors", errors);
    find(driver, "fake_cuda_report", report);
    find(driver, "cuPointerGetAttribute", attribute);
    find(driver, "cuInit", init);
    find(driver, "cuDevicePrimaryCtxRetain", retain);
    find(driver, "cuDevicePrimaryCtxRelease_v2", release);
    find(driver, "cuCtxPushCurrent_v2", push);
    find(driver, "cuCtxPopCurrent_v2", pop);
  }
  template <typename Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) qdq::detail::give_up(name);
  }
  // Whether nothing is left and nothing was misused.
  bool is_clean() const { return live() == 0 && retained() == 0 && depth() == 0 && errors() == 0; }

  void (*reset)();
  void (*fail)(const char*, int, int);
  void (*devices)(int);
  void (*protect)(int);
  int (*calls)(const char*);
  std::size_t (*live)();
  int (*retained)();
  int (*depth)();
  int (*errors)();
  const char* (*report)();
  int (*attribute)(void*, int, unsigned long long);
  int (*init)(unsigned);
  int (*retain)(void**, int);
  int (*release)(int);
  int (*push)(void*);
  int (*pop)(void**);
};

inline Gpu& gpu() {
  static Gpu gpu;
  return gpu;
}

// The primary context of a device, current in this thread.
class Current {
 public:
  explicit Current(int device) : device_(device) {
    void* context = nullptr;
    if (gpu().init(0) != 0 || gpu().retain(&context, device) != 0 || gpu().push(context) != 0) {
      qdq::detail::give_up("the fake driver has no such context");
    }
  }
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;
  ~Current() {
    void* context = nullptr;
    gpu().pop(&context);
    gpu().release(device_);
  }

 private:
  int device_;
};

// Reads device memory, which the host cannot access, and returns whether there is that much.
inline bool read_device(void* to, const void* from, std::size_t size) {
  const unsigned long long address = reinterpret_cast<std::uintptr_t>(from);
  unsigned long long start = 0;
  std::size_t room = 0;
  if (gpu().attribute(&start, 11, address) != 0 || gpu().attribute(&room, 12, address) != 0) return false;
  if (address + size > start + room) return false;
  gpu().protect(0);
  std::memcpy(to, from, size);
  gpu().protect(1);
  return true;
}

inline nvinfer1::Dims dims(std::initializer_list<int> sizes) {
  nvinfer1::Dims out{};
  for (const int size : sizes) out.d[out.nbDims++] = size;
  return out;
}

// A network whose inputs are each followed by a ReLU, and its builder.
class Build {
 public:
  explicit Build(std::uint32_t flags = 1) {
    gpu().reset();
    gpu().protect(1);
    nvinfer1::standin::read_device = read_device;
    builder_.reset(static_cast<nvinfer1::IBuilder*>(createInferBuilder_INTERNAL(&logger, NV_TENSORRT_VERSION)));
    network_.reset(builder_->createNetworkV2(flags));
    config_.reset(builder_->createBuilderConfig());
  }

  Build& input(const char* name, std::initializer_list<int> shape, nvinfer1::DataType type = nvinfer1::DataType::kFLOAT) {
    auto* tensor = network_->addInput(name, type, dims(shape));
    auto* layer = network_->addActivation(*tensor, nvinfer1::ActivationType::kRELU);
    layer->getOutput(0)->setName((std::string(name) + "_relu").c_str());
    return *this;
  }
  nvinfer1::INetworkDefinition& network() { return *network_; }
  nvinfer1::IOptimizationProfile& profile(const char* name, std::initializer_list<int> optimal) {
    auto* profile = builder_->createOptimizationProfile();
    profile->setDimensions(name, nvinfer1::OptProfileSelector::kOPT, dims(optimal));
    config_->standin.calibration_profile = profile;
    return *profile;
  }
  trt::CalibratorOptions::Builder options() { return std::move(trt::CalibratorOptions::make().logger(logger)); }

  // Runs the builder's part. Returns false if the build would give no engine.
  bool run(nvinfer1::IInt8Calibrator* calibrator) {
    config_->standin.calibrator = calibrator;
    config_->standin.batches.clear();
    return nvinfer1::standin::calibrate(*network_, *config_, &logger);
  }
  // Returns the values of an input that the builder has read, batch by batch.
  std::vector<Floats> seen(const char* name) {
    std::vector<Floats> out;
    for (auto& batch : config_->standin.batches) out.push_back(batch[name]);
    return out;
  }

  Logger logger;

 private:
  trt::Owner<nvinfer1::IBuilder> builder_;
  trt::Owner<nvinfer1::INetworkDefinition> network_;
  trt::Owner<nvinfer1::IBuilderConfig> config_;
};

// Makes batches for the input "x" with 2 floats per sample, which count up from 1. There is one batch per
// number of samples.
inline Batches counting(const Specs& inputs, std::vector<int> samples) {
  float next = 1;
  std::size_t at = 0;
  return Batches::from_callback(inputs,
                                [=](Batch& batch) mutable -> Result<bool> {
                                  if (at == samples.size()) return false;
                                  const auto count = static_cast<std::size_t>(samples[at++]);
                                  Floats values;
                                  while (values.size() < 2 * count) values.push_back(next++);
                                  auto set = batch.set("x", {values.data(), {static_cast<std::int64_t>(count), 2}});
                                  if (!set) return std::move(set).error();
                                  return true;
                                })
      .value();
}

inline std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

#endif
