// Options of a calibrator.
#ifndef QDQ_TENSORRT_CALIBRATOR_OPTIONS_HPP
#define QDQ_TENSORRT_CALIBRATOR_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/detail/builder.hpp>
#include <qdq/result.hpp>

namespace qdq::trt {

/// The options of a calibrator.
///
///     auto options = qdq::trt::CalibratorOptions::make().logger(logger).cache_file("model.cache").build();
class CalibratorOptions {
 public:
  class Builder;

  /// Makes the default options.
  CalibratorOptions() = default;
  /// Starts with the default options.
  [[nodiscard]] static Builder make();

  /// Returns the logger, or null.
  [[nodiscard]] nvinfer1::ILogger* logger() const noexcept { return logger_; }
  /// Returns the cache file; empty for none.
  [[nodiscard]] const std::string& cache_file() const& noexcept { return cache_file_; }
  void cache_file() const&& = delete;
  /// Returns whether the cache file is used as well if its header is for another version or algorithm.
  [[nodiscard]] bool allow_reheading() const noexcept { return allow_reheading_; }
  /// Returns the profile that gives the shapes, or null.
  [[nodiscard]] const nvinfer1::IOptimizationProfile* profile() const noexcept { return profile_; }
  /// Returns the number of samples in a batch.
  [[nodiscard]] std::int32_t batch_size() const noexcept { return batch_size_; }
  /// Returns the quantile of the legacy calibrator.
  [[nodiscard]] double quantile() const noexcept { return quantile_; }
  /// Returns the regression cutoff of the legacy calibrator.
  [[nodiscard]] double regression_cutoff() const noexcept { return regression_cutoff_; }
  /// Returns the histogram file of the legacy calibrator; empty for none.
  [[nodiscard]] const std::string& histogram_file() const& noexcept { return histogram_file_; }
  void histogram_file() const&& = delete;

 private:
  nvinfer1::ILogger* logger_ = nullptr;
  std::string cache_file_;
  bool allow_reheading_ = false;
  const nvinfer1::IOptimizationProfile* profile_ = nullptr;
  std::int32_t batch_size_ = 1;
  double quantile_ = 0.9999;
  double regression_cutoff_ = 1.0;
  std::string histogram_file_;
};

/// Sets options, in any order.
class CalibratorOptions::Builder : public qdq::detail::Builder<Builder, CalibratorOptions> {
 public:
  using qdq::detail::Builder<Builder, CalibratorOptions>::Builder;

  /// Sets the logger that receives messages. It must outlive the calibrator. Default: none.
  Builder& logger(nvinfer1::ILogger& logger) { return put(&CalibratorOptions::logger_, &logger); }
  /// Sets the calibration cache file. It is read if it exists and fits, and written after a calibration.
  /// Default: none.
  Builder& cache_file(std::string path) { return put(&CalibratorOptions::cache_file_, std::move(path)); }
  /// Sets whether the cache file is used as well if its header is for another version of TensorRT or another
  /// algorithm. Its scales are then used unchanged, and this is logged. Default: false.
  Builder& allow_reheading(bool allow = true) { return put(&CalibratorOptions::allow_reheading_, allow); }
  /// Sets the profile that IBuilderConfig::setCalibrationProfile() gets. Its optimal dimensions are the
  /// shapes of the batches.
  ///
  /// Networks with dynamic shapes need it. It must live until the engine is built. Default: none.
  Builder& profile(const nvinfer1::IOptimizationProfile& profile) { return put(&CalibratorOptions::profile_, &profile); }
  /// Sets the number of samples that TensorRT 7 to 9 reads at once, for a network that leaves the batch out
  /// of its shapes; at most IBuilder::getMaxBatchSize().
  ///
  /// Other networks have the batch size in their shapes. Default: 1.
  Builder& batch_size(std::int32_t samples) {
    if (samples > 0) return put(&CalibratorOptions::batch_size_, samples);
    return refuse("a batch size of " + std::to_string(samples), "use at least 1");
  }
  /// Sets the quantile of the magnitudes that becomes the range of LegacyCalibrator, 0 to 1. Default: 0.9999.
  Builder& quantile(double quantile) { return put_share(&CalibratorOptions::quantile_, quantile, "quantile"); }
  /// Sets the share of the largest magnitude at which LegacyCalibrator's regression stops, 0 to 1. Default:
  /// 1.
  Builder& regression_cutoff(double cutoff) {
    return put_share(&CalibratorOptions::regression_cutoff_, cutoff, "regression cutoff");
  }
  /// Sets the file of LegacyCalibrator's histograms. It is read if it exists, and written. Only TensorRT
  /// knows its format. Default: none.
  Builder& histogram_file(std::string path) { return put(&CalibratorOptions::histogram_file_, std::move(path)); }

 private:
  template <typename Value>
  Builder& put(Value CalibratorOptions::* member, Value value) {
    if (object_) (*object_).*member = std::move(value);
    return *this;
  }
  Builder& put_share(double CalibratorOptions::* member, double share, const char* name) {
    if (share >= 0.0 && share <= 1.0) return put(member, share);
    return refuse(std::string("a ") + name + " of " + std::to_string(share), "use 0 to 1");
  }
  Builder& refuse(const std::string& message, const char* remedy) {
    if (object_) object_ = Error(Status::InvalidArgument, message + " cannot be used", remedy);
    return *this;
  }
};

inline CalibratorOptions::Builder CalibratorOptions::make() { return Builder(CalibratorOptions()); }

}  // namespace qdq::trt

#endif
