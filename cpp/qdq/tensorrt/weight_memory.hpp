// The memory of numbers that a network refers to.
#ifndef QDQ_TENSORRT_WEIGHT_MEMORY_HPP
#define QDQ_TENSORRT_WEIGHT_MEMORY_HPP

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <NvInfer.h>

namespace qdq::trt {

/// The owner of the scales that were added to a network. TensorRT does not copy them: this object must
/// outlive the build of the engine.
///
/// Moving the object does not move the numbers in memory. It must be kept in a variable: if it is destroyed,
/// the network has no scales.
class [[nodiscard]] WeightMemory {
 public:
  WeightMemory() = default;
  /// Takes ownership of the other's memory.
  WeightMemory(WeightMemory&&) = default;
  /// Frees its own memory and takes ownership of the other's.
  WeightMemory& operator=(WeightMemory&&) = default;
  WeightMemory(const WeightMemory&) = delete;
  WeightMemory& operator=(const WeightMemory&) = delete;

  /// Takes ownership of numbers and returns them in TensorRT's form.
  [[nodiscard]] nvinfer1::Weights keep(std::vector<float> values) {
    kept_.push_back(std::move(values));
    return {nvinfer1::DataType::kFLOAT, kept_.back().data(), static_cast<std::int64_t>(kept_.back().size())};
  }

 private:
  std::deque<std::vector<float>> kept_;
};

}  // namespace qdq::trt

#endif
