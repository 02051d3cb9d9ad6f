// Device memory by CUDA's runtime.
#ifndef QDQ_TENSORRT_DETAIL_CUDA_RUNTIME_HPP
#define QDQ_TENSORRT_DETAIL_CUDA_RUNTIME_HPP

#include <memory>
#include <string>

#include <qdq/tensorrt/detail/device_memory.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The memory of the device that is current in the calling thread.
class CudaRuntime final : public DeviceMemory {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DeviceMemory>> open(const SharedLibrary& library) {
    std::unique_ptr<CudaRuntime> runtime(new CudaRuntime);
    QDQ_TRY(library.find("cudaGetErrorString", runtime->error_text_));
    QDQ_TRY(library.find("cudaGetDevice", runtime->device_));
    QDQ_TRY(library.find("cudaMalloc", runtime->allocate_));
    QDQ_TRY(library.find("cudaFree", runtime->free_));
    QDQ_TRY(library.find("cudaMemcpy", runtime->copy_));
    QDQ_TRY(library.find("cudaStreamSynchronize", runtime->synchronize_));
    int device = 0;
    QDQ_TRY(runtime->said("cudaGetDevice", runtime->device_(&device), "to find the current device"));
    return std::unique_ptr<DeviceMemory>(std::move(runtime));
  }

  Result<void> allocate(std::size_t bytes, void*& out) override {
    return said("cudaMalloc", allocate_(&out, bytes), "for " + std::to_string(bytes) + " bytes");
  }
  Result<void> free(void* memory) override { return said("cudaFree", free_(memory), "to free device memory"); }
  Result<void> copy(void* to, const void* from, std::size_t bytes) override {
    constexpr int host_to_device = 1;
    const std::string size = std::to_string(bytes) + " bytes";
    QDQ_TRY(said("cudaMemcpy", copy_(to, from, bytes, host_to_device), "for " + size));
    // As with the driver: the copy may return before it is complete.
    return said("cudaStreamSynchronize", synchronize_(nullptr), "after a copy of " + size);
  }
  Result<void> read(void* to, const void* from, std::size_t bytes) override {
    constexpr int device_to_host = 2;
    return said("cudaMemcpy", copy_(to, from, bytes, device_to_host), "for " + std::to_string(bytes) + " bytes");
  }

 private:
  CudaRuntime() = default;

  Result<void> said(const char* function, int status, const std::string& task) const {
    if (status == 0) return {};
    return cuda_error(function, status, nullptr, error_text_(status), task);
  }

  const char* (*error_text_)(int) = nullptr;
  int (*device_)(int*) = nullptr;
  int (*allocate_)(void**, std::size_t) = nullptr;
  int (*free_)(void*) = nullptr;
  int (*copy_)(void*, const void*, std::size_t, int) = nullptr;
  int (*synchronize_)(void*) = nullptr;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
