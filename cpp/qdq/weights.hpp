// Functions for the weights of a network.
#ifndef QDQ_WEIGHTS_HPP
#define QDQ_WEIGHTS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Computes the ranges (amax) of weights (f32, f16, bf16, f64): one per index of `axis`, or one for all with
/// no_axis. A negative axis counts from the last. Method::Mse minimises the error of the results that the
/// weights compute.
[[nodiscard]] inline Result<Array> weights_amax(const TensorView& weights, std::int32_t axis,
                                                RangeMethod method = Method::Mse, std::uint32_t num_bits = 8,
                                                bool is_unsigned = false) {
  return detail::make<Array>(qdq_weights_amax, weights.c(), axis, detail::number(method.method), method.percentile, num_bits,
                             is_unsigned);
}

/// Computes the ranges of weights as pytorch-quantization's calibrate_weights does, for programs that need
/// the same numbers: max, mse or percentile over a histogram of `num_bins` linear bins. The ranges of
/// weights_amax() are better.
[[nodiscard]] inline Result<Array> weights_compat_amax(const TensorView& weights, std::int32_t axis, RangeMethod method,
                                                       std::uint32_t num_bits = 8, bool is_unsigned = false,
                                                       std::size_t num_bins = 2048) {
  return detail::make<Array>(qdq_weights_compat_amax, weights.c(), axis, detail::number(method.method), method.percentile,
                             num_bits, is_unsigned, num_bins);
}

/// Quantizes weights symmetrically to int8 as ONNX's QuantizeLinear does, by max |w|: one scale per index of
/// `axis`, or one for all with no_axis.
///
/// `out` is i8 and has the shape of the weights. Returns the scales amax / 127, by which ONNX and TensorRT
/// multiply.
[[nodiscard]] inline Result<Array> weights_quantize(const TensorView& weights, std::int32_t axis,
                                                    const MutableTensorView& out) {
  return detail::make<Array>(qdq_weights_quantize, weights.c(), axis, nullptr, out.c());
}
/// Does the same with a given amax (f32) that has one number per scale.
[[nodiscard]] inline Result<Array> weights_quantize(const TensorView& weights, std::int32_t axis, const TensorView& amax,
                                                    const MutableTensorView& out) {
  return detail::make<Array>(qdq_weights_quantize, weights.c(), axis, amax.c(), out.c());
}

/// Returns the scales of weights as a 16-bit type holds them: rounded, and raised to its smallest normal
/// number. Returns nothing if raising would touch more than dead channels: then keep the scales in f32.
[[nodiscard]] inline Result<std::optional<Array>> weights_half_scale(const TensorView& weights, std::int32_t axis,
                                                                     const TensorView& scales, Half half) {
  return detail::make_if_any<Array>(qdq_weights_half_scale, weights.c(), axis, scales.c(), detail::number(half));
}

/// Quantizes weights (f32, f16, bf16, f64) in a format, as Model::quantize() stores them: weight = number *
/// scale. Returns the scales in f32: of rank 0 or 1, or with blocks of the shape of the weights, except along
/// the axis.
///
/// `axis` is the axis with one scale per index, or per `block` of them; no_axis for a single scale. `block`
/// is 0 for formats without blocks. Both are those of a plan: Plan::Weight. `scale_dtype` is the type that
/// will hold the scales, f32, f16 or bf16: they are rounded to it before anything is quantized, unless it
/// cannot hold those of live channels. `out` has the shape of the weights and the type of the format:
/// DType::I8, DType::E4M3, or DType::I4 with two in a byte.
[[nodiscard]] inline Result<Array> weights_store(const TensorView& weights, Format format, std::int32_t axis,
                                                 std::size_t block, RangeMethod method, DType scale_dtype,
                                                 const MutableTensorView& out) {
  return detail::make<Array>(qdq_weights_store, weights.c(), detail::number(format), axis, block,
                             detail::number(method.method), method.percentile, detail::number(scale_dtype), out.c());
}

/// One scale for all output channels of a weight.
struct OneScale {
  float scale;    ///< t; 0 if results could exceed f16 with every scale: then keep the scales of the channels.
  Array values;   ///< q t, with the shape of the weights.
  Array factors;  ///< s / t, one per channel: the factors of the results.
};

/// Computes one scale for all output channels of a convolution's weight, as TensorRT-RTX needs it to write
/// INT8 or half precision: conv(x, q s) = conv(x, q t) * (s / t) for the integers q and the scales s.
///
/// `largest_input` is the largest magnitude that the convolution reads: 128 scales of its input.
[[nodiscard]] inline Result<OneScale> weights_one_scale(const TensorView& weights, const TensorView& scales,
                                                        float largest_input) {
  float scale = 0.0f;
  qdq_array* factors = nullptr;
  auto values = detail::make<Array>(qdq_weights_one_scale, weights.c(), scales.c(), largest_input, &scale, &factors);
  if (!values) return std::move(values).error();
  return OneScale{scale, *std::move(values), Array(factors)};
}

/// Returns the scale of an activation as a 16-bit type holds it, rounded. Returns nothing if that is no
/// normal number of the type: then keep the scale in f32.
[[nodiscard]] inline std::optional<float> half_scale(float scale, Half half) noexcept {
  const float held = qdq_half_scale(scale, detail::number(half));
  return held == 0.0f ? std::nullopt : std::optional<float>(held);
}

/// Returns the scale of a range in a format: amax divided by the largest quantized number. It is NaN if
/// `amax` is not a valid range.
[[nodiscard]] inline float format_scale(Format format, float amax) noexcept {
  return qdq_format_scale(detail::number(format), amax);
}

/// Returns the scale of an activation's range in a format as a 16-bit type holds it: rounded, and raised to
/// its smallest normal number if that costs the format nothing. Returns nothing if the type does not hold it:
/// then keep the scale in f32.
[[nodiscard]] inline std::optional<float> format_half_scale(Format format, float amax, Half half) noexcept {
  const float held = qdq_format_half_scale(detail::number(format), amax, detail::number(half));
  return held == 0.0f ? std::nullopt : std::optional<float>(held);
}

}  // namespace qdq

#endif
