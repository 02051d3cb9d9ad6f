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

/// A calibrator over a class of TensorRT. It works in two ways: with batches TensorRT measures, and with
/// ranges or a cache that there are already it does not calibrate at all.
///
///     auto batches = qdq::Batches::open(*qdq::trt::inputs(*network), "images");
///     auto calibrator = qdq::trt::EntropyCalibrator2::from_batches(*network, std::move(*batches), *options);
///     config->setInt8Calibrator(calibrator->get());
///
/// The network is read when the calibrator is made and not kept: give it complete. One that is strongly typed
/// is refused, as TensorRT does. `library` is the TensorRT that builds it; its version is what a cache must
/// be for. The caller owns the calibrator and keeps it until the engine is built; the batches or the function
/// are moved into it, options are copied, and their logger must outlive it.
///
/// Nothing that TensorRT calls throws. A failure is logged, ends the data and is kept for failure(); after it
/// no cache is written, since it would be of half the data. Ask for it after the build, which may fail for a
/// reason that begins here.
///
/// One thread at a time may use a calibrator, TensorRT included.
template <typename Base, Algorithm algorithm>
class Calibrator final : public detail::Calls<Base> {
 public:
  /// A calibrator that feeds these batches, for trt::inputs(network), to TensorRT. They may hold any number
  /// of samples and name the inputs in any order; a last batch that is short is filled up with its own
  /// samples. Device memory is allocated when TensorRT asks for the first batch, not where a cache file saves
  /// it the calibration.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_batches(
      const nvinfer1::INetworkDefinition& network, Batches batches, const CalibratorOptions& options = CalibratorOptions(),
      const Library& library = Library::linked()) {
    QDQ_TRY_AS(inputs, network_inputs(network, options.profile(), options.batch_size()));
    QDQ_TRY_AS(feed, detail::BatchFeed::make(std::move(inputs).value(), std::move(batches), detail::Log(options.logger())));
    return make(network, options, library, std::move(feed).value());
  }

  /// A calibrator for data that is in device memory already. The function is called with a `trt::Bindings&`
  /// for every batch, sets the device pointer of every input and returns true; after the last batch it sets
  /// nothing and returns false. It may return Result<bool> instead, and is moved in. What it throws is a
  /// failure.
  template <typename Function>
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_device(
      const nvinfer1::INetworkDefinition& network, Function function, const CalibratorOptions& options = CalibratorOptions(),
      const Library& library = Library::linked()) {
    QDQ_TRY_AS(inputs, network_inputs(network, options.profile(), options.batch_size()));
    auto feed = std::make_unique<detail::DeviceFeed<Function>>(std::move(inputs).value(), std::move(function));
    return make(network, options, library, std::move(feed));
  }

  /// A calibrator that hands over ranges of any method: TensorRT calibrates nothing. Status::Data where the
  /// network has none of their tensors. The cache file of the options is not used.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_ranges(
      const nvinfer1::INetworkDefinition& network, const Ranges& ranges,
      const CalibratorOptions& options = CalibratorOptions(), const Library& library = Library::linked()) {
    QDQ_TRY(library.check());
    QDQ_TRY_AS(cache, Cache::from_ranges(ranges, static_cast<std::uint32_t>(library.version_number()), algorithm));
    return with_cache(network, std::move(cache).value(), options, library);
  }

  /// The same with a cache of any version and algorithm, which is copied. Status::Data where a scale cannot
  /// be used.
  [[nodiscard]] static Result<std::unique_ptr<Calibrator>> from_cache(const nvinfer1::INetworkDefinition& network,
                                                                      const Cache& cache,
                                                                      const CalibratorOptions& options = CalibratorOptions(),
                                                                      const Library& library = Library::linked()) {
    QDQ_TRY_AS(bytes, cache.to_bytes());
    QDQ_TRY_AS(copy, Cache::from_bytes(*bytes));
    return with_cache(network, std::move(copy).value(), options, library);
  }

  /// The first thing that went wrong; null where nothing has. Valid as long as the calibrator.
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
/// IInt8EntropyCalibrator2: what TensorRT recommends for most networks.
using EntropyCalibrator2 = Calibrator<nvinfer1::IInt8EntropyCalibrator2, Algorithm::Entropy2>;
/// IInt8EntropyCalibrator: its caches name the tensors that are left after fusion, so they fit one device
/// only.
using EntropyCalibrator = Calibrator<nvinfer1::IInt8EntropyCalibrator, Algorithm::Entropy>;
/// IInt8MinMaxCalibrator: nothing is clipped.
using MinMaxCalibrator = Calibrator<nvinfer1::IInt8MinMaxCalibrator, Algorithm::MinMax>;
/// IInt8LegacyCalibrator: by a quantile and a regression, which the options set.
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

/// Stands for each calibrator where TensorRT has none, to say what to call instead.
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
