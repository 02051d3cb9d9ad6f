// quantize(): the cache or the batches of a user's calibrator become Quantize and Dequantize.
#include <map>
#include <string>

#include <qdq/tensorrt.hpp>

#include "../cpp/digits.hpp"
#include "calibration.hpp"

using trt::CalibratedModel;

// A calibrator with `count` batches of 8 images in device memory.
class Images : public nvinfer1::IInt8MinMaxCalibrator {
 public:
  explicit Images(int count) : count_(count) {}

  std::string cache;
  int next = 0;
  bool forgets = false;  // To set the pointer.

  int32_t getBatchSize() const noexcept override { return 8; }
  bool getBatch(void* bindings[], const char* names[], int32_t count) noexcept override {
    CHECK(count == 1 && std::string(names[0]) == "input");
    if (next == count_) return false;
    const Floats pixels = digits::images(8 * next++);
    if (!forgets) bindings[0] = batch_.upload("input", {pixels.data(), {8, 1, 8, 8}}).value();
    return true;
  }
  const void* readCalibrationCache(std::size_t& length) noexcept override {
    length = cache.size();
    return cache.empty() ? nullptr : cache.data();
  }
  void writeCalibrationCache(const void* bytes, std::size_t length) noexcept override {
    cache.assign(static_cast<const char*>(bytes), length);
  }

 private:
  int count_;
  trt::DeviceBatch batch_ = trt::DeviceBatch::make().value();
};

// The network of the digits model, with an optimization profile for images.
struct Digits {
  Digits() {
    gpu().reset();
    gpu().protect(1);
    builder.reset(nvinfer1::createInferBuilder(logger));
    network.reset(builder->createNetworkV2(1));
    parser.reset(nvonnxparser::createParser(*network, logger));
    CHECK(parser->parseFromFile(source.model.c_str(), 1));
    auto* profile = builder->createOptimizationProfile();
    profile->setDimensions("input", nvinfer1::OptProfileSelector::kOPT, dims({8, 1, 8, 8}));
    source.profile = profile;
  }
  // Returns the scales of the Quantize layers after activations, by the name of the activation.
  std::map<std::string, float> scales() const {
    std::map<std::string, float> all;
    for (int i = 0; i < network->getNbLayers(); ++i) {
      const nvinfer1::ILayer* layer = network->getLayer(i);
      if (layer->getType() != nvinfer1::LayerType::kQUANTIZE) continue;
      for (const auto* constant : network->standin.layers) {
        if (constant->getNbOutputs() == 0 || constant->getOutput(0) != layer->getInput(1)) continue;
        const auto weights = static_cast<const nvinfer1::IConstantLayer*>(constant)->getWeights();
        if (weights.count == 1) all[layer->getInput(0)->getName()] = *static_cast<const float*>(weights.values);
      }
    }
    return all;
  }

  Logger logger;
  trt::Owner<nvinfer1::IBuilder> builder;
  trt::Owner<nvinfer1::INetworkDefinition> network;
  trt::Owner<nvonnxparser::IParser> parser;
  CalibratedModel source{digits::path("model.onnx"), nullptr};
};

TEST(batches_are_measured_and_leave_a_cache) {
  std::map<std::string, float> measured;
  Images images(4);
  {
    Digits digits;
    auto scales = trt::quantize(*digits.network, images, digits.source);
    if (!CHECK_GOOD(scales)) return;
    CHECK_EQ(images.next, 4);
    measured = digits.scales();
  }
  // The same images through qdq alone.
  const auto model = digits::model();
  const auto plan = model.plan().value();
  auto batches = Batches::from_callback(*model.inputs(), digits::source(4)).value();
  const auto ranges = plan.ranges(*model.calibrate(plan, batches, true), qdq::Method::Mse).value();
  CHECK(measured.size() == 3 && measured.count("input") == 1 && measured.count("/Relu_output_0") == 1);
  for (const auto& [name, scale] : measured) CHECK_EQ(scale, qdq::int8_scale(*ranges.get(name)));

  const auto cache = qdq::Cache::from_bytes(qdq::Bytes(images.cache.data(), images.cache.size())).value();
  CHECK_EQ(cache.tensorrt_version(), static_cast<std::uint32_t>(NV_TENSORRT_VERSION));
  CHECK(cache.algorithm() == qdq::Algorithm::MinMax);
  CHECK_EQ(cache.size(), ranges.size());

  Digits second;
  auto scales = trt::quantize(*second.network, images, second.source);
  CHECK_GOOD(scales);
  CHECK_EQ(images.next, 4);
  CHECK(second.scales() == measured);
}

