// Bytes that functions return.
#ifndef QDQ_BUFFER_HPP
#define QDQ_BUFFER_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/qdq.h>
#include <qdq/span.hpp>

namespace qdq {

/// Bytes that a function returned: a text or the content of a file. Immutable. Returned views are valid until
/// the buffer is freed.
class Buffer : public detail::Handle<qdq_buffer, qdq_buffer_free> {
 public:
  using Handle::Handle;

  /// Returns a pointer to the first byte.
  [[nodiscard]] const std::byte* data() const& noexcept { return static_cast<const std::byte*>(qdq_buffer_data(c())); }
  void data() const&& = delete;
  /// Returns the number of bytes.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_buffer_size(c()); }
  /// Returns the bytes as a text, which may contain NULs. A NUL follows the end of the text.
  [[nodiscard]] std::string_view text() const& noexcept {
    return size() == 0 ? std::string_view() : std::string_view(qdq_buffer_text(c()), size());
  }
  void text() const&& = delete;
};

/// Writes bytes to a file, completely or not at all: into a temporary file in the same folder, which is
/// renamed at the end.
[[nodiscard]] inline Result<void> write_file(const std::string& path, Bytes bytes) {
  return detail::call(qdq_write_file, path.c_str(), bytes.data(), bytes.size());
}

}  // namespace qdq

#endif
