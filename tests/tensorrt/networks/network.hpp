// Networks of the stand-in, and functions that inspect them.
#ifndef NETWORK_HPP
#define NETWORK_HPP

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "../../cpp/check.hpp"

namespace net {

using namespace qdq;
using nvinfer1::DataType;
using nvinfer1::Dims;
using nvinfer1::ILayer;
using nvinfer1::INetworkDefinition;
using nvinfer1::ITensor;
using nvinfer1::LayerType;
using nvinfer1::Weights;

// Keeps its messages.
class Logger : public nvinfer1::ILogger {
 public:
  std::string said;
#if QDQ_TRT_MAJOR >= 8
  void log(Severity, const char* message) noexcept override { said += std::string(message) + "\n"; }
#else
  void log(Severity, const char* message) override { said += std::string(message) + "\n"; }
#endif
};

inline Dims dims(const std::vector<std::int64_t>& sizes) { return trt::detail::dims_of(sizes); }

inline const Weights no_weights{DataType::kFLOAT, nullptr, 0};

// Returns numbers between -1 and 1, all different.
inline std::vector<float> numbers(std::size_t count, float step = 0.37f) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sin(static_cast<float>(i + 1) * step);
  return values;
}

inline Weights weights(const std::vector<float>& values) {
  return {DataType::kFLOAT, values.data(), static_cast<std::int64_t>(values.size())};
}

/// A builder, a network of explicit batch or with other flags, and a logger.
struct Made {
  explicit Made(nvinfer1::NetworkDefinitionCreationFlags flags = 1U)
      : builder(trt::Library::linked().builder(logger).value()), owned(builder->createNetworkV2(flags)), network(*owned) {}

  ITensor& input(const char* name, const std::vector<std::int64_t>& shape, DataType type = DataType::kFLOAT) {
    return *network.addInput(name, type, dims(shape));
  }
  /// Sets the name of a layer and of its output.
  template <typename Layer>
  Layer& named(const std::string& name, Layer* layer) {
    layer->setName(name.c_str());
    layer->getOutput(0)->setName(name.c_str());
    return *layer;
  }
  nvinfer1::IConvolutionLayer& conv(const std::string& name, ITensor& input, int maps, const std::vector<float>& kernel,
                                    int window = 3) {
    return named(name, network.addConvolutionNd(input, maps, dims({window, window}), weights(kernel), no_weights));
  }
  ITensor& constant(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
    return *named(name, network.addConstant(dims(shape), weights(values))).getOutput(0);
  }
  ILayer& relu(const std::string& name, ITensor& input) {
    return named(name, network.addActivation(input, nvinfer1::ActivationType::kRELU));
  }

  Logger logger;
  trt::Owner<nvinfer1::IBuilder> builder;
  trt::Owner<INetworkDefinition> owned;
  INetworkDefinition& network;
};

inline ITensor& out(ILayer& layer) { return *layer.getOutput(0); }

inline ILayer* find(const INetworkDefinition& network, std::string_view name) {
  for (int i = 0; i < network.getNbLayers(); ++i) {
    if (network.getLayer(i)->getName() == name) return network.getLayer(i);
  }
  return nullptr;
}

inline ILayer* producer(const INetworkDefinition& network, const ITensor* tensor) {
  for (int i = 0; i < network.getNbLayers(); ++i) {
    ILayer* layer = network.getLayer(i);
    for (int o = 0; o < layer->getNbOutputs(); ++o) {
      if (layer->getOutput(o) == tensor) return layer;
    }
  }
  return nullptr;
}

inline int count(const INetworkDefinition& network, LayerType type) {
  int found = 0;
  for (int i = 0; i < network.getNbLayers(); ++i) found += network.getLayer(i)->getType() == type;
  return found;
}

inline Ranges ranges(const std::map<std::string, float>& all) {
  auto made = Ranges::make().value();
  for (const auto& [name, amax] : all) made.set(name, amax).value();
  return made;
}

inline Plan planned(const INetworkDefinition& network, const Ranges& given) {
  const Graph graph = trt::describe(network).value();
  return graph.plan(Policy(), graph.spread(given).value()).value();
}

#if QDQ_TRT_HAS_QDQ
/// A pair of Quantize and Dequantize.
struct Pair {
  ITensor* source = nullptr;  ///< The quantized tensor, before a cast if there is one.
  std::int32_t axis = -1;
  int scale_rank = -1;
  std::vector<float> scales;
};

/// Returns the pair before an input of a layer. It has no source if there is no pair.
inline Pair pair_of(const INetworkDefinition& network, const ILayer& reader, int input) {
  const auto past_cast = [&](ITensor* tensor) {
    ILayer* layer = producer(network, tensor);
#if QDQ_TRT_HAS_CAST
    if (layer != nullptr && layer->getType() == LayerType::kCAST) return layer->getInput(0);
#endif
    static_cast<void>(layer);
    return tensor;
  };
  const auto* dequantize = producer(network, past_cast(reader.getInput(input)));
  if (dequantize == nullptr || dequantize->getType() != LayerType::kDEQUANTIZE) return {};
  const auto* quantize = producer(network, dequantize->getInput(0));
  CHECK(quantize != nullptr && quantize->getType() == LayerType::kQUANTIZE);
  CHECK(quantize->getInput(1) == dequantize->getInput(1));
  CHECK(quantize->getOutput(0)->getType() == DataType::kINT8);
  Pair pair;
  pair.source = past_cast(quantize->getInput(0));
  pair.axis = static_cast<const nvinfer1::IQuantizeLayer*>(quantize)->getAxis();
  CHECK_EQ(pair.axis, static_cast<const nvinfer1::IDequantizeLayer*>(dequantize)->getAxis());
#if QDQ_TRT_QDQ_HAS_TYPE
  CHECK(static_cast<const nvinfer1::IQuantizeLayer*>(quantize)->getToType() == DataType::kINT8);
  CHECK(static_cast<const nvinfer1::IDequantizeLayer*>(dequantize)->getToType() == DataType::kFLOAT);
#endif
  const auto* scale = static_cast<const nvinfer1::IConstantLayer*>(producer(network, quantize->getInput(1)));
  pair.scale_rank = scale->getDimensions().nbDims;
  const Weights stored = scale->getWeights();
  const auto* values = static_cast<const float*>(stored.values);
  pair.scales.assign(values, values + stored.count);
  return pair;
}

/// Whether an input is quantized like an activation.
inline bool is_activation(const Pair& pair, const ITensor& source, float amax) {
  return CHECK(pair.source == &source) && CHECK_EQ(pair.scale_rank, 0) && CHECK_EQ(pair.axis, -1) &&
         CHECK_EQ(pair.scales.size(), std::size_t{1}) && CHECK_EQ(pair.scales[0], int8_scale(amax));
}

/// Whether an input is quantized like these weights, along an axis.
inline bool is_weight(const Pair& pair, const TensorView& values, std::int32_t axis, RangeMethod method = Method::Mse) {
  const auto amax = weights_amax(values, axis, method).value();
  std::vector<float> scales;
  for (const float one : amax.values()) scales.push_back(int8_scale(one));
  return CHECK(pair.source != nullptr) && CHECK_EQ(pair.scale_rank, axis == no_axis ? 0 : 1) &&
         CHECK_EQ(pair.axis, axis == no_axis ? -1 : axis) && CHECK(pair.scales == scales);
}
#endif

}  // namespace net

#endif
