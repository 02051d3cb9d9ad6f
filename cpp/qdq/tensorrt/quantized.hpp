// What is left of quantizing a network.
#ifndef QDQ_TENSORRT_QUANTIZED_HPP
#define QDQ_TENSORRT_QUANTIZED_HPP

#include <utility>
#include <vector>

#include <qdq/findings.hpp>
#include <qdq/plan.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

namespace qdq::trt {

/// What quantizing a network leaves: scales that the network refers to, so that this must outlive the build
/// of the engine; the plan; and what a user must know.
class [[nodiscard]] Quantized {
 public:
  /// What a network needs until it is built, and what is known of it.
  Quantized(WeightMemory memory, Plan plan, std::vector<Findings> findings)
      : memory_(std::move(memory)), plan_(std::move(plan)), findings_(std::move(findings)) {}

  /// What of the network is quantized, and what stays in float and why. Its numbers are those of
  /// describe(network) before the network was changed. Where it got dynamic ranges, TensorRT decides what
  /// runs in INT8, and the plan says which layers have the ranges for it.
  [[nodiscard]] const Plan& plan() const& noexcept { return plan_; }
  void plan() const&& = delete;
  /// What a user must know of statistics, ranges and plan, as far as they were made here. The options' logger
  /// was told.
  [[nodiscard]] const std::vector<Findings>& findings() const& noexcept { return findings_; }
  void findings() const&& = delete;

 private:
  WeightMemory memory_;
  Plan plan_;
  std::vector<Findings> findings_;
};

}  // namespace qdq::trt

#endif
