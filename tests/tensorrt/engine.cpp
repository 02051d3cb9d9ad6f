// Builds engines with TensorRT-RTX, which needs no GPU for that: engine LIBRARY PARSER WAY MODEL DATA ENGINE
//
// WAY is "model" for an engine of the unchanged model (DATA is not read), "batches" and "ranges" for a
// calibrated engine, "half" for one whose other layers compute in float16, and "network" for Quantize and
// Dequantize inserted into the network that TensorRT's parser makes of the float model. Prints the plan's
// activations for both descriptions of the model, so that they can be compared.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "good.hpp"

namespace {

using namespace qdq;

// Returns 1, 2 and 4 for every dynamic dimension.
std::vector<trt::InputShapes> shapes(const Specs& inputs) {
  std::vector<trt::InputShapes> all;
  for (const auto& input : inputs) {
    trt::InputShapes one{std::string(input.name), *input.shape, *input.shape, *input.shape};
    for (std::size_t axis = 0; axis < one.min.size(); ++axis) {
      if (one.min[axis] != dynamic) continue;
      one.min[axis] = 1;
      one.opt[axis] = 2;
      one.max[axis] = 4;
    }
    all.push_back(one);
  }
  return all;
}

// Prints the quantized tensors of a plan: activations by name, weights by number and axis count.
void print(const char* from, const Graph& graph, const Plan& plan) {
  std::set<std::string> names;
  for (const auto& activation : plan.activations()) names.insert(std::string(graph.tensors().at(activation.tensor).name));
  std::size_t per_channel = 0;
  for (const auto& weight : plan.weights()) per_channel += weight.axis != no_axis;
  std::printf("%s: %zu weights, %zu per channel\n", from, plan.weights().size(), per_channel);
  for (const auto& name : names) std::printf("%s: %s\n", from, name.c_str());
}

Stats calibrate(const Model& model, const Plan& plan, const char* data, const RunOptions& run) {
  auto batches = good(Batches::open(good(model.inputs()), data));
  return good(model.calibrate(plan, batches, false, run));
}

trt::Engine from_network(const trt::Library& library, const char* path, const Ranges& ranges, trt::EngineOptions& options) {
  trt::detail::Logger logger(nullptr);
  auto builder = good(library.builder(logger));
  trt::Owner<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(0));
  auto parser = good(library.parser(*network, logger));
  if (!parser->parseFromFile(path, 1)) std::exit(1);
  std::vector<std::string> outputs;
  for (int i = 0; i < network->getNbOutputs(); ++i) outputs.emplace_back(network->getOutput(i)->getName());

  const Graph graph = good(trt::describe(*network));
  print("network", graph, good(graph.plan(options.policy, good(graph.spread(ranges)))));
  auto engine = good(trt::build_engine(*builder, *network, ranges, options, library));
  for (int i = 0; i < network->getNbOutputs(); ++i) {
    if (outputs.at(static_cast<std::size_t>(i)) != network->getOutput(i)->getName()) std::exit(1);
  }
  return engine;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const std::string way = argv[3];
  const char* const path = argv[4];
  const auto library = good(trt::Library::open(argv[1], argv[2]));
  const auto model = good(Model::open(path));

  trt::EngineOptions options;
  options.profiles = {shapes(good(model.inputs()))};
  options.compute_capabilities = {86};
  options.run = good(RunOptions::make().runtime(Runtime::Auto).build());
  if (way == "model") {
    good(good(trt::build_engine(path, options, library)).write(argv[6]));
    return 0;
  }
  if (way == "batches" || way == "half") {
    options.fp16 = way == "half";
    auto batches = good(Batches::open(good(model.inputs()), argv[5]));
    good(good(trt::build_engine(path, batches, options, library)).write(argv[6]));
    return 0;
  }
  const auto plan = good(model.plan());
  const auto ranges = good(plan.ranges(calibrate(model, plan, argv[5], options.run)));
  if (way == "ranges") {
    good(good(trt::build_engine(path, ranges, options, library)).write(argv[6]));
    return 0;
  }
  print("model", good(model.graph()), plan);
  good(from_network(library, path, ranges, options).write(argv[6]));
  return 0;
}
