// The quantizer of one tensor, which is calibrated, trained and run.
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
/// its calibration. See qdq_quantizer in qdq.h for the order of the steps in forward().
class Quantizer : public detail::Handle<qdq_quantizer, qdq_quantizer_free> {
 public:
  using Handle::Handle;

  /// A learned range, from `min` to `max`.
  struct ClipRange {
    float min, max;
  };

  /// Makes a quantizer that quantizes, by the descriptor's amax or dynamically. The descriptor is copied.
  [[nodiscard]] static Result<Quantizer> make(const Descriptor& descriptor) {
    return detail::make<Quantizer>(qdq_quantizer_new, descriptor.c());
  }
  /// Reads the state from the JSON text that to_json() writes.
  [[nodiscard]] static Result<Quantizer> from_json(std::string_view json) {
    return detail::make<Quantizer>(qdq_quantizer_from_json, detail::Text(json).c());
  }
  /// Returns the state as JSON, without the statistics.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_quantizer_to_json, c()); }
  /// Returns a description of the quantizer in one line.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_quantizer_to_text, c()); }
  /// Returns an independent quantizer in the same state, statistics included, for example for another thread
  /// that calibrates.
  [[nodiscard]] Result<Quantizer> clone() const { return detail::make<Quantizer>(qdq_quantizer_clone, c()); }
  /// Returns a copy of the descriptor, with the current amax.
  [[nodiscard]] Result<Descriptor> descriptor() const { return detail::make<Descriptor>(qdq_quantizer_descriptor, c()); }

  /// Changes the format to integers of 2 to 16 bits.
  [[nodiscard]] Result<void> set_integers(std::uint32_t num_bits, bool is_unsigned = false, bool narrow_range = false) {
    return detail::call(qdq_quantizer_set_integers, c(), num_bits, is_unsigned, narrow_range);
  }
  /// Changes the format to the 8-bit float e4m3.
  [[nodiscard]] Result<void> set_e4m3() { return detail::call(qdq_quantizer_set_e4m3, c()); }

  /// Sets whether data passes unchanged, except for the pre-quantization scale. Default: false.
  [[nodiscard]] Result<void> set_disabled(bool on) { return detail::call(qdq_quantizer_set_disabled, c(), on); }
  /// Sets whether data is quantized. Default: true.
  [[nodiscard]] Result<void> set_quantizing(bool on) { return detail::call(qdq_quantizer_set_quantizing, c(), on); }
  /// Sets whether data is clipped to the learned range. Only possible if amax is learned. Default: false.
  [[nodiscard]] Result<void> set_clipping(bool on) { return detail::call(qdq_quantizer_set_clipping, c(), on); }
  /// Sets whether data is observed for calibration. Default: false.
  [[nodiscard]] Result<void> set_calibrating(bool on) { return detail::call(qdq_quantizer_set_calibrating, c(), on); }
  /// Returns whether data passes through unchanged, except for the pre-quantization scale.
  [[nodiscard]] bool is_disabled() const noexcept { return qdq_quantizer_is_disabled(c()); }
  /// Returns whether data is quantized.
  [[nodiscard]] bool is_quantizing() const noexcept { return qdq_quantizer_is_quantizing(c()); }
  /// Returns whether data is clipped.
  [[nodiscard]] bool is_clipping() const noexcept { return qdq_quantizer_is_clipping(c()); }
  /// Returns whether data is observed.
  [[nodiscard]] bool is_calibrating() const noexcept { return qdq_quantizer_is_calibrating(c()); }
  /// Returns whether every tensor is quantized by its own max |x|, because no range is set.
  [[nodiscard]] bool is_dynamic() const noexcept { return qdq_quantizer_is_dynamic(c()); }

  /// Sets the amax (f32). It must have the shape of the previous amax.
  [[nodiscard]] Result<void> set_amax(const TensorView& amax) { return detail::call(qdq_quantizer_set_amax, c(), amax.c()); }
  /// Makes the range dynamic again. After that, an amax of any shape may be set.
  [[nodiscard]] Result<void> clear_amax() { return detail::call(qdq_quantizer_set_amax, c(), nullptr); }
  /// Sets the factors that data is multiplied by before quantization (f32, broadcast to its shape).
  [[nodiscard]] Result<void> set_pre_quant_scale(const TensorView& scale) {
    return detail::call(qdq_quantizer_set_pre_quant_scale, c(), scale.c());
  }
  /// Removes the pre-quantization scale.
  [[nodiscard]] Result<void> clear_pre_quant_scale() {
    return detail::call(qdq_quantizer_set_pre_quant_scale, c(), nullptr);
  }
  /// Returns the amax that is set; nothing if the range is dynamic.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_quantizer_amax, c()); }
  /// Returns the amax that data is quantized by; nothing if the range is dynamic or not learned yet.
  [[nodiscard]] Result<std::optional<Array>> amax_in_use() const {
    return detail::make_if_any<Array>(qdq_quantizer_amax_in_use, c());
  }
  /// Returns the amax for an exported model. Fails if the range is dynamic or the quantizer is still
  /// calibrating.
  [[nodiscard]] Result<Array> amax_for_export() const { return detail::make<Array>(qdq_quantizer_amax_for_export, c()); }
  /// Returns the width of one step; nothing if the range is dynamic.
  [[nodiscard]] Result<std::optional<Array>> step_size() const {
    return detail::make_if_any<Array>(qdq_quantizer_step_size, c());
  }
  /// Returns the inverse scale, M / amax, of the integers of the last forward().
  [[nodiscard]] Result<std::optional<Array>> inverse_scale() const {
    return detail::make_if_any<Array>(qdq_quantizer_inverse_scale, c());
  }
  /// Returns the factors that data is multiplied by before quantization.
  [[nodiscard]] Result<std::optional<Array>> pre_quant_scale() const {
    return detail::make_if_any<Array>(qdq_quantizer_pre_quant_scale, c());
  }

