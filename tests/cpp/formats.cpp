// Weights and ranges in every format.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "digits.hpp"

using qdq::DType;
using qdq::Format;
using qdq::Half;
using qdq::Method;
using qdq::Status;

namespace {

DType stored_type(Format format) {
  if (format == Format::Fp8) return DType::E4M3;
  return format == Format::Int4Weights ? DType::I4 : DType::I8;
}

// Returns integers of 4 bits as a tensor of a model has them, one in a byte.
std::vector<std::int8_t> unpacked(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::int8_t> integers;
  for (const std::uint8_t byte : bytes) {
    for (const int nibble : {byte & 15, byte >> 4})
      integers.push_back(static_cast<std::int8_t>(nibble < 8 ? nibble : nibble - 16));
  }
  return integers;
}

}  // namespace

TEST(weights_are_stored_as_models_store_them) {
  int found = 0;
  for (const Format format : {Format::Int8, Format::Fp8, Format::Int8Weights, Format::Int4Weights}) {
    const qdq::Model model = digits::model();
    const auto policy = qdq::Policy::make().format(format).build().value();
    const auto plan = model.plan(policy).value();
    const std::size_t fc = model.graph().value().find_tensor("fc.weight");
    auto ranges = qdq::Ranges::make().value();
    for (const auto tap : plan.taps()) CHECK_GOOD(ranges.set(tap, 1.0f));
    const auto quantized = model.quantize(plan, ranges).value();
    const auto weight = model.get_constant("fc.weight").value();
    const auto numbers = quantized.get_constant("fc.weight_quantized").value();
    const auto steps = quantized.get_constant("fc.weight_scale").value();
    for (const auto& planned : plan.weights()) {
      if (planned.tensor != fc) continue;
      std::vector<std::uint8_t> bytes(format == Format::Int4Weights ? 640 : 1280);
      const qdq::MutableTensorView out(stored_type(format), bytes.data(), {10, 128});
      const auto scales =
          qdq::weights_store(*weight, format, planned.axis, planned.block, Method::Mse, DType::F32, out).value();
      CHECK_EQ(scales.shape().size(), planned.block > 0 ? std::size_t{2} : std::size_t{1});
      CHECK_EQ(steps->shape().size(), scales.shape().size());
      CHECK_EQ(std::memcmp(scales.values().data(), steps->values().data(), scales.values().size() * sizeof(float)), 0);
      const auto* expected = numbers->view().data();
      if (format == Format::Int4Weights) {
        CHECK_EQ(std::memcmp(unpacked(bytes).data(), expected, 1280), 0);
      } else {
        CHECK_EQ(std::memcmp(bytes.data(), expected, 1280), 0);
      }
      ++found;
    }
  }
  CHECK_EQ(found, 4);
}

TEST(scales_of_stored_weights_are_rounded_to_their_type_before_the_numbers) {
  const std::vector<float> weights{1.0f, -0.5f, 0.3f, 0.2f};
  std::vector<std::int8_t> out(4);
  const qdq::MutableTensorView integers(out.data(), {2, 2});
  const auto store = [&](DType dtype) {
    return qdq::weights_store({weights.data(), {2, 2}}, Format::Int8Weights, 0, 0, Method::Max, dtype, integers).value();
  };
  CHECK_EQ(store(DType::F32)[0], 1.0f / 127.0f);
  for (const auto& [dtype, half] : {std::pair(DType::F16, Half::F16), std::pair(DType::BF16, Half::BF16)}) {
    const auto scales = store(dtype);
    CHECK_EQ(scales[0], *qdq::half_scale(1.0f / 127.0f, half));
    CHECK_EQ(scales[1], *qdq::half_scale(0.3f / 127.0f, half));
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK_EQ(static_cast<float>(out[i]), std::fmin(127.0f, std::nearbyint(weights[i] / scales[i / 2])));
    }
  }
  const auto whole = qdq::weights_store({weights.data(), {2, 2}}, Format::Int8Weights, qdq::no_axis, 0, Method::Max,
                                        DType::F32, integers);
  CHECK(CHECK_GOOD(whole) && whole->shape().empty() && out[3] == 25);
}

TEST(blocks_lie_along_their_axis_and_share_bytes) {
  std::vector<float> weights(4 * 2);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i);
  std::vector<std::uint8_t> out(4);
  const auto scales = qdq::weights_store({weights.data(), {4, 2}}, Format::Int4Weights, 0, 2, Method::Max, DType::F32,
                                         {DType::I4, out.data(), {4, 2}});
  if (!CHECK_GOOD(scales)) return;
  CHECK(scales->shape().size() == 2 && scales->shape()[0] == 2 && scales->shape()[1] == 2);
  CHECK(scales->values()[0] == 2.0f / 7.0f && scales->values()[1] == 3.0f / 7.0f && scales->values()[3] == 1.0f);
  CHECK(unpacked(out) == (std::vector<std::int8_t>{0, 2, 7, 7, 5, 5, 7, 7}));
}

