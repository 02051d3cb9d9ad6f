// TensorRT's INT8 calibrators, from 7 to 10.
#ifndef QDQ_TENSORRT_CALIBRATOR_HPP
#define QDQ_TENSORRT_CALIBRATOR_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/tensorrt/calibrator_options.hpp>
#include <qdq/tensorrt/detail/calibration.hpp>
#include <qdq/tensorrt/inputs.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

namespace qdq::trt {
namespace detail {

template <typename Base, Algorithm Kind>
class Complete;

}  // namespace detail

/// A calibrator for IBuilderConfig::setInt8Calibrator(), over one of TensorRT's own base classes. It must outlive the build.
///
/// Two ways of working: TensorRT measures, fed with batches (from_batches(), from_device()); or qdq has measured
/// (from_ranges(), from_cache()), and TensorRT gets a cache for its own version and runs no calibration.
///
/// TensorRT calls it from the thread that builds, and learns of no error: what is refused is logged, ends the calibration, and is
/// kept in failure(). Ask for it after the build. A cache of half the data is never written.
template <typename Base, Algorithm Kind>
class Calibrator : public Base {
 public:
  /// Batches from files or a function; inputs() gives the specs for them. A short last batch is filled up with its own samples.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_batches(const nvinfer1::INetworkDefinition& network,
                                                                        Batches batches,
                                                                        const CalibratorOptions& options = {},
                                                                        const Library& library = Library::linked()) {
    auto specs = inputs(network, options.profile, options.batch_size);
    if (!specs) return std::move(specs).error();
    auto size = detail::batch_size(*specs);
    if (!size) return std::move(size).error();
    return make(&network, detail::Feeder(std::move(batches), *std::move(specs)), *size, options, library);
  }

  /// Batches that are in device memory already: `next` sets the pointer of every input. They must have the network's shapes, or
  /// those of the calibration profile.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_device(const nvinfer1::INetworkDefinition& network,
                                                                       NextDeviceBatch next,
                                                                       const CalibratorOptions& options = {},
                                                                       const Library& library = Library::linked()) {
    return make(&network, detail::Feeder(std::move(next)), options.batch_size, options, library);
  }

  /// Ranges that qdq has computed, by any of its methods. The cache file of the options is not read.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_ranges(const Ranges& ranges,
                                                                       const CalibratorOptions& options = {},
                                                                       const Library& library = Library::linked()) {
    auto cache = Cache::from_ranges(ranges, static_cast<std::uint32_t>(library.version_number()), Kind);
    if (!cache) return std::move(cache).error();
    auto made = make(nullptr, detail::Feeder(detail::no_batches()), options.batch_size, options, library);
    if (made) (*made)->calibration_.give(*std::move(cache));
    return made;
  }

  /// A calibration cache, which gets the header of the running version and of this calibrator.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_cache(const Cache& cache,
                                                                      const CalibratorOptions& options = {},
                                                                      const Library& library = Library::linked()) {
    auto ranges = cache.to_ranges();
    if (!ranges) return std::move(ranges).error();
    return from_ranges(*ranges, options, library);
  }

  /// What ended the calibration; NULL where all went well.
  [[nodiscard]] const Error* failure() const noexcept { return calibration_.failure(); }
  /// How many batches TensorRT has taken.
  [[nodiscard]] std::size_t batches() const noexcept { return calibration_.batches(); }

  std::int32_t getBatchSize() const noexcept override { return calibration_.batch_size(); }
  bool getBatch(void* bindings[], const char* names[], std::int32_t count) noexcept override {
    return calibration_.get_batch(bindings, names, count);
  }
  const void* readCalibrationCache(std::size_t& length) noexcept override { return calibration_.read_cache(length); }
  void writeCalibrationCache(const void* cache, std::size_t length) noexcept override {
    calibration_.write_cache(cache, length);
  }

  /// Use the functions above.
  Calibrator(detail::Feeder feeder, detail::CalibrationFile file, const CalibratorOptions& options, std::int32_t batch_size)
      : calibration_(std::move(feeder), std::move(file), options, batch_size) {}

 protected:
  detail::Calibration calibration_;

 private:
  static Result<std::unique_ptr<Calibrator>> make(const nvinfer1::INetworkDefinition* network, detail::Feeder feeder,
                                                  std::int32_t batch_size, const CalibratorOptions& options,
                                                  const Library& library) {
    if (auto fits = library.check(); !fits) return std::move(fits).error();
    auto tensors = detail::calibrated_tensors(network);
    if (!tensors) return std::move(tensors).error();
    detail::CalibrationFile file(options.cache_file, options.allow_reheading, library.version_number(), Kind,
                                 *std::move(tensors));
    return std::unique_ptr<Calibrator>(
        new detail::Complete<Base, Kind>(std::move(feeder), std::move(file), options, batch_size));
  }
};

namespace detail {

// A calibrator with everything that its base class asks for.
template <typename Base, Algorithm Kind>
class Complete final : public Calibrator<Base, Kind> {
 public:
  using Calibrator<Base, Kind>::Calibrator;
};

QDQ_TRT_DEPRECATED_BEGIN
template <>
class Complete<nvinfer1::IInt8LegacyCalibrator, Algorithm::Legacy> final
    : public Calibrator<nvinfer1::IInt8LegacyCalibrator, Algorithm::Legacy> {
 public:
  using Calibrator::Calibrator;

  double getQuantile() const noexcept override { return calibration_.options().quantile; }
  double getRegressionCutoff() const noexcept override { return calibration_.options().regression_cutoff; }
  const void* readHistogramCache(std::size_t& length) noexcept override { return calibration_.read_histogram(length); }
  void writeHistogramCache(const void* histogram, std::size_t length) noexcept override {
    calibration_.write_histogram(histogram, length);
  }
};

}  // namespace detail

/// What nearly every program uses: the ranges of the least loss of information, found before layers are fused.
using EntropyCalibrator2 = Calibrator<nvinfer1::IInt8EntropyCalibrator2, Algorithm::Entropy2>;
/// The same after fusion; its caches fit one kind of GPU only.
using EntropyCalibrator = Calibrator<nvinfer1::IInt8EntropyCalibrator, Algorithm::Entropy>;
/// The largest magnitude.
using MinMaxCalibrator = Calibrator<nvinfer1::IInt8MinMaxCalibrator, Algorithm::MinMax>;
/// The calibrator of TensorRT 2: a quantile and a regression.
using LegacyCalibrator = Calibrator<nvinfer1::IInt8LegacyCalibrator, Algorithm::Legacy>;
QDQ_TRT_DEPRECATED_END

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_CALIBRATOR

#endif
