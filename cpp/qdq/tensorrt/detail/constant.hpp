// The values of constants, also after the layers that change their form.
#ifndef QDQ_TENSORRT_DETAIL_CONSTANT_HPP
#define QDQ_TENSORRT_DETAIL_CONSTANT_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensor_view.hpp>
#include <qdq/tensorrt/detail/network.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// Numbers in memory of another owner or, after axes were exchanged, in their own memory.
struct Constant {
  DType dtype;
  std::vector<std::int64_t> shape;
  const void* values;
  std::vector<unsigned char> own;

  [[nodiscard]] TensorView view() const { return TensorView(dtype, values, shape); }
};

// Exchanges axes: axis `i` of the result is axis order[i].
inline Constant transpose(Constant before, const nvinfer1::Permutation& order) {
  const std::size_t rank = before.shape.size();
  bool moved = false;
  for (std::size_t axis = 0; axis < rank; ++axis) moved = moved || order.order[axis] != static_cast<std::int32_t>(axis);
  if (!moved) return before;
  const std::size_t size = element_size(before.dtype);
  std::vector<std::size_t> strides(rank, size);
  for (std::size_t axis = rank - 1; axis > 0; --axis) {
    strides[axis - 1] = strides[axis] * static_cast<std::size_t>(before.shape[axis]);
  }
  Constant after{before.dtype, {}, nullptr, {}};
  std::vector<std::size_t> steps;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    after.shape.push_back(before.shape[static_cast<std::size_t>(order.order[axis])]);
    steps.push_back(strides[static_cast<std::size_t>(order.order[axis])]);
  }
  const auto count = static_cast<std::size_t>(volume(after.shape));
  after.own.resize(count * size);
  std::vector<std::int64_t> at(rank, 0);
  const auto* source = static_cast<const unsigned char*>(before.values);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(after.own.data() + i * size, source, size);
    for (std::size_t axis = rank; axis-- > 0;) {
      source += steps[axis];
      if (++at[axis] < after.shape[axis]) break;
      source -= steps[axis] * static_cast<std::size_t>(after.shape[axis]);
      at[axis] = 0;
    }
  }
  after.values = after.own.data();
  return after;
}

// Applies a shuffle to a constant: exchanges axes, changes the shape, exchanges axes again.
inline Constant shuffle(Constant constant, const nvinfer1::IShuffleLayer& layer, const std::vector<std::int64_t>& shape) {
  constant = transpose(std::move(constant), layer.getFirstTranspose());
  const nvinfer1::Permutation second = layer.getSecondTranspose();
  constant.shape.resize(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    constant.shape[static_cast<std::size_t>(second.order[axis])] = shape[axis];
  }
  return transpose(std::move(constant), second);
}

/// Returns whether a constant has no numbers.
inline bool is_empty(const NetworkTensor& found) {
  if (found.tensor == nullptr || found.layer->getType() != nvinfer1::LayerType::kCONSTANT) return false;
  const nvinfer1::Weights weights = as<nvinfer1::IConstantLayer>(*found.layer).getWeights();
  return weights.count == 0 || weights.values == nullptr;
}

/// Returns the value of a planned weight: of a constant, or of the last tensor of a chain of layers that only
/// change its form.
inline Result<Constant> constant_of(const Network& network, std::size_t number) {
  using nvinfer1::LayerType;
  const NetworkTensor& found = network.tensors[number];
  const auto unusable = [&](const char* why) {
    return Error(Status::Unsupported, "weight '" + std::string(network.graph.tensors().at(number).name) + "' " + why,
                 "exclude the layers that read it from the plan");
  };
  if (found.tensor == nullptr) {
    for (Stored& stored : stored_of(*found.layer)) {
      if (stored.slot != found.slot) continue;
      return Constant{dtype_of(stored.weights.type), std::move(stored.shape), stored.weights.values, {}};
    }
    return unusable("is gone: its layer does not store it any more");
  }
  const auto shape = shape_of(found.tensor->getDimensions());
  if (!shape || volume(*shape) <= 0) return unusable("has no fixed shape");
  if (found.layer->getType() == LayerType::kCONSTANT) {
    const nvinfer1::Weights weights = as<nvinfer1::IConstantLayer>(*found.layer).getWeights();
    if (!is_float(dtype_of(weights.type)) || weights.values == nullptr) return unusable("is no floating-point number");
    return Constant{dtype_of(weights.type), *shape, weights.values, {}};
  }
  const std::size_t before = network.number(found.layer->getInput(0));
  if (before == none) return unusable("is computed from nothing");
  QDQ_TRY_AS(source, constant_of(network, before));
  if (found.layer->getType() == LayerType::kSHUFFLE) {
    return shuffle(*std::move(source), as<nvinfer1::IShuffleLayer>(*found.layer), *shape);
  }
  // A cast between floating-point types keeps the numbers; all other layers change only the shape.
  Constant constant = *std::move(source);
  constant.shape = *shape;
  return constant;
}

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
