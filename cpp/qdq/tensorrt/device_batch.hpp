// Batches in the memory of the GPU.
#ifndef QDQ_TENSORRT_DEVICE_BATCH_HPP
#define QDQ_TENSORRT_DEVICE_BATCH_HPP

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <qdq/result.hpp>
#include <qdq/span.hpp>
#include <qdq/tensor_view.hpp>
#include <qdq/tensorrt/detail/cuda.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// Device memory for the tensors of a batch, with one block per name. A block is kept for the next batch and
/// grows if necessary.
///
/// CUDA is opened when the object is made, and never linked: its driver or, if that is not found, its
/// runtime. The memory belongs to the CUDA context that is current at that time. If there is none, it belongs
/// to the primary context of device 0, which is retained until the object is destroyed. The object can be
/// moved, not copied. One thread at a time may use it.
class DeviceBatch {
 public:
  /// Opens CUDA. Status::Io if neither driver nor runtime is found; Status::TensorRt if there is no GPU.
  [[nodiscard]] static Result<DeviceBatch> make() {
    QDQ_TRY_AS(memory, detail::open_cuda());
    return DeviceBatch(std::move(memory).value());
  }

  /// Copies bytes of the host to the block of this name. Returns the block; the copy is complete.
  ///
  /// The block is device memory that this object owns. It is valid until the name is uploaded again with more
  /// bytes, or until this object is destroyed.
  [[nodiscard]] Result<void*> upload(std::string_view name, Bytes bytes) {
    if (bytes.size() == 0) return Error(Status::InvalidArgument, "there are no bytes to upload for " + detail::quote(name));
    auto found = blocks_.find(name);
    if (found == blocks_.end()) found = blocks_.emplace(std::string(name), memory_.get()).first;
    auto done = found->second.reserve(bytes.size());
    if (done) done = memory_->copy(found->second.data(), bytes.data(), bytes.size());
    if (done) return found->second.data();
    const Error cause = std::move(done).error();
    return Error(cause.status(), "input " + detail::quote(name) + ": " + std::string(cause.message()), cause.remedy());
  }
  /// Copies a row-major tensor of the host to the block of this name.
  [[nodiscard]] Result<void*> upload(std::string_view name, const TensorView& tensor) {
    QDQ_TRY_AS(bytes, detail::host_bytes(name, tensor));
    return upload(name, Bytes(tensor.data(), *bytes));
  }

 private:
  class Block {
   public:
    explicit Block(detail::DeviceMemory* memory) noexcept : memory_(memory) {}
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() { static_cast<void>(clear()); }

    [[nodiscard]] void* data() const noexcept { return data_; }
    // Frees before it allocates, so that the device need not hold both.
    Result<void> reserve(std::size_t bytes) {
      if (bytes <= size_) return {};
      QDQ_TRY(clear());
      QDQ_TRY(memory_->allocate(bytes, data_));
      size_ = bytes;
      return {};
    }

   private:
    Result<void> clear() {
      if (data_ == nullptr) return {};
      QDQ_TRY(memory_->free(data_));
      data_ = nullptr;
      size_ = 0;
      return {};
    }

    detail::DeviceMemory* memory_;
    void* data_ = nullptr;
    std::size_t size_ = 0;
  };

  explicit DeviceBatch(std::unique_ptr<detail::DeviceMemory> memory) noexcept : memory_(std::move(memory)) {}

  // Declared first, so that it is destroyed after the blocks, which it frees.
  std::unique_ptr<detail::DeviceMemory> memory_;
  std::map<std::string, Block, std::less<>> blocks_;
};

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
