// A value, or the error instead of it.
#ifndef QDQ_RESULT_HPP
#define QDQ_RESULT_HPP

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <qdq/error.hpp>

namespace qdq {
namespace detail {

[[noreturn]] inline void give_up(std::string_view text) noexcept {
  std::fprintf(stderr, "qdq: %.*s\n", static_cast<int>(text.size()), text.data());
  std::abort();
}

// Throws the error. If exceptions are off, prints it and ends the process.
template <typename E>
[[noreturn]] void raise(E&& error) {
#ifdef __cpp_exceptions
  throw Exception(std::forward<E>(error));
#else
  give_up(error.text());
#endif
}

}  // namespace detail

/// The result of a function that can fail: a value, or an Error.
///
/// If there is an error, value(), * and -> throw an Exception with its status, message and remedy. In a
/// program without exceptions they print it and end the process. Check has_value() first to avoid both. The
/// whole program must be compiled with exceptions, or all of it without.
template <typename T>
class [[nodiscard]] Result {
 public:
  /// The type of the value.
  using value_type = T;

  /// Makes a successful result with its value.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  /// Refuses a pointer, such as a text, as a boolean value.
  template <typename Pointer, typename = std::enable_if_t<std::is_same_v<T, bool> && std::is_pointer_v<Pointer>>>
  Result(Pointer) = delete;
  /// Makes a failed result with its error.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  /// Returns whether there is a value, and no error.
  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  /// Returns whether there is a value, as has_value().
  explicit operator bool() const noexcept { return has_value(); }

  /// Returns the value, or raises the error.
  T& value() & {
    if (!has_value()) detail::raise(*std::get_if<1>(&state_));
    return *std::get_if<0>(&state_);
  }
  /// Returns the value for reading, or raises the error.
  const T& value() const& {
    if (!has_value()) detail::raise(*std::get_if<1>(&state_));
    return *std::get_if<0>(&state_);
  }
  /// Moves the value out, so that it can be looped over at once. Raises the error if there is one.
  T value() && {
    if (!has_value()) detail::raise(std::move(*std::get_if<1>(&state_)));
    return std::move(*std::get_if<0>(&state_));
  }

  /// Returns the value, as value().
  [[nodiscard]] T& operator*() & { return value(); }
  /// Returns the value, as value().
  [[nodiscard]] const T& operator*() const& { return value(); }
  /// Moves the value out, as value().
  [[nodiscard]] T operator*() && { return std::move(*this).value(); }
  /// Accesses a member of the value, or raises the error.
  [[nodiscard]] T* operator->() & { return &value(); }
  /// Accesses a member of the value, or raises the error.
  [[nodiscard]] const T* operator->() const& { return &value(); }
  /// Does not compile: views of the value would be invalid after the line. Keep the result in a variable, or
  /// use value().
  void operator->() const&& = delete;

  /// Returns the error. If there is none, the process ends.
  [[nodiscard]] const Error& error() const& noexcept {
    if (has_value()) detail::give_up("error() of a Result that has a value");
    return *std::get_if<1>(&state_);
  }
  /// Moves the error out, to return it from another function.
  [[nodiscard]] Error error() && noexcept {
    if (has_value()) detail::give_up("error() of a Result that has a value");
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// The result of a function that returns nothing if it succeeds.
template <>
class [[nodiscard]] Result<void> {
 public:
  /// The type of the value: none.
  using value_type = void;

  Result() noexcept = default;
  /// Makes a failed result with its error.
  Result(Error error) : error_(std::move(error)) {}

  /// Returns whether there is no error.
  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  /// Returns whether there is no error, as has_value().
  explicit operator bool() const noexcept { return has_value(); }

  /// Raises the error if there is one.
  void value() const& {
    if (error_) detail::raise(*error_);
  }
  /// Raises the error if there is one.
  void value() && {
    if (error_) detail::raise(std::move(*error_));
  }

  /// Returns the error. If there is none, the process ends.
  [[nodiscard]] const Error& error() const& noexcept {
    if (!error_) detail::give_up("error() of a Result without one");
    return *error_;
  }
  /// Moves the error out, to return it from another function.
  [[nodiscard]] Error error() && noexcept {
    if (!error_) detail::give_up("error() of a Result without one");
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace qdq

#endif
