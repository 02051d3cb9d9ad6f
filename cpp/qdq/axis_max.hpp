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

/// The max calibrator per axis: the running max of |x| over all axes except the kept ones. NaN is ignored,
/// infinities count.
class AxisMax : public detail::Handle<qdq_axis_max, qdq_axis_max_free> {
 public:
  using Handle::Handle;

  /// Makes an observer that keeps these axes; negative axes count from the last. Without axes it keeps one
  /// number for the tensor.
  [[nodiscard]] static Result<AxisMax> make(Span<const std::int32_t> axes = {}) {
    return detail::make<AxisMax>(qdq_axis_max_new, axes.data(), axes.size());
  }
  /// Adds a batch (f32, f16, bf16, f64). The kept axes must have the same size in every batch.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_axis_max_observe, c(), x.c()); }
  /// Adds the maxima of another observer with the same kept axes, for example from another thread.
  [[nodiscard]] Result<void> merge(const AxisMax& other) { return detail::call(qdq_axis_max_merge, c(), other.c()); }
  /// Returns the current amax, with size 1 in every axis that is not kept; nothing before the first batch.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_axis_max_amax, c()); }

  /// Starts to record the maxima of every batch as well. Maxima that were recorded before are discarded.
  [[nodiscard]] Result<void> track() { return detail::call(qdq_axis_max_track, c()); }
  /// Returns the number of batches whose maxima are recorded; 0 if track() was not called.
  [[nodiscard]] std::size_t history_count() const noexcept { return qdq_axis_max_history_count(c()); }
  /// Returns the recorded maxima of batch `index`, from 0.
  [[nodiscard]] Result<Array> history_at(std::size_t index) const {
    return detail::make<Array>(qdq_axis_max_history_at, c(), index);
  }

  /// Reads a file that save() wrote. The observer continues from that state.
  [[nodiscard]] static Result<AxisMax> load(const std::string& path) {
    return detail::make<AxisMax>(qdq_axis_max_load, path.c_str());
  }
  /// Reads maxima from the content of such a file. The content is not kept.
  [[nodiscard]] static Result<AxisMax> from_bytes(Bytes bytes) {
    return detail::make<AxisMax>(qdq_axis_max_from_bytes, bytes.data(), bytes.size());
  }
  /// Writes the maxima to a file, completely or not at all. Recorded maxima of every batch are included.
  [[nodiscard]] Result<void> save(const std::string& path) const {
    return detail::call(qdq_axis_max_save, c(), path.c_str());
  }
  /// Returns the content of that file. Equal maxima give equal bytes.
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_axis_max_to_bytes, c()); }
};

}  // namespace qdq

#endif
