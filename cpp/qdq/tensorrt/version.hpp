// The features of the TensorRT that the program is compiled against. Only this header asks for its version.
#ifndef QDQ_TENSORRT_VERSION_HPP
#define QDQ_TENSORRT_VERSION_HPP

#include <cstdint>
#include <string>

#include <NvInfer.h>

// TensorRT-RTX counts its versions from 1, and has the interface of TensorRT 11.
#if defined(TRT_MAJOR_RTX) || NV_TENSORRT_MAJOR < 7
#define QDQ_TRT_RTX 1
#define QDQ_TRT_MAJOR 11
#else
#define QDQ_TRT_RTX 0
#define QDQ_TRT_MAJOR NV_TENSORRT_MAJOR
#endif

/// Whether the headers are of this version or a newer one. RTX has its own numbering: for it, ask only for
/// versions before 11.
#define QDQ_TRT_AT_LEAST(major, minor) \
  (QDQ_TRT_MAJOR > (major) || (QDQ_TRT_MAJOR == (major) && NV_TENSORRT_MINOR >= (minor)))

/// Whether there are calibrators, dynamic ranges and the INT8 flag: up to 10.
#define QDQ_TRT_HAS_CALIBRATOR (QDQ_TRT_MAJOR <= 10)
/// Whether a calibrator may have a profile, and so calibrate a network whose shapes are decided at run time:
/// up to 10, except 7.0.
#define QDQ_TRT_HAS_CALIBRATION_PROFILE (QDQ_TRT_HAS_CALIBRATOR && QDQ_TRT_AT_LEAST(7, 1))
/// Whether networks may leave the batch out of their shapes, and have fully connected layers: up to 9.
#define QDQ_TRT_HAS_IMPLICIT_BATCH (QDQ_TRT_MAJOR <= 9)
/// Whether there are Quantize and Dequantize layers, and a function that builds a serialized engine in one
/// call.
#define QDQ_TRT_HAS_QDQ QDQ_TRT_AT_LEAST(8, 0)
/// Whether networks have branches, scatter and einsum.
#define QDQ_TRT_HAS_BRANCHES QDQ_TRT_AT_LEAST(8, 2)
/// Whether an engine can keep the details of its layers, and IEngineInspector shows them.
#define QDQ_TRT_HAS_INSPECTOR QDQ_TRT_AT_LEAST(8, 2)
/// Whether the builder's memory limits are per pool.
#define QDQ_TRT_HAS_MEMORY_POOLS QDQ_TRT_AT_LEAST(8, 4)
/// Whether measured times can be kept for the next build: from 8, except RTX.
#define QDQ_TRT_HAS_TIMING_CACHE (QDQ_TRT_HAS_QDQ && !QDQ_TRT_RTX)
/// Whether there are unsigned bytes.
#define QDQ_TRT_HAS_UINT8 QDQ_TRT_AT_LEAST(8, 5)
/// Whether there are layers for casts and normalization, and 8-bit floats.
#define QDQ_TRT_HAS_CAST QDQ_TRT_AT_LEAST(8, 6)
/// Whether Quantize and Dequantize take the type of their result, such as 8-bit floats, and whether there are
/// bfloat16 and int64.
#define QDQ_TRT_QDQ_HAS_TYPE QDQ_TRT_AT_LEAST(9, 0)
/// Whether there is an activation GELU.
#define QDQ_TRT_HAS_GELU QDQ_TRT_AT_LEAST(10, 0)
/// Whether there are 4-bit integers.
#define QDQ_TRT_HAS_INT4 QDQ_TRT_AT_LEAST(10, 0)
/// Whether a Dequantize reads constants that are quantized already.
#define QDQ_TRT_HAS_STORED_WEIGHTS QDQ_TRT_AT_LEAST(10, 0)
/// Whether tensors of more than two axes may have scales of blocks.
#define QDQ_TRT_HAS_STACKED_BLOCKS QDQ_TRT_AT_LEAST(10, 13)
/// Whether there are layers that squeeze and unsqueeze.
#define QDQ_TRT_HAS_SQUEEZE QDQ_TRT_AT_LEAST(10, 7)
/// Whether strong typing is an option of a network: 9 and 10.
#define QDQ_TRT_HAS_STRONG_TYPES (QDQ_TRT_AT_LEAST(9, 0) && !QDQ_TRT_AT_LEAST(11, 0))
/// Whether all networks are strongly typed: layers compute in the types of their inputs.
#define QDQ_TRT_STRONGLY_TYPED QDQ_TRT_AT_LEAST(11, 0)
/// Whether the type of a network's input can be changed: up to 10.
#define QDQ_TRT_HAS_INPUT_TYPE (!QDQ_TRT_AT_LEAST(11, 0))
/// Whether the header of the ONNX parser is available. It need not be beside TensorRT's headers.
#if __has_include(<NvOnnxParser.h>)
#define QDQ_TRT_HAS_PARSER 1
#else
#define QDQ_TRT_HAS_PARSER 0
#endif
/// Whether an engine can be built for a GPU that is not in this machine: RTX.
#define QDQ_TRT_HAS_COMPUTE_CAPABILITY QDQ_TRT_RTX

// Enclose uses of deprecated functions that older versions need.
#if defined(__GNUC__)
#define QDQ_TRT_DEPRECATED_BEGIN \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
#define QDQ_TRT_DEPRECATED_END _Pragma("GCC diagnostic pop")
#elif defined(_MSC_VER)
#define QDQ_TRT_DEPRECATED_BEGIN __pragma(warning(push)) __pragma(warning(disable : 4996))
#define QDQ_TRT_DEPRECATED_END __pragma(warning(pop))
#else
#define QDQ_TRT_DEPRECATED_BEGIN
#define QDQ_TRT_DEPRECATED_END
#endif

namespace qdq::trt {

/// A version of TensorRT or of TensorRT-RTX.
struct Version {
  std::int32_t major;
  std::int32_t minor;
  std::int32_t patch;

  /// Converts the number that getInferLibVersion() returns: 8501 is 8.5.1, 100300 is 10.3.0, 10701 is RTX
  /// 1.7.1.
  [[nodiscard]] static constexpr Version from_number(std::int32_t number) noexcept {
    const std::int32_t thousands = number < 10000 ? 1000 : 10000;
    return {number / thousands, number % thousands / 100, number % 100};
  }
  /// Returns whether it is TensorRT-RTX, which counts its versions from 1.
  [[nodiscard]] constexpr bool is_rtx() const noexcept { return major < 7; }

  /// Returns the version as a text: "TensorRT 8.5.1", "TensorRT-RTX 1.7.1".
  [[nodiscard]] std::string text() const {
    return (is_rtx() ? "TensorRT-RTX " : "TensorRT ") + std::to_string(major) + "." + std::to_string(minor) + "." +
           std::to_string(patch);
  }
};

/// The version whose headers the program is compiled with.
inline constexpr Version compiled{NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};

}  // namespace qdq::trt

#endif
