// One batch in device memory of the caller.
#ifndef QDQ_TENSORRT_BINDINGS_HPP
#define QDQ_TENSORRT_BINDINGS_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/inputs.hpp>

namespace qdq::trt {

/// The device pointers of the inputs of the next batch. A function of the user fills it for a calibrator's
/// from_device(); it is empty again for every batch.
class Bindings {
 public:
  /// Makes empty bindings of a network with these inputs.
  explicit Bindings(std::vector<Input> inputs) : inputs_(std::move(inputs)), pointers_(inputs_.size()) {}

  /// Returns the inputs, each with the shape that TensorRT reads in one batch.
  [[nodiscard]] const std::vector<Input>& inputs() const& noexcept { return inputs_; }
  void inputs() const&& = delete;

  /// Sets the device memory of the input `name`: row-major, of the input's type and whole shape.
  ///
  /// The memory must not change until the function is called again or the build is over.
  [[nodiscard]] Result<void> set(std::string_view name, void* device) {
    const std::size_t index = find(name);
    if (index == inputs_.size()) {
      return Error(Status::InvalidArgument, "the network has no input " + detail::quote(name),
                   "use the names of its inputs");
    }
    if (device == nullptr) {
      return Error(Status::InvalidArgument, "the device pointer for input " + detail::quote(name) + " is null",
                   "give the address of device memory, or return false at the end of the data");
    }
    pointers_[index] = device;
    return {};
  }

  /// Returns the pointer that is set for the input `name`; null if none is set.
  [[nodiscard]] void* get(std::string_view name) const noexcept {
    const std::size_t index = find(name);
    return index == inputs_.size() ? nullptr : pointers_[index];
  }
  /// Returns the number of inputs that are set.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t count = 0;
    for (void* pointer : pointers_) count += pointer != nullptr ? 1 : 0;
    return count;
  }
  /// Removes all pointers.
  void clear() noexcept { pointers_.assign(inputs_.size(), nullptr); }

 private:
  std::size_t find(std::string_view name) const noexcept {
    std::size_t index = 0;
    while (index < inputs_.size() && inputs_[index].name != name) ++index;
    return index;
  }

  std::vector<Input> inputs_;
  std::vector<void*> pointers_;
};

}  // namespace qdq::trt

#endif
