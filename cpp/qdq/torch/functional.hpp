// Quantization functions for autograd.
#ifndef QDQ_TORCH_FUNCTIONAL_HPP
#define QDQ_TORCH_FUNCTIONAL_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <qdq/descriptor.hpp>
#include <qdq/torch/kernels.hpp>
#include <qdq/torch/operations.hpp>

// Data is float, double, half or bfloat16. On the CPU, qdq's kernels read contiguous tensors in place, and
// other tensors by their strides. On a GPU, torch's operations compute the same numbers. The formulas are in
// qdq.h, at the functions named at each. M is the highest integer of the descriptor's format, L the lowest.
//
// Any number of threads may call these functions. Errors are qdq::Exception.

namespace qdq::nn {

/// An immutable descriptor that modules and gradients share.
using SharedDescriptor = std::shared_ptr<const Descriptor>;

/// Moves a descriptor into shared ownership.
[[nodiscard]] inline SharedDescriptor share(Descriptor descriptor) {
  return std::make_shared<const Descriptor>(std::move(descriptor));
}

namespace detail {

/// The part of its descriptor that a node of the autograd graph keeps.
struct Kept : torch::CustomClassHolder {
  explicit Kept(SharedDescriptor shared) : descriptor(std::move(shared)) {}
  SharedDescriptor descriptor;
};

inline bool on_host(const torch::Tensor& x) { return x.device().is_cpu(); }

inline void keep(torch::autograd::AutogradContext* context, const SharedDescriptor& descriptor) {
  context->saved_data["descriptor"] = c10::IValue::make_capsule(c10::make_intrusive<Kept>(descriptor));
}

inline SharedDescriptor kept(torch::autograd::AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<Kept>(context->saved_data["descriptor"].toCapsule())->descriptor;
}

/// Returns the gradient of data that passed, that is, if |x| is not above amax.
inline torch::Tensor straight_through(torch::autograd::AutogradContext* context, const torch::Tensor& gradient) {
  const auto saved = context->get_saved_variables();
  const auto descriptor = kept(context);
  const auto& x = saved[0];
  const auto same = gradient.to(x.scalar_type());
  return on_host(x) ? kernels::backward(same, x, saved[1], *descriptor)
                    : operations::backward(same, x, saved[1], *descriptor);
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FakeTensorQuant : torch::autograd::Function<FakeTensorQuant> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& amax,
                               SharedDescriptor descriptor) {
    context->save_for_backward({x, amax});
    keep(context, descriptor);
    return on_host(x) ? kernels::fake_quant(x, amax, *descriptor) : operations::fake_quant(x, amax, *descriptor);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {straight_through(context, gradients[0]), torch::Tensor(), torch::Tensor()};
  }
};

struct TensorQuant : torch::autograd::Function<TensorQuant> {
  static variable_list forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& amax,
                               SharedDescriptor descriptor) {
    context->save_for_backward({x, amax});
    keep(context, descriptor);
    auto [values, scale] = on_host(x) ? kernels::quant(x, amax, *descriptor) : operations::quant(x, amax, *descriptor);
    context->mark_non_differentiable({scale});
    return {values, scale};
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {straight_through(context, gradients[0]), torch::Tensor(), torch::Tensor()};
  }
};

struct FakeAffineQuant : torch::autograd::Function<FakeAffineQuant> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, double min, double max,
                               std::int64_t num_bits) {
    context->save_for_backward({x});
    context->saved_data["min"] = min;
    context->saved_data["max"] = max;
    const auto from = static_cast<float>(min), to = static_cast<float>(max);
    const auto bits = static_cast<std::uint32_t>(num_bits);
    return on_host(x) ? kernels::affine(x, from, to, bits) : operations::affine(x, from, to, bits);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto x = context->get_saved_variables()[0];
    const auto from = static_cast<float>(context->saved_data["min"].toDouble());
    const auto to = static_cast<float>(context->saved_data["max"].toDouble());
    const auto gradient = gradients[0].to(x.scalar_type());
    const auto found = on_host(x) ? kernels::affine_backward(gradient, x, from, to)
                                  : operations::affine_backward(gradient, x, from, to);
    return {found, torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

struct Clip : torch::autograd::Function<Clip> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& min,
                               const torch::Tensor& max) {
    context->save_for_backward({x, min, max});
    const auto from = min.item<float>(), to = max.item<float>();
    return on_host(x) ? kernels::clip(x, from, to) : operations::clip(x, from, to);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto from = saved[1].item<float>(), to = saved[2].item<float>();
    const auto gradient = gradients[0].to(x.scalar_type());
    const auto [found, ends] = on_host(x) ? kernels::clip_backward(gradient, x, from, to)
                                          : operations::clip_backward(gradient, x, from, to);
    return {found, torch::full_like(saved[1], ends.min), torch::full_like(saved[2], ends.max)};
  }
};

