// The memory of numbers that a network refers to.
#ifndef QDQ_TENSORRT_WEIGHT_MEMORY_HPP
#define QDQ_TENSORRT_WEIGHT_MEMORY_HPP

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/array.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt {

/// The owner of the scales, the quantized weights and the converted constants of a network. TensorRT does not
/// copy them: this object must outlive the build of the engine.
///
/// Moving the object does not move the numbers in memory. It must be kept in a variable: if it is destroyed,
/// the network refers to freed memory.
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

  /// Takes ownership of the bytes of `count` numbers of a type and returns them in TensorRT's form.
  [[nodiscard]] nvinfer1::Weights keep(std::vector<unsigned char> bytes, nvinfer1::DataType type, std::int64_t count) {
    bytes_.push_back(std::move(bytes));
    return {type, bytes_.back().data(), count};
  }

  /// Takes ownership of an array of f32, f16 or bf16 and returns its numbers in TensorRT's form.
  [[nodiscard]] nvinfer1::Weights keep(Array array) {
    arrays_.push_back(std::move(array));
    const TensorView view = arrays_.back().view();
    nvinfer1::DataType type = nvinfer1::DataType::kFLOAT;
    if (view.dtype() == DType::F16) type = nvinfer1::DataType::kHALF;
#if QDQ_TRT_QDQ_HAS_TYPE
    if (view.dtype() == DType::BF16) type = nvinfer1::DataType::kBF16;
#endif
    return {type, view.data(), static_cast<std::int64_t>(qdq_array_count(arrays_.back().c()))};
  }

 private:
  std::deque<std::vector<float>> kept_;
  std::deque<std::vector<unsigned char>> bytes_;
  std::deque<Array> arrays_;
};

}  // namespace qdq::trt

#endif
