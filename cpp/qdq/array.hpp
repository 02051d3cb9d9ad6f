// Numbers that a function has made.
#ifndef QDQ_ARRAY_HPP
#define QDQ_ARRAY_HPP

#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Numbers (f32, row-major) with a shape that a function has made: an amax or a scale. Immutable. What it
/// returns is valid until it is freed. It can be given wherever a TensorView is taken.
class Array : public detail::Handle<qdq_array, qdq_array_free> {
 public:
  using Handle::Handle;

  /// The numbers, row-major.
  [[nodiscard]] Span<const float> values() const& noexcept { return {qdq_array_values(c()), qdq_array_count(c())}; }
  void values() const&& = delete;
  /// The number at `index`, which must be below values().size().
  [[nodiscard]] float operator[](std::size_t index) const noexcept { return values()[index]; }
  /// The sizes of the axes; none for a single number.
  [[nodiscard]] Span<const std::int64_t> shape() const& noexcept {
    return {qdq_array_shape(c()), static_cast<std::size_t>(qdq_array_ndim(c()))};
  }
  void shape() const&& = delete;

  /// The numbers as a tensor.
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
