// Observers and statistics.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"

using qdq::Method;
using qdq::Stats;
using qdq::Status;
using qdq::TensorStats;

static std::vector<float> ramp(int from, int to) {
  std::vector<float> values;
  for (int i = from; i < to; ++i) values.push_back(static_cast<float>(i) / 1000.0f);
  return values;
}

TEST(tensor_stats_count_and_give_ranges) {
  TensorStats stats;
  CHECK(std::isnan(stats.min()) && std::isnan(stats.abs_max()) && kept(stats.bins().value()).empty());
  CHECK_FAILS(stats.amax(), Status::Data, "");
  CHECK_GOOD(stats.observe(ramp(0, 1000)));
  CHECK(stats.values() == 1000 && stats.zeros() == 1 && stats.nans() == 0 && stats.infinities() == 0);
  CHECK(stats.min() == 0.0f && stats.max() == 0.999f);
  CHECK(stats.abs_max() == 0.999f && stats.below() == 0 && stats.between() > 0 && stats.between() < 999);
  CHECK_EQ(stats.amax(Method::Max).value(), 0.999f);
  const float percentile = stats.amax(qdq::percentile(99.0)).value();
  CHECK(percentile > 0.985f && percentile < 0.995f);
  CHECK(stats.amax().value() > 0.9f && stats.amax(Method::Entropy).value() > 0.5f);
  std::uint64_t binned = 0;
  float last = 0;
  for (const TensorStats::Bin& bin : stats.bins().value()) {
    CHECK(bin.lower >= last && bin.upper > bin.lower);
    last = bin.lower;
    binned += bin.count;
  }
  CHECK_EQ(binned, 999u);

  const std::vector<float> odd = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  auto clone = stats.clone().value();
  CHECK_GOOD(clone.observe(odd));
  CHECK(clone.nans() == 1 && clone.infinities() == 1 && stats.values() == 1000);
  CHECK_FAILS(stats.amax(static_cast<Method>(99)), Status::InvalidArgument, "99");
  CHECK_FAILS(stats.observe(std::vector<std::int8_t>(3)), Status::Type, "");
}

