// An engine as bytes.
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

namespace qdq::trt {

/// A serialized engine, for IRuntime::deserializeCudaEngine() or a file, and what was decided on the way to
/// it.
class Engine {
 public:
  /// An engine of these bytes, with what was planned and is to be known.
  explicit Engine(Owner<nvinfer1::IHostMemory> bytes, std::optional<Plan> plan = std::nullopt,
                  std::vector<Findings> findings = {})
      : bytes_(std::move(bytes)), plan_(std::move(plan)), findings_(std::move(findings)) {}

  /// The bytes.
  [[nodiscard]] const void* data() const& noexcept { return bytes_->data(); }
  void data() const&& = delete;
  /// How many bytes there are.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_->size(); }
  /// Writes a file, whole or not at all.
  [[nodiscard]] Result<void> write(const std::string& path) const {
    return write_file(path, Bytes(bytes_->data(), bytes_->size()));
  }

  /// What of the model, or of the network that was given, is quantized, and what stays in float and why; NULL
  /// where it was built as it is or by a calibrator of TensorRT's. With Way::DynamicRange TensorRT decides
  /// what runs in INT8, and the plan says which layers have the ranges for it.
  [[nodiscard]] const Plan* plan() const& noexcept { return plan_ ? &*plan_ : nullptr; }
  void plan() const&& = delete;
  /// What a user must know of statistics, ranges and plan. The options' logger was told.
  [[nodiscard]] const std::vector<Findings>& findings() const& noexcept { return findings_; }
  void findings() const&& = delete;

 private:
  Owner<nvinfer1::IHostMemory> bytes_;
  std::optional<Plan> plan_;
  std::vector<Findings> findings_;
};

}  // namespace qdq::trt

#endif
