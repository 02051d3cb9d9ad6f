// The kinds of networks, and their restrictions.
#ifndef QDQ_TENSORRT_DETAIL_NETWORK_KIND_HPP
#define QDQ_TENSORRT_DETAIL_NETWORK_KIND_HPP

#include <string>

#include <NvInfer.h>

#include <qdq/result.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// Returns whether the network leaves the batch out of its shapes.
inline bool has_implicit_batch([[maybe_unused]] const nvinfer1::INetworkDefinition& network) noexcept {
#if QDQ_TRT_HAS_IMPLICIT_BATCH
  QDQ_TRT_DEPRECATED_BEGIN
  return network.hasImplicitBatchDimension();
  QDQ_TRT_DEPRECATED_END
#else
  return false;
#endif
}

/// Returns whether layers compute in the types of their inputs, for any flags of the builder.
inline bool is_strongly_typed([[maybe_unused]] const nvinfer1::INetworkDefinition& network) noexcept {
#if QDQ_TRT_HAS_STRONG_TYPES
  return network.getFlag(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  return QDQ_TRT_STRONGLY_TYPED;
#endif
}

/// Refuses Quantize and Dequantize in a network that leaves the batch out of its shapes.
inline Result<void> takes_qdq(const nvinfer1::INetworkDefinition& network) {
  if (!has_implicit_batch(network)) return {};
  return Error(
      Status::Unsupported,
      "the network leaves the batch out of its shapes, and TensorRT has Quantize and Dequantize only where it is in them",
      "make the network with NetworkDefinitionCreationFlag::kEXPLICIT_BATCH, or give it ranges with "
      "set_dynamic_ranges(), Way::DynamicRange or a calibrator");
}

/// Refuses ranges and calibrators for a strongly typed network.
inline Result<void> takes_ranges(const nvinfer1::INetworkDefinition& network) {
  if (!is_strongly_typed(network)) return {};
  return Error(Status::Unsupported,
               "the network is strongly typed, so that TensorRT neither calibrates it nor takes dynamic ranges",
               "use insert_qdq(), or make the network without NetworkDefinitionCreationFlag::kSTRONGLY_TYPED");
}

}  // namespace qdq::trt::detail

#endif
