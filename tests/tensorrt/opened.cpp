// A program that opens TensorRT at run time uses calibrators without linking it: opened LIBRARY
#include <cstdio>

#include <qdq/tensorrt/calibrator.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  class Logger : public nvinfer1::ILogger {
    void log(Severity, const char* text) noexcept override { std::puts(text); }
  } logger;
  const auto library = qdq::trt::Library::open(argv[1]).value();
  const auto builder = library.builder(logger).value();
  const qdq::trt::Owner<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(1));
  nvinfer1::Dims dims{};
  dims.nbDims = 1;
  dims.d[0] = 2;
  network->addInput("x", nvinfer1::DataType::kFLOAT, dims);
  auto ranges = qdq::Ranges::make().value();
  ranges.set("x", 1.0f).value();
  const auto calibrator = qdq::trt::EntropyCalibrator2::from_ranges(*network, ranges, {}, library).value();
  std::size_t size = 0;
  const void* cache = calibrator->readCalibrationCache(size);
  std::printf("%.*s", static_cast<int>(size), static_cast<const char*>(cache));
}
