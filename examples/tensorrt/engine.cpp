// Builds an INT8 engine from a float ONNX model and calibration data in one call: TensorRT 8 to 11 and
// TensorRT-RTX.
// usage: engine LIBRARY PARSER MODEL DATA ENGINE
//
// LIBRARY is libnvinfer or libtensorrt_rtx, and PARSER is its ONNX parser, both of the major version of the
// headers. The program opens them at run time and is linked with neither. DATA is a folder of images, a .npz,
// a .npy or raw data. The engine takes up to 32 samples at once.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <qdq/tensorrt.hpp>

namespace trt = qdq::trt;

// Returns the shapes of the inputs. Only the number of samples is open in them.
static std::vector<trt::InputShapes> shapes(const qdq::Specs& inputs) {
  std::vector<trt::InputShapes> all;
  for (const auto& input : inputs) {
    trt::InputShapes one{std::string(input.name), *input.shape, *input.shape, *input.shape};
    if (one.min.at(0) == qdq::dynamic) {
      one.min[0] = 1;
      one.opt[0] = one.max[0] = 32;
    }
    all.push_back(one);
  }
  return all;
}

static void build(const trt::Library& library, const std::string& path, const std::string& data, const std::string& engine) {
  const auto inputs = qdq::Model::open(path).value().inputs().value();
  auto batches = qdq::Batches::open(inputs, data).value();

  trt::EngineOptions options;
  options.profiles = {shapes(inputs)};
#ifdef TRT_MAJOR_RTX
  // RTX builds for a GPU of this kind. This machine need not have one.
  options.compute_capabilities = {86};
#endif
  trt::build_engine(path, batches, options, library).value().write(engine).value();
}

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: engine LIBRARY PARSER MODEL DATA ENGINE\n");
    return 2;
  }
  try {
    build(trt::Library::open(argv[1], argv[2]).value(), argv[3], argv[4], argv[5]);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "error: %s\n", exception.what());
    return 1;
  }
  return 0;
}
