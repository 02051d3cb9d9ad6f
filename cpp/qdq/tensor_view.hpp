// Tensors that somebody else owns.
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

// DLPack's number of a type: code | bits << 8 | lanes << 16.
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

/// A tensor to read: a view of memory that somebody else owns and that must live as long as the view is used.
/// The shape and the strides belong to the view. Functions keep neither the view nor its memory.
///
/// Strides are distances between neighbours in elements; none for row-major order. There must be as many as
/// sizes: what takes a view with another number of them returns an error. The memory must hold what shape and
/// strides say.
class TensorView {
  template <typename Container>
  using Element = std::remove_const_t<std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))>>;
  template <typename Container>
  using IfNumbers = std::enable_if_t<std::is_arithmetic_v<Element<Container>> && !std::is_same_v<Element<Container>, char>>;

 public:
  /// A view of elements of an arithmetic type.
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  TensorView(const T* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(dtype_of<T>(), data, shape, strides) {}

  /// A view of elements of any type: halves, packed 4-bit integers, e4m3.
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

  /// A view of rank 1 of an array or a container.
  template <typename Container, typename = IfNumbers<const Container>>
  TensorView(const Container& values) : TensorView(std::data(values), {static_cast<std::int64_t>(std::size(values))}) {}

  /// A tensor of the C interface. Shape and strides are copied.
  explicit TensorView(const qdq_tensor& tensor) : tensor_(tensor) {
    const std::size_t rank = tensor.ndim > 0 ? static_cast<std::size_t>(tensor.ndim) : 0;
    if (tensor.shape != nullptr) sizes_.assign(tensor.shape, tensor.shape + rank);
    if (tensor.shape != nullptr && tensor.strides != nullptr) {
      sizes_.insert(sizes_.end(), tensor.strides, tensor.strides + rank);
    }
    link();
  }

  /// A view of a DLPack DLTensor, or of anything that has its fields. Device memory is refused where it is
  /// used.
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

  /// Another view of the same elements.
  TensorView(const TensorView& other) : tensor_(other.tensor_), sizes_(other.sizes_) { link(); }
  /// Becomes another view of the same elements.
  TensorView& operator=(const TensorView& other) {
    tensor_ = other.tensor_;
    sizes_ = other.sizes_;
    link();
    return *this;
  }
  ~TensorView() = default;

  /// The tensor for the C interface, valid as long as this is neither changed nor destroyed.
  [[nodiscard]] const qdq_tensor* c() const& noexcept { return &tensor_; }
  void c() const&& = delete;

  /// The first element.
  [[nodiscard]] const void* data() const noexcept {
    return tensor_.data == nullptr ? nullptr : static_cast<const char*>(tensor_.data) + tensor_.byte_offset;
  }
  /// The element type.
  [[nodiscard]] DType dtype() const noexcept { return static_cast<DType>(tensor_.dtype); }
  /// Where the memory is.
  [[nodiscard]] Device device() const noexcept { return static_cast<Device>(tensor_.device_type); }
  /// The rank.
  [[nodiscard]] std::size_t ndim() const noexcept { return tensor_.ndim > 0 ? static_cast<std::size_t>(tensor_.ndim) : 0; }
  /// The sizes of the axes.
  [[nodiscard]] Span<const std::int64_t> shape() const& noexcept { return {sizes_.data(), sizes_.empty() ? 0 : ndim()}; }
  void shape() const&& = delete;
  /// The strides; none for row-major order.
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
  std::vector<std::int64_t> sizes_;  // The shape, then the strides where there are any.
};

/// A tensor to write, as TensorView.
class MutableTensorView : public TensorView {
  template <typename Container>
  using Element = std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))>;
  template <typename Container>
  using IfNumbers = std::enable_if_t<std::is_arithmetic_v<Element<Container>> && !std::is_const_v<Element<Container>>>;

 public:
  /// As the constructors of TensorView, of memory that may be written to.
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T> && !std::is_const_v<T>>>
  MutableTensorView(T* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(data, shape, strides) {}
  /// The same with elements of a type that C++ has no number for.
  MutableTensorView(DType dtype, void* data, Span<const std::int64_t> shape, Span<const std::int64_t> strides = {})
      : TensorView(dtype, data, shape, strides) {}
  /// The numbers of an array or a container, along one axis.
  template <typename Container, typename = IfNumbers<Container>>
  MutableTensorView(Container&& values) : TensorView(values) {}

  /// A tensor of the C interface that may be written to.
  explicit MutableTensorView(const qdq_tensor& tensor) : TensorView(tensor) {}

  /// As TensorView::from_dlpack(), of a tensor that may be written to.
  template <typename DLTensor>
  [[nodiscard]] static MutableTensorView from_dlpack(const DLTensor& tensor) {
    const TensorView view = TensorView::from_dlpack(tensor);
    return MutableTensorView(*view.c());
  }
};

}  // namespace qdq

#endif
