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

/// How a trained network is fine-tuned with quantization: a qdq::QatSchedule for torch's optimizers.
///
///     nn::FineTuning schedule(original_steps, original_rate);
///     for (std::uint64_t step = 0; step < schedule.steps(); ++step) {
///       schedule.apply(optimizer, step);
///       …
///     }
class FineTuning {
 public:
  /// What the user guide of pytorch-quantization recommends, QatSchedule::from_original(): a tenth of the
  /// steps that the network was trained for, from 1% of its learning rate by a cosine down to 1% of that.
  FineTuning(std::uint64_t original_steps, double original_rate)
      : FineTuning(QatSchedule::from_original(original_steps, original_rate).value()) {}
  /// Any other schedule.
  explicit FineTuning(QatSchedule schedule) : schedule_(std::move(schedule)) {}

  /// How many steps there are.
  [[nodiscard]] std::uint64_t steps() const noexcept { return schedule_.steps(); }
  /// The learning rate of a step, counted from 0; see QatSchedule::learning_rate().
  [[nodiscard]] double rate(std::uint64_t step) const noexcept { return schedule_.learning_rate(step); }
  /// Sets the learning rate of every group of an optimizer, times the group's own factor where `factors` has
  /// one.
  void apply(torch::optim::Optimizer& optimizer, std::uint64_t step, const std::vector<double>& factors = {}) const {
    auto& groups = optimizer.param_groups();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      groups[i].options().set_lr(rate(step) * (i < factors.size() ? factors[i] : 1));
    }
  }

 private:
  QatSchedule schedule_;
};

/// The parameters of a network for an optimizer: what the network had, and the learned ranges of its
/// quantizers, which want a learning rate of their own and no weight decay.
struct ParameterGroups {
  std::vector<torch::Tensor> weights, ranges;
};

/// Both groups, without what does not require a gradient.
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

/// Replaces weights by what their quantizers make of them, for programs that take them from here: those of
/// all modules with one weight whose quantizer is not disabled. Quantizing them again changes nothing.
/// Returns how many.
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

/// Stops ranges from moving, for the last epochs of training: no quantizer that matches calibrates or learns
/// its range any more. What has no range yet is an error, since a dynamic one moves with every batch. `on` =
/// false lets them learn again.
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
      // An optimizer with momentum goes on as long as there is a gradient, be it zero.
      if (on) range.mutable_grad() = torch::Tensor();
    }
  }
}

}  // namespace qdq::nn

#endif
