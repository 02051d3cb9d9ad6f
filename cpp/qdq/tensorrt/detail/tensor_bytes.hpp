// Byte sizes and message texts of tensors.
#ifndef QDQ_TENSORRT_DETAIL_TENSOR_BYTES_HPP
#define QDQ_TENSORRT_DETAIL_TENSOR_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <qdq/numbers.hpp>
#include <qdq/result.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq::trt::detail {

/// Returns a name in quotes, for a message.
inline std::string quote(std::string_view name) { return "'" + std::string(name) + "'"; }

/// Returns a shape as a text, for a message: [8, 3, ?, ?].
inline std::string shape_text(Span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += size < 0 ? "?" : std::to_string(size);
  }
  return text + "]";
}

/// Returns the name of an element type, for a message.
inline std::string_view dtype_text(DType dtype) noexcept {
  switch (dtype) {
    case DType::F32: return "f32";
    case DType::F16: return "f16";
    case DType::BF16: return "bf16";
    case DType::F64: return "f64";
    case DType::I8: return "i8";
    case DType::U8: return "u8";
    case DType::I16: return "i16";
    case DType::U16: return "u16";
    case DType::I32: return "i32";
    case DType::U32: return "u32";
    case DType::I64: return "i64";
    case DType::U64: return "u64";
    case DType::Bool: return "bool";
    case DType::I4: return "i4";
    case DType::U4: return "u4";
    case DType::E4M3: return "e4m3";
    case DType::Unknown: break;
  }
  return "an unknown type";
}

/// Returns the number of bytes of an element; 0 for types whose elements are not whole bytes.
inline std::size_t element_size(DType dtype) noexcept {
  const std::uint32_t bits = static_cast<std::uint32_t>(dtype) >> 8 & 0xff;
  return bits % 8 == 0 ? bits / 8 : 0;
}

/// Returns the number of bytes of a row-major tensor; 0 if it cannot be computed.
inline std::size_t byte_size(DType dtype, Span<const std::int64_t> shape) noexcept {
  std::size_t bytes = element_size(dtype);
  for (const std::int64_t axis : shape) {
    if (axis <= 0) return 0;
    const auto size = static_cast<std::uint64_t>(axis);
    if (size > std::numeric_limits<std::size_t>::max() || bytes > std::numeric_limits<std::size_t>::max() / size) return 0;
    bytes *= static_cast<std::size_t>(size);
  }
  return bytes;
}

/// Returns whether the elements are contiguous and row-major.
inline bool is_row_major(const TensorView& tensor) noexcept {
  std::int64_t stride = 1;
  for (std::size_t axis = tensor.strides().size(); axis-- > 0;) {
    if (tensor.shape()[axis] != 1 && tensor.strides()[axis] != stride) return false;
    stride *= tensor.shape()[axis];
  }
  return true;
}

/// Returns the number of bytes of a tensor in the host's memory, for a plain copy.
inline Result<std::size_t> host_bytes(std::string_view name, const TensorView& tensor) {
  const std::size_t bytes = byte_size(tensor.dtype(), tensor.shape());
  const bool is_on_host = tensor.device() == Device::Cpu || tensor.device() == Device::CudaHost;
  if (bytes > 0 && tensor.data() != nullptr && tensor.c()->ndim >= 0 && is_on_host && is_row_major(tensor)) return bytes;
  return Error(Status::InvalidArgument,
               "the tensor for " + quote(name) + ", " + std::string(dtype_text(tensor.dtype())) + " " +
                   shape_text(tensor.shape()) + ", is not one block of bytes in the host's memory",
               "give a row-major tensor of the host whose elements are whole bytes");
}

}  // namespace qdq::trt::detail

#endif
