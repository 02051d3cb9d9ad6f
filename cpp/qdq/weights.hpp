// Weights of a network.
#ifndef QDQ_WEIGHTS_HPP
#define QDQ_WEIGHTS_HPP

#include <cstddef>
#include <cstdint>

#include <qdq/array.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// The ranges (amax) of weights (f32, f16, bf16, f64): one per index of `axis`, negative ones counting from
/// the last, or one for all with no_axis. Method::Mse minimises the error of what the weights compute.
[[nodiscard]] inline Result<Array> weights_amax(const TensorView& weights, std::int32_t axis,
                                                RangeMethod method = Method::Mse, std::uint32_t num_bits = 8,
                                                bool is_unsigned = false) {
  return detail::make<Array>(qdq_weights_amax, weights.c(), axis, detail::number(method.method), method.percentile, num_bits,
                             is_unsigned);
}

/// The ranges by pytorch-quantization's calibrate_weights, for whoever needs its numbers: max, mse or
/// percentile over a histogram of `num_bins` linear bins. Those of weights_amax() are better.
[[nodiscard]] inline Result<Array> weights_compat_amax(const TensorView& weights, std::int32_t axis, RangeMethod method,
                                                       std::uint32_t num_bits = 8, bool is_unsigned = false,
                                                       std::size_t num_bins = 2048) {
  return detail::make<Array>(qdq_weights_compat_amax, weights.c(), axis, detail::number(method.method), method.percentile,
                             num_bits, is_unsigned, num_bins);
}

/// Quantizes weights symmetrically to int8 as ONNX's QuantizeLinear does, by max |w|: one scale per index of
/// `axis` or, with no_axis, one for all. `out` is i8 and has the shape of the weights. Returns amax / 127, by
/// which ONNX and TensorRT multiply.
[[nodiscard]] inline Result<Array> weights_quantize(const TensorView& weights, std::int32_t axis,
                                                    const MutableTensorView& out) {
  return detail::make<Array>(qdq_weights_quantize, weights.c(), axis, nullptr, out.c());
}
/// The same by an amax (f32) with one number per scale.
[[nodiscard]] inline Result<Array> weights_quantize(const TensorView& weights, std::int32_t axis, const TensorView& amax,
                                                    const MutableTensorView& out) {
  return detail::make<Array>(qdq_weights_quantize, weights.c(), axis, amax.c(), out.c());
}

}  // namespace qdq

#endif
