// Files of bytes that only TensorRT understands.
#ifndef QDQ_TENSORRT_DETAIL_FILES_HPP
#define QDQ_TENSORRT_DETAIL_FILES_HPP

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <qdq/result.hpp>

namespace qdq::trt::detail {

/// A path of qdq's: bytes as the system has them, on Windows UTF-8.
inline std::filesystem::path path_of(const std::string& text) {
#if defined(_WIN32) && defined(__cpp_char8_t)
  return std::filesystem::path(std::u8string(text.begin(), text.end()));
#elif defined(_WIN32)
  return std::filesystem::u8path(text);
#else
  return std::filesystem::path(text);
#endif
}

/// Whether there is something of that name, readable or not.
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

/// Writes a file, whole or not at all.
inline Result<void> write_file(const std::string& path, const void* data, std::size_t size) {
  const std::filesystem::path target = path_of(path);
  std::filesystem::path part = target;
  part += ".part";
  std::error_code error;
  {
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    file.close();
    if (file.fail()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(part, target, error);
  if (!error) return {};
  std::error_code ignored;
  std::filesystem::remove(part, ignored);
  return Error(Status::Io, "cannot write '" + path + "': " + error.message(),
               "check that its folder is there, may be written to and has room");
}

}  // namespace qdq::trt::detail

#endif
