// A value or the error in its place.
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

// Throws the error or, where exceptions are off, prints it and ends the process.
template <typename E>
[[noreturn]] void raise(E&& error) {
#ifdef __cpp_exceptions
  throw Exception(std::forward<E>(error));
#else
  give_up(error.text());
#endif
}

}  // namespace detail

/// What a function that can fail returns: a value, or an Error.
///
/// value(), * and -> on an error throw an Exception with its status, message and remedy; in a program without
/// exceptions they print it and end the process. Ask first to go on without. A program is to be compiled with
/// or without exceptions as a whole.
template <typename T>
class [[nodiscard]] Result {
 public:
  /// The type of the value.
  using value_type = T;

  /// The value of a function that went well.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  /// A pointer, such as a text, is no truth value.
  template <typename Pointer, typename = std::enable_if_t<std::is_same_v<T, bool> && std::is_pointer_v<Pointer>>>
  Result(Pointer) = delete;
  /// The error of a function that failed.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  /// Whether it went well.
  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  /// As has_value().
  explicit operator bool() const noexcept { return has_value(); }

  /// The value, or the error is raised.
  T& value() & {
    if (!has_value()) detail::raise(*std::get_if<1>(&state_));
    return *std::get_if<0>(&state_);
  }
  /// The value to be read, or the error is raised.
  const T& value() const& {
    if (!has_value()) detail::raise(*std::get_if<1>(&state_));
    return *std::get_if<0>(&state_);
  }
  /// Moves the value out, so that it can be looped over at once.
  T value() && {
    if (!has_value()) detail::raise(std::move(*std::get_if<1>(&state_)));
    return std::move(*std::get_if<0>(&state_));
  }

  /// As value().
  [[nodiscard]] T& operator*() & { return value(); }
  /// As value().
  [[nodiscard]] const T& operator*() const& { return value(); }
  /// As value().
  [[nodiscard]] T operator*() && { return std::move(*this).value(); }
  /// A member of the value, or the error is raised.
  [[nodiscard]] T* operator->() & { return &value(); }
  /// A member of the value, or the error is raised.
  [[nodiscard]] const T* operator->() const& { return &value(); }
  /// Views of the value would be gone with the result: keep it in a variable, or use value().
  void operator->() const&& = delete;

  /// The error. There must be one: the process ends otherwise.
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

/// The same for a function that has nothing to return.
template <>
class [[nodiscard]] Result<void> {
 public:
  /// There is no value.
  using value_type = void;

  Result() noexcept = default;
  /// The error of a function that failed.
  Result(Error error) : error_(std::move(error)) {}

  /// Whether it went well.
  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  /// As has_value().
  explicit operator bool() const noexcept { return has_value(); }

  /// Nothing, or the error is raised.
  void value() const& {
    if (error_) detail::raise(*error_);
  }
  /// Nothing, or the error is raised.
  void value() && {
    if (error_) detail::raise(std::move(*error_));
  }

  /// The error. There must be one: the process ends otherwise.
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
