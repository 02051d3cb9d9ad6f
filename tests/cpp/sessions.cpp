// Models that run by themselves, and the tensors of their taps.

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "digits.hpp"

using qdq::Batch;
using qdq::Error;
using qdq::Result;
using qdq::Session;
using qdq::Status;
using qdq::TensorView;

static Batch batch(int first) {
  Batch batch;
  digits::fill(batch, first).value();
  return batch;
}

TEST(sessions_run_models) {
  auto session = Session::open(digits::model()).value();
  CHECK(session.runtime().find("rten") != std::string_view::npos);
  const Batch outputs = session.run(batch(0)).value();
  CHECK_EQ(outputs.size(), 1u);
  for (auto [name, tensor] : outputs) {
    CHECK(name == kept(digits::model().outputs().value()).at(0).name && tensor.dtype() == qdq::DType::F32);
    CHECK(tensor.shape().size() == 2 && tensor.shape()[0] == 8 && tensor.shape()[1] == 10);
    CHECK(outputs.get(name).value().data() == tensor.data());
  }
  CHECK_FAILS(outputs.get("none"), Status::Data, "no tensor 'none'");
  // The second run is independent of the first.
  const Batch again = session.run(batch(8)).value();
  CHECK(again.at(0).tensor.data() != outputs.at(0).tensor.data());
  CHECK_FAILS(session.run(Batch()), Status::InvalidArgument, "input 'input' is missing");
}

TEST(sessions_hand_activations_over) {
  const auto model = digits::model();
  const auto plan = model.plan().value();
  const auto taps = plan.taps(true);
  auto session = Session::open(model, taps).value();
  const Session::Run run = session.run_tapped(batch(0)).value();
  CHECK(run.outputs.size() == 1 && run.tapped.size() == taps.size());
  for (std::size_t i = 0; i < taps.size(); ++i) CHECK_EQ(run.tapped.at(i).name, taps.at(i));

  // The function gets the same tensors, and their statistics are those of a calibration.
  qdq::Stats seen;
  std::atomic<int> calls{0};
  const auto observe = [&](std::size_t tap, const TensorView& value) {
    ++calls;
    return seen.observe(taps.at(tap), value);
  };
  const auto one = qdq::RunOptions::make().threads(1).build().value();
  auto watched = Session::with_tap(model, taps, observe, one).value();
  for (int i = 0; i < 2; ++i) CHECK_GOOD(watched.run(batch(8 * i)));
  CHECK_EQ(calls, static_cast<int>(2 * taps.size()));
  auto batches = qdq::Batches::from_callback(model.inputs().value(), digits::source(2)).value();
  CHECK_GOOD(seen.set_samples(16));
  CHECK_EQ(kept(seen.to_bytes().value()).text(),
           kept(kept(model.calibrate(plan, batches, true).value()).to_bytes().value()).text());
}

TEST(tap_functions_stop_runs) {
  const auto model = digits::model();
  const std::vector<std::string> taps = {"input"};
  const auto run = [&](auto function) { return Session::with_tap(model, taps, std::move(function)).value().run(batch(0)); };
  CHECK_FAILS(run([](std::size_t, const TensorView&) { return false; }), Status::Cancelled, "tap callback");
  CHECK_FAILS(run([](std::size_t, const TensorView&) -> Result<void> { return Error(Status::Io, "no disk", "buy one"); }),
              Status::Io, "buy one");
#ifdef __cpp_exceptions
  CHECK_FAILS(run([](std::size_t, const TensorView&) { throw std::runtime_error("thrown"); }), Status::Callback, "thrown");
#endif
  CHECK_GOOD(run([](std::size_t, const TensorView& value) { CHECK_EQ(value.shape()[0], 8); }));
  CHECK_FAILS(Session::open(model, {"input", "nowhere"}), Status::InvalidArgument, "'nowhere'");
  // The function is freed with the session, and also if no session is created.
  auto owned = std::make_shared<int>(0);
  const std::vector<std::string> unknown = {"nowhere"};
  CHECK(!Session::with_tap(model, unknown, [owned](std::size_t, const TensorView&) {}));
  CHECK_EQ(owned.use_count(), 1);
}

TEST(the_engine_that_was_found_is_known) {
  auto options = qdq::RunOptions::make().runtime(qdq::Runtime::Auto).build().value();
  CHECK(options.runtime() == qdq::Runtime::Auto);
  CHECK_GOOD(options.settle());
  CHECK(options.runtime() != qdq::Runtime::Auto);
  auto session = Session::open(digits::model(), options).value();
  const bool is_onnxruntime = options.runtime() == qdq::Runtime::OnnxRuntime;
  CHECK_EQ(session.runtime().find("ONNX Runtime") != std::string_view::npos, is_onnxruntime);
  if (const auto found = qdq::onnxruntime_find()) {
    const auto version = qdq::onnxruntime_version(std::string(found->text()));
    CHECK(CHECK_GOOD(version) && version->text().find('.') != std::string_view::npos);
  } else {
    CHECK(found.error().status() == Status::Runtime);
  }
  CHECK_FAILS(qdq::onnxruntime_find("/nowhere/at/all"), Status::InvalidArgument, "/nowhere/at/all");
  CHECK_FAILS(qdq::onnxruntime_version("none.so"), Status::Runtime, "none.so");
}
