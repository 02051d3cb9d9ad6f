// Tensors of any type that a function has made.
#ifndef QDQ_VALUE_HPP
#define QDQ_VALUE_HPP

#include <string>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// A tensor of any element type, row-major, that a function has made: what a file or a model holds.
/// Immutable. What it returns is valid until it is freed. It can be given wherever a TensorView is taken.
class Value : public detail::Handle<qdq_value, qdq_value_free> {
 public:
  using Handle::Handle;

  /// Reads a whole .npy file: labels or samples, say.
  [[nodiscard]] static Result<Value> read_npy(const std::string& path) {
    return detail::make<Value>(qdq_value_read_npy, path.c_str());
  }
  /// The tensor.
  [[nodiscard]] TensorView view() const& {
    qdq_tensor tensor{};
    qdq_value_view(c(), &tensor, nullptr);
    return TensorView(tensor);
  }
  void view() const&& = delete;
  /// The same, where a TensorView is taken.
  operator TensorView() const { return view(); }
};

}  // namespace qdq

#endif
