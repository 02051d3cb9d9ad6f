// Messages for TensorRT's logger.
#ifndef QDQ_TENSORRT_DETAIL_LOG_HPP
#define QDQ_TENSORRT_DETAIL_LOG_HPP

#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/findings.hpp>
#include <qdq/result.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// Writes to the user's logger, if there is one. Exceptions of the logger are dropped, because nothing can
/// report them.
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

/// Returns a text with the first of many names.
template <typename Names>
std::string some(const Names& names) {
  constexpr std::size_t most = 5;
  std::string out;
  const std::size_t count = names.size();
  for (std::size_t i = 0; i < count && i < most; ++i) out += (i == 0 ? "'" : ", '") + std::string(names.at(i)) + "'";
  return count > most ? out + " and " + std::to_string(count - most) + " more" : out;
}

/// Returns the text of a finding, with some of its tensors.
inline std::string text(const Finding& finding) {
  const std::string message(finding.message);
  return finding.tensors.empty() ? message : message + ": " + some(finding.tensors);
}

/// Logs findings, each with its severity. `what` names their subject, unless their text names it. Returns the
/// first finding of Severity::Error as an error: the subject cannot be used.
inline Result<void> log_findings(const Log& log, const std::string& what, const Findings& findings) {
  Result<void> usable;
  for (const Finding finding : findings) {
    const std::string line = what.empty() ? text(finding) : what + ": " + text(finding);
    log.say(finding.severity == Severity::Error     ? Log::Level::kERROR
            : finding.severity == Severity::Warning ? Log::Level::kWARNING
                                                    : Log::Level::kINFO,
            finding.remedy.empty() ? line : line + "; " + std::string(finding.remedy));
    if (usable && finding.severity == Severity::Error) usable = Error(Status::Data, line, finding.remedy);
  }
  return usable;
}

/// The findings of the steps of a build. They are logged at once and kept for the result.
class Notes {
 public:
  explicit Notes(nvinfer1::ILogger* logger) noexcept : log_(logger) {}

  /// Adds the findings of statistics, ranges or a plan.
  template <typename Step>
  Result<void> add(const Step& step) {
    QDQ_TRY_AS(findings, step.findings());
    auto usable = log_findings(log_, "", *findings);
    if (findings->size() > 0) all_.push_back(*std::move(findings));
    return usable;
  }
  /// Moves all findings out.
  [[nodiscard]] std::vector<Findings> take() noexcept { return std::move(all_); }

 private:
  Log log_;
  std::vector<Findings> all_;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
