// Ranges, caches and their problems.

#include <algorithm>
#include <cmath>
#include <map>
#if __cplusplus >= 202002L
#include <ranges>
#endif
#include <string>
#include <vector>

#include "check.hpp"

using qdq::Algorithm;
using qdq::Cache;
using qdq::Ranges;
using qdq::Status;

#if __cplusplus >= 202002L
static_assert(std::ranges::input_range<Ranges> && std::ranges::input_range<const qdq::Findings>);
#endif

TEST(ranges_are_read_written_and_looped_over) {
  const std::string folder = check::folder("ranges");
  auto ranges = Ranges::make("by hand").value();
  CHECK_EQ(ranges.method(), "by hand");
  CHECK_GOOD(ranges.set("b", 127.0f));
  CHECK_GOOD(ranges.set("a", 1.0f));
  CHECK_GOOD(ranges.set(std::string("b"), 254.0f));
  CHECK_FAILS(ranges.set("c", -1.0f), Status::InvalidArgument, "");
  CHECK_FAILS(ranges.get("c"), Status::Data, "c");
  CHECK(ranges.has("a") && !ranges.has("c"));

  CHECK_GOOD(ranges.save(folder + "/ranges.json"));
  const auto read = Ranges::load(folder + "/ranges.json").value();
  const auto parsed = Ranges::from_json(kept(ranges.to_json().value()).text()).value();
  for (const Ranges* same : {&read, &parsed}) {
    std::string text;
    for (auto [name, amax] : *same) text += std::string(name) + "=" + std::to_string(static_cast<int>(amax)) + " ";
    CHECK_EQ(text, "b=254 a=1 ");
    CHECK_EQ((*same).at(1).name, "a");
    CHECK_EQ(same->get("b").value(), 254.0f);
  }
  // A value moved out of a result lives as long as the loop.
  std::size_t count = 0;
  for (const qdq::Range range : Ranges::load(folder + "/ranges.json").value()) count += range.name.size();
  CHECK_EQ(count, 2u);
  const std::vector<qdq::Range> copied(ranges.begin(), ranges.end());
  CHECK(copied.size() == 2 && copied.at(0).amax == 254.0f);
  CHECK(std::any_of(ranges.begin(), ranges.end(), [](const qdq::Range& range) { return range.name == "a"; }));

  CHECK(kept(Ranges::make().value()).method().empty());
  CHECK_EQ(qdq::int8_scale(254.0f), 2.0f);
  CHECK(!Ranges::from_json(std::string("{")));
  CHECK_FAILS(Ranges::load("none.json"), Status::Io, "none.json");
}

TEST(caches_are_read_written_and_looped_over) {
  const std::string folder = check::folder("cache");
  auto ranges = Ranges::make().value();
  ranges.set("x", 127.0f).value();
  ranges.set("y", 12.7f).value();
  auto cache = Cache::from_ranges(ranges, 100300).value();
  CHECK_EQ(cache.header(), "TRT-100300-EntropyCalibration2");
  CHECK(cache.tensorrt_version() == 100300 && cache.algorithm() == Algorithm::Entropy2);
  CHECK_GOOD(cache.set("z", 3.0f));
  CHECK_EQ(cache.get("z").value(), 3.0f);
  CHECK_FAILS(cache.get("w"), Status::Data, "w");
  CHECK_GOOD(cache.set_header(8501, Algorithm::MinMax));
  CHECK_EQ(cache.header(), "TRT-8501-MinMaxCalibration");

  CHECK_GOOD(cache.save(folder + "/cache"));
  const auto read = Cache::load(folder + "/cache").value();
  CHECK_EQ(kept(read.to_bytes().value()).text(), kept(cache.to_bytes().value()).text());
  std::map<std::string, float> scales;
  for (auto [name, scale] : read) scales.emplace(name, scale);
  CHECK(scales.size() == 3 && scales["x"] == 1.0f && scales["z"] == 3.0f);
  CHECK(read.size() == 3 && read.at(2).name == "z");
  CHECK_EQ(kept(read.to_ranges().value()).get("z").value(), 381.0f);
  CHECK_FAILS(Cache::from_bytes(std::string("")), Status::Format, "is empty");
  CHECK_FAILS(Cache::load("none.cache"), Status::Io, "none.cache");
}

TEST(findings_say_what_is_wrong) {
  const std::string text = "TRT-8501-EntropyCalibration2\nx: 3f800000\nx: 40000000\ny: 7fc00000\n";
  auto cache = Cache::from_bytes(text).value();
  CHECK_EQ(cache.size(), 3u);
  const auto findings = cache.check(100300, Algorithm::Entropy2, {"x", "y", "missing"}).value();
  CHECK(findings.size() > 0 && findings.at(0).severity == qdq::Severity::Error);
  bool about_y = false, about_missing = false;
  for (const qdq::Finding& finding : findings) {
    CHECK(!finding.message.empty() && !finding.remedy.empty());
    for (std::string_view tensor : finding.tensors) {
      about_y = about_y || tensor == "y";
      about_missing = about_missing || tensor == "missing";
    }
  }
  CHECK(about_y && about_missing);
  CHECK(kept(cache.check().value()).size() > 0);
  CHECK(Cache::is_one("TRT-8501-X") && !Cache::is_one("{}") && Cache::is_read_by(100300) && !Cache::is_read_by(110000));
  const std::vector<std::string> names = {"x"};
  CHECK_GOOD(cache.check(0, Algorithm::Unknown, names));
  CHECK_GOOD(cache.check(0, Algorithm::Unknown, {}));
  CHECK_GOOD(cache.remove_repeats());
  CHECK(cache.size() == 2 && cache.get("x").value() == 2.0f);
  // A line without a usable scale is left out, and a finding reports it.
  const auto usable = cache.to_ranges().value();
  CHECK(usable.get("x").value() == 254.0f && !usable.get("y"));
  CHECK(usable.findings().value().size() > 0);
  const auto left = cache.convert(100300).value();
  CHECK(left.size() == 1 && left.at(0).tensors.at(0) == "y" && cache.header() == "TRT-100300-EntropyCalibration2");
  CHECK_FAILS(cache.convert(110000), Status::Unsupported, "TensorRT 11.0.0");
  CHECK_FAILS(cache.set_header(110000), Status::Unsupported, "TensorRT 11.0.0 reads no calibration caches");
  CHECK_FAILS(Cache::from_ranges(usable, 110000), Status::Unsupported, "TensorRT 11.0.0");
  CHECK_FAILS(qdq::RunOptions::make().threads(5000).build(), Status::InvalidArgument, "5000 threads");
}
