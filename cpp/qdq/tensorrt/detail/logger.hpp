// What TensorRT says.
#ifndef QDQ_TENSORRT_DETAIL_LOGGER_HPP
#define QDQ_TENSORRT_DETAIL_LOGGER_HPP

#include <cstdio>
#include <exception>
#include <mutex>
#include <string>

#include <NvInfer.h>

#include <qdq/result.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// Hands messages on to the user's logger, or prints warnings and errors where there is none, and keeps the
/// first error, so that an error of qdq can say what TensorRT complained about. Called from any thread.
class Logger : public nvinfer1::ILogger {
 public:
  explicit Logger(nvinfer1::ILogger* next) noexcept : next_(next) {}

  void log(Severity severity, const char* message) noexcept override {
    if (next_ != nullptr) {
      next_->log(severity, message);
    } else if (severity <= Severity::kWARNING) {
      std::fprintf(stderr, "%s: %s\n", severity == Severity::kWARNING ? "warning" : "error", message);
    }
    if (severity <= Severity::kERROR) keep(message);
  }

  /// An error of TensorRT's, with what it complained about first.
  [[nodiscard]] Error error(std::string message, const char* remedy) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!first_.empty()) message += ": " + first_;
    return Error(Status::TensorRt, message, remedy);
  }

 private:
  void keep(const char* message) noexcept {
#ifdef __cpp_exceptions
    try {
#endif
      const std::lock_guard<std::mutex> lock(mutex_);
      // Where there is no GPU, TensorRT-RTX puts a complaint about the driver before each real one.
      const bool driver = std::string(message).find("cudaError") != std::string::npos;
      if (first_.empty() && !driver) first_ = message;
#ifdef __cpp_exceptions
    } catch (const std::exception&) {
      // Out of memory: the message was handed on already.
    }
#endif
  }

  nvinfer1::ILogger* next_;
  std::mutex mutex_;
  std::string first_;
};

}  // namespace qdq::trt::detail

#endif
