// A calibrator's cache: from a file to TensorRT and back.
#ifndef QDQ_TENSORRT_DETAIL_CALIBRATION_FILE_HPP
#define QDQ_TENSORRT_DETAIL_CALIBRATION_FILE_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/cache.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// Reads caches for one version, algorithm and network, and writes what TensorRT has measured.
class CalibrationFile {
 public:
  CalibrationFile(std::string path, bool allow_reheading, std::int32_t version, Algorithm algorithm,
                  std::vector<std::string> tensors)
      : path_(std::move(path)),
        allow_reheading_(allow_reheading),
        version_(static_cast<std::uint32_t>(version)),
        algorithm_(algorithm),
        tensors_(std::move(tensors)) {}

  /// The file's content for TensorRT; nothing where there is none that fits, and the log says why.
  [[nodiscard]] std::optional<Buffer> read(Logger& log) const {
    std::error_code ignored;
    if (path_.empty() || !std::filesystem::exists(path_, ignored)) return std::nullopt;
    auto cache = Cache::read(path_);
    if (!cache) {
      log.say(Severity::kWARNING, "the calibration cache is not used: " + std::string(cache.error().text()));
      return std::nullopt;
    }
    if (!fits(*cache, log)) return std::nullopt;
    auto bytes = cache->to_bytes();
    if (!bytes) return std::nullopt;
    log.say(Severity::kINFO, "using the calibration cache " + path_ + ", " + std::to_string(cache->size()) + " tensors");
    return *std::move(bytes);
  }

  /// Writes what TensorRT has measured, whole or not at all.
  [[nodiscard]] Result<void> write(Bytes bytes) const {
    auto cache = Cache::from_bytes(bytes);
    if (!cache) return std::move(cache).error();
    if (path_.empty()) return {};
    return write_file(path_, bytes);
  }

 private:
  using Severity = nvinfer1::ILogger::Severity;

  bool fits(Cache& cache, Logger& log) const {
    if (cache.tensorrt_version() != version_ || cache.algorithm() != algorithm_) {
      const std::string stale = "the calibration cache " + path_ + " says '" + std::string(cache.header()) +
                                "', but this is " + Version::from_number(static_cast<std::int32_t>(version_)).text();
      if (!allow_reheading_) {
        log.say(Severity::kWARNING, stale + " and a calibrator of another kind may have made it: it is not used; delete it, or set "
                                            "CalibratorOptions::allow_reheading to use its ranges all the same");
        return false;
      }
      if (!cache.set_header(version_, algorithm_)) return false;
      log.say(Severity::kWARNING, stale + ": its ranges are used with a new header, as was allowed");
    }
    auto findings = tensors_.empty() ? cache.check(version_, algorithm_) : cache.check(version_, algorithm_, tensors_);
    if (!findings) return false;
    bool usable = true;
    for (const auto& finding : *findings) {
      const bool bad = finding.severity == qdq::Severity::Error;
      usable = usable && !bad;
      const auto severity = finding.severity == qdq::Severity::Note ? Severity::kINFO : Severity::kWARNING;
      log.say(severity, path_ + ": " + std::string(finding.message) + (finding.remedy.empty() ? "" : "; ") +
                            std::string(finding.remedy));
    }
    if (!usable) log.say(Severity::kWARNING, "the calibration cache " + path_ + " is not used");
    return usable;
  }

  std::string path_;
  bool allow_reheading_;
  std::uint32_t version_;
  Algorithm algorithm_;
  std::vector<std::string> tensors_;
};

}  // namespace qdq::trt::detail

#endif
