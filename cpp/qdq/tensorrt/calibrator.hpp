// Calibrators for TensorRT 7 to 10.
#ifndef QDQ_TENSORRT_CALIBRATOR_HPP
#define QDQ_TENSORRT_CALIBRATOR_HPP

#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <NvInfer.h>

#include <qdq/batches.hpp>
#include <qdq/cache.hpp>
#include <qdq/ranges.hpp>
#include <qdq/tensorrt/calibrator_options.hpp>
#include <qdq/tensorrt/detail/batch_feed.hpp>
#include <qdq/tensorrt/detail/calibration.hpp>
#include <qdq/tensorrt/detail/calibrator_base.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/inputs.hpp>
#include <qdq/tensorrt/library.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// A calibrator over a class of TensorRT. With batches, TensorRT measures the ranges. With existing ranges or
/// an existing cache, TensorRT does not calibrate at all.
///
///     auto batches = qdq::Batches::open(*qdq::trt::inputs(*network), "images");
///     auto calibrator = qdq::trt::EntropyCalibrator2::from_batches(*network, std::move(*batches), *options);
///     config->setInt8Calibrator(calibrator->get());
///
/// The network is read when the calibrator is made, and is not kept: it must be complete by then. A strongly
/// typed network is refused, as TensorRT does. `library` is the TensorRT that builds the network; a cache
/// must be for its version. The caller owns the calibrator and keeps it until the engine is built. The
/// batches or the function are moved into it. Options are copied, and their logger must outlive the
/// calibrator.
///
/// No function that TensorRT calls throws. A failure is logged, ends the data and is kept for failure().
/// After a failure no cache is written, because it would cover only a part of the data. Check failure() after
/// the build: a failed build may have its cause there.
///
/// One thread at a time may use a calibrator, TensorRT included.
template <typename Base, Algorithm algorithm>
class Calibrator final : public detail::Calls<Base> {
 public:
  /// Makes a calibrator that feeds these batches, opened for trt::inputs(network), to TensorRT.
  ///
  /// The batches may hold any number of samples and name the inputs in any order. If the last batch is too
  /// short, its own samples fill it up. Device memory is allocated when TensorRT asks for the first batch,
  /// and not at all if a cache file makes the calibration unnecessary.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_batches(
      const nvinfer1::INetworkDefinition& network, Batches batches, const CalibratorOptions& options = CalibratorOptions(),
      const Library& library = Library::linked()) {
    QDQ_TRY_AS(inputs, network_inputs(network, options.profile(), options.batch_size()));
    QDQ_TRY_AS(feed, detail::BatchFeed::make(std::move(inputs).value(), std::move(batches), detail::Log(options.logger())));
    return make(network, options, library, std::move(feed).value());
  }

  /// Makes a calibrator for data that is already in device memory.
  ///
  /// The function is called with a `trt::Bindings&` for every batch. It sets the device pointer of every
  /// input and returns true; after the last batch it sets nothing and returns false. It may return
  /// Result<bool> instead. The function is moved in. An exception that it throws is a failure.
  template <typename Function>
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_device(
      const nvinfer1::INetworkDefinition& network, Function function, const CalibratorOptions& options = CalibratorOptions(),
      const Library& library = Library::linked()) {
    QDQ_TRY_AS(inputs, network_inputs(network, options.profile(), options.batch_size()));
    auto feed = std::make_unique<detail::DeviceFeed<Function>>(std::move(inputs).value(), std::move(function));
    return make(network, options, library, std::move(feed));
  }

  /// Makes a calibrator that gives TensorRT existing ranges of any method: TensorRT calibrates nothing.
  ///
  /// Status::Data if the network has none of their tensors. The cache file of the options is not used.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_ranges(
      const nvinfer1::INetworkDefinition& network, const Ranges& ranges,
      const CalibratorOptions& options = CalibratorOptions(), const Library& library = Library::linked()) {
    QDQ_TRY(library.check());
    QDQ_TRY_AS(cache, Cache::from_ranges(ranges, static_cast<std::uint32_t>(library.version_number()), algorithm));
    return with_cache(network, std::move(cache).value(), options, library);
  }

  /// Does the same with a cache of any version and algorithm, which is copied. Status::Data if a scale cannot
  /// be used.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_cache(const nvinfer1::INetworkDefinition& network,
                                                                      const Cache& cache,
                                                                      const CalibratorOptions& options = CalibratorOptions(),
                                                                      const Library& library = Library::linked()) {
    QDQ_TRY_AS(bytes, cache.to_bytes());
    QDQ_TRY_AS(copy, Cache::from_bytes(*bytes));
    return with_cache(network, std::move(copy).value(), options, library);
  }

  /// Returns the first failure; null if there was none. Valid as long as the calibrator.
  [[nodiscard]] const Error* failure() const noexcept { return this->calibration_.failure(); }

 private:
  explicit Calibrator(detail::Calibration calibration) : detail::Calls<Base>(std::move(calibration)) {}

  static Result<std::unique_ptr<Calibrator>> make(const nvinfer1::INetworkDefinition& network,
                                                  const CalibratorOptions& options, const Library& library,
                                                  std::unique_ptr<detail::Feed> feed) {
    QDQ_TRY(library.check());
    QDQ_TRY(detail::takes_ranges(network));
    detail::CacheReader reader(static_cast<std::uint32_t>(library.version_number()), algorithm, network);
    const std::int32_t batch_size = detail::has_implicit_batch(network) ? options.batch_size() : 1;
    return std::unique_ptr<Calibrator>(
        new Calibrator(detail::Calibration(options, batch_size, std::move(reader), std::move(feed))));
  }

  static Result<std::unique_ptr<Calibrator>> with_cache(const nvinfer1::INetworkDefinition& network, Cache cache,
                                                        const CalibratorOptions& options, const Library& library) {
    QDQ_TRY_AS(made, make(network, options, library, nullptr));
    QDQ_TRY((*made)->calibration_.store().set(std::move(cache)));
    return made;
  }
};

