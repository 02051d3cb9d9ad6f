// Calibrators with a cache: from ranges, from a cache, and from a file that is matching, stale, damaged or
// incomplete.
#include "calibration.hpp"

using trt::EntropyCalibrator2;
using trt::MinMaxCalibrator;

static const std::string version = std::to_string(NV_TENSORRT_VERSION);

static std::string given(nvinfer1::IInt8Calibrator& calibrator) {
  std::size_t size = 99;
  const void* bytes = calibrator.readCalibrationCache(size);
  if (bytes == nullptr) return size == 0 ? "nothing" : "no bytes, but a size";
  return std::string(static_cast<const char*>(bytes), size);
}

static qdq::Cache cache(const std::string& text) { return qdq::Cache::from_bytes(text).value(); }

TEST(ranges_need_no_calibration) {
  Build build;
  build.input("x", {2, 2});
  auto ranges = qdq::Ranges::make("mse").value();
  CHECK_GOOD(ranges.set("x", 1.0f));
  CHECK_GOOD(ranges.set("x_relu", 127.0f));
  auto first = EntropyCalibrator2::from_ranges(build.network(), ranges, *build.options().build());
  CHECK_EQ(given(**first), "TRT-" + version + "-EntropyCalibration2\nx: 3c010204\nx_relu: 3f800000\n");
  CHECK(build.run(first->get()));
  CHECK(build.seen("x").empty());
  CHECK(build.logger.lines.empty());
  auto second = trt::LegacyCalibrator::from_ranges(build.network(), ranges);
  CHECK_EQ(given(**second), "TRT-" + version + "-LegacyCalibration\nx: 3c010204\nx_relu: 3f800000\n");

  auto other = qdq::Ranges::make().value();
  CHECK_GOOD(other.set("y", 1.0f));
  CHECK_FAILS(EntropyCalibrator2::from_ranges(build.network(), other), Status::Data, "none of the cache's tensors: 'y'");
}

TEST(a_cache_gets_the_header_of_its_reader) {
  Build build;
  build.input("x", {2, 2});
  const auto old = cache("TRT-7000-MinMaxCalibration\nx: 3c010204\n");
  auto calibrator = EntropyCalibrator2::from_cache(build.network(), old, *build.options().build());
  CHECK_EQ(given(**calibrator), "TRT-" + version + "-EntropyCalibration2\nx: 3c010204\n");
  CHECK(build.logger.has('I', "header 'TRT-7000-MinMaxCalibration' becomes 'TRT-" + version + "-EntropyCalibration2'"));
  CHECK(build.logger.has('W', "without INT8: 'x_relu'"));
  CHECK_FAILS(EntropyCalibrator2::from_cache(build.network(), cache("TRT-7000-MinMaxCalibration\nx: 7fc00000\n")),
              Status::Data, "the scale is NaN: 'x'");
}

TEST(a_builder_that_does_not_take_the_cache_gets_no_batches) {
  Build build;
  build.input("x", {2, 2});
  auto made = EntropyCalibrator2::from_cache(build.network(), cache("TRT-7000-MinMaxCalibration\nx: 3c010204\n"),
                                             *build.options().build());
  auto& calibrator = **made;
  const char* names[] = {"x"};
  void* pointers[] = {nullptr};
  CHECK(!calibrator.getBatch(pointers, names, 1));
  CHECK(pointers[0] == nullptr);
  CHECK(build.logger.has('E', "it did not take the cache"));
  if (CHECK(calibrator.failure() != nullptr)) CHECK(calibrator.failure()->status() == Status::Data);
  calibrator.writeCalibrationCache("TRT-1-A\n", 8);
  CHECK(build.logger.has('E', "the calibration cache is not written, because the calibration failed"));
}

// A build with a cache file of this text, and the result of the calibrator.
struct WithFile {
  explicit WithFile(const std::string& text, bool allow_reheading = false) : path(check::folder("file") + "/model.cache") {
    put(path, text);
    build.input("x", {2, 2});
    const auto options = build.options().cache_file(path).allow_reheading(allow_reheading).build().value();
    auto made = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}), options);
    calibrator = std::move(made).value();
    read = given(*calibrator);
    good = build.run(calibrator.get());
    calibrated = !build.seen("x").empty();
  }
  bool has(char severity, const std::string& part) const { return build.logger.has(severity, part); }

  std::string path;
  Build build;
  std::unique_ptr<EntropyCalibrator2> calibrator;
  std::string read;
  bool good = false;
  bool calibrated = false;
};

static const std::string header = "TRT-" + version + "-EntropyCalibration2\n";

