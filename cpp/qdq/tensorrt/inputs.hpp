// The inputs of a network, which calibration data must fit.
#ifndef QDQ_TENSORRT_INPUTS_HPP
#define QDQ_TENSORRT_INPUTS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <NvInfer.h>

#include <qdq/specs.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/detail/types.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// An input of a network, with the shape that TensorRT reads in one batch.
struct Input {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;  ///< Contains qdq::dynamic if no profile decides.
  bool has_samples;                 ///< Whether the first axis counts samples.
};

namespace detail {

inline std::vector<std::int64_t> sizes(const nvinfer1::Dims& dims) {
  return shape_of(dims).value_or(std::vector<std::int64_t>());
}

inline bool is_dynamic(const std::vector<std::int64_t>& shape) noexcept {
  for (const std::int64_t size : shape) {
    if (size < 0) return true;
  }
  return false;
}

// Samples are along the first axis of the inputs whose first axis is open or, if no input has one, of all
// inputs. If these differ in the number of samples, or one has no axis, samples cannot be told apart.
inline void mark_samples(std::vector<Input>& inputs, const std::vector<bool>& is_open) {
  bool any_open = false;
  for (const bool open : is_open) any_open = any_open || open;
  const Input* first = nullptr;
  bool agree = true;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs[i];
    input.has_samples = is_open[i] || !any_open;
    if (!input.has_samples) continue;
    if (first == nullptr) first = &input;
    agree = agree && !input.shape.empty() && !first->shape.empty() && input.shape[0] == first->shape[0];
  }
  for (Input& input : inputs) input.has_samples = input.has_samples && agree;
}

}  // namespace detail

/// Returns the inputs of a network.
///
/// A size that is decided at run time is the optimal size of the calibration profile, with which TensorRT
/// calibrates; without a profile it stays qdq::dynamic. A network of TensorRT 7 to 9 that leaves the batch
/// out of its shapes gets `batch_size` in front of them.
[[nodiscard]] inline Result<std::vector<Input>> network_inputs(const nvinfer1::INetworkDefinition& network,
                                                               const nvinfer1::IOptimizationProfile* profile = nullptr,
                                                               std::int64_t batch_size = 1) {
  std::vector<Input> inputs;
  std::vector<bool> is_open;
  const bool is_implicit = detail::has_implicit_batch(network);
  for (std::int32_t i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor* tensor = network.getInput(i);
    if (tensor == nullptr) continue;
    Input input{tensor->getName(), detail::dtype_of(tensor->getType()), detail::sizes(tensor->getDimensions()), false};
    if (is_implicit) input.shape.insert(input.shape.begin(), batch_size);
    is_open.push_back(is_implicit || (!input.shape.empty() && input.shape[0] < 0));
    if (profile != nullptr && detail::is_dynamic(input.shape)) {
      const auto optimal = detail::sizes(profile->getDimensions(input.name.c_str(), nvinfer1::OptProfileSelector::kOPT));
      if (optimal.size() != input.shape.size() || detail::is_dynamic(optimal)) {
        return Error(Status::Shape,
                     "the profile has no optimal shape for input " + detail::quote(input.name) + " " +
                         detail::shape_text(input.shape),
                     "give the profile that the network is calibrated with, with dimensions for every such input");
      }
      input.shape = optimal;
    }
    inputs.push_back(std::move(input));
  }
  detail::mark_samples(inputs, is_open);
  return inputs;
}

/// Returns the inputs of a network as specs for opening batches.
///
/// The first axis is left open if it counts samples: batches may hold any number of samples, because a
/// calibrator combines them to the batches that the network reads.
[[nodiscard]] inline Result<Specs> inputs(const nvinfer1::INetworkDefinition& network,
                                          const nvinfer1::IOptimizationProfile* profile = nullptr) {
  QDQ_TRY_AS(found, network_inputs(network, profile));
  auto specs = Specs::make();
  for (Input& input : *found) {
    if (input.has_samples) input.shape[0] = dynamic;
    specs.add(input.name, input.dtype, input.shape);
  }
  return specs.build();
}

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
