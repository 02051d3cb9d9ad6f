// The kernels of engines.

#include <fstream>
#include <iterator>
#include <string>

#include "check.hpp"

using qdq::EngineCost;
using qdq::Status;

TEST(the_kernels_of_an_engine_are_looped_over) {
  const std::string path = check::data() + "/engines/small.engine";
  const auto cost = EngineCost::load(path);
  if (!CHECK_GOOD(cost)) return;
  CHECK_EQ(cost->builder(), "TensorRT-RTX 1.7.1");
  CHECK(cost->is_known());
  std::string said;
  std::uint64_t bytes = 0;
  for (const EngineCost::Kernel kernel : cost->kernels()) {
    said += std::string(kernel.kind) + ":";
    for (const auto layer : kernel.layers) said += " " + std::string(layer);
    said += "\n";
    bytes += kernel.read + kernel.written;
  }
  CHECK_EQ(said, "function: x_quantize\ncorrltn: conv relu\nruntime_fusion/gemm: fc\n");
  CHECK_EQ(bytes, cost->bytes());
  said.clear();
  for (const EngineCost::Moved moved : cost->moved()) {
    said += std::string(moved.type) + " " + std::to_string(moved.read) + " " + std::to_string(moved.written) + "\n";
  }
  CHECK_EQ(said, "i8 1024 1024\nf16 4096 4096\nf32 4096 0\n");
  CHECK_EQ(cost->findings().value().size(), 2u);
  CHECK(kept(cost->to_text().value()).text().find("move 14.0 KiB") != std::string_view::npos);
  CHECK(kept(cost->to_json().value()).text().find("\"bytes\":14336") != std::string_view::npos);

  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  CHECK_EQ(EngineCost::from_bytes(content).value().bytes(), cost->bytes());
  CHECK_FAILS(EngineCost::from_bytes(std::string("no engine")), Status::Format, "is no engine");
  CHECK_FAILS(EngineCost::load("none.engine"), Status::Io, "none.engine");
}

TEST(an_int8_engine_that_moves_more_is_a_finding) {
  const auto cost = EngineCost::load(check::data() + "/engines/small.engine");
  const auto other = EngineCost::from_layers("TensorRT 10.3.0",
                                             R"({"Layers": [{"Outputs": [{"Dimensions": [400], "DataType": "Half"}]}]})");
  if (!CHECK_GOOD(cost) || !CHECK_GOOD(other)) return;
  const auto found = cost->compare(*other).value();
  CHECK(found.size() == 1 && found.at(0).severity == qdq::Severity::Warning);
  CHECK_EQ(other->compare(*cost).value().size(), 0u);
  CHECK_FAILS(EngineCost::from_layers("TensorRT", R"({"Layers": ["conv"]})"), Status::InvalidArgument, "without details");
}