TEST(scales_that_a_format_or_a_weight_cannot_have_are_refused) {
  const std::vector<float> weights(12, 0.5f);
  std::vector<std::uint8_t> out(12);
  const auto store = [&](Format format, std::int32_t axis, std::size_t block, std::vector<std::int64_t> shape = {4, 3}) {
    const qdq::MutableTensorView numbers(stored_type(format), out.data(), shape);
    return qdq::weights_store({weights.data(), shape}, format, axis, block, Method::Max, DType::F32, numbers);
  };
  CHECK_FAILS(store(Format::Fp8, 0, 2), Status::InvalidArgument, "fp8 has no blocks");
  CHECK_FAILS(store(Format::Int4Weights, 0, 0), Status::InvalidArgument, "int4-weights has scales of blocks");
  CHECK_FAILS(store(Format::Int4Weights, qdq::no_axis, 2), Status::InvalidArgument, "blocks of 2 need an axis");
  CHECK_FAILS(store(Format::Int4Weights, 0, 3), Status::Shape, "axis 0 of weights of shape [4, 3] is no whole number");
  CHECK_FAILS(store(Format::Int4Weights, 0, 2), Status::Shape, "the last axis of weights of shape [4, 3] is odd");
  CHECK_FAILS(store(Format::Int8, 2, 0), Status::Shape, "no axis 2");
  CHECK_FAILS(store(static_cast<Format>(77), 0, 0), Status::InvalidArgument, "77");
  CHECK_GOOD(store(Format::Int4Weights, 1, 2, {3, 4}));
  const qdq::TensorView view(weights.data(), {4, 3});
  const qdq::MutableTensorView bytes(DType::I8, out.data(), {4, 3}), short_one(DType::I8, out.data(), {3, 3});
  CHECK_FAILS(qdq::weights_store(view, Format::Fp8, 0, 0, Method::Max, DType::F32, bytes), Status::Type, "'out'");
  CHECK_FAILS(qdq::weights_store(view, Format::Int8, 0, 0, Method::Max, DType::F32, short_one), Status::Shape, "'out'");
  CHECK_FAILS(qdq::weights_store(view, Format::Int8, 0, 0, Method::Max, DType::I8, bytes), Status::InvalidArgument,
              "no scale has the type i8");
  const std::vector<float> odd{1.0f, std::nanf("")};
  CHECK_FAILS(qdq::weights_store({odd.data(), {1, 2}}, Format::Fp8, 0, 0, Method::Max, DType::F32,
                                 {DType::E4M3, out.data(), {1, 2}}),
              Status::Data, "");
}

TEST(ranges_have_a_scale_in_every_format) {
  for (const auto& [format, largest] : {std::pair(Format::Int8, 127.0f), std::pair(Format::Fp8, 448.0f),
                                        std::pair(Format::Int8Weights, 127.0f), std::pair(Format::Int4Weights, 7.0f)}) {
    CHECK_EQ(qdq::format_scale(format, largest), 1.0f);
    CHECK(std::isnan(qdq::format_scale(format, -1.0f)));
    CHECK(qdq::format_half_scale(format, largest, Half::F16) == 1.0f);
  }
  CHECK(std::isnan(qdq::format_scale(static_cast<Format>(77), 1.0f)));
  CHECK(!qdq::format_half_scale(static_cast<Format>(77), 1.0f, Half::F16));
  CHECK(!qdq::format_half_scale(Format::Fp8, 1.0f, static_cast<Half>(77)));
  // A larger scale costs 8-bit floats nothing, up to a factor of 16.
  CHECK(qdq::format_half_scale(Format::Fp8, 0.01f, Half::F16) == 6.1035156e-5f);
  CHECK(!qdq::format_half_scale(Format::Fp8, 0.001f, Half::F16) && !qdq::format_half_scale(Format::Int8, 0.001f, Half::F16));
}

TEST(formats_of_weights_alone_need_no_ranges) {
  const auto none = qdq::Ranges::make().value();
  for (const Format format : {Format::Int8Weights, Format::Int4Weights}) {
    const qdq::Model model = digits::model();
    const auto plan = model.plan(qdq::Policy::make().format(format).build().value(), none);
    if (!CHECK_GOOD(plan)) continue;
    CHECK_EQ(plan->weights().size(), std::size_t{1});
    CHECK_GOOD(model.quantize(*plan, none));
  }
  const auto mixed = qdq::Policy::make().format(Format::Int8Weights).format_of("*/Conv", Format::Fp8).build().value();
  CHECK_FAILS(digits::model().plan(mixed, none), Status::Data, "none of the ranges belongs to a tensor");
}
