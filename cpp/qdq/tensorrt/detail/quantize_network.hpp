// Quantization of a network in the way that its TensorRT supports.
#ifndef QDQ_TENSORRT_DETAIL_QUANTIZE_NETWORK_HPP
#define QDQ_TENSORRT_DETAIL_QUANTIZE_NETWORK_HPP

#include <optional>
#include <utility>

#include <NvInfer.h>

#include <qdq/known_values.hpp>
#include <qdq/plan.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/tensorrt/cast.hpp>
#include <qdq/tensorrt/detail/formats.hpp>
#include <qdq/tensorrt/detail/insertion.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/dynamic_range.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// Returns whether Quantize and Dequantize layers specify the layers to run in INT8.
inline bool inserts_qdq(const EngineOptions& options) noexcept {
  return options.way == Way::Qdq || (options.way == Way::Auto && QDQ_TRT_HAS_QDQ);
}

/// Does the same for a network, whose kind may not allow such layers.
inline bool inserts_qdq(const EngineOptions& options, const nvinfer1::INetworkDefinition& network) noexcept {
  return inserts_qdq(options) && !(options.way == Way::Auto && has_implicit_batch(network));
}

/// Returns the options' policy for the product that builds the engine.
inline Result<Policy> policy_of(const EngineOptions& options) {
  return options.policy->edit().target(QDQ_TRT_RTX ? Target::Rtx : Target::TensorRt).build();
}

/// Returns the 16-bit type that the builder's options name.
inline Half half_of(const EngineOptions& options) noexcept { return options.fp16 ? Half::F16 : Half::BF16; }

/// Returns the options' choices for half precision, with that type.
inline Result<PrecisionOptions> precision_of(const EngineOptions& options) {
  return options.precision->edit().half(half_of(options)).build();
}

/// Returns whether qdq itself brings half precision into a network.
inline bool halves(const EngineOptions& options, const nvinfer1::INetworkDefinition& network) {
  return (options.fp16 || options.bf16) && is_strongly_typed(network);
}

/// Refuses choices that do not fit the network, before it is changed.
inline Result<void> check_halves(const nvinfer1::INetworkDefinition& network, const Graph& graph,
                                 const EngineOptions& options) {
  if (!halves(options, network)) return {};
  if (options.precision->half_io()) QDQ_TRY(inputs_can_change(network));
  return graph.check(*options.precision);
}

/// Casts a strongly typed network if the options ask for half precision, and notes the findings of its plan.
inline Result<std::optional<PrecisionPlan>> halve_network(nvinfer1::INetworkDefinition& network,
                                                          const EngineOptions& options, const KnownValues& known,
                                                          WeightMemory& memory, Notes& notes) {
  if (!halves(options, network)) return std::optional<PrecisionPlan>();
  QDQ_TRY_AS(choices, precision_of(options));
  QDQ_TRY_AS(plan, cast_network(network, *choices, known, memory, false));
  QDQ_TRY(notes.add(*plan));
  return std::optional<PrecisionPlan>(*std::move(plan));
}

/// The scales and constants of a quantized network, and the plans.
struct QuantizedNetwork {
  WeightMemory memory;
  Plan plan;
  std::optional<PrecisionPlan> precision;
};

/// Quantizes the network by the ranges, and notes the layers that it leaves in float. `stats` may be NULL;
/// half precision is planned by them.
inline Result<QuantizedNetwork> quantize_network(nvinfer1::INetworkDefinition& network, const Ranges& ranges,
                                                 const Stats* stats, const EngineOptions& options, nvinfer1::ILogger& logger,
                                                 Notes& notes) {
  const bool inserts = inserts_qdq(options, network);
  if (inserts && !QDQ_TRT_HAS_QDQ) {
    return Error(Status::Unsupported, compiled.text() + " has no Quantize and Dequantize layers", "use Way::DynamicRange");
  }
  if (!inserts && !QDQ_TRT_HAS_CALIBRATOR) {
    return Error(Status::Unsupported, compiled.text() + " has no dynamic ranges", "use Way::Qdq");
  }
  QDQ_TRY_AS(fits, inserts ? takes_qdq(network) : takes_ranges(network));
  QDQ_TRY_AS(described, Network::describe(network));
  const Graph& graph = described->graph;
  QDQ_TRY(check_halves(network, graph, options));
  QDQ_TRY_AS(all, graph.spread(ranges));
  QDQ_TRY_AS(policy, policy_of(options));
  QDQ_TRY_AS(plan, graph.plan(*policy, *all));
  if (!inserts) QDQ_TRY(has_only_int8(*plan));
  QDQ_TRY(notes.add(*plan));
  WeightMemory memory;
#if QDQ_TRT_HAS_QDQ
  if (inserts) {
    const std::optional<Half> half = halves(options, network) ? std::optional<Half>(half_of(options)) : std::nullopt;
    Insertion insertion(network, *std::move(described), *plan, half, &logger);
    QDQ_TRY_AS(inserted, insertion.run(*all, options.weight_method));
    memory = *std::move(inserted);
  }
#endif
#if QDQ_TRT_HAS_CALIBRATOR
  if (!inserts) {
    QDQ_TRY(apply_ranges(network, *all, Log(&logger)));
  }
#endif
  static_cast<void>(logger);
  QDQ_TRY_AS(precision, halve_network(network, options, {stats, &*all, nullptr, {}}, memory, notes));
  return QuantizedNetwork{std::move(memory), *std::move(plan), *std::move(precision)};
}

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
