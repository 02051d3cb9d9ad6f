// Fake quantization whose step is learned.
#ifndef QDQ_LEARNED_STEP_HPP
#define QDQ_LEARNED_STEP_HPP

#include <cstddef>

#include <qdq/descriptor.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Fake quantization by the width of one integer step, which training moves: out = clamp(round(x / step), L,
/// M) * step. The step (f32, positive, finite) broadcasts to the shape of x, with the descriptor's blocks
/// where it has them. Quantizer::step_size() of a calibrated quantizer is a good start, and step * M the amax
/// for a file.
[[nodiscard]] inline Result<void> learned_step_quant(const TensorView& x, const TensorView& step,
                                                     const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_learned_step_quant, x.c(), step.c(), descriptor.c(), out.c());
}

/// The gradients of learned_step_quant(): out, which may be the memory of gradient or x, receives that of x,
/// step_gradient (f32, of the shape of step) that of the step times gradient_scale. See
/// qdq_tensor_learned_step_quant_backward() in qdq.h.
[[nodiscard]] inline Result<void> learned_step_quant_backward(const TensorView& gradient, const TensorView& x,
                                                              const TensorView& step, const Descriptor& descriptor,
                                                              float gradient_scale, const MutableTensorView& out,
                                                              const MutableTensorView& step_gradient) {
  return detail::call(qdq_tensor_learned_step_quant_backward, gradient.c(), x.c(), step.c(), descriptor.c(), gradient_scale,
                      out.c(), step_gradient.c());
}

/// The factor 1 / sqrt(count * M) on the gradient of a step that `count` values share, by which weights and
/// steps learn at the same pace: the size of the weight, or of its channel, or the number of features of an
/// activation.
[[nodiscard]] inline Result<float> learned_step_gradient_scale(std::size_t count, const Descriptor& descriptor) {
  return detail::get<float>(qdq_tensor_learned_step_gradient_scale, count, descriptor.c());
}

}  // namespace qdq

#endif
