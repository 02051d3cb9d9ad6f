// Where ONNX Runtime's library is.
#ifndef QDQ_ONNXRUNTIME_HPP
#define QDQ_ONNXRUNTIME_HPP

#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>

namespace qdq {

/// Finds ONNX Runtime's library: `path` is the library or the folder it lies in; where it is empty, the
/// environment variables QDQ_ONNXRUNTIME and ORT_DYLIB_PATH, the Python package onnxruntime and the system's
/// own places are looked at. Returns its path, or its name where the system's loader finds it.
[[nodiscard]] inline Result<Buffer> onnxruntime_find(std::string_view path = {}) {
  return detail::make<Buffer>(qdq_onnxruntime_find, detail::Text(path).or_null());
}

/// The version of the ONNX Runtime library at `path`, such as "1.24.1". The library is loaded for that and
/// stays so.
[[nodiscard]] inline Result<Buffer> onnxruntime_version(const std::string& path) {
  return detail::make<Buffer>(qdq_onnxruntime_version, path.c_str());
}

}  // namespace qdq

#endif
