// Builds an engine of layers that are quantized when they are added, with TensorRT-RTX: layers LIBRARY ENGINE

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "good.hpp"

namespace {

using namespace qdq;
using nvinfer1::Dims;
using nvinfer1::ITensor;

Dims dims(const std::vector<std::int64_t>& sizes) { return trt::detail::dims_of(sizes); }

// Every weight is a window of these numbers.
const std::vector<float>& numbers() {
  static const auto made = [] {
    std::vector<float> values(1 << 16);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i) * 0.37f);
    return values;
  }();
  return made;
}

nvinfer1::Weights some(std::int64_t count) { return {nvinfer1::DataType::kFLOAT, numbers().data(), count}; }

ITensor& reshape(nvinfer1::INetworkDefinition& network, const char* name, ITensor& input, const Dims& shape) {
  auto* layer = network.addShuffle(input);
  layer->setReshapeDimensions(shape);
  layer->setName(name);
  return *layer->getOutput(0);
}

// The 8 x 8 image becomes 4 x 4 positions of 32 channels, and these attend to each other.
void fill(nvinfer1::INetworkDefinition& network, trt::WeightMemory& memory) {
  trt::QuantizedLayers layers(network, memory);
  const Descriptor per_tensor = good(Descriptor::make().amax(3.0f).build());
  const auto output = [](auto* layer) -> ITensor& { return *layer->getOutput(0); };

  ITensor& x = *network.addInput("x", nvinfer1::DataType::kFLOAT, dims({2, 3, 8, 8}));
  auto* first = good(layers.convolution("conv", x, 1.0f, 32, dims({3, 3}), {some(32 * 3 * 9), some(32)}));
  first->setPaddingNd(dims({1, 1}));
  auto* pooled = good(layers.pooling("pool", output(first), 4.0f, nvinfer1::PoolingType::kMAX, dims({2, 2})));
  pooled->setStrideNd(dims({2, 2}));
  auto* grouped = good(layers.convolution("grouped", output(pooled), 4.0f, 32, dims({1, 1}), {some(32 * 8), some(32)}, 4));
  auto* whole = good(
      layers.convolution("whole", output(grouped), per_tensor, 32, dims({1, 1}), {some(32 * 32), some(32), Descriptor()}));
  auto* up = good(layers.deconvolution("up", output(whole), 4.0f, 8, dims({2, 2}), {some(32 * 8 * 4), some(8)}));
  up->setStrideNd(dims({2, 2}));
  network.markOutput(output(up));

  ITensor& positions = reshape(network, "positions", output(whole), dims({2, 16, 32}));
  auto* queries = good(layers.fully_connected("queries", positions, 4.0f, 32, {some(32 * 32), some(32), Method::Mse}));
  auto* keys = good(layers.matrix_multiply("keys", positions, 4.0f, 32, {some(32 * 32)}));
  auto* scores = good(layers.matrix_multiply("scores", output(queries), 8.0f, nvinfer1::MatrixOperation::kNONE, output(keys),
                                             8.0f, nvinfer1::MatrixOperation::kTRANSPOSE));
  network.markOutput(output(scores));

  ITensor& flat = reshape(network, "flat", output(grouped), dims({2, 512}));
  network.markOutput(output(good(layers.fully_connected("classes", flat, 4.0f, 10, {some(512 * 10), some(10)}))));
}

// Layers that TensorRT-RTX does not have or does not support.
void refused(const trt::Library& library, nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
             const trt::EngineOptions& options, const char* message) {
  const auto result = trt::build_engine(builder, network, options, library);
  if (!result && result.error().text().find(message) != std::string_view::npos) return;
  std::fprintf(stderr, "no error with '%s', but: %s\n", message,
               result ? "an engine" : std::string(result.error().text()).c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto library = good(trt::Library::open(argv[1]));
  trt::detail::Logger logger(nullptr);
  auto builder = good(library.builder(logger));
  trt::Owner<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(0));
  trt::WeightMemory memory;
  fill(*network, memory);
  trt::EngineOptions options;
  options.timing_cache = "cache";
  refused(library, *builder, *network, options, "keeps no timing cache");
  options.timing_cache.clear();
  options.fp16 = true;
  options.precision = PrecisionOptions::make().half_io().build().value();
  refused(library, *builder, *network, options, "cannot change the type of input");
  options.fp16 = false;
  options.precision = PrecisionOptions();
  options.way = trt::Way::DynamicRange;
  const auto given = Ranges::make().value();
  const auto by_ranges = trt::build_engine(*builder, *network, given, options, library);
  if (by_ranges || by_ranges.error().status() != Status::Unsupported) return 1;
  options.compute_capabilities = {1234};
  refused(library, *builder, *network, options, "does not build for one of the compute capabilities given");
  options.compute_capabilities = {86};
  good(good(trt::build_engine(*builder, *network, options, library)).write(argv[2]));
  return 0;
}
