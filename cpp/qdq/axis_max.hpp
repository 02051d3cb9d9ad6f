// The largest magnitude per axis.
#ifndef QDQ_AXIS_MAX_HPP
#define QDQ_AXIS_MAX_HPP

#include <cstdint>
#include <optional>

#include <qdq/array.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// The max calibrator per axis: the running max of |x| over all axes but the kept ones. NaN is left out, infinities count.
class AxisMax : public detail::Handle<qdq_axis_max, qdq_axis_max_free> {
 public:
  using Handle::Handle;

  /// A collector that keeps these axes, negative ones counting from the last; none for one number for the tensor.
  [[nodiscard]] static Result<AxisMax> make(Span<const std::int32_t> axes = {}) {
    return detail::make<AxisMax>(qdq_axis_max_new, axes.data(), axes.size());
  }
  /// Adds a batch (f32, f16, bf16, f64). The kept axes must have the same size in every batch.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_axis_max_observe, c(), x.c()); }
  /// Adds what another collector with the same kept axes has seen, on another thread say.
  [[nodiscard]] Result<void> merge(const AxisMax& other) { return detail::call(qdq_axis_max_merge, c(), other.c()); }
  /// The amax so far, with size 1 in every axis that is not kept; none before the first batch.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_axis_max_amax, c()); }
};

}  // namespace qdq

#endif
