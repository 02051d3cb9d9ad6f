// Numbers that a network refers to.
#ifndef QDQ_TENSORRT_WEIGHT_MEMORY_HPP
#define QDQ_TENSORRT_WEIGHT_MEMORY_HPP

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <NvInfer.h>

namespace qdq::trt {

/// Owns the scales that were added to a network. TensorRT does not copy them: it must outlive the build of
/// the engine. Moving it leaves the numbers where they are. It must be kept in a variable: dropped, it leaves
/// the network without scales.
class [[nodiscard]] WeightMemory {
 public:
  WeightMemory() = default;
  /// Takes the memory over.
  WeightMemory(WeightMemory&&) = default;
  /// Takes the memory over, in place of its own.
  WeightMemory& operator=(WeightMemory&&) = default;
  WeightMemory(const WeightMemory&) = delete;
  WeightMemory& operator=(const WeightMemory&) = delete;

  /// Takes numbers over and gives them as TensorRT takes them.
  [[nodiscard]] nvinfer1::Weights keep(std::vector<float> values) {
    kept_.push_back(std::move(values));
    return {nvinfer1::DataType::kFLOAT, kept_.back().data(), static_cast<std::int64_t>(kept_.back().size())};
  }

 private:
  std::deque<std::vector<float>> kept_;
};

}  // namespace qdq::trt

#endif
