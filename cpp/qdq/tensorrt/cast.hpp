// Half precision for a strongly typed network.
#ifndef QDQ_TENSORRT_CAST_HPP
#define QDQ_TENSORRT_CAST_HPP

#include <cstddef>
#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/known_values.hpp>
#include <qdq/precision_options.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/ranges.hpp>
#include <qdq/stats.hpp>
#include <qdq/tensorrt/detail/casting.hpp>
#include <qdq/tensorrt/detail/known_constants.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// The result of casting a network. The network refers to the converted constants, so this object must
/// outlive the build of the engine.
struct [[nodiscard]] CastNetwork {
  WeightMemory memory;  ///< The converted constants.
  PrecisionPlan plan;   ///< The type of every layer, with its reason.
};

namespace detail {

/// Refuses half precision in a network whose layers do not compute in the types of their inputs.
inline Result<void> takes_casts(const nvinfer1::INetworkDefinition& network) {
  if (is_strongly_typed(network)) return {};
  return Error(Status::Unsupported, "the network is weakly typed: TensorRT chooses the types of its layers",
               QDQ_TRT_HAS_STRONG_TYPES
                   ? "set EngineOptions::fp16, or make the network with NetworkDefinitionCreationFlag::kSTRONGLY_TYPED"
                   : "set EngineOptions::fp16, or BuilderFlag::kFP16");
}

/// Returns an error that says why a plan changes nothing; success if it changes something.
inline Result<void> changes_something(const PrecisionPlan& plan) {
  std::string why;
  for (const PrecisionPlan::Decision decision : plan.decisions()) {
    if (decision.precision == Precision::Half) return {};
    if (why.empty() && decision.precision == Precision::Float32) {
      why = ", such as '" + std::string(decision.node) + "' (" + std::string(decision.reason) + ")";
    }
  }
  return Error(Status::Unsupported,
               "nothing is left to convert: no layer of the network becomes " +
                   std::string(plan.half() == Half::F16 ? "f16" : "bf16") + why,
               why.empty() ? "build the network as it is" : "force layers into half precision with the options");
}

/// Refuses inputs in half precision if TensorRT cannot change the type of an input.
inline Result<void> inputs_can_change(const nvinfer1::INetworkDefinition& network) {
  for (int i = 0; !QDQ_TRT_HAS_INPUT_TYPE && i < network.getNbInputs(); ++i) {
    if (network.getInput(i)->getType() != nvinfer1::DataType::kFLOAT) continue;
    return Error(Status::Unsupported,
                 compiled.text() + " cannot change the type of input '" + network.getInput(i)->getName() + "'",
                 "add the input in half precision, and leave half_io out; or cast the ONNX model with Model::cast()");
  }
  return {};
}

/// Plans the precision of a strongly typed network and carries the plan out. `memory` takes the converted
/// constants.
inline Result<PrecisionPlan> cast_network(nvinfer1::INetworkDefinition& network, const PrecisionOptions& options,
                                          KnownValues known, WeightMemory& memory, bool must_change) {
  QDQ_TRY(takes_casts(network));
#if QDQ_TRT_QDQ_HAS_TYPE
  if (options.half_io()) QDQ_TRY(inputs_can_change(network));
  QDQ_TRY_AS(described, Network::describe(network));
  QDQ_TRY_AS(constants, KnownConstants::read(*described, options.half()));
  known.constants = &constants->values();
  known.unheld = constants->unheld();
  QDQ_TRY_AS(plan, described->graph.plan_precision(options, known));
  if (must_change) QDQ_TRY(changes_something(*plan));
  QDQ_TRY(Casting(network, *described, *plan, memory).run());
  return plan;
#else
  static_cast<void>(options);
  static_cast<void>(known);
  static_cast<void>(memory);
  static_cast<void>(must_change);
  return Error(Status::Unsupported, "");
#endif
}

/// Casts a network that must change.
inline Result<CastNetwork> cast_network(nvinfer1::INetworkDefinition& network, const PrecisionOptions& options,
                                        const KnownValues& known) {
  WeightMemory memory;
  QDQ_TRY_AS(plan, cast_network(network, options, known, memory, true));
  return CastNetwork{std::move(memory), *std::move(plan)};
}

}  // namespace detail

/// Converts a strongly typed network to half precision, as Model::cast() does for an ONNX model: casts,
/// constants, kernels and biases. Use it for a float network, or behind insert_qdq() for everything that is
/// not INT8. Inputs and outputs keep their types unless the options say otherwise.
///
/// `stats` are statistics of the activations, `ranges` stand for statistics that are missing. Tensors have
/// the names of the network. The result must outlive the build of the engine.
///
/// Status::Unsupported for a weakly typed network, and if nothing becomes 16-bit; then the network is
/// unchanged. After Status::TensorRt the network must not be used any more.
[[nodiscard]] inline Result<CastNetwork> cast(nvinfer1::INetworkDefinition& network, const PrecisionOptions& options,
                                              const Stats& stats, const Ranges& ranges) {
  return detail::cast_network(network, options, {&stats, &ranges, nullptr, {}});
}
/// Does the same without ranges.
[[nodiscard]] inline Result<CastNetwork> cast(nvinfer1::INetworkDefinition& network, const PrecisionOptions& options,
                                              const Stats& stats) {
  return detail::cast_network(network, options, {&stats, nullptr, nullptr, {}});
}
/// Does the same with ranges alone, which tell nothing of small values: the plan's findings say so.
[[nodiscard]] inline Result<CastNetwork> cast(nvinfer1::INetworkDefinition& network, const PrecisionOptions& options,
                                              const Ranges& ranges) {
  return detail::cast_network(network, options, {nullptr, &ranges, nullptr, {}});
}
/// Does the same without data: layers whose result depends on the size of values stay in f32.
[[nodiscard]] inline Result<CastNetwork> cast(nvinfer1::INetworkDefinition& network,
                                              const PrecisionOptions& options = PrecisionOptions()) {
  return detail::cast_network(network, options, {});
}

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
