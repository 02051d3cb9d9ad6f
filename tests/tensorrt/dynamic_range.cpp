// Dynamic ranges, without a calibrator.
#include <qdq/tensorrt/dynamic_range.hpp>

#include "calibration.hpp"

TEST(ranges_are_set_by_name_and_missing_ones_told) {
  Build build;
  build.input("x", {2, 2}).input("y", {2, 2}).input("index", {2}, nvinfer1::DataType::kINT32);
  auto ranges = qdq::Ranges::make().value();
  CHECK_GOOD(ranges.set("x", 2.5f));
  CHECK_GOOD(ranges.set("y_relu", 0.0f));
  CHECK_GOOD(ranges.set("index", 1.0f));
  CHECK_GOOD(ranges.set("elsewhere", 1.0f));
  auto& network = build.network();
  CHECK(network.getInput(1)->setDynamicRange(-3, 3));
  const auto done = trt::set_dynamic_ranges(network, ranges);
  if (!CHECK_GOOD(done)) return;
  CHECK_EQ(done->count, std::size_t{2});
  CHECK(done->missing == std::vector<std::string>{"x_relu"});
  CHECK_EQ(network.getInput(0)->standin.max, 2.5f);
  CHECK_EQ(network.getInput(0)->standin.min, -2.5f);
  CHECK_EQ(network.getInput(1)->standin.max, 3.0f);
  CHECK_EQ(network.getLayer(1)->getOutput(0)->standin.max, 127.0f);
  CHECK(!network.getInput(2)->dynamicRangeIsSet());
}

TEST(ranges_of_another_network_are_an_error) {
  Build build;
  build.input("x", {2, 2});
  auto ranges = qdq::Ranges::make().value();
  CHECK_GOOD(ranges.set("y", 1.0f));
  CHECK_FAILS(trt::set_dynamic_ranges(build.network(), ranges), Status::Data, "none of the ranges belongs to a tensor");
}
