// What all calibrators do, whatever their base class.
#ifndef QDQ_TENSORRT_DETAIL_CALIBRATION_HPP
#define QDQ_TENSORRT_DETAIL_CALIBRATION_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/calibrator_options.hpp>
#include <qdq/tensorrt/detail/calibration_file.hpp>
#include <qdq/tensorrt/detail/feeder.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/detail/network.hpp>

namespace qdq::trt::detail {

/// Data for a calibrator that has ranges already.
inline NextDeviceBatch no_batches() {
  return [](DevicePointers&) -> Result<bool> { return false; };
}

/// The number of samples that a whole batch has.
inline Result<std::int32_t> batch_size(const Specs& inputs) {
  for (const auto& input : inputs) {
    for (const std::int64_t size : *input.shape) {
      if (size == dynamic) {
        return Error(Status::InvalidArgument, "input '" + std::string(input.name) + "' has a shape that is decided at run time",
                     "give the calibration profile: CalibratorOptions::profile and IBuilderConfig::setCalibrationProfile()");
      }
    }
  }
  if (inputs.size() == 0 || inputs[0].shape->empty()) return 1;
  const std::int64_t first = inputs[0].shape->front();
  return static_cast<std::int32_t>(first < std::numeric_limits<std::int32_t>::max() ? first : 1);
}

/// The names that a cache for the network should have: its inputs and floating-point activations.
inline Result<std::vector<std::string>> calibrated_tensors(const nvinfer1::INetworkDefinition* network) {
  std::vector<std::string> names;
  if (network == nullptr) return names;
  auto described = Network::describe(*network);
  if (!described) return std::move(described).error();
  for (const auto& tensor : described->graph.tensors()) {
    if (tensor.kind != TensorKind::Constant && tensor.dtype == DType::F32) names.emplace_back(tensor.name);
  }
  return names;
}

/// Feeds, reads and writes for a calibrator. Nothing is thrown: TensorRT has no way to catch it.
class Calibration {
 public:
  Calibration(Feeder feeder, CalibrationFile file, const CalibratorOptions& options, std::int32_t batch_size)
      : feeder_(std::move(feeder)), file_(std::move(file)), options_(options), logger_(options.logger), size_(batch_size) {}

  /// Answers TensorRT with this cache.
  void give(Cache cache) { given_ = std::move(cache); }

  [[nodiscard]] const Error* failure() const noexcept { return failure_ ? &*failure_ : nullptr; }
  [[nodiscard]] std::size_t batches() const noexcept { return batches_; }
  [[nodiscard]] std::int32_t batch_size() const noexcept { return size_; }
  [[nodiscard]] const CalibratorOptions& options() const noexcept { return options_; }

  bool get_batch(void* bindings[], const char* const names[], std::int32_t count) noexcept {
    if (failure_) return false;
    bool more = false;
    protect([&]() -> Result<void> {
      auto got = feeder_.next(bindings, names, count);
      if (!got) return std::move(got).error();
      more = *got;
      if (more) ++batches_;
      if (!more && feeder_.repeated() > 0) {
        logger_.say(Severity::kINFO, "the last batch was short: " + std::to_string(feeder_.repeated()) +
                                         " of its samples were fed twice, since TensorRT reads whole batches");
      }
      if (!more && batches_ == 0) {
        return Error(Status::Data, "there are no batches to calibrate with and no cache that fits",
                     "give data, or a cache of this version of TensorRT");
      }
      return {};
    });
    return more;
  }

  const void* read_cache(std::size_t& length) noexcept {
    length = 0;
    protect([&]() -> Result<void> {
      if (given_) {
        auto bytes = given_->to_bytes();
        if (!bytes) return std::move(bytes).error();
        read_ = *std::move(bytes);
      } else {
        read_ = file_.read(logger_);
      }
      return {};
    });
    if (!read_) return nullptr;
    length = read_->size();
    return read_->data();
  }

  void write_cache(const void* cache, std::size_t length) noexcept {
    if (failure_) {
      logger_.say(Severity::kERROR, "no calibration cache is written, since the calibration did not see all data");
      return;
    }
    protect([&] { return file_.write(Bytes(cache, length)); });
  }

  const void* read_histogram(std::size_t& length) noexcept {
    length = 0;
    protect([&]() -> Result<void> {
      histogram_.clear();
      if (std::ifstream file{options_.histogram_file, std::ios::binary}) {
        histogram_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      }
      return {};
    });
    length = histogram_.size();
    return histogram_.empty() ? nullptr : histogram_.data();
  }

  void write_histogram(const void* histogram, std::size_t length) noexcept {
    if (options_.histogram_file.empty() || failure_) return;
    protect([&] { return write_file(options_.histogram_file, Bytes(histogram, length)); });
  }

 private:
  using Severity = nvinfer1::ILogger::Severity;

  // Keeps and logs the first error, and what is thrown.
  template <typename Function>
  void protect(Function&& function) noexcept {
#ifdef __cpp_exceptions
    try {
      keep(function());
    } catch (const Exception& exception) {
      keep(Error(exception.error().status(), exception.error().message(), exception.error().remedy()));
    } catch (const std::exception& exception) {
      keep(Error(Status::Callback, exception.what()));
    } catch (...) {
      keep(Error(Status::Callback, "something was thrown that is no std::exception"));
    }
#else
    keep(function());
#endif
  }

  void keep(Result<void> done) noexcept {
    if (done || failure_) return;
    failure_ = std::move(done).error();
    logger_.say(Severity::kERROR, std::string(failure_->text()));
  }

  Feeder feeder_;
  CalibrationFile file_;
  CalibratorOptions options_;
  Logger logger_;
  std::int32_t size_;
  std::optional<Cache> given_;
  std::optional<Buffer> read_;
  std::vector<char> histogram_;
  std::optional<Error> failure_;
  std::size_t batches_ = 0;
};

}  // namespace qdq::trt::detail

#endif
