// The messages of the library.
#ifndef QDQ_LOG_HPP
#define QDQ_LOG_HPP

#include <string_view>
#include <type_traits>
#include <utility>

#include <qdq/detail/call.hpp>
#include <qdq/detail/callback.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {
namespace detail {

template <typename Function>
void log_message(void* user, qdq_log_level level, const char* message) noexcept {
#ifdef __cpp_exceptions
  try {
#endif
    (*static_cast<Function*>(user))(static_cast<LogLevel>(level), view(message));
#ifdef __cpp_exceptions
  } catch (...) {  // Nothing can report it.
  }
#endif
}

}  // namespace detail

/// Sends the messages of the library, up to a level, to a function. It replaces the previous function, for
/// the whole process.
///
/// The function is called with a LogLevel and a std::string_view that is valid during the call. Any thread
/// may call it, several at the same time. The function is moved in and lives until another one is set. It
/// must not call functions of qdq. Exceptions that it throws are dropped.
///
/// Status::Unsupported if the program is a Rust program that already has a subscriber for messages.
template <typename Function>
[[nodiscard]] Result<void> log_set(LogLevel level, Function function) {
  static_assert(std::is_invocable_v<Function&, LogLevel, std::string_view>, "a log function takes a level and a text");
  return detail::call(qdq_log_set, detail::log_message<Function>, static_cast<void*>(new Function(std::move(function))),
                      detail::free_function<Function>, detail::number(level));
}

/// Turns the messages off, which is the default. After it has returned, no log function is called any more.
inline void log_off() {
  static_cast<void>(detail::call(qdq_log_set, nullptr, nullptr, nullptr, detail::number(LogLevel::Warning)));
}

}  // namespace qdq

#endif
