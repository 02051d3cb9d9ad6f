// The build of one engine.
#ifndef QDQ_TENSORRT_DETAIL_ENGINE_BUILD_HPP
#define QDQ_TENSORRT_DETAIL_ENGINE_BUILD_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator.hpp>
#include <qdq/tensorrt/detail/build.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/detail/quantize_network.hpp>
#include <qdq/tensorrt/detail/quantized_types.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/serialized_engine.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The objects that must live until the end of a build.
class Build {
 public:
  Build(const EngineOptions& options, const Library& library)
      : options_(options), library_(library), logger_(options.logger), notes_(&logger_) {}

#if QDQ_TRT_HAS_PARSER
  /// Builds the engine of a float model that is calibrated over all batches.
  Result<Engine> from_batches(const Model& model, const std::string& name, Batches& batches) {
    QDQ_TRY_AS(policy, policy_of(options_));
    QDQ_TRY_AS(plan, model.plan(*policy));
    // Without Q/DQ layers TensorRT decides which layers to quantize, and every activation may need its range.
    // A cast judges every activation too.
    QDQ_TRY_AS(stats, model.calibrate(*plan, batches, !inserts_qdq(options_) || casts(), *options_.run));
    QDQ_TRY(notes_.add(*stats));
    // With Q/DQ layers, from_float() plans again by the ranges and adds the findings of that plan, which
    // include these.
    if (!inserts_qdq(options_)) {
      QDQ_TRY(notes_.add(*plan));
    }
    QDQ_TRY_AS(ranges, plan->ranges(*stats, options_.method));
    stats_ = *std::move(stats);
    return from_float(model, name, *ranges);
  }

  /// Builds the INT8 engine of a float model with its ranges.
  Result<Engine> from_float(const Model& model, const std::string& name, const Ranges& ranges) {
    QDQ_TRY(notes_.add(ranges));
    if (!inserts_qdq(options_)) return from_model(model, name, &ranges);
    QDQ_TRY_AS(policy, policy_of(options_));
    QDQ_TRY_AS(for_shapes, for_profiles(model, *policy, ranges));
    const Ranges& fitting = *for_shapes ? **for_shapes : ranges;
    QDQ_TRY_AS(plan, model.plan(*policy, fitting));
    QDQ_TRY(notes_.add(*plan));
    auto options = QuantizeOptions::make();
    options.weight_method(options_.weight_method);
    if (casts()) options.half_scales(half_of(options_));
    QDQ_TRY_AS(weights, options.build());
    QDQ_TRY_AS(quantized, model.quantize(*plan, fitting, *weights));
    plan_ = *std::move(plan);
    if (!casts()) return from_model(*quantized, name, nullptr);
    return cast(*quantized, name, &fitting);
  }

  /// Builds the engine of a model as it is, except for half precision.
  Result<Engine> unchanged(const Model& model, const std::string& name) {
    return casts() ? cast(model, name, nullptr) : from_model(model, name, nullptr);
  }

  Result<Engine> from_model(const Model& model, const std::string& name, const Ranges* ranges) {
    QDQ_TRY_AS(bytes, model.to_bytes());
    return from_bytes(Bytes(bytes->data(), bytes->size()), name, ranges);
  }

  /// Builds the engine of a model file's content, quantized by the ranges if there are any.
  Result<Engine> from_bytes(Bytes model, const std::string& name, const Ranges* ranges) {
    QDQ_TRY_AS(builder, library_.builder(logger_));
    QDQ_TRY_AS(network, new_network(**builder, logger_, options_.strongly_typed));
    QDQ_TRY_AS(parser, library_.parser(**network, logger_));
    if (!(*parser)->parse(model.data(), model.size())) return parse_error(**parser, name, logger_);
    return from_network(**builder, **network, ranges);
  }
#endif

  Result<Engine> from_network(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network, const Ranges* ranges) {
    EngineOptions options = options_;
    if (is_cast_) options.fp16 = options.bf16 = false;
    const Stats* stats = stats_ ? &*stats_ : nullptr;
    if (ranges != nullptr) {
      QDQ_TRY_AS(quantized, quantize_network(network, *ranges, stats, options, logger_, notes_));
      memory_ = std::move(quantized->memory);
      plan_ = std::move(quantized->plan);
    } else {
      QDQ_TRY(halve_network(network, options, {stats, nullptr, nullptr, {}}, memory_, notes_));
    }
    QuantizedTypes types = quantized_types(network);
    types.int8 = types.int8 || (ranges != nullptr && !inserts_qdq(options, network));
    QDQ_TRY_AS(configuration, Configuration::make(builder, network, options, types, logger_));
    return finish(builder, network, *configuration);
  }

#if QDQ_TRT_HAS_CALIBRATOR
  /// Builds the engine of a float network that TensorRT itself calibrates.
  Result<Engine> with_calibrator(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                 EntropyCalibrator2& calibrator, const nvinfer1::IOptimizationProfile* profile) {
    QDQ_TRY(takes_ranges(network));
    QDQ_TRY_AS(configuration, Configuration::make(builder, network, options_, {true, false}, logger_));
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
  /// Returns whether half precision changes the model: its network computes in its own types.
  [[nodiscard]] bool casts() const noexcept {
    return (options_.fp16 || options_.bf16) && (QDQ_TRT_STRONGLY_TYPED || options_.strongly_typed);
  }

#if QDQ_TRT_HAS_PARSER
  /// Returns the ranges for the largest shapes of the profiles, which decide on attentions of dynamic length;
  /// nothing if there are no profiles.
  Result<std::optional<Ranges>> for_profiles(const Model& model, const Policy& policy, const Ranges& ranges) const {
    std::optional<Ranges> fitting;
    if (options_.profiles.empty()) return fitting;
    QDQ_TRY_AS(whole, model.plan(policy));
    std::map<std::string, std::vector<std::int64_t>> largest;
    for (const auto& shapes : options_.profiles) {
      for (const InputShapes& one : shapes) {
        auto& shape = largest[one.input];
        shape.resize(std::max(shape.size(), one.max.size()));
        for (std::size_t axis = 0; axis < one.max.size(); ++axis) shape[axis] = std::max(shape[axis], one.max[axis]);
      }
    }
    for (const auto& [input, shape] : largest) {
      QDQ_TRY_AS(next, whole->ranges_for_shape(fitting ? *fitting : ranges, input, shape));
      fitting = *std::move(next);
    }
    return fitting;
  }

  /// Casts the model by the statistics and the ranges that are known, and builds its engine.
  Result<Engine> cast(const Model& model, const std::string& name, const Ranges* ranges) {
    QDQ_TRY_AS(precision, precision_of(options_));
    auto halved = stats_   ? model.cast(*precision, *stats_)
                  : ranges ? model.cast(*precision, *ranges)
                           : model.cast(*precision);
    if (!halved) return std::move(halved).error();
    QDQ_TRY(notes_.add(halved->plan));
    is_cast_ = true;
    return from_model(halved->model, name, nullptr);
  }
#endif

  Result<Engine> finish(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                        const Configuration& configuration) {
    QDQ_TRY_AS(bytes, serialize(builder, network, *configuration, logger_));
    QDQ_TRY(configuration.write_timing_cache(options_));
    return Engine(*std::move(bytes), std::move(memory_), std::move(plan_), notes_.take());
  }

  const EngineOptions& options_;
  [[maybe_unused]] const Library& library_;  // Used for models only.
  Logger logger_;
  Notes notes_;
  WeightMemory memory_;
  std::optional<Plan> plan_;
  std::optional<Stats> stats_;
  bool is_cast_ = false;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
