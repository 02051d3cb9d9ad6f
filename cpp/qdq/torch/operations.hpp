// The same functions with torch's operations, for tensors of any device. On the CPU they equal the kernels
// bit for bit, which the tests check; they define the results of a GPU.
#ifndef QDQ_TORCH_OPERATIONS_HPP
#define QDQ_TORCH_OPERATIONS_HPP

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <qdq/descriptor.hpp>
#include <qdq/tensor.hpp>
#include <qdq/torch/tensor.hpp>

// A tensor is divided only by tensors of its own device. If the divisor is a number or is on the host, torch
// multiplies by the reciprocal, which rounds twice.

namespace qdq::nn::detail::operations {

using torch::Tensor;

/// An amax at or below this value counts as zero.
inline constexpr double epsilon = 1.0 / (1 << 24);

/// Returns the highest integer M.
inline double high(const Descriptor& descriptor) {
  if (descriptor.is_e4m3()) return 448;
  return std::ldexp(1.0, static_cast<int>(descriptor.num_bits()) - (descriptor.is_unsigned() ? 0 : 1)) - 1;
}

/// Returns the lowest integer L.
inline double low(const Descriptor& descriptor) {
  if (descriptor.is_unsigned()) return 0;
  return descriptor.narrow_range() ? -high(descriptor) : -high(descriptor) - 1;
}

/// Converts to the type of the computation.
inline Tensor wide(const Tensor& x) { return x.scalar_type() == torch::kDouble ? x : x.to(torch::kFloat); }

inline Tensor constant(double value, const Tensor& like) {
  return torch::full({}, value, like.options().requires_grad(false));
}

inline std::int64_t from_first(std::int64_t axis, const Tensor& x) {
  const auto found = axis < 0 ? axis + x.dim() : axis;
  if (found < 0 || found >= x.dim()) {
    fail(Status::Shape, "data of rank " + std::to_string(x.dim()) + " has no axis " + std::to_string(axis),
         "use an axis of the data");
  }
  return found;
}

/// Expands one number per group to numbers that broadcast to x. Blocks are repeated along their axis.
inline Tensor spread(const Tensor& groups, const Tensor& x, const Descriptor& descriptor) {
  auto numbers = groups.to(x.device(), torch::kFloat);
  if (descriptor.block_size() == 0) return numbers;
  const auto axis = from_first(descriptor.block_axis(), x);
  const auto size = static_cast<std::int64_t>(descriptor.block_size());
  return numbers.repeat_interleave(size, axis).narrow(axis, 0, x.size(axis));
}

/// Refuses the same arguments as the kernels. Waits for the device.
inline void check(const Tensor& x, const Tensor& amax, const Descriptor& descriptor) {
  const bool finite = descriptor.is_e4m3() || descriptor.mode() == Mode::Corrected;
  const auto bad = finite ? (amax < 0).logical_or(amax.isfinite().logical_not()) : amax < 0;
  if (bad.any().item<bool>()) {
    fail(Status::InvalidArgument, finite ? "amax is negative or not finite" : "amax is negative",
         "use a finite amax that is not negative");
  }
  if (!descriptor.is_e4m3() && descriptor.is_unsigned() && (x < 0).any().item<bool>()) {
    fail(Status::Data, "an element is negative, but the quantization is unsigned",
         "use a signed quantization, or clip the data at 0");
  }
}

/// Returns max |x| per group.
inline Tensor amax_of(const Tensor& x, const Descriptor& descriptor) {
  auto magnitudes = x.detach().abs();
  const auto scaled = [&](const Tensor& amax) {
    const auto found = amax.to(torch::kFloat);
    return found * constant(descriptor.scale_amax(), found);
  };
  if (descriptor.block_size() != 0) {
    const auto axis = from_first(descriptor.block_axis(), x);
    const auto size = static_cast<std::int64_t>(descriptor.block_size());
    std::vector<Tensor> blocks;
    for (const auto& block : magnitudes.split(size, axis)) blocks.push_back(block.amax(axis, true));
    return scaled(torch::cat(blocks, axis));
  }
  if (descriptor.axis().empty()) return scaled(magnitudes.max());
  std::vector<bool> kept(static_cast<std::size_t>(x.dim()));
  for (const auto axis : descriptor.axis()) kept[static_cast<std::size_t>(from_first(axis, x))] = true;
  std::vector<std::int64_t> reduced;
  for (std::int64_t axis = 0; axis < x.dim(); ++axis) {
    if (!kept[static_cast<std::size_t>(axis)]) reduced.push_back(axis);
  }
  return scaled(reduced.empty() ? magnitudes : magnitudes.amax(reduced, true));
}

/// Rounds to the nearest number of e4m3, ties to even, saturating at 448. x is float.
inline Tensor round_e4m3(const Tensor& x) {
  const auto clamped = x.clamp(-448, 448);
  // Keeps 3 bits of mantissa: adds half of the last place, less one bit if the last place is even.
  const auto bits = clamped.contiguous().view(torch::kInt);
  const auto last = bits.bitwise_right_shift(20).bitwise_and(1);
  const auto normal = (bits + last + 0x7ffff).bitwise_and(~0xfffff).view(torch::kFloat);
  // Below 2^-6 all steps are 2^-9: the addition rounds.
  const auto shift = constant(1.5 * (1 << 14), clamped);
  const auto subnormal = ((clamped + shift) - shift).copysign(clamped);
  return torch::where(clamped.isnan(), clamped, torch::where(clamped.abs() < 1.0 / 64, subnormal, normal));
}

inline Tensor fake_quant(const Tensor& x, const Tensor& groups, const Descriptor& descriptor) {
  const auto amax = spread(groups, x, descriptor);
  check(x, amax, descriptor);
  const auto mode = descriptor.mode();
  if (descriptor.is_e4m3()) {
    const auto data = x.to(torch::kFloat);
    const auto scale = constant(448, amax) / amax;
    const auto rounded = round_e4m3(data * scale) / scale;
    const auto zero = constant(0, data);
    return torch::where(data.abs() < epsilon, zero, rounded).to(x.scalar_type());
  }
  const bool gpu = mode == Mode::GpuCompat;
  const auto data = gpu ? x.to(torch::kFloat) : wide(x);
  const auto zero = gpu ? amax < epsilon : amax <= epsilon;
  const auto steps = constant(high(descriptor), amax) / amax;
  const auto scale = torch::where(zero, constant(0, steps), steps).to(data.scalar_type());
  const double lowest = gpu && !descriptor.is_unsigned() ? -high(descriptor) : low(descriptor);
  const auto integers = (data * scale).round().clamp(lowest, high(descriptor));
  if (mode == Mode::Reference) {
    auto divisor = torch::where(zero, constant(1, steps), steps);
    if (x.scalar_type() == torch::kHalf) {
      divisor = divisor.to(torch::kHalf).to(torch::kFloat);
      return (integers.to(torch::kHalf).to(torch::kFloat) / divisor).to(torch::kHalf);
    }
    return (integers / divisor.to(data.scalar_type())).to(x.scalar_type());
  }
  const auto nothing = constant(0, data);
  const auto empty = gpu ? nothing : torch::where(data.isnan(), data, nothing.expand_as(data).copysign(data));
  return torch::where(zero, empty, integers / scale).to(x.scalar_type());
}

inline std::pair<Tensor, Tensor> quant(const Tensor& x, const Tensor& groups, const Descriptor& descriptor) {
  const auto amax = spread(groups, x, descriptor);
  const auto given = groups.to(x.device(), torch::kFloat);
  check(x, amax, descriptor);
  const auto one = constant(1, amax);
  if (descriptor.is_e4m3()) {
    const auto data = x.to(torch::kFloat);
    const auto scale = constant(448, amax) / amax;
    const auto zero = (data.abs() < epsilon).logical_or(scale.isinf().logical_and(data.isnan().logical_not()));
    const auto values = torch::where(zero, constant(0, data), round_e4m3(data * scale));
    const auto reported = constant(448, given) / given;
    return {values.to(x.scalar_type()), torch::where(reported.isfinite(), reported, one)};
  }
  const auto high = operations::high(descriptor);
  auto reported = torch::where(given <= epsilon, one, constant(high, given) / given);
  const auto zero = amax <= epsilon;
  const auto scale = torch::where(zero, constant(0, amax), constant(high, amax) / amax);
  const bool staged = x.scalar_type() == torch::kHalf && descriptor.mode() != Mode::Corrected;
  if (staged && (reported > 65504).any().item<bool>()) {
    fail(Status::InvalidArgument, "an amax is too small for half: its scale is beyond 65504",
         "use float data or Mode::Corrected");
  }
  const auto data = wide(x);
  auto integers = (data * scale.to(data.scalar_type())).round().clamp(low(descriptor), high);
  if (descriptor.mode() == Mode::Corrected) {
    const auto nothing = constant(0, data).expand_as(data).copysign(data);
    integers = torch::where(zero.logical_and(data.isnan().logical_not()), nothing, integers);
  }
  // The reported scale has the precision of the data's type, and is given as float.
  if (descriptor.mode() != Mode::Corrected && staged) reported = reported.to(torch::kHalf).to(torch::kFloat);
  return {integers.to(x.scalar_type()), reported};
}

inline Tensor backward(const Tensor& gradient, const Tensor& x, const Tensor& groups, const Descriptor& descriptor) {
  const auto amax = spread(groups, x, descriptor);
  return torch::where(x.to(torch::kFloat).abs() <= amax, gradient, constant(0, gradient));
}

inline Tensor affine(const Tensor& x, float min, float max, std::uint32_t num_bits) {
  const float levels = std::ldexp(1.0f, static_cast<int>(num_bits));
  const float step = (max - min) / (levels - 1);
  const float zero = std::nearbyint(min / step) + levels / 2;
  if (num_bits < 2 || num_bits > 16 ||
      !(std::isfinite(min) && std::isfinite(max) && std::isnormal(step) && step > 0 && std::isfinite(zero))) {
    fail(Status::InvalidArgument,
         "there are no 2^" + std::to_string(num_bits) + " steps from " + std::to_string(min) + " to " + std::to_string(max),
         "give 2 to 16 bits and a finite range whose minimum is below its maximum");
  }
  const auto data = wide(x);
  const auto width = constant(step, data);
  const auto integers = ((data / width).round() - zero).clamp(-levels / 2, levels / 2 - 1);
  return ((integers + zero) * width).to(x.scalar_type());
}

inline Tensor affine_backward(const Tensor& gradient, const Tensor& x, float min, float max) {
  const auto data = x.to(torch::kFloat);
  return torch::where((data >= min).logical_and(data <= max), gradient, constant(0, gradient));
}

inline void check_clip(float min, float max) {
  if (min <= max && std::isfinite(min) && std::isfinite(max)) return;
  fail(Status::InvalidArgument, "there is no clip range from " + std::to_string(min) + " to " + std::to_string(max),
       "give finite ends, the minimum not above the maximum");
}

inline Tensor clip(const Tensor& x, float min, float max) {
  check_clip(min, max);
  return wide(x).clamp(min, max).to(x.scalar_type());
}

inline std::pair<Tensor, ClipGradient> clip_backward(const Tensor& gradient, const Tensor& x, float min, float max) {
  check_clip(min, max);
  const auto data = x.to(torch::kDouble);
  const auto sum = [&](const Tensor& where) {
    return torch::where(where, gradient.to(torch::kDouble), constant(0, data)).sum().item<double>();
  };
  const auto inside = (data > min).logical_and(data < max);
  return {torch::where(inside, gradient, constant(0, gradient)), ClipGradient{sum(data <= min), sum(data >= max)}};
}

/// Returns the step for every element. Fails if it is not a valid step.
inline Tensor steps_of(const Tensor& step, const Tensor& data, const Descriptor& descriptor) {
  if (descriptor.is_e4m3()) fail(Status::Unsupported, "e4m3 has no steps of one width to learn", "use integers");
  if ((step > 0).logical_and(step.isfinite()).logical_not().any().item<bool>()) {
    fail(Status::InvalidArgument, "step is not a positive finite number", "hold the step above 0 while training");
  }
  return spread(step, data, descriptor).to(data.scalar_type());
}

inline Tensor learned_step(const Tensor& x, const Tensor& step, const Descriptor& descriptor) {
  const auto data = wide(x);
  const auto width = steps_of(step, data, descriptor);
  return ((data / width).round().clamp(low(descriptor), high(descriptor)) * width).to(x.scalar_type());
}

inline std::pair<Tensor, Tensor> learned_step_backward(const Tensor& gradient, const Tensor& x, const Tensor& step,
                                                       const Descriptor& descriptor, float gradient_scale) {
  const auto data = wide(x);
  const auto steps = data / steps_of(step, data, descriptor);
  const auto inside = (steps > low(descriptor)).logical_and(steps < high(descriptor));
  // L or M if the value is clipped, else the rounding error.
  const auto slope =
      torch::where(inside, steps.round() - steps, steps.clamp(low(descriptor), high(descriptor))).to(torch::kFloat);
  auto sums = torch::where(slope.isnan(), constant(0, slope), slope).to(torch::kDouble) * gradient.to(torch::kDouble);
  if (descriptor.block_size() != 0) {
    const auto axis = from_first(descriptor.block_axis(), x);
    std::vector<Tensor> blocks;
    for (const auto& block : sums.split(static_cast<std::int64_t>(descriptor.block_size()), axis))
      blocks.push_back(block.sum(axis, true));
    sums = torch::cat(blocks, axis);
  }
  const auto to_step = sums.sum_to_size(step.sizes()) * static_cast<double>(gradient_scale);
  return {torch::where(inside, gradient, constant(0, gradient)), to_step.to(torch::kFloat)};
}

}  // namespace qdq::nn::detail::operations

#endif
