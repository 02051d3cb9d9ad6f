// Functions that build an engine in one call.
#ifndef QDQ_TENSORRT_ENGINE_HPP
#define QDQ_TENSORRT_ENGINE_HPP

#include <string>
#include <utility>

#include <NvInfer.h>

#include <qdq/batches.hpp>
#include <qdq/cache.hpp>
#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator.hpp>
#include <qdq/tensorrt/detail/engine_build.hpp>
#include <qdq/tensorrt/detail/parser.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/serialized_engine.hpp>

#include <qdq/detail/try.hpp>

// If ranges or a cache cover only a part of a network, the rest stays in float: Engine::plan() and
// Engine::findings() list it, the options' logger reports it, and with `min_quantized` in the options' policy
// it is an error.

namespace qdq::trt {

#if QDQ_TRT_HAS_PARSER
/// Builds the engine of an ONNX model without changes, except for half precision on strongly typed networks.
/// The model has Quantize and Dequantize in it, or is float.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  QDQ_TRY(library.check());
  QDQ_TRY_AS(opened, Model::open(model));
  return detail::Build(options, library).unchanged(*opened, model);
}

/// Builds the INT8 engine of a float ONNX model with the ranges of its activations.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const Ranges& ranges,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  QDQ_TRY(library.check());
  QDQ_TRY_AS(opened, Model::open(model));
  return detail::Build(options, library).from_float(*opened, model, ranges);
}

/// Does the same with a calibration cache of an older deployment.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, const Cache& cache,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  QDQ_TRY_AS(ranges, cache.to_ranges());
  return build_engine(model, *ranges, options, library);
}

/// Calibrates a float ONNX model over all batches and builds its INT8 engine. qdq runs the model on the CPU.
[[nodiscard]] inline Result<Engine> build_engine(const std::string& model, Batches& batches,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked_with_parser()) {
  QDQ_TRY(library.check());
  QDQ_TRY_AS(opened, Model::open(model));
  return detail::Build(options, library).from_batches(*opened, model, batches);
}

#else

/// Does not compile: building an engine from an ONNX model needs NvOnnxParser.h.
template <typename... Arguments>
Result<Engine> build_engine(const std::string&, Arguments&&...) {
  detail::require_parser<Arguments...>();
  return Error(Status::Unsupported, "");
}

#endif  // QDQ_TRT_HAS_PARSER

/// Builds the INT8 engine of a float network with the ranges of its tensors. The network is changed: see
/// insert_qdq() and set_dynamic_ranges().
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const Ranges& ranges, const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  return detail::Build(options, library).from_network(builder, network, &ranges);
}

/// Does the same with a calibration cache of an older deployment.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const Cache& cache, const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  QDQ_TRY_AS(ranges, cache.to_ranges());
  return build_engine(builder, network, *ranges, options, library);
}

/// Builds the engine of a network without changes, except for half precision in a strongly typed network:
/// see cast(). The network has Quantize and Dequantize in it, or is float. The engine owns the numbers that a
/// changed network refers to, also in the other functions: keep it as long as you use the network.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  return detail::Build(options, library).from_network(builder, network, nullptr);
}

#if QDQ_TRT_HAS_CALIBRATOR
/// Builds the INT8 engine of a float network with batches that TensorRT itself calibrates, on the GPU. Up to
/// TensorRT 10.
///
/// inputs() gives the specs for the batches. If the calibration fails, this function returns that error, even
/// if TensorRT builds an engine from a part of the data.
[[nodiscard]] inline Result<Engine> build_engine(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 Batches batches, const CalibratorOptions& calibration,
                                                 const EngineOptions& options = {},
                                                 const Library& library = Library::linked()) {
  QDQ_TRY_AS(calibrator, EntropyCalibrator2::from_batches(network, std::move(batches), calibration, library));
  return detail::Build(options, library).with_calibrator(builder, network, **calibrator, calibration.profile());
}
#else
template <typename... Options>
Result<Engine> build_engine(nvinfer1::IBuilder&, nvinfer1::INetworkDefinition&, Batches, Options&&...) {
  static_assert(detail::has_calibrators<Options...>,
                "TensorRT 11 and TensorRT-RTX do not calibrate. qdq measures the batches itself: "
                "qdq::trt::build_engine(model, batches), or qdq::Model::calibrate() and qdq::trt::insert_qdq()");
  return Error(Status::Unsupported, "");
}
#endif

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
