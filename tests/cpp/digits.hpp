// The digits model and its images, for tests that run a model.
#ifndef DIGITS_HPP
#define DIGITS_HPP

#include <string>
#include <utility>
#include <vector>

#include "check.hpp"

namespace digits {

inline std::string path(const std::string& file) { return check::data() + "/digits/" + file; }
inline qdq::Model model() { return qdq::Model::open(path("model.onnx")).value(); }

/// Returns 8 synthetic images.
inline std::vector<float> images(int first) {
  std::vector<float> pixels;
  for (int i = first; i < first + 8; ++i) {
    for (int j = 0; j < 64; ++j) pixels.push_back(static_cast<float>((i * 7 + j * 3) % 17) / 16.0f);
  }
  return pixels;
}

/// Puts 8 images into a batch.
inline qdq::Result<void> fill(qdq::Batch& batch, int first) {
  const std::vector<float> pixels = images(first);
  return batch.set("input", {pixels.data(), {8, 1, 8, 8}});
}

/// Makes a source of `count` batches.
inline auto source(int count) {
  return [count, next = 0](qdq::Batch& batch) mutable -> qdq::Result<bool> {
    if (next == count) return false;
    if (auto filled = fill(batch, 8 * next++); !filled) return std::move(filled).error();
    return true;
  };
}

}  // namespace digits

#endif
