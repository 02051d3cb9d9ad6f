// A tensor that is calibrated, trained and run.
#ifndef QDQ_QUANTIZER_HPP
#define QDQ_QUANTIZER_HPP

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/buffer.hpp>
#include <qdq/descriptor.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor.hpp>
#include <qdq/tensor_stats.hpp>

#include <qdq/detail/try.hpp>

namespace qdq {

/// pytorch-quantization's TensorQuantizer: a descriptor with its switches, its range and the statistics of
/// its calibration. See qdq_quantizer in qdq.h for the order in which forward() does things.
class Quantizer : public detail::Handle<qdq_quantizer, qdq_quantizer_free> {
 public:
  using Handle::Handle;

  /// A learned range.
  struct ClipRange {
    float min, max;
  };

  /// A quantizer that quantizes, by the descriptor's amax or dynamically. The descriptor is copied.
  [[nodiscard]] static Result<Quantizer> make(const Descriptor& descriptor) {
    return detail::make<Quantizer>(qdq_quantizer_new, descriptor.c());
  }
  /// Reads the state that to_json() writes.
  [[nodiscard]] static Result<Quantizer> from_json(std::string_view json) {
    return detail::make<Quantizer>(qdq_quantizer_from_json, detail::Text(json).c());
  }
  /// The state, without the statistics.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_quantizer_to_json, c()); }
  /// The quantizer in one line for people.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_quantizer_to_text, c()); }
  /// A quantizer of its own in the same state, statistics included: for another thread that calibrates.
  [[nodiscard]] Result<Quantizer> clone() const { return detail::make<Quantizer>(qdq_quantizer_clone, c()); }
  /// A copy of the descriptor, whose amax is the current one.
  [[nodiscard]] Result<Descriptor> descriptor() const { return detail::make<Descriptor>(qdq_quantizer_descriptor, c()); }

  /// Changes the format to integers of 2 to 16 bits.
  [[nodiscard]] Result<void> set_integers(std::uint32_t num_bits, bool is_unsigned = false, bool narrow_range = false) {
    return detail::call(qdq_quantizer_set_integers, c(), num_bits, is_unsigned, narrow_range);
  }
  /// Changes the format to the 8-bit float e4m3.
  [[nodiscard]] Result<void> set_e4m3() { return detail::call(qdq_quantizer_set_e4m3, c()); }

  /// Whether data passes unchanged, but for the pre-quantization scale. Default: false.
  [[nodiscard]] Result<void> set_disabled(bool on) { return detail::call(qdq_quantizer_set_disabled, c(), on); }
  /// Whether data is quantized. Default: true.
  [[nodiscard]] Result<void> set_quantizing(bool on) { return detail::call(qdq_quantizer_set_quantizing, c(), on); }
  /// Whether data is clipped to the learned range; only where amax is learned. Default: false.
  [[nodiscard]] Result<void> set_clipping(bool on) { return detail::call(qdq_quantizer_set_clipping, c(), on); }
  /// Whether data is observed for calibration. Default: false.
  [[nodiscard]] Result<void> set_calibrating(bool on) { return detail::call(qdq_quantizer_set_calibrating, c(), on); }
  /// Whether data passes through unchanged.
  [[nodiscard]] bool is_disabled() const noexcept { return qdq_quantizer_is_disabled(c()); }
  /// Whether data is quantized.
  [[nodiscard]] bool is_quantizing() const noexcept { return qdq_quantizer_is_quantizing(c()); }
  /// Whether data is clipped.
  [[nodiscard]] bool is_clipping() const noexcept { return qdq_quantizer_is_clipping(c()); }
  /// Whether data is observed.
  [[nodiscard]] bool is_calibrating() const noexcept { return qdq_quantizer_is_calibrating(c()); }
  /// Whether every tensor is quantized by its own max |x|, because no range is set.
  [[nodiscard]] bool is_dynamic() const noexcept { return qdq_quantizer_is_dynamic(c()); }

  /// Sets the amax (f32), of the shape of the one before.
  [[nodiscard]] Result<void> set_amax(const TensorView& amax) { return detail::call(qdq_quantizer_set_amax, c(), amax.c()); }
  /// Makes the range dynamic again, after which an amax of any shape may be set.
  [[nodiscard]] Result<void> clear_amax() { return detail::call(qdq_quantizer_set_amax, c(), nullptr); }
  /// Sets what data is multiplied by first (f32, broadcast to its shape).
  [[nodiscard]] Result<void> set_pre_quant_scale(const TensorView& scale) {
    return detail::call(qdq_quantizer_set_pre_quant_scale, c(), scale.c());
  }
  /// Multiplies data by nothing again.
  [[nodiscard]] Result<void> clear_pre_quant_scale() {
    return detail::call(qdq_quantizer_set_pre_quant_scale, c(), nullptr);
  }
  /// The amax as it is set; none where the range is dynamic.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_quantizer_amax, c()); }
  /// The amax that data is quantized by; none where the range is dynamic or has still to be learned.
  [[nodiscard]] Result<std::optional<Array>> amax_in_use() const {
    return detail::make_if_any<Array>(qdq_quantizer_amax_in_use, c());
  }
  /// The amax for a model that is exported: an error where the range is dynamic or the quantizer is still
  /// calibrating.
  [[nodiscard]] Result<Array> amax_for_export() const { return detail::make<Array>(qdq_quantizer_amax_for_export, c()); }
  /// The width of one step; none where the range is dynamic.
  [[nodiscard]] Result<std::optional<Array>> step_size() const {
    return detail::make_if_any<Array>(qdq_quantizer_step_size, c());
  }
  /// The inverse scale, M / amax, of the integers that the last forward() gave.
  [[nodiscard]] Result<std::optional<Array>> inverse_scale() const {
    return detail::make_if_any<Array>(qdq_quantizer_inverse_scale, c());
  }
  /// What data is multiplied by first.
  [[nodiscard]] Result<std::optional<Array>> pre_quant_scale() const {
    return detail::make_if_any<Array>(qdq_quantizer_pre_quant_scale, c());
  }

