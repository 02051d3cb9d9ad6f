// Functions that quantize and dequantize tensors.
#ifndef QDQ_TENSOR_HPP
#define QDQ_TENSOR_HPP

#include <cstdint>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/descriptor.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/tensor_view.hpp>

#include <qdq/detail/try.hpp>

// The formulas are in qdq.h, at the function of the same name. In this file x is f32, f16, bf16 or f64, and
// amax is f32 and broadcasts to the shape of x. A function without an amax uses amax(x, descriptor). Unless
// stated otherwise, out has the shape and type of x and may be its memory.

namespace qdq {

/// Returns the amax for quantizing x: the descriptor's fixed amax, or else max |x| per tensor, axis or block;
/// multiplied by the descriptor's factor.
[[nodiscard]] inline Result<Array> amax(const TensorView& x, const Descriptor& descriptor) {
  return detail::make<Array>(qdq_tensor_amax, x.c(), descriptor.c());
}

/// Quantizes and keeps the integers in the type of the data: out = clamp(round(x * M / amax), L, M). Returns
/// M / amax.
///
/// For e4m3, out = e4m3(x * 448 / amax), and 448 / amax is returned.
[[nodiscard]] inline Result<Array> quant(const TensorView& x, const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quant, x.c(), nullptr, descriptor.c(), out.c());
}
/// Does the same with a given amax.
[[nodiscard]] inline Result<Array> quant(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                         const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quant, x.c(), amax.c(), descriptor.c(), out.c());
}

/// Quantizes to an integer type, or to e4m3 if the descriptor's format is e4m3: out = clamp(round(x * M /
/// amax), L, M). Returns the inverse scale M / amax, for e4m3 448 / amax: the reciprocal of the scale of ONNX
/// and TensorRT.
///
/// out has the shape of x. Its type is i8, u8, i16, u16, i4 or u4, whichever holds L to M; for e4m3 it is
/// e4m3 or u8. A NaN in x is an error, except for e4m3, where it stays NaN. After an error the content of out
/// is undefined.
[[nodiscard]] inline Result<Array> quantize(const TensorView& x, const Descriptor& descriptor,
                                            const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quantize, x.c(), nullptr, descriptor.c(), out.c());
}
/// Does the same with a given amax.
[[nodiscard]] inline Result<Array> quantize(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                            const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quantize, x.c(), amax.c(), descriptor.c(), out.c());
}

/// Quantizes and dequantizes in one step: out = clamp(round(x * M / amax), L, M) / (M / amax).
[[nodiscard]] inline Result<void> fake_quant(const TensorView& x, const Descriptor& descriptor,
                                             const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant, x.c(), nullptr, descriptor.c(), out.c());
}
/// Does the same with a given amax.
[[nodiscard]] inline Result<void> fake_quant(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                             const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant, x.c(), amax.c(), descriptor.c(), out.c());
}

/// Dequantizes integers: out = q / inverse_scale, with the inverse scale that quantize() returns. q has a
/// type that quantize() writes. out has the shape of q and a type that quantize() reads.
[[nodiscard]] inline Result<void> dequantize(const TensorView& q, const TensorView& inverse_scale,
                                             const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_dequantize, q.c(), inverse_scale.c(), descriptor.c(), out.c());
}

/// Computes the gradient of fake_quant() with respect to x: out = gradient if |x| <= amax, else 0, and 0 if x
/// or amax is NaN. out may be the memory of gradient or x.
///
/// This is also the gradient of quant(), if `gradient` is the gradient with respect to the integers.
[[nodiscard]] inline Result<void> fake_quant_backward(const TensorView& gradient, const TensorView& x,
                                                      const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant_backward, gradient.c(), x.c(), nullptr, descriptor.c(), out.c());
}
/// Does the same with a given amax.
[[nodiscard]] inline Result<void> fake_quant_backward(const TensorView& gradient, const TensorView& x,
                                                      const TensorView& amax, const Descriptor& descriptor,
                                                      const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant_backward, gradient.c(), x.c(), amax.c(), descriptor.c(), out.c());
}

/// Fake-quantizes the range `min` to `max` with a zero point, to integers of 2 to 16 bits.
[[nodiscard]] inline Result<void> fake_affine_quant(const TensorView& x, float min, float max, std::uint32_t num_bits,
                                                    const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_affine_quant, x.c(), min, max, num_bits, out.c());
}

/// Computes the gradient of fake_affine_quant() with respect to x: out = gradient if min <= x <= max, else 0.
[[nodiscard]] inline Result<void> fake_affine_quant_backward(const TensorView& gradient, const TensorView& x, float min,
                                                             float max, const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_affine_quant_backward, gradient.c(), x.c(), min, max, out.c());
}

/// Clips x: out = min(max(x, min), max). NaN stays NaN.
[[nodiscard]] inline Result<void> clip(const TensorView& x, float min, float max, const MutableTensorView& out) {
  return detail::call(qdq_tensor_clip, x.c(), min, max, out.c());
}

/// The gradients of the ends of a learned range.
struct ClipGradient {
  double min;  ///< The sum of the gradient over all x <= min.
  double max;  ///< The sum of the gradient over all x >= max.
};

/// Computes the gradient of clip() with respect to x: out = gradient if min < x < max, else 0. Returns the
/// gradients of min and max.
[[nodiscard]] inline Result<ClipGradient> clip_backward(const TensorView& gradient, const TensorView& x, float min,
                                                        float max, const MutableTensorView& out) {
  ClipGradient ends{};
  QDQ_TRY_AS(done, detail::call(qdq_tensor_clip_backward, gradient.c(), x.c(), min, max, out.c(), &ends.min, &ends.max));
  return ends;
}

/// Multiplies x: out = x * factors, with factors (f32) broadcast to the shape of x.
[[nodiscard]] inline Result<void> multiply(const TensorView& x, const TensorView& factors, const MutableTensorView& out) {
  return detail::call(qdq_tensor_multiply, x.c(), factors.c(), out.c());
}

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
