// Engines in one call.
#ifndef QDQ_TENSORRT_ENGINE_HPP
#define QDQ_TENSORRT_ENGINE_HPP

#include <cstddef>
#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/cache.hpp>
#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator.hpp>
#include <qdq/tensorrt/detail/build.hpp>
#include <qdq/tensorrt/detail/quantize_network.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/library.hpp>

namespace qdq::trt {

/// A serialized engine, for IRuntime::deserializeCudaEngine() or a file.
class Engine {
 public:
  explicit Engine(Owner<nvinfer1::IHostMemory> bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] const void* data() const noexcept { return bytes_->data(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_->size(); }
  /// Writes a file, whole or not at all.
  [[nodiscard]] Result<void> write(const std::string& path) const { return write_file(path, Bytes(data(), size())); }

 private:
  Owner<nvinfer1::IHostMemory> bytes_;
};

namespace detail {

// One build: everything that must live until its end.
class Build {
 public:
  Build(const EngineOptions& options, const Library& library)
      : options_(options), library_(library), logger_(options.logger) {}

  Result<Engine> from_model(const Model& model, const std::string& name, const Ranges* ranges) {
    auto bytes = model.to_bytes();
    if (!bytes) return std::move(bytes).error();
    return from_bytes(Bytes(bytes->data(), bytes->size()), name, ranges);
  }

  // The INT8 engine of a float model by its ranges.
  Result<Engine> from_float(const Model& model, const std::string& name, const Ranges& ranges) {
    if (!inserts_qdq(options_)) return from_model(model, name, &ranges);
    auto plan = model.plan(options_.policy, ranges);
    if (!plan) return std::move(plan).error();
    auto weights = QuantizeOptions::make().weight_method(options_.weight_method).build();
    if (!weights) return std::move(weights).error();
    auto quantized = model.quantize(*plan, ranges, *weights);
    if (!quantized) return std::move(quantized).error();
    return from_model(*quantized, name, nullptr);
  }

  // The engine of a model file's content, quantized by the ranges where there are some.
  Result<Engine> from_bytes(Bytes model, const std::string& name, const Ranges* ranges) {
    auto builder = library_.builder(logger_);
    if (!builder) return std::move(builder).error();
    auto network = new_network(**builder, logger_);
    if (!network) return std::move(network).error();
    auto parser = library_.parser(**network, logger_);
    if (!parser) return std::move(parser).error();
    if (!(*parser)->parse(model.data(), model.size())) return parse_error(**parser, name, logger_);
    return from_network(**builder, **network, ranges);
  }

  Result<Engine> from_network(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network, const Ranges* ranges) {
    auto memory = quantize_network(network, ranges, options_);
    if (!memory) return std::move(memory).error();
    const bool int8 = ranges != nullptr || has_quantize(network);
    auto configuration = Configuration::make(builder, network, options_, int8, logger_);
    if (!configuration) return std::move(configuration).error();
    return finish(builder, network, *configuration);
  }

#if QDQ_TRT_HAS_CALIBRATOR
  // The engine of a float network that TensorRT calibrates itself.
  Result<Engine> with_calibrator(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                 EntropyCalibrator2& calibrator, const nvinfer1::IOptimizationProfile* profile) {
    auto configuration = Configuration::make(builder, network, options_, true, logger_);
    if (!configuration) return std::move(configuration).error();
    QDQ_TRT_DEPRECATED_BEGIN
    (**configuration).setInt8Calibrator(&calibrator);
    if (profile != nullptr) (**configuration).setCalibrationProfile(profile);
    QDQ_TRT_DEPRECATED_END
    auto engine = finish(builder, network, *configuration);
    if (const Error* failure = calibrator.failure()) return Error(failure->status(), failure->message(), failure->remedy());
    return engine;
  }
#endif

 private:
  Result<Engine> finish(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                        const Configuration& configuration) {
    auto bytes = serialize(builder, network, *configuration, logger_);
    if (!bytes) return std::move(bytes).error();
    if (auto written = configuration.write_timing_cache(options_); !written) return std::move(written).error();
    return Engine(*std::move(bytes));
  }

  const EngineOptions& options_;
  const Library& library_;
  Logger logger_;
};

}  // namespace detail

/// Builds the engine of an ONNX model as it is: of one with Quantize and Dequantize in it, or in float.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  if (auto fits = library.check(); !fits) return std::move(fits).error();
  auto opened = Model::open(model);
  if (!opened) return std::move(opened).error();
  return detail::Build(options, library).from_model(*opened, model, nullptr);
}

/// Builds the INT8 engine of a float ONNX model by the ranges of its activations.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const Ranges& ranges,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  if (auto fits = library.check(); !fits) return std::move(fits).error();
  auto opened = Model::open(model);
  if (!opened) return std::move(opened).error();
  return detail::Build(options, library).from_float(*opened, model, ranges);
}

/// The same by a calibration cache of an older deployment.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const Cache& cache,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  auto ranges = cache.to_ranges();
  if (!ranges) return std::move(ranges).error();
  return build_engine(model, *ranges, options, library);
}

/// Calibrates a float ONNX model over all batches and builds its INT8 engine. qdq runs the model, on the CPU.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, Batches& batches,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  if (auto fits = library.check(); !fits) return std::move(fits).error();
  auto opened = Model::open(model);
  if (!opened) return std::move(opened).error();
  auto plan = opened->plan(options.policy);
  if (!plan) return std::move(plan).error();
  // Without Q/DQ layers TensorRT decides what to quantize, and every activation may need its range.
  auto stats = opened->calibrate(*plan, batches, !detail::inserts_qdq(options), options.run);
  if (!stats) return std::move(stats).error();
  auto ranges = plan->ranges(*stats, options.method);
  if (!ranges) return std::move(ranges).error();
  return detail::Build(options, library).from_float(*opened, model, *ranges);
}

/// Builds the INT8 engine of a float network by the ranges of its tensors. The network is changed: see insert_qdq() and
/// set_dynamic_ranges().
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const Ranges& ranges, const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  return detail::Build(options, library).from_network(builder, network, &ranges);
}

/// The same by a calibration cache of an older deployment.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const Cache& cache, const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  auto ranges = cache.to_ranges();
  if (!ranges) return std::move(ranges).error();
  return build_engine(builder, network, *ranges, options, library);
}

/// Builds the engine of a network as it is: of one with Quantize and Dequantize in it, or in float.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  return detail::Build(options, library).from_network(builder, network, nullptr);
}

#if QDQ_TRT_HAS_CALIBRATOR
/// Builds the INT8 engine of a float network with batches that TensorRT calibrates itself, on the GPU; inputs() gives the
/// specs for them. To TensorRT 10. Where the calibration fails, that is the error, even if TensorRT builds an engine of half
/// the data.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 Batches batches, const CalibratorOptions& calibration,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  auto calibrator = EntropyCalibrator2::from_batches(network, std::move(batches), calibration, library);
  if (!calibrator) return std::move(calibrator).error();
  return detail::Build(options, library).with_calibrator(builder, network, **calibrator, calibration.profile());
}
#endif

}  // namespace qdq::trt

#endif
