// Builds a TensorRT-RTX engine from an ONNX model on a machine without a GPU.
//
// usage: build_engine LIBRARY PARSER SM MODEL ENGINE [MIN OPT MAX]
//
// LIBRARY and PARSER are the paths of libtensorrt_rtx.so.1 and libtensorrt_onnxparser_rtx.so.1. SM is the
// compute capability to build for (75, 80, 86, 89, 120 or 121). Every dynamic dimension ranges from MIN over
// OPT to MAX (1 2 4 if they are not given). Exit status: 0 built, 1 TensorRT refused the model, 2 could not
// run.

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

namespace {

class Logger : public nvinfer1::ILogger {
  void log(Severity severity, nvinfer1::AsciiChar const* message) noexcept override {
    char const* label = severity == Severity::kINTERNAL_ERROR ? "internal error"
                        : severity == Severity::kERROR        ? "error"
                        : severity == Severity::kWARNING      ? "warning"
                                                              : nullptr;
    if (label != nullptr) {
      std::cerr << label << ": " << message << '\n';
    }
  }
};

void* open(char const* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    std::cerr << "cannot open " << path << ": " << dlerror() << '\n';
    std::exit(2);
  }
  return library;
}

template <typename Function>
Function symbol(void* library, char const* name) {
  void* address = dlsym(library, name);
  if (address == nullptr) {
    std::cerr << "symbol " << name << " is missing: " << dlerror() << '\n';
    std::exit(2);
  }
  return reinterpret_cast<Function>(address);
}

nvinfer1::Dims fill_dynamic(nvinfer1::Dims dims, int value) {
  for (int i = 0; i < dims.nbDims; ++i) {
    dims.d[i] = dims.d[i] < 0 ? value : dims.d[i];
  }
  return dims;
}

bool is_dynamic(nvinfer1::Dims const& dims) {
  for (int i = 0; i < dims.nbDims; ++i) {
    if (dims.d[i] < 0) {
      return true;
    }
  }
  return false;
}

int refused(char const* stage) {
  std::cerr << "refused: " << stage << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 9) {
    std::cerr << "usage: build_engine LIBRARY PARSER SM MODEL ENGINE [MIN OPT MAX]\n";
    return 2;
  }
  void* library = open(argv[1]);
  void* parser_library = open(argv[2]);
  auto create_builder = symbol<void* (*)(void*, int32_t)>(library, "createInferBuilder_INTERNAL");
  auto create_parser = symbol<void* (*)(void*, void*, int)>(parser_library, "createNvOnnxParser_INTERNAL");

  Logger logger;
  std::unique_ptr<nvinfer1::IBuilder> builder{
      static_cast<nvinfer1::IBuilder*>(create_builder(&logger, NV_TENSORRT_VERSION))};
  if (!builder) {
    std::cerr << "the library gives no builder\n";
    return 2;
  }
  std::unique_ptr<nvinfer1::INetworkDefinition> network{builder->createNetworkV2(0)};
  std::unique_ptr<nvonnxparser::IParser> parser{
      static_cast<nvonnxparser::IParser*>(create_parser(network.get(), &logger, NV_ONNX_PARSER_VERSION))};
  if (!parser->parseFromFile(argv[4], static_cast<int>(nvinfer1::ILogger::Severity::kWARNING))) {
    for (int i = 0; i < parser->getNbErrors(); ++i) {
      auto const* error = parser->getError(i);
      std::cerr << "parser: node '" << error->nodeName() << "' (" << error->nodeOperator() << "): " << error->desc() << '\n';
    }
    return refused("parse");
  }

  std::unique_ptr<nvinfer1::IBuilderConfig> config{builder->createBuilderConfig()};
  config->setNbComputeCapabilities(1);
  config->setComputeCapability(static_cast<nvinfer1::ComputeCapability>(std::atoi(argv[3])), 0);

  int const range[3] = {argc == 9 ? std::atoi(argv[6]) : 1, argc == 9 ? std::atoi(argv[7]) : 2,
                        argc == 9 ? std::atoi(argv[8]) : 4};
  auto* profile = builder->createOptimizationProfile();
  bool dynamic = false;
  for (int i = 0; i < network->getNbInputs(); ++i) {
    auto const* input = network->getInput(i);
    auto const dims = input->getDimensions();
    if (is_dynamic(dims)) {
      dynamic = true;
      profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMIN, fill_dynamic(dims, range[0]));
      profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kOPT, fill_dynamic(dims, range[1]));
      profile->setDimensions(input->getName(), nvinfer1::OptProfileSelector::kMAX, fill_dynamic(dims, range[2]));
    }
  }
  if (dynamic) {
    config->addOptimizationProfile(profile);
  }

  std::unique_ptr<nvinfer1::IHostMemory> engine{builder->buildSerializedNetwork(*network, *config)};
  if (!engine) {
    return refused("build");
  }
  std::ofstream file{argv[5], std::ios::binary};
  file.write(static_cast<char const*>(engine->data()), static_cast<std::streamsize>(engine->size()));
  file.close();
  if (!file) {
    std::cerr << "cannot write " << argv[5] << '\n';
    return 2;
  }
  return 0;
}
