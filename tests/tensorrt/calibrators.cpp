// Calibrators that feed TensorRT: batches of host and device pointers, through the pointer to TensorRT's own
// class.
#include "calibration.hpp"

using trt::CalibratorOptions;
using trt::EntropyCalibrator2;

template <typename Calibrator>
static void check_calibrator(nvinfer1::CalibrationAlgoType algorithm, const std::string& name) {
  const std::string path = check::folder("each") + "/model.cache";
  Build build;
  build.input("x", {2, 2});
  const auto options = build.options().cache_file(path).build().value();
  const auto inputs = trt::inputs(build.network()).value();
  {
    auto calibrator = Calibrator::from_batches(build.network(), counting(inputs, {2, 2}), options).value();
    nvinfer1::IInt8Calibrator* base = calibrator.get();
    CHECK(base->getAlgorithm() == algorithm);
    CHECK_EQ(base->getBatchSize(), 1);
    CHECK(build.run(base));
    CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4}, {5, 6, 7, 8}}));
    CHECK(calibrator->failure() == nullptr);
    CHECK(build.logger.has('I', "there is no calibration cache 'each/model.cache' yet"));
    CHECK(build.logger.has('I', "has read 2 batches"));
    CHECK(build.logger.has('W', "finds no scale"));
    CHECK_EQ(content(path), "TRT-" + std::to_string(NV_TENSORRT_VERSION) + "-" + name + "\nx: 3d810204\n");
    // A second build with it uses the cache of the first one, even without the file.
    std::filesystem::remove(path);
    CHECK(build.run(base));
    CHECK(build.seen("x").empty());
  }
  CHECK(gpu().is_clean());
}

TEST(each_calibrator_feeds_batches_and_writes_its_cache) {
  using Type = nvinfer1::CalibrationAlgoType;
  check_calibrator<EntropyCalibrator2>(Type::kENTROPY_CALIBRATION_2, "EntropyCalibration2");
  check_calibrator<trt::EntropyCalibrator>(Type::kENTROPY_CALIBRATION, "EntropyCalibration");
  check_calibrator<trt::MinMaxCalibrator>(Type::kMINMAX_CALIBRATION, "MinMaxCalibration");
  check_calibrator<trt::LegacyCalibrator>(Type::kLEGACY_CALIBRATION, "LegacyCalibration");
}

TEST(batches_of_any_size_become_those_that_tensorrt_reads) {
  for (const std::vector<int>& sizes : std::vector<std::vector<int>>{{5}, {1, 1, 1, 1, 1}, {2, 2, 1}, {3, 2}, {4, 1}}) {
    Build build;
    build.input("x", {2, 2});
    auto calibrator = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), sizes),
                                                       *build.options().build());
    CHECK(build.run(calibrator->get()));
    CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 9, 10}}));
    CHECK(build.logger.has('W', "the last batch has 1 samples, but TensorRT reads 2: 1 are filled up"));
  }
}

TEST(a_short_batch_repeats_all_of_its_samples) {
  Build build;
  build.input("x", {5, 2});
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}),
                                                     *build.options().build());
  CHECK(build.run(calibrator->get()));
  CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4, 1, 2, 3, 4, 1, 2}}));
  CHECK(build.logger.has('W', "3 are filled up"));
}

TEST(files_lose_no_sample) {
  const std::string path = check::folder("files") + "/x.bin";
  const Floats values = {1, 2, 3, 4, 5, 6};
  put(path, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  Build build;
  build.input("x", {2, 2});
  auto batches = Batches::open(*trt::inputs(build.network()), path);
  if (!CHECK_GOOD(batches)) return;
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), std::move(*batches));
  CHECK(build.run(calibrator->get()));
  CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4}, {5, 6, 5, 6}}));
}

// Two inputs of different kinds: "x" with samples, "scale" with 1 number per sample or for all.
static Batches pairs(const Specs& inputs, int scales) {
  int next = 0;
  return Batches::from_callback(inputs,
                                [=](Batch& batch) mutable -> Result<bool> {
                                  if (next++ == 2) return false;
                                  const Floats scale(static_cast<std::size_t>(scales), static_cast<float>(next));
                                  const Floats x = {1, 2, 3, 4};
                                  // The order differs from that of the network.
                                  auto set = batch.set("scale", {scale.data(), {scales}});
                                  if (set) set = batch.set("x", {x.data(), {2, 2}});
                                  if (!set) return std::move(set).error();
                                  return true;
                                })
      .value();
}

