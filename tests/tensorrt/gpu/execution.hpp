// An engine that runs on the GPU, for TensorRT 8.5 and newer, whose engines have tensor names.
#ifndef EXECUTION_HPP
#define EXECUTION_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "../good.hpp"

/// Converts sizes to TensorRT's type.
inline nvinfer1::Dims dims(const std::vector<std::int64_t>& sizes) {
  nvinfer1::Dims out{};
  out.nbDims = static_cast<std::int32_t>(sizes.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    out.d[axis] = static_cast<std::remove_reference_t<decltype(out.d[axis])>>(sizes[axis]);
  }
  return out;
}

/// A block of the GPU's memory.
class Block {
 public:
  Block(qdq::trt::detail::DeviceMemory& memory, std::size_t bytes) : memory_(memory) {
    good(memory_.allocate(bytes, data_));
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { static_cast<void>(memory_.free(data_)); }

  [[nodiscard]] void* data() const { return data_; }

 private:
  qdq::trt::detail::DeviceMemory& memory_;
  void* data_ = nullptr;
};

/// An engine that is ready to run, one batch at a time. A failure ends the program.
class Execution {
 public:
  /// `library` is the path of the TensorRT that built the engine. The logger must outlive this object.
  Execution(const std::string& library, nvinfer1::ILogger& logger, const qdq::trt::Engine& bytes)
      : memory_(good(qdq::trt::detail::open_cuda())) {
    void* (*create)(void*, std::int32_t) = nullptr;
    good(good(qdq::trt::detail::SharedLibrary::open(library)).find("createInferRuntime_INTERNAL", create));
    runtime_ = made(static_cast<nvinfer1::IRuntime*>(create(&logger, NV_TENSORRT_VERSION)), "no runtime");
    engine_ = made(runtime_->deserializeCudaEngine(bytes.data(), bytes.size()), "the engine cannot be loaded");
    context_ = made(engine_->createExecutionContext(), "the engine gives no context");
  }

  /// Returns the floating-point outputs of one batch.
  qdq::Batch run(const qdq::Batch& batch) {
    std::map<std::string, Block> blocks;
    for (auto [name, tensor] : batch) {
      const std::string input(name);
      const auto shape = dims({tensor.shape().begin(), tensor.shape().end()});
      must(context_->setInputShape(input.c_str(), shape), "the engine refuses the shape of " + input);
      const std::size_t bytes = good(qdq::trt::detail::host_bytes(name, tensor));
      good(memory_->copy(bound(blocks, input, bytes), tensor.data(), bytes));
    }
    std::vector<std::string> outputs;
    for (std::int32_t i = 0; i < engine_->getNbIOTensors(); ++i) {
      const std::string name = engine_->getIOTensorName(i);
      if (engine_->getTensorIOMode(name.c_str()) != nvinfer1::TensorIOMode::kOUTPUT) continue;
      must(engine_->getTensorDataType(name.c_str()) == nvinfer1::DataType::kFLOAT, name + " is no float tensor");
      bound(blocks, name, elements(name) * sizeof(float));
      outputs.push_back(name);
    }
    must(context_->enqueueV3(nullptr), "the engine does not run");

    qdq::Batch out;
    for (const auto& name : outputs) {
      std::vector<float> host(elements(name));
      good(memory_->read(host.data(), blocks.at(name).data(), host.size() * sizeof(float)));
      good(out.set(name, qdq::TensorView(host.data(), shape(name))));
    }
    return out;
  }

  /// Returns the number of layers that compute or output INT8, from the engine's own description. Only an
  /// engine built with ProfilingVerbosity::kDETAILED has it.
  [[nodiscard]] std::size_t int8_layers() const {
    std::unique_ptr<nvinfer1::IEngineInspector> inspector(made(engine_->createEngineInspector(), "no inspector"));
    std::size_t count = 0;
    for (std::int32_t i = 0; i < engine_->getNbLayers(); ++i) {
      const std::string told = inspector->getLayerInformation(i, nvinfer1::LayerInformationFormat::kJSON);
      count += told.find("Int8") != std::string::npos;
    }
    return count;
  }
  /// Returns the kernels of the engine, from the same description. For RTX they are in the engine's bytes.
  [[nodiscard]] qdq::EngineCost cost() const { return good(qdq::trt::engine_cost(*engine_)); }
  [[nodiscard]] std::size_t layers() const { return static_cast<std::size_t>(engine_->getNbLayers()); }

 private:
  static void must(bool holds, const std::string& what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
  }
  template <typename T>
  static std::unique_ptr<T> made(T* object, const char* what) {
    must(object != nullptr, what);
    return std::unique_ptr<T>(object);
  }

  // Allocates memory for a tensor and sets its address in the engine.
  void* bound(std::map<std::string, Block>& blocks, const std::string& name, std::size_t bytes) {
    auto& block = blocks.try_emplace(name, *memory_, bytes).first->second;
    must(context_->setTensorAddress(name.c_str(), block.data()), "the engine refuses the memory of " + name);
    return block.data();
  }

  [[nodiscard]] std::vector<std::int64_t> shape(const std::string& name) const {
    const nvinfer1::Dims dims = context_->getTensorShape(name.c_str());
    return {dims.d, dims.d + dims.nbDims};
  }
  [[nodiscard]] std::size_t elements(const std::string& name) const {
    const auto sizes = shape(name);
    return static_cast<std::size_t>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>()));
  }

  // The context is destroyed before the engine, and the engine before the runtime.
  std::unique_ptr<qdq::trt::detail::DeviceMemory> memory_;
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
};

#endif
