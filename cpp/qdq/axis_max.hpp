// The largest magnitude per axis.
#ifndef QDQ_AXIS_MAX_HPP
#define QDQ_AXIS_MAX_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <qdq/array.hpp>
#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// The max calibrator per axis: the running max of |x| over all axes but the kept ones. NaN is left out,
/// infinities count.
class AxisMax : public detail::Handle<qdq_axis_max, qdq_axis_max_free> {
 public:
  using Handle::Handle;

  /// An observer that keeps these axes, negative ones counting from the last; none for one number for the
  /// tensor.
  [[nodiscard]] static Result<AxisMax> make(Span<const std::int32_t> axes = {}) {
    return detail::make<AxisMax>(qdq_axis_max_new, axes.data(), axes.size());
  }
  /// Adds a batch (f32, f16, bf16, f64). The kept axes must have the same size in every batch.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_axis_max_observe, c(), x.c()); }
  /// Adds what another observer with the same kept axes has seen, on another thread say.
  [[nodiscard]] Result<void> merge(const AxisMax& other) { return detail::call(qdq_axis_max_merge, c(), other.c()); }
  /// The amax so far, with size 1 in every axis that is not kept; none before the first batch.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_axis_max_amax, c()); }

  /// Keeps from now on the maxima of every batch too, for looking at how they move; those kept before are
  /// forgotten.
  [[nodiscard]] Result<void> track() { return detail::call(qdq_axis_max_track, c()); }
  /// How many batches' maxima are kept; 0 unless track() asked for it.
  [[nodiscard]] std::size_t history_count() const noexcept { return qdq_axis_max_history_count(c()); }
  /// The maxima of batch `index` alone, from 0.
  [[nodiscard]] Result<Array> history_at(std::size_t index) const {
    return detail::make<Array>(qdq_axis_max_history_at, c(), index);
  }

  /// Reads a file that save() wrote: an observer that goes on where that one was.
  [[nodiscard]] static Result<AxisMax> load(const std::string& path) {
    return detail::make<AxisMax>(qdq_axis_max_load, path.c_str());
  }
  /// Maxima from the content of such a file, which is not kept.
  [[nodiscard]] static Result<AxisMax> from_bytes(Bytes bytes) {
    return detail::make<AxisMax>(qdq_axis_max_from_bytes, bytes.data(), bytes.size());
  }
  /// Writes a file, whole or not at all, with the maxima of every batch where they are kept.
  [[nodiscard]] Result<void> save(const std::string& path) const {
    return detail::call(qdq_axis_max_save, c(), path.c_str());
  }
  /// The content of that file; equal maxima give equal bytes.
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_axis_max_to_bytes, c()); }
};

}  // namespace qdq

#endif
