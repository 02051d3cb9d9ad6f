// Batches in device memory.
#ifndef QDQ_TENSORRT_DEVICE_BATCH_HPP
#define QDQ_TENSORRT_DEVICE_BATCH_HPP

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <qdq/tensorrt/detail/cuda.hpp>

namespace qdq::trt {

/// A buffer in device memory for every input of a network, kept from batch to batch. CUDA is opened when the first is filled.
/// For one thread at a time; freed with it.
class DeviceBatch {
 public:
  DeviceBatch() = default;
  DeviceBatch(DeviceBatch&&) = default;
  DeviceBatch(const DeviceBatch&) = delete;
  DeviceBatch& operator=(const DeviceBatch&) = delete;
  ~DeviceBatch() {
    for (const auto& [name, buffer] : buffers_) cuda_->free(buffer.device);
  }

  /// Copies bytes into the buffer of an input and returns it. It is valid until the next call for this input.
  [[nodiscard]] Result<void*> put(const std::string& input, const void* host, std::size_t bytes) {
    if (!cuda_) {
      auto opened = detail::Cuda::open();
      if (!opened) return std::move(opened).error();
      cuda_ = *std::move(opened);
    }
    auto found = buffers_.find(input);
    if (found != buffers_.end() && found->second.bytes < bytes) {
      cuda_->free(found->second.device);
      buffers_.erase(found);
      found = buffers_.end();
    }
    if (found == buffers_.end()) {
      auto device = cuda_->allocate(bytes);
      if (!device) return std::move(device).error();
      found = buffers_.emplace(input, Buffer{*device, bytes}).first;
    }
    if (auto done = cuda_->to_device(found->second.device, host, bytes); !done) return std::move(done).error();
    return found->second.device;
  }

 private:
  struct Buffer {
    void* device;
    std::size_t bytes;
  };

  std::unique_ptr<detail::Cuda> cuda_;
  std::map<std::string, Buffer> buffers_;
};

}  // namespace qdq::trt

#endif
