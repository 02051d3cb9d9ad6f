// Lines for TensorRT's logger.
#ifndef QDQ_TENSORRT_DETAIL_LOG_HPP
#define QDQ_TENSORRT_DETAIL_LOG_HPP

#include <string>

#include <NvInfer.h>

#include <qdq/findings.hpp>
#include <qdq/result.hpp>

namespace qdq::trt::detail {

/// Tells the user's logger, where there is one. What the logger throws is dropped: there is nobody to tell.
class Log {
 public:
  using Level = nvinfer1::ILogger::Severity;

  explicit Log(nvinfer1::ILogger* logger) noexcept : logger_(logger) {}

  void say(Level level, const std::string& text) const noexcept {
    if (logger_ == nullptr) return;
#ifdef __cpp_exceptions
    try {
#endif
      logger_->log(level, ("qdq: " + text).c_str());
#ifdef __cpp_exceptions
    } catch (...) {
    }
#endif
  }
  void error(const std::string& text) const noexcept { say(Level::kERROR, text); }
  void warning(const std::string& text) const noexcept { say(Level::kWARNING, text); }
  void info(const std::string& text) const noexcept { say(Level::kINFO, text); }

 private:
  nvinfer1::ILogger* logger_;
};

/// What a finding says, with some of the tensors that it is about.
inline std::string text(const Finding& finding) {
  constexpr std::size_t most = 5;
  std::string out(finding.message);
  const std::size_t count = finding.tensors.size();
  for (std::size_t i = 0; i < count && i < most; ++i) {
    out += (i == 0 ? ": '" : ", '") + std::string(finding.tensors[i]) + "'";
  }
  return count > most ? out + " and " + std::to_string(count - most) + " more" : out;
}

/// Logs what is wrong with a cache, each finding with its severity. `what` names the cache. The worst one is returned where
/// the cache cannot be used.
inline Result<void> log_findings(const Log& log, const std::string& what, const Findings& findings) {
  Result<void> usable;
  for (const Finding finding : findings) {
    const std::string line = what + ": " + text(finding);
    log.say(finding.severity == Severity::Error     ? Log::Level::kERROR
            : finding.severity == Severity::Warning ? Log::Level::kWARNING
                                                    : Log::Level::kINFO,
            line + "; " + std::string(finding.remedy));
    if (usable && finding.severity == Severity::Error) usable = Error(Status::Data, line, finding.remedy);
  }
  return usable;
}

}  // namespace qdq::trt::detail

#endif