TEST(several_inputs_in_any_order) {
  for (const int scales : {2, 1}) {
    Build build;
    build.input("x", {2, 2}).input("scale", {scales});
    const auto inputs = trt::inputs(build.network()).value();
    CHECK((inputs.at(0).shape == std::vector<std::int64_t>{scales == 2 ? qdq::dynamic : 2, 2}));
    auto calibrator = EntropyCalibrator2::from_batches(build.network(), pairs(inputs, scales)).value();
    CHECK(build.run(calibrator.get()));
    CHECK(build.seen("x") == (std::vector<Floats>(2, {1, 2, 3, 4})));
    const auto count = static_cast<std::size_t>(scales);
    CHECK((build.seen("scale") == std::vector<Floats>{Floats(count, 1), Floats(count, 2)}));
  }
  // TensorRT may ask for inputs in any order, and for fewer.
  Build build;
  build.input("x", {2, 2}).input("scale", {2});
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), pairs(*trt::inputs(build.network()), 2)).value();
  const char* names[] = {"scale", "x"};
  void* pointers[] = {nullptr, nullptr};
  float value = 0;
  CHECK(calibrator->getBatch(pointers, names, 2));
  CHECK(read_device(&value, static_cast<float*>(pointers[1]) + 3, sizeof value));
  CHECK_EQ(value, 4.0f);
  CHECK(calibrator->getBatch(pointers, names, 1));
  CHECK(read_device(&value, pointers[0], sizeof value));
  CHECK_EQ(value, 2.0f);
}

TEST(dynamic_shapes_take_a_profile) {
  Build build;
  build.input("x", {-1, -1});
  auto& profile = build.profile("x", {3, 2});
  const auto options = build.options().profile(profile).build().value();
  const auto inputs = trt::inputs(build.network(), &profile).value();
  CHECK((inputs.at(0).shape == std::vector<std::int64_t>{qdq::dynamic, 2}));
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), counting(inputs, {2, 1}), options);
  CHECK(build.run(calibrator->get()));
  CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4, 5, 6}}));

  const auto none = EntropyCalibrator2::from_batches(build.network(), counting(inputs, {2}));
  CHECK_FAILS(none, Status::Unsupported, "input 'x', f32 [?, ?], cannot be fed");
  CHECK_FAILS(none, Status::Unsupported, "give the calibration profile");
  auto& other = build.profile("y", {3, 2});
  const auto wrong = EntropyCalibrator2::from_batches(build.network(), counting(inputs, {2}),
                                                      *build.options().profile(other).build());
  CHECK_FAILS(wrong, Status::Shape, "the profile has no optimal shape for input 'x' [?, ?]");
}

#if QDQ_TRT_HAS_IMPLICIT_BATCH
TEST(an_implicit_batch_is_put_in_front) {
  Build build(0);
  build.input("x", {2});
  const auto inputs = trt::network_inputs(build.network(), nullptr, 3).value();
  CHECK((inputs.at(0).shape == std::vector<std::int64_t>{3, 2}));
  auto calibrator = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {4}),
                                                     *build.options().batch_size(3).build());
  CHECK_EQ((*calibrator)->getBatchSize(), 3);
  CHECK(build.run(calibrator->get()));
  CHECK(build.seen("x") == (std::vector<Floats>{{1, 2, 3, 4, 5, 6}, {7, 8, 7, 8, 7, 8}}));
}
#endif

TEST(device_pointers_go_through_as_they_are) {
  Build build;
  build.input("x", {2, 2});
  nvinfer1::standin::read_device = [](void* to, const void* from, std::size_t size) {
    std::memcpy(to, from, size);
    return true;
  };
  Floats memory = {1, 2, 3, 4};
  int left = 2;
  auto calibrator = trt::MinMaxCalibrator::from_device(build.network(), [&](trt::Bindings& batch) {
    if (left-- == 0) return false;
    memory[0] += 10;
    CHECK_EQ(batch.inputs()[0].name, "x");
    CHECK_GOOD(batch.set("x", memory.data()));
    return true;
  });
  CHECK(build.run(calibrator->get()));
  CHECK(build.seen("x") == (std::vector<Floats>{{11, 2, 3, 4}, {21, 2, 3, 4}}));
  CHECK_EQ(gpu().calls(nullptr), 0);
}

TEST(options_are_checked) {
  CHECK_FAILS(CalibratorOptions::make().batch_size(0).build(), Status::InvalidArgument, "a batch size of 0");
  CHECK_FAILS(CalibratorOptions::make().quantile(1.5).build(), Status::InvalidArgument, "a quantile of 1.5");
  CHECK_FAILS(CalibratorOptions::make().regression_cutoff(-1).build(), Status::InvalidArgument, "a regression cutoff of -1");
}

TEST(the_legacy_calibrator_has_more_to_say) {
  const std::string path = check::folder("legacy") + "/histogram";
  Build build;
  build.input("x", {2, 2});
  const auto options = build.options().quantile(0.5).regression_cutoff(0.25).histogram_file(path).build().value();
  auto made = trt::LegacyCalibrator::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}), options);
  nvinfer1::IInt8LegacyCalibrator* calibrator = made->get();
  CHECK_EQ(calibrator->getQuantile(), 0.5);
  CHECK_EQ(calibrator->getRegressionCutoff(), 0.25);
  std::size_t size = 1;
  CHECK(calibrator->readHistogramCache(size) == nullptr);
  CHECK_EQ(size, std::size_t{0});
  calibrator->writeHistogramCache("a\0b", 3);
  CHECK_EQ(content(path), std::string("a\0b", 3));
  auto again = trt::LegacyCalibrator::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}), options);
  const auto* bytes = static_cast<const char*>((*again)->readHistogramCache(size));
  CHECK_EQ(std::string(bytes, size), std::string("a\0b", 3));
}
