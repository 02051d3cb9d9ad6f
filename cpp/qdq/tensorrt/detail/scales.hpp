// The scales of a quantized tensor.
#ifndef QDQ_TENSORRT_DETAIL_SCALES_HPP
#define QDQ_TENSORRT_DETAIL_SCALES_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/array.hpp>
#include <qdq/numbers.hpp>
#include <qdq/result.hpp>
#include <qdq/tensorrt/weight_memory.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The scales of a tensor.
///
/// A scale for the whole tensor has rank 0: TensorRT treats a scale of shape [1] as a channel's and computes
/// in float. Scales of channels have rank 1. Scales of blocks have the rank of the tensor, by which TensorRT
/// knows them; the axis is the one with another size than the tensor's.
struct Scales {
  std::vector<float> values;
  std::vector<std::int64_t> shape;
  std::int32_t axis = no_axis;

  /// Makes one scale for the whole tensor, or one per index of an axis.
  static Scales along(std::int32_t axis, std::vector<float> values) {
    Scales scales{std::move(values), {}, axis};
    if (axis != no_axis) scales.shape.push_back(static_cast<std::int64_t>(scales.values.size()));
    return scales;
  }

  /// Returns whether a layer must know the axis of the scales.
  [[nodiscard]] bool need_axis() const noexcept { return shape.size() == 1; }

  /// Returns whether a 16-bit type holds the scales as they are.
  [[nodiscard]] bool are_held_in(const std::optional<Half>& half) const {
    const auto is_held = [&](float scale) { return half_scale(scale, *half) == scale; };
    return half && std::all_of(values.begin(), values.end(), is_held);
  }

  /// Moves the scales to the memory of a network, in a type that holds them.
  [[nodiscard]] Result<nvinfer1::Weights> keep_in(WeightMemory& memory, DType dtype) && {
    if (dtype == DType::F32) return memory.keep(std::move(values));
    QDQ_TRY_AS(rounded, Array::convert(TensorView(values.data(), {static_cast<std::int64_t>(values.size())}), dtype));
    return memory.keep(*std::move(rounded));
  }
};

/// Returns the 16-bit type of scales for elements of a type; nothing if they are f32.
inline std::optional<Half> half_of(DType dtype) noexcept {
  if (dtype == DType::F16) return Half::F16;
  return dtype == DType::BF16 ? std::optional<Half>(Half::BF16) : std::nullopt;
}

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
