// The inputs that insert_qdq() refuses.
#include <limits>

#include "network.hpp"

#if QDQ_TRT_HAS_QDQ

namespace insert_errors_test {

using namespace net;

struct Conv : Made {
  explicit Conv(float odd = 0.5f) : kernel(numbers(4 * 4 * 9)) {
    kernel[40] = odd;
    network.markOutput(out(conv("conv", input("x", {1, 4, 8, 8}), 4, kernel)));
  }
  std::vector<float> kernel;
};

TEST(a_missing_range_leaves_the_network_as_it_was) {
  Conv made;
  const auto plan = trt::describe(made.network).value().plan().value();
  const auto result = trt::insert_qdq(made.network, plan, ranges({{"y", 1.0f}}));
  CHECK_FAILS(result, Status::Data, "tensor 'x' is to be quantized but has no range");
  CHECK_FAILS(result, Status::Data, "calibrate the network again");
  CHECK_EQ(made.network.getNbLayers(), 1);
}

TEST(a_plan_of_another_network_is_refused) {
  Conv made;
  const Ranges given = ranges({{"x", 1.0f}});
  const Plan plan = planned(made.network, given);
  made.network.markOutput(out(made.relu("relu", out(*find(made.network, "conv")))));
  CHECK_FAILS(trt::insert_qdq(made.network, plan, given), Status::InvalidArgument,
              "the plan is for 1 nodes, but the network has 2");
  CHECK_EQ(made.network.getNbLayers(), 2);
}

TEST(weights_that_are_no_numbers_are_refused) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Conv made(odd);
    const Ranges given = ranges({{"x", 1.0f}});
    CHECK_FAILS(trt::insert_qdq(made.network, planned(made.network, given), given), Status::Data,
                "weight 'conv.kernel' cannot be quantized");
    CHECK_EQ(made.network.getNbLayers(), 1);
  }
}

TEST(a_refused_layer_is_an_error) {
  for (const LayerType refused : {LayerType::kQUANTIZE, LayerType::kDEQUANTIZE, LayerType::kCONSTANT}) {
    Conv made;
    const Ranges given = ranges({{"x", 1.0f}});
    made.network.standin.refused = {refused};
    const auto result = trt::insert_qdq(made.network, planned(made.network, given), given);
    CHECK_FAILS(result, Status::TensorRt, "TensorRT refused a Quantize or Dequantize for 'conv.kernel'");
    CHECK_FAILS(result, Status::TensorRt, "parse the network anew");
  }
  Conv made;
  const Ranges given = ranges({{"x", 1.0f}});
  made.network.standin.refused = {LayerType::kCONVOLUTION};
  CHECK_FAILS(trt::insert_qdq(made.network, planned(made.network, given), given), Status::TensorRt,
              "TensorRT refused a copy of layer 'conv'");
}

TEST(a_network_without_names_of_its_own_is_refused) {
  Conv made;
  const Ranges given = ranges({{"x", 1.0f}});
  const Plan plan = planned(made.network, given);
  made.relu("x", out(*find(made.network, "conv")));
  CHECK_FAILS(trt::insert_qdq(made.network, plan, given), Status::InvalidArgument, "a name of its own");
}

TEST(constants_of_other_types_stay) {
  using nvinfer1::MatrixOperation;
  Made made;
  const std::vector<std::int8_t> values(16, 3);
  ITensor& x = made.input("x", {2, 4});
  auto& w = made.named("w", made.network.addConstant(dims({4, 4}), {DataType::kINT8, values.data(), 16}));
  const auto none = MatrixOperation::kNONE;
  auto& product = made.named("product", made.network.addMatrixMultiply(x, none, out(w), none));
  made.network.markOutput(out(product));
  const Ranges given = ranges({{"x", 1.0f}});
  CHECK_GOOD(trt::insert_qdq(made.network, planned(made.network, given), given));
  CHECK_EQ(count(made.network, LayerType::kQUANTIZE), 0);
}

}  // namespace insert_errors_test

#endif