  /// Sets the learned range to the values that training has reached.
  [[nodiscard]] Result<void> set_clip_range(float min, float max) {
    return detail::call(qdq_quantizer_set_clip_range, c(), min, max);
  }
  /// Returns the learned range; NaN if there is none.
  [[nodiscard]] ClipRange clip_range() const noexcept {
    ClipRange range{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
    (void)qdq_quantizer_clip_range(c(), &range.min, &range.max, nullptr);
    return range;
  }
  /// Starts learning from the amax: sets the clip range to minus and plus its largest number.
  [[nodiscard]] Result<void> init_learn_amax() { return detail::call(qdq_quantizer_init_learn_amax, c()); }

  /// Applies the quantizer to x (f32, f16, bf16, f64). out has the shape and type of x and may be its memory.
  [[nodiscard]] Result<void> forward(const TensorView& x, const MutableTensorView& out) {
    return detail::call(qdq_quantizer_forward, c(), x.c(), out.c());
  }
  /// Does the same without observing. Any number of threads can use one quantizer this way. Returns M / amax
  /// if the quantizer gives integers.
  [[nodiscard]] Result<std::optional<Array>> quantize(const TensorView& x, const MutableTensorView& out) const {
    return detail::make_if_any<Array>(qdq_quantizer_quantize, c(), x.c(), out.c());
  }
  /// Computes the gradient of forward() with respect to x. out may be the memory of gradient or x. Returns
  /// the gradients of the learned range, 0 if nothing is learned.
  [[nodiscard]] Result<ClipGradient> backward(const TensorView& gradient, const TensorView& x,
                                              const MutableTensorView& out) const {
    ClipGradient ends{};
    QDQ_TRY_AS(done, detail::call(qdq_quantizer_backward, c(), gradient.c(), x.c(), out.c(), &ends.min, &ends.max));
    return ends;
  }

  /// Observes a batch for calibration, independently of the switches.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_quantizer_observe, c(), x.c()); }
  /// Discards the statistics of the calibration.
  [[nodiscard]] Result<void> reset_calibration() { return detail::call(qdq_quantizer_reset_calibration, c()); }
  /// Adds the statistics of another quantizer with the same kept axes, for example from another thread.
  [[nodiscard]] Result<void> merge(const Quantizer& other) { return detail::call(qdq_quantizer_merge, c(), other.c()); }
  /// Writes the statistics of the calibration to a file, completely or not at all. Stats::load() reads the
  /// file; for maxima of axes, AxisMax::load() reads it.
  [[nodiscard]] Result<void> save_calibration(const std::string& path) const {
    return detail::call(qdq_quantizer_save_calibration, c(), path.c_str());
  }
  /// Reads such a file and replaces the statistics. To add them instead, load the file into a clone() and
  /// merge that.
  ///
  /// Fails if the file is from another method, axis or block; the statistics are unchanged then.
  [[nodiscard]] Result<void> load_calibration(const std::string& path) {
    return detail::call(qdq_quantizer_load_calibration, c(), path.c_str());
  }
  /// Returns the content of that file. Equal calibrations give equal bytes.
  [[nodiscard]] Result<Buffer> calibration_to_bytes() const {
    return detail::make<Buffer>(qdq_quantizer_calibration_to_bytes, c());
  }
  /// Replaces the statistics by the content of such a file. The bytes are not kept.
  [[nodiscard]] Result<void> calibration_from_bytes(Bytes bytes) {
    return detail::call(qdq_quantizer_calibration_from_bytes, c(), bytes.data(), bytes.size());
  }
  /// Returns a copy of the statistics. Fails if the descriptor observes maxima.
  [[nodiscard]] Result<TensorStats> stats() const { return detail::make<TensorStats>(qdq_quantizer_stats, c()); }
  /// Computes the amax from the statistics and sets it. If nothing was observed, it fails if `strict`;
  /// otherwise it returns false and the amax is unchanged.
  [[nodiscard]] Result<bool> load_calib_amax(RangeMethod method, bool strict = true) {
    return detail::get<bool>(qdq_quantizer_load_calib_amax, c(), detail::number(method.method), method.percentile, strict);
  }
  /// Does the same with the options of pytorch-quantization's entropy and mse.
  ///
  /// Fails if calib_method is not CalibMethod::Compat, if the method is neither of these two, if the stride
  /// is 0, or if no bin is left.
  [[nodiscard]] Result<bool> load_calib_amax(Method method, Search search, bool strict = true) {
    return detail::get<bool>(qdq_quantizer_load_calib_amax_searching, c(), detail::number(method), search.start_bin,
                             search.stride, strict);
  }
};

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
