// How an engine is built.
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
#include <qdq/run_options.hpp>

namespace qdq::trt {

/// How a network is told what to run in INT8.
enum class Way {
  Auto,          ///< Q/DQ layers where TensorRT has them, from 8; dynamic ranges on 7 and without the batch in the shapes.
  Qdq,           ///< Quantize and Dequantize layers.
  DynamicRange,  ///< A range for every tensor, and TensorRT decides: to 10.
};

/// The shapes that an input may have, and the one to be fastest for.
struct InputShapes {
  std::string input;
  std::vector<std::int64_t> min, opt, max;
};

/// How an engine is built. All members may stay as they are. Copies share policy and run options, which
/// nobody changes.
struct EngineOptions {
  /// Who gets TensorRT's messages, and what qdq has to say of data, ranges and plan; must outlive the call.
  /// NULL for warnings and errors on stderr.
  nvinfer1::ILogger* logger = nullptr;
  /// How the network is told what to run in INT8.
  Way way = Way::Auto;
  /// Which layers may be quantized. By the names of the ONNX model's nodes, or of the layers of a network
  /// that was given. With `min_quantized` in it, ranges for too small a part of the network are an error
  /// instead of a warning.
  qdq::detail::Shared<Policy> policy;
  /// How ranges of activations follow from batches.
  RangeMethod method = qdq::Method::Mse;
  /// How ranges of weights are computed.
  RangeMethod weight_method = qdq::Method::Mse;
  /// How the model runs over batches.
  qdq::detail::Shared<RunOptions> run;
  /// Whether the rest may run in half precision. On TensorRT 11 and RTX, and in strongly typed networks of 9
  /// and 10, the types of the model decide that, and it is refused.
  bool half = false;
  /// The builder's workspace in bytes; none for TensorRT's own limit.
  std::optional<std::size_t> workspace;
  /// A file that keeps measured times for later builds; read if it is there, and written. Empty for none.
  /// Refused on RTX.
  std::string timing_cache;
  /// The optimization profiles, each with the shapes of all inputs of dynamic shape.
  std::vector<std::vector<InputShapes>> profiles;
  /// For RTX: the compute capabilities of the GPUs to build for, such as 86 for 8.6. Empty for the GPU of
  /// this machine.
  std::vector<int> compute_capabilities;
  /// Called before the build with everything that can still be changed.
  std::function<void(nvinfer1::IBuilder&, nvinfer1::INetworkDefinition&, nvinfer1::IBuilderConfig&)> configure;
};

}  // namespace qdq::trt

#endif
