// Memory of a GPU.
#ifndef QDQ_TENSORRT_DETAIL_DEVICE_MEMORY_HPP
#define QDQ_TENSORRT_DETAIL_DEVICE_MEMORY_HPP

#include <cstddef>
#include <initializer_list>
#include <string>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/shared_library.hpp>

namespace qdq::trt::detail {

/// Memory of one GPU, by CUDA's driver or by its runtime.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  virtual ~DeviceMemory() = default;

  /// Allocates device memory and sets `out` to it. It must be freed even if an error is returned as well.
  [[nodiscard]] virtual Result<void> allocate(std::size_t bytes, void*& out) = 0;
  /// Frees memory. If that fails, the memory is still allocated.
  [[nodiscard]] virtual Result<void> free(void* memory) = 0;
  /// Copies from the host, and returns when the copy is complete.
  [[nodiscard]] virtual Result<void> copy(void* to, const void* from, std::size_t bytes) = 0;
  /// Copies from the device, after all work that the device got before.
  [[nodiscard]] virtual Result<void> read(void* to, const void* from, std::size_t bytes) = 0;
};

/// Makes an error of CUDA's report about a failed call. `code` is a number of the driver or of the runtime:
/// the numbers used here are the same in both.
inline Error cuda_error(const char* function, int code, const char* name, const char* text, const std::string& task) {
  constexpr int out_of_memory = 2;
  constexpr int too_old_driver = 35;
  constexpr int no_device = 100;
  std::string message = std::string(function) + " failed " + task + ": error " + std::to_string(code);
  if (name != nullptr) message += std::string(", ") + name;
  if (text != nullptr) message += std::string(": ") + text;
  const char* remedy = "the error may come from work that was given to the GPU before; see what CUDA documents for it";
  if (code == out_of_memory) {
    remedy = "use smaller batches, or free memory of the GPU";
  } else if (code == no_device || code == too_old_driver) {
    remedy = "TensorRT calibrates on a GPU whose driver fits; ranges that qdq measures need none";
  }
  return Error(Status::TensorRt, message, remedy);
}

/// Opens the first library that can be opened.
inline Result<SharedLibrary> open_any(std::initializer_list<const char*> names) {
  Result<SharedLibrary> library = Error(Status::Io, "no library");
  for (const char* name : names) {
    library = SharedLibrary::open(name);
    if (library) break;
  }
  return library;
}

}  // namespace qdq::trt::detail

#endif
