// How long and how fast a quantized network is fine-tuned.
#ifndef QDQ_QAT_SCHEDULE_HPP
#define QDQ_QAT_SCHEDULE_HPP

#include <cstdint>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>

namespace qdq {

/// The learning rate of quantization-aware training: half a cosine from a start down to an end. Steps are
/// epochs or batches, whichever the caller counts.
class QatSchedule : public detail::Handle<qdq_qat_schedule, qdq_qat_schedule_free> {
 public:
  using Handle::Handle;

  /// A schedule of `steps`, at least 1, from the learning rate `start` down to `end`.
  [[nodiscard]] static Result<QatSchedule> make(std::uint64_t steps, double start, double end) {
    return detail::make<QatSchedule>(qdq_qat_schedule_new, steps, start, end);
  }
  /// What the user guide of pytorch-quantization recommends for a network that was trained in float for
  /// `steps` from the learning rate `rate`: a tenth of the steps (rounded up), from 1% of the rate down to 1%
  /// of that.
  [[nodiscard]] static Result<QatSchedule> from_original(std::uint64_t steps, double rate) {
    return detail::make<QatSchedule>(qdq_qat_schedule_from_original, steps, rate);
  }

  /// How many steps to train for.
  [[nodiscard]] std::uint64_t steps() const noexcept { return qdq_qat_schedule_steps(c()); }
  /// The learning rate of step `step`, counted from 0; from the last step on the end.
  [[nodiscard]] double learning_rate(std::uint64_t step) const noexcept { return qdq_qat_schedule_learning_rate(c(), step); }
};

}  // namespace qdq

#endif