TEST(a_cache_needs_neither_model_nor_gpu) {
  Images images(0);
  images.cache = "TRT-7103-EntropyCalibration2\ninput: 3c010a14\n/Relu_output_0: 3d010a14\n";
  Digits digits;
  const int calls = gpu().calls(nullptr);
  auto scales = trt::quantize(*digits.network, images);
  CHECK_GOOD(scales);
  CHECK_EQ(gpu().calls(nullptr), calls);
  const auto all = digits.scales();
  CHECK(all.size() == 2 && all.count("input") == 1 && all.count("/Relu_output_0") == 1);
}

#if QDQ_TRT_QDQ_HAS_TYPE && !QDQ_TRT_RTX
// RTX runs the convolutions of 8-bit floats in float.
TEST(the_ranges_of_a_calibrator_serve_8_bit_floats) {
  Images images(0);
  images.cache = "TRT-7103-EntropyCalibration2\ninput: 3c010a14\n/Relu_output_0: 3d010a14\n";
  Digits digits;
  trt::EngineOptions options;
  options.policy = qdq::Policy::make().format(qdq::Format::Fp8).build().value();
  const auto scales = trt::quantize(*digits.network, images, {}, options);
  if (!CHECK_GOOD(scales)) return;
  const auto cache = qdq::Cache::from_bytes(qdq::Bytes(images.cache.data(), images.cache.size())).value();
  const auto ranges = cache.to_ranges().value();
  const auto all = digits.scales();
  CHECK_EQ(all.size(), std::size_t{2});
  for (const auto& [name, scale] : all) CHECK_EQ(scale, qdq::format_scale(qdq::Format::Fp8, *ranges.get(name)));
}
#endif

TEST(a_cache_for_a_part_says_what_stays_in_float) {
  Images images(0);
  images.cache = "TRT-7103-EntropyCalibration2\ninput: 3c010a14\n";
  Digits digits;
  trt::EngineOptions options;
  options.logger = &digits.logger;
  const auto scales = trt::quantize(*digits.network, images, {}, options);
  if (!CHECK_GOOD(scales)) return;
  std::size_t quantized = 0;
  for (const auto& decision : scales->plan().decisions()) quantized += decision.verdict == qdq::Verdict::Quantized;
  CHECK_EQ(quantized, std::size_t{1});
  if (CHECK_EQ(scales->findings().size(), std::size_t{1})) {
    const auto finding = scales->findings()[0].at(0);
    CHECK(finding.severity == qdq::Severity::Warning && finding.message.substr(0, 12) == "no range for");
  }
  Digits second;
  options.policy = qdq::Policy::make().min_quantized(0.9f).build().value();
  CHECK_FAILS(trt::quantize(*second.network, images, {}, options), Status::Data, "which is less than the least share");
}

TEST(what_cannot_be_quantized_says_why) {
  Images images(1);
  Digits digits;
  const int layers = digits.network->getNbLayers();
  CHECK_FAILS(trt::quantize(*digits.network, images), Status::InvalidArgument, "has no cache, and no model is given");
  CHECK_FAILS(trt::quantize(*digits.network, images, {digits.source.model, nullptr}), Status::InvalidArgument,
              "CalibratedModel::profile");
  CHECK_FAILS(trt::quantize(*digits.network, images, {"none.onnx", digits.source.profile}), Status::Io, "none.onnx");
  images.forgets = true;
  CHECK_FAILS(trt::quantize(*digits.network, images, digits.source), Status::Callback, "no device memory for input 'input'");
  images.forgets = false;
  images.next = 0;
  gpu().fail("cuMemcpyDtoH_v2", 1, 700);
  CHECK_FAILS(trt::quantize(*digits.network, images, digits.source), Status::TensorRt, "cuMemcpyDtoH failed");
  Images none(0);
  CHECK_FAILS(trt::quantize(*digits.network, none, digits.source), Status::Data, "");
  images.cache = "no cache at all";
  CHECK_FAILS(trt::quantize(*digits.network, images), Status::Format, "not the header");
  images.cache = "TRT-8501-EntropyCalibration2\nanother_network: 3c010a14\n";
  CHECK_FAILS(trt::quantize(*digits.network, images), Status::Data, "none of the ranges belongs to a tensor");
  CHECK_EQ(digits.network->getNbLayers(), layers);
}
