// One build of an engine.
#ifndef QDQ_TENSORRT_DETAIL_ENGINE_BUILD_HPP
#define QDQ_TENSORRT_DETAIL_ENGINE_BUILD_HPP

#include <optional>
#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator.hpp>
#include <qdq/tensorrt/detail/build.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/detail/quantize_network.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/serialized_engine.hpp>

namespace qdq::trt::detail {

/// Everything that must live until the end of a build.
class Build {
 public:
  Build(const EngineOptions& options, const Library& library)
      : options_(options), library_(library), logger_(options.logger), notes_(&logger_) {}

#if QDQ_TRT_HAS_PARSER
  /// The engine of a float model that is calibrated over all batches.
  Result<Engine> from_batches(const Model& model, const std::string& name, Batches& batches) {
    auto plan = model.plan(*options_.policy);
    if (!plan) return std::move(plan).error();
    // Without Q/DQ layers TensorRT decides what to quantize, and every activation may need its range.
    auto stats = model.calibrate(*plan, batches, !inserts_qdq(options_), *options_.run);
    if (!stats) return std::move(stats).error();
    if (auto done = notes_.add(*stats); !done) return std::move(done).error();
    // With Q/DQ layers those of the plan by ranges are added, which has them all.
    if (!inserts_qdq(options_)) {
      if (auto done = notes_.add(*plan); !done) return std::move(done).error();
    }
    auto ranges = plan->ranges(*stats, options_.method);
    if (!ranges) return std::move(ranges).error();
    return from_float(model, name, *ranges);
  }

  /// The INT8 engine of a float model by its ranges.
  Result<Engine> from_float(const Model& model, const std::string& name, const Ranges& ranges) {
    if (auto done = notes_.add(ranges); !done) return std::move(done).error();
    if (!inserts_qdq(options_)) return from_model(model, name, &ranges);
    auto plan = model.plan(*options_.policy, ranges);
    if (!plan) return std::move(plan).error();
    if (auto done = notes_.add(*plan); !done) return std::move(done).error();
    auto weights = QuantizeOptions::make().weight_method(options_.weight_method).build();
    if (!weights) return std::move(weights).error();
    auto quantized = model.quantize(*plan, ranges, *weights);
    if (!quantized) return std::move(quantized).error();
    plan_ = *std::move(plan);
    return from_model(*quantized, name, nullptr);
  }

  Result<Engine> from_model(const Model& model, const std::string& name, const Ranges* ranges) {
    auto bytes = model.to_bytes();
    if (!bytes) return std::move(bytes).error();
    return from_bytes(Bytes(bytes->data(), bytes->size()), name, ranges);
  }

  /// The engine of a model file's content, quantized by the ranges where there are some.
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
#endif

  Result<Engine> from_network(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network, const Ranges* ranges) {
    WeightMemory memory;
    if (ranges != nullptr) {
      auto quantized = quantize_network(network, *ranges, options_, logger_, notes_);
      if (!quantized) return std::move(quantized).error();
      memory = std::move(quantized->memory);
      plan_ = std::move(quantized->plan);
    }
    const bool int8 = ranges != nullptr || has_quantize(network);
    auto configuration = Configuration::make(builder, network, options_, int8, logger_);
    if (!configuration) return std::move(configuration).error();
    return finish(builder, network, *configuration);
  }

#if QDQ_TRT_HAS_CALIBRATOR
  /// The engine of a float network that TensorRT calibrates itself.
  Result<Engine> with_calibrator(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                 EntropyCalibrator2& calibrator, const nvinfer1::IOptimizationProfile* profile) {
    if (auto fits = takes_ranges(network); !fits) return std::move(fits).error();
    auto configuration = Configuration::make(builder, network, options_, true, logger_);
    if (!configuration) return std::move(configuration).error();
    QDQ_TRT_DEPRECATED_BEGIN(**configuration).setInt8Calibrator(&calibrator);
#if QDQ_TRT_HAS_CALIBRATION_PROFILE
    if (profile != nullptr) (**configuration).setCalibrationProfile(profile);
#else
    if (profile != nullptr) {
      return Error(Status::Unsupported, compiled.text() + " calibrates only networks of fixed shapes",
                   "use TensorRT 7.1 or newer, or give the network the shapes of the batches");
    }
#endif
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
    return Engine(*std::move(bytes), std::move(plan_), notes_.take());
  }

  const EngineOptions& options_;
  [[maybe_unused]] const Library& library_;  // For models alone.
  Logger logger_;
  Notes notes_;
  std::optional<Plan> plan_;
};

}  // namespace qdq::trt::detail

#endif
