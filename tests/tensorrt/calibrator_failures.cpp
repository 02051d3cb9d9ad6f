// Every failure is refused with a reason, is kept, and leaves neither a cache nor device memory.
#include <optional>
#include <stdexcept>

#include "calibration.hpp"

using trt::EntropyCalibrator2;

static const char* const path = "failure/model.cache";

// Checks that a build with the calibrator fails for this reason and writes no cache.
static void check_refused(Build& build, Result<std::unique_ptr<EntropyCalibrator2>> made, Status status,
                          const std::string& reason) {
  if (!CHECK_GOOD(made)) return;
  auto calibrator = std::move(made).value();
  build.run(calibrator.get());
  const Error* failure = calibrator->failure();
  if (CHECK(failure != nullptr)) {
    CHECK_EQ(static_cast<int>(failure->status()), static_cast<int>(status));
    if (!CHECK(std::string(failure->text()).find(reason) != std::string::npos)) {
      std::fprintf(stderr, "  %s\n", std::string(failure->text()).c_str());
    }
  }
  CHECK(build.logger.has('E', reason));
  // Every later call fails too.
  const char* names[] = {"x"};
  void* pointers[] = {nullptr};
  CHECK(!calibrator->getBatch(pointers, names, 1));
  calibrator->writeCalibrationCache("TRT-8501-EntropyCalibration2\nx: 1\n", 35);
  CHECK(!std::filesystem::exists(path));
  CHECK(calibrator->failure() == failure);
  calibrator.reset();
  CHECK(gpu().is_clean());
}

// Makes one good batch, then calls `end`. The batches are opened for inputs of any type and shape.
template <typename End>
static void check_batches(Status status, const std::string& reason, End end) {
  check::folder("failure");
  Build build;
  build.input("x", {2, 2}).input("y", {2, 2});
  const auto specs = Specs::make().add("x").add("y").build().value();
  int next = 0;
  auto batches = Batches::from_callback(specs, [=](Batch& batch) mutable -> Result<bool> {
    const Floats good = {1, 2, 3, 4};
    batch.set("x", {good.data(), {2, 2}}).value();
    batch.set("y", {good.data(), {2, 2}}).value();
    if (next++ == 0) return true;
    return end(batch);
  });
  check_refused(build,
                EntropyCalibrator2::from_batches(build.network(), std::move(*batches),
                                                 *build.options().cache_file(path).build()),
                status, reason);
  CHECK(build.logger.has('E', "the calibration cache is not written, because the calibration failed"));
}

TEST(batches_that_do_not_fit_are_refused) {
  const Floats values(8, 1.0f);
  check_batches(Status::Shape, "batch 2: the tensor 'y' has shape [2, 3], but TensorRT reads [?, 2]",
                [=](Batch& batch) { return batch.set("y", {values.data(), {2, 3}}).has_value(); });
  check_batches(Status::Shape, "has shape [2, 2, 1], but",
                [=](Batch& batch) { return batch.set("y", {values.data(), {2, 2, 1}}).has_value(); });
  check_batches(Status::Data, "batch has 2 samples for 'x', but 3 for 'y'",
                [=](Batch& batch) { return batch.set("y", {values.data(), {3, 2}}).has_value(); });
  const std::vector<double> doubles(4, 1.0);
  check_batches(Status::Type, "batch 2: the tensor 'y' is f64, but the input takes f32",
                [=](Batch& batch) { return batch.set("y", {doubles.data(), {2, 2}}).has_value(); });
  check_batches(Status::Data, "'z' too many", [=](Batch& batch) { return batch.set("z", values).has_value(); });
}

TEST(batches_for_another_network_are_refused) {
  Build build;
  build.input("x", {2, 2}).input("y", {2, 2});
  const auto one = Specs::make().add("x", DType::F32, {qdq::dynamic, 2}).build().value();
  check_refused(build, EntropyCalibrator2::from_batches(build.network(), counting(one, {2}), *build.options().build()),
                Status::Data, "batch 1: the tensor 'y' is missing");
  Build other;
  other.input("z", {2, 2});
  check_refused(other, EntropyCalibrator2::from_batches(other.network(), counting(one, {2}), *other.options().build()),
                Status::Data, "batch 1: the tensor 'x' is for no input of the network");
}

TEST(failures_of_the_callback_come_through) {
  check_batches(Status::Io, "the disk is gone",
                [](Batch&) -> Result<bool> { return Error(Status::Io, "the disk is gone"); });
#ifdef __cpp_exceptions
  check_batches(Status::Callback, "no more", [](Batch&) -> bool { throw std::runtime_error("no more"); });
  check_batches(Status::Callback, "no std::exception", [](Batch&) -> bool { throw 1; });
#endif
}

TEST(no_batches_are_a_failure) {
  Build build;
  build.input("x", {2, 2});
  check_refused(build,
                EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {}),
                                                 *build.options().build()),
                Status::Data, "there are no batches");
}

template <typename Function>
static void check_device(Status status, const std::string& reason, Function function) {
  Build build;
  build.input("x", {2, 2}).input("y", {2, 2});
  check_refused(build, EntropyCalibrator2::from_device(build.network(), function, *build.options().build()), status, reason);
}

