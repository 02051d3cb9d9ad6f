// Quantization-aware training.
#ifndef QDQ_TORCH_TRAIN_HPP
#define QDQ_TORCH_TRAIN_HPP

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <qdq/qat_schedule.hpp>
#include <qdq/torch/calibrate.hpp>

namespace qdq::nn {

/// The schedule of fine-tuning a trained network with quantization: a qdq::QatSchedule for torch's
/// optimizers.
///
///     nn::FineTuning schedule(original_steps, original_rate);
///     for (std::uint64_t step = 0; step < schedule.steps(); ++step) {
///       schedule.apply(optimizer, step);
///       …
///     }
class FineTuning {
 public:
  /// Makes the schedule that the user guide of pytorch-quantization recommends, QatSchedule::from_original().
  ///
  /// It has a tenth of the steps that the network was trained for, and goes by a cosine from 1% of its
  /// learning rate down to 1% of that.
  FineTuning(std::uint64_t original_steps, double original_rate)
      : FineTuning(QatSchedule::from_original(original_steps, original_rate).value()) {}
  /// Makes a schedule from any other QatSchedule.
  explicit FineTuning(QatSchedule schedule) : schedule_(std::move(schedule)) {}

  /// Returns the number of steps.
  [[nodiscard]] std::uint64_t steps() const noexcept { return schedule_.steps(); }
  /// Returns the learning rate of a step, counted from 0; see QatSchedule::learning_rate().
  [[nodiscard]] double rate(std::uint64_t step) const noexcept { return schedule_.learning_rate(step); }
  /// Sets the learning rate of every group of an optimizer. If `factors` has an entry for a group, the rate
  /// is multiplied by it.
  void apply(torch::optim::Optimizer& optimizer, std::uint64_t step, const std::vector<double>& factors = {}) const {
    auto& groups = optimizer.param_groups();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i].options().set_lr(rate(step) * (i < factors.size() ? factors[i] : 1));
    }
  }

 private:
  QatSchedule schedule_;
};

/// The parameters of a network for an optimizer, in two groups: the network's own parameters, and the learned
/// ranges of its quantizers, which need their own learning rate and no weight decay.
struct ParameterGroups {
  std::vector<torch::Tensor> weights, ranges;
};

/// Returns both groups, without parameters that require no gradient.
[[nodiscard]] inline ParameterGroups parameter_groups(const torch::nn::Module& model) {
  ParameterGroups groups;
  std::set<const void*> ranges;
  for (const auto& named : quantizers(model)) {
    for (const auto& range : named.quantizer->parameters()) {
      ranges.insert(range.unsafeGetTensorImpl());
      if (range.requires_grad()) groups.ranges.push_back(range);
    }
  }
  for (const auto& parameter : model.parameters()) {
    if (parameter.requires_grad() && ranges.count(parameter.unsafeGetTensorImpl()) == 0) groups.weights.push_back(parameter);
  }
  return groups;
}

/// Replaces weights by their quantized values, for programs that read the weights from the modules. Returns
/// the number of weights.
///
/// It changes the weights of all modules with one weight whose quantizer is not disabled. Quantizing them
/// again changes nothing.
inline std::size_t quantize_weights(const torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  std::size_t done = 0;
  for (const auto& [name, site] : detail::sites(model)) {
    if (!site.weight || site.weight->is_disabled() || site.parameter.empty()) continue;
    if (site.weight->pre_quant_scale().defined() || !site.weight->descriptor().fake_quant()) {
      detail::fail(Status::Unsupported,
                   name + ".weight_quantizer scales weights or gives integers, so that it would do so twice",
                   "fold the scale into the weights, and use fake quantization");
    }
    auto weight = site.value;
    weight.copy_(site.weight->forward(weight));
    ++done;
  }
  return done;
}

/// Stops the ranges from changing, for the last epochs of training: no matching quantizer calibrates or
/// learns its range any more.
///
/// A quantizer without a range is an error, because a dynamic range changes with every batch. `on` = false
/// lets them learn again.
inline void freeze_ranges(const torch::nn::Module& model, bool on = true, std::string_view pattern = "*") {
  const auto found = detail::matching(model, pattern);
  for (const auto& [name, quantizer] : found) {
    if (on && !quantizer->is_disabled() && quantizer->is_dynamic()) {
      detail::fail(Status::InvalidArgument, name + " has no range to freeze", "calibrate it, or disable it");
    }
  }
  for (const auto& [name, quantizer] : found) {
    if (on) quantizer->set_calibrating(false);
    for (auto& range : quantizer->parameters()) {
      range.set_requires_grad(!on);
      // An optimizer with momentum continues to move a parameter as long as it has a gradient, even a zero
      // one.
      if (on) range.mutable_grad() = torch::Tensor();
    }
  }
}

}  // namespace qdq::nn

#endif
