// Views of arrays and bytes of the caller.
#ifndef QDQ_SPAN_HPP
#define QDQ_SPAN_HPP

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <utility>

namespace qdq {

/// A view of `size` elements that the caller owns, like std::span, which C++17 does not have.
///
/// It can be made from an array, from any type with data() and size(), and, as an argument, from a list in
/// braces. std::span can be made from it.
template <typename T>
class Span {
  // data() and size() must give an array of T; T may add a const.
  template <typename Container>
  using IfFits = std::enable_if_t<
      std::is_convertible_v<std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))> (*)[], T (*)[]> &&
      std::is_convertible_v<decltype(std::size(std::declval<Container&>())), std::size_t>>;

 public:
  /// The type of the elements, const if they can only be read.
  using element_type = T;
  /// The type of the elements without const.
  using value_type = std::remove_cv_t<T>;

  /// Makes a view of no elements.
  constexpr Span() noexcept = default;
  /// Makes a view of `size` elements, starting at `data`.
  constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
  /// Makes a view of the elements of an array or a container.
  template <typename Container, typename = IfFits<Container>>
  constexpr Span(Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}
  /// Does the same for a constant array or container.
  template <typename Container, typename = IfFits<const Container>>
  constexpr Span(const Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}
  /// Makes a view of a list in braces, which lives as long as the call that contains it.
  template <typename U = T, typename = std::enable_if_t<std::is_const_v<U>>>
  constexpr Span(std::initializer_list<value_type> list) noexcept : data_(std::data(list)), size_(list.size()) {}

  /// Returns a pointer to the first element.
  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  /// Returns the number of elements.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  /// Returns whether there are no elements.
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  /// Starts a loop over all elements.
  [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
  /// Returns the end of that loop.
  [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }
  /// Returns the element at `index`, which must be below size().
  [[nodiscard]] constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A view of bytes that the caller owns, such as the content of a file. It can be made from any type with
/// data() and size() whose elements are bytes, such as std::string, std::vector<std::byte> and Buffer.
class Bytes {
  template <typename Container>
  using IfBytes = std::enable_if_t<sizeof(*std::data(std::declval<const Container&>())) == 1>;

 public:
  /// Makes a view of `size` bytes, starting at `data`.
  constexpr Bytes(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  /// Makes a view of a text, without its final NUL.
  Bytes(const char* text) noexcept : data_(text), size_(std::strlen(text)) {}
  /// Makes a view of the bytes of an array or a container.
  template <typename Container, typename = IfBytes<Container>>
  constexpr Bytes(const Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}

  /// Returns a pointer to the first byte.
  [[nodiscard]] constexpr const void* data() const noexcept { return data_; }
  /// Returns the number of bytes.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  const void* data_;
  std::size_t size_;
};

}  // namespace qdq

#endif
