// The numbers of qdq.h as types. Every enumerator has the value of its macro.
#ifndef QDQ_NUMBERS_HPP
#define QDQ_NUMBERS_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <qdq/qdq.h>

namespace qdq {

/// The number of a missing tensor or node, such as an optional input or output that is left out.
inline constexpr std::size_t none = QDQ_NONE;

/// The device of a tensor's memory, with DLPack's numbers. Device memory has to be copied to the host.
enum class Device : std::int32_t {
  Cpu = QDQ_DEVICE_CPU,
  CudaHost = QDQ_DEVICE_CUDA_HOST,  ///< The host's memory, pinned for CUDA.
};

/// The axis number for one scale for the whole tensor.
inline constexpr std::int32_t no_axis = QDQ_NO_AXIS;

/// A size that is decided at run time.
inline constexpr std::int64_t dynamic = QDQ_DYNAMIC;

/// The status of a call.
enum class Status : qdq_status {
  Ok = QDQ_OK,                                   ///< The call succeeded.
  InvalidArgument = QDQ_ERROR_INVALID_ARGUMENT,  ///< An argument or option is invalid.
  Io = QDQ_ERROR_IO,                             ///< The operating system refused to read or write something.
  Format = QDQ_ERROR_FORMAT,                     ///< A file is damaged or has the wrong format.
  Unsupported = QDQ_ERROR_UNSUPPORTED,           ///< Valid input that qdq cannot handle.
  Shape = QDQ_ERROR_SHAPE,                       ///< Shapes do not fit each other.
  Type = QDQ_ERROR_TYPE,                         ///< An element type does not fit.
  Data = QDQ_ERROR_DATA,                         ///< No result can be computed from the data or statistics.
  Runtime = QDQ_ERROR_RUNTIME,                   ///< A runtime (embedded, ONNX Runtime) failed.
  Cancelled = QDQ_ERROR_CANCELLED,               ///< The caller stopped the run.
  Internal = QDQ_ERROR_INTERNAL,                 ///< A defect in qdq itself.
  Callback = QDQ_ERROR_CALLBACK,                 ///< A callback of the caller failed.
  TensorRt = QDQ_ERROR_TENSORRT,                 ///< TensorRT or CUDA failed, or refused an argument.
};

/// An element type.
enum class DType : qdq_dtype {
  F32 = QDQ_DTYPE_F32,          ///< IEEE binary32.
  F16 = QDQ_DTYPE_F16,          ///< IEEE binary16.
  BF16 = QDQ_DTYPE_BF16,        ///< The upper half of a binary32.
  F64 = QDQ_DTYPE_F64,          ///< IEEE binary64.
  I8 = QDQ_DTYPE_I8,            ///< Signed 8-bit integer.
  U8 = QDQ_DTYPE_U8,            ///< Unsigned 8-bit integer.
  I16 = QDQ_DTYPE_I16,          ///< Signed 16-bit integer.
  U16 = QDQ_DTYPE_U16,          ///< Unsigned 16-bit integer.
  I32 = QDQ_DTYPE_I32,          ///< Signed 32-bit integer.
  U32 = QDQ_DTYPE_U32,          ///< Unsigned 32-bit integer.
  I64 = QDQ_DTYPE_I64,          ///< Signed 64-bit integer.
  U64 = QDQ_DTYPE_U64,          ///< Unsigned 64-bit integer.
  Bool = QDQ_DTYPE_BOOL,        ///< A boolean in one byte, 0 or 1.
  I4 = QDQ_DTYPE_I4,            ///< Signed 4-bit integer, two in a byte, the first in the low half.
  U4 = QDQ_DTYPE_U4,            ///< Unsigned 4-bit integer, stored like I4.
  E4M3 = QDQ_DTYPE_E4M3,        ///< The 8-bit float e4m3 without infinities.
  Unknown = QDQ_DTYPE_UNKNOWN,  ///< An unknown type.
};

/// A 16-bit floating-point type.
enum class Half : qdq_half {
  F16 = QDQ_HALF_F16,    ///< IEEE binary16: up to 65504.
  BF16 = QDQ_HALF_BF16,  ///< bfloat16: the range of f32, and 8 significant bits.
};

/// The precision of a node.
enum class Precision : qdq_precision {
  Float32 = QDQ_PRECISION_FLOAT32,  ///< Its f32 inputs and outputs stay.
  Half = QDQ_PRECISION_HALF,        ///< Its f32 inputs and outputs become 16-bit.
  Neither = QDQ_PRECISION_NEITHER,  ///< It has no f32 inputs or outputs.
};

/// A method that computes a range from statistics.
enum class Method : qdq_method {
  Mse = QDQ_METHOD_MSE,                ///< The least expected squared error; the most accurate one in measurements.
  Max = QDQ_METHOD_MAX,                ///< The largest magnitude: nothing is clipped.
  Entropy = QDQ_METHOD_ENTROPY,        ///< The least relative entropy between the true and the quantized distribution.
  Percentile = QDQ_METHOD_PERCENTILE,  ///< The magnitude that a percentage of the nonzero values do not exceed.
};

/// The treatment of the two products of an attention.
enum class Attention : qdq_attention {
  Auto = QDQ_ATTENTION_AUTO,    ///< INT8 for up to 512 keys, and float above; the data decides if the number is open.
  Int8 = QDQ_ATTENTION_INT8,    ///< INT8.
  Float = QDQ_ATTENTION_FLOAT,  ///< Float.
};

/// The treatment of front ends: fixed bases of one channel whose results are squared or lose their sign.
enum class FrontEnd : qdq_front_end {
  Float = QDQ_FRONT_END_FLOAT,  ///< The basis and the first reader of squares before a Log stay in float.
  Int8 = QDQ_FRONT_END_INT8,    ///< Quantized like all other layers.
};

/// The TensorRT product for which a network is quantized.
enum class Target : qdq_target {
  TensorRt = QDQ_TARGET_TENSORRT,  ///< TensorRT.
  Rtx = QDQ_TARGET_RTX,            ///< TensorRT-RTX: the weight of a convolution has one scale.
};

/// A method with its argument, made from a Method or by percentile().
struct RangeMethod {
  /// Takes a method; Method::Percentile gets its usual percentage.
  RangeMethod(Method kind) noexcept : method(kind) {}
  /// Takes a method with the percentage of Method::Percentile.
  RangeMethod(Method kind, double percent) noexcept : method(kind), percentile(percent) {}

