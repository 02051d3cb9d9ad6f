// Builds the INT8 engine of a float model, runs it on the GPU and compares it with ONNX Runtime.
// usage: gpu LIBRARY PARSER WAY MODEL DATA CACHE
//
// WAY is "entropy2", "entropy", "minmax" or "legacy" for TensorRT's measurement by that calibrator, which
// writes the file CACHE; "handed" for a calibrator with ranges that qdq measured; "dynamic" for the same
// ranges as dynamic ranges; "qdq" for Quantize and Dequantize in the ONNX model; "network" for the same nodes
// inserted into the network. PARSER may be "none": then MODEL is digits, whose network is made layer by
// layer, and WAY is not "qdq". The environment variable QDQ_ONNXRUNTIME names ONNX Runtime. Prints one line
// of figures. The exit status is 0 if they are good enough.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../digits_network.hpp"
#include "execution.hpp"

namespace {

using namespace qdq;

constexpr std::int64_t batch_size = 4;

// The accepted loss of an engine against the Q/DQ model in ONNX Runtime, in dB. Explicit Q/DQ has the same
// arithmetic, except for the order of sums and TF32. With implicit ranges TensorRT quantizes more than the
// Q/DQ plan, such as the inputs of Add. TensorRT's own calibrators also clip.
const std::map<std::string, double> margins = {{"qdq", 3.0},     {"network", 3.0}, {"handed", 12.0},   {"dynamic", 12.0},
                                               {"minmax", 15.0}, {"legacy", 20.0}, {"entropy2", 20.0}, {"entropy", 20.0}};

struct Arguments {
  std::string library, parser, way, model, data, cache;
};

Batches open(const Model& model, const std::string& data) {
  return good(Batches::open(good(model.inputs()), data, good(DataOptions::make().batch_size(batch_size).build())));
}

// Returns one sample up to a batch for every dynamic dimension, optimized for a batch.
std::vector<trt::InputShapes> shapes(const Specs& inputs) {
  std::vector<trt::InputShapes> all;
  for (const auto& input : inputs) {
    trt::InputShapes one{std::string(input.name), *input.shape, *input.shape, *input.shape};
    std::replace(one.min.begin(), one.min.end(), dynamic, std::int64_t{1});
    std::replace(one.opt.begin(), one.opt.end(), dynamic, batch_size);
    std::replace(one.max.begin(), one.max.end(), dynamic, batch_size);
    all.push_back(std::move(one));
  }
  return all;
}

// The float model, the ranges of all its activations, and the SQNR of its Q/DQ model in ONNX Runtime.
struct Reference {
  RunOptions run = good(RunOptions::make().runtime(qdq::Runtime::OnnxRuntime).build());
  Model model;
  Plan plan;
  Ranges ranges;
  double sqnr_db;

  Reference(const std::string& path, const std::string& data)
      : model(good(Model::open(path))), plan(good(model.plan())), ranges(calibrated(data)), sqnr_db(quantized(data)) {}

 private:
  Ranges calibrated(const std::string& data) {
    auto batches = open(model, data);
    return good(plan.ranges(good(model.calibrate(plan, batches, true, run))));
  }
  double quantized(const std::string& data) {
    auto batches = open(model, data);
    const auto comparison = good(model.compare(good(model.quantize(plan, ranges)), batches, false, run));
    return comparison.tensors().at(0).sqnr_db;
  }
};

// The engine must describe its layers. Its layers need no libraries but TensorRT's own: the Python package of
// 8.5 contains neither cuDNN nor cuBLAS.
void configure(nvinfer1::IBuilder&, nvinfer1::INetworkDefinition&, nvinfer1::IBuilderConfig& config) {
  config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
#if QDQ_TRT_MAJOR < 10
  nvinfer1::TacticSources sources = config.getTacticSources();
  for (auto source : {nvinfer1::TacticSource::kCUBLAS, nvinfer1::TacticSource::kCUBLAS_LT, nvinfer1::TacticSource::kCUDNN}) {
    sources &= ~(nvinfer1::TacticSources{1} << static_cast<unsigned>(source));
  }
  config.setTacticSources(sources);
#endif
}

// A builder with the float network, and all objects that must live until an engine is built of it.
class Float {
 public:
  Float(const Arguments& given, const trt::Library& library, const Model& model) : builder_(good(library.builder(logger_))) {
    network_ = good(trt::detail::new_network(*builder_, logger_));
    if (given.parser == "none") {
      by_hand_.emplace(*network_, model);
      return;
    }
    parser_ = good(library.parser(*network_, logger_));
    if (!parser_->parseFromFile(given.model.c_str(), 1)) std::exit(1);
  }

