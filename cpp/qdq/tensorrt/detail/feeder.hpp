// Batches on their way to TensorRT.
#ifndef QDQ_TENSORRT_DETAIL_FEEDER_HPP
#define QDQ_TENSORRT_DETAIL_FEEDER_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <qdq/batches.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/device_batch.hpp>

namespace qdq::trt {

/// Where the tensors of a batch lie in device memory, by the names of the network's inputs.
using DevicePointers = std::map<std::string, void*>;

/// Sets the pointer of every input for the next batch and returns true; false after the last batch.
using NextDeviceBatch = std::function<Result<bool>(DevicePointers&)>;

namespace detail {

/// Puts batches where TensorRT reads them: one whole batch of the network's shape after the other.
class Feeder {
 public:
  Feeder(Batches batches, Specs inputs) : batches_(std::move(batches)), inputs_(std::move(inputs)) {}
  explicit Feeder(NextDeviceBatch next) : next_(std::move(next)) {}

  /// Fills `bindings`; false after the last batch.
  [[nodiscard]] Result<bool> next(void* bindings[], const char* const names[], std::int32_t count) {
    if (bindings == nullptr || names == nullptr || count <= 0) {
      return Error(Status::InvalidArgument, "TensorRT asks for a batch without saying for which inputs",
                   "give the calibrator to a builder that builds in INT8");
    }
    return next_ ? from_device(bindings, names, count) : from_host(bindings, names, count);
  }

  /// How many samples were repeated to fill a batch.
  [[nodiscard]] std::int64_t repeated() const noexcept { return repeated_; }

 private:
  Result<bool> from_device(void* bindings[], const char* const names[], std::int32_t count) {
    DevicePointers pointers;
    auto more = next_(pointers);
    if (!more || !*more) return more;
    for (std::int32_t i = 0; i < count; ++i) {
      const auto found = pointers.find(names[i]);
      if (found == pointers.end() || found->second == nullptr) {
        return missing(names[i], pointers.empty() ? "" : pointers.begin()->first);
      }
      bindings[i] = found->second;
    }
    return true;
  }

  Result<bool> from_host(void* bindings[], const char* const names[], std::int32_t count) {
    auto batch = batches_->next();
    if (!batch) return std::move(batch).error();
    if (!*batch) return false;
    for (std::int32_t i = 0; i < count; ++i) {
      std::optional<TensorView> found;
      for (const auto& [name, tensor] : **batch) {
        if (name == names[i]) found = tensor;
      }
      if (!found) return missing(names[i], (*batch)->size() == 0 ? "" : std::string((**batch)[0].name));
      auto device = put(names[i], *found);
      if (!device) return std::move(device).error();
      bindings[i] = *device;
    }
    return true;
  }

  Result<void*> put(const std::string& name, const TensorView& tensor) {
    const auto spec = spec_of(name);
    if (!spec) {
      return Error(Status::InvalidArgument, "TensorRT asks for input '" + name + "', which the network did not have",
                   "make the calibrator after the network is complete");
    }
    if (auto fits = check(name, tensor, *spec); !fits) return std::move(fits).error();
    const std::size_t size = byte_size(tensor.dtype());
    const std::size_t have = static_cast<std::size_t>(volume({tensor.shape().begin(), tensor.shape().end()})) * size;
    const std::size_t want = static_cast<std::size_t>(volume(*spec->shape)) * size;
    if (have == want) return device_.put(name, tensor.data(), have);
    // TensorRT reads whole batches: the last one begins again with its own samples.
    filled_.resize(want);
    for (std::size_t at = 0; at < want; at += have) {
      std::memcpy(filled_.data() + at, tensor.data(), want - at < have ? want - at : have);
    }
    repeated_ = (*spec->shape)[0] - tensor.shape()[0];
    return device_.put(name, filled_.data(), want);
  }

  static Result<void> check(const std::string& name, const TensorView& tensor, const Spec& spec) {
    const std::vector<std::int64_t>& wanted = *spec.shape;
    const std::vector<std::int64_t> found(tensor.shape().begin(), tensor.shape().end());
    bool fits = found.size() == wanted.size() && tensor.strides().empty();
    for (std::size_t axis = 0; fits && axis < found.size(); ++axis) {
      // Only a batch may be short.
      fits = found[axis] == wanted[axis] || (axis == 0 && found[0] > 0 && found[0] < wanted[0]);
    }
    if (!fits) {
      return Error(Status::Shape, "input '" + name + "' has shape " + text(wanted) + " in the network, but the batch has " +
                                      text(found),
                   "give batches of that shape; the last one may have fewer samples");
    }
    if (byte_size(tensor.dtype()) == 0 || tensor.dtype() != spec.dtype) {
      return Error(Status::Type, "input '" + name + "' has another element type in the batch than in the network",
                   "make the batches with the specs that qdq::trt::inputs() gives");
    }
    return {};
  }

  std::optional<Spec> spec_of(const std::string& name) const {
    for (const auto& spec : *inputs_) {
      if (spec.name == name) return spec;
    }
    return std::nullopt;
  }

  static Error missing(const std::string& wanted, const std::string& first) {
    return Error(Status::Data, "the batch has nothing for input '" + wanted + "'" +
                                   (first.empty() ? "" : "; what it has begins with '" + first + "'"),
                 "give every input of the network by its name");
  }

  static std::string text(const std::vector<std::int64_t>& shape) {
    std::string out = "[";
    for (const std::int64_t size : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
    return out + "]";
  }

  static std::size_t byte_size(DType dtype) noexcept {
    switch (dtype) {
      case DType::F32:
      case DType::I32: return 4;
      case DType::F16:
      case DType::BF16: return 2;
      case DType::I64: return 8;
      case DType::I8:
      case DType::U8:
      case DType::Bool: return 1;
      default: return 0;
    }
  }

  std::optional<Batches> batches_;
  std::optional<Specs> inputs_;
  NextDeviceBatch next_;
  DeviceBatch device_;
  std::vector<unsigned char> filled_;
  std::int64_t repeated_ = 0;
};

}  // namespace detail
}  // namespace qdq::trt

#endif
