// Serialized engines.
#ifndef QDQ_TENSORRT_SERIALIZED_ENGINE_HPP
#define QDQ_TENSORRT_SERIALIZED_ENGINE_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/buffer.hpp>
#include <qdq/findings.hpp>
#include <qdq/plan.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

namespace qdq::trt {

/// A serialized engine, for IRuntime::deserializeCudaEngine() or a file, with its plan and findings.
class Engine {
 public:
  /// Makes an engine of these bytes, with the numbers that its network refers to, its plan and findings.
  explicit Engine(Owner<nvinfer1::IHostMemory> bytes, WeightMemory memory = {}, std::optional<Plan> plan = std::nullopt,
                  std::vector<Findings> findings = {})
      : bytes_(std::move(bytes)), memory_(std::move(memory)), plan_(std::move(plan)), findings_(std::move(findings)) {}

  /// Returns a pointer to the first byte.
  [[nodiscard]] const void* data() const& noexcept { return bytes_->data(); }
  void data() const&& = delete;
  /// Returns the number of bytes.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_->size(); }
  /// Writes the engine to a file, completely or not at all.
  [[nodiscard]] Result<void> write(const std::string& path) const {
    return write_file(path, Bytes(bytes_->data(), bytes_->size()));
  }

  /// Returns the plan of the model or of the given network: the quantized layers, and the layers that stay in
  /// float, with their reason.
  ///
  /// NULL if the engine was built without changes or by a calibrator of TensorRT's. With Way::DynamicRange
  /// TensorRT decides which layers run in INT8; the plan lists the layers that have the ranges for it.
  [[nodiscard]] const Plan* plan() const& noexcept { return plan_ ? &*plan_ : nullptr; }
  void plan() const&& = delete;
  /// Returns the findings of statistics, ranges and plan. The options' logger has received them.
  [[nodiscard]] const std::vector<Findings>& findings() const& noexcept { return findings_; }
  void findings() const&& = delete;

 private:
  Owner<nvinfer1::IHostMemory> bytes_;
  WeightMemory memory_;
  std::optional<Plan> plan_;
  std::vector<Findings> findings_;
};

}  // namespace qdq::trt

#endif
