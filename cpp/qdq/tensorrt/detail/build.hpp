// The steps between an ONNX model and an engine.
#ifndef QDQ_TENSORRT_DETAIL_BUILD_HPP
#define QDQ_TENSORRT_DETAIL_BUILD_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/buffer.hpp>
#include <qdq/tensorrt/detail/files.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/parser.hpp>
#include <qdq/tensorrt/detail/quantized_types.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/library.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// Makes a network without layers, of the kind that ONNX's parser fills.
inline Result<Owner<nvinfer1::INetworkDefinition>> new_network(nvinfer1::IBuilder& builder, Logger& logger,
                                                               [[maybe_unused]] bool strongly_typed = false) {
  nvinfer1::NetworkDefinitionCreationFlags flags = 0;
#if QDQ_TRT_HAS_IMPLICIT_BATCH
  flags = 1U << static_cast<std::uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#endif
#if QDQ_TRT_HAS_STRONG_TYPES
  if (strongly_typed) flags |= 1U << static_cast<std::uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  if (strongly_typed && !QDQ_TRT_STRONGLY_TYPED) {
    return Error(Status::Unsupported, compiled.text() + " has no strongly typed networks", "use TensorRT 9 or newer");
  }
#endif
  Owner<nvinfer1::INetworkDefinition> network(builder.createNetworkV2(flags));
  if (network) return network;
  return logger.error("TensorRT makes no network", "see what it logged");
}

#if QDQ_TRT_HAS_PARSER
/// Returns the reason why the parser refused a model.
inline Error parse_error(nvonnxparser::IParser& parser, const std::string& model, Logger& logger) {
  std::string why;
  for (int i = 0; i < parser.getNbErrors() && i < 3; ++i) {
    why += (i == 0 ? ": " : "; ") + std::string(parser.getError(i)->desc());
  }
  const char* remedy = "check that this version of TensorRT supports the model's operators and opset";
  return why.empty() ? logger.error("TensorRT cannot parse '" + model + "'", remedy)
                     : Error(Status::TensorRt, "TensorRT cannot parse '" + model + "'" + why, remedy);
}
#endif

/// Configures the builder by the options.
class Configuration {
 public:
  [[nodiscard]] static Result<Configuration> make(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                  const EngineOptions& options, QuantizedTypes types, Logger& logger) {
    Configuration out;
    out.config_.reset(builder.createBuilderConfig());
    if (!out.config_) return logger.error("TensorRT makes no builder configuration", "see what it logged");
    QDQ_TRY(out.set_precision(network, options, types));
    QDQ_TRY(out.set_verbosity(options));
    if (options.workspace) out.set_workspace(*options.workspace);
    QDQ_TRY(out.set_profiles(builder, network, options));
    QDQ_TRY(out.set_capabilities(options));
    QDQ_TRY(out.read_timing_cache(options));
    if (options.configure) options.configure(builder, network, *out.config_);
    return out;
  }

  nvinfer1::IBuilderConfig& operator*() const { return *config_; }

  /// Writes the times that the build has measured.
  [[nodiscard]] Result<void> write_timing_cache(const EngineOptions& options) const {
#if QDQ_TRT_HAS_TIMING_CACHE
    const nvinfer1::ITimingCache* cache = options.timing_cache.empty() ? nullptr : config_->getTimingCache();
    const Owner<nvinfer1::IHostMemory> bytes(cache == nullptr ? nullptr : cache->serialize());
    if (bytes) return write_file(options.timing_cache, Bytes(bytes->data(), bytes->size()));
#endif
    static_cast<void>(options);
    return {};
  }

 private:
  // Layers of a strongly typed network compute in the types of their inputs: TensorRT refuses flags that
  // request other types.
  Result<void> set_precision([[maybe_unused]] const nvinfer1::INetworkDefinition& network,
                             [[maybe_unused]] const EngineOptions& options, [[maybe_unused]] QuantizedTypes types) {
    if (is_strongly_typed(network)) return {};
#if !QDQ_TRT_STRONGLY_TYPED
    QDQ_TRT_DEPRECATED_BEGIN
    if (types.int8) config_->setFlag(nvinfer1::BuilderFlag::kINT8);
#if QDQ_TRT_QDQ_HAS_TYPE
    if (types.fp8) config_->setFlag(nvinfer1::BuilderFlag::kFP8);
#endif
    if (options.fp16) config_->setFlag(nvinfer1::BuilderFlag::kFP16);
#if QDQ_TRT_QDQ_HAS_TYPE
    if (options.bf16) config_->setFlag(nvinfer1::BuilderFlag::kBF16);
#else
    if (options.bf16) {
      return Error(Status::Unsupported, compiled.text() + " has no bfloat16", "use fp16, or TensorRT 9 or newer");
    }
#endif
    QDQ_TRT_DEPRECATED_END
#endif
    return {};
  }

  Result<void> set_verbosity(const EngineOptions& options) {
    if (!options.detailed) return {};
#if QDQ_TRT_HAS_INSPECTOR
    config_->setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
    return {};
#else
    return Error(Status::Unsupported, compiled.text() + " keeps no details of layers in engines",
                 "leave the details out, or use TensorRT 8.2 or newer");
#endif
  }

