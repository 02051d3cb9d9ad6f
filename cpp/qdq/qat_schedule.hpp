// The duration and learning rate of fine-tuning a quantized network.
#ifndef QDQ_QAT_SCHEDULE_HPP
#define QDQ_QAT_SCHEDULE_HPP

#include <cstdint>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>

namespace qdq {

/// The learning rate of quantization-aware training: half a cosine from a start value down to an end value.
/// Steps are epochs or batches; the caller decides which.
class QatSchedule : public detail::Handle<qdq_qat_schedule, qdq_qat_schedule_free> {
 public:
  using Handle::Handle;

  /// Makes a schedule of `steps`, at least 1, from the learning rate `start` down to `end`.
  [[nodiscard]] static Result<QatSchedule> make(std::uint64_t steps, double start, double end) {
    return detail::make<QatSchedule>(qdq_qat_schedule_new, steps, start, end);
  }
  /// Makes the schedule that the user guide of pytorch-quantization recommends, for a network that was
  /// trained in float for `steps` from the learning rate `rate`.
  ///
  /// It has a tenth of the steps (rounded up), and goes from 1% of the rate down to 1% of that.
  [[nodiscard]] static Result<QatSchedule> from_original(std::uint64_t steps, double rate) {
    return detail::make<QatSchedule>(qdq_qat_schedule_from_original, steps, rate);
  }

  /// Returns the number of steps to train for.
  [[nodiscard]] std::uint64_t steps() const noexcept { return qdq_qat_schedule_steps(c()); }
  /// Returns the learning rate of step `step`, counted from 0; from the last step on, the end value.
  [[nodiscard]] double learning_rate(std::uint64_t step) const noexcept { return qdq_qat_schedule_learning_rate(c(), step); }
};

}  // namespace qdq

#endif