TEST(a_file_that_fits_saves_the_calibration) {
  const WithFile file(header + "x: 3c010204\nx_relu: 3c010204\n");
  CHECK(file.good && !file.calibrated);
  CHECK_EQ(file.read, header + "x: 3c010204\nx_relu: 3c010204\n");
  CHECK(file.has('I', "is given the calibration cache 'file/model.cache' and does not calibrate"));
  CHECK(!file.has('W', ""));
  CHECK_EQ(gpu().calls(nullptr), 0);
}

TEST(a_file_with_something_missing_is_used_with_a_warning) {
  const WithFile file(header + "x: 3c010204\nold: 3c010204\n");
  CHECK(file.good && !file.calibrated);
  CHECK(file.has('W', "without INT8: 'x_relu'"));
  CHECK(file.has('I', "no such tensor; the line has no effect: 'old'"));
}

static void check_unused(const std::string& text, const std::string& why) {
  const WithFile file(text);
  CHECK_EQ(file.read, "nothing");
  CHECK(file.good && file.calibrated);
  CHECK(file.calibrator->failure() == nullptr);
  CHECK(file.has('W', "the calibration cache 'file/model.cache' is not used"));
  if (!CHECK(file.has('W', why))) {
    for (const auto& line : file.build.logger.lines) std::fprintf(stderr, "  %s\n", line.c_str());
  }
  CHECK_EQ(content(file.path), header + "x: 3d010204\n");
}

TEST(a_file_that_does_not_fit_is_not_used) {
  check_unused("TRT-7000-EntropyCalibration2\nx: 3c010204\n",
               "its header is 'TRT-7000-EntropyCalibration2', not 'TRT-" + version + "-EntropyCalibration2'");
  check_unused("TRT-7000-EntropyCalibration2\nx: 3c010204\n", "allow_reheading()");
  check_unused("TRT-" + version + "-MinMaxCalibration\nx: 3c010204\n", "MinMaxCalibration', not");
  check_unused("TRT-" + version + "-OtherCalibration\nx: 3c010204\n", "OtherCalibration', not");
  check_unused(header + "x: 3c01\ny 12\n", "model.cache:3: no ': ' between name and scale");
  check_unused(header, "the cache has no tensors");
  check_unused("", "not used");
  check_unused(header + "y: 3c010204\n", "none of the cache's tensors: 'y'");
  check_unused(header + "x: 7f800000\n", "the scale is infinite: 'x'");
}

TEST(a_file_is_reheaded_where_that_is_allowed) {
  for (const std::string old : {"TRT-7000-EntropyCalibration2\n", "TRT-8501-MinMaxCalibration\n", "TRT-8XXX-Other\n"}) {
    const WithFile file(old + "x: 3c010204\nx_relu: 3c010204\n", true);
    CHECK(file.good && !file.calibrated);
    CHECK_EQ(file.read, header + "x: 3c010204\nx_relu: 3c010204\n");
    CHECK(file.has('W', "is used although its header is '" + old.substr(0, old.size() - 1) + "'"));
    // The file stays unchanged.
    CHECK_EQ(content(file.path), old + "x: 3c010204\nx_relu: 3c010204\n");
  }
  // Unusable scales stay unusable.
  const WithFile file("TRT-7000-EntropyCalibration2\nx: ff800000\n", true);
  CHECK(file.good && file.calibrated);
}

TEST(what_is_no_cache_is_not_written) {
  const std::string path = check::folder("none") + "/model.cache";
  Build build;
  build.input("x", {2, 2});
  const auto options = build.options().cache_file(path).build().value();
  for (const char* text : {"nonsense", "", static_cast<const char*>(nullptr)}) {
    auto made = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}), options);
    auto& calibrator = **made;
    calibrator.writeCalibrationCache(text, text == nullptr ? 0 : std::strlen(text));
    CHECK(check::is_empty("none"));
    CHECK(build.logger.has('E', "what TensorRT gave as calibration cache is none and is not written"));
    CHECK(calibrator.failure() != nullptr);
    CHECK_EQ(given(calibrator), "nothing");
  }
}

TEST(a_cache_that_cannot_be_written_is_a_failure_that_keeps_the_engine) {
  Build build;
  build.input("x", {2, 2});
  auto made = EntropyCalibrator2::from_batches(build.network(), counting(*trt::inputs(build.network()), {2}),
                                               *build.options().cache_file("no/such/folder/model.cache").build());
  CHECK(build.run(made->get()));
  if (CHECK((*made)->failure() != nullptr)) CHECK((*made)->failure()->status() == Status::Io);
  CHECK(build.logger.has('E', "no/such/folder"));
  CHECK_EQ(given(**made), header + "x: 3d010204\n");
}
