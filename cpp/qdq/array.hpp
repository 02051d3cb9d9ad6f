// Tensors that functions return.
#ifndef QDQ_ARRAY_HPP
#define QDQ_ARRAY_HPP

#include <string>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// A tensor that a function returned, row-major: an amax or a scale in f32, or the content of a file or a
/// model in any type.
///
/// Immutable. Returned views are valid until the array is freed. An Array can be passed wherever a TensorView
/// is expected.
class Array : public detail::Handle<qdq_array, qdq_array_free> {
 public:
  using Handle::Handle;

  /// Reads a whole .npy file, for example labels or samples.
  [[nodiscard]] static Result<Array> read_npy(const std::string& path) {
    return detail::make<Array>(qdq_array_read_npy, path.c_str());
  }

  /// Converts floating-point numbers to another floating-point type, rounded to nearest, ties to even.
  [[nodiscard]] static Result<Array> convert(const TensorView& x, DType dtype) {
    return detail::make<Array>(qdq_tensor_convert, x.c(), detail::number(dtype));
  }

  /// Returns the numbers of an array of f32, row-major; none if the array has another type, see view().
  [[nodiscard]] Span<const float> values() const& noexcept {
    const float* values = qdq_array_values(c());
    return {values, values == nullptr ? 0 : qdq_array_count(c())};
  }
  void values() const&& = delete;
  /// Returns the number at `index`, which must be below values().size().
  [[nodiscard]] float operator[](std::size_t index) const noexcept { return values()[index]; }
  /// Returns the sizes of the axes; none for a single number.
  [[nodiscard]] Span<const std::int64_t> shape() const& noexcept {
    return {qdq_array_shape(c()), static_cast<std::size_t>(qdq_array_ndim(c()))};
  }
  void shape() const&& = delete;

  /// Returns a view of the array as a tensor.
  [[nodiscard]] TensorView view() const& {
    qdq_tensor tensor{};
    qdq_array_view(c(), &tensor, nullptr);
    return TensorView(tensor);
  }
  void view() const&& = delete;
  /// Converts to a TensorView, as view() does.
  operator TensorView() const { return view(); }
};

}  // namespace qdq

#endif
