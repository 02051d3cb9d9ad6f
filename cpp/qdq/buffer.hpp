// Bytes that a function has made.
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

/// Bytes that a function has made, a text or a file's content. Immutable. What it returns is valid until it
/// is freed.
class Buffer : public detail::Handle<qdq_buffer, qdq_buffer_free> {
 public:
  using Handle::Handle;

  /// The first byte.
  [[nodiscard]] const std::byte* data() const& noexcept { return static_cast<const std::byte*>(qdq_buffer_data(c())); }
  void data() const&& = delete;
  /// How many bytes there are.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_buffer_size(c()); }
  /// The bytes as a text, NULs inside included. A NUL stands behind its end.
  [[nodiscard]] std::string_view text() const& noexcept {
    return size() == 0 ? std::string_view() : std::string_view(qdq_buffer_text(c()), size());
  }
  void text() const&& = delete;
};

/// Writes bytes into a file, whole or not at all: into a temporary neighbour that takes the file's name at
/// the end.
[[nodiscard]] inline Result<void> write_file(const std::string& path, Bytes bytes) {
  return detail::call(qdq_write_file, path.c_str(), bytes.data(), bytes.size());
}

}  // namespace qdq

#endif
