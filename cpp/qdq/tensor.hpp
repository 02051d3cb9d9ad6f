// Quantize tensors, and back.
#ifndef QDQ_TENSOR_HPP
#define QDQ_TENSOR_HPP

#include <cstdint>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/descriptor.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/tensor_view.hpp>

#include <qdq/detail/try.hpp>

// qdq.h has the formulas beside the function of the same name. In what follows x is f32, f16, bf16 or f64,
// and amax is f32 and broadcasts to the shape of x. Where there is no amax, it is that of amax(x,
// descriptor). Where nothing else is said, out has the shape and type of x and may be its memory.

namespace qdq {

/// The amax to quantize x with: the descriptor's fixed one, else max |x| per tensor, axis or block; times its
/// factor.
[[nodiscard]] inline Result<Array> amax(const TensorView& x, const Descriptor& descriptor) {
  return detail::make<Array>(qdq_tensor_amax, x.c(), descriptor.c());
}

/// Quantizes and keeps the integers in the type of the data: out = clamp(round(x * M / amax), L, M). Returns
/// M / amax. In e4m3 out has the numbers, e4m3(x * 448 / amax), and 448 / amax is returned.
[[nodiscard]] inline Result<Array> quant(const TensorView& x, const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quant, x.c(), nullptr, descriptor.c(), out.c());
}
/// The same by an amax.
[[nodiscard]] inline Result<Array> quant(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                         const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quant, x.c(), amax.c(), descriptor.c(), out.c());
}

/// Quantizes to an integer type, or to e4m3 where the descriptor says so: out = clamp(round(x * M / amax), L,
/// M). Returns the inverse scale M / amax, for e4m3 448 / amax: the reciprocal of the scale, ONNX's and
/// TensorRT's.
///
/// out has the shape of x and the type i8, u8, i16, u16, i4 or u4, whichever holds L to M, or e4m3 or u8 for
/// e4m3. A NaN in x is an error but for e4m3, where it stays NaN; after an error out may hold anything.
[[nodiscard]] inline Result<Array> quantize(const TensorView& x, const Descriptor& descriptor,
                                            const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quantize, x.c(), nullptr, descriptor.c(), out.c());
}
/// The same by an amax.
[[nodiscard]] inline Result<Array> quantize(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                            const MutableTensorView& out) {
  return detail::make<Array>(qdq_tensor_quantize, x.c(), amax.c(), descriptor.c(), out.c());
}

/// Quantizes and goes back at once: out = clamp(round(x * M / amax), L, M) / (M / amax).
[[nodiscard]] inline Result<void> fake_quant(const TensorView& x, const Descriptor& descriptor,
                                             const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant, x.c(), nullptr, descriptor.c(), out.c());
}
/// The same by an amax.
[[nodiscard]] inline Result<void> fake_quant(const TensorView& x, const TensorView& amax, const Descriptor& descriptor,
                                             const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant, x.c(), amax.c(), descriptor.c(), out.c());
}

/// The way back from integers: out = q / inverse_scale, with what quantize() gives. q is what quantize()
/// takes as out, out has its shape and a type that quantize() takes as x.
[[nodiscard]] inline Result<void> dequantize(const TensorView& q, const TensorView& inverse_scale,
                                             const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_dequantize, q.c(), inverse_scale.c(), descriptor.c(), out.c());
}

/// The gradient of fake_quant(), and of quant() from that of the integers, with respect to x: out = gradient
/// where |x| <= amax, 0 elsewhere and where x or amax is NaN. out may be the memory of gradient or x.
[[nodiscard]] inline Result<void> fake_quant_backward(const TensorView& gradient, const TensorView& x,
                                                      const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant_backward, gradient.c(), x.c(), nullptr, descriptor.c(), out.c());
}
/// The same by an amax.
[[nodiscard]] inline Result<void> fake_quant_backward(const TensorView& gradient, const TensorView& x,
                                                      const TensorView& amax, const Descriptor& descriptor,
                                                      const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_quant_backward, gradient.c(), x.c(), amax.c(), descriptor.c(), out.c());
}

/// Fake quantization of `min` to `max` with a zero point, in integers of 2 to 16 bits.
[[nodiscard]] inline Result<void> fake_affine_quant(const TensorView& x, float min, float max, std::uint32_t num_bits,
                                                    const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_affine_quant, x.c(), min, max, num_bits, out.c());
}

/// The gradient of fake_affine_quant() with respect to x: out = gradient where min <= x <= max, else 0.
[[nodiscard]] inline Result<void> fake_affine_quant_backward(const TensorView& gradient, const TensorView& x, float min,
                                                             float max, const MutableTensorView& out) {
  return detail::call(qdq_tensor_fake_affine_quant_backward, gradient.c(), x.c(), min, max, out.c());
}

/// out = min(max(x, min), max); NaN stays NaN.
[[nodiscard]] inline Result<void> clip(const TensorView& x, float min, float max, const MutableTensorView& out) {
  return detail::call(qdq_tensor_clip, x.c(), min, max, out.c());
}

/// The gradients of the ends of a learned range.
struct ClipGradient {
  double min;  ///< The sum of the gradient where x <= min.
  double max;  ///< The sum of the gradient where x >= max.
};

/// The gradient of clip() with respect to x: out = gradient where min < x < max, else 0. Returns those of min
/// and max.
[[nodiscard]] inline Result<ClipGradient> clip_backward(const TensorView& gradient, const TensorView& x, float min,
                                                        float max, const MutableTensorView& out) {
  ClipGradient ends{};
  QDQ_TRY_AS(done, detail::call(qdq_tensor_clip_backward, gradient.c(), x.c(), min, max, out.c(), &ends.min, &ends.max));
  return ends;
}

/// out = x * factors, with factors (f32) broadcast to the shape of x.
[[nodiscard]] inline Result<void> multiply(const TensorView& x, const TensorView& factors, const MutableTensorView& out) {
  return detail::call(qdq_tensor_multiply, x.c(), factors.c(), out.c());
}

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