  Method method;
  double percentile = 99.99;  ///< Used by Method::Percentile only.
};

/// Selects the magnitude that `percent` of the nonzero values do not exceed. `percent` is above 0 and at most
/// 100.
[[nodiscard]] inline RangeMethod percentile(double percent) noexcept { return {Method::Percentile, percent}; }

/// The bins at which pytorch-quantization's entropy and mse try ranges: from `start_bin` in steps of
/// `stride`.
struct Search {
  std::size_t start_bin = 128;
  std::size_t stride = 1;
};

/// A predefined descriptor.
enum class Predefined : qdq_predefined {
  /// Signed 8 bits, one amax: activations.
  PerTensor8Bit = QDQ_PREDEFINED_PER_TENSOR_8BIT,
  /// Unsigned 8 bits, one amax: activations that are never negative.
  UnsignedPerTensor8Bit = QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT,
  /// 8 bits, one amax per output channel, axis 0: weights of convolutions.
  ConvWeightPerChannel = QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL,
  /// 8 bits, one amax per row, axis 0: weights of linear layers.
  LinearWeightPerRow = QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW,
  /// 8 bits, one amax per output channel, axis 1: weights of transposed convolutions.
  ConvTransposeWeightPerChannel = QDQ_PREDEFINED_CONV_TRANSPOSE_WEIGHT_PER_CHANNEL,
};

/// The arithmetic of fake quantization.
enum class Mode : qdq_mode {
  Reference = QDQ_MODE_REFERENCE,   ///< pytorch-quantization on a CPU, bit for bit.
  GpuCompat = QDQ_MODE_GPU_COMPAT,  ///< pytorch-quantization's CUDA kernel.
  Corrected = QDQ_MODE_CORRECTED,   ///< The correct formula, without the known defects.
};

/// The statistics that calibration gathers.
enum class CalibMethod : qdq_calib_method {
  Max = QDQ_CALIB_MAX,              ///< The largest magnitude, per tensor, axis or block.
  Histogram = QDQ_CALIB_HISTOGRAM,  ///< A histogram of magnitudes, per tensor.
  Compat = QDQ_CALIB_COMPAT,        ///< pytorch-quantization's own histogram and rules, per tensor.
};

/// The library whose histogram is followed.
enum class Library : qdq_library {
  Torch = QDQ_LIBRARY_TORCH,  ///< torch.histc over 0 to max.
  Numpy = QDQ_LIBRARY_NUMPY,  ///< numpy.histogram over min to max of the first batch.
};

/// The calibrator that reads a cache.
enum class Algorithm : qdq_algorithm {
  Entropy2 = QDQ_ALGORITHM_ENTROPY_2,  ///< IInt8EntropyCalibrator2, which nearly every program expects.
  MinMax = QDQ_ALGORITHM_MIN_MAX,      ///< IInt8MinMaxCalibrator.
  Entropy = QDQ_ALGORITHM_ENTROPY,     ///< IInt8EntropyCalibrator, whose caches fit one device only.
  Legacy = QDQ_ALGORITHM_LEGACY,       ///< IInt8LegacyCalibrator.
  Unknown = QDQ_ALGORITHM_UNKNOWN,     ///< An algorithm that qdq does not know, or none.
};

/// The severity of a finding.
enum class Severity : qdq_severity {
  Note = QDQ_SEVERITY_NOTE,        ///< Informative; the cache works.
  Warning = QDQ_SEVERITY_WARNING,  ///< The engine may be slower or less accurate than possible.
  Error = QDQ_SEVERITY_ERROR,      ///< TensorRT ignores the cache, fails, or computes wrong results.
};

/// The role of a tensor in the network.
enum class TensorKind : qdq_tensor_kind {
  Input = QDQ_TENSOR_KIND_INPUT,            ///< Fed by the caller, different in every batch.
  Constant = QDQ_TENSOR_KIND_CONSTANT,      ///< Known when the network is built.
  Activation = QDQ_TENSOR_KIND_ACTIVATION,  ///< Computed by a node.
};

/// The type of a node's attribute.
enum class Attribute : qdq_attribute {
  Int = QDQ_ATTRIBUTE_INT,      ///< One integer.
  Ints = QDQ_ATTRIBUTE_INTS,    ///< A list of integers.
  Float = QDQ_ATTRIBUTE_FLOAT,  ///< One number.
  Text = QDQ_ATTRIBUTE_TEXT,    ///< A text.
};

/// The decision for a node.
enum class Verdict : qdq_verdict {
  Float = QDQ_VERDICT_FLOAT,             ///< The node is unchanged.
  Quantized = QDQ_VERDICT_QUANTIZED,     ///< The node computes on quantized inputs.
  PassesInt8 = QDQ_VERDICT_PASSES_INT8,  ///< The node only moves or selects quantized values.
};

/// The format of quantized numbers.
enum class Format : qdq_format {
  Int8 = QDQ_FORMAT_INT8,                 ///< Weights and activations as 8-bit integers.
  Fp8 = QDQ_FORMAT_FP8,                   ///< Weights and activations as 8-bit floats (e4m3), from SM 8.9 on.
  Int8Weights = QDQ_FORMAT_INT8_WEIGHTS,  ///< Weights of products as 8-bit integers; no data is needed.
  Int4Weights = QDQ_FORMAT_INT4_WEIGHTS,  ///< Weights of products as 4-bit integers in blocks; no data is needed.
};

/// The content of arrays: samples or whole feeds.
enum class Feeds : qdq_feeds {
  /// Samples along the first axis. Whole feeds if an input has no axis for samples there, or if the arrays
  /// fit as whole feeds only.
  Auto = QDQ_FEEDS_AUTO,
  Samples = QDQ_FEEDS_SAMPLES,  ///< Samples along the first axis.
  Whole = QDQ_FEEDS_WHOLE,      ///< Whole feeds, one run each: every axis of the input, or one more in front.
};

/// The way that an image gets the height and width of the model's input.
enum class Resize : qdq_resize {
  Stretch = QDQ_RESIZE_STRETCH,      ///< Resizes each side independently, so that proportions change.
  Crop = QDQ_RESIZE_CROP,            ///< Fills the target with the image and cuts off the excess.
  Letterbox = QDQ_RESIZE_LETTERBOX,  ///< Fits the image into the target's centre and fills the rest.
};

/// The filter that computes the pixels of a resized image.
enum class ResizeFilter : qdq_resize_filter {
  Antialias = QDQ_RESIZE_FILTER_ANTIALIAS,  ///< Bilinear over all source pixels of a target pixel, as Pillow.
  OpenCv = QDQ_RESIZE_FILTER_OPENCV,        ///< Bilinear between four pixels, bit for bit as OpenCV's INTER_LINEAR.
};

/// The treatment of the orientation that a camera stored in an image.
enum class Exif : qdq_exif {
  Ignore = QDQ_EXIF_IGNORE,  ///< Pixels in the order of the file, as Pillow; a finding if images have another orientation.
  Apply = QDQ_EXIF_APPLY,    ///< Images in the orientation of the camera, as OpenCV's imread.
};

/// The channels of the model's input.
enum class Channels : qdq_channels {
  Rgb = QDQ_CHANNELS_RGB,    ///< Red, green, blue.
  Bgr = QDQ_CHANNELS_BGR,    ///< Blue, green, red.
  Gray = QDQ_CHANNELS_GRAY,  ///< Rec. 601 luma only.
};

/// The order of the axes of the model's input.
enum class Layout : qdq_layout {
  Auto = QDQ_LAYOUT_AUTO,  ///< Decided by the size of the channels' axis.
  Nchw = QDQ_LAYOUT_NCHW,  ///< Batch, channels, height, width.
  Nhwc = QDQ_LAYOUT_NHWC,  ///< Batch, height, width, channels.
};

/// The runtime that runs a model.
enum class Runtime : qdq_runtime {
  Embedded = QDQ_RUNTIME_EMBEDDED,        ///< The runtime inside qdq, without dependencies.
  OnnxRuntime = QDQ_RUNTIME_ONNXRUNTIME,  ///< ONNX Runtime, opened at run time.
  Auto = QDQ_RUNTIME_AUTO,                ///< ONNX Runtime if it is found, else the embedded runtime.
};

/// The storage of a quantized weight.
enum class WeightForm : qdq_weight_form {
  Int8 = QDQ_WEIGHT_FORM_INT8,    ///< As int8 with DequantizeLinear: a quarter of the size.
  Float = QDQ_WEIGHT_FORM_FLOAT,  ///< As float, with QuantizeLinear and DequantizeLinear behind it.
};

/// The importance of a message.
enum class LogLevel : qdq_log_level {
  Warning = QDQ_LOG_WARNING,  ///< Something is probably wrong.
  Info = QDQ_LOG_INFO,        ///< Something worth knowing.
  Debug = QDQ_LOG_DEBUG,      ///< Details for finding a fault.
};

namespace detail {

/// Returns the number of an enumerator for the C interface.
template <typename Enum>
constexpr std::underlying_type_t<Enum> number(Enum value) noexcept {
  return static_cast<std::underlying_type_t<Enum>>(value);
}

}  // namespace detail
}  // namespace qdq

#endif