  /// Sets the learned range: the parameters that training has moved to.
  [[nodiscard]] Result<void> set_clip_range(float min, float max) {
    return detail::call(qdq_quantizer_set_clip_range, c(), min, max);
  }
  /// The learned range; NaN where there is none.
  [[nodiscard]] ClipRange clip_range() const noexcept {
    ClipRange range{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
    (void)qdq_quantizer_clip_range(c(), &range.min, &range.max, nullptr);
    return range;
  }
  /// Starts learning from the amax: sets the clip range to its largest number, negative and positive.
  [[nodiscard]] Result<void> init_learn_amax() { return detail::call(qdq_quantizer_init_learn_amax, c()); }

  /// What the quantizer makes of x (f32, f16, bf16, f64); out has its shape and type and may be its memory.
  [[nodiscard]] Result<void> forward(const TensorView& x, const MutableTensorView& out) {
    return detail::call(qdq_quantizer_forward, c(), x.c(), out.c());
  }
  /// The same without observing, so that any number of threads can use one quantizer. Returns M / amax where
  /// it gives integers.
  [[nodiscard]] Result<std::optional<Array>> quantize(const TensorView& x, const MutableTensorView& out) const {
    return detail::make_if_any<Array>(qdq_quantizer_quantize, c(), x.c(), out.c());
  }
  /// The gradient of forward() with respect to x; out may be the memory of gradient or x. Returns the
  /// gradients of the learned range, 0 where nothing is learned.
  [[nodiscard]] Result<ClipGradient> backward(const TensorView& gradient, const TensorView& x,
                                              const MutableTensorView& out) const {
    ClipGradient ends{};
    QDQ_TRY_AS(done, detail::call(qdq_quantizer_backward, c(), gradient.c(), x.c(), out.c(), &ends.min, &ends.max));
    return ends;
  }

  /// Observes a batch for calibration, whatever the switches say.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_quantizer_observe, c(), x.c()); }
  /// Forgets what was observed.
  [[nodiscard]] Result<void> reset_calibration() { return detail::call(qdq_quantizer_reset_calibration, c()); }
  /// Adds what another quantizer with the same kept axes has observed, on another thread say.
  [[nodiscard]] Result<void> merge(const Quantizer& other) { return detail::call(qdq_quantizer_merge, c(), other.c()); }
  /// Writes what was observed to a file, whole or not at all: one that Stats::load() reads or, for maxima of
  /// axes, AxisMax::load().
  [[nodiscard]] Result<void> save_calibration(const std::string& path) const {
    return detail::call(qdq_quantizer_save_calibration, c(), path.c_str());
  }
  /// Reads such a file, in place of what was observed. To add it instead, load it into a clone() and merge
  /// that. An error for what another method, axis or block observes; what was observed stays then.
  [[nodiscard]] Result<void> load_calibration(const std::string& path) {
    return detail::call(qdq_quantizer_load_calibration, c(), path.c_str());
  }
  /// The content of that file; equal calibrations give equal bytes.
  [[nodiscard]] Result<Buffer> calibration_to_bytes() const {
    return detail::make<Buffer>(qdq_quantizer_calibration_to_bytes, c());
  }
  /// Takes over the content of such a file, which is not kept.
  [[nodiscard]] Result<void> calibration_from_bytes(Bytes bytes) {
    return detail::call(qdq_quantizer_calibration_from_bytes, c(), bytes.data(), bytes.size());
  }
  /// A copy of the statistics; an error for a descriptor that observes maxima.
  [[nodiscard]] Result<TensorStats> stats() const { return detail::make<TensorStats>(qdq_quantizer_stats, c()); }
  /// Computes the amax from what was observed, and sets it. Where nothing was observed that is an error if
  /// `strict`, else false is returned and the amax stays as it is.
  [[nodiscard]] Result<bool> load_calib_amax(RangeMethod method, bool strict = true) {
    return detail::get<bool>(qdq_quantizer_load_calib_amax, c(), detail::number(method.method), method.percentile, strict);
  }
  /// The same with the options of pytorch-quantization's entropy and mse. An error with another calib_method
  /// than CalibMethod::Compat, another method than these two, a stride of 0, and where no bin is left.
  [[nodiscard]] Result<bool> load_calib_amax(Method method, Search search, bool strict = true) {
    return detail::get<bool>(qdq_quantizer_load_calib_amax_searching, c(), detail::number(method), search.start_bin,
                             search.stride, strict);
  }
};

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