struct LearnedStep : torch::autograd::Function<LearnedStep> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& step,
                               SharedDescriptor descriptor, double gradient_scale) {
    context->save_for_backward({x, step});
    keep(context, descriptor);
    context->saved_data["gradient_scale"] = gradient_scale;
    return on_host(x) ? kernels::learned_step(x, step, *descriptor) : operations::learned_step(x, step, *descriptor);
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &step = saved[1];
    const auto descriptor = kept(context);
    const auto gradient = gradients[0].to(x.scalar_type());
    const auto factor = static_cast<float>(context->saved_data["gradient_scale"].toDouble());
    const auto [to_x, to_step] = on_host(x) ? kernels::learned_step_backward(gradient, x, step, *descriptor, factor)
                                            : operations::learned_step_backward(gradient, x, step, *descriptor, factor);
    return {to_x, to_step.to(step.device(), step.scalar_type()), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace detail

/// torch::nn::functional with quantization functions added.
namespace functional {

using namespace torch::nn::functional;  // NOLINT: the using directive is the purpose of this namespace.

/// Returns the dynamic amax of x: max |x| per tensor, axis or block, times the descriptor's factor. It is
/// float, on the device of x, without gradient.
[[nodiscard]] inline torch::Tensor amax(const torch::Tensor& x, const Descriptor& descriptor) {
  detail::check_quantizable(x);
  return detail::on_host(x) ? detail::kernels::amax_of(x, descriptor) : detail::operations::amax_of(x, descriptor);
}

/// Quantizes and dequantizes in one step, as qdq_tensor_fake_quant(): y = clamp(round(x * M / amax), L, M) /
/// (M / amax), or e4m3.
///
/// amax is float and broadcasts to x; if the descriptor has blocks, by blocks. The gradient passes if |x| <=
/// amax and is 0 elsewhere. amax gets no gradient.
[[nodiscard]] inline torch::Tensor fake_tensor_quant(const torch::Tensor& x, const torch::Tensor& amax,
                                                     const SharedDescriptor& descriptor = share(Descriptor())) {
  detail::check_quantizable(x);
  return detail::FakeTensorQuant::apply(x, amax, descriptor);
}

/// Quantizes and keeps the integers in the type of x, as qdq_tensor_quant(). Returns them with the inverse
/// scale M / amax (float), which has no gradient. The gradient of x passes if |x| <= amax.
[[nodiscard]] inline std::pair<torch::Tensor, torch::Tensor> tensor_quant(
    const torch::Tensor& x, const torch::Tensor& amax, const SharedDescriptor& descriptor = share(Descriptor())) {
  detail::check_quantizable(x);
  auto found = detail::TensorQuant::apply(x, amax, descriptor);
  return {found[0], found[1]};
}

/// Fake-quantizes the range `min` to `max` with a zero point, to integers of 2 to 16 bits, as
/// qdq_tensor_fake_affine_quant(). The gradient passes if min <= x <= max.
[[nodiscard]] inline torch::Tensor fake_affine_tensor_quant(const torch::Tensor& x, float min, float max,
                                                            std::uint32_t num_bits = 8) {
  detail::check_quantizable(x);
  return detail::FakeAffineQuant::apply(x, static_cast<double>(min), static_cast<double>(max),
                                        static_cast<std::int64_t>(num_bits));
}

/// Fake-quantizes to the 8-bit float e4m3: y = e4m3(x * 448 / amax) / (448 / amax). The gradient passes if
/// |x| <= amax.
[[nodiscard]] inline torch::Tensor scaled_e4m3(const torch::Tensor& x, const torch::Tensor& amax) {
  return fake_tensor_quant(x, amax, share(Descriptor::make().e4m3().build().value()));
}

/// Clips x: y = min(max(x, min), max), with `min` and `max` of one element each. The gradient passes to x if
/// min < x < max, to min if x <= min and to max if x >= max.
[[nodiscard]] inline torch::Tensor clip(const torch::Tensor& x, const torch::Tensor& min, const torch::Tensor& max) {
  detail::check_quantizable(x);
  if (!min.defined() || !max.defined() || min.numel() != 1 || max.numel() != 1) {
    detail::fail(Status::Shape, "a clip range has one minimum and one maximum", "give tensors of one element each");
  }
  return detail::Clip::apply(x, min, max);
}

/// Returns the factor 1 / sqrt(N M) for the gradient of a step that N values share, as
/// qdq::learned_step_gradient_scale().
[[nodiscard]] inline double learned_step_gradient_scale(std::int64_t values, const Descriptor& descriptor) {
  return qdq::learned_step_gradient_scale(static_cast<std::size_t>(values), descriptor).value();
}

/// Fake-quantizes by a step that training learns, as qdq_tensor_learned_step_quant(): y = clamp(round(x /
/// step), L, M) * step (Esser et al., Learned Step Size Quantization, arXiv:1902.08153).
///
/// The step is positive, is converted to float and broadcasts to x; if the descriptor has blocks, by blocks.
/// Let v = x / step. The gradient passes to x if L < v < M. The step gets gradient_scale * sum(gradient * d),
/// with d = round(v) - v for those x, and L or M if v is clipped. A gradient_scale of 0 means 1 / sqrt(N M),
/// where N is the number of values that share one step.
[[nodiscard]] inline torch::Tensor learned_step_quant(const torch::Tensor& x, const torch::Tensor& step,
                                                      const SharedDescriptor& descriptor = share(Descriptor()),
                                                      double gradient_scale = 0) {
  detail::check_quantizable(x);
  if (gradient_scale == 0) {
    const auto steps = std::max<std::int64_t>(1, step.numel());
    gradient_scale = learned_step_gradient_scale(x.numel() / steps, *descriptor);
  }
  return detail::LearnedStep::apply(x, step, descriptor, gradient_scale);
}

}  // namespace functional
}  // namespace qdq::nn

#endif
