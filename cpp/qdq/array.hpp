// Tensors that a function has made.
#ifndef QDQ_ARRAY_HPP
#define QDQ_ARRAY_HPP

#include <string>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Elements with a shape, row-major, that a function has made: an amax or a scale in f32, or what a file or a
/// model holds in any type. Immutable. What it returns is valid until it is freed. It can be given wherever a
/// TensorView is taken.
class Array : public detail::Handle<qdq_array, qdq_array_free> {
 public:
  using Handle::Handle;

  /// Reads a whole .npy file: labels or samples, say.
  [[nodiscard]] static Result<Array> read_npy(const std::string& path) {
    return detail::make<Array>(qdq_array_read_npy, path.c_str());
  }

  /// The numbers of an array of f32, row-major; none of another type, which view() tells.
  [[nodiscard]] Span<const float> values() const& noexcept {
    const float* values = qdq_array_values(c());
    return {values, values == nullptr ? 0 : qdq_array_count(c())};
  }
  void values() const&& = delete;
  /// The number at `index`, which must be below values().size().
  [[nodiscard]] float operator[](std::size_t index) const noexcept { return values()[index]; }
  /// The sizes of the axes; none for a single number.
  [[nodiscard]] Span<const std::int64_t> shape() const& noexcept {
    return {qdq_array_shape(c()), static_cast<std::size_t>(qdq_array_ndim(c()))};
  }
  void shape() const&& = delete;

  /// The array as a tensor.
  [[nodiscard]] TensorView view() const& {
    qdq_tensor tensor{};
    qdq_array_view(c(), &tensor, nullptr);
    return TensorView(tensor);
  }
  void view() const&& = delete;
  /// The same, where a TensorView is taken.
  operator TensorView() const { return view(); }
};

}  // namespace qdq

#endif
