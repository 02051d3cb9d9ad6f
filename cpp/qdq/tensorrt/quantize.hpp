// Support for programs with a calibrator of their own, on every TensorRT from 8 on.
#ifndef QDQ_TENSORRT_QUANTIZE_HPP
#define QDQ_TENSORRT_QUANTIZE_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/batches.hpp>
#include <qdq/cache.hpp>
#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator_compat.hpp>
#include <qdq/tensorrt/detail/calibrator_batches.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/logger.hpp>
#include <qdq/tensorrt/detail/quantize_network.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/quantized.hpp>
#include <qdq/tensorrt/version.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt {
QDQ_TRT_DEPRECATED_BEGIN

/// The model that a calibrator's batches are for.
struct CalibratedModel {
  /// The float ONNX model that the network was parsed from. qdq runs it over the calibrator's batches. Empty
  /// if the calibrator has a cache.
  std::string model;
  /// The profile whose kOPT shapes the batches have, for networks with dynamic shapes.
  const nvinfer1::IOptimizationProfile* profile = nullptr;
};

namespace detail {

inline Result<Quantized> quantized(nvinfer1::INetworkDefinition& network, const Ranges& ranges, const Stats* stats,
                                   const EngineOptions& options, nvinfer1::ILogger& logger, Notes& notes) {
  QDQ_TRY_AS(done, quantize_network(network, ranges, stats, options, logger, notes));
  return Quantized(std::move(done->memory), std::move(done->plan), std::move(done->precision), notes.take());
}

}  // namespace detail

/// Inserts Quantize and Dequantize into a network with the data of a user's calibrator: its cache, of any
/// version and algorithm, or else its batches.
///
/// TensorRT 11 and RTX do not call calibrators any more. This function does, so that the calibrator's source
/// stays unchanged (see calibrator_compat.hpp for its base classes).
///
/// Batches are copied from device memory to the host. qdq runs `source.model` over them on the CPU, with the
/// run options and the method of the options. It then gives the calibrator the cache to keep, and the next
/// build uses that cache.
///
/// The result owns the scales and must outlive the build of the engine. The calibrator is not needed after
/// the call. If a cache covers only a part of the network, the rest stays in float: the result's plan and
/// findings list it, the options' logger reports it, and with `min_quantized` in the options' policy it is an
/// error.
///
/// Ranges serve every format, so the policy may have others than int8. The cache that the calibrator keeps
/// then holds the scales that INT8 would have.
///
/// With `fp16` or `bf16` in the options, everything else of a strongly typed network becomes 16-bit, as
/// trt::cast() does it.
[[nodiscard]] inline Result<Quantized> quantize(nvinfer1::INetworkDefinition& network, nvinfer1::IInt8Calibrator& calibrator,
                                                const CalibratedModel& source = {}, const EngineOptions& options = {},
                                                const Library& library = Library::linked()) {
  QDQ_TRY(library.check());
  detail::Logger logger(options.logger);
  detail::Notes notes(&logger);
  std::size_t length = 0;
  if (const void* kept = calibrator.readCalibrationCache(length); kept != nullptr && length > 0) {
    QDQ_TRY_AS(cache, Cache::from_bytes(Bytes(kept, length)));
    QDQ_TRY_AS(ranges, cache->to_ranges());
    QDQ_TRY(notes.add(*ranges));
    return detail::quantized(network, *ranges, nullptr, options, logger, notes);
  }
  if (source.model.empty()) {
    return Error(Status::InvalidArgument, "the calibrator has no cache, and no model is given to calibrate with its batches",
                 "give the ONNX file that the network was parsed from: CalibratedModel::model");
  }
  QDQ_TRY_AS(model, Model::open(source.model));
  QDQ_TRY_AS(batches, detail::calibrator_batches(network, calibrator, source.profile, *model));
  QDQ_TRY_AS(policy, detail::policy_of(options));
  QDQ_TRY_AS(plan, model->plan(*policy));
  QDQ_TRY_AS(stats, model->calibrate(*plan, *batches, true, *options.run));
  QDQ_TRY(notes.add(*stats));
  QDQ_TRY_AS(ranges, plan->ranges(*stats, options.method));
  QDQ_TRY(notes.add(*ranges));
  // TensorRT 11 and RTX read no caches. The cache that the calibrator keeps there is for qdq, and has the
  // number of the last major version that reads caches.
  const std::int32_t version = QDQ_TRT_HAS_CALIBRATOR ? library.version_number() : 100000;
  QDQ_TRY_AS(cache, Cache::from_ranges(*ranges, static_cast<std::uint32_t>(version),
                                       static_cast<Algorithm>(calibrator.getAlgorithm())));
  QDQ_TRY_AS(bytes, cache->to_bytes());
  calibrator.writeCalibrationCache(bytes->data(), bytes->size());
  return detail::quantized(network, *ranges, &*stats, options, logger, notes);
}

QDQ_TRT_DEPRECATED_END
}  // namespace qdq::trt

#else

namespace qdq::trt {

template <typename... Arguments>
Result<Quantized> quantize(Arguments&&...) {
  static_assert(
      detail::has_qdq<Arguments...>,
      "TensorRT 7 has no Quantize and Dequantize layers: set the calibrator with IBuilderConfig::setInt8Calibrator()");
  return Error(Status::Unsupported, "");
}

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
