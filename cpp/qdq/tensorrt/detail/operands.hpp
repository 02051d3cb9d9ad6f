// The quantized and dequantized inputs of layers.
#ifndef QDQ_TENSORRT_DETAIL_OPERANDS_HPP
#define QDQ_TENSORRT_DETAIL_OPERANDS_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/pair.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/layer_ranges.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// An input and a kernel in the form that a layer reads.
struct Operands {
  nvinfer1::ITensor* input;
  nvinfer1::ITensor* kernel;
};

/// Returns the shape of a kernel, [first, second, window…]. One of the two is given; the other is 0 and is
/// computed from the count.
inline std::vector<std::int64_t> kernel_shape(const nvinfer1::Weights& kernel, const nvinfer1::Dims& window,
                                              std::int64_t first, std::int64_t second) {
  std::vector<std::int64_t> shape{first, second};
  const auto sizes = shape_of(window);
  if (sizes) shape.insert(shape.end(), sizes->begin(), sizes->end());
  const std::int64_t given = (first > 0 ? first : second) * (sizes ? volume(*sizes) : 0);
  shape[first > 0 ? 1 : 0] = given > 0 ? kernel.count / given : 0;
  return shape;
}

/// Converts a failure to that of a layer.
template <typename T>
Result<void> of_layer(const std::string& name, const Result<T>& result) {
  if (result) return {};
  const Error& error = result.error();
  return Error(error.status(), "layer '" + name + "' cannot be quantized: " + std::string(error.message()), error.remedy());
}

inline Error refused_layer(const std::string& name) {
  return Error(Status::TensorRt, "TensorRT refused layer '" + name + "'",
               "see what TensorRT logged; make the network anew, since this one is changed in part");
}

/// Checks whether a product with constant weights can be added.
inline Result<void> check_product(const std::string& name, std::int32_t rank, std::int64_t outputs,
                                  const nvinfer1::Weights& bias) {
  if (rank < 2) {
    return Error(Status::Shape, "layer '" + name + "' needs an input of a known rank of 2 or more", "reshape its input");
  }
  if (bias.count == 0 || bias.count == outputs) return {};
  return Error(Status::Shape,
               "layer '" + name + "' has " + std::to_string(outputs) + " outputs, but " + std::to_string(bias.count) +
                   " biases",
               "give one for each output, or none");
}

/// Adds the pairs that layers read from. Everything is checked before anything is added.
class OperandPairs {
 public:
  OperandPairs(nvinfer1::INetworkDefinition& network, WeightMemory& memory) : network_(network), pairs_(network, memory) {}

  /// Returns the dequantized input of a layer.
  [[nodiscard]] Result<nvinfer1::ITensor*> input(const std::string& name, nvinfer1::ITensor& tensor,
                                                 const InputRange& range) {
    QDQ_TRY(of_layer(name, takes_qdq(network_)));
    QDQ_TRY(of_layer(name, range.amax()));
    const float amax = *range.amax();
    nvinfer1::ITensor*& known = inputs_[{&tensor, amax}];
    if (known != nullptr) return known;
    auto added = pairs_.add(tensor, tensor.getName(), {amax}, no_axis);
    if (added) known = *added;
    return added;
  }

  /// Returns the dequantized input and kernel of a layer whose kernel has its channels along axis `best`.
  [[nodiscard]] Result<Operands> make(const std::string& name, nvinfer1::ITensor& tensor, const InputRange& range,
                                      const nvinfer1::Weights& kernel, const std::vector<std::int64_t>& shape,
                                      std::int32_t best, const WeightRange& weights) {
    QDQ_TRY(of_layer(name, takes_qdq(network_)));
    QDQ_TRY(of_layer(name, range.amax()));
    if (kernel.values == nullptr || kernel.count <= 0 || volume(shape) != kernel.count) {
      return Error(Status::Shape,
                   "layer '" + name + "' cannot have a kernel of " + std::to_string(kernel.count) + " numbers",
                   "give as many as its outputs, groups and window need");
    }
    auto resolved = weights.resolve(TensorView(dtype_of(kernel.type), kernel.values, shape), best);
    QDQ_TRY(of_layer(name, resolved));
    QDQ_TRY_AS(stored, pairs_.constant(shape, kernel, name + ".kernel"));
    QDQ_TRY_AS(dequantized, pairs_.add(**stored, name + ".kernel", resolved->second, resolved->first));
    QDQ_TRY_AS(read, input(name, tensor, range));
    return Operands{*read, *dequantized};
  }

  /// Adds axes of size 1 in front of a tensor's shape, up to a rank: the operands of a product need the same
  /// rank.
  [[nodiscard]] Result<nvinfer1::ITensor*> widen(const std::string& name, nvinfer1::ITensor& tensor,
                                                 const std::vector<std::int64_t>& shape, std::int32_t rank) {
    if (shape.size() == static_cast<std::size_t>(rank)) return &tensor;
    nvinfer1::IShuffleLayer* layer = network_.addShuffle(tensor);
    if (layer == nullptr) return refused_layer(name);
    layer->setReshapeDimensions(dims_of(widened(shape, rank)));
    layer->setName((name + ".kernel_Reshape").c_str());
    return layer->getOutput(0);
  }

  /// Adds a constant of that rank.
  [[nodiscard]] Result<nvinfer1::ITensor*> constant(const std::string& name, const std::vector<std::int64_t>& shape,
                                                    const nvinfer1::Weights& weights, std::int32_t rank) {
    return pairs_.constant(widened(shape, rank), weights, name);
  }

 private:
  static std::vector<std::int64_t> widened(const std::vector<std::int64_t>& shape, std::int32_t rank) {
    std::vector<std::int64_t> wide(static_cast<std::size_t>(rank) - shape.size(), 1);
    wide.insert(wide.end(), shape.begin(), shape.end());
    return wide;
  }

  nvinfer1::INetworkDefinition& network_;
  Pairs pairs_;
  std::map<std::pair<const nvinfer1::ITensor*, float>, nvinfer1::ITensor*> inputs_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