  void set_workspace(std::size_t bytes) {
#if QDQ_TRT_HAS_MEMORY_POOLS
    config_->setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, bytes);
#else
    config_->setMaxWorkspaceSize(bytes);
#endif
  }

  Result<void> set_profiles(nvinfer1::IBuilder& builder, const nvinfer1::INetworkDefinition& network,
                            const EngineOptions& options) {
    using nvinfer1::OptProfileSelector;
    for (const auto& shapes : options.profiles) {
      nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
      for (const InputShapes& one : shapes) {
        const char* name = one.input.c_str();
        if (!has_input(network, one.input)) return no_input(network, one.input);
        if (!profile->setDimensions(name, OptProfileSelector::kMIN, dims_of(one.min)) ||
            !profile->setDimensions(name, OptProfileSelector::kOPT, dims_of(one.opt)) ||
            !profile->setDimensions(name, OptProfileSelector::kMAX, dims_of(one.max))) {
          return refused(one.input);
        }
      }
      if (config_->addOptimizationProfile(profile) < 0) return refused(shapes.empty() ? "" : shapes.front().input);
    }
    for (int i = 0; options.profiles.empty() && i < network.getNbInputs(); ++i) {
      const nvinfer1::ITensor& input = *network.getInput(i);
      for (const std::int64_t size : shape_of(input.getDimensions()).value_or(std::vector<std::int64_t>())) {
        if (size != dynamic) continue;
        return Error(Status::InvalidArgument,
                     "input '" + std::string(input.getName()) + "' has a shape that is decided at run time",
                     "give the shapes that it may have: EngineOptions::profiles, or `--shapes NAME=MIN:OPT:MAX`");
      }
    }
    return {};
  }

  static bool has_input(const nvinfer1::INetworkDefinition& network, const std::string& name) {
    for (int i = 0; i < network.getNbInputs(); ++i) {
      if (network.getInput(i)->getName() == name) return true;
    }
    return false;
  }

  static Error no_input(const nvinfer1::INetworkDefinition& network, const std::string& name) {
    std::string names;
    for (int i = 0; i < network.getNbInputs(); ++i) {
      names += (i == 0 ? "'" : ", '") + std::string(network.getInput(i)->getName()) + "'";
    }
    return Error(Status::InvalidArgument, "a profile has shapes for '" + name + "', which is no input of the network",
                 "its inputs are " + names);
  }

  static Error refused(const std::string& input) {
    return Error(Status::InvalidArgument, "TensorRT refused the shapes of input '" + input + "'",
                 "give min <= opt <= max of its rank; fixed sizes must be the model's");
  }

  Result<void> set_capabilities(const EngineOptions& options) {
    if (options.compute_capabilities.empty()) return {};
#if QDQ_TRT_HAS_COMPUTE_CAPABILITY
    bool taken = config_->setNbComputeCapabilities(static_cast<std::int32_t>(options.compute_capabilities.size()));
    std::int32_t index = 0;
    for (const int capability : options.compute_capabilities) {
      taken = taken && config_->setComputeCapability(static_cast<nvinfer1::ComputeCapability>(capability), index++);
    }
    if (taken) return {};
    return Error(Status::InvalidArgument, compiled.text() + " does not build for one of the compute capabilities given",
                 "give those that it knows, such as 75, 80, 86, 89 or 120");
#else
    return Error(Status::Unsupported, compiled.text() + " builds for the GPU of this machine only",
                 "leave the compute capability out, or use TensorRT-RTX");
#endif
  }

  Result<void> read_timing_cache(const EngineOptions& options) {
    if (options.timing_cache.empty()) return {};
#if QDQ_TRT_HAS_TIMING_CACHE
    QDQ_TRY_AS(bytes, exists(options.timing_cache) ? read_file(options.timing_cache) : std::string());
    timing_.reset(config_->createTimingCache(bytes->data(), bytes->size()));
    // The cache is of another version or GPU: the times are measured anew.
    if (!timing_) timing_.reset(config_->createTimingCache(nullptr, 0));
    if (timing_ && config_->setTimingCache(*timing_, false)) return {};
    return Error(Status::TensorRt, "TensorRT refused the timing cache '" + options.timing_cache + "'", "delete the file");
#else
    return Error(Status::Unsupported, compiled.text() + " keeps no timing cache", "leave the timing cache out");
#endif
  }

#if QDQ_TRT_HAS_TIMING_CACHE
  Owner<nvinfer1::ITimingCache> timing_;
#endif
  Owner<nvinfer1::IBuilderConfig> config_;
};

/// Builds the network and returns the serialized engine.
inline Result<Owner<nvinfer1::IHostMemory>> serialize(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                      nvinfer1::IBuilderConfig& config, Logger& logger) {
#if QDQ_TRT_HAS_QDQ
  Owner<nvinfer1::IHostMemory> bytes(builder.buildSerializedNetwork(network, config));
#else
  const Owner<nvinfer1::ICudaEngine> engine(builder.buildEngineWithConfig(network, config));
  Owner<nvinfer1::IHostMemory> bytes(engine ? engine->serialize() : nullptr);
#endif
  if (bytes) return bytes;
  return logger.error("TensorRT cannot build the engine", "see what it logged");
}

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
