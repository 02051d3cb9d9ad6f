// Device memory by CUDA's driver.
#ifndef QDQ_TENSORRT_DETAIL_CUDA_DRIVER_HPP
#define QDQ_TENSORRT_DETAIL_CUDA_DRIVER_HPP

#include <cstdint>
#include <memory>
#include <string>

#include <qdq/tensorrt/detail/device_memory.hpp>

namespace qdq::trt::detail {

/// The memory of the context that is current when this is made; where there is none, of the primary context
/// of device 0, which is retained as long as this lives. The current context of the calling thread stays what
/// it is.
class CudaDriver final : public DeviceMemory {
 public:
  [[nodiscard]] static Result<std::unique_ptr<DeviceMemory>> open(const SharedLibrary& library) {
    std::unique_ptr<CudaDriver> driver(new CudaDriver);
    if (auto found = driver->find(library); !found) return std::move(found).error();
    if (auto begun = driver->begin(); !begun) return std::move(begun).error();
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
      // A copy of memory that is not pinned may return while its end is on its way, and TensorRT reads in a
      // stream of its own.
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
    auto found = library.find("cuInit", init_);
    if (found) found = library.find("cuGetErrorName", error_name_);
    if (found) found = library.find("cuGetErrorString", error_text_);
    if (found) found = library.find("cuCtxGetCurrent", current_);
    if (found) found = library.find("cuCtxPushCurrent_v2", push_);
    if (found) found = library.find("cuCtxPopCurrent_v2", pop_);
    if (found) found = library.find("cuCtxSynchronize", synchronize_);
    if (found) found = library.find("cuDeviceGet", device_get_);
    if (found) found = library.find("cuDevicePrimaryCtxRetain", retain_);
    if (found) found = library.find("cuDevicePrimaryCtxRelease_v2", release_);
    if (!found) found = library.find("cuDevicePrimaryCtxRelease", release_);
    if (found) found = library.find("cuMemAlloc_v2", allocate_);
    if (found) found = library.find("cuMemFree_v2", free_);
    if (found) found = library.find("cuMemcpyHtoD_v2", copy_);
    if (found) found = library.find("cuMemcpyDtoH_v2", read_);
    return found;
  }

  Result<void> begin() {
    auto done = said("cuInit", init_(0), "to begin");
    if (done) done = said("cuCtxGetCurrent", current_(&context_), "to find the current context");
    if (!done || context_ != nullptr) return done;
    done = said("cuDeviceGet", device_get_(&device_, 0), "to find device 0");
    if (done) done = said("cuDevicePrimaryCtxRetain", retain_(&context_, device_), "for device 0");
    is_retained_ = done.has_value();
    return done;
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

#endif
