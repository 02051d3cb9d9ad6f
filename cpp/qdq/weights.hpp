// Functions for the weights of a network.
#ifndef QDQ_WEIGHTS_HPP
#define QDQ_WEIGHTS_HPP

#include <cstddef>
#include <cstdint>

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

}  // namespace qdq

#endif
