// What the TensorRT offers that the program is compiled against: the only place that asks for its version.
#ifndef QDQ_TENSORRT_VERSION_HPP
#define QDQ_TENSORRT_VERSION_HPP

#include <cstdint>
#include <string>

#include <NvInfer.h>

// TensorRT-RTX counts from 1, and has the interface of TensorRT 11.
#if defined(TRT_MAJOR_RTX) || NV_TENSORRT_MAJOR < 7
#define QDQ_TRT_RTX 1
#define QDQ_TRT_MAJOR 11
#else
#define QDQ_TRT_RTX 0
#define QDQ_TRT_MAJOR NV_TENSORRT_MAJOR
#endif

/// Whether there are calibrators, dynamic ranges and the INT8 flag: to 10.
#define QDQ_TRT_HAS_CALIBRATOR (QDQ_TRT_MAJOR <= 10)
/// Whether there are Quantize and Dequantize layers: from 8.
#define QDQ_TRT_HAS_QDQ (QDQ_TRT_MAJOR >= 8)
/// Whether those layers are told the type that they compute: from 10.
#define QDQ_TRT_QDQ_HAS_TYPE (QDQ_TRT_MAJOR >= 10)
/// Whether all networks are strongly typed, so that layers compute in the types of their inputs: from 11.
#define QDQ_TRT_STRONGLY_TYPED (QDQ_TRT_MAJOR >= 11)
/// Whether networks may leave the batch out of their shapes, and have fully connected layers: to 9.
#define QDQ_TRT_HAS_IMPLICIT_BATCH (QDQ_TRT_MAJOR <= 9)
/// Whether a network becomes the bytes of an engine in one call: from 8.
#define QDQ_TRT_HAS_SERIALIZED_BUILD (QDQ_TRT_MAJOR >= 8)
/// Whether the builder's memory is limited by pool: from 8.4.
#define QDQ_TRT_HAS_MEMORY_POOLS (QDQ_TRT_MAJOR > 8 || (QDQ_TRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 4))
/// Whether there is a layer for casts: from 8.6.
#define QDQ_TRT_HAS_CAST (QDQ_TRT_MAJOR > 8 || (QDQ_TRT_MAJOR == 8 && NV_TENSORRT_MINOR >= 6))
/// Whether an engine can be built for a GPU that is not there: RTX.
#define QDQ_TRT_HAS_COMPUTE_CAPABILITY QDQ_TRT_RTX

namespace qdq::trt {

/// A version of TensorRT or of TensorRT-RTX.
struct Version {
  std::int32_t major;
  std::int32_t minor;
  std::int32_t patch;

  /// What getInferLibVersion() returns: 8501 is 8.5.1, 100300 is 10.3.0, 10701 is RTX 1.7.1.
  [[nodiscard]] static constexpr Version from_number(std::int32_t number) noexcept {
    const std::int32_t thousands = number < 10000 ? 1000 : 10000;
    return {number / thousands, number % thousands / 100, number % 100};
  }
  /// Whether it is TensorRT-RTX, which counts from 1.
  [[nodiscard]] constexpr bool is_rtx() const noexcept { return major < 7; }

  /// For people: "TensorRT 8.5.1", "TensorRT-RTX 1.7.1".
  [[nodiscard]] std::string text() const {
    return (is_rtx() ? "TensorRT-RTX " : "TensorRT ") + std::to_string(major) + "." + std::to_string(minor) + "." +
           std::to_string(patch);
  }
};

/// The version whose headers the program is compiled with.
inline constexpr Version compiled{NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};

}  // namespace qdq::trt

#endif
