// The messages of the library.
#ifndef QDQ_LOG_HPP
#define QDQ_LOG_HPP

#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>

#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {
namespace detail {

// The log function in use. It is never destroyed, for the library may log until the process has ended.
struct LogSlot {
  std::mutex mutex;
  std::shared_ptr<void> function;

  static LogSlot& get() {
    static LogSlot* slot = new LogSlot;
    return *slot;
  }
};

inline Result<void> log_set(qdq_log_fn log, std::shared_ptr<void> function, LogLevel level) {
  LogSlot& slot = LogSlot::get();
  const std::lock_guard<std::mutex> lock(slot.mutex);
  auto done = call(qdq_log_set, log, function.get(), number(level));
  // The one before is not called any more.
  if (done) slot.function = std::move(function);
  return done;
}

template <typename Function>
void log_message(void* user, qdq_log_level level, const char* message) noexcept {
#ifdef __cpp_exceptions
  try {
#endif
    (*static_cast<Function*>(user))(static_cast<LogLevel>(level), view(message));
#ifdef __cpp_exceptions
  } catch (...) {  // There is nobody to tell.
  }
#endif
}

}  // namespace detail

/// Sends the messages of the library up to a level to a function, in place of the one set before: this is the one setting that
/// holds for the whole process. The function is called with a LogLevel and a std::string_view, which is valid during the call;
/// from any thread, from several at once. It is moved in and lives until another one is set. It must not call log_set() or
/// log_off(); exceptions that it throws are dropped.
///
/// Status::Unsupported in a Rust program that has a subscriber for messages already.
template <typename Function>
[[nodiscard]] Result<void> log_set(LogLevel level, Function function) {
  static_assert(std::is_invocable_v<Function&, LogLevel, std::string_view>, "a log function takes a level and a text");
  return detail::log_set(detail::log_message<Function>, std::make_shared<Function>(std::move(function)), level);
}

/// Silence again, the default. When it has returned, no log function is called any more.
inline void log_off() { static_cast<void>(detail::log_set(nullptr, nullptr, LogLevel::Warning)); }

}  // namespace qdq

#endif
