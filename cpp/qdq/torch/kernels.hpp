// The functions for tensors of the CPU: qdq's kernels on the tensors' own memory.
#ifndef QDQ_TORCH_KERNELS_HPP
#define QDQ_TORCH_KERNELS_HPP

#include <utility>

#include <qdq/descriptor.hpp>
#include <qdq/learned_step.hpp>
#include <qdq/tensor.hpp>
#include <qdq/torch/tensor.hpp>

namespace qdq::nn::detail::kernels {

using torch::Tensor;

inline Tensor like(const Tensor& x) { return torch::empty(x.sizes(), x.options().requires_grad(false)); }

/// Returns the amax on the host, in the form that the kernels read.
inline Tensor host(const Tensor& amax) { return amax.detach().to(torch::kCPU, torch::kFloat); }

inline Tensor amax_of(const Tensor& x, const Descriptor& descriptor) {
  return to_tensor(qdq::amax(view(x), descriptor).value());
}

inline Tensor fake_quant(const Tensor& x, const Tensor& amax, const Descriptor& descriptor) {
  auto out = like(x);
  qdq::fake_quant(view(x), view(host(amax)), descriptor, view(out)).value();
  return out;
}

inline std::pair<Tensor, Tensor> quant(const Tensor& x, const Tensor& amax, const Descriptor& descriptor) {
  auto out = like(x);
  auto scale = to_tensor(qdq::quant(view(x), view(host(amax)), descriptor, view(out)).value());
  return {std::move(out), std::move(scale)};
}

inline Tensor backward(const Tensor& gradient, const Tensor& x, const Tensor& amax, const Descriptor& descriptor) {
  auto out = like(x);
  qdq::fake_quant_backward(view(gradient), view(x), view(host(amax)), descriptor, view(out)).value();
  return out;
}

inline Tensor affine(const Tensor& x, float min, float max, std::uint32_t num_bits) {
  auto out = like(x);
  qdq::fake_affine_quant(view(x), min, max, num_bits, view(out)).value();
  return out;
}

inline Tensor affine_backward(const Tensor& gradient, const Tensor& x, float min, float max) {
  auto out = like(x);
  qdq::fake_affine_quant_backward(view(gradient), view(x), min, max, view(out)).value();
  return out;
}

inline Tensor clip(const Tensor& x, float min, float max) {
  auto out = like(x);
  qdq::clip(view(x), min, max, view(out)).value();
  return out;
}

inline std::pair<Tensor, ClipGradient> clip_backward(const Tensor& gradient, const Tensor& x, float min, float max) {
  auto out = like(x);
  const auto ends = qdq::clip_backward(view(gradient), view(x), min, max, view(out)).value();
  return {std::move(out), ends};
}

inline Tensor learned_step(const Tensor& x, const Tensor& step, const Descriptor& descriptor) {
  auto out = like(x);
  qdq::learned_step_quant(view(x), view(host(step)), descriptor, view(out)).value();
  return out;
}

inline std::pair<Tensor, Tensor> learned_step_backward(const Tensor& gradient, const Tensor& x, const Tensor& step,
                                                       const Descriptor& descriptor, float gradient_scale) {
  auto out = like(x);
  auto to_step = torch::empty(step.sizes(), torch::kFloat);
  qdq::learned_step_quant_backward(view(gradient), view(x), view(host(step)), descriptor, gradient_scale, view(out),
                                   view(to_step))
      .value();
  return {std::move(out), std::move(to_step)};
}

}  // namespace qdq::nn::detail::kernels

#endif
