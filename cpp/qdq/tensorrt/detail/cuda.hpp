// CUDA, opened at run time.
#ifndef QDQ_TENSORRT_DETAIL_CUDA_HPP
#define QDQ_TENSORRT_DETAIL_CUDA_HPP

#include <memory>
#include <string>

#include <qdq/tensorrt/detail/cuda_driver.hpp>
#include <qdq/tensorrt/detail/cuda_runtime.hpp>
#include <qdq/tensorrt/detail/device_memory.hpp>

namespace qdq::trt::detail {

/// Opens the memory of a GPU by CUDA's driver or, if that is not found, by its runtime. Neither is linked.
inline Result<std::unique_ptr<DeviceMemory>> open_cuda() {
#ifdef _WIN32
  auto driver = open_any({"nvcuda.dll"});
#else
  auto driver = open_any({"libcuda.so.1"});
#endif
  if (driver) return CudaDriver::open(*driver);
#ifdef _WIN32
  auto runtime = open_any({"cudart64_13.dll", "cudart64_12.dll", "cudart64_110.dll", "cudart64_102.dll"});
#else
  auto runtime = open_any({"libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", "libcudart.so.10.2", "libcudart.so"});
#endif
  if (runtime) return CudaRuntime::open(*runtime);
  return Error(Status::Io, "neither CUDA's driver nor its runtime is found: " + std::string(driver.error().message()),
               "TensorRT calibrates on a GPU: install NVIDIA's driver, or put the folder of libcuda.so.1 where the system "
               "looks for libraries; ranges that qdq measures need no GPU");
}

}  // namespace qdq::trt::detail

#endif