QDQ_TRT_DEPRECATED_BEGIN
/// IInt8EntropyCalibrator2, which TensorRT recommends for most networks.
using EntropyCalibrator2 = Calibrator<nvinfer1::IInt8EntropyCalibrator2, Algorithm::Entropy2>;
/// IInt8EntropyCalibrator. Its caches name the tensors that are left after fusion, so they fit one device
/// only.
using EntropyCalibrator = Calibrator<nvinfer1::IInt8EntropyCalibrator, Algorithm::Entropy>;
/// IInt8MinMaxCalibrator: nothing is clipped.
using MinMaxCalibrator = Calibrator<nvinfer1::IInt8MinMaxCalibrator, Algorithm::MinMax>;
/// IInt8LegacyCalibrator: by a quantile and a regression cutoff, which the options set.
using LegacyCalibrator = Calibrator<nvinfer1::IInt8LegacyCalibrator, Algorithm::Legacy>;
QDQ_TRT_DEPRECATED_END

}  // namespace qdq::trt

#else

#include <memory>

#include <qdq/result.hpp>

namespace qdq::trt {
namespace detail {

template <typename...>
inline constexpr bool has_calibrators = false;

/// The replacement of each calibrator if TensorRT has none. Its errors name the functions to call instead.
class NoCalibrator {
 public:
  template <typename... Arguments>
  static Result<std::unique_ptr<NoCalibrator>> from_batches(Arguments&&...) {
    static_assert(has_calibrators<Arguments...>,
                  "TensorRT 11 and TensorRT-RTX have no calibrators. qdq measures the batches itself: "
                  "qdq::trt::build_engine(model, batches), or qdq::Model::calibrate() and qdq::trt::insert_qdq()");
    return Error(Status::Unsupported, "");
  }
  template <typename... Arguments>
  static Result<std::unique_ptr<NoCalibrator>> from_device(Arguments&&...) {
    static_assert(has_calibrators<Arguments...>,
                  "TensorRT 11 and TensorRT-RTX have no calibrators. For data in device memory, derive from "
                  "nvinfer1::IInt8EntropyCalibrator2 and call qdq::trt::quantize(network, calibrator, {model})");
    return Error(Status::Unsupported, "");
  }
  template <typename... Arguments>
  static Result<std::unique_ptr<NoCalibrator>> from_ranges(Arguments&&...) {
    static_assert(has_calibrators<Arguments...>,
                  "TensorRT 11 and TensorRT-RTX have no calibrators. Give the ranges to qdq::trt::insert_qdq() or "
                  "qdq::trt::build_engine()");
    return Error(Status::Unsupported, "");
  }
  template <typename... Arguments>
  static Result<std::unique_ptr<NoCalibrator>> from_cache(Arguments&&...) {
    static_assert(has_calibrators<Arguments...>,
                  "TensorRT 11 and TensorRT-RTX have no calibrators. Give the cache to qdq::trt::build_engine(), or its "
                  "Cache::to_ranges() to qdq::trt::insert_qdq()");
    return Error(Status::Unsupported, "");
  }
  [[nodiscard]] const Error* failure() const noexcept { return nullptr; }
};

}  // namespace detail

using EntropyCalibrator2 = detail::NoCalibrator;
using EntropyCalibrator = detail::NoCalibrator;
using MinMaxCalibrator = detail::NoCalibrator;
using LegacyCalibrator = detail::NoCalibrator;

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_CALIBRATOR

#include <qdq/detail/end_try.hpp>

#endif
