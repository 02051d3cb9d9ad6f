// The result of quantizing a network.
#ifndef QDQ_TENSORRT_QUANTIZED_HPP
#define QDQ_TENSORRT_QUANTIZED_HPP

#include <optional>
#include <utility>
#include <vector>

#include <qdq/findings.hpp>
#include <qdq/plan.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

namespace qdq::trt {

/// The result of quantizing a network: scales and constants, plans and findings. The network refers to the
/// numbers, so this object must outlive the build of the engine.
class [[nodiscard]] Quantized {
 public:
  /// Takes ownership of the memory, the plans and the findings.
  Quantized(WeightMemory memory, Plan plan, std::optional<PrecisionPlan> precision, std::vector<Findings> findings)
      : memory_(std::move(memory)),
        plan_(std::move(plan)),
        precision_(std::move(precision)),
        findings_(std::move(findings)) {}

  /// Returns the plan: the quantized layers, and the layers that stay in float, with their reason.
  ///
  /// Its numbers are those of describe(network) before the network was changed. If the network got dynamic
  /// ranges, TensorRT decides which layers run in INT8; the plan lists the layers that have the ranges for
  /// it.
  [[nodiscard]] const Plan& plan() const& noexcept { return plan_; }
  void plan() const&& = delete;
  /// Returns the types of the layers, if the options asked for half precision and the network is strongly
  /// typed.
  [[nodiscard]] const std::optional<PrecisionPlan>& precision() const& noexcept { return precision_; }
  void precision() const&& = delete;
  /// Returns the findings of the statistics, ranges and plan that this call made. The options' logger has
  /// received them.
  [[nodiscard]] const std::vector<Findings>& findings() const& noexcept { return findings_; }
  void findings() const&& = delete;

 private:
  WeightMemory memory_;
  Plan plan_;
  std::optional<PrecisionPlan> precision_;
  std::vector<Findings> findings_;
};

}  // namespace qdq::trt

#endif
