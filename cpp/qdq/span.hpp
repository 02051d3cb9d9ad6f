// Arrays and bytes of the caller.
#ifndef QDQ_SPAN_HPP
#define QDQ_SPAN_HPP

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <utility>

namespace qdq {

/// A view of `size` elements that somebody else owns, as std::span, which C++17 does not have. Made from
/// arrays, from anything with data() and size(), and as an argument from a list in braces; std::span can be
/// made from it.
template <typename T>
class Span {
  // What data() and size() give must be an array of T, with a const more at most.
  template <typename Container>
  using IfFits = std::enable_if_t<
      std::is_convertible_v<std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))> (*)[], T (*)[]> &&
      std::is_convertible_v<decltype(std::size(std::declval<Container&>())), std::size_t>>;

 public:
  /// The type of the elements, const where they are only read.
  using element_type = T;
  /// The type of the elements without const.
  using value_type = std::remove_cv_t<T>;

  /// No elements.
  constexpr Span() noexcept = default;
  /// `size` elements from `data` on.
  constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
  /// The elements of an array or a container.
  template <typename Container, typename = IfFits<Container>>
  constexpr Span(Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}
  /// The same of one that is constant.
  template <typename Container, typename = IfFits<const Container>>
  constexpr Span(const Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}
  /// A list lives as long as the call that it is written in.
  template <typename U = T, typename = std::enable_if_t<std::is_const_v<U>>>
  constexpr Span(std::initializer_list<value_type> list) noexcept : data_(std::data(list)), size_(list.size()) {}

  /// The first element.
  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  /// How many there are.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  /// Whether there is none.
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  /// All elements, for loops.
  [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
  /// The end of that loop.
  [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }
  /// The element at `index`, which must be below size().
  [[nodiscard]] constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A view of bytes that somebody else owns: the content of a file. Made from anything with data() and size()
/// whose elements are bytes, such as std::string, std::vector<std::byte> and Buffer.
class Bytes {
  template <typename Container>
  using IfBytes = std::enable_if_t<sizeof(*std::data(std::declval<const Container&>())) == 1>;

 public:
  /// `size` bytes from `data` on.
  constexpr Bytes(const void* data, std::size_t size) noexcept : data_(data), size_(size) {}
  /// A text, without the NUL behind it.
  Bytes(const char* text) noexcept : data_(text), size_(std::strlen(text)) {}
  /// The bytes of an array or a container.
  template <typename Container, typename = IfBytes<Container>>
  constexpr Bytes(const Container& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}

  /// The first byte.
  [[nodiscard]] constexpr const void* data() const noexcept { return data_; }
  /// How many there are.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  const void* data_;
  std::size_t size_;
};

}  // namespace qdq

#endif
