// What went wrong.
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

/// A word for a status, such as "invalid argument". Valid for ever.
[[nodiscard]] inline std::string_view status_text(Status status) noexcept {
  return qdq_status_text(static_cast<qdq_status>(status));
}

/// An error: a status, a message that names the thing and the cause, a remedy where one is known, and the
/// errors from below that caused it. Immutable. Texts are valid until it is freed.
class Error : public detail::Handle<qdq_error, qdq_error_free> {
 public:
  using Handle::Handle;

  /// An error for a callback to return. Status::Ok counts as Status::Callback; an empty remedy is none.
  Error(Status status, std::string_view message, std::string_view remedy = {})
      : Handle(qdq_error_new(detail::number(status), detail::Text(message).c(), detail::Text(remedy).or_null())) {}

  /// The kind of the error.
  [[nodiscard]] Status status() const noexcept { return static_cast<Status>(qdq_error_status(c())); }

  /// What is wrong with which thing, in one line.
  [[nodiscard]] std::string_view message() const& noexcept { return detail::view(qdq_error_message(c())); }
  void message() const&& = delete;

  /// What to do about it; empty where no remedy is known.
  [[nodiscard]] std::string_view remedy() const& noexcept { return detail::view(qdq_error_remedy(c())); }
  void remedy() const&& = delete;

  /// The errors from below, the nearest first.
  [[nodiscard]] detail::Items<std::string_view, qdq_error> causes() const& {
    return {c(), qdq_error_cause_count(c()), [](const qdq_error* error, std::size_t, std::size_t index) {
              return detail::view(qdq_error_cause_at(error, index));
            }};
  }
  void causes() const&& = delete;

  /// Everything for a log: message and remedy in the first line, then a line for every cause.
  [[nodiscard]] std::string_view text() const& noexcept { return detail::view(qdq_error_text(c())); }
  void text() const&& = delete;
};

/// What Result::value() throws where exceptions are on: what() is the error's text, causes included. Copies
/// share the error.
class Exception : public std::runtime_error {
 public:
  /// Takes the error over.
  explicit Exception(Error&& error)
      : std::runtime_error(std::string(error.text())), error_(std::make_shared<const Error>(std::move(error))) {}
  /// Takes status, message and remedy over; the causes are in what() alone.
  explicit Exception(const Error& error)
      : std::runtime_error(std::string(error.text())),
        error_(std::make_shared<const Error>(error.status(), error.message(), error.remedy())) {}

  /// The kind of the error.
  [[nodiscard]] Status status() const noexcept { return error_->status(); }
  /// The error, valid as long as a copy of this lives.
  [[nodiscard]] const Error& error() const& noexcept { return *error_; }
  void error() const&& = delete;

 private:
  std::shared_ptr<const Error> error_;
};

}  // namespace qdq

#endif
