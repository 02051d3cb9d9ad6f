// Device memory by CUDA's driver.
#ifndef QDQ_TENSORRT_DETAIL_CUDA_DRIVER_HPP
#define QDQ_TENSORRT_DETAIL_CUDA_DRIVER_HPP

#include <cstdint>
#include <memory>
#include <string>

#include <qdq/tensorrt/detail/device_memory.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The memory of the CUDA context that is current when the object is made. The current context of the calling
/// thread stays the same.
///
/// If no context is current, it is the primary context of device 0, which is retained for the lifetime of the
/// object.
class CudaDriver final : public DeviceMemory {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DeviceMemory>> open(const SharedLibrary& library) {
    std::unique_ptr<CudaDriver> driver(new CudaDriver);
    QDQ_TRY(driver->find(library));
    QDQ_TRY(driver->begin());
    return std::unique_ptr<DeviceMemory>(std::move(driver));
  }
  ~CudaDriver() override {
    if (is_retained_) release_(device_);
  }

  Result<void> allocate(std::size_t bytes, void*& out) override {
    Address address = 0;
    auto done = in_context([&] { return said("cuMemAlloc", allocate_(&address, bytes), "for " + text(bytes)); });
    out = reinterpret_cast<void*>(static_cast<std::uintptr_t>(address));
    return done;
  }
  Result<void> free(void* memory) override {
    return in_context([&] { return said("cuMemFree", free_(address(memory)), "to free device memory"); });
  }
  Result<void> copy(void* to, const void* from, std::size_t bytes) override {
    return in_context([&] {
      auto copied = said("cuMemcpyHtoD", copy_(address(to), from, bytes), "for " + text(bytes));
      if (!copied) return copied;
      // A copy of memory that is not pinned may return before it is complete, and TensorRT reads in a stream
      // of its own.
      return said("cuCtxSynchronize", synchronize_(), "after a copy of " + text(bytes));
    });
  }
  Result<void> read(void* to, const void* from, std::size_t bytes) override {
    return in_context([&] {
      auto done = said("cuCtxSynchronize", synchronize_(), "before a copy of " + text(bytes));
      return done ? said("cuMemcpyDtoH", read_(to, address(from), bytes), "for " + text(bytes)) : std::move(done);
    });
  }

 private:
  using Code = int;
  using Ordinal = int;
  using Context = void*;
  using Address = unsigned long long;
  static_assert(sizeof(void*) == 8, "CUDA's driver serves 64-bit programs");

  CudaDriver() = default;

  static Address address(const void* memory) noexcept { return reinterpret_cast<std::uintptr_t>(memory); }
  static std::string text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

  // Functions whose meaning changed have a number in their name, which CUDA's headers hide.
  Result<void> find(const SharedLibrary& library) {
    QDQ_TRY(library.find("cuInit", init_));
    QDQ_TRY(library.find("cuGetErrorName", error_name_));
    QDQ_TRY(library.find("cuGetErrorString", error_text_));
    QDQ_TRY(library.find("cuCtxGetCurrent", current_));
    QDQ_TRY(library.find("cuCtxPushCurrent_v2", push_));
    QDQ_TRY(library.find("cuCtxPopCurrent_v2", pop_));
    QDQ_TRY(library.find("cuCtxSynchronize", synchronize_));
    QDQ_TRY(library.find("cuDeviceGet", device_get_));
    QDQ_TRY(library.find("cuDevicePrimaryCtxRetain", retain_));
    if (!library.find("cuDevicePrimaryCtxRelease_v2", release_)) {
      QDQ_TRY(library.find("cuDevicePrimaryCtxRelease", release_));
    }
    QDQ_TRY(library.find("cuMemAlloc_v2", allocate_));
    QDQ_TRY(library.find("cuMemFree_v2", free_));
    QDQ_TRY(library.find("cuMemcpyHtoD_v2", copy_));
    QDQ_TRY(library.find("cuMemcpyDtoH_v2", read_));
    return {};
  }

  Result<void> begin() {
    QDQ_TRY(said("cuInit", init_(0), "to begin"));
    QDQ_TRY(said("cuCtxGetCurrent", current_(&context_), "to find the current context"));
    if (context_ != nullptr) return {};
    QDQ_TRY(said("cuDeviceGet", device_get_(&device_, 0), "to find device 0"));
    QDQ_TRY(said("cuDevicePrimaryCtxRetain", retain_(&context_, device_), "for device 0"));
    is_retained_ = true;
    return {};
  }

  template <typename Function>
  Result<void> in_context(Function function) {
    auto done = said("cuCtxPushCurrent", push_(context_), "to use the context of the memory");
    if (!done) return done;
    done = function();
    Context popped = nullptr;
    auto left = said("cuCtxPopCurrent", pop_(&popped), "to go back to the context of the thread");
    return done ? std::move(left) : std::move(done);
  }

  Result<void> said(const char* function, Code code, const std::string& task) const {
    if (code == 0) return {};
    const char* name = nullptr;
    const char* text = nullptr;
    error_name_(code, &name);
    error_text_(code, &text);
    return cuda_error(function, code, name, text, task);
  }

  Code (*init_)(unsigned) = nullptr;
  Code (*error_name_)(Code, const char**) = nullptr;
  Code (*error_text_)(Code, const char**) = nullptr;
  Code (*current_)(Context*) = nullptr;
  Code (*push_)(Context) = nullptr;
  Code (*pop_)(Context*) = nullptr;
  Code (*synchronize_)() = nullptr;
  Code (*device_get_)(Ordinal*, int) = nullptr;
  Code (*retain_)(Context*, Ordinal) = nullptr;
  Code (*release_)(Ordinal) = nullptr;
  Code (*allocate_)(Address*, std::size_t) = nullptr;
  Code (*free_)(Address) = nullptr;
  Code (*copy_)(Address, const void*, std::size_t) = nullptr;
  Code (*read_)(void*, Address, std::size_t) = nullptr;

  Context context_ = nullptr;
  Ordinal device_ = 0;
  bool is_retained_ = false;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
