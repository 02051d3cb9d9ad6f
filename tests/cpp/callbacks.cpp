// Functions of the caller: their results, exceptions and ownership, and how they stop a run.

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "digits.hpp"

using qdq::Batch;
using qdq::Batches;
using qdq::Error;
using qdq::Result;
using qdq::RunOptions;
using qdq::Status;

// A typical program: it writes outputs after everything has succeeded.
static Result<void> convert(Result<Batches> batches, const RunOptions& options, const std::string& folder) {
  if (!batches) return std::move(batches).error();
  const auto model = digits::model();
  const auto plan = model.plan().value();
  const auto stats = model.calibrate(plan, *batches, true, options);
  if (!stats) return Error(stats.error().status(), stats.error().message(), stats.error().remedy());
  const auto ranges = plan.ranges(*stats).value();
  return kept(model.quantize(plan, ranges).value()).save(folder + "/model.qdq.onnx");
}

template <typename Function>
static void check_failure(Function function, Status status, std::string_view message, std::string_view remedy = {},
                          const RunOptions& options = RunOptions()) {
  const std::string folder = check::folder("failure");
  const auto done = convert(Batches::from_callback(digits::model().inputs().value(), std::move(function)), options, folder);
  if (CHECK_FAILS(done, status, message)) CHECK_EQ(done.error().remedy(), remedy);
  CHECK(check::is_empty(folder));
}

// Fails after two batches.
template <typename End>
static auto after_two(End end) {
  return [end = std::move(end), next = 0](Batch& batch) mutable -> Result<bool> {
    if (next == 2) return end();
    digits::fill(batch, 8 * next++).value();
    return true;
  };
}

TEST(batch_functions_may_return_what_suits_them) {
  const auto inputs = digits::model().inputs().value();
  int next = 0;
  const auto with_bool = [&next](Batch& batch) { return next < 2 && digits::fill(batch, 8 * next++).has_value(); };
  const auto with_nothing = [&next](Batch& batch) {
    if (next < 2) digits::fill(batch, 8 * next++).value();
  };
  const auto with_result = [&next](Batch& batch) { return next < 2 ? digits::fill(batch, 8 * next++) : Result<void>(); };
  const auto count = [&](auto function) {
    next = 0;
    auto batches = Batches::from_callback(inputs, function).value();
    int batches_read = 0;
    while (batches.next().value()) ++batches_read;
    return batches_read;
  };
  CHECK_EQ(count(with_bool), 2);
  CHECK_EQ(count(with_nothing), 2);
  CHECK_EQ(count(with_result), 2);
  CHECK_EQ(count(digits::source(3)), 3);
}

TEST(batch_functions_must_mean_what_they_return) {
  check_failure([](Batch&) { return true; }, Status::Callback, "returned true without setting a tensor",
                "set every input, or return false at the end of the data");
  check_failure(
      [](Batch& batch) {
        digits::fill(batch, 0).value();
        return false;
      },
      Status::Callback, "returned false after setting a tensor",
      "return true for every batch and false once, after the last");
}

TEST(errors_that_a_function_returns_come_out) {
  check_failure(after_two([]() -> Result<bool> { return Error(Status::Data, "the disk is gone", "plug it in"); }),
                Status::Data, "the disk is gone", "plug it in");
  check_failure([](Batch& batch) { return batch.set("input", {qdq::DType::F32, nullptr, {8, 1, 8, 8}}); },
                Status::InvalidArgument, "");
}

TEST(cancelling_from_functions) {
  check_failure(after_two([]() -> Result<bool> { return Error(Status::Cancelled, "enough"); }), Status::Cancelled, "enough");

  std::uint64_t seen = 0;
  const auto stop = RunOptions::make()
                        .progress([&seen](const qdq::Progress& progress) {
                          seen = progress.batches;
                          return progress.batches < 3;
                        })
                        .build()
                        .value();
  check_failure(digits::source(100), Status::Cancelled, "", {}, stop);
  CHECK_EQ(seen, 3u);

  const auto refuse = RunOptions::make()
                          .progress([](const qdq::Progress&) -> Result<void> { return Error(Status::Io, "no screen"); })
                          .build()
                          .value();
  check_failure(digits::source(100), Status::Io, "no screen", {}, refuse);
}

