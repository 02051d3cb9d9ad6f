// Conversion between torch's tensors and qdq's.
#ifndef QDQ_TORCH_TENSOR_HPP
#define QDQ_TORCH_TENSOR_HPP

#include <cstdint>
#include <string>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/error.hpp>
#include <qdq/tensor_view.hpp>
#include <torch/torch.h>

namespace qdq::nn {
namespace detail {

template <typename Have, typename T>
struct Rebound;
template <template <typename> class Template, typename Have, typename T>
struct Rebound<Template<Have>, T> {
  using type = Template<T>;
};

/// The optional of this LibTorch: its own type before 2.2, the type of the standard library since then.
template <typename T>
using Optional = typename Rebound<decltype(std::declval<torch::TensorOptions>().dtype_opt()), T>::type;

/// Throws the error as a Result does.
[[noreturn]] inline void fail(Status status, const std::string& message, const std::string& remedy) {
  throw Exception(Error(status, message, remedy));
}

/// Returns the element type; Unknown if the kernels do not have the type.
inline DType dtype_of(torch::ScalarType type) noexcept {
  switch (type) {
    case torch::kFloat: return DType::F32;
    case torch::kDouble: return DType::F64;
    case torch::kHalf: return DType::F16;
    case torch::kBFloat16: return DType::BF16;
    case torch::kChar: return DType::I8;
    case torch::kByte: return DType::U8;
    case torch::kInt: return DType::I32;
    case torch::kLong: return DType::I64;
    case torch::kBool: return DType::Bool;
    default: return DType::Unknown;
  }
}

/// Returns whether tensors of this type can be quantized.
inline bool is_quantizable(torch::ScalarType type) noexcept {
  return type == torch::kFloat || type == torch::kDouble || type == torch::kHalf || type == torch::kBFloat16;
}

/// Refuses tensors that cannot be quantized.
inline void check_quantizable(const torch::Tensor& x) {
  if (!x.defined()) fail(Status::InvalidArgument, "the tensor is undefined", "give a tensor with data");
  if (!is_quantizable(x.scalar_type())) {
    fail(Status::Type, std::string("a tensor of type ") + torch::toString(x.scalar_type()) + " cannot be quantized",
         "convert it to float, double, half or bfloat16");
  }
}

}  // namespace detail

/// Makes a view of a tensor of the CPU, contiguous or not. Nothing is copied. It is valid as long as the
/// tensor's memory.
[[nodiscard]] inline MutableTensorView view(const torch::Tensor& tensor) {
  if (!tensor.defined() || !tensor.device().is_cpu() || detail::dtype_of(tensor.scalar_type()) == DType::Unknown) {
    detail::fail(Status::InvalidArgument, "only a tensor of numbers in the CPU's memory can be viewed",
                 "call .cpu() first, and convert to a type that qdq::DType has");
  }
  const auto sizes = tensor.sizes();
  const auto strides = tensor.strides();
  const bool dense = tensor.is_contiguous();
  return {detail::dtype_of(tensor.scalar_type()),
          tensor.data_ptr(),
          {sizes.data(), sizes.size()},
          dense ? Span<const std::int64_t>() : Span<const std::int64_t>(strides.data(), strides.size())};
}

/// Copies a view or an array of f32, f64, f16, i64, i32, u8 or i8 to a tensor (CPU) of the same shape: ranges
/// and scales, data and labels of .npz and .npy files.
[[nodiscard]] inline torch::Tensor to_tensor(const TensorView& view) {
  for (auto type : {torch::kFloat, torch::kDouble, torch::kHalf, torch::kLong, torch::kInt, torch::kByte, torch::kChar}) {
    if (detail::dtype_of(type) != view.dtype()) continue;
    const torch::IntArrayRef sizes(view.shape().data(), view.shape().size());
    const auto strides = view.strides();
    // Nothing is written through this pointer: the function returns a clone.
    void* data = const_cast<void*>(view.data());
    if (strides.empty()) return torch::from_blob(data, sizes, type).clone();
    return torch::from_blob(data, sizes, torch::IntArrayRef(strides.data(), strides.size()), type).clone();
  }
  detail::fail(Status::Type, "the view has an element type that is not copied to a tensor", "use one of the types that are");
}

}  // namespace qdq::nn

#endif
