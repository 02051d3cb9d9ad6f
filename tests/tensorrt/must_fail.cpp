// A batch in device memory that is never freed, and one that is read past its end: the tests must report
// both.
#include "calibration.hpp"

TEST(a_leak_of_device_memory_is_seen) {
  gpu().reset();
  auto* leaked = new trt::DeviceBatch(trt::DeviceBatch::make().value());
  CHECK_GOOD(leaked->upload("x", qdq::TensorView(Floats(4))));
  CHECK(gpu().is_clean());
  delete leaked;
}

TEST(a_short_block_is_seen) {
  Build build;
  build.input("x", {2, 2});
  auto batch = trt::DeviceBatch::make().value();
  auto calibrator = trt::MinMaxCalibrator::from_device(build.network(), [&](trt::Bindings& bindings) {
    return bindings.set("x", batch.upload("x", qdq::TensorView(Floats(3))).value()).has_value();
  });
  CHECK(build.run(calibrator->get()));
}
