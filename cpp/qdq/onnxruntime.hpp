// The location of ONNX Runtime's library.
#ifndef QDQ_ONNXRUNTIME_HPP
#define QDQ_ONNXRUNTIME_HPP

#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>

namespace qdq {

/// Finds ONNX Runtime's library. `path` is the library or its folder.
///
/// If `path` is empty, the function looks at the environment variables QDQ_ONNXRUNTIME and ORT_DYLIB_PATH,
/// the Python package onnxruntime and the system's own places. Returns the path of the library, or its name
/// if the system's loader finds it.
[[nodiscard]] inline Result<Buffer> onnxruntime_find(std::string_view path = {}) {
  return detail::make<Buffer>(qdq_onnxruntime_find, detail::Text(path).or_null());
}

/// Returns the version of the ONNX Runtime library at `path`, such as "1.24.1". This loads the library, which
/// stays loaded.
[[nodiscard]] inline Result<Buffer> onnxruntime_version(const std::string& path) {
  return detail::make<Buffer>(qdq_onnxruntime_version, path.c_str());
}

}  // namespace qdq

#endif
