// Builds engines for the Rust side with the headers that C++ programs use.
#include "bridge.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <qdq/tensorrt.hpp>

#include "qdq/src/tensorrt/bridge.rs.h"

#include <qdq/detail/try.hpp>

namespace qdq::bridge {
namespace {

class Logger : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override {
    // qdq's own messages to the logger are already in its own log.
    if (std::string_view(message).substr(0, 5) == "qdq: ") return;
    // TensorRT does not guarantee UTF-8.
    bridge::log(static_cast<std::int32_t>(severity), std::string(rust::String::lossy(message)));
  }
};

std::string text(const rust::String& text) { return std::string(text); }

std::vector<std::int64_t> list(const rust::Vec<std::int64_t>& values) { return {values.begin(), values.end()}; }

trt::EngineOptions options_of(const Request& request, nvinfer1::ILogger& logger) {
  trt::EngineOptions options;
  options.logger = &logger;
  options.fp16 = request.half;
  options.detailed = request.detailed;
  if (request.workspace != 0) options.workspace = static_cast<std::size_t>(request.workspace);
  options.timing_cache = text(request.timing_cache);
  for (const InputShapes& one : request.shapes) {
    if (options.profiles.size() <= one.profile) options.profiles.resize(one.profile + 1);
    options.profiles[one.profile].push_back({text(one.input), list(one.min), list(one.opt), list(one.max)});
  }
  options.compute_capabilities.assign(request.compute_capabilities.begin(), request.compute_capabilities.end());
  return options;
}

Result<void> build(rust::Slice<const std::uint8_t> model, const Request& request, const Ranges& ranges) {
  QDQ_TRY_AS(library, trt::Library::open(text(request.infer), text(request.parser)));
  Logger logger;
  const trt::EngineOptions options = options_of(request, logger);
  trt::detail::Build build(options, *library);
  const Ranges* given = ranges.c() != nullptr ? &ranges : nullptr;
  QDQ_TRY_AS(engine, build.from_bytes(Bytes(model.data(), model.size()), text(request.name), given));
  return engine->write(text(request.output));
}

Result<std::string> layers(rust::Slice<const std::uint8_t> engine, const std::string& infer) {
  QDQ_TRY_AS(library, trt::Library::open(infer));
  Logger logger;
  return trt::engine_layers(Bytes(engine.data(), engine.size()), logger, *library);
}

Outcome failed(const Error& error) {
  return {static_cast<std::int32_t>(error.status()), {}, std::string(error.message()), std::string(error.remedy())};
}

}  // namespace

std::array<std::int32_t, 3> version() { return {trt::compiled.major, trt::compiled.minor, trt::compiled.patch}; }

bool has_qdq() { return QDQ_TRT_HAS_QDQ; }

Outcome build_engine(rust::Slice<const std::uint8_t> model, const Request& request, qdq_ranges* ranges) {
  const Result<void> done = build(model, request, Ranges(ranges));
  return done ? Outcome{QDQ_OK, {}, {}, {}} : failed(done.error());
}

Outcome engine_layers(rust::Slice<const std::uint8_t> engine, rust::Str infer) {
  const Result<std::string> json = layers(engine, std::string(infer));
  // TensorRT does not guarantee UTF-8.
  return json ? Outcome{QDQ_OK, rust::String::lossy(*json), {}, {}} : failed(json.error());
}

}  // namespace qdq::bridge
