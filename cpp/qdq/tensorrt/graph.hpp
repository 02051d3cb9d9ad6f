// A TensorRT network as qdq's graph.
#ifndef QDQ_TENSORRT_GRAPH_HPP
#define QDQ_TENSORRT_GRAPH_HPP

#include <utility>

#include <qdq/tensorrt/detail/network.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// Describes the network as a graph, so that Graph::plan() decides which parts of it are quantized. The
/// network is not changed.
///
/// Tensors and nodes have the names of the network's tensors and layers. A layer has the ONNX operator that
/// it computes. The kernel that a convolution stores is the constant "<layer>.kernel". Layers in the body of
/// a loop or a branch are described as foreign operators, which stay in float.
///
/// Fails if two tensors have the same name.
[[nodiscard]] inline Result<Graph> describe(const nvinfer1::INetworkDefinition& network) {
  QDQ_TRY_AS(described, detail::Network::describe(network));
  return std::move(described->graph);
}

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