TEST(device_pointers_are_checked) {
  static Floats memory(4);
  check_device(Status::Callback, "set none for input 'y'",
               [](trt::Bindings& batch) { return batch.set("x", memory.data()).has_value(); });
  check_device(Status::Callback, "returned false after setting one",
               [](trt::Bindings& batch) { return !batch.set("x", memory.data()); });
  check_device(Status::InvalidArgument, "the network has no input 'z'", [](trt::Bindings& batch) -> Result<bool> {
    if (auto set = batch.set("z", memory.data()); !set) return std::move(set).error();
    return true;
  });
  check_device(Status::InvalidArgument, "the device pointer for input 'x' is null",
               [](trt::Bindings& batch) -> Result<bool> {
                 if (auto set = batch.set("x", nullptr); !set) return std::move(set).error();
                 return true;
               });
#ifdef __cpp_exceptions
  check_device(Status::Callback, "gone", [](trt::Bindings&) -> bool { throw std::runtime_error("gone"); });
#endif
}

TEST(what_tensorrt_must_not_ask_is_refused) {
  const char* x[] = {"x"};
  const char* z[] = {"z"};
  const char* none[] = {nullptr};
  void* pointers[] = {nullptr};
  struct {
    void** pointers;
    const char** names;
    int count;
    const char* reason;
  } cases[] = {{pointers, x, 0, "of no inputs"},        {pointers, x, -1, "of no inputs"},
               {nullptr, x, 1, "without a place"},      {pointers, nullptr, 1, "without names"},
               {pointers, none, 1, "without the name"}, {pointers, z, 1, "asks for input 'z', which"}};
  for (const auto& item : cases) {
    for (const bool on_device : {false, true}) {
      Build build;
      build.input("x", {2, 2});
      const auto options = build.options().build().value();
      static Floats memory(4);
      auto made = on_device ? EntropyCalibrator2::from_device(
                                  build.network(),
                                  [](trt::Bindings& batch) { return batch.set("x", memory.data()).has_value(); }, options)
                            : EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}),
                                                               options);
      CHECK(!(*made)->getBatch(item.pointers, item.names, item.count));
      CHECK((*made)->failure() != nullptr);
      CHECK(build.logger.has('E', item.reason));
      CHECK(pointers[0] == nullptr);
    }
  }
}

// Runs one calibration in which the nth call of CUDA fails. Returns whether there was such a call.
static bool fails_at(int n, bool has_context) {
  check::folder("failure");
  Build build;
  build.input("x", {2, 2});
  nvinfer1::standin::read_device = [](void* to, const void* from, std::size_t size) {
    gpu().protect(0);
    std::memcpy(to, from, size);
    gpu().protect(1);
    return true;
  };
  std::optional<Current> current;
  if (has_context) current.emplace(0);
  const int before = gpu().calls(nullptr);
  gpu().fail(nullptr, n, 999);
  auto batches = counting(*trt::inputs(build.network()), {2, 2});
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), std::move(batches),
                                                     *build.options().cache_file(path).build())
                        .value();
  const bool good = build.run(calibrator.get());
  const bool failed = calibrator->failure() != nullptr;
  CHECK_EQ(std::filesystem::exists(path), !failed);
  if (failed) {
    CHECK(calibrator->failure()->status() == Status::TensorRt);
    CHECK(build.logger.has('E', "error 999"));
    CHECK(build.logger.has('E', "cu"));
  } else {
    CHECK(good);
  }
  const int built = gpu().calls(nullptr) - before;
  calibrator.reset();
  const int ended = gpu().calls(nullptr) - before;
  const bool in_release = n > built && n <= ended;
  // If the driver refuses a release at the very end, nothing can release it.
  const int own = has_context ? 1 : 0;
  if (!in_release) {
    CHECK_EQ(gpu().live(), std::size_t{0});
    CHECK_EQ(gpu().retained(), own);
  }
  if (!in_release && !build.logger.has('E', "cuCtxPopCurrent")) CHECK_EQ(gpu().depth(), own);
  CHECK(in_release || gpu().errors() == 0);
  gpu().reset();
  while (gpu().depth() > own) {
    void* context = nullptr;
    gpu().pop(&context);
  }
  if (gpu().retained() > own) gpu().release(0);
  current.reset();
  CHECK(gpu().is_clean());
  CHECK_EQ(failed, n <= built);
  return n <= ended;
}

TEST(each_call_of_cuda_that_fails_is_told_and_leaves_nothing) {
  for (const bool has_context : {false, true}) {
    int n = 1;
    while (n < 200 && fails_at(n, has_context)) ++n;
    CHECK(n > 12 && n < 200);
  }
}

TEST(a_device_that_is_not_there_is_told) {
  check::folder("failure");
  Build build;
  build.input("x", {2, 2});
  gpu().fail("cuInit", 1, 100);
  check_refused(build,
                EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}),
                                                 *build.options().cache_file(path).build()),
                Status::TensorRt,
                "cuInit failed to begin: error 100, CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected");
  CHECK(build.logger.has('E', "ranges that qdq measures need none"));
}
