// Dynamic ranges of a network, with which TensorRT chooses the precision.
#include "network.hpp"

#if QDQ_TRT_HAS_CALIBRATOR

namespace dynamic_ranges_test {

using namespace net;

TEST(every_tensor_with_a_range_gets_it) {
  Made made;
  const auto kernel = numbers(4 * 4 * 9), addend = numbers(4);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  ITensor& index = made.input("index", {3}, DataType::kINT32);
  auto& conv = made.conv("conv", x, 4, kernel);
  auto& relu = made.relu("relu", out(conv));
  auto& flat = made.named("flat", made.network.addShuffle(out(relu)));
  out(flat).setDimensions(dims({1, 256}));
  ITensor& constant = made.constant("constant", {1, 4, 1, 1}, addend);
  auto& sum = made.named("sum", made.network.addElementWise(out(relu), constant, nvinfer1::ElementWiseOperation::kSUM));
  made.network.markOutput(out(sum));
  made.network.markOutput(out(flat));
  const auto report = trt::set_dynamic_ranges(made.network, ranges({{"x", 2.0f}, {"conv", 0.0f}, {"relu", 1.5f}}));
  if (!CHECK_GOOD(report)) return;
  CHECK_EQ(report->count, std::size_t{4});
  CHECK(report->missing == std::vector<std::string>({"constant", "sum"}));
  CHECK(x.getDynamicRangeMin() == -2.0f && x.getDynamicRangeMax() == 2.0f);
  // TensorRT accepts no empty range.
  CHECK(out(conv).getDynamicRangeMin() == -127.0f && out(conv).getDynamicRangeMax() == 127.0f);
  CHECK_EQ(out(relu).getDynamicRangeMax(), 1.5f);
  CHECK_EQ(out(flat).getDynamicRangeMax(), 1.5f);
  QDQ_TRT_DEPRECATED_BEGIN
  CHECK(!constant.dynamicRangeIsSet() && !index.dynamicRangeIsSet() && !out(sum).dynamicRangeIsSet());
  QDQ_TRT_DEPRECATED_END
}

TEST(a_network_that_cannot_be_described_gets_no_ranges) {
  Made made;
  made.relu("x", made.input("x", {4}));
  CHECK_FAILS(trt::set_dynamic_ranges(made.network, ranges({{"x", 1.0f}})), Status::InvalidArgument, "a name of its own");
}

}  // namespace dynamic_ranges_test

#endif
