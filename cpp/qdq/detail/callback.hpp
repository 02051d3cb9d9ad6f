// Adapters between functions of the caller and C callbacks.
#ifndef QDQ_DETAIL_CALLBACK_HPP
#define QDQ_DETAIL_CALLBACK_HPP

#include <exception>
#include <type_traits>
#include <utility>

#include <qdq/result.hpp>

namespace qdq::detail {

/// Frees a function that was moved to the heap for qdq.
template <typename Function>
void free_function(void* user) noexcept {
  delete static_cast<Function*>(user);
}

/// Passes an error to qdq and returns its status.
inline qdq_status fail(Error error, qdq_error** out) noexcept {
  const qdq_status status = qdq_error_status(error.c());
  *out = error.release();
  return status == QDQ_OK ? QDQ_ERROR_CALLBACK : status;
}

/// Runs the body of a callback. An exception does not leave it: it becomes the callback's error.
template <typename Function>
qdq_status guard(qdq_error** error, Function&& function) noexcept {
#ifdef __cpp_exceptions
  try {
    return function();
  } catch (const Exception& exception) {
    const Error& cause = exception.error();
    return fail(Error(cause.status(), cause.message(), cause.remedy()), error);
  } catch (const std::exception& exception) {
    return fail(Error(Status::Callback, exception.what()), error);
  } catch (...) {
    return fail(Error(Status::Callback, "a callback threw something that is no std::exception"), error);
  }
#else
  static_cast<void>(error);
  return function();
#endif
}

/// Calls a function that returns nothing; or bool, and false stops the run; or Result<void>.
template <typename Function, typename... Arguments>
qdq_status tell(Function& function, qdq_error** error, const Arguments&... arguments) {
  static_cast<void>(error);
  using Answer = std::invoke_result_t<Function&, const Arguments&...>;
  if constexpr (std::is_void_v<Answer>) {
    function(arguments...);
    return QDQ_OK;
  } else if constexpr (std::is_same_v<Answer, bool>) {
    return function(arguments...) ? QDQ_OK : QDQ_ERROR_CANCELLED;
  } else {
    static_assert(std::is_same_v<Answer, Result<void>>, "such a callback returns bool, void or qdq::Result<void>");
    Answer answer = function(arguments...);
    return answer ? QDQ_OK : fail(std::move(answer).error(), error);
  }
}

}  // namespace qdq::detail

#endif
