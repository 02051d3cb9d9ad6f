// The types of the quantized numbers of a network.
#ifndef QDQ_TENSORRT_DETAIL_QUANTIZED_TYPES_HPP
#define QDQ_TENSORRT_DETAIL_QUANTIZED_TYPES_HPP

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// The types of quantized numbers that the layers of a network compute with.
struct QuantizedTypes {
  bool int8 = false;
  bool fp8 = false;
};

/// Returns the types that the Quantize and Dequantize layers of a network have.
inline QuantizedTypes quantized_types(const nvinfer1::INetworkDefinition& network) {
  QuantizedTypes found;
  static_cast<void>(network);
#if QDQ_TRT_HAS_QDQ
  for (int i = 0; i < network.getNbLayers(); ++i) {
    const nvinfer1::ILayer& layer = *network.getLayer(i);
    const bool quantizes = layer.getType() == nvinfer1::LayerType::kQUANTIZE;
    if (!quantizes && layer.getType() != nvinfer1::LayerType::kDEQUANTIZE) continue;
    const DType stored = dtype_of((quantizes ? layer.getOutput(0) : layer.getInput(0))->getType());
    found.int8 = found.int8 || stored == DType::I8;
    found.fp8 = found.fp8 || stored == DType::E4M3;
  }
#endif
  return found;
}

}  // namespace qdq::trt::detail

#endif
