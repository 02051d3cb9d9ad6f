// Spans, bytes, tensor views, DLPack.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#endif

#include "check.hpp"

using qdq::DType;
using qdq::MutableTensorView;
using qdq::Span;
using qdq::TensorView;

static std::size_t count(Span<const float> span) { return span.size(); }
static std::size_t count_bytes(qdq::Bytes bytes) { return bytes.size(); }

static_assert(std::is_convertible_v<std::vector<float>&, Span<float>>);
static_assert(!std::is_convertible_v<const std::vector<float>&, Span<float>>);
static_assert(!std::is_convertible_v<std::vector<double>&, Span<const float>>);
static_assert(!std::is_convertible_v<std::vector<float>&, Span<const double>>);
static_assert(std::is_convertible_v<Span<float>, Span<const float>> &&
              !std::is_convertible_v<Span<const float>, Span<float>>);
static_assert(!std::is_convertible_v<std::vector<float>&, qdq::Bytes>);

static_assert(std::is_convertible_v<const std::vector<float>&, TensorView>);
static_assert(std::is_convertible_v<std::vector<float>&, MutableTensorView>);
static_assert(!std::is_convertible_v<const std::vector<float>&, MutableTensorView>);
static_assert(!std::is_convertible_v<const TensorView&, MutableTensorView>);
static_assert(!std::is_convertible_v<std::vector<std::string>&, TensorView>);
static_assert(!std::is_convertible_v<std::vector<bool>&, TensorView>);

TEST(spans_are_made_from_what_holds_elements) {
  std::vector<float> vector(3);
  const std::array<float, 2> array = {1, 2};
  float plain[4] = {1, 2, 3, 4};
  CHECK_EQ(count(vector), 3u);
  CHECK_EQ(count(array), 2u);
  CHECK_EQ(count(plain), 4u);
  CHECK_EQ(count({plain, 2}), 2u);
  CHECK_EQ(count({1.0f, 2.0f, 3.0f}), 3u);
  CHECK_EQ(count({}), 0u);
  Span<float> span(vector);
  span[1] = 5;
  float sum = 0;
  for (float value : span) sum += value;
  CHECK_EQ(sum, 5.0f);
  CHECK_EQ(count(span), 3u);
#if __cplusplus >= 202002L
  const std::span<float> other = span;
  CHECK_EQ(other[1], 5.0f);
  CHECK_EQ(count(other), 3u);
#endif
}

TEST(bytes_are_made_from_files_in_memory) {
  CHECK_EQ(count_bytes(std::string("abc")), 3u);
  CHECK_EQ(count_bytes(std::vector<unsigned char>(5)), 5u);
  CHECK_EQ(count_bytes(std::vector<std::byte>(6)), 6u);
  CHECK_EQ(count_bytes({"abcd", 2}), 2u);
}

TEST(types_have_dlpack_numbers) {
  static_assert(qdq::dtype_of<float>() == DType::F32 && qdq::dtype_of<double>() == DType::F64);
  static_assert(qdq::dtype_of<std::int8_t>() == DType::I8 && qdq::dtype_of<std::uint8_t>() == DType::U8);
  static_assert(qdq::dtype_of<std::int16_t>() == DType::I16 && qdq::dtype_of<std::uint16_t>() == DType::U16);
  static_assert(qdq::dtype_of<std::int32_t>() == DType::I32 && qdq::dtype_of<std::uint32_t>() == DType::U32);
  static_assert(qdq::dtype_of<long long>() == DType::I64 && qdq::dtype_of<unsigned long long>() == DType::U64);
  static_assert(qdq::dtype_of<bool>() == DType::Bool);
  static_assert(static_cast<qdq_dtype>(DType::E4M3) == QDQ_DTYPE_E4M3);
}

TEST(views_own_their_shape) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  TensorView view(x.data(), {2, 3}, {1, 2});
  TensorView copy = view;
  view = TensorView(x);
  CHECK_EQ(view.ndim(), 1u);
  CHECK_EQ(view.shape()[0], 6);
  CHECK(view.strides().empty() && view.c()->strides == nullptr);
  CHECK_EQ(copy.ndim(), 2u);
  CHECK_EQ(copy.shape()[1], 3);
  CHECK_EQ(copy.strides()[1], 2);
  CHECK(copy.dtype() == DType::F32 && copy.data() == x.data());
  CHECK_EQ(copy.c()->shape[0], 2);
  CHECK_EQ(copy.c()->strides[0], 1);

  const float one = 1;
  const TensorView scalar(&one, {});
  CHECK_EQ(scalar.ndim(), 0u);
  CHECK(scalar.shape().empty());
}

TEST(views_with_too_few_strides_are_refused) {
  const std::vector<float> x = {1, 2, 3, 4};
  qdq::TensorStats stats;
  CHECK_FAILS(stats.observe({x.data(), {2, 2}, {2}}), qdq::Status::InvalidArgument, "ndim");
  CHECK_GOOD(stats.observe({x.data(), {2, 2}, {1, 2}}));
  CHECK_EQ(stats.values(), 4u);
}

// The structs in DLPack's documentation.
struct Device {
  enum Type { Cpu = 1, Cuda = 2 } device_type;
  std::int32_t device_id;
};
struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
static_assert(sizeof(Tensor) == sizeof(qdq_tensor) && offsetof(Tensor, dtype) == offsetof(qdq_tensor, dtype) &&
              offsetof(Tensor, byte_offset) == offsetof(qdq_tensor, byte_offset));

template <typename DLTensor>
static void check_dlpack(DLTensor tensor, float* data) {
  const TensorView view = TensorView::from_dlpack(tensor);
  CHECK(view.dtype() == DType::F32 && view.ndim() == 2 && view.shape()[1] == 3);
  CHECK(view.data() == data + 1);
  CHECK_EQ(qdq::amax(view, qdq::Descriptor()).value()[0], 7.0f);
  const auto out = MutableTensorView::from_dlpack(tensor);
  CHECK_GOOD(qdq::fake_quant(view, qdq::Descriptor::make().amax(1.0f).build().value(), out));
  CHECK_EQ(data[6], 1.0f);
  CHECK_EQ(data[0], 100.0f);
}

TEST(dlpack_tensors_are_views) {
  float data[7] = {100, 2, 3, 4, 5, 6, 7};
  std::int64_t shape[2] = {2, 3};
  std::int64_t strides[2] = {3, 1};
  Tensor tensor{data, {Device::Cpu, 0}, 2, {2, 32, 1}, shape, strides, sizeof(float)};
  check_dlpack(tensor, data);

  tensor.strides = nullptr;
  CHECK(kept(TensorView::from_dlpack(tensor)).strides().empty());
  tensor.dtype.lanes = 4;
  CHECK_FAILS(qdq::amax(TensorView::from_dlpack(tensor), qdq::Descriptor()), qdq::Status::InvalidArgument, "");
  tensor.dtype.lanes = 1;
  tensor.device.device_type = Device::Cuda;
  CHECK_FAILS(qdq::amax(TensorView::from_dlpack(tensor), qdq::Descriptor()), qdq::Status::Unsupported, "");
}

#if __has_include(<dlpack/dlpack.h>)
TEST(dlpack_of_the_system) {
  float data[7] = {100, 2, 3, 4, 5, 6, 7};
  std::int64_t shape[2] = {2, 3};
  DLTensor tensor{};
  tensor.data = data;
  tensor.device = {kDLCPU, 0};
  tensor.ndim = 2;
  tensor.dtype = {kDLFloat, 32, 1};
  tensor.shape = shape;
  tensor.byte_offset = sizeof(float);
  check_dlpack(tensor, data);
}
#endif
