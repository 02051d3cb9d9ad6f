// Options for building an engine.
#ifndef QDQ_TENSORRT_ENGINE_OPTIONS_HPP
#define QDQ_TENSORRT_ENGINE_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <NvInfer.h>

#include <qdq/detail/shared.hpp>
#include <qdq/numbers.hpp>
#include <qdq/policy.hpp>
#include <qdq/precision_options.hpp>
#include <qdq/run_options.hpp>

namespace qdq::trt {

/// The way that a network specifies the layers to run in INT8.
enum class Way {
  Auto,          ///< Q/DQ layers if TensorRT has them, from 8; dynamic ranges on 7 and without the batch in the shapes.
  Qdq,           ///< Quantize and Dequantize layers.
  DynamicRange,  ///< A range for every tensor, and TensorRT decides; up to 10.
};

/// The allowed shapes of an input, and the shape to optimize for.
struct InputShapes {
  std::string input;
  std::vector<std::int64_t> min, opt, max;
};

/// Options for building an engine. Every member has a default. Copies share policy and run options, which are
/// never changed.
struct EngineOptions {
  /// The logger of TensorRT's messages and of qdq's findings about data, ranges and plan. It must outlive the
  /// call. NULL prints warnings and errors on stderr.
  nvinfer1::ILogger* logger = nullptr;
  /// The way that the network specifies the layers to run in INT8.
  Way way = Way::Auto;
  /// The layers that may be quantized, and their formats, by the names of the ONNX model's nodes or of the
  /// layers of a given network. With `min_quantized` in it, ranges for too small a part of the network are an
  /// error instead of a warning.
  qdq::detail::Shared<Policy> policy;
  /// The method that computes the ranges of activations from batches.
  RangeMethod method = qdq::Method::Mse;
  /// The method that computes the ranges of weights.
  RangeMethod weight_method = qdq::Method::Mse;
  /// Options for running the model over batches.
  qdq::detail::Shared<RunOptions> run;
  /// Whether layers that are not INT8 may compute in float16.
  ///
  /// A weakly typed TensorRT (8 to 10) chooses these layers itself. A strongly typed network computes in its
  /// own types, so qdq casts the ONNX model (Model::cast()) or the network (trt::cast()), by the values that
  /// calibration saw or by the ranges.
  bool fp16 = false;
  /// Does the same for bfloat16. Weakly typed networks take it from TensorRT 9 on.
  bool bf16 = false;
  /// The choices for half precision in a strongly typed network: the layers that stay in f32 or that must
  /// not, and the types of inputs and outputs. `fp16` or `bf16` sets its 16-bit type. Without them, and for
  /// weakly typed networks, the choices have no effect.
  qdq::detail::Shared<PrecisionOptions> precision;
  /// Whether the network that is made of an ONNX model is strongly typed. An option of TensorRT 9 and 10; 11
  /// and RTX have no other networks.
  bool strongly_typed = false;
  /// Whether the engine keeps the details of its layers (the profiling verbosity kDETAILED), which
  /// engine_cost() needs. Engines of RTX always have them. Refused before 8.2.
  bool detailed = false;
  /// The builder's workspace in bytes; nothing for TensorRT's own limit.
  std::optional<std::size_t> workspace;
  /// A file that keeps measured times for later builds. It is read if it exists, and written. Empty for none.
  /// Refused on RTX.
  std::string timing_cache;
  /// The optimization profiles, each with the shapes of all inputs that have a dynamic shape.
  std::vector<std::vector<InputShapes>> profiles;
  /// The compute capabilities of the GPUs to build for, such as 86 for 8.6, on RTX. Empty for the GPU of this
  /// machine.
  std::vector<int> compute_capabilities;
  /// A function that is called before the build. It may change the builder, the network and the
  /// configuration.
  std::function<void(nvinfer1::IBuilder&, nvinfer1::INetworkDefinition&, nvinfer1::IBuilderConfig&)> configure;
};

}  // namespace qdq::trt

#endif
