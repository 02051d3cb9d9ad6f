// A switch that stops runs.
#ifndef QDQ_CANCEL_HPP
#define QDQ_CANCEL_HPP

#include <qdq/detail/handle.hpp>

namespace qdq {

/// A switch that stops the runs that have it in their RunOptions.
///
/// All its functions may be called from any thread at any time. It may be freed while such runs go on.
class Cancel : public detail::Handle<qdq_cancel, qdq_cancel_free> {
 public:
  using Handle::Handle;
  /// Makes a switch that is off.
  Cancel() : Handle(qdq_cancel_new()) {}

  /// Asks the runs to stop. They end with Status::Cancelled before their next batch.
  void request() const noexcept { qdq_cancel_request(c()); }
  /// Turns the switch off again, for the next run.
  void reset() const noexcept { qdq_cancel_reset(c()); }
  /// Returns whether the switch is on.
  [[nodiscard]] bool is_requested() const noexcept { return qdq_cancel_is_requested(c()); }
};

}  // namespace qdq

#endif
