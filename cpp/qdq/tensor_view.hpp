// Views of tensors in memory that the caller owns.
#ifndef QDQ_TENSOR_VIEW_HPP
#define QDQ_TENSOR_VIEW_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include <qdq/numbers.hpp>
#include <qdq/span.hpp>

namespace qdq {
namespace detail {

// Returns DLPack's number of a type: code | bits << 8 | lanes << 16.
constexpr qdq_dtype dlpack_type(std::uint32_t code, std::uint32_t bits, std::uint32_t lanes) noexcept {
  return static_cast<qdq_dtype>(code | bits << 8 | lanes << 16);
}

}  // namespace detail

/// The element type of a C++ type: float, double, bool and integers of 8 to 64 bits.
template <typename T>
constexpr DType dtype_of() noexcept {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "give the DType of a type of your own");
  if constexpr (std::is_same_v<T, bool>) {
    return DType::Bool;
  } else {
    const std::uint32_t code = std::is_floating_point_v<T> ? 2 : std::is_signed_v<T> ? 0 : 1;
    return static_cast<DType>(detail::dlpack_type(code, sizeof(T) * 8, 1));
  }
}

/// A view of a tensor for reading. The caller owns the memory, which must live as long as the view is used.
///
/// The view owns its shape and strides. Functions keep neither the view nor its memory.
///
/// Strides are counted in elements; no strides mean row-major order. There must be as many strides as sizes:
/// otherwise every function that takes the view returns an error. The memory must cover the shape and
/// strides.
class TensorView {
  template <typename Container>
  using Element = std::remove_const_t<std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))>>;
  template <typename Container>
  using IfNumbers = std::enable_if_t<std::is_arithmetic_v<Element<Container>> && !std::is_same_v<Element<Container>, char>>;

 public:
  /// Makes a view of elements of an arithmetic type.
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  TensorView(const T* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(dtype_of<T>(), data, shape, strides) {}

  /// Makes a view of elements of any type: halves, packed 4-bit integers, e4m3.
  TensorView(DType dtype, const void* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : sizes_(shape.begin(), shape.end()) {
    // Nothing is written through the pointer: see MutableTensorView.
    tensor_.data = const_cast<void*>(data);
    tensor_.device_type = QDQ_DEVICE_CPU;
    tensor_.dtype = detail::number(dtype);
    const bool fits = strides.empty() || strides.size() == shape.size();
    tensor_.ndim = fits ? static_cast<std::int32_t>(shape.size()) : -1;
    sizes_.insert(sizes_.end(), strides.begin(), strides.end());
    link();
  }

  /// Makes a view of rank 1 of an array or a container.
  template <typename Container, typename = IfNumbers<const Container>>
  TensorView(const Container& values) : TensorView(std::data(values), {static_cast<std::int64_t>(std::size(values))}) {}

  /// Makes a view from a tensor of the C interface. Shape and strides are copied.
  explicit TensorView(const qdq_tensor& tensor) : tensor_(tensor) {
    const std::size_t rank = tensor.ndim > 0 ? static_cast<std::size_t>(tensor.ndim) : 0;
    if (tensor.shape != nullptr) sizes_.assign(tensor.shape, tensor.shape + rank);
    if (tensor.shape != nullptr && tensor.strides != nullptr) {
      sizes_.insert(sizes_.end(), tensor.strides, tensor.strides + rank);
    }
    link();
  }

  /// Makes a view of a DLPack DLTensor, or of any type that has its fields. A view of device memory can be
  /// made, but functions that use it return an error.
  template <typename DLTensor>
  [[nodiscard]] static TensorView from_dlpack(const DLTensor& tensor) {
    qdq_tensor out{};
    out.data = tensor.data;
    out.device_type = static_cast<std::int32_t>(tensor.device.device_type);
    out.device_id = tensor.device.device_id;
    out.ndim = tensor.ndim;
    out.dtype = detail::dlpack_type(tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes);
    out.shape = tensor.shape;
    out.strides = tensor.strides;
    out.byte_offset = tensor.byte_offset;
    return TensorView(out);
  }

  /// Makes another view of the same elements.
  TensorView(const TensorView& other) : tensor_(other.tensor_), sizes_(other.sizes_) { link(); }
  /// Makes this view a view of the elements of `other`.
  TensorView& operator=(const TensorView& other) {
    tensor_ = other.tensor_;
    sizes_ = other.sizes_;
    link();
    return *this;
  }
  ~TensorView() = default;

  /// Returns the tensor for the C interface, valid as long as the view is neither changed nor destroyed.
  [[nodiscard]] const qdq_tensor* c() const& noexcept { return &tensor_; }
  void c() const&& = delete;

  /// Returns the first element.
  [[nodiscard]] const void* data() const noexcept {
    return tensor_.data == nullptr ? nullptr : static_cast<const char*>(tensor_.data) + tensor_.byte_offset;
  }
  /// Returns the element type.
  [[nodiscard]] DType dtype() const noexcept { return static_cast<DType>(tensor_.dtype); }
  /// Returns the device of the memory.
  [[nodiscard]] Device device() const noexcept { return static_cast<Device>(tensor_.device_type); }
  /// Returns the rank.
  [[nodiscard]] std::size_t ndim() const noexcept { return tensor_.ndim > 0 ? static_cast<std::size_t>(tensor_.ndim) : 0; }
  /// Returns the sizes of the axes.
  [[nodiscard]] Span<const std::int64_t> shape() const& noexcept { return {sizes_.data(), sizes_.empty() ? 0 : ndim()}; }
  void shape() const&& = delete;
  /// Returns the strides; none for row-major order.
  [[nodiscard]] Span<const std::int64_t> strides() const& noexcept {
    return tensor_.strides == nullptr ? Span<const std::int64_t>() : Span<const std::int64_t>(tensor_.strides, ndim());
  }
  void strides() const&& = delete;

 private:
  void link() noexcept {
    tensor_.shape = sizes_.empty() ? nullptr : sizes_.data();
    tensor_.strides = ndim() > 0 && sizes_.size() == 2 * ndim() ? sizes_.data() + ndim() : nullptr;
  }

  qdq_tensor tensor_{};
  std::vector<std::int64_t> sizes_;  // The shape, then the strides if there are any.
};

/// A view of a tensor for writing; see TensorView.
class MutableTensorView : public TensorView {
  template <typename Container>
  using Element = std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))>;
  template <typename Container>
  using IfNumbers = std::enable_if_t<std::is_arithmetic_v<Element<Container>> && !std::is_const_v<Element<Container>>>;

 public:
  /// Makes a view as TensorView does, of memory that may be written to.
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T> && !std::is_const_v<T>>>
  MutableTensorView(T* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(data, shape, strides) {}
  /// Makes a view of elements of a type that C++ has no arithmetic type for.
  MutableTensorView(DType dtype, void* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(dtype, data, shape, strides) {}
  /// Makes a view of rank 1 of the numbers of an array or a container.
  template <typename Container, typename = IfNumbers<Container>>
  MutableTensorView(Container&& values) : TensorView(values) {}

  /// Makes a view from a tensor of the C interface that may be written to.
  explicit MutableTensorView(const qdq_tensor& tensor) : TensorView(tensor) {}

  /// Makes a view as TensorView::from_dlpack() does, of a tensor that may be written to.
  template <typename DLTensor>
  [[nodiscard]] static MutableTensorView from_dlpack(const DLTensor& tensor) {
    const TensorView view = TensorView::from_dlpack(tensor);
    return MutableTensorView(*view.c());
  }
};

}  // namespace qdq

#endif