TEST(cancelling_from_another_thread) {
  std::atomic<int> given{0};
  auto cancel = std::make_unique<qdq::Cancel>();
  const auto options = RunOptions::make().cancel(*cancel).build().value();
  std::thread other([&] {
    while (given < 2) std::this_thread::yield();
    cancel->request();
    // The switch may be freed during the run.
    cancel.reset();
  });
  check_failure(
      [&](Batch& batch) {
        // Endless without the switch.
        if (++given > 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return digits::fill(batch, 0).has_value();
      },
      Status::Cancelled, "", {}, options);
  other.join();
  CHECK(given >= 2);

  const qdq::Cancel again;
  again.request();
  CHECK(again.is_requested());
  again.reset();
  CHECK(!again.is_requested());
}

#ifdef __cpp_exceptions
TEST(exceptions_come_out_as_errors) {
  check_failure(after_two([]() -> Result<bool> { throw std::runtime_error("the camera fell"); }), Status::Callback,
                "the camera fell");
  check_failure(after_two([]() -> Result<bool> { throw qdq::Exception(Error(Status::Type, "wrong", "do it right")); }),
                Status::Type, "wrong", "do it right");
  check_failure(after_two([]() -> Result<bool> { throw 1; }), Status::Callback, "no std::exception");
  // A library error from inside the function.
  check_failure(after_two([]() -> Result<bool> { return qdq::TensorStats().amax().value() > 0; }), Status::Data,
                "no value was seen", kept(qdq::TensorStats().amax().error()).remedy());

  const auto options =
      RunOptions::make().progress([](const qdq::Progress&) { throw std::logic_error("no progress"); }).build().value();
  check_failure(digits::source(100), Status::Callback, "no progress", {}, options);
}
#endif

TEST(functions_are_owned_by_what_they_are_given_to) {
  const auto alive = std::make_shared<int>(0);
  const auto inputs = digits::model().inputs().value();
  {
    auto batches = Batches::from_callback(inputs, [alive](Batch&) { return false; }).value();
    CHECK_EQ(alive.use_count(), 2);
    auto moved = std::move(batches);
    CHECK_EQ(alive.use_count(), 2);
  }
  CHECK_EQ(alive.use_count(), 1);

  // The function is also freed if no source is created.
  qdq::Specs nothing = qdq::Specs::make().build().value();
  const qdq::Specs taken = std::move(nothing);
  CHECK_FAILS(Batches::from_callback(nothing, [alive](Batch&) { return false; }), Status::InvalidArgument, "inputs");
  CHECK_EQ(alive.use_count(), 1);

  // A function that can only be moved, and one that lives on after release().
  auto unique = std::make_unique<int>(2);
  auto batches = Batches::from_callback(inputs, [unique = std::move(unique)](Batch& batch) {
    return (*unique)-- > 0 && digits::fill(batch, 0).has_value();
  });
  qdq_batches* raw = batches->release();
  Batches back(raw);
  CHECK(back.next().value() && back.next().value() && !back.next().value());

  {
    auto first = RunOptions::make().progress([alive](const qdq::Progress&) {}).build().value();
    auto second =
        RunOptions::make().progress([alive](const qdq::Progress&) {}).progress([](const qdq::Progress&) {}).build();
    CHECK_EQ(alive.use_count(), 2);
    first = std::move(second).value();
    CHECK_EQ(alive.use_count(), 1);
    first = RunOptions::make().progress([alive](const qdq::Progress&) {}).build().value();
    qdq_run_options* given = first.release();
    CHECK(first.c() == nullptr);
    qdq_run_options_free(&given);
  }
  CHECK_EQ(alive.use_count(), 1);
}

TEST(log_functions_are_called_and_freed) {
  const auto messages = std::make_shared<std::atomic<int>>(0);
  const auto count = [messages](qdq::LogLevel level, std::string_view text) {
    CHECK(level <= qdq::LogLevel::Debug && !text.empty());
    ++*messages;
#ifdef __cpp_exceptions
    throw std::runtime_error("dropped");
#endif
  };
  CHECK_GOOD(qdq::log_set(qdq::LogLevel::Debug, count));
  CHECK_EQ(messages.use_count(), 3);
  const auto model = digits::model();
  auto batches = Batches::from_callback(model.inputs().value(), digits::source(2)).value();
  CHECK_GOOD(model.calibrate(model.plan().value(), batches));
  CHECK(!qdq::kernel_name().empty());
  CHECK_GOOD(qdq::log_set(qdq::LogLevel::Warning, [](qdq::LogLevel, std::string_view) {}));
  CHECK_EQ(messages.use_count(), 2);
  CHECK_FAILS(qdq::log_set(static_cast<qdq::LogLevel>(9), [messages](qdq::LogLevel, std::string_view) {}),
              Status::InvalidArgument, "9");
  CHECK_EQ(messages.use_count(), 2);
  qdq::log_off();
  // tests/cpp/run.py requests an instruction set that does not exist, which gives a message.
  if (std::getenv("QDQ_ISA") != nullptr) CHECK(*messages > 0);
}

TEST(a_batch_that_is_replaced_is_an_error) {
  const auto inputs = digits::model().inputs().value();
  auto others = qdq::Batches::from_callback(inputs, digits::source(2)).value();
  auto batches = qdq::Batches::from_callback(inputs, [&others](qdq::Batch& batch) {
    batch = std::move(*others.next().value());  // in place of setting it
    return true;
  });
  if (!CHECK_GOOD(batches)) return;
  CHECK_FAILS(batches->next(), qdq::Status::Callback, "replaced the batch");
}
