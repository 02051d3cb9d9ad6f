// Batches in device memory: reuse, growth, contexts and failures.
#include <optional>
#include <thread>

#include "calibration.hpp"

using trt::DeviceBatch;

static Floats read(const void* device, std::size_t count) {
  Floats out(count);
  CHECK(read_device(out.data(), device, count * sizeof(float)));
  return out;
}

static void start() {
  gpu().reset();
  gpu().protect(1);
}

TEST(a_block_for_each_name_is_kept_and_grows) {
  start();
  {
    auto made = DeviceBatch::make().value();
    DeviceBatch batch = std::move(made);
    const Floats small = {1, 2};
    const Floats large = {3, 4, 5};
    void* const first = batch.upload("a", qdq::TensorView(small)).value();
    void* const other = batch.upload("b", qdq::TensorView(small)).value();
    CHECK(first != other);
    CHECK(read(first, 2) == small);
    CHECK(batch.upload("a", qdq::TensorView(Floats{7})).value() == first);
    CHECK(read(first, 2) == (Floats{7, 2}));
    CHECK(read(batch.upload("a", qdq::TensorView(large)).value(), 3) == large);
    CHECK(read(other, 2) == small);
    CHECK_EQ(gpu().live(), std::size_t{2});
    CHECK_EQ(gpu().calls("cuMemAlloc_v2"), 3);
  }
  CHECK(gpu().is_clean());
}

TEST(the_current_context_is_used_and_stays) {
  start();
  gpu().devices(2);
  {
    const Current current(1);
    const int depth = gpu().depth();
    auto batch = DeviceBatch::make().value();
    const Floats values = {1, 2};
    void* const device = batch.upload("a", qdq::TensorView(values)).value();
    CHECK(read(device, 2) == values);
    CHECK_EQ(gpu().depth(), depth);
    // The only reference is the test's own.
    CHECK_EQ(gpu().retained(), 1);
    // Another thread has no context. The memory stays in the context of the first.
    std::thread([&] {
      CHECK_GOOD(batch.upload("a", qdq::TensorView(Floats(64, 1.0f))));
      CHECK_EQ(gpu().depth(), 0);
    }).join();
  }
  CHECK(gpu().is_clean());
}

TEST(without_a_context_it_is_that_of_device_0) {
  start();
  {
    auto batch = DeviceBatch::make().value();
    CHECK_EQ(gpu().retained(), 1);
    CHECK_EQ(gpu().depth(), 0);
    CHECK_GOOD(batch.upload("a", qdq::TensorView(Floats{1})));
  }
  CHECK(gpu().is_clean());
}

TEST(failures_name_the_input_the_function_and_the_remedy) {
  start();
  {
    auto batch = DeviceBatch::make().value();
    gpu().fail("cuMemAlloc_v2", 1, 2);
    const auto failed = batch.upload("image", qdq::TensorView(Floats(4)));
    CHECK_FAILS(failed, Status::TensorRt,
                "input 'image': cuMemAlloc failed for 16 bytes: error 2, CUDA_ERROR_OUT_OF_MEMORY: out of memory");
    CHECK_FAILS(failed, Status::TensorRt, "use smaller batches");
    CHECK_GOOD(batch.upload("image", qdq::TensorView(Floats(4))));
    gpu().fail("cuMemFree_v2", 1, 700);
    CHECK_FAILS(batch.upload("image", qdq::TensorView(Floats(5))), Status::TensorRt,
                "cuMemFree failed to free device memory: error 700, CUDA_ERROR_ILLEGAL_ADDRESS");
    CHECK_EQ(gpu().live(), std::size_t{1});
    gpu().fail("cuMemcpyHtoD_v2", 1, 12345);
    CHECK_FAILS(batch.upload("image", qdq::TensorView(Floats(4))), Status::TensorRt,
                "cuMemcpyHtoD failed for 16 bytes: error 12345");
    // Memory is freed even if its context could not be popped.
    gpu().fail("cuCtxPopCurrent_v2", 2, 201);
    CHECK_FAILS(batch.upload("image", qdq::TensorView(Floats(6))), Status::TensorRt, "cuCtxPopCurrent failed");
    void* left = nullptr;
    gpu().pop(&left);
  }
  CHECK(gpu().is_clean());
}

TEST(what_is_no_block_of_host_memory_is_refused) {
  start();
  auto batch = DeviceBatch::make().value();
  const Floats values(6);
  CHECK_FAILS(batch.upload("a", {values.data(), {2, 2}, {3, 1}}), Status::InvalidArgument,
              "'a', f32 [2, 2], is not one block");
  CHECK_GOOD(batch.upload("a", {values.data(), {1, 2}, {9, 1}}));
  CHECK_FAILS(batch.upload("a", {DType::I4, values.data(), {4}}), Status::InvalidArgument, "i4 [4], is not one block");
  CHECK_FAILS(batch.upload("a", {values.data(), {0, 2}}), Status::InvalidArgument, "is not one block");
  CHECK_FAILS(batch.upload("a", qdq::TensorView(static_cast<const float*>(nullptr), {2})), Status::InvalidArgument,
              "is not one block");
  CHECK_FAILS(batch.upload("a", qdq::Bytes(values.data(), 0)), Status::InvalidArgument, "no bytes to upload for 'a'");
  const std::int64_t huge = std::int64_t{1} << 62;
  CHECK_FAILS(batch.upload("a", {values.data(), {huge, huge}}), Status::InvalidArgument, "is not one block");
}
