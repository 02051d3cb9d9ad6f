// Errors.
#ifndef QDQ_ERROR_HPP
#define QDQ_ERROR_HPP

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <qdq/detail/handle.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

/// Returns the name of a status, such as "invalid argument". Always valid.
[[nodiscard]] inline std::string_view status_text(Status status) noexcept {
  return qdq_status_text(static_cast<qdq_status>(status));
}

/// An error: a status, a message that names the object and the cause, a remedy if one is known, and the
/// underlying errors that caused it.
///
/// Immutable. Returned texts are valid until the error is freed.
class Error : public detail::Handle<qdq_error, qdq_error_free> {
 public:
  using Handle::Handle;

  /// Makes an error that a callback can return. Status::Ok becomes Status::Callback; an empty remedy means
  /// none.
  Error(Status status, std::string_view message, std::string_view remedy = {})
      : Handle(qdq_error_new(detail::number(status), detail::Text(message).c(), detail::Text(remedy).or_null())) {}

  /// Returns the kind of the error.
  [[nodiscard]] Status status() const noexcept { return static_cast<Status>(qdq_error_status(c())); }

  /// Returns the problem and the object that has it, in one line.
  [[nodiscard]] std::string_view message() const& noexcept { return detail::view(qdq_error_message(c())); }
  void message() const&& = delete;

  /// Returns the remedy; empty if none is known.
  [[nodiscard]] std::string_view remedy() const& noexcept { return detail::view(qdq_error_remedy(c())); }
  void remedy() const&& = delete;

  /// Returns the underlying errors, the nearest first.
  [[nodiscard]] detail::Items<std::string_view, qdq_error> causes() const& {
    return {c(), qdq_error_cause_count(c()), [](const qdq_error* error, std::size_t, std::size_t index) {
              return detail::view(qdq_error_cause_at(error, index));
            }};
  }
  void causes() const&& = delete;

  /// Returns the full text for a log: message and remedy in the first line, then a line for every cause.
  [[nodiscard]] std::string_view text() const& noexcept { return detail::view(qdq_error_text(c())); }
  void text() const&& = delete;
};

/// The exception of Result::value(), if exceptions are enabled. what() is the error's text, causes included.
/// Copies share the error.
class Exception : public std::runtime_error {
 public:
  /// Takes ownership of the error.
  explicit Exception(Error&& error)
      : std::runtime_error(std::string(error.text())), error_(std::make_shared<const Error>(std::move(error))) {}
  /// Copies status, message and remedy of the error. The causes are in what() only.
  explicit Exception(const Error& error)
      : std::runtime_error(std::string(error.text())),
        error_(std::make_shared<const Error>(error.status(), error.message(), error.remedy())) {}

  /// Returns the kind of the error.
  [[nodiscard]] Status status() const noexcept { return error_->status(); }
  /// Returns the error, valid as long as a copy of this exception lives.
  [[nodiscard]] const Error& error() const& noexcept { return *error_; }
  void error() const&& = delete;

 private:
  std::shared_ptr<const Error> error_;
};

}  // namespace qdq

#endif
