// The quantization of the inputs and the weights of an added layer.
#ifndef QDQ_TENSORRT_LAYER_RANGES_HPP
#define QDQ_TENSORRT_LAYER_RANGES_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <qdq/descriptor.hpp>
#include <qdq/ranges.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {
namespace detail {

// Checks that TensorRT can express a descriptor: signed int8, symmetric, with a zero point of 0.
inline Result<void> check_int8(const Descriptor& descriptor, const char* what) {
  const auto refused = [&](const std::string& why, const char* remedy) {
    return Error(Status::Unsupported, std::string("the descriptor of the ") + what + " " + why, remedy);
  };
  if (descriptor.is_e4m3()) return refused("is e4m3, which no INT8 layer takes", "use 8-bit integers");
  if (descriptor.num_bits() != 8) {
    return refused("has " + std::to_string(descriptor.num_bits()) + " bits, but TensorRT's integers have 8",
                   "use num_bits(8)");
  }
  if (descriptor.is_unsigned()) return refused("is unsigned, but TensorRT's integers are signed", "use is_unsigned(false)");
  if (descriptor.narrow_range()) {
    return refused("has a narrow range, but TensorRT clamps to -128 and 127", "use narrow_range(false)");
  }
  if (descriptor.block_size() != 0) return refused("has blocks, which INT8 layers do not take", "keep an axis instead");
  return {};
}

// Returns the fixed amax times its factor; no numbers if there is none.
inline Result<std::vector<float>> fixed_amax(const Descriptor& descriptor) {
  QDQ_TRY_AS(amax, descriptor.amax());
  std::vector<float> values;
  if (amax->has_value()) values.assign((*amax)->values().begin(), (*amax)->values().end());
  for (float& value : values) value *= descriptor.scale_amax();
  return values;
}

}  // namespace detail

/// The range of a layer's input: one amax for the tensor, in the tensor's unit.
///
/// It is made from a number, or from a descriptor with a fixed amax. A descriptor that TensorRT cannot
/// express is refused when the layer is added.
class InputRange {
 public:
  /// Makes a known range.
  InputRange(float amax) : amax_(checked({amax})) {}
  /// Reads the range of a descriptor, which is not needed after that.
  InputRange(const Descriptor& descriptor) : amax_(read(descriptor)) {}

  /// Returns the amax, or the reason why there is none.
  [[nodiscard]] const Result<float>& amax() const& noexcept { return amax_; }
  void amax() const&& = delete;

 private:
  static Result<float> read(const Descriptor& descriptor) {
    QDQ_TRY(detail::check_int8(descriptor, "input"));
    if (!descriptor.axis().empty()) {
      return Error(Status::Unsupported,
                   "the descriptor of the input keeps an axis, but TensorRT has one scale for an activation",
                   "use a descriptor without axis");
    }
    QDQ_TRY_AS(amax, detail::fixed_amax(descriptor));
    return checked(*amax);
  }

  static Result<float> checked(const std::vector<float>& amax) {
    if (amax.empty()) {
      return Error(Status::InvalidArgument, "the descriptor of the input has no amax",
                   "calibrate, and give the range: Descriptor::Builder::amax()");
    }
    if (amax.size() > 1) {
      return Error(Status::Unsupported, "the input has several ranges, but TensorRT has one scale for an activation",
                   "give one amax");
    }
    if (std::isfinite(amax[0]) && amax[0] >= 0) return amax[0];
    return Error(Status::Data, "the amax of the input is " + std::to_string(amax[0]),
                 "give a finite amax that is not negative");
  }

  Result<float> amax_;
};

/// The ranges of a layer's weights.
///
/// By default they are the largest magnitudes, as in pytorch-quantization's modules: one per output channel,
/// along the axis by which TensorRT computes in INT8, if it has one.
class WeightRange {
 public:
  WeightRange() = default;
  /// Makes ranges along the default axis, with another method.
  WeightRange(RangeMethod method) : method_(method) {}
  /// Makes ranges that a method computes from the weights.
  WeightRange(Method method) : method_(method) {}
  /// Reads the axis of a descriptor and its amax. If it has no amax, the method computes the ranges. The
  /// descriptor is not needed after that.
  WeightRange(const Descriptor& descriptor, RangeMethod method = Method::Max) : method_(method), given_(read(descriptor)) {}

  /// Chooses the axis and computes the ranges: one per index, or one for qdq::no_axis. `best` is the axis of
  /// the layer's kind, or qdq::no_axis.
  [[nodiscard]] Result<std::pair<std::int32_t, std::vector<float>>> resolve(const TensorView& weights,
                                                                            std::int32_t best) const {
    if (!given_) return Error(given_.error().status(), given_.error().message(), given_.error().remedy());
    std::int32_t axis = given_->is_default ? best : given_->axis;
    if (axis != no_axis && axis < 0) axis += static_cast<std::int32_t>(weights.ndim());
    if (axis != no_axis && axis != best) {
      return Error(Status::Unsupported,
                   "the descriptor of the weights keeps axis " + std::to_string(axis) +
                       ", by which TensorRT does not compute in INT8",
                   best == no_axis ? "keep no axis" : "keep axis " + std::to_string(best) + ", or none");
    }
    std::size_t count = 1;
    if (axis != no_axis) count = static_cast<std::size_t>(weights.shape()[static_cast<std::size_t>(axis)]);
    if (count == 1) axis = no_axis;
    std::vector<float> amax = given_->amax;
    if (amax.empty()) {
      QDQ_TRY_AS(computed, weights_amax(weights, axis, method_));
      for (const float value : computed->values()) amax.push_back(value * given_->factor);
    } else if (amax.size() == 1) {
      amax.resize(count, amax.front());
    }
    if (amax.size() == count) return std::pair(axis, std::move(amax));
    return Error(Status::Shape, std::to_string(amax.size()) + " ranges for weights that need " + std::to_string(count),
                 "give one amax for each index of the descriptor's axis, or one for all");
  }

 private:
  struct Given {
    bool is_default = true;
    std::int32_t axis = no_axis;
    std::vector<float> amax;
    float factor = 1;
  };

  static Result<Given> read(const Descriptor& descriptor) {
    QDQ_TRY(detail::check_int8(descriptor, "weights"));
    const auto axes = descriptor.axis();
    if (axes.size() > 1) {
      return Error(Status::Unsupported,
                   "the descriptor of the weights keeps several axes, but TensorRT has scales along one", "keep one axis");
    }
    QDQ_TRY_AS(amax, detail::fixed_amax(descriptor));
    return Given{false, axes.empty() ? no_axis : axes[0], *std::move(amax), descriptor.scale_amax()};
  }

  RangeMethod method_ = Method::Max;
  Result<Given> given_ = Given{};
};

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
