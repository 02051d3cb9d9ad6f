// Builds the engine of a network that ONNX's parser made, with TensorRT-RTX, in half precision.
// usage: half_network LIBRARY PARSER MODEL DATA FORM ENGINE
//
// FORM is "float16", "mixed-float16", or a format with "-float16" behind it.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "good.hpp"

namespace {

using namespace qdq;

// The statistics and the ranges of every activation of a model.
struct Measured {
  Measured(const std::string& path, const std::string& data) : model(good(Model::open(path))), plan(good(model.plan())) {
    auto batches = good(Batches::open(good(model.inputs()), data));
    stats = good(model.calibrate(plan, batches, true));
    ranges = good(plan.ranges(*stats));
  }
  Model model;
  Plan plan;
  std::optional<Stats> stats;
  std::optional<Ranges> ranges;
};

// Returns one profile: one element along every size that is decided at run time.
std::vector<trt::InputShapes> shapes(const nvinfer1::INetworkDefinition& network) {
  std::vector<trt::InputShapes> all;
  for (int i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor& input = *network.getInput(i);
    auto shape = *trt::detail::shape_of(input.getDimensions());
    std::replace(shape.begin(), shape.end(), dynamic, std::int64_t{1});
    all.push_back({input.getName(), shape, shape, shape});
  }
  return all;
}

// Returns the policy of a form; nothing if it quantizes nothing, or is none.
std::optional<Policy> policy(const std::string& form) {
  auto made = Policy::make();
  made.target(Target::Rtx);
  if (form == "mixed-float16") {
    made.format(Format::Int8Weights).format_of("scores*", Format::Fp8).format_of("context*", Format::Fp8);
    return good(made.build());
  }
  if (form == "int8-float16") return good(made.format(Format::Int8).build());
  if (form == "fp8-float16") return good(made.format(Format::Fp8).build());
  if (form == "int8-weights-float16") return good(made.format(Format::Int8Weights).build());
  if (form == "int4-weights-float16") return good(made.format(Format::Int4Weights).build());
  return std::nullopt;
}

int run(const std::vector<std::string>& given) {
  const auto &model = given[2], &form = given[4];
  const std::optional<Policy> policy = ::policy(form);
  if (form != "float16" && !policy) return 2;
  const auto library = good(trt::Library::open(given[0], given[1]));
  trt::detail::Logger logger(nullptr);
  const auto builder = good(library.builder(logger));
  const auto network = good(trt::detail::new_network(*builder, logger));
  const auto parser = good(library.parser(*network, logger));
  if (!parser->parseFromFile(model.c_str(), 1)) return 1;
  const Measured measured(model, given[3]);
  std::optional<trt::WeightMemory> scales;
  if (policy) {
    const Graph graph = good(trt::describe(*network));
    const Ranges all = good(graph.spread(*measured.ranges));
    const Plan plan = good(graph.plan(*policy, all));
    scales = good(trt::insert_qdq(*network, plan, all, Method::Mse, nullptr, Half::F16));
  }
  const auto halved = good(trt::cast(*network, PrecisionOptions(), *measured.stats, *measured.ranges));
  trt::EngineOptions options;
  options.compute_capabilities = {89};
  options.profiles = {shapes(*network)};
  const auto engine = good(trt::build_engine(*builder, *network, options, library));
  good(engine.write(given[5]));
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc == 7 ? run({argv + 1, argv + argc}) : 2; }
