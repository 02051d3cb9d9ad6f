// Quantizes a tensor, finds a range, and takes an ONNX model from calibration to the three files for
// TensorRT.
// usage: main MODEL OUT_FOLDER

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <qdq/qdq.hpp>

// Quantizes a tensor to int8 with 4 bits.
static void quantize_a_tensor() {
  const std::vector<float> x = {-2.0f, -0.3f, 0.4f, 9.0f};
  std::vector<std::int8_t> q(x.size());
  const auto descriptor = qdq::Descriptor::make().num_bits(4).amax(2.0f).build().value();
  const auto inverse_scale = qdq::quantize(x, descriptor, q).value();
  std::printf("integers %d %d %d %d, inverse scale %.2f\n", q[0], q[1], q[2], q[3], inverse_scale[0]);
}

// Finds a range by two methods, with one pass over the data.
static void find_a_range() {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<float>(i) / 1000.0f);
  qdq::TensorStats stats;
  stats.observe(values).value();
  std::printf("amax %.3f, by percentile %.3f\n", stats.amax(qdq::Method::Max).value(),
              stats.amax(qdq::percentile(99.0)).value());
}

// Calibrates a model on 8 batches of 32 images and writes the three files.
static void quantize_a_model(const std::string& path, const std::string& folder) {
  const auto model = qdq::Model::open(path).value();
  const auto inputs = model.inputs().value();
  const std::string input(inputs.at(0).name);

  auto batches = qdq::Batches::from_callback(inputs, [&input, next = 0](qdq::Batch& batch) mutable -> qdq::Result<bool> {
                   if (next == 8 * 32) return false;
                   std::vector<float> images;
                   for (int i = next; i < next + 32; ++i) {
                     for (int j = 0; j < 64; ++j) images.push_back(static_cast<float>((i * 7 + j * 3) % 17) / 16.0f);
                   }
                   next += 32;
                   if (auto set = batch.set(input, {images.data(), {32, 1, 8, 8}}); !set) return std::move(set).error();
                   return true;
                 }).value();

  const auto plan = model.plan().value();
  const auto stats = model.calibrate(plan, batches, true).value();
  const auto ranges = plan.ranges(stats, qdq::Method::Mse).value();
  const auto quantized = model.quantize(plan, ranges).value();
  const auto cache = qdq::Cache::from_ranges(ranges, 100300, qdq::Algorithm::Entropy2).value();

  quantized.save(folder + "/model.qdq.onnx").value();
  cache.save(folder + "/model.cache").value();
  ranges.save(folder + "/model.json").value();

  std::size_t count = 0;
  for (auto [verdict, reason] : plan.decisions()) count += verdict == qdq::Verdict::Quantized ? 1 : 0;
  std::printf("quantized %zu of %zu nodes\n", count, plan.decisions().size());
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL OUT_FOLDER\n", argv[0]);
    return 2;
  }
  try {
    quantize_a_tensor();
    find_a_range();
    quantize_a_model(argv[1], argv[2]);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "error: %s\n", exception.what());
    return 2;
  }
  return 0;
}
