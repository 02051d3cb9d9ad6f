// CUDA without a driver: with the runtime alone, and with nothing. cuda_libraries runtime|nothing
#include <cstring>

#include <qdq/tensorrt/device_batch.hpp>

#include "../cpp/check.hpp"
#include "fake_cuda.h"

using qdq::Status;
using qdq::trt::DeviceBatch;
using Floats = std::vector<float>;

template <typename Function>
static Function control(const char* name) {
  static void* const runtime = dlopen("libcudart.so.12", RTLD_NOW);
  if (runtime == nullptr || dlsym(runtime, name) == nullptr) qdq::detail::give_up("there is no fake libcudart.so.12");
  return reinterpret_cast<Function>(dlsym(runtime, name));
}

static void by_the_runtime() {
  const auto fail = control<void (*)(const char*, int, int)>("fake_cuda_fail");
  const auto live = control<std::size_t (*)()>("fake_cuda_live");
  const Floats values = {1, 2, 3};
  const auto upload = [&](DeviceBatch& batch) { return batch.upload("x", qdq::TensorView(values)); };
  {
    auto batch = DeviceBatch::make().value();
    void* const device = upload(batch).value();
    CHECK(std::memcmp(device, values.data(), 12) == 0);
    CHECK(upload(batch).value() == device);
    CHECK_EQ(live(), std::size_t{1});
    fail("cudaMalloc", 1, 2);
    const auto failed = batch.upload("y", qdq::TensorView(values));
    CHECK_FAILS(failed, Status::TensorRt, "input 'y': cudaMalloc failed for 12 bytes: error 2: out of memory");
    CHECK_FAILS(failed, Status::TensorRt, "use smaller batches");
    fail("cudaMemcpy", 1, 1);
    CHECK_FAILS(upload(batch), Status::TensorRt, "cudaMemcpy failed for 12 bytes: error 1: invalid argument");
    fail("cudaStreamSynchronize", 1, 700);
    CHECK_FAILS(upload(batch), Status::TensorRt, "cudaStreamSynchronize failed after a copy of 12 bytes: error 700");
  }
  CHECK_EQ(live(), std::size_t{0});
  fail("cudaGetDevice", 1, 35);
  CHECK_FAILS(DeviceBatch::make(), Status::TensorRt, "cudaGetDevice failed to find the current device: error 35");
  CHECK_EQ(control<int (*)()>("fake_cuda_errors")(), 0);
}

static void by_nothing() {
  const auto made = DeviceBatch::make();
  CHECK_FAILS(made, Status::Io, "neither CUDA's driver nor its runtime is found: cannot open the library 'libcuda.so.1'");
  CHECK_FAILS(made, Status::Io, "install NVIDIA's driver");
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::strcmp(argv[1], "runtime") == 0 ? by_the_runtime() : by_nothing();
  return check::failures() == 0 ? 0 : 1;
}
