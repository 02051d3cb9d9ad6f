// The kernels that layers store. Kernels that are tensors are not included.
#ifndef QDQ_TENSORRT_DETAIL_KERNEL_HPP
#define QDQ_TENSORRT_DETAIL_KERNEL_HPP

#include <cstdint>
#include <optional>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/operators.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {
// Fully connected layers are deprecated from TensorRT 8.4 on, but networks may have them up to 9.
QDQ_TRT_DEPRECATED_BEGIN

/// A kernel's numbers and its shape as a tensor.
struct Kernel {
  nvinfer1::Weights weights;
  std::vector<std::int64_t> shape;
};

// Makes a kernel of the shape [first, the rest per window, window…].
inline std::optional<Kernel> kernel(const nvinfer1::Weights& weights, std::vector<std::int64_t> window, std::int64_t first,
                                    std::int64_t second) {
  if (weights.count == 0 || weights.values == nullptr) return std::nullopt;
  const std::int64_t per_window = weights.count / volume(window);
  if (first == 0) first = second == 0 ? 0 : per_window / second;
  if (first == 0) return std::nullopt;
  std::vector<std::int64_t> shape{first, per_window / first};
  shape.insert(shape.end(), window.begin(), window.end());
  return Kernel{weights, std::move(shape)};
}

/// Returns the kernel that a layer stores; nothing if it has none or reads it from an input.
inline std::optional<Kernel> kernel_of(const nvinfer1::ILayer& layer) {
  using nvinfer1::LayerType;
  if (layer.getNbInputs() > 1 && layer.getInput(1) != nullptr) return std::nullopt;
  switch (layer.getType()) {
    case LayerType::kCONVOLUTION: {
      const auto& conv = as<nvinfer1::IConvolutionLayer>(layer);
      return kernel(conv.getKernelWeights(), *shape_of(conv.getKernelSizeNd()), conv.getNbOutputMaps(), 0);
    }
    case LayerType::kDECONVOLUTION: {
      const auto& conv = as<nvinfer1::IDeconvolutionLayer>(layer);
      return kernel(conv.getKernelWeights(), *shape_of(conv.getKernelSizeNd()), 0,
                    conv.getNbOutputMaps() / conv.getNbGroups());
    }
#if QDQ_TRT_HAS_IMPLICIT_BATCH
    case LayerType::kFULLY_CONNECTED: {
      const auto& full = as<nvinfer1::IFullyConnectedLayer>(layer);
      return kernel(full.getKernelWeights(), {}, full.getNbOutputChannels(), 0);
    }
#endif
    default: return std::nullopt;
  }
}

#if QDQ_TRT_HAS_QDQ
// Copies the settings that convolutions and transposed convolutions share, except the kernel.
template <typename Layer>
Layer* with_window_of(const Layer& from, Layer* to) {
  if (to == nullptr) return nullptr;
  to->setStrideNd(from.getStrideNd());
  to->setPrePadding(from.getPrePadding());
  to->setPostPadding(from.getPostPadding());
  to->setPaddingMode(from.getPaddingMode());
  to->setDilationNd(from.getDilationNd());
  to->setNbGroups(from.getNbGroups());
  return to;
}

/// Adds a copy of a layer that stores its kernel. The copy must read the kernel from its second input. NULL
/// if TensorRT refuses.
///
/// A copy is necessary because TensorRT removes neither a kernel nor a bias from a layer.
inline nvinfer1::ILayer* copy_without_kernel(nvinfer1::INetworkDefinition& network, const nvinfer1::ILayer& layer,
                                             bool with_bias) {
  using nvinfer1::LayerType;
  nvinfer1::ITensor& input = *layer.getInput(0);
  switch (layer.getType()) {
    case LayerType::kCONVOLUTION: {
      const auto& conv = as<nvinfer1::IConvolutionLayer>(layer);
      const nvinfer1::Weights none{conv.getKernelWeights().type, nullptr, 0};
      return with_window_of(conv, network.addConvolutionNd(input, conv.getNbOutputMaps(), conv.getKernelSizeNd(), none,
                                                           with_bias ? conv.getBiasWeights() : none));
    }
    case LayerType::kDECONVOLUTION: {
      const auto& conv = as<nvinfer1::IDeconvolutionLayer>(layer);
      const nvinfer1::Weights none{conv.getKernelWeights().type, nullptr, 0};
      return with_window_of(conv, network.addDeconvolutionNd(input, conv.getNbOutputMaps(), conv.getKernelSizeNd(), none,
                                                             with_bias ? conv.getBiasWeights() : none));
    }
#if QDQ_TRT_HAS_IMPLICIT_BATCH
    case LayerType::kFULLY_CONNECTED: {
      const auto& full = as<nvinfer1::IFullyConnectedLayer>(layer);
      const nvinfer1::Weights none{full.getKernelWeights().type, nullptr, 0};
      return network.addFullyConnected(input, full.getNbOutputChannels(), none, with_bias ? full.getBiasWeights() : none);
    }
#endif
    default: return nullptr;
  }
}
#endif  // QDQ_TRT_HAS_QDQ

QDQ_TRT_DEPRECATED_END
}  // namespace qdq::trt::detail

#endif
