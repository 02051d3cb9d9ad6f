// The kernels of engines, as TensorRT's IEngineInspector describes them.
#ifndef QDQ_TENSORRT_ENGINE_COST_HPP
#define QDQ_TENSORRT_ENGINE_COST_HPP

#include <string>

#include <NvInfer.h>

#include <qdq/engine_cost.hpp>
#include <qdq/tensorrt/library.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {

/// Returns the layers of an engine as JSON. From TensorRT 8.2.
///
/// The engine must have been built with EngineOptions::detailed, or the profiling verbosity kDETAILED;
/// otherwise the JSON has only the names of the layers.
[[nodiscard]] inline Result<std::string> engine_layers([[maybe_unused]] const nvinfer1::ICudaEngine& engine) {
#if QDQ_TRT_HAS_INSPECTOR
  const Owner<nvinfer1::IEngineInspector> inspector(engine.createEngineInspector());
  const char* json = inspector ? inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON) : nullptr;
  if (json != nullptr) return std::string(json);
  return Error(Status::TensorRt, "TensorRT describes no layers of the engine", "see what it logged");
#else
  return Error(Status::Unsupported, compiled.text() + " has no IEngineInspector", "use TensorRT 8.2 or newer");
#endif
}

/// Does the same with the bytes of an engine. This needs the GPU that the engine was built for.
[[nodiscard]] inline Result<std::string> engine_layers([[maybe_unused]] Bytes engine,
                                                       [[maybe_unused]] nvinfer1::ILogger& logger,
                                                       [[maybe_unused]] const Library& library = Library::linked()) {
#if QDQ_TRT_HAS_INSPECTOR
  QDQ_TRY_AS(runtime, library.runtime(logger));
  const Owner<nvinfer1::ICudaEngine> read((*runtime)->deserializeCudaEngine(engine.data(), engine.size()));
  if (read) return engine_layers(*read);
  return Error(Status::TensorRt, library.version().text() + " cannot read the engine",
               "see what it logged; an engine is for one version of TensorRT and one kind of GPU");
#else
  return Error(Status::Unsupported, compiled.text() + " has no IEngineInspector", "use TensorRT 8.2 or newer");
#endif
}

/// Returns the kernels of an engine, and the bytes of activations that they move. From TensorRT 8.2.
///
/// Status::InvalidArgument if the engine was built without EngineOptions::detailed. For RTX, and without a
/// GPU, EngineCost::from_bytes() reads a serialized engine.
[[nodiscard]] inline Result<EngineCost> engine_cost(const nvinfer1::ICudaEngine& engine) {
  QDQ_TRY_AS(json, engine_layers(engine));
  return EngineCost::from_layers(compiled.text(), *json);
}

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
