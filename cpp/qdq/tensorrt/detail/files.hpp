// Files whose content only TensorRT understands.
#ifndef QDQ_TENSORRT_DETAIL_FILES_HPP
#define QDQ_TENSORRT_DETAIL_FILES_HPP

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <qdq/result.hpp>

namespace qdq::trt::detail {

/// Converts qdq's form of a path: bytes in the system's own encoding, on Windows UTF-8.
inline std::filesystem::path path_of(const std::string& text) {
#if defined(_WIN32) && defined(__cpp_char8_t)
  return std::filesystem::path(std::u8string(text.begin(), text.end()));
#elif defined(_WIN32)
  return std::filesystem::u8path(text);
#else
  return std::filesystem::path(text);
#endif
}

/// Returns whether a file or folder of that name exists, readable or not.
inline bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path_of(path), error) || error;
}

inline Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path_of(path), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.is_open() && !file.bad()) return bytes;
  return Error(Status::Io, "cannot read '" + path + "'", "check that it is a file and may be read");
}

}  // namespace qdq::trt::detail

#endif
