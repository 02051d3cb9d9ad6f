// TensorRT's messages.
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

/// Passes messages to the user's logger. If there is none, prints warnings and errors. Any thread may call
/// it.
///
/// It keeps the first error, so that an error of qdq can contain TensorRT's complaint.
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

  /// Makes an error of TensorRT's, with its first complaint.
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
      // If there is no GPU, TensorRT-RTX logs a complaint about the driver before each real one.
      const bool driver = std::string(message).find("cudaError") != std::string::npos;
      if (first_.empty() && !driver) first_ = message;
#ifdef __cpp_exceptions
    } catch (const std::exception&) {
      // Out of memory: the message was passed on already.
    }
#endif
  }

  nvinfer1::ILogger* next_;
  std::mutex mutex_;
  std::string first_;
};

}  // namespace qdq::trt::detail

#endif
