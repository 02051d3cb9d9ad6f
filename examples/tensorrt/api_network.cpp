// Builds an INT8 engine from a network that is made with TensorRT's API, without an ONNX file: on TensorRT
// 8.5 to 11 and TensorRT-RTX, with a GPU.
//
// TensorRT 11 calibrates nothing, and qdq runs ONNX models only. So the float engine of the network itself
// provides the activations. The tensors that the plan needs become outputs of this engine. Statistics of
// these outputs become the ranges.
//
// usage: api_network SAMPLES ENGINE. SAMPLES are raw floats, 1 * 8 * 8 for each sample.
#include <cuda_runtime_api.h>
#include <qdq/tensorrt.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace trt = qdq::trt;

class Logger : public nvinfer1::ILogger {
  void log(Severity severity, const char* message) noexcept override {
    if (severity <= Severity::kWARNING) std::fprintf(stderr, "%s\n", message);
  }
};

constexpr std::size_t sample_size = 8 * 8;
// The flag for an explicit batch, in versions that have the choice.
constexpr unsigned network_flags = NV_TENSORRT_MAJOR == 8 || NV_TENSORRT_MAJOR == 9 ? 1U : 0U;

// Gives a layer and its tensor a name. Plan and ranges refer to layers and tensors by name.
static nvinfer1::ITensor& named(nvinfer1::ILayer* layer, const char* name) {
  layer->setName(name);
  layer->getOutput(0)->setName(name);
  return *layer->getOutput(0);
}

static void make_network(nvinfer1::INetworkDefinition& network, const std::vector<float>& kernel) {
  using nvinfer1::DataType;
  auto* x = network.addInput("x", DataType::kFLOAT, nvinfer1::Dims4{1, 1, 8, 8});
  const nvinfer1::Weights weights{DataType::kFLOAT, kernel.data(), static_cast<int64_t>(kernel.size())};
  const nvinfer1::Weights none{DataType::kFLOAT, nullptr, 0};
  auto& conv = named(network.addConvolutionNd(*x, 4, nvinfer1::Dims2{3, 3}, weights, none), "conv");
  network.markOutput(named(network.addActivation(conv, nvinfer1::ActivationType::kRELU), "relu"));
}

// Runs a float engine sample by sample and returns the values of its tensors.
class Run {
 public:
  explicit Run(nvinfer1::ICudaEngine& engine) : context_(engine.createExecutionContext()) {
    for (int i = 0; i < engine.getNbIOTensors(); ++i) {
      const char* name = engine.getIOTensorName(i);
      const auto shape = context_->getTensorShape(name);
      Tensor& tensor = tensors_[name];
      tensor.shape.assign(shape.d, shape.d + shape.nbDims);
      std::size_t count = 1;
      for (const int64_t size : tensor.shape) count *= static_cast<std::size_t>(size);
      tensor.values.resize(count);
      cudaMalloc(&tensor.device, count * sizeof(float));
      context_->setTensorAddress(name, tensor.device);
    }
  }
  ~Run() {
    for (auto& [name, tensor] : tensors_) cudaFree(tensor.device);
  }

  void observe(const float* sample, qdq::Stats& stats) {
    const Tensor& x = tensors_.at("x");
    cudaMemcpy(x.device, sample, x.values.size() * sizeof(float), cudaMemcpyHostToDevice);
    if (!context_->enqueueV3(nullptr) || cudaStreamSynchronize(nullptr) != cudaSuccess) throw std::runtime_error("no run");
    for (auto& [name, tensor] : tensors_) {
      cudaMemcpy(tensor.values.data(), tensor.device, tensor.values.size() * sizeof(float), cudaMemcpyDeviceToHost);
      stats.observe(name, qdq::TensorView(tensor.values.data(), tensor.shape)).value();
    }
  }

 private:
  struct Tensor {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
    void* device = nullptr;
  };
  trt::Owner<nvinfer1::IExecutionContext> context_;
  std::map<std::string, Tensor> tensors_;
};

static qdq::Ranges measured(nvinfer1::IBuilder& builder, nvinfer1::ILogger& logger, const std::vector<float>& kernel,
                            const std::vector<float>& samples) {
  const trt::Owner<nvinfer1::INetworkDefinition> network(builder.createNetworkV2(network_flags));
  make_network(*network, kernel);
  const auto plan = trt::describe(*network).value().plan().value();
  // The tensors that the plan needs become outputs. Inputs are seen anyway.
  for (const auto tap : plan.taps()) {
    for (int i = 0; i < network->getNbLayers(); ++i) {
      nvinfer1::ITensor* tensor = network->getLayer(i)->getOutput(0);
      if (tensor->getName() == tap && !tensor->isNetworkOutput()) network->markOutput(*tensor);
    }
  }
  const auto engine = trt::build_engine(builder, *network).value();
  const trt::Owner<nvinfer1::IRuntime> runtime(nvinfer1::createInferRuntime(logger));
  const trt::Owner<nvinfer1::ICudaEngine> loaded(runtime->deserializeCudaEngine(engine.data(), engine.size()));
  Run run(*loaded);
  qdq::Stats stats;
  for (std::size_t i = 0; i + sample_size <= samples.size(); i += sample_size) run.observe(&samples[i], stats);
  return plan.ranges(stats, qdq::Method::Mse).value();
}

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s SAMPLES ENGINE\n", argv[0]), 2;
  try {
    std::vector<float> kernel(4 * 9);
    for (std::size_t i = 0; i < kernel.size(); ++i) kernel[i] = std::sin(static_cast<float>(i));
    std::ifstream file(argv[1], std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<float> samples(bytes.size() / sizeof(float));
    std::copy_n(bytes.data(), samples.size() * sizeof(float), reinterpret_cast<char*>(samples.data()));

    Logger logger;
    const auto builder = trt::Library::linked().builder(logger).value();
    const auto ranges = measured(*builder, logger, kernel, samples);
    // The same network once more, without the outputs for the measurement.
    const trt::Owner<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(network_flags));
    make_network(*network, kernel);
    trt::build_engine(*builder, *network, ranges).value().write(argv[2]).value();
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
