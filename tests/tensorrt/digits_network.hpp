// The network of tests/data/digits/model.onnx, layer by layer. It has the layers, names and weights that
// TensorRT's parser makes of the model.
#ifndef DIGITS_NETWORK_HPP
#define DIGITS_NETWORK_HPP

#include <NvInfer.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include <qdq/model.hpp>

namespace digits {

using namespace nvinfer1;

/// Adds the layers to a network. Owns their weights, which must live until the engine is built.
class Network {
 public:
  Network(INetworkDefinition& network, const qdq::Model& model) : network_(network) {
    Dims4 shape(-1, 1, 8, 8);
    ITensor* input = network_.addInput("input", DataType::kFLOAT, shape);
    ITensor* first = relu(convolution(model, *input, "c1", "27", "28"), "/Relu");
    ITensor* second = relu(convolution(model, *first, "c2", "30", "31"), "/Relu_1");
    ITensor* sum = named(network_.addElementWise(*first, *second, ElementWiseOperation::kSUM), "/Add");
    ITensor* pooled = pool(*sum, PoolingType::kMAX, "/pool/MaxPool");
    pooled = pool(*pooled, PoolingType::kAVERAGE, "/gap/AveragePool");
    auto* flatten = network_.addShuffle(*pooled);
    flatten->setReshapeDimensions(Dims2(-1, 128));
    ITensor* flat = named(flatten, "/Flatten");
#ifdef STANDIN_BASE_H
    // A stand-in infers no shapes. TensorRT allows setting them only on inputs.
    flat->setDimensions(Dims2(-1, 128));
#endif
    ITensor* weights = network_.addConstant(Dims2(10, 128), weights_of(model, "fc.weight"))->getOutput(0);
    weights->setName("fc.weight");
    auto* product = network_.addMatrixMultiply(*flat, MatrixOperation::kNONE, *weights, MatrixOperation::kTRANSPOSE);
    product->setName("/fc/Gemm");
    ITensor* bias = network_.addConstant(Dims2(1, 10), weights_of(model, "fc.bias"))->getOutput(0);
    bias->setName("fc.bias");
    ITensor* logits = network_.addElementWise(*product->getOutput(0), *bias, ElementWiseOperation::kSUM)->getOutput(0);
    logits->setName("logits");
    network_.markOutput(*logits);
  }

 private:
  ITensor& convolution(const qdq::Model& model, ITensor& input, const std::string& name, const char* kernel,
                       const char* bias) {
    auto* layer = network_.addConvolutionNd(input, 32, Dims2(3, 3), weights_of(model, std::string("onnx::Conv_") + kernel),
                                            weights_of(model, std::string("onnx::Conv_") + bias));
    layer->setPaddingNd(Dims2(1, 1));
    return *named(layer, "/" + name + "/Conv");
  }
  ITensor* relu(ITensor& input, const std::string& name) {
    return named(network_.addActivation(input, ActivationType::kRELU), name);
  }
  ITensor* pool(ITensor& input, PoolingType type, const std::string& name) {
    auto* layer = network_.addPoolingNd(input, type, Dims2(2, 2));
    layer->setStrideNd(Dims2(2, 2));
    return named(layer, name);
  }
  static ITensor* named(ILayer* layer, const std::string& name) {
    layer->setName(name.c_str());
    layer->getOutput(0)->setName((name + "_output_0").c_str());
    return layer->getOutput(0);
  }

  Weights weights_of(const qdq::Model& model, const std::string& name) {
    const auto view = weights_.emplace_back(std::move(*model.get_constant(name).value())).view();
    std::int64_t count = 1;
    for (const std::int64_t size : view.shape()) count *= size;
    return {DataType::kFLOAT, view.data(), count};
  }

  INetworkDefinition& network_;
  std::deque<qdq::Array> weights_;
};

}  // namespace digits

#endif
