// CUDA's memory, by the driver or the runtime library, whichever is there; neither is linked.
#ifndef QDQ_TENSORRT_DETAIL_CUDA_HPP
#define QDQ_TENSORRT_DETAIL_CUDA_HPP

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/shared_library.hpp>

namespace qdq::trt::detail {

/// Device memory. Used from one thread at a time.
class Cuda {
 public:
  virtual ~Cuda() = default;
  [[nodiscard]] virtual Result<void*> allocate(std::size_t bytes) = 0;
  virtual void free(void* device) noexcept = 0;
  [[nodiscard]] virtual Result<void> to_device(void* device, const void* host, std::size_t bytes) = 0;
  [[nodiscard]] virtual Result<void> to_host(void* host, const void* device, std::size_t bytes) = 0;

  /// Opens the driver or else the runtime library.
  [[nodiscard]] static Result<std::unique_ptr<Cuda>> open();

 protected:
  static Error failed(const std::string& function, int code, const char* name, const char* why) {
    std::string message = "CUDA: " + function + " failed with " + (name != nullptr ? name : "error " + std::to_string(code));
    if (why != nullptr) message += std::string(" (") + why + ")";
    return Error(Status::Engine, message, "see that the GPU has memory left and that its driver works: nvidia-smi");
  }
};

/// The driver, libcuda. It works in the context of the caller's thread or, where there is none, in that of device 0.
class Driver : public Cuda {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver() override {
    if (retained_) release_(device_);
  }

  [[nodiscard]] static Result<std::unique_ptr<Cuda>> open(const SharedLibrary& library) {
    auto out = std::make_unique<Driver>();
    if (auto done = out->find(library); !done) return std::move(done).error();
    if (auto done = out->call("cuInit", out->init_(0)); !done) return std::move(done).error();
    return std::unique_ptr<Cuda>(std::move(out));
  }

  Result<void*> allocate(std::size_t bytes) override {
    Pointer device = 0;
    auto done = in_context("cuMemAlloc", [&] { return allocate_(&device, bytes); });
    if (!done) return std::move(done).error();
    return reinterpret_cast<void*>(static_cast<std::size_t>(device));
  }
  void free(void* device) noexcept override {
    static_cast<void>(in_context("cuMemFree", [&] { return free_(pointer(device)); }).has_value());
  }
  Result<void> to_device(void* device, const void* host, std::size_t bytes) override {
    return in_context("cuMemcpyHtoD", [&] { return to_device_(pointer(device), host, bytes); });
  }
  Result<void> to_host(void* host, const void* device, std::size_t bytes) override {
    return in_context("cuMemcpyDtoH", [&] { return to_host_(host, pointer(device), bytes); });
  }

 private:
  using Pointer = unsigned long long;
  using Context = void*;

  static Pointer pointer(const void* device) noexcept { return reinterpret_cast<std::size_t>(device); }

  Result<void> find(const SharedLibrary& library) {
    auto done = library.find("cuInit", init_);
    if (done) done = library.find("cuGetErrorName", error_name_);
    if (done) done = library.find("cuGetErrorString", error_text_);
    if (done) done = library.find("cuDeviceGet", device_get_);
    if (done) done = library.find("cuDevicePrimaryCtxRetain", retain_);
    if (done) done = library.find("cuDevicePrimaryCtxRelease_v2", release_);
    if (done) done = library.find("cuCtxGetCurrent", current_);
    if (done) done = library.find("cuCtxPushCurrent_v2", push_);
    if (done) done = library.find("cuCtxPopCurrent_v2", pop_);
    if (done) done = library.find("cuMemAlloc_v2", allocate_);
    if (done) done = library.find("cuMemFree_v2", free_);
    if (done) done = library.find("cuMemcpyHtoD_v2", to_device_);
    if (done) done = library.find("cuMemcpyDtoH_v2", to_host_);
    return done;
  }

  // Everything happens in the context of the first call, which owns the memory.
  template <typename Function>
  Result<void> in_context(const char* name, Function function) {
    if (auto done = choose_context(); !done) return done;
    if (auto done = call("cuCtxPushCurrent", push_(context_)); !done) return done;
    auto done = call(name, function());
    Context popped = nullptr;
    if (auto last = call("cuCtxPopCurrent", pop_(&popped)); done && !last) return last;
    return done;
  }

