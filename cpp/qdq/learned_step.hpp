// Fake quantization with a learned step.
#ifndef QDQ_LEARNED_STEP_HPP
#define QDQ_LEARNED_STEP_HPP

#include <cstddef>

#include <qdq/descriptor.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Fake-quantizes by the width of one integer step, which training learns: out = clamp(round(x / step), L,
/// M) * step.
///
/// The step (f32, positive, finite) broadcasts to the shape of x; if the descriptor has blocks, by blocks.
/// Quantizer::step_size() of a calibrated quantizer is a good start value. The amax for a file is step * M.
[[nodiscard]] inline Result<void> learned_step_quant(const TensorView& x, const TensorView& step,
                                                     const Descriptor& descriptor, const MutableTensorView& out) {
  return detail::call(qdq_tensor_learned_step_quant, x.c(), step.c(), descriptor.c(), out.c());
}

/// Computes the gradients of learned_step_quant().
///
/// out receives the gradient of x; it may be the memory of gradient or x. step_gradient (f32, of the shape of
/// step) receives the gradient of the step times gradient_scale. See qdq_tensor_learned_step_quant_backward()
/// in qdq.h.
[[nodiscard]] inline Result<void> learned_step_quant_backward(const TensorView& gradient, const TensorView& x,
                                                              const TensorView& step, const Descriptor& descriptor,
                                                              float gradient_scale, const MutableTensorView& out,
                                                              const MutableTensorView& step_gradient) {
  return detail::call(qdq_tensor_learned_step_quant_backward, gradient.c(), x.c(), step.c(), descriptor.c(), gradient_scale,
                      out.c(), step_gradient.c());
}

/// Returns the factor 1 / sqrt(count * M) for the gradient of a step that `count` values share. With it,
/// weights and steps learn at the same pace.
///
/// For a weight, `count` is the size of the weight or of its channel; for an activation, the number of
/// features.
[[nodiscard]] inline Result<float> learned_step_gradient_scale(std::size_t count, const Descriptor& descriptor) {
  return detail::get<float>(qdq_tensor_learned_step_gradient_scale, count, descriptor.c());
}

}  // namespace qdq

#endif