  [[nodiscard]] nvinfer1::IBuilder& builder() { return *builder_; }
  [[nodiscard]] nvinfer1::INetworkDefinition& network() { return *network_; }

 private:
  trt::detail::Logger logger_{nullptr};
  std::optional<digits::Network> by_hand_;
  trt::Owner<nvinfer1::IBuilder> builder_;
  trt::Owner<nvinfer1::INetworkDefinition> network_;
  trt::Owner<nvonnxparser::IParser> parser_;
};

#if QDQ_TRT_HAS_CALIBRATOR
const nvinfer1::IOptimizationProfile& calibrate_with(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
                                                     const std::vector<trt::InputShapes>& inputs) {
  auto* profile = builder.createOptimizationProfile();
  for (const auto& input : inputs) {
    const auto shape = dims(input.opt);
    for (auto selector :
         {nvinfer1::OptProfileSelector::kMIN, nvinfer1::OptProfileSelector::kOPT, nvinfer1::OptProfileSelector::kMAX}) {
      profile->setDimensions(input.input.c_str(), selector, shape);
    }
  }
  QDQ_TRT_DEPRECATED_BEGIN
  config.setCalibrationProfile(profile);
  config.setFlag(nvinfer1::BuilderFlag::kINT8);
  QDQ_TRT_DEPRECATED_END
  return *profile;
}

// Builds the engine with the calibrator that `make` makes of the network and the options of calibrators.
template <typename Make>
trt::Engine by_calibrator(const Arguments& given, const trt::Library& library, trt::EngineOptions& options,
                          const Reference& reference, Make make) {
  Float source(given, library, reference.model);
  decltype(make(source.network(), trt::CalibratorOptions())) calibrator;
  options.configure = [&](auto& builder, auto& network, auto& config) {
    configure(builder, network, config);
    const auto& profile = calibrate_with(builder, config, options.profiles[0]);
    calibrator = make(network, good(trt::CalibratorOptions::make().profile(profile).cache_file(given.cache).build()));
    QDQ_TRT_DEPRECATED_BEGIN
    config.setInt8Calibrator(calibrator.get());
    QDQ_TRT_DEPRECATED_END
  };
  auto engine = trt::build_engine(source.builder(), source.network(), options, library);
  if (const Error* failure = calibrator ? calibrator->failure() : nullptr) {
    good(Result<void>(Error(failure->status(), failure->message(), failure->remedy())));
  }
  return good(std::move(engine));
}

// TensorRT measures and writes a cache. A second build reads the cache and needs no data.
template <typename Calibrator>
trt::Engine measured(const Arguments& given, const trt::Library& library, trt::EngineOptions& options,
                     const Reference& reference) {
  std::remove(given.cache.c_str());
  by_calibrator(given, library, options, reference, [&](auto& network, const trt::CalibratorOptions& calibration) {
    return good(Calibrator::from_batches(network, open(reference.model, given.data), calibration, library));
  });
  std::string header;
  std::getline(std::ifstream(given.cache), header);
  std::printf("%s: the cache begins with '%s'\n", given.way.c_str(), header.c_str());

  return by_calibrator(given, library, options, reference, [&](auto& network, const trt::CalibratorOptions& calibration) {
    auto none = good(Batches::from_callback(good(reference.model.inputs()), [](Batch&) -> Result<bool> {
      return Error(Status::Data, "TensorRT calibrates again, although the cache is there", "see what the calibrator logs");
    }));
    return good(Calibrator::from_batches(network, std::move(none), calibration, library));
  });
}
#endif

trt::Engine build(const Arguments& given, const trt::Library& library, trt::EngineOptions& options,
                  const Reference& reference) {
  if (given.way == "qdq") return good(trt::build_engine(given.model, reference.ranges, options, library));
#if QDQ_TRT_HAS_CALIBRATOR
  if (given.way == "entropy2") return measured<trt::EntropyCalibrator2>(given, library, options, reference);
  if (given.way == "entropy") return measured<trt::EntropyCalibrator>(given, library, options, reference);
  if (given.way == "minmax") return measured<trt::MinMaxCalibrator>(given, library, options, reference);
  if (given.way == "legacy") return measured<trt::LegacyCalibrator>(given, library, options, reference);
  if (given.way == "handed") {
    return by_calibrator(given, library, options, reference, [&](auto& network, const trt::CalibratorOptions& calibration) {
      return good(trt::EntropyCalibrator2::from_ranges(network, reference.ranges, calibration, library));
    });
  }
  if (given.way == "dynamic") options.way = trt::Way::DynamicRange;
#endif
  Float source(given, library, reference.model);
  return good(trt::build_engine(source.builder(), source.network(), reference.ranges, options, library));
}

// Returns the SQNR of the engine's first output against the float model in ONNX Runtime.
double judge(Execution& execution, const Reference& reference, const std::string& data) {
  auto session = good(Session::open(reference.model, reference.run));
  auto batches = open(reference.model, data);
  double signal = 0.0, noise = 0.0;
  while (auto batch = good(batches.next())) {
    const Batch expected = good(session.run(*batch)), got = execution.run(*batch);
    const auto wanted = expected.at(0);
    for (auto [name, tensor] : got) {
      if (name != wanted.name) continue;
      std::size_t count = 1;
      for (auto size : wanted.tensor.shape()) count *= static_cast<std::size_t>(size);
      const auto* x = static_cast<const float*>(wanted.tensor.data());
      const auto* y = static_cast<const float*>(tensor.data());
      for (std::size_t i = 0; i < count; ++i) {
        signal += double{x[i]} * x[i];
        noise += (double{x[i]} - y[i]) * (double{x[i]} - y[i]);
      }
    }
  }
  return 10.0 * std::log10(signal / noise);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 || margins.count(argv[3]) == 0) return 2;
  const Arguments given{argv[1], argv[2], argv[3], argv[4], argv[5], argv[6]};
  const auto library = good(trt::Library::open(given.library, given.parser == "none" ? "" : given.parser));
  const Reference reference(given.model, given.data);

  trt::EngineOptions options;
  options.profiles = {shapes(good(reference.model.inputs()))};
  options.run = good(RunOptions::make().runtime(qdq::Runtime::OnnxRuntime).build());
  options.configure = configure;
  const trt::Engine engine = build(given, library, options, reference);

  trt::detail::Logger logger(nullptr);
  Execution execution(given.library, logger, engine);
  const std::size_t int8 = execution.int8_layers();
  const double sqnr_db = judge(execution, reference, given.data);
  std::printf("%s: %.1f dB, %.1f dB with Q/DQ in ONNX Runtime; INT8 in %zu of %zu layers\n", given.way.c_str(), sqnr_db,
              reference.sqnr_db, int8, execution.layers());
#if QDQ_TRT_RTX
  const EngineCost cost = good(EngineCost::from_bytes(Bytes(engine.data(), engine.size())));
#else
  const EngineCost cost = execution.cost();
#endif
  const Buffer table = good(cost.to_text());
  std::printf("%s", std::string(table.text()).c_str());
  return int8 == 0 || cost.bytes() == 0 || !(sqnr_db >= reference.sqnr_db - margins.at(given.way));
}