  Result<void> choose_context() {
    if (context_ != nullptr) return {};
    Context found = nullptr;
    if (auto done = call("cuCtxGetCurrent", current_(&found)); !done) return done;
    if (found == nullptr) {
      if (auto done = call("cuDeviceGet", device_get_(&device_, 0)); !done) return done;
      if (auto done = call("cuDevicePrimaryCtxRetain", retain_(&found, device_)); !done) return done;
      retained_ = true;
    }
    context_ = found;
    return {};
  }

  Result<void> call(const char* function, int code) const {
    if (code == 0) return {};
    const char* name = nullptr;
    const char* why = nullptr;
    error_name_(code, &name);
    error_text_(code, &why);
    return failed(function, code, name, why);
  }

  int (*init_)(unsigned) = nullptr;
  int (*error_name_)(int, const char**) = nullptr;
  int (*error_text_)(int, const char**) = nullptr;
  int (*device_get_)(int*, int) = nullptr;
  int (*retain_)(Context*, int) = nullptr;
  int (*release_)(int) = nullptr;
  int (*current_)(Context*) = nullptr;
  int (*push_)(Context) = nullptr;
  int (*pop_)(Context*) = nullptr;
  int (*allocate_)(Pointer*, std::size_t) = nullptr;
  int (*free_)(Pointer) = nullptr;
  int (*to_device_)(Pointer, const void*, std::size_t) = nullptr;
  int (*to_host_)(void*, Pointer, std::size_t) = nullptr;
  Context context_ = nullptr;
  int device_ = 0;
  bool retained_ = false;
};

/// The runtime library, libcudart.
class Runtime : public Cuda {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Cuda>> open(const SharedLibrary& library) {
    auto out = std::make_unique<Runtime>();
    auto done = library.find("cudaMalloc", out->allocate_);
    if (done) done = library.find("cudaFree", out->free_);
    if (done) done = library.find("cudaMemcpy", out->copy_);
    if (done) done = library.find("cudaGetErrorName", out->error_name_);
    if (done) done = library.find("cudaGetErrorString", out->error_text_);
    if (!done) return std::move(done).error();
    return std::unique_ptr<Cuda>(std::move(out));
  }

  Result<void*> allocate(std::size_t bytes) override {
    void* device = nullptr;
    if (auto done = call("cudaMalloc", allocate_(&device, bytes)); !done) return std::move(done).error();
    return device;
  }
  void free(void* device) noexcept override { free_(device); }
  Result<void> to_device(void* device, const void* host, std::size_t bytes) override {
    return call("cudaMemcpy", copy_(device, host, bytes, host_to_device));
  }
  Result<void> to_host(void* host, const void* device, std::size_t bytes) override {
    return call("cudaMemcpy", copy_(host, device, bytes, device_to_host));
  }

 private:
  static constexpr int host_to_device = 1;
  static constexpr int device_to_host = 2;

  Result<void> call(const char* function, int code) const {
    if (code == 0) return {};
    return failed(function, code, error_name_(code), error_text_(code));
  }

  int (*allocate_)(void**, std::size_t) = nullptr;
  int (*free_)(void*) = nullptr;
  int (*copy_)(void*, const void*, std::size_t, int) = nullptr;
  const char* (*error_name_)(int) = nullptr;
  const char* (*error_text_)(int) = nullptr;
};

inline Result<std::unique_ptr<Cuda>> Cuda::open() {
#ifdef _WIN32
  const char* const driver = "nvcuda.dll";
  const char* const runtimes[] = {"cudart64_13.dll", "cudart64_12.dll", "cudart64_110.dll"};
#else
  const char* const driver = "libcuda.so.1";
  const char* const runtimes[] = {"libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2",
                                  "libcudart.so"};
#endif
  std::string why;
  if (auto library = SharedLibrary::open(driver)) {
    auto opened = Driver::open(*library);
    if (opened) return opened;
    why = std::string(opened.error().message());
  } else {
    why = std::string(library.error().message());
  }
  for (const char* runtime : runtimes) {
    if (auto library = SharedLibrary::open(runtime)) return Runtime::open(*library);
  }
  return Error(Status::Engine, "host data cannot go to the GPU, since there is neither CUDA's driver nor its runtime: " + why,
               "install NVIDIA's driver, or give batches that are in device memory already");
}

}  // namespace qdq::trt::detail

#endif
