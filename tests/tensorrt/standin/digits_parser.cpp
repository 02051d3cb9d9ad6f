// The ONNX parser of the stand-ins, to be linked into a test. It knows one model, tests/data/digits/model.onnx: the layers
// are those that TensorRT's parser makes of it, with its names and its weights.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <cstdint>
#include <deque>
#include <string>

#include <qdq/model.hpp>

using namespace nvinfer1;

namespace {

class DigitsParser final : public nvonnxparser::IParser {
 public:
  explicit DigitsParser(INetworkDefinition& network) : network_(network) {}

  bool parse(const void*, std::size_t, const char*) STANDIN_NOEXCEPT override { return false; }
  bool parseFromFile(const char* path, int) STANDIN_NOEXCEPT override {
    auto model = qdq::Model::open(path);
    if (!model || !model->constant("onnx::Conv_27").value()) return false;
    add(*model);
    return true;
  }
  bool supportsOperator(const char*) const STANDIN_NOEXCEPT override { return true; }
#if !STANDIN_AT_LEAST(10, 0)
  void destroy() STANDIN_NOEXCEPT override { delete this; }
#endif
  int getNbErrors() const STANDIN_NOEXCEPT override { return 0; }
  const nvonnxparser::IParserError* getError(int) const STANDIN_NOEXCEPT override { return nullptr; }
  void clearErrors() STANDIN_NOEXCEPT override {}

 private:
  void add(const qdq::Model& model) {
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
    flat->setDimensions(Dims2(-1, 128));
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
    const auto view = weights_.emplace_back(std::move(*model.constant(name).value())).view();
    std::int64_t count = 1;
    for (const std::int64_t size : view.shape()) count *= size;
    return {DataType::kFLOAT, view.data(), count};
  }

  INetworkDefinition& network_;
  std::deque<qdq::Value> weights_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) void* createNvOnnxParser_INTERNAL(
    void* network, void*, int) STANDIN_NOEXCEPT {
  return static_cast<nvonnxparser::IParser*>(new DigitsParser(*static_cast<INetworkDefinition*>(network)));
}