TEST(tensor_stats_of_two_threads_merge_exactly) {
  TensorStats parts[2];
  std::thread threads[2];
  for (int part = 0; part < 2; ++part) {
    threads[part] = std::thread([&stats = parts[part], part] {
      for (int i = 0; i < 10; ++i) {
        const int from = part * 500 + i * 50;
        stats.observe(ramp(from, from + 50)).value();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_GOOD(parts[0].merge(parts[1]));

  // Two threads compute ranges of the same statistics at the same time.
  float ranges[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    threads[i] = std::thread([&range = ranges[i], &stats = std::as_const(parts[0])] { range = stats.amax().value(); });
  }
  for (std::thread& thread : threads) thread.join();

  TensorStats whole;
  whole.observe(ramp(0, 1000)).value();
  CHECK_EQ(parts[0].values(), 1000u);
  CHECK(ranges[0] == whole.amax().value() && ranges[1] == ranges[0]);
}

TEST(stats_are_saved_loaded_and_merged) {
  const std::string folder = check::folder("stats");
  Stats a, b;
  CHECK_GOOD(a.observe("x", ramp(0, 10)));
  CHECK_GOOD(a.set_samples(10));
  CHECK_GOOD(b.observe(std::string("y"), ramp(0, 20)));
  TensorStats tensor;
  tensor.observe(ramp(0, 30)).value();
  CHECK_GOOD(b.set(std::string_view("x"), tensor));
  CHECK_GOOD(a.merge(b));
  CHECK_GOOD(a.save(folder + "/a.stats"));
  const auto loaded = Stats::load(folder + "/a.stats").value();
  CHECK_EQ(loaded.samples(), 10u);
  std::string names;
  for (std::string_view name : loaded.names()) names += std::string(name) + ";";
  CHECK_EQ(names, "x;y;");
  CHECK_EQ(loaded.get("x").value()->values(), 40u);
  CHECK(!loaded.get("z").value());
  CHECK_EQ(kept(loaded.to_bytes().value()).text(), kept(a.to_bytes().value()).text());
  CHECK_EQ(kept(Stats::from_bytes(a.to_bytes().value()).value()).names().size(), 2u);
  CHECK(!Stats::from_bytes(std::string("nonsense")));
  CHECK_FAILS(Stats::load("none.stats"), Status::Io, "none.stats");
}

TEST(axis_max_keeps_axes) {
  auto collector = qdq::AxisMax::make({0}).value();
  CHECK(!collector.amax().value());
  const std::vector<float> x = {1, -2, 3, 4};
  CHECK_GOOD(collector.observe({x.data(), {2, 2}}));
  const auto amax = collector.amax().value();
  CHECK(amax && (*amax)[0] == 2.0f && (*amax)[1] == 4.0f && amax->shape()[1] == 1);
  CHECK(!collector.observe({x.data(), {4, 1}}));
  auto whole = qdq::AxisMax::make().value();
  CHECK_GOOD(whole.observe(x));
  CHECK_EQ((*whole.amax().value())[0], 4.0f);
}

TEST(histogram_calibrator_follows_its_model) {
  auto calibrator = qdq::HistogramCalibrator::make(128).value();
  CHECK(calibrator.counts().empty() && calibrator.edges().empty());
  CHECK_GOOD(calibrator.observe(ramp(0, 1000)));
  CHECK(calibrator.counts().size() == 128 && calibrator.edges().size() == 129);
  CHECK(calibrator.amax(qdq::percentile(99.0)).value() > 0.9f);
  CHECK(!calibrator.amax(Method::Max));
  CHECK(!qdq::HistogramCalibrator::make(0));
  CHECK_GOOD(qdq::HistogramCalibrator::make(16, true, qdq::Library::Numpy));
}

TEST(maxima_of_two_observers_are_merged) {
  const std::vector<std::int32_t> axes = {0};
  auto ours = qdq::AxisMax::make(axes), theirs = qdq::AxisMax::make(axes);
  if (!CHECK_GOOD(ours) || !CHECK_GOOD(theirs)) return;
  const std::vector<float> x = {1, -2, 3, 4}, y = {5, 0, 0, 0};
  CHECK_GOOD(ours->observe({x.data(), {2, 2}}));
  CHECK_GOOD(theirs->observe({y.data(), {2, 2}}));
  CHECK_GOOD(ours->merge(*theirs));
  const auto amax = ours->amax();
  CHECK(CHECK_GOOD(amax) && amax->has_value() && (*amax)->values()[0] == 5 && (*amax)->values()[1] == 4);
}

TEST(maxima_are_saved_loaded_and_looked_at) {
  const std::string path = check::folder("maxima") + "/maxima";
  auto collector = qdq::AxisMax::make({0}).value();
  CHECK_GOOD(collector.track());
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {1, -2, infinity, 4}, y = {5, 0, 0, 0};
  CHECK_GOOD(collector.observe({x.data(), {2, 2}}));
  CHECK_GOOD(collector.save(path));
  auto loaded = qdq::AxisMax::load(path).value();
  CHECK_EQ(kept(loaded.to_bytes().value()).text(), kept(collector.to_bytes().value()).text());
  CHECK_GOOD(loaded.observe({y.data(), {2, 2}}));
  CHECK(loaded.history_count() == 2 && loaded.history_at(1).value()[0] == 5.0f &&
        loaded.history_at(0).value()[1] == infinity);
  CHECK_FAILS(loaded.history_at(2), Status::InvalidArgument, "batch 2");
  CHECK_GOOD(qdq::AxisMax::from_bytes(loaded.to_bytes().value()));
  CHECK_FAILS(qdq::AxisMax::from_bytes(std::string("nonsense")), Status::Format, "");
  CHECK_FAILS(qdq::AxisMax::load("none.maxima"), Status::Io, "none.maxima");
}

TEST(the_search_of_the_original_histogram_is_set) {
  auto calibrator = qdq::HistogramCalibrator::make(256);
  if (!CHECK_GOOD(calibrator)) return;
  std::vector<float> x(1000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  CHECK_GOOD(calibrator->observe(x));
  CHECK_GOOD(calibrator->set_search(200, 7));
  CHECK_GOOD(calibrator->amax(qdq::Method::Mse));
  CHECK_GOOD(calibrator->set_search(300, 1));
  CHECK_FAILS(calibrator->amax(qdq::Method::Mse), qdq::Status::InvalidArgument, "no bin to try from 300");
}
