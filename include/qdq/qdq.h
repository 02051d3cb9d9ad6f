/// @file
/// qdq: INT8 for TensorRT without Python. The C interface.
//
// Generated from src/ffi by cbindgen; do not edit.
//
// Start here. The usual way from a float model to one that TensorRT runs in INT8 takes eight calls:
//
//   qdq_model_open()       reads the model
//   qdq_model_inputs()     lists its inputs
//   qdq_model_plan()       decides which tensors are quantized
//   qdq_batches_open()     opens the calibration data; qdq_batches_from_callback() gets it from a callback
//   qdq_model_calibrate()  runs the model over the data
//   qdq_plan_ranges()      computes the ranges
//   qdq_model_quantize()   inserts Quantize and Dequantize
//   qdq_model_save()       writes the model
//
// A program with its own inference loop needs no model. It takes nine calls:
//
//   qdq_stats_new()          starts the statistics
//   qdq_stats_observe()      adds an activation of a batch
//   qdq_stats_get()          gets the statistics of one tensor
//   qdq_tensor_stats_amax()  computes the range of the tensor
//   qdq_ranges_new()         starts the ranges
//   qdq_ranges_set()         stores a range
//   qdq_cache_from_ranges()  makes TensorRT's calibration cache from the ranges
//   qdq_cache_save()         writes the cache
//   qdq_stats_free() …       frees each object
//
// These programs are examples/c/main.c and examples/c/inference_loop.c. The functions below are grouped into
// sections, one for each object, in the order of the data: calibration data, models and plans, runs,
// statistics, ranges, caches, comparison; then tensors and quantizers without a model; then the objects that
// all sections use.
//
// The following rules hold for everything in this header.
//
// Names. Functions are called qdq_<object>_<verb>, and constants QDQ_<SET>_<NAME>. A term (amax, scale, kept
//   axis, method) has the same meaning in Rust, C, C++ and the command-line tool.
//
// Getters. If an object holds several elements, `count` returns their number, `get` an element by its name,
//   `at` an element by its position from 0, and `find` the position of a name. A function with the name of a
//   field returns that field of one element; it takes the position too.
//
// Ownership. Objects are handles: pointers to structs whose fields are hidden. The caller owns every handle
//   that it gets from qdq, and frees it with the object's qdq_<object>_free(). This function takes the
//   address of the variable and sets the variable to NULL, so that freeing it again does nothing. A handle
//   that the caller passes to a function still belongs to the caller. It may be freed as soon as the function
//   has returned, even if another object was made from it. There is one exception: qdq takes the ownership
//   of what a callback stores, an error or batches. Texts, arrays and views that a function returns belong
//   to the handle that they came from; the documentation of the function says how long they are valid. qdq
//   copies the arguments that it needs later.
//
// Results. A function that returns a status puts its results into variables of the caller; "returns" in
//   the documentation means either. Result variables need not be initialised. The function overwrites them
//   and frees nothing. After a failure a result variable for a handle is NULL, other result variables are
//   unchanged, and the elements of an output tensor may have any value.
//
// NULL. Pointers must not be NULL unless the documentation allows it; otherwise the function returns
//   QDQ_ERROR_INVALID_ARGUMENT. An array of 0 elements may be NULL, and so may the shape if the rank is 0 or
//   less. Functions that return no status accept NULL for a handle or a name; the result is then the same as
//   for an element that does not exist. Other invalid pointers cannot be detected.
//
// Errors. Functions that can fail return a qdq_status and have a last parameter `error`, which may be NULL.
//   On failure *error receives an error; free it with qdq_error_free(). Its message names the object and the
//   cause, and it has a remedy if one is known. On success *error is set to NULL. No error is kept between
//   calls. If a function with a status meets a defect inside qdq, it returns QDQ_ERROR_INTERNAL, and a line
//   appears on standard error. If there is not enough memory, the process is aborted.
//
// Threads. Any function may be called from any thread. Several threads may use one handle at the same time if
//   all their functions take it as const. A function that takes a handle without const changes it; no other
//   function may use the handle at that time. qdq calls a callback with its `user` during a function call,
//   possibly on another thread than the one that set it. If two calls that run at the same time got the same
//   callback, it may run twice at the same time. A callback must neither change nor free a handle that was
//   passed to the function that calls it.
//
// The process. Three settings hold for the whole process: the kernels (see qdq_kernel_name()), the ONNX
//   Runtime library that is opened first, and the callback of qdq_log_set(). Images, weights and large
//   tensors are processed by a pool with one thread per core; qdq_set_threads() limits the threads that share
//   one tensor. The library must not be unloaded. It must not be used in a process after fork() if it was
//   used before the fork().
//
// Texts are UTF-8 and end with a NUL; other texts are an error. Names that contain a NUL are returned up to
//   that NUL. Paths are bytes in the form of the system; on Windows they are UTF-8.
//
// Numbers. Arguments that select one of a set are integers, and qdq checks them: an unknown number is an
//   error. The numbers of a set keep their meaning; new ones may be added. Sizes are in elements unless the
//   documentation mentions bytes. A bool is 0 or 1 and nothing else.
//
// Versions. Before 1.0 a new minor version may change this interface; later only a new major version may. The
//   name of the shared library (SONAME) changes with the interface. Structs do not change: an object that may
//   get more settings is a handle with setters. QDQ_VERSION is the version of this header, qdq_version() that
//   of the library.


#ifndef QDQ_QDQ_H
#define QDQ_QDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The number that stands for no tensor or node: an optional input or output that is omitted.
#define QDQ_NONE SIZE_MAX
/// The value that stands for no axis: one scale for the whole tensor.
#define QDQ_NO_AXIS INT32_MIN

/// The version of this header: major * 10000 + minor * 100 + patch. See qdq_version().
#define QDQ_VERSION 100
/// The version of this header as text.
#define QDQ_VERSION_TEXT "0.1.0"

/// Host memory: DLPack's kDLCPU. 0 means the same.
#define QDQ_DEVICE_CPU 1

/// Host memory that is pinned for CUDA: DLPack's kDLCUDAHost.
#define QDQ_DEVICE_CUDA_HOST 3

/// A size that is known only at run time.
#define QDQ_DYNAMIC -1

/// Elements with a shape, in row-major order, that a function returns: an amax or a scale in f32, or the
/// content of a file or of an initializer in any type. Immutable; any number of threads may read one.
typedef struct qdq_array qdq_array;

/// The max calibrator per axis: an observer that keeps the running maximum of |x| over all axes but the kept
/// ones. NaN is left out, infinities count.
typedef struct qdq_axis_max qdq_axis_max;

/// One batch: named tensors, such as one for every input of a network. It comes from a stream of batches or a
/// session, or the caller or a callback fills it.
typedef struct qdq_batch qdq_batch;

/// A stream of batches from files or from a callback. It can be read once.
typedef struct qdq_batches qdq_batches;

/// Bytes that a function returns: a text or the content of a file. A NUL follows the last byte and is not
/// part of the size, so that a text can be used as a C string. Immutable; any number of threads may read one.
typedef struct qdq_buffer qdq_buffer;

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns. The header
/// line names TensorRT's version and the calibrator. Each further line holds the name of a tensor and its
/// scale, amax / 127.
typedef struct qdq_cache qdq_cache;

/// A switch that stops the runs that use it. All its functions but qdq_cancel_free() may be called from any
/// thread at any time.
typedef struct qdq_cancel qdq_cancel;

/// The differences between a float model and its quantized form on the same data. Tensors are numbered from
/// 0: first the compared outputs, then the activations. Immutable; any number of threads may read one.
typedef struct qdq_comparison qdq_comparison;

/// The rules for making batches from files: batch size, limit and sampling, the layout of raw files, and the
/// conversion of images into numbers.
typedef struct qdq_data_options qdq_data_options;

/// The description of a tensor's quantization: format, sign, range, and the elements that share one amax.
/// Fields and defaults are those of pytorch-quantization's descriptor. qdq_descriptor_new() gives signed
/// 8-bit integers with one amax for the tensor.
///
/// Setters may be called in any order. Fields that contradict each other are refused when the descriptor is
/// used, or by qdq_descriptor_validate().
typedef struct qdq_descriptor qdq_descriptor;

/// The kernels of a TensorRT engine, and the bytes of activations that they read and write. Bytes are not
/// time: the figures compare two engines of one network, such as FP16 beside INT8, on a machine without a
/// GPU.
///
/// Constants and tensors of fewer than 256 elements are left out. A size that is decided at run time counts
/// as 1. A kernel in a loop or a branch counts once. Kernels are numbered from 0 in the order of the engine,
/// and element types too. Immutable; any number of threads may read one.
typedef struct qdq_engine_cost qdq_engine_cost;

/// An error: a status, a message that names the object and the cause, a remedy if one is known, and the
/// lower-level errors that caused it. Immutable; any number of threads may read one.
typedef struct qdq_error qdq_error;

/// Facts about a result that its user must know and that are no errors: parts that were left out, parts that
/// stay in float, parts that are not as they should be. Each finding was logged when the result was made.
/// Immutable; any number of threads may read them.
typedef struct qdq_findings qdq_findings;

/// A neutral network of nodes and tensors: describe any representation of a network as one, and
/// qdq_graph_plan() decides which tensors are quantized. Operators have their ONNX names. Tensors and nodes
/// are numbered from 0 in the order in which they were added.
typedef struct qdq_graph qdq_graph;

/// pytorch-quantization's HistogramCalibrator with its own bins, growth and methods. Use it to reproduce its
/// numbers, and qdq_tensor_stats otherwise: on discrete data the original entropy rule finds absurd ranges.
/// The result depends on the order of the batches.
typedef struct qdq_histogram_calibrator qdq_histogram_calibrator;

/// An ONNX model. The object keeps everything that the file holds: unknown fields, metadata, functions and
/// subgraphs.
///
/// Weights stay in the memory-mapped file. Do not change this file in place as long as the model exists. You
/// may replace it by renaming another file.
typedef struct qdq_model qdq_model;

/// The description of a node for qdq_graph_add_node(): operator, inputs, outputs and the attributes that
/// planning uses.
typedef struct qdq_node qdq_node;

/// The plan for a graph: which edges get Quantize and Dequantize, and therefore which tensors need a range.
/// Tensor and node numbers are those of the graph. A plan is immutable, and it does not depend on the graph
/// or model that it was made of. Any number of threads may read one.
typedef struct qdq_plan qdq_plan;

/// The nodes that may be quantized, and how: those that match an include and no exclude. Without an include
/// all nodes match. A new policy allows everything.
typedef struct qdq_policy qdq_policy;

/// The choices for half precision: the 16-bit type, and the nodes that have it whatever their values are, or
/// never. New options choose f16 by the values.
typedef struct qdq_precision_options qdq_precision_options;

/// The precision of every node of a model or graph. Immutable; any number of threads may read one.
typedef struct qdq_precision_plan qdq_precision_plan;

/// The learning rate of quantization-aware training, half a cosine from a start down to an end:
/// rate(t) = end + (start - end) * (1 + cos(pi * t / steps)) / 2.
/// The caller decides whether steps are epochs or batches. Immutable; any number of threads may read one.
typedef struct qdq_qat_schedule qdq_qat_schedule;

/// The options for writing a quantized model.
typedef struct qdq_quantize_options qdq_quantize_options;

/// pytorch-quantization's TensorQuantizer: a descriptor with its switches, its range and the statistics of
/// its calibration. At first only quantizing is on.
///
/// qdq_quantizer_forward() takes these steps in this order:
/// - multiply by the pre-quantization scale, if there is one;
/// - if disabled, return the result;
/// - if calibrating, observe it;
/// - if clipping, clip it;
/// - if quantizing, quantize it: by the clip range if amax is learned, otherwise by the amax if it is set,
///   otherwise dynamically by max |x| of this x.
///
/// Differences from pytorch-quantization:
/// - Clipped data is quantized, in e4m3 too, not the data before clipping.
/// - Integers follow narrow_range.
/// - Dynamic ranges too count negative axes from the last. An axis that the data does not have is an error.
/// - Learning starts from a range that was set, not from 1.
/// - Lenient loading leaves the amax unchanged if nothing was observed.
/// - A maximum ignores NaN, and infinity is not accepted as an amax.
/// - Clearing the amax makes the range dynamic again.
/// - The step size is that of the range in use, for e4m3 too.
/// - A state that lacks a part is an error.
typedef struct qdq_quantizer qdq_quantizer;

/// The ranges of a network's activations by tensor name, in the order in which they were set. A range is
/// amax, the magnitude that the integer 127 stands for, in the unit of the tensor.
typedef struct qdq_ranges qdq_ranges;

/// The methods that recover accuracy, and the form of the quantized model. New options have no method.
typedef struct qdq_recover_options qdq_recover_options;

/// The options for running a model over data: the runtime, the progress callback, and the cancel switch.
typedef struct qdq_run_options qdq_run_options;

/// A model that is ready to run, in the chosen runtime. It runs one batch at a time. Do not change the
/// model's files in place as long as the session exists.
typedef struct qdq_session qdq_session;

/// Names, types and shapes of a network's inputs or outputs, if they are known.
typedef struct qdq_specs qdq_specs;

/// Statistics by tensor name: the result of a calibration run. They can be saved, loaded and merged. The file
/// is a safetensors file; equal statistics give equal bytes.
typedef struct qdq_stats qdq_stats;

/// The calibrator's observer. It reads every value of one tensor once, in any number of batches, and keeps
/// counts and a histogram of magnitudes in a fixed amount of memory (80 KiB). Every method computes its range
/// from them.
///
/// The statistics do not depend on the order of the values or on their division into batches, threads or
/// machines. To use several threads, let each thread observe into its own statistics and merge them. NaN and
/// infinities are counted and otherwise left out.
typedef struct qdq_tensor_stats qdq_tensor_stats;

/// A list of texts that a function returns, in order: paths, names. Immutable; any number of threads may read
/// one.
typedef struct qdq_texts qdq_texts;

/// The result of a function or a callback: QDQ_OK, or the kind of the error. The numbers never change their
/// meaning; new ones may be added.
typedef int32_t qdq_status;

/// The severity of a finding: one of the QDQ_SEVERITY_ numbers.
typedef int32_t qdq_severity;

/// An element type, one of the QDQ_DTYPE_ numbers. The number is DLPack's DLDataType read as one
/// little-endian number: code | bits << 8 | 1 << 16.
typedef int32_t qdq_dtype;

/// A tensor whose memory belongs to the caller: a view with the layout of DLPack's DLTensor. A pointer to a
/// DLTensor can therefore be used as a pointer to this struct. Functions keep neither the view nor its
/// memory.
///
/// For a dense tensor in host memory, zero-initialise the struct and set data, dtype, ndim and shape. An
/// empty tensor may have any data pointer.
typedef struct {
  /// The address of the first element, minus byte_offset. data + byte_offset must be aligned to the size of
  /// one element.
  void *data;
  /// QDQ_DEVICE_CPU, QDQ_DEVICE_CUDA_HOST or 0. Copy device memory to the host before.
  int32_t device_type;
  /// Not used for host memory.
  int32_t device_id;
  /// The rank; 0 for a single number.
  int32_t ndim;
  /// One of the QDQ_DTYPE_ numbers.
  qdq_dtype dtype;
  /// `ndim` sizes that are not negative. May be NULL if ndim is 0.
  const int64_t *shape;
  /// `ndim` distances between neighbours along every axis, in elements and not negative. NULL means
  /// row-major (C) order. The strides of axes of size 1 are ignored.
  const int64_t *strides;
  /// The number of bytes to add to data.
  uint64_t byte_offset;
} qdq_tensor;

/// A predefined descriptor: one of the QDQ_PREDEFINED_ numbers.
typedef int32_t qdq_predefined;

/// The kind of statistics that calibration collects: one of the QDQ_CALIB_ numbers.
typedef int32_t qdq_calib_method;

/// The arithmetic of fake quantization: one of the QDQ_MODE_ numbers. For f32 data with a finite amax above
/// 2^-24 REFERENCE and CORRECTED are equal.
typedef int32_t qdq_mode;

/// The rule that computes a range from statistics: one of the QDQ_METHOD_ numbers. Functions that take a
/// method also take a percentile, which only QDQ_METHOD_PERCENTILE uses.
typedef int32_t qdq_method;

/// A 16-bit floating-point type: one of the QDQ_HALF_ numbers.
typedef int32_t qdq_half;

/// The format of quantized numbers: one of the QDQ_FORMAT_ numbers.
typedef int32_t qdq_format;

/// The library whose histogram is reproduced: one of the QDQ_LIBRARY_ numbers.
typedef int32_t qdq_library;

/// The calibrator of a cache: one of the QDQ_ALGORITHM_ numbers, which are those of TensorRT's
/// CalibrationAlgoType.
typedef int32_t qdq_algorithm;

/// The role of a tensor in the network: one of the QDQ_TENSOR_KIND_ numbers.
typedef int32_t qdq_tensor_kind;

/// The type of an attribute's value: one of the QDQ_ATTRIBUTE_ numbers.
typedef int32_t qdq_attribute;

/// The treatment of the two products of an attention: one of the QDQ_ATTENTION_ numbers.
typedef int32_t qdq_attention;

/// The treatment of front ends: one of the QDQ_FRONT_END_ numbers.
typedef int32_t qdq_front_end;

/// The TensorRT product for which a network is quantized: one of the QDQ_TARGET_ numbers.
typedef int32_t qdq_target;

/// The decision on a node: one of the QDQ_VERDICT_ numbers.
typedef int32_t qdq_verdict;

/// The meaning of arrays: one of the QDQ_FEEDS_ numbers.
typedef int32_t qdq_feeds;

/// The way in which an image gets the model's height and width: one of the QDQ_RESIZE_ numbers.
typedef int32_t qdq_resize;

/// The interpolation of pixels when an image is resized: one of the QDQ_RESIZE_FILTER_ numbers.
typedef int32_t qdq_resize_filter;

/// The treatment of the orientation that a camera stored in an image (EXIF): one of the QDQ_EXIF_ numbers.
typedef int32_t qdq_exif;

/// The channels of the model's input: one of the QDQ_CHANNELS_ numbers.
typedef int32_t qdq_channels;

/// The order of the axes of the model's input: one of the QDQ_LAYOUT_ numbers.
typedef int32_t qdq_layout;

/// Produces the next batch. The callback fills `batch` by qdq_batch_set(), one tensor for every input, with
/// the samples along the first axis, and returns QDQ_OK. If it returns QDQ_OK without setting a tensor, the
/// data ends. If it returns any other status, the run ends with that status. The callback may then set
/// `*error`, which is NULL at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that asks for the batch, one call at a time. It must not leave by an exception
/// or longjmp.
typedef qdq_status (*qdq_next_batch_fn)(void *user, qdq_batch *batch, qdq_error **error);

/// Frees the `user` pointer of a callback.
typedef void (*qdq_free_fn)(void *user);

/// The runtime that runs a model: one of the QDQ_RUNTIME_ numbers.
typedef int32_t qdq_runtime;

/// Receives the progress of a run after every batch: the finished batches and samples, and the number of all
/// batches or -1 if it is not known. If the callback returns QDQ_OK, the run goes on. If it returns any other
/// status, such as QDQ_ERROR_CANCELLED, the run ends with that status. The callback may then set `*error`,
/// which is NULL at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that runs the model. It must not leave by an exception or longjmp.
typedef qdq_status (*qdq_progress_fn)(void *user,
                                      uint64_t batches,
                                      uint64_t samples,
                                      int64_t total_batches,
                                      qdq_error **error);

/// The stored form of a quantized weight: one of the QDQ_WEIGHT_FORM_ numbers.
typedef int32_t qdq_weight_form;

/// The precision of a node: one of the QDQ_PRECISION_ numbers.
typedef int32_t qdq_precision;

/// Opens the same data once more: sets `*out` to new batches, which qdq then owns, and returns QDQ_OK. If it
/// returns any other status, the run ends with that status. The callback may then set `*error`, which is NULL
/// at first, to an error from qdq_error_new() with the reason.
///
/// qdq calls it on the thread that runs the model. It must not leave by an exception or longjmp.
typedef qdq_status (*qdq_open_batches_fn)(void *user, qdq_batches **out, qdq_error **error);

/// Receives a tapped tensor as soon as the runtime has computed it. `tap` is its position in the list of taps
/// of the session. `value` is a view (f32, f16, bf16 or f64) that is valid during the call; do not write
/// through it. If the callback returns QDQ_OK, the run goes on. If it returns any other status, the run ends
/// with that status. The callback may then set `*error`, which is NULL at first, to an error from
/// qdq_error_new() with the reason.
///
/// qdq calls it on threads of the runtime, on several at the same time. It must not leave by an exception or
/// longjmp.
typedef qdq_status (*qdq_tap_fn)(void *user, size_t tap, const qdq_tensor *value, qdq_error **error);

/// The level of a message: one of the QDQ_LOG_ numbers.
typedef int32_t qdq_log_level;

/// Receives a message of the library. The message is valid during the call. qdq calls it on any thread, on
/// several at the same time. It must not call functions of qdq, and it must not leave by an exception or
/// longjmp.
typedef void (*qdq_log_fn)(void *user, qdq_log_level level, const char *message);

/// Success.
#define QDQ_OK 0

/// An argument or option that cannot be used, including NULL and unknown numbers of a set.
#define QDQ_ERROR_INVALID_ARGUMENT 1

/// The operating system refused to read or write something.
#define QDQ_ERROR_IO 2

/// A file that is damaged or of another kind.
#define QDQ_ERROR_FORMAT 3

/// Valid input that qdq cannot handle.
#define QDQ_ERROR_UNSUPPORTED 4

/// Shapes that do not fit each other.
#define QDQ_ERROR_SHAPE 5

/// An element type that does not fit.
#define QDQ_ERROR_TYPE 6

/// Calibration data or statistics that allow no result.
#define QDQ_ERROR_DATA 7

/// A runtime (embedded, ONNX Runtime) failed.
#define QDQ_ERROR_RUNTIME 8

/// The caller stopped the run.
#define QDQ_ERROR_CANCELLED 9

/// A defect in qdq itself.
#define QDQ_ERROR_INTERNAL 10

/// A function of the caller failed: a callback threw an exception or returned a number that is no status.
#define QDQ_ERROR_CALLBACK 11

/// TensorRT or CUDA failed, or refused its input.
#define QDQ_ERROR_TENSORRT 12

/// Worth knowing. The result is as requested.
#define QDQ_SEVERITY_NOTE 0

/// The result can be used, but it is slower, less exact or less complete than it should be.
#define QDQ_SEVERITY_WARNING 1

/// The result is useless: TensorRT ignores it, fails, or computes wrong values.
#define QDQ_SEVERITY_ERROR 2

/// IEEE binary32.
#define QDQ_DTYPE_F32 73730

/// IEEE binary16.
#define QDQ_DTYPE_F16 69634

/// The upper half of a binary32.
#define QDQ_DTYPE_BF16 69636

/// IEEE binary64.
#define QDQ_DTYPE_F64 81922

/// Signed 8-bit integer.
#define QDQ_DTYPE_I8 67584

/// Unsigned 8-bit integer.
#define QDQ_DTYPE_U8 67585

/// Signed 16-bit integer.
#define QDQ_DTYPE_I16 69632

/// Unsigned 16-bit integer.
#define QDQ_DTYPE_U16 69633

/// Signed 32-bit integer.
#define QDQ_DTYPE_I32 73728

/// Unsigned 32-bit integer.
#define QDQ_DTYPE_U32 73729

/// Signed 64-bit integer.
#define QDQ_DTYPE_I64 81920

/// Unsigned 64-bit integer.
#define QDQ_DTYPE_U64 81921

/// A truth value in one byte, 0 or 1.
#define QDQ_DTYPE_BOOL 67590

/// Signed 4-bit integer, two in a byte, the first in the low half. n elements take ceil(n / 2) bytes and have
/// no strides. In the tensors that qdq hands out they have the type QDQ_DTYPE_I8, one in a byte.
#define QDQ_DTYPE_I4 66560

/// Unsigned 4-bit integer, stored like QDQ_DTYPE_I4, and handed out as QDQ_DTYPE_U8.
#define QDQ_DTYPE_U4 66561

/// The 8-bit float e4m3 without infinities (e4m3fn).
#define QDQ_DTYPE_E4M3 67594

/// No type: it is not known.
#define QDQ_DTYPE_UNKNOWN 0

/// The range with the least expected squared error. It gave the best results in measurements.
#define QDQ_METHOD_MSE 0

/// The largest magnitude: nothing is clipped.
#define QDQ_METHOD_MAX 1

/// The range whose quantized distribution is closest to the true one by the Kullback-Leibler divergence.
#define QDQ_METHOD_ENTROPY 2

/// The magnitude that this percentage of the non-zero values does not exceed. The percentile is above 0 and
/// at most 100; 0 stands for 99.99.
#define QDQ_METHOD_PERCENTILE 3

/// Signed 8 bits, one amax: for activations.
#define QDQ_PREDEFINED_PER_TENSOR_8BIT 0

/// Unsigned 8 bits, one amax: for activations that are never negative.
#define QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT 1

/// 8 bits, one amax per output channel, axis 0: for weights of convolutions.
#define QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL 2

/// 8 bits, one amax per row, axis 0: for weights of linear layers.
#define QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW 3

/// 8 bits, one amax per output channel, axis 1: for weights of transposed convolutions.
#define QDQ_PREDEFINED_CONV_TRANSPOSE_WEIGHT_PER_CHANNEL 4

/// pytorch-quantization on a CPU, bit for bit, except for bf16. In every mode bf16 data is computed in f32
/// and rounded once, while PyTorch's own result depends on the types of the other operands. The default.
#define QDQ_MODE_REFERENCE 0

/// pytorch-quantization's CUDA kernel for fake quantization: always the narrow range; a range counts as zero
/// only below 2^-24.
#define QDQ_MODE_GPU_COMPAT 1

/// Arithmetic without the known defects: an amax that is not finite is an error, and 16-bit data is computed
/// in f32 and rounded once.
#define QDQ_MODE_CORRECTED 2

/// The largest magnitude, per tensor, axis or block. The default.
#define QDQ_CALIB_MAX 0

/// A histogram of magnitudes, per tensor.
#define QDQ_CALIB_HISTOGRAM 1

/// pytorch-quantization's own histogram of magnitudes and its rules for a range, per tensor, as in
/// qdq_histogram_calibrator. Use it to reproduce its numbers. The result depends on the order of the batches;
/// therefore two such calibrations cannot be merged, and none can be saved.
#define QDQ_CALIB_COMPAT 2

/// torch.histc over 0 to max, the default of pytorch-quantization.
#define QDQ_LIBRARY_TORCH 0

/// numpy.histogram over min to max of the first batch.
#define QDQ_LIBRARY_NUMPY 1

/// IInt8EntropyCalibrator2, which trtexec has. Nearly every program expects this one, whichever method
/// computed the ranges.
#define QDQ_ALGORITHM_ENTROPY_2 2

/// IInt8MinMaxCalibrator.
#define QDQ_ALGORITHM_MIN_MAX 3

/// IInt8EntropyCalibrator. Its caches fit one device only.
#define QDQ_ALGORITHM_ENTROPY 1

/// IInt8LegacyCalibrator. Its header text is taken from the library of TensorRT 8.5.1, because no cache of
/// this kind is public.
#define QDQ_ALGORITHM_LEGACY 0

/// No algorithm, or one that qdq does not know.
#define QDQ_ALGORITHM_UNKNOWN -1

/// An input: fed from outside, different in every batch.
#define QDQ_TENSOR_KIND_INPUT 0

/// A constant, known when the network is built: a weight, a bias, a shape.
#define QDQ_TENSOR_KIND_CONSTANT 1

/// An activation, computed by a node.
#define QDQ_TENSOR_KIND_ACTIVATION 2

/// One integer.
#define QDQ_ATTRIBUTE_INT 0

/// A list of integers.
#define QDQ_ATTRIBUTE_INTS 1

/// One number.
#define QDQ_ATTRIBUTE_FLOAT 2

/// A text.
#define QDQ_ATTRIBUTE_TEXT 3

/// The products of attentions over at most 512 keys are quantized, and those over more stay in float. If the
/// network leaves the number of keys open, the largest number in the calibration data decides.
#define QDQ_ATTENTION_AUTO 0

/// The products of every attention are quantized.
#define QDQ_ATTENTION_INT8 1

/// The products of every attention stay in float.
#define QDQ_ATTENTION_FLOAT 2

/// The fixed basis of a front end stays in float, and so does the first layer that reads its squares or
/// magnitudes before a Log.
#define QDQ_FRONT_END_FLOAT 0

/// The layers of front ends are quantized like all others.
#define QDQ_FRONT_END_INT8 1

/// TensorRT.
#define QDQ_TARGET_TENSORRT 0

/// TensorRT-RTX. The weights of convolutions are stored with one scale, and the scales of their channels
/// multiply the results. More residual Adds read their skip input in INT8.
#define QDQ_TARGET_RTX 1

/// Weights and activations as 8-bit integers.
#define QDQ_FORMAT_INT8 0

/// Weights and activations as 8-bit floats (e4m3), in models of opset 19 or higher. TensorRT runs them on
/// GPUs of compute capability 8.9 or higher.
#define QDQ_FORMAT_FP8 1

/// The weights of products as 8-bit integers, beside activations in floating point. No data is needed.
#define QDQ_FORMAT_INT8_WEIGHTS 2

/// The weights of products as 4-bit integers in blocks, beside activations in floating point, in models of
/// opset 21 or higher. No data is needed.
#define QDQ_FORMAT_INT4_WEIGHTS 3

/// The node stays in float, unchanged.
#define QDQ_VERDICT_FLOAT 0

/// The node computes on quantized inputs.
#define QDQ_VERDICT_QUANTIZED 1

/// The node only moves or selects quantized values.
#define QDQ_VERDICT_PASSES_INT8 2

/// Both sides are resized independently, so that proportions change. The default.
#define QDQ_RESIZE_STRETCH 0

/// The image covers the target. The excess at two sides is cut off.
#define QDQ_RESIZE_CROP 1

/// The image fits into the centre of the target. The rest is filled.
#define QDQ_RESIZE_LETTERBOX 2

/// Samples along the first axis, unless the inputs indicate whole feeds. They do if an input is a scalar, if
/// its first axis has the name of a sequence (`time`, `seq_len`, `T`), or if a later axis has the batch's
/// name. Arrays that fit only as whole feeds are read as whole feeds. A choice that is not obvious is among
/// the findings. The default.
#define QDQ_FEEDS_AUTO 0

/// Samples along the first axis.
#define QDQ_FEEDS_SAMPLES 1

/// Whole feeds: the inputs of one run of the model. Each feed is one .npz with every input in its declared
/// shape, or all feeds are stacked along one more axis in front.
#define QDQ_FEEDS_WHOLE 2

/// Bilinear over all source pixels of a target pixel, within 1 of 255 of Pillow's result. The default.
#define QDQ_RESIZE_FILTER_ANTIALIAS 0

/// Bilinear between four pixels: OpenCV's `resize` with INTER_LINEAR, bit for bit.
#define QDQ_RESIZE_FILTER_OPENCV 1

/// Pixels are taken in the order of the file, as Pillow does. If images have another orientation, a finding
/// reports it. The default.
#define QDQ_EXIF_IGNORE 0

/// Images are rotated and mirrored for display, as OpenCV's `imread` does.
#define QDQ_EXIF_APPLY 1

/// Red, green, blue. The default.
#define QDQ_CHANNELS_RGB 0

/// Blue, green, red.
#define QDQ_CHANNELS_BGR 1

/// Rec. 601 luma only.
#define QDQ_CHANNELS_GRAY 2

/// Detected by the size of the channels' axis in the input's shape. The default.
#define QDQ_LAYOUT_AUTO 0

/// Batch, channels, height, width.
#define QDQ_LAYOUT_NCHW 1

/// Batch, height, width, channels.
#define QDQ_LAYOUT_NHWC 2

/// The embedded runtime inside qdq: pure Rust, without dependencies. The default.
#define QDQ_RUNTIME_EMBEDDED 0

/// ONNX Runtime, loaded at run time: faster, and with every operator.
#define QDQ_RUNTIME_ONNXRUNTIME 1

/// ONNX Runtime if it is found, otherwise the embedded runtime.
#define QDQ_RUNTIME_AUTO 2

/// int8 with DequantizeLinear: a quarter of the size. The default.
#define QDQ_WEIGHT_FORM_INT8 0

/// The original numbers, followed by QuantizeLinear and DequantizeLinear.
#define QDQ_WEIGHT_FORM_FLOAT 1

/// IEEE binary16: up to 65504. The default.
#define QDQ_HALF_F16 0

/// bfloat16: the range of f32, and 8 significant bits.
#define QDQ_HALF_BF16 1

/// Its f32 inputs and outputs stay.
#define QDQ_PRECISION_FLOAT32 0

/// Its f32 inputs and outputs become 16-bit.
#define QDQ_PRECISION_HALF 1

/// It has no f32 inputs or outputs.
#define QDQ_PRECISION_NEITHER 2

/// Something is probably wrong.
#define QDQ_LOG_WARNING 0

/// Something worth knowing.
#define QDQ_LOG_INFO 1

/// Details for debugging.
#define QDQ_LOG_DEBUG 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// ---- Inputs and outputs: qdq_specs ------------------------------------------------------------------------

/// Returns an empty list, for the inputs of a network that is no ONNX model. Free it with qdq_specs_free().
qdq_specs *qdq_specs_new(void);

/// Frees `*specs` and sets it to NULL. Does nothing if `specs` or `*specs` is NULL.
void qdq_specs_free(qdq_specs **specs);

/// Adds a tensor. `dtype` may be QDQ_DTYPE_UNKNOWN. A negative `ndim` means that the rank is not known.
/// QDQ_DYNAMIC stands for a size that is known only at run time.
qdq_status qdq_specs_add(qdq_specs *specs,
                         const char *name,
                         qdq_dtype dtype,
                         int32_t ndim,
                         const int64_t *shape,
                         qdq_error **error);

/// Names the dimension of tensor `index` along `axis`, whose size is known only at run time. Dimensions with
/// the same name are equal. `name` may be NULL for none.
qdq_status qdq_specs_name_dim(qdq_specs *specs, size_t index, size_t axis, const char *name, qdq_error **error);

/// Returns the number of tensors.
size_t qdq_specs_count(const qdq_specs *specs);

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the list is changed or
/// freed.
const char *qdq_specs_name(const qdq_specs *specs, size_t index);

/// Returns the element type of tensor `index`; QDQ_DTYPE_UNKNOWN if it is not known.
qdq_dtype qdq_specs_dtype(const qdq_specs *specs, size_t index);

/// Returns the rank of tensor `index`; -1 if it is not known.
int32_t qdq_specs_ndim(const qdq_specs *specs, size_t index);

/// Returns the size of tensor `index` along `axis`; QDQ_DYNAMIC if it is not known or there is no such axis.
int64_t qdq_specs_size(const qdq_specs *specs, size_t index, size_t axis);

/// Returns the name of the dimension of tensor `index` along `axis`; NULL if it has none or there is no such
/// axis. Dimensions with the same name are equal. The text is valid until the list is changed or freed.
const char *qdq_specs_dim_name(const qdq_specs *specs, size_t index, size_t axis);

// ---- Data options: qdq_data_options -----------------------------------------------------------------------

/// Returns the default options. Free them with qdq_data_options_free().
qdq_data_options *qdq_data_options_new(void);

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
void qdq_data_options_free(qdq_data_options **options);

/// Sets the number of samples in one batch. 0 means the model's own batch size, or 1 if it has none.
/// Default: 0.
qdq_status qdq_data_options_set_batch_size(qdq_data_options *options, size_t batch_size, qdq_error **error);

/// Sets the meaning of arrays. Default: QDQ_FEEDS_AUTO.
qdq_status qdq_data_options_set_feeds(qdq_data_options *options, qdq_feeds feeds, qdq_error **error);

/// Sets the largest number of samples, or of whole feeds, that are used; 0 means all. Default: 0.
qdq_status qdq_data_options_set_limit(qdq_data_options *options, size_t limit, qdq_error **error);

/// Draws the samples of a limit at random instead of taking the first ones. The same seed draws the same
/// samples on every machine.
qdq_status qdq_data_options_set_seed(qdq_data_options *options, uint64_t seed, qdq_error **error);

/// Sets the type and shape of one sample in raw files (.bin, .raw, .dat), which are little-endian, row-major
/// and without a header. Default: type and shape of the input.
qdq_status qdq_data_options_set_raw(qdq_data_options *options,
                                    qdq_dtype dtype,
                                    int32_t ndim,
                                    const int64_t *shape,
                                    qdq_error **error);

/// Sets the height and width of resized images. 0 and 0 mean those of the input's shape, the default.
qdq_status qdq_data_options_set_image_size(qdq_data_options *options, size_t height, size_t width, qdq_error **error);

/// Sets the way in which images of other proportions get this size. Default: QDQ_RESIZE_STRETCH.
qdq_status qdq_data_options_set_image_resize(qdq_data_options *options, qdq_resize resize, qdq_error **error);

/// Sets the interpolation of pixels when an image is resized. Default: QDQ_RESIZE_FILTER_ANTIALIAS.
qdq_status qdq_data_options_set_image_resize_filter(qdq_data_options *options,
                                                    qdq_resize_filter filter,
                                                    qdq_error **error);

/// Sets the treatment of the orientation that a camera stored in an image. Default: QDQ_EXIF_IGNORE.
qdq_status qdq_data_options_set_image_exif(qdq_data_options *options, qdq_exif exif, qdq_error **error);

/// Sets the number of pixels of the shorter side for QDQ_RESIZE_CROP: images are resized to it before the
/// centre is cut out (256 before 224 is usual for ImageNet models). 0 means to cut as little as possible, the
/// default.
qdq_status qdq_data_options_set_image_shorter_side(qdq_data_options *options, size_t pixels, qdq_error **error);

/// Sets the channels of the model's input. Default: QDQ_CHANNELS_RGB.
qdq_status qdq_data_options_set_image_channels(qdq_data_options *options, qdq_channels channels, qdq_error **error);

/// Sets the factor by which every pixel, 0 to 255, is multiplied first. Default: 1/255.
qdq_status qdq_data_options_set_image_scale(qdq_data_options *options, float scale, qdq_error **error);

/// Sets the mean, which is subtracted from scaled pixels: nothing, one number, or one per channel in the
/// model's order. Default: nothing.
qdq_status qdq_data_options_set_image_mean(qdq_data_options *options,
                                           const float *mean,
                                           size_t count,
                                           qdq_error **error);

/// Sets the standard deviation, by which the difference is divided: nothing, one number, or one per channel
/// in the model's order. Default: nothing.
qdq_status qdq_data_options_set_image_std(qdq_data_options *options,
                                          const float *std,
                                          size_t count,
                                          qdq_error **error);

/// Sets the order of the axes of the model's input. Default: QDQ_LAYOUT_AUTO.
qdq_status qdq_data_options_set_image_layout(qdq_data_options *options, qdq_layout layout, qdq_error **error);

/// Sets the pixel value of the border around a letterboxed image. Default: 114.
qdq_status qdq_data_options_set_image_fill(qdq_data_options *options, uint8_t fill, qdq_error **error);

// ---- A batch: qdq_batch -----------------------------------------------------------------------------------

/// Returns a batch without tensors, for qdq_session_run(). Free it with qdq_batch_free().
qdq_batch *qdq_batch_new(void);

/// Frees `*batch` and sets it to NULL. Does nothing if `batch` or `*batch` is NULL. The batch that a callback
/// receives belongs to qdq and is valid during the call; this function does not free it.
void qdq_batch_free(qdq_batch **batch);

/// Sets the tensor `name`, such as the value of an input, and replaces an earlier one. The elements are
/// copied.
qdq_status qdq_batch_set(qdq_batch *batch, const char *name, const qdq_tensor *tensor, qdq_error **error);

/// Returns the number of samples in the batch, without repeats; 0 if a callback or the caller fills the
/// batch.
size_t qdq_batch_samples(const qdq_batch *batch);

/// Returns the number of repeats that follow the samples in every tensor. If the model's batch size is fixed,
/// repeats fill the last batch from files. Calibration leaves out their results.
size_t qdq_batch_repeats(const qdq_batch *batch);

/// Returns the number of tensors.
size_t qdq_batch_count(const qdq_batch *batch);

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the batch is changed or
/// freed.
const char *qdq_batch_name(const qdq_batch *batch, size_t index);

/// Returns a view of tensor `index`. It is valid until the batch is changed or freed. Do not write through
/// it.
qdq_status qdq_batch_at(const qdq_batch *batch, size_t index, qdq_tensor *out, qdq_error **error);

/// Returns a view of tensor `name`, like that of qdq_batch_at(). Returns QDQ_ERROR_DATA if the batch has no
/// such tensor.
qdq_status qdq_batch_get(const qdq_batch *batch, const char *name, qdq_tensor *out, qdq_error **error);

// ---- A stream of batches: qdq_batches ---------------------------------------------------------------------

/// Opens calibration data from files, for a network with these inputs. `paths` holds `count` paths of files
/// (.npz, .npy, raw, images in JPEG, PNG, BMP, GIF, WebP, TIFF or PNM) or of folders. "NAME=PATH" names the
/// input that the path feeds. `options` may be NULL. Free `*out` with qdq_batches_free().
qdq_status qdq_batches_open(const qdq_specs *inputs,
                            const char *const *paths,
                            size_t count,
                            const qdq_data_options *options,
                            qdq_batches **out,
                            qdq_error **error);

/// Makes a stream of batches from a callback, for a network with these inputs. Every batch is checked against
/// the inputs; floating-point tensors are rounded to the types of the inputs. Free `*out` with
/// qdq_batches_free().
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when the stream is freed, or before this
/// function returns with an error.
qdq_status qdq_batches_from_callback(const qdq_specs *inputs,
                                     qdq_next_batch_fn next,
                                     void *user,
                                     qdq_free_fn free_user,
                                     qdq_batches **out,
                                     qdq_error **error);

/// Frees `*batches` and sets it to NULL. Does nothing if `batches` or `*batches` is NULL.
void qdq_batches_free(qdq_batches **batches);

/// Returns the findings of the data that was read so far: files and samples that were left out. Free `*out`
/// with qdq_findings_free().
qdq_status qdq_batches_findings(const qdq_batches *batches, qdq_findings **out, qdq_error **error);

/// Returns the next batch; `*out` is NULL after the last. After an error there are no more batches. Free
/// `*out` with qdq_batch_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the function is called again after the end, because batches can be
/// read only once. Every run over such a stream fails in the same way.
qdq_status qdq_batches_next(qdq_batches *batches, qdq_batch **out, qdq_error **error);

/// Returns the number of remaining batches; -1 if it is not known.
int64_t qdq_batches_remaining(qdq_batches *batches);

// ---- A model: qdq_model -----------------------------------------------------------------------------------

/// Opens an ONNX file. Looks for external data in the folder of the file. Free `*out` with qdq_model_free().
qdq_status qdq_model_open(const char *path, qdq_model **out, qdq_error **error);

/// Makes a model from the content of an ONNX file: `size` bytes, which are copied. Such a model has no folder
/// and therefore no external data. Free `*out` with qdq_model_free().
qdq_status qdq_model_from_bytes(const void *bytes, size_t size, qdq_model **out, qdq_error **error);

/// Frees `*model` and sets it to NULL. Does nothing if `model` or `*model` is NULL.
void qdq_model_free(qdq_model **model);

/// Writes the model to a file. If the model file would be larger than 2 GiB, weights go into `<name>.data` in
/// the same folder. External data is copied into it too, unless the model is saved into its own folder. After
/// an error each file is either complete or unchanged.
qdq_status qdq_model_save(const qdq_model *model, const char *path, qdq_error **error);

/// Writes the model to a file, with chosen limits for external data. If the model file would be larger than
/// `max_file` bytes, weights of `min_external` bytes or more go into `<name>.data`. qdq_model_save() uses
/// UINT32_MAX, which stands for 2 GiB, and 1024.
///
/// `files` may be NULL. Otherwise `*files` receives the paths of the written files, the model first; free it
/// with qdq_texts_free().
qdq_status qdq_model_save_external(const qdq_model *model,
                                   const char *path,
                                   uint32_t max_file,
                                   size_t min_external,
                                   qdq_texts **files,
                                   qdq_error **error);

/// Returns the content of the model's file, up to 2 GiB, with external data inside. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_model_to_bytes(const qdq_model *model, qdq_buffer **out, qdq_error **error);

/// Returns the findings of qdq_model_quantize() or qdq_model_recover() about the model that it made, such as
/// weights that keep one scale per channel although the target is TensorRT-RTX. qdq_model_cast() keeps them;
/// files do not hold them. Free `*out` with qdq_findings_free().
qdq_status qdq_model_findings(const qdq_model *model, qdq_findings **out, qdq_error **error);

/// Returns the opset: the version of ONNX's own operators that the model uses. Returns 0 if the model imports
/// none.
int64_t qdq_model_opset(const qdq_model *model);

/// Returns the IR version of the model: the version of the file format.
int64_t qdq_model_ir_version(const qdq_model *model);

/// Rewrites the model for a higher opset. Planning does this by itself if it is needed. If the model has this
/// opset or a higher one already, nothing happens: compare qdq_model_opset() before and after the call.
///
/// `converted` may be NULL. Otherwise `*converted` receives the nodes that got another form, by the names
/// that messages use; free it with qdq_texts_free(). Plans that were made before do not fit the model any
/// more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the opset is above 22; QDQ_ERROR_UNSUPPORTED if a node has no
/// equivalent in that opset. After an error the model is unchanged.
qdq_status qdq_model_raise_opset(qdq_model *model, int64_t opset, qdq_texts **converted, qdq_error **error);

/// Returns the value of an initializer or of a Constant node of the main graph. `*out` is NULL if `name` is
/// neither. Free `*out` with qdq_array_free().
qdq_status qdq_model_get_constant(const qdq_model *model, const char *name, qdq_array **out, qdq_error **error);

/// Returns the text that the model's metadata has for `key`. `*out` is NULL if there is none. Free `*out`
/// with qdq_buffer_free().
qdq_status qdq_model_get_metadata(const qdq_model *model, const char *key, qdq_buffer **out, qdq_error **error);

/// Sets the text that the model's metadata has for `key`, and replaces an earlier one. Plans that were made
/// before do not fit the model any more.
qdq_status qdq_model_set_metadata(qdq_model *model, const char *key, const char *value, qdq_error **error);

/// Replaces the values of the initializer `name` of the main graph, for example by trained weights. Type and
/// shape must stay the same. The value is copied. Plans that were made before do not fit the model any more.
/// After an error the model is unchanged.
qdq_status qdq_model_set_initializer(qdq_model *model, const char *name, const qdq_tensor *value, qdq_error **error);

/// Inserts a Clip to the range from `min` to `max` before input `input` of the first node called `node`. This
/// is the computation of training with a learned range. Plans that were made before do not fit the model any
/// more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the node or its input does not exist, if the ends are not finite, or
/// if `min` is above `max`; QDQ_ERROR_TYPE if the tensor is not known to hold f32, f64 or f16;
/// QDQ_ERROR_UNSUPPORTED if the opset is below 11. After an error the model is unchanged.
qdq_status qdq_model_clip_input(qdq_model *model,
                                const char *node,
                                size_t input,
                                float min,
                                float max,
                                qdq_error **error);

/// Returns the inputs that the caller must feed, without the fixed ones (see qdq_model_fix_input()). Free
/// `*out` with qdq_specs_free().
qdq_status qdq_model_inputs(const qdq_model *model, qdq_specs **out, qdq_error **error);

/// Returns the outputs of the model. Free `*out` with qdq_specs_free().
qdq_status qdq_model_outputs(const qdq_model *model, qdq_specs **out, qdq_error **error);

/// Returns the model as a neutral graph, at the opset at which the model is planned. A plan of the model uses
/// the tensor and node numbers of this graph. Free `*out` with qdq_graph_free().
///
/// The bodies of If, Loop and Scan are flattened into the graph if they contain convolutions or matrix
/// products. A node of domain `qdq.flat` then stands for the values that a body receives.
qdq_status qdq_model_graph(const qdq_model *model, qdq_graph **out, qdq_error **error);

/// Fixes the value of an input. The value is copied. From now on the input is a constant that nobody feeds.
/// The consequences are decided when the model is planned, such as the branch of an If that runs. An example
/// is an input `sr` of 16000 for a detector that has one branch per sampling rate. One number fits every
/// shape that holds exactly one element. Plans that were made before do not fit the model any more.
///
/// A model that is saved still has the input. A quantized model loses it if nothing reads it after these
/// decisions; the plan's findings report this. The metadata of the quantized model keeps the value:
/// qdq_model_get_metadata() of `qdq.fixed_input.NAME`, such as `i64[] 16000`. qdq_model_compare() refuses a
/// comparison at another value.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the model has no such input or was made for another value of it;
/// QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE if the value does not have the declared type or shape. After an error
/// the model is unchanged.
qdq_status qdq_model_fix_input(qdq_model *model, const char *name, const qdq_tensor *value, qdq_error **error);

/// Sets the shape of an input for runs: sizes that the model leaves open, or a correction of wrong ones.
/// QDQ_DYNAMIC stands for a size that is known only at run time. A model that is saved keeps its declared
/// shape. Plans that were made before do not fit the model any more.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the model has no such input; QDQ_ERROR_SHAPE if it declares another
/// number of axes. After an error the model is unchanged.
qdq_status qdq_model_set_input_shape(qdq_model *model,
                                     const char *name,
                                     int32_t ndim,
                                     const int64_t *shape,
                                     qdq_error **error);

/// Decides which tensors of the model are quantized; see qdq_graph_plan(). `policy` and `ranges` may be NULL.
/// Free `*out` with qdq_plan_free().
///
/// Returns QDQ_ERROR_DATA if a weight that the plan quantizes holds NaN or an infinity; QDQ_ERROR_UNSUPPORTED
/// if a format needs a higher opset than the model has and can be raised to, or was planned with before.
qdq_status qdq_model_plan(const qdq_model *model,
                          const qdq_policy *policy,
                          const qdq_ranges *ranges,
                          qdq_plan **out,
                          qdq_error **error);

/// Runs the model over all batches and collects statistics of the tensors that the plan quantizes. The plan
/// must be made from the same model handle. With `every_activation`, collects statistics of all other
/// activations too, as a calibration cache needs them. `options` may be NULL. Free `*out` with
/// qdq_stats_free().
///
/// Among these other activations, those that depend on an operator that no runtime knows, such as a TensorRT
/// plugin, are left out with a warning. Only the part of the model that the tensors need is run. The memory
/// is that of one inference and 80 KiB per tensor, for any number of batches.
qdq_status qdq_model_calibrate(const qdq_model *model,
                               const qdq_plan *plan,
                               qdq_batches *batches,
                               bool every_activation,
                               const qdq_run_options *options,
                               qdq_stats **out,
                               qdq_error **error);

/// Returns the model with Quantize and Dequantize inserted at the places that the plan chose, with the scales
/// of the ranges. The plan must be made from the same model handle. The result is for TensorRT 8 to 11,
/// TensorRT-RTX and ONNX Runtime. `options` may be NULL. The result is a separate model; free `*out` with
/// qdq_model_free().
qdq_status qdq_model_quantize(const qdq_model *model,
                              const qdq_plan *plan,
                              const qdq_ranges *ranges,
                              const qdq_quantize_options *options,
                              qdq_model **out,
                              qdq_error **error);

/// Quantizes the model as qdq_model_quantize() does, and recovers accuracy with the methods of the options. A
/// layer keeps a change only if it lowers the mean squared error of the layer's output on the data. Therefore
/// no layer has a larger error than with plain rounding. Free `*out` with qdq_model_free().
///
/// The data is read several times, so `open` is called with `user` several times before this function
/// returns. `method` and `percentile` are those of the ranges; the function computes new ranges with them
/// for activations whose channels it scales.
///
/// `options` and `run_options` may be NULL. `report` may be NULL. Otherwise `*report` receives the changes as
/// JSON: `layers`, each with `method`, `layer`, `changed` of `of`, `error_before` and `error_after` (mean
/// squares, in the output's unit squared), `gain_db` and `what`; free it with qdq_buffer_free().
qdq_status qdq_model_recover(const qdq_model *model,
                             const qdq_plan *plan,
                             const qdq_ranges *ranges,
                             qdq_method method,
                             double percentile,
                             qdq_open_batches_fn open,
                             void *user,
                             const qdq_recover_options *options,
                             const qdq_run_options *run_options,
                             qdq_buffer **report,
                             qdq_model **out,
                             qdq_error **error);

/// Measures what each quantized layer of the plan costs alone: the signal-to-quantization-noise ratio of its
/// own output, and that of the network's outputs if only this layer is quantized. `*out` receives JSON:
/// `samples`, `layers` and `findings`. The layers are in the order of their noise, each with `layer`, `op`,
/// `format`, `method`, `own_db`, `output_db`, `share` (of the noise of all layers, 0 to 1) and `cost`
/// (multiply-accumulates for one sample); free it with qdq_buffer_free().
///
/// `stats` are those of qdq_model_calibrate() for this plan, and `method` and `percentile` compute the ranges
/// from them. At most `samples` samples are measured, evenly spread over the data; 0 stands for 32. The data
/// is read once, so `open` is called with `user` before this function returns. `options` and `run_options`
/// may be NULL.
qdq_status qdq_model_sensitivity(const qdq_model *model,
                                 const qdq_plan *plan,
                                 const qdq_stats *stats,
                                 qdq_method method,
                                 double percentile,
                                 size_t samples,
                                 qdq_open_batches_fn open,
                                 void *user,
                                 const qdq_quantize_options *options,
                                 const qdq_run_options *run_options,
                                 qdq_buffer **out,
                                 qdq_error **error);

/// Chooses the range of each tensor that the plan quantizes, among those of all methods and steps between
/// them. A range is chosen by the error of the layers that read the tensor, and kept only if the network's
/// outputs become better. So they are never worse than with the best single method. Free `*out` with
/// qdq_ranges_free().
///
/// `stats` are those of qdq_model_calibrate() for this plan. At most `samples` samples choose, and as many
/// others judge; 0 stands for 32. The data is read once, so `open` is called with `user` before this function
/// returns. `options` and `run_options` may be NULL. `report` may be NULL. Otherwise `*report` receives the
/// choice as JSON: `single` (the best method), `scores_db` of all methods, `score_db` of the result,
/// `changed` (the tensors with other ranges), `judged_samples`, and whether they were `held_out`; free it
/// with qdq_buffer_free().
qdq_status qdq_model_choose_ranges(const qdq_model *model,
                                   const qdq_plan *plan,
                                   const qdq_stats *stats,
                                   size_t samples,
                                   qdq_open_batches_fn open,
                                   void *user,
                                   const qdq_quantize_options *options,
                                   const qdq_run_options *run_options,
                                   qdq_buffer **report,
                                   qdq_ranges **out,
                                   qdq_error **error);

// ---- A neutral graph of a network: qdq_graph --------------------------------------------------------------

/// Returns a graph without nodes. Free it with qdq_graph_free().
qdq_graph *qdq_graph_new(void);

/// Frees `*graph` and sets it to NULL. Does nothing if `graph` or `*graph` is NULL.
void qdq_graph_free(qdq_graph **graph);

/// Adds an input or a constant. The name must be new. `dtype` may be QDQ_DTYPE_UNKNOWN. A negative `ndim`
/// means that the rank is not known. QDQ_DYNAMIC stands for a size that is known only at run time. `*tensor`
/// receives the number of the tensor.
///
/// Activations are refused here, because nodes add the activations that they compute. After an error the
/// graph is unchanged.
qdq_status qdq_graph_add_tensor(qdq_graph *graph,
                                const char *name,
                                qdq_tensor_kind kind,
                                qdq_dtype dtype,
                                int32_t ndim,
                                const int64_t *shape,
                                size_t *tensor,
                                qdq_error **error);

/// Adds the node that `node` describes. Its outputs become new activations. The description may be changed
/// and added again. `number` may be NULL. Otherwise `*number` receives the number of the node. After an error
/// the graph is unchanged.
qdq_status qdq_graph_add_node(qdq_graph *graph, const qdq_node *node, size_t *number, qdq_error **error);

/// Sets the known type and shape of a tensor, with the arguments of qdq_graph_add_tensor(). An unknown type
/// or rank leaves the earlier one unchanged.
qdq_status qdq_graph_describe_tensor(qdq_graph *graph,
                                     size_t tensor,
                                     qdq_dtype dtype,
                                     int32_t ndim,
                                     const int64_t *shape,
                                     qdq_error **error);

/// Names the dimension of a tensor along `axis`, whose size is known only at run time. Dimensions with the
/// same name are equal. `name` may be NULL for none.
qdq_status qdq_graph_name_dim(qdq_graph *graph, size_t tensor, size_t axis, const char *name, qdq_error **error);

/// Marks a tensor as an output of the network.
qdq_status qdq_graph_mark_output(qdq_graph *graph, size_t tensor, qdq_error **error);

/// Returns the number of tensors.
size_t qdq_graph_tensor_count(const qdq_graph *graph);

/// Returns the number of tensor `name`; QDQ_NONE if there is none.
size_t qdq_graph_find_tensor(const qdq_graph *graph, const char *name);

/// Returns the name of a tensor; NULL if there is no such tensor. The text is valid until the graph is
/// changed or freed.
const char *qdq_graph_tensor_name(const qdq_graph *graph, size_t tensor);

/// Returns the role of a tensor in the network; -1 if there is no such tensor.
qdq_tensor_kind qdq_graph_tensor_kind(const qdq_graph *graph, size_t tensor);

/// Returns the element type of a tensor; QDQ_DTYPE_UNKNOWN if it is not known.
qdq_dtype qdq_graph_tensor_dtype(const qdq_graph *graph, size_t tensor);

/// Returns the rank of a tensor; -1 if it is not known.
int32_t qdq_graph_tensor_ndim(const qdq_graph *graph, size_t tensor);

/// Returns the size of a tensor along `axis`; QDQ_DYNAMIC if it is not known or there is no such axis.
int64_t qdq_graph_tensor_size(const qdq_graph *graph, size_t tensor, size_t axis);

/// Returns whether a tensor is an output of the network.
bool qdq_graph_tensor_is_output(const qdq_graph *graph, size_t tensor);

/// Returns the node that computes a tensor; QDQ_NONE if none does.
size_t qdq_graph_tensor_producer(const qdq_graph *graph, size_t tensor);

/// Returns the name of the dimension of a tensor along `axis`; NULL if it has none or there is no such axis.
/// Dimensions with the same name are equal. The text is valid until the graph is changed or freed.
const char *qdq_graph_tensor_dim_name(const qdq_graph *graph, size_t tensor, size_t axis);

/// Returns the number of consumers of a tensor: the node inputs that read it.
size_t qdq_graph_tensor_consumer_count(const qdq_graph *graph, size_t tensor);

/// Returns the node of consumer `consumer` of a tensor, from 0; QDQ_NONE past the last.
size_t qdq_graph_tensor_consumer_node(const qdq_graph *graph, size_t tensor, size_t consumer);

/// Returns the position of the input, from 0, by which that node reads the tensor; QDQ_NONE past the last.
size_t qdq_graph_tensor_consumer_input(const qdq_graph *graph, size_t tensor, size_t consumer);

/// Returns the number of nodes.
size_t qdq_graph_node_count(const qdq_graph *graph);

/// Returns the number of the first node called `name`; QDQ_NONE if there is none. Unlike tensors, several
/// nodes may have the same name.
size_t qdq_graph_find_node(const qdq_graph *graph, const char *name);

/// Returns the name of a node; NULL if there is no such node. The text is valid until the graph is changed or
/// freed.
const char *qdq_graph_node_name(const qdq_graph *graph, size_t node);

/// Returns the operator of a node; NULL if there is no such node. The text is valid until the graph is
/// changed or freed.
const char *qdq_graph_node_op(const qdq_graph *graph, size_t node);

/// Returns the domain of a node's operator, "" for ONNX's own; NULL if there is no such node. The text is
/// valid until the graph is changed or freed.
const char *qdq_graph_node_domain(const qdq_graph *graph, size_t node);

/// Returns the number of inputs of a node, including omitted ones between others.
size_t qdq_graph_node_input_count(const qdq_graph *graph, size_t node);

/// Returns the tensor that a node reads as its input `input`, from 0; QDQ_NONE if the input is omitted.
size_t qdq_graph_node_input_at(const qdq_graph *graph, size_t node, size_t input);

/// Returns the number of outputs of a node, including omitted ones between others.
size_t qdq_graph_node_output_count(const qdq_graph *graph, size_t node);

/// Returns the tensor that a node computes as its output `output`, from 0; QDQ_NONE if the output is omitted.
size_t qdq_graph_node_output_at(const qdq_graph *graph, size_t node, size_t output);

/// Returns the number of captures of a node: the tensors that its subgraphs (the branches of an If, the body
/// of a Loop) read by name.
size_t qdq_graph_node_capture_count(const qdq_graph *graph, size_t node);

/// Returns the tensor of capture `capture` of a node, from 0; QDQ_NONE past the last.
size_t qdq_graph_node_capture_at(const qdq_graph *graph, size_t node, size_t capture);

/// Returns the number of attributes of a node. Only the types that planning can use count: integers, numbers,
/// texts.
size_t qdq_graph_node_attribute_count(const qdq_graph *graph, size_t node);

/// Returns the number of the attribute `name` of a node; QDQ_NONE if it has none.
size_t qdq_graph_node_find_attribute(const qdq_graph *graph, size_t node, const char *name);

/// Returns the name of attribute `attribute` of a node, from 0, in alphabetical order; NULL past the last.
/// The text is valid until the graph is changed or freed.
const char *qdq_graph_node_attribute_name(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the type of an attribute's value; -1 if there is no such attribute.
qdq_attribute qdq_graph_node_attribute_type(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the value of an integer attribute; 0 if it has another type.
int64_t qdq_graph_node_attribute_int(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the length of the list of an integer-list attribute; 0 if it has another type.
size_t qdq_graph_node_attribute_ints_count(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the value of an integer-list attribute; NULL if it has another type. The list is valid until the
/// graph is changed or freed.
const int64_t *qdq_graph_node_attribute_ints(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the value of a number attribute; NaN if it has another type.
float qdq_graph_node_attribute_float(const qdq_graph *graph, size_t node, size_t attribute);

/// Returns the value of a text attribute; NULL if it has another type. The text is valid until the graph is
/// changed or freed.
const char *qdq_graph_node_attribute_text(const qdq_graph *graph, size_t node, size_t attribute);

// ---- A new node of a graph: qdq_node ----------------------------------------------------------------------

/// Makes a node of an operator with its ONNX name, such as "Conv". `name` may be NULL for a name made from
/// operator and position. `domain` may be NULL for ONNX's own operators. Free `*out` with qdq_node_free().
qdq_status qdq_node_new(const char *op, const char *name, const char *domain, qdq_node **out, qdq_error **error);

/// Frees `*node` and sets it to NULL. Does nothing if `node` or `*node` is NULL.
void qdq_node_free(qdq_node **node);

/// Adds an input: the number of a tensor of the graph, or QDQ_NONE for an optional input that is omitted.
qdq_status qdq_node_add_input(qdq_node *node, size_t tensor, qdq_error **error);

/// Adds an output: the name of the new tensor. `name` may be NULL for an optional output that is omitted.
qdq_status qdq_node_add_output(qdq_node *node, const char *name, qdq_error **error);

/// Adds a tensor that subgraphs of the node read by name.
qdq_status qdq_node_add_capture(qdq_node *node, size_t tensor, qdq_error **error);

/// Sets an attribute to an integer.
qdq_status qdq_node_set_int(qdq_node *node, const char *name, int64_t value, qdq_error **error);

/// Sets an attribute to a list of `count` integers.
qdq_status qdq_node_set_ints(qdq_node *node,
                             const char *name,
                             const int64_t *values,
                             size_t count,
                             qdq_error **error);

/// Sets an attribute to a number.
qdq_status qdq_node_set_float(qdq_node *node, const char *name, float value, qdq_error **error);

/// Sets an attribute to a text.
qdq_status qdq_node_set_text(qdq_node *node, const char *name, const char *value, qdq_error **error);

// ---- Rules for a plan: qdq_policy -------------------------------------------------------------------------

/// Returns a policy that allows everything. Free it with qdq_policy_free().
qdq_policy *qdq_policy_new(void);

/// Returns a copy of the policy. Free `*out` with qdq_policy_free().
qdq_status qdq_policy_clone(const qdq_policy *policy, qdq_policy **out, qdq_error **error);

/// Frees `*policy` and sets it to NULL. Does nothing if `policy` or `*policy` is NULL.
void qdq_policy_free(qdq_policy **policy);

/// Allows nodes whose name matches a pattern. `*` stands for any text, `?` for one character. Planning fails
/// if a pattern matches nothing.
qdq_status qdq_policy_include_name(qdq_policy *policy, const char *pattern, qdq_error **error);

/// Allows nodes of an operator, such as "Conv".
qdq_status qdq_policy_include_op(qdq_policy *policy, const char *op, qdq_error **error);

/// Forbids nodes whose name matches a pattern, as in qdq_policy_include_name().
qdq_status qdq_policy_exclude_name(qdq_policy *policy, const char *pattern, qdq_error **error);

/// Forbids nodes of an operator.
qdq_status qdq_policy_exclude_op(qdq_policy *policy, const char *op, qdq_error **error);

/// Sets whether a whole weight has one scale instead of one per output channel, which costs accuracy. This is
/// for TensorRT versions that refuse a per-channel transposed convolution. Default: false.
qdq_status qdq_policy_set_per_tensor_weights(qdq_policy *policy, bool per_tensor_weights, qdq_error **error);

/// Sets the format of the quantized nodes. Default: QDQ_FORMAT_INT8.
///
/// qdq_model_plan() raises the opset of a model that is planned for the first time to what the formats need.
/// Networks of TensorRT's own interface are quantized in QDQ_FORMAT_INT8 alone.
qdq_status qdq_policy_set_format(qdq_policy *policy, qdq_format format, qdq_error **error);

/// Sets the format of nodes whose name matches a pattern, as in qdq_policy_include_name(). The first pattern
/// that was added and matches a node decides. Planning fails if a pattern matches nothing.
qdq_status qdq_policy_format_of(qdq_policy *policy, const char *pattern, qdq_format format, qdq_error **error);

/// Allows the node `node`, whose name is a pattern as in qdq_policy_include_name(), in the format of the
/// quantizers that it was trained with: of its input, and of its weight. `input` may be NULL or disabled if
/// the node reads its input in floating point. A rule of qdq_policy_format_of() that was added before and
/// matches the node decides instead.
///
/// - QDQ_FORMAT_INT8: integers of 8 bits beside weights of up to 8 bits.
/// - QDQ_FORMAT_FP8: e4m3 beside e4m3.
/// - QDQ_FORMAT_INT8_WEIGHTS: no quantizer of the input beside weights of up to 8 bits.
/// - QDQ_FORMAT_INT4_WEIGHTS: no quantizer of the input beside weights of up to 4 bits in blocks of 128 or
///   64.
///
/// Returns QDQ_ERROR_UNSUPPORTED for quantizers that no format has; QDQ_ERROR_INVALID_ARGUMENT if the
/// quantizer of the weight is disabled, or if one has no fixed range, is calibrating or scales its data
/// first. A front end stays in float all the same (qdq_policy_set_front_end()).
/// qdq_quantize_options_set_weight_quantizer() takes the numbers of the weight over, and
/// qdq_ranges_set() the range of the input.
qdq_status qdq_policy_include_trained(qdq_policy *policy,
                                      const char *node,
                                      const qdq_quantizer *input,
                                      const qdq_quantizer *weight,
                                      qdq_error **error);

/// Returns the least opset that the formats of the policy need; 0 for NULL. qdq_model_raise_opset() raises a
/// model whose graph was read already, and qdq_model_plan() one that was not.
int64_t qdq_policy_least_opset(const qdq_policy *policy);

/// Sets the number of weights in a row along the input axis that share a scale: 128 or 64, for
/// QDQ_FORMAT_INT4_WEIGHTS. 0 stands for the first of them that divides the axis. Default: 0. Planning fails
/// with QDQ_ERROR_INVALID_ARGUMENT if no format of the policy has blocks of this size.
qdq_status qdq_policy_set_block_size(qdq_policy *policy, size_t block_size, qdq_error **error);

/// Sets whether QDQ_FORMAT_INT8_WEIGHTS also takes the weights of convolutions. TensorRT dequantizes them and
/// computes the convolution in float, so that only the model is smaller. Default: false.
qdq_status qdq_policy_set_conv_weights(qdq_policy *policy, bool conv_weights, qdq_error **error);

/// Sets the treatment of the two products of an attention, the one before its Softmax and the one behind it.
/// The products that compute query, key, value and the output are always quantized. Default:
/// QDQ_ATTENTION_AUTO.
qdq_status qdq_policy_set_attention(qdq_policy *policy, qdq_attention attention, qdq_error **error);

/// Sets the treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are
/// squared or lose their sign. Default: QDQ_FRONT_END_FLOAT.
qdq_status qdq_policy_set_front_end(qdq_policy *policy, qdq_front_end front_end, qdq_error **error);

/// Sets the TensorRT product for which the network is quantized. Default: QDQ_TARGET_TENSORRT.
///
/// The scales of channels move behind the convolutions in models that qdq writes. A plan for a network of
/// your own has one scale per channel for both products.
qdq_status qdq_policy_set_target(qdq_policy *policy, qdq_target target, qdq_error **error);

/// Sets the least share of the convolutions and matrix products that must be quantized, from 0 to 1. Only
/// nodes that the policy allows count. Planning fails with QDQ_ERROR_DATA if it quantizes a smaller share,
/// for example because ranges are missing. Default: 0. Returns QDQ_ERROR_INVALID_ARGUMENT for other numbers.
qdq_status qdq_policy_set_min_quantized(qdq_policy *policy, float share, qdq_error **error);

// ---- A quantization plan: qdq_plan ------------------------------------------------------------------------

/// Decides which tensors of a graph are quantized. The result depends on the arguments only. `policy` may be
/// NULL for the default, which follows TensorRT's rules. `ranges` may be NULL. With `ranges` the plan follows
/// an existing calibration: a node stays in float if it needs a range that is missing. Free `*out` with
/// qdq_plan_free().
qdq_status qdq_graph_plan(const qdq_graph *graph,
                          const qdq_policy *policy,
                          const qdq_ranges *ranges,
                          qdq_plan **out,
                          qdq_error **error);

/// Frees `*plan` and sets it to NULL. Does nothing if `plan` or `*plan` is NULL.
void qdq_plan_free(qdq_plan **plan);

/// Returns the findings of the plan: nodes that stay in float because a range is missing, ranges that match
/// no tensor or are all zero, Quantize and Dequantize that were there before, fixed inputs, and weights that
/// cannot be computed before the model runs. Free `*out` with qdq_findings_free().
qdq_status qdq_plan_findings(const qdq_plan *plan, qdq_findings **out, qdq_error **error);

/// Returns the plan as text for people: one line for every node with its verdict and reason, then the totals.
/// Free `*out` with qdq_buffer_free().
qdq_status qdq_plan_to_text(const qdq_plan *plan, qdq_buffer **out, qdq_error **error);

/// Returns the plan as JSON for programs, with nodes, activations and weights. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_plan_to_json(const qdq_plan *plan, qdq_buffer **out, qdq_error **error);

/// Returns the number of nodes that the plan decides on: all nodes of the graph.
size_t qdq_plan_node_count(const qdq_plan *plan);

/// Returns the decision on a node; QDQ_VERDICT_FLOAT past the last.
qdq_verdict qdq_plan_verdict(const qdq_plan *plan, size_t node);

/// Returns the reason for the decision on a node; NULL past the last. The text is valid until the plan is
/// freed.
const char *qdq_plan_reason(const qdq_plan *plan, size_t node);

/// Returns the number of taps: the tensors that must be observed to carry out the plan. With
/// `every_activation`, returns the number of all activations, which a calibration cache needs.
size_t qdq_plan_tap_count(const qdq_plan *plan, bool every_activation);

/// Returns the name of tap `index`; NULL past the last. The text is valid until the plan is freed. Pass the
/// same `every_activation` as to qdq_plan_tap_count().
const char *qdq_plan_tap_at(const qdq_plan *plan, bool every_activation, size_t index);

/// Returns the number of quantized activations.
size_t qdq_plan_activation_count(const qdq_plan *plan);

/// Returns the tensor of quantized activation `index`; QDQ_NONE past the last.
size_t qdq_plan_activation_tensor(const qdq_plan *plan, size_t index);

/// Returns the number of the group of quantized activation `index`; QDQ_NONE past the last. The activations
/// of a group share one scale, and its range covers them all.
size_t qdq_plan_activation_group(const qdq_plan *plan, size_t index);

/// Returns the format of quantized activation `index`; QDQ_FORMAT_INT8 past the last.
qdq_format qdq_plan_activation_format(const qdq_plan *plan, size_t index);

/// Returns the number of node inputs that read the dequantized values of activation `index`. All other
/// readers keep the float tensor.
size_t qdq_plan_activation_reader_count(const qdq_plan *plan, size_t index);

/// Returns the node of reader `reader` of activation `index`; QDQ_NONE past the last.
size_t qdq_plan_activation_reader_node(const qdq_plan *plan, size_t index, size_t reader);

/// Returns the position of the input, from 0, by which that node reads activation `index`; QDQ_NONE past the
/// last.
size_t qdq_plan_activation_reader_input(const qdq_plan *plan, size_t index, size_t reader);

/// Returns the number of quantized constants. A constant that is read along two axes counts twice.
size_t qdq_plan_weight_count(const qdq_plan *plan);

/// Returns the tensor of quantized constant `index`; QDQ_NONE past the last. It is a constant, or the end of
/// a chain of operators that only reshape or reorder a constant.
size_t qdq_plan_weight_tensor(const qdq_plan *plan, size_t index);

/// Returns the axis of the scales of quantized constant `index`, from 0. Each index of this axis has its own
/// scale, or each block of it (qdq_plan_weight_block()). Returns QDQ_NO_AXIS if there is one scale, and past
/// the last.
int32_t qdq_plan_weight_axis(const qdq_plan *plan, size_t index);

/// Returns the format of quantized constant `index`; QDQ_FORMAT_INT8 past the last.
qdq_format qdq_plan_weight_format(const qdq_plan *plan, size_t index);

/// Returns the number of elements in a row along the axis of quantized constant `index` that share a scale;
/// 0 if its format has no blocks, and past the last.
size_t qdq_plan_weight_block(const qdq_plan *plan, size_t index);

/// Returns the number of node inputs that read the dequantized values of constant `index`.
size_t qdq_plan_weight_reader_count(const qdq_plan *plan, size_t index);

/// Returns the node of reader `reader` of constant `index`; QDQ_NONE past the last.
size_t qdq_plan_weight_reader_node(const qdq_plan *plan, size_t index, size_t reader);

/// Returns the position of the input, from 0, by which that node reads constant `index`; QDQ_NONE past the
/// last.
size_t qdq_plan_weight_reader_input(const qdq_plan *plan, size_t index, size_t reader);

/// Computes the range of every observed tensor by a method for its format, in the order of the network.
/// Tensors that share a scale get one range from their merged statistics. Free `*out` with qdq_ranges_free().
///
/// Returns QDQ_ERROR_DATA if a planned tensor was not observed; QDQ_ERROR_UNSUPPORTED for entropy with 8-bit
/// floats.
qdq_status qdq_plan_ranges(const qdq_plan *plan,
                           const qdq_stats *stats,
                           qdq_method method,
                           double percentile,
                           qdq_ranges **out,
                           qdq_error **error);

/// Returns ranges for the largest shape of an input for which an engine is built: attentions over a number of
/// keys that depends on it are quantized up to 512 keys and left in float above, whatever length the
/// calibration data had. Plans that are made with the result follow it. This plan is one of the same network
/// without ranges. `shape` has `ndim` sizes. A number of keys depends on an input only if the network says
/// so: both are one named dimension. Another input changes nothing, and a later call for the same dimension
/// replaces an earlier one. Free `*out` with qdq_ranges_free().
qdq_status qdq_plan_ranges_for_shape(const qdq_plan *plan,
                                     const qdq_ranges *ranges,
                                     const char *input,
                                     int32_t ndim,
                                     const int64_t *shape,
                                     qdq_ranges **out,
                                     qdq_error **error);

// ---- Run options: qdq_run_options -------------------------------------------------------------------------

/// Returns the default options. Free them with qdq_run_options_free().
qdq_run_options *qdq_run_options_new(void);

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
void qdq_run_options_free(qdq_run_options **options);

/// Sets the runtime. Default: QDQ_RUNTIME_EMBEDDED.
qdq_status qdq_run_options_set_runtime(qdq_run_options *options, qdq_runtime runtime, qdq_error **error);

/// Returns the runtime that is set: one of the QDQ_RUNTIME_ numbers; -1 for NULL.
qdq_runtime qdq_run_options_runtime(const qdq_run_options *options);

/// Replaces QDQ_RUNTIME_AUTO by the runtime that it stands for, so that several models run in the same
/// runtime. qdq_run_options_runtime() then returns this runtime. Another setting stays the same. Returns
/// QDQ_ERROR_RUNTIME if ONNX Runtime was requested by a path and cannot be used.
qdq_status qdq_run_options_settle(qdq_run_options *options, qdq_error **error);

/// Sets ONNX Runtime's library, or the folder that it is in. `path` may be NULL, the default: then qdq
/// searches the environment variable QDQ_ONNXRUNTIME, the Python package and the places where the system
/// looks for libraries.
qdq_status qdq_run_options_set_onnxruntime(qdq_run_options *options, const char *path, qdq_error **error);

/// Sets the number of threads that compute, at most 1024; 0 means one per physical core, the default.
qdq_status qdq_run_options_set_threads(qdq_run_options *options, size_t threads, qdq_error **error);

/// Sets the progress callback. `progress` may be NULL for none, the default. `free_user` may be NULL.
/// Otherwise it is called once with `user`: when another callback is set or the options are freed, or before
/// this function returns with an error.
qdq_status qdq_run_options_set_progress(qdq_run_options *options,
                                        qdq_progress_fn progress,
                                        void *user,
                                        qdq_free_fn free_user,
                                        qdq_error **error);

/// Sets the switch that stops runs. `cancel` may be NULL for none, the default. It may be freed before the
/// options.
qdq_status qdq_run_options_set_cancel(qdq_run_options *options, const qdq_cancel *cancel, qdq_error **error);

// ---- A switch that stops runs: qdq_cancel -----------------------------------------------------------------

/// Returns a switch that is off. Free it with qdq_cancel_free(), even while runs that use it continue.
qdq_cancel *qdq_cancel_new(void);

/// Frees `*cancel` and sets it to NULL. Does nothing if `cancel` or `*cancel` is NULL.
void qdq_cancel_free(qdq_cancel **cancel);

/// Requests cancellation: the runs that use the switch end with QDQ_ERROR_CANCELLED before their next batch.
void qdq_cancel_request(const qdq_cancel *cancel);

/// Withdraws the request, for the next run.
void qdq_cancel_reset(const qdq_cancel *cancel);

/// Returns whether the switch is on.
bool qdq_cancel_is_requested(const qdq_cancel *cancel);

// ---- A model ready to run: qdq_session --------------------------------------------------------------------

/// Makes a model ready to run, with the runtime, library and threads of `options`. `options` may be NULL for
/// the embedded runtime; its progress callback and its cancel switch are ignored. The session does not depend
/// on the model's handle. Free `*out` with qdq_session_free().
///
/// `taps` holds the names of `tap_count` tensors. Inputs, activations and outputs can be tapped, but
/// constants are not passed to the callback. A name that is no tensor of the model or appears twice is an
/// error.
///
/// `tap` may be NULL. Otherwise each run calls it once for every tapped tensor that the run computes and that
/// holds floating-point numbers. A tensor inside an If has no elements if its branch is not taken. For a
/// tensor in the body of a Loop or Scan there is one call for all iterations: the iterations are the first
/// axis, or the elements of all iterations are in one axis.
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when the session is freed, or before
/// this function returns with an error.
qdq_status qdq_session_open(const qdq_model *model,
                            const char *const *taps,
                            size_t tap_count,
                            qdq_tap_fn tap,
                            void *user,
                            qdq_free_fn free_user,
                            const qdq_run_options *options,
                            qdq_session **out,
                            qdq_error **error);

/// Frees `*session` and sets it to NULL. Does nothing if `session` or `*session` is NULL.
void qdq_session_free(qdq_session **session);

/// Returns the name and version of the runtime that runs the model, such as "ONNX Runtime 1.24.1", for
/// people; NULL for NULL. The text is valid until the session is freed.
const char *qdq_session_runtime(const qdq_session *session);

/// Runs a batch with one tensor for every input of the model. `*out` receives the model's outputs by name, in
/// order. `tapped` may be NULL. Otherwise `*tapped` receives copies of the tapped tensors that the run
/// computed, in the order of the taps. Free both with qdq_batch_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT, QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE if the batch does not fit the
/// model's inputs; the status that the tap callback returned; QDQ_ERROR_RUNTIME if the runtime failed.
qdq_status qdq_session_run(qdq_session *session,
                           const qdq_batch *batch,
                           qdq_batch **out,
                           qdq_batch **tapped,
                           qdq_error **error);

// ---- The ONNX Runtime library -----------------------------------------------------------------------------

/// Finds ONNX Runtime's library. `*out` receives its path, or its name if the system's loader finds it; free
/// it with qdq_buffer_free(). `path` names the library or its folder. If `path` is NULL, the function
/// searches these places in order:
/// - the environment variables QDQ_ONNXRUNTIME and ORT_DYLIB_PATH, which name the library or its folder;
/// - the Python package onnxruntime in the active environment, beside the programs in PATH, of the user, or
///   of the system;
/// - the places of the system's loader.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the named place has no such library; QDQ_ERROR_RUNTIME with the list
/// of searched places if none of them has one.
qdq_status qdq_onnxruntime_find(const char *path, qdq_buffer **out, qdq_error **error);

/// Returns the version of the ONNX Runtime library at `path`, such as "1.24.1". The library is loaded for
/// this and stays loaded. Free `*out` with qdq_buffer_free().
///
/// Returns QDQ_ERROR_RUNTIME if the file cannot be loaded or is not ONNX Runtime.
qdq_status qdq_onnxruntime_version(const char *path, qdq_buffer **out, qdq_error **error);

// ---- Statistics of a network: qdq_stats -------------------------------------------------------------------

/// Makes statistics that hold no tensor yet. Free them with qdq_stats_free().
qdq_stats *qdq_stats_new(void);

/// Reads a file of statistics that qdq_stats_save() or `qdq calibrate --stats` wrote. Free `*out` with
/// qdq_stats_free().
qdq_status qdq_stats_load(const char *path, qdq_stats **out, qdq_error **error);

/// Reads statistics from the content of a statistics file: `size` bytes, which are not kept. Free `*out` with
/// qdq_stats_free().
qdq_status qdq_stats_from_bytes(const void *bytes, size_t size, qdq_stats **out, qdq_error **error);

/// Frees `*stats` and sets it to NULL. Does nothing if `stats` or `*stats` is NULL.
void qdq_stats_free(qdq_stats **stats);

/// Returns the findings of the run that gathered the statistics, such as samples that were left out. Files do
/// not hold the findings. Free `*out` with qdq_findings_free().
qdq_status qdq_stats_findings(const qdq_stats *stats, qdq_findings **out, qdq_error **error);

/// Writes the statistics to a file, completely or not at all.
qdq_status qdq_stats_save(const qdq_stats *stats, const char *path, qdq_error **error);

/// Returns the content of a statistics file. Free `*out` with qdq_buffer_free().
qdq_status qdq_stats_to_bytes(const qdq_stats *stats, qdq_buffer **out, qdq_error **error);

/// Adds the values of a batch to the statistics of tensor `name`. `x` is f32, f16, bf16 or f64.
qdq_status qdq_stats_observe(qdq_stats *stats, const char *name, const qdq_tensor *x, qdq_error **error);

/// Adds the statistics of another run of the same model over other samples, from another thread, day or
/// machine. A tensor that only one of the two runs has keeps its statistics.
qdq_status qdq_stats_merge(qdq_stats *stats, const qdq_stats *other, qdq_error **error);

/// Returns the number of samples that the model ran on.
uint64_t qdq_stats_samples(const qdq_stats *stats);

/// Sets the number of samples that the model ran on, for programs that call qdq_stats_observe() themselves.
qdq_status qdq_stats_set_samples(qdq_stats *stats, uint64_t samples, qdq_error **error);

/// Returns the number of tensors that have statistics.
size_t qdq_stats_count(const qdq_stats *stats);

/// Returns the name of tensor `index`, in alphabetical order; NULL past the last. The text is valid until the
/// statistics are changed or freed.
const char *qdq_stats_name(const qdq_stats *stats, size_t index);

/// Returns a copy of the statistics of tensor `name`. `*out` is NULL if the tensor has none. Free `*out` with
/// qdq_tensor_stats_free().
qdq_status qdq_stats_get(const qdq_stats *stats, const char *name, qdq_tensor_stats **out, qdq_error **error);

/// Sets the statistics of tensor `name` to a copy of `tensor`, and replaces earlier ones.
qdq_status qdq_stats_set(qdq_stats *stats, const char *name, const qdq_tensor_stats *tensor, qdq_error **error);

// ---- Statistics of one tensor: qdq_tensor_stats -----------------------------------------------------------

/// Returns statistics without a value. Free them with qdq_tensor_stats_free().
qdq_tensor_stats *qdq_tensor_stats_new(void);

/// Frees `*stats` and sets it to NULL. Does nothing if `stats` or `*stats` is NULL.
void qdq_tensor_stats_free(qdq_tensor_stats **stats);

/// Adds the values of `x` (f32, f16, bf16, f64). f64 is rounded to f32. `x` may be empty.
qdq_status qdq_tensor_stats_observe(qdq_tensor_stats *stats, const qdq_tensor *x, qdq_error **error);

/// Adds the statistics of `other`: the result is that of one observer that got the values of both. Merging
/// statistics with themselves counts everything twice.
qdq_status qdq_tensor_stats_merge(qdq_tensor_stats *stats, const qdq_tensor_stats *other, qdq_error **error);

/// Computes the range (amax, finite, at least 0) by a method, for integers of `num_bits`, 2 to 16. For int8
/// pass 8 and false. Fails if there is no finite value, or if the integers are unsigned and there are
/// negative values.
qdq_status qdq_tensor_stats_amax(const qdq_tensor_stats *stats,
                                 qdq_method method,
                                 double percentile,
                                 uint32_t num_bits,
                                 bool is_unsigned,
                                 float *out,
                                 qdq_error **error);

/// Returns the number of observed values, including NaN and infinities.
uint64_t qdq_tensor_stats_values(const qdq_tensor_stats *stats);

/// Returns the number of zeros.
uint64_t qdq_tensor_stats_zeros(const qdq_tensor_stats *stats);

/// Returns the number of NaN values.
uint64_t qdq_tensor_stats_nans(const qdq_tensor_stats *stats);

/// Returns the number of infinities, of either sign.
uint64_t qdq_tensor_stats_infinities(const qdq_tensor_stats *stats);

/// Returns the smallest finite value; NaN if there is none.
float qdq_tensor_stats_min(const qdq_tensor_stats *stats);

/// Returns the largest finite value; NaN if there is none.
float qdq_tensor_stats_max(const qdq_tensor_stats *stats);

/// Returns the largest magnitude of the finite values; NaN if there is none.
float qdq_tensor_stats_abs_max(const qdq_tensor_stats *stats);

/// Returns the number of values below the histogram's window of 20 octaves: values other than zero that are a
/// million times smaller than the largest. They are in the first bin, which then begins at 0.
uint64_t qdq_tensor_stats_below(const qdq_tensor_stats *stats);

/// Returns the number of magnitudes that differ from the lower edge of their bin. 0 means discrete data such
/// as integers and pixels: the lower edges are the values themselves.
uint64_t qdq_tensor_stats_between(const qdq_tensor_stats *stats);

/// Returns the number of occupied bins of the histogram.
size_t qdq_tensor_stats_bin_count(const qdq_tensor_stats *stats);

/// Fills three arrays of `count` = qdq_tensor_stats_bin_count() elements with the occupied bins in ascending
/// order: bin i holds `counts[i]` magnitudes from `lower[i]` up to, not including, `upper[i]`. Zeros are in
/// no bin. Values a million times smaller than the largest (see qdq_tensor_stats_below()) are all in the
/// first bin, which then begins at 0.
qdq_status qdq_tensor_stats_bins(const qdq_tensor_stats *stats,
                                 float *lower,
                                 float *upper,
                                 uint64_t *counts,
                                 size_t count,
                                 qdq_error **error);

/// Returns a copy of the statistics. Free `*out` with qdq_tensor_stats_free().
qdq_status qdq_tensor_stats_clone(const qdq_tensor_stats *stats, qdq_tensor_stats **out, qdq_error **error);

// ---- Maxima along axes: qdq_axis_max ----------------------------------------------------------------------

/// Makes an observer with `count` kept axes; negative ones count from the last. With no axis it keeps one
/// number for the tensor. An axis that the data does not have is ignored. Free `*out` with
/// qdq_axis_max_free().
qdq_status qdq_axis_max_new(const int32_t *axes, size_t count, qdq_axis_max **out, qdq_error **error);

/// Frees `*observer` and sets it to NULL. Does nothing if `observer` or `*observer` is NULL.
void qdq_axis_max_free(qdq_axis_max **observer);

/// Adds a batch (f32, f16, bf16, f64). Returns QDQ_ERROR_SHAPE if the kept axes have another size than in the
/// batches before.
qdq_status qdq_axis_max_observe(qdq_axis_max *observer, const qdq_tensor *x, qdq_error **error);

/// Adds the observations of another observer with the same kept axes, for example from another thread.
qdq_status qdq_axis_max_merge(qdq_axis_max *observer, const qdq_axis_max *other, qdq_error **error);

/// Returns the amax so far, with size 1 in every axis that is not kept. `*out` is NULL before the first batch
/// with a number; an empty batch and a batch of NaN alone have none. Free `*out` with qdq_array_free().
qdq_status qdq_axis_max_amax(const qdq_axis_max *observer, qdq_array **out, qdq_error **error);

/// Starts to keep the maxima of every batch too, to show how they change. Discards those that were kept
/// before.
qdq_status qdq_axis_max_track(qdq_axis_max *observer, qdq_error **error);

/// Returns the number of batches whose maxima are kept; 0 unless qdq_axis_max_track() was called. A merged
/// observer counts as one batch.
size_t qdq_axis_max_history_count(const qdq_axis_max *observer);

/// Returns the maxima of batch `index` alone, from 0, with the shape of qdq_axis_max_amax(). Free `*out` with
/// qdq_array_free().
qdq_status qdq_axis_max_history_at(const qdq_axis_max *observer, size_t index, qdq_array **out, qdq_error **error);

/// Writes the maxima to a safetensors file, completely or not at all. The maxima of every batch are included
/// if they are kept. Infinities are written as infinities. Returns QDQ_ERROR_UNSUPPORTED if the data has more
/// than 64 axes.
qdq_status qdq_axis_max_save(const qdq_axis_max *observer, const char *path, qdq_error **error);

/// Reads a file that qdq_axis_max_save() wrote. The new observer continues with the state of the saved one.
/// Files of qdq_quantizer_save_calibration() can be read too, unless they hold maxima of blocks. Free `*out`
/// with qdq_axis_max_free().
qdq_status qdq_axis_max_load(const char *path, qdq_axis_max **out, qdq_error **error);

/// Returns the content of a file of maxima. Equal maxima give equal bytes. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_axis_max_to_bytes(const qdq_axis_max *observer, qdq_buffer **out, qdq_error **error);

/// Reads an observer from the content of a file of maxima: `size` bytes, which are not kept. Free `*out` with
/// qdq_axis_max_free().
qdq_status qdq_axis_max_from_bytes(const void *bytes, size_t size, qdq_axis_max **out, qdq_error **error);

// ---- pytorch-quantization's histogram: qdq_histogram_calibrator -------------------------------------------

/// Makes a calibrator with `num_bins` bins over the first batch (2048 is usual). With `skip_zeros` zeros are
/// left out. Free `*out` with qdq_histogram_calibrator_free().
qdq_status qdq_histogram_calibrator_new(size_t num_bins,
                                        bool skip_zeros,
                                        qdq_library library,
                                        qdq_histogram_calibrator **out,
                                        qdq_error **error);

/// Frees `*calibrator` and sets it to NULL. Does nothing if `calibrator` or `*calibrator` is NULL.
void qdq_histogram_calibrator_free(qdq_histogram_calibrator **calibrator);

/// Adds a batch (f32, f16, bf16, f64). Fails if the batch is empty or holds NaN or infinities, and with
/// QDQ_LIBRARY_NUMPY if the values are too close to each other for so many bins. After an error the earlier
/// observations are unchanged.
qdq_status qdq_histogram_calibrator_observe(qdq_histogram_calibrator *calibrator,
                                            const qdq_tensor *x,
                                            qdq_error **error);

/// Sets the bins that entropy and mse try as ranges: from `start_bin` in steps of `stride`. Default: 128
/// and 1.
qdq_status qdq_histogram_calibrator_set_search(qdq_histogram_calibrator *calibrator,
                                               size_t start_bin,
                                               size_t stride,
                                               qdq_error **error);

/// Computes the range by pytorch-quantization's own rule for the method, for integers of `num_bits`, 2 to 16.
///
/// QDQ_METHOD_MAX is an error, because it is not one of the histogram methods; use qdq_axis_max for it.
/// QDQ_METHOD_MSE adds up in f64. If the errors of two ranges differ by less than about 5e-8 of themselves,
/// torch's sums in f32 may choose another range. Returns QDQ_ERROR_DATA if a range to try is negative, which
/// is possible for the first bins of QDQ_LIBRARY_NUMPY.
qdq_status qdq_histogram_calibrator_amax(const qdq_histogram_calibrator *calibrator,
                                         qdq_method method,
                                         double percentile,
                                         uint32_t num_bits,
                                         bool is_unsigned,
                                         float *out,
                                         qdq_error **error);

/// Returns the number of bins; 0 before the first batch.
size_t qdq_histogram_calibrator_bin_count(const qdq_histogram_calibrator *calibrator);

/// Returns the counts of the bins; NULL before the first batch. They are valid until the next batch or until
/// the calibrator is freed.
const uint64_t *qdq_histogram_calibrator_counts(const qdq_histogram_calibrator *calibrator);

/// Returns the number of edges, usually one more than bins. After growth in torch's way there can be two
/// more.
size_t qdq_histogram_calibrator_edge_count(const qdq_histogram_calibrator *calibrator);

/// Returns the edges: bin i holds the magnitudes from edge i to edge i + 1. They are valid as long as the
/// counts.
const double *qdq_histogram_calibrator_edges(const qdq_histogram_calibrator *calibrator);

// ---- Ranges: qdq_ranges -----------------------------------------------------------------------------------

/// Makes an empty set of ranges. `method` names the calibration method for the readers of a file, and may be
/// NULL. Free `*out` with qdq_ranges_free().
qdq_status qdq_ranges_new(const char *method, qdq_ranges **out, qdq_error **error);

/// Returns these ranges and adds those of tensors that hold the values of a ranged tensor in another shape or
/// order: the inputs and outputs of Reshape, Transpose and similar operators in the graph. Use this for
/// networks that got such operators after the calibration, for example from TensorRT's ONNX parser. Free
/// `*out` with qdq_ranges_free().
qdq_status qdq_ranges_spread(const qdq_ranges *ranges, const qdq_graph *graph, qdq_ranges **out, qdq_error **error);

/// Reads a JSON file that qdq_ranges_save() or `qdq calibrate --ranges` wrote. Free `*out` with
/// qdq_ranges_free().
qdq_status qdq_ranges_load(const char *path, qdq_ranges **out, qdq_error **error);

/// Reads ranges from JSON text. Free `*out` with qdq_ranges_free().
qdq_status qdq_ranges_from_json(const char *json, qdq_ranges **out, qdq_error **error);

/// Frees `*ranges` and sets it to NULL. Does nothing if `ranges` or `*ranges` is NULL.
void qdq_ranges_free(qdq_ranges **ranges);

/// Returns the findings of ranges that qdq_plan_ranges() computed or qdq_cache_to_ranges() read, such as
/// tensors with NaN and lines that were left out. Files do not hold the findings. Free `*out` with
/// qdq_findings_free().
qdq_status qdq_ranges_findings(const qdq_ranges *ranges, qdq_findings **out, qdq_error **error);

/// Writes the ranges to a JSON file, completely or not at all.
qdq_status qdq_ranges_save(const qdq_ranges *ranges, const char *path, qdq_error **error);

/// Returns the ranges as JSON text. Free `*out` with qdq_buffer_free().
qdq_status qdq_ranges_to_json(const qdq_ranges *ranges, qdq_buffer **out, qdq_error **error);

/// Returns the number of tensors that have a range.
size_t qdq_ranges_count(const qdq_ranges *ranges);

/// Returns the name of tensor `index`, in the order in which the ranges were set; NULL past the last. The
/// text is valid until the ranges are changed or freed.
const char *qdq_ranges_name(const qdq_ranges *ranges, size_t index);

/// Returns the amax of tensor `index`; NaN past the last.
float qdq_ranges_at(const qdq_ranges *ranges, size_t index);

/// Returns the amax of tensor `name`. Returns QDQ_ERROR_DATA if the tensor has no range.
qdq_status qdq_ranges_get(const qdq_ranges *ranges, const char *name, float *amax, qdq_error **error);

/// Returns whether tensor `name` has a range.
bool qdq_ranges_has(const qdq_ranges *ranges, const char *name);

/// Sets the range of tensor `name`, and replaces an earlier one. `amax` must be finite and not negative.
qdq_status qdq_ranges_set(qdq_ranges *ranges, const char *name, float amax, qdq_error **error);

/// Returns the calibration method of the ranges; NULL if it is not known. The text is valid until the ranges
/// are freed.
const char *qdq_ranges_method(const qdq_ranges *ranges);

/// Returns the int8 scale of a range, by which ONNX and TensorRT multiply: amax / 127, always a normal
/// number. The scale is 1 if amax is 0, and 2^-126 if amax / 127 is subnormal. It is one bit smaller if 127
/// scales would overflow. It is NaN if `amax` is not a valid range.
float qdq_amax_int8_scale(float amax);

// ---- Quantize options: qdq_quantize_options ---------------------------------------------------------------

/// Returns the default options. Free them with qdq_quantize_options_free().
qdq_quantize_options *qdq_quantize_options_new(void);

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
void qdq_quantize_options_free(qdq_quantize_options **options);

/// Sets the stored form of weights. Default: QDQ_WEIGHT_FORM_INT8.
qdq_status qdq_quantize_options_set_weight_form(qdq_quantize_options *options,
                                                qdq_weight_form form,
                                                qdq_error **error);

/// Sets the method that computes the ranges of weights from their values. Default: QDQ_METHOD_MSE.
qdq_status qdq_quantize_options_set_weight_method(qdq_quantize_options *options,
                                                  qdq_method method,
                                                  double percentile,
                                                  qdq_error **error);

/// Sets the range of the weight `name`, instead of a computed one. `amax` (f32) holds one number for the
/// weight or one per output channel, finite and not negative, and is copied. `amax` NULL restores the
/// computed range. `name` is the tensor that nodes read, or the initializer behind it. A name that no weight
/// has is ignored.
qdq_status qdq_quantize_options_set_weight_amax(qdq_quantize_options *options,
                                                const char *name,
                                                const qdq_tensor *amax,
                                                qdq_error **error);

/// Gives the weight `name` the ranges and numbers of the quantizer that it was trained with, which is copied.
/// The stored integers or numbers of e4m3 are those of the quantizer. `quantizer` NULL takes that back.
/// `name` is the tensor that nodes read.
///
/// Returns the errors of qdq_policy_include_trained(). Quantizing fails with QDQ_ERROR_UNSUPPORTED if the
/// plan leaves the weight in float, or quantizes it in another format or along another axis than the
/// quantizer does; with QDQ_ERROR_INVALID_ARGUMENT if no tensor is called `name`.
qdq_status qdq_quantize_options_set_weight_quantizer(qdq_quantize_options *options,
                                                     const char *name,
                                                     const qdq_quantizer *quantizer,
                                                     qdq_error **error);

/// Sets the number of bits of the integers of weights, 2 to 8. With fewer than 8 bits the weights are still
/// stored as int8, but on a coarser grid. Default: 8.
qdq_status qdq_quantize_options_set_weight_bits(qdq_quantize_options *options, uint32_t num_bits, qdq_error **error);

/// Rounds the scales of weights to a 16-bit type before the integers are computed. This is for a model that
/// qdq_model_cast() converts afterwards. Default: f32 scales, which that function rounds.
qdq_status qdq_quantize_options_set_half_scales(qdq_quantize_options *options, qdq_half half, qdq_error **error);

// ---- Recover options: qdq_recover_options -----------------------------------------------------------------

/// Returns options without a method. Free them with qdq_recover_options_free().
qdq_recover_options *qdq_recover_options_new(void);

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
void qdq_recover_options_free(qdq_recover_options **options);

/// Sets the options for writing the quantized model. `quantize` is copied. Default: those of
/// qdq_quantize_options_new().
qdq_status qdq_recover_options_set_quantize(qdq_recover_options *options,
                                            const qdq_quantize_options *quantize,
                                            qdq_error **error);

/// Sets whether the channels between two layers get their own scales (cross-layer equalization). Default:
/// false.
qdq_status qdq_recover_options_set_equalization(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether the channels of int8 activations get their own scales if no layer before can take them
/// (smoothing). A Mul before Quantize divides them, unless constants before it do. Default: false.
qdq_status qdq_recover_options_set_smooth(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether the input channels of weights in blocks get their own scales, by the size of the activations
/// (activation-aware scaling, AWQ). It is for plans with the format int4-weights. Default: false.
qdq_status qdq_recover_options_set_awq(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether each weight is rounded up or down, whichever gives its layer the better output. Default:
/// false.
qdq_status qdq_recover_options_set_learned_rounding(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether biases are corrected by the mean error of their layers. Default: false.
qdq_status qdq_recover_options_set_bias_correction(qdq_recover_options *options, bool enabled, qdq_error **error);

// ---- Half precision options: qdq_precision_options --------------------------------------------------------

/// Returns the default options. Free them with qdq_precision_options_free().
qdq_precision_options *qdq_precision_options_new(void);

/// Returns a copy of the options. Free `*out` with qdq_precision_options_free().
qdq_status qdq_precision_options_clone(const qdq_precision_options *options,
                                       qdq_precision_options **out,
                                       qdq_error **error);

/// Frees `*options` and sets it to NULL. Does nothing if `options` or `*options` is NULL.
void qdq_precision_options_free(qdq_precision_options **options);

/// Sets the 16-bit type. Default: QDQ_HALF_F16.
qdq_status qdq_precision_options_set_half(qdq_precision_options *options, qdq_half half, qdq_error **error);

/// Returns whether f32 inputs and outputs become 16-bit too; false for NULL.
bool qdq_precision_options_half_io(const qdq_precision_options *options);

/// Returns the 16-bit type; QDQ_HALF_F16 for NULL.
qdq_half qdq_precision_options_half(const qdq_precision_options *options);

/// Checks that every pattern and operator of the options matches a node of the graph.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT with the first that does not.
qdq_status qdq_precision_options_check(const qdq_precision_options *options,
                                       const qdq_graph *graph,
                                       qdq_error **error);

/// Sets whether the f32 inputs and outputs of the model become 16-bit too. Default: false.
qdq_status qdq_precision_options_set_half_io(qdq_precision_options *options, bool enabled, qdq_error **error);

/// Keeps nodes in f32 whose name matches a pattern. `*` stands for any text, `?` for one character. Planning
/// fails if a pattern matches nothing.
qdq_status qdq_precision_options_float32_name(qdq_precision_options *options, const char *pattern, qdq_error **error);

/// Keeps nodes of an operator, such as "Softmax", in f32.
qdq_status qdq_precision_options_float32_op(qdq_precision_options *options, const char *op, qdq_error **error);

/// Gives the 16-bit type to nodes whose name matches a pattern, whatever their values are. A node that ONNX
/// does not define for it stays in f32.
qdq_status qdq_precision_options_half_name(qdq_precision_options *options, const char *pattern, qdq_error **error);

/// Gives the 16-bit type to nodes of an operator, whatever their values are. A node that ONNX does not define
/// for it stays in f32.
qdq_status qdq_precision_options_half_op(qdq_precision_options *options, const char *op, qdq_error **error);

// ---- The precision of nodes: qdq_precision_plan -----------------------------------------------------------

/// Returns a new model in which everything that can be computes in half precision: a float model, or one with
/// Quantize and Dequantize, such as the result of qdq_model_quantize(). Inputs and outputs keep their types
/// unless the options say otherwise. Free `*out` with qdq_model_free().
///
/// `stats` are statistics of the float model with every activation (qdq_model_calibrate()). They decide which
/// tensors fit into 16 bits. `stats` may be NULL. Then operators stay in f32 whose result depends on the size
/// of values, and a finding names the others. `ranges` may be NULL. They stand for statistics that are
/// missing. `options` may be NULL.
///
/// The opset is raised to 19 if the model has Quantize and Dequantize, so that their scales can be 16-bit,
/// and to 22 for bf16. A finding says why if that is not possible.
///
/// `plan` may be NULL. Otherwise `*plan` receives the precision of every node; free it with
/// qdq_precision_plan_free().
///
/// Returns QDQ_ERROR_UNSUPPORTED if no node becomes 16-bit, because the model is in half precision already or
/// all nodes must stay; QDQ_ERROR_INVALID_ARGUMENT if a pattern matches no node.
qdq_status qdq_model_cast(const qdq_model *model,
                          const qdq_stats *stats,
                          const qdq_ranges *ranges,
                          const qdq_precision_options *options,
                          qdq_precision_plan **plan,
                          qdq_model **out,
                          qdq_error **error);

/// Frees `*plan` and sets it to NULL. Does nothing if `plan` or `*plan` is NULL.
void qdq_precision_plan_free(qdq_precision_plan **plan);

/// Returns the findings: values of which nothing is known, masks that end at another number, steps that were
/// raised, numbers that are too large for the type, and plans by ranges alone. Free `*out` with
/// qdq_findings_free().
qdq_status qdq_precision_plan_findings(const qdq_precision_plan *plan, qdq_findings **out, qdq_error **error);

/// Returns the plan as text for people: one line for every node that computes floating-point numbers, with
/// its type and reason. Free `*out` with qdq_buffer_free().
qdq_status qdq_precision_plan_to_text(const qdq_precision_plan *plan, qdq_buffer **out, qdq_error **error);

/// Returns the plan as JSON for programs. Free `*out` with qdq_buffer_free().
qdq_status qdq_precision_plan_to_json(const qdq_precision_plan *plan, qdq_buffer **out, qdq_error **error);

/// Returns the 16-bit type of the plan; QDQ_HALF_F16 for NULL.
qdq_half qdq_precision_plan_half(const qdq_precision_plan *plan);

/// Returns whether f32 inputs and outputs of the network become 16-bit too; false for NULL.
bool qdq_precision_plan_half_io(const qdq_precision_plan *plan);

/// Returns the number of nodes of the plan's model or graph; 0 for NULL.
size_t qdq_precision_plan_node_count(const qdq_precision_plan *plan);

/// Returns the name of node `node`; NULL past the last. The text is valid until the plan is freed.
const char *qdq_precision_plan_node_name(const qdq_precision_plan *plan, size_t node);

/// Returns the precision of node `node`; QDQ_PRECISION_NEITHER past the last.
qdq_precision qdq_precision_plan_precision(const qdq_precision_plan *plan, size_t node);

/// Returns the reason for the precision of node `node`; NULL past the last. The text is valid until the plan
/// is freed.
const char *qdq_precision_plan_reason(const qdq_precision_plan *plan, size_t node);

/// Decides which nodes of a graph compute in half precision, as qdq_model_cast() does for a model. The graph
/// is the network that is to be converted: with its Quantize and Dequantize if it has any. Free `*out` with
/// qdq_precision_plan_free().
///
/// `constants` are statistics of the values of the constants (qdq_stats_observe() with each). `stats` and
/// `ranges` are those of activations, as for qdq_model_cast(). `constants`, `stats`, `ranges` and `options`
/// may be NULL. Without the values of a constant, nodes whose result depends on it stay in f32.
///
/// `unheld` are `unheld_count` numbers of tensors: scales of Quantize and Dequantize for which
/// qdq_weights_half_scale() had no result. Their nodes stay in f32. NULL for none.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if a pattern matches no node, or if a number of a tensor is too large.
qdq_status qdq_graph_plan_precision(const qdq_graph *graph,
                                    const qdq_stats *constants,
                                    const size_t *unheld,
                                    size_t unheld_count,
                                    const qdq_stats *stats,
                                    const qdq_ranges *ranges,
                                    const qdq_precision_options *options,
                                    qdq_precision_plan **out,
                                    qdq_error **error);

/// Returns whether an f32 tensor at input `input` of node `node` becomes 16-bit. False past the last.
bool qdq_precision_plan_input_is_half(const qdq_precision_plan *plan, size_t node, size_t input);

/// Returns whether an f32 tensor at output `output` of node `node` becomes 16-bit. False past the last.
bool qdq_precision_plan_output_is_half(const qdq_precision_plan *plan, size_t node, size_t output);

/// Returns whether constant `tensor` is a mask, whose f32 form ends at the numbers of the 16-bit type too:
/// Casts make 16-bit numbers of it behind f32 nodes. False past the last.
bool qdq_precision_plan_is_mask(const qdq_precision_plan *plan, size_t tensor);

/// Returns the numbers that constant `tensor` of the graph has in a network that carries the plan out, in
/// f32: those of its 16-bit form with `in_half`, else those of the f32 form beside it. `value` (f32, f16,
/// bf16, f64) is the constant's value so far. Free `*out` with qdq_array_free(); qdq_tensor_convert() makes
/// the 16-bit array.
///
/// Masks and bounds end at the numbers of the 16-bit type. Scales of Quantize and Dequantize are rounded to
/// it in both forms, since the two must be equal, and are raised to its smallest normal number.
qdq_status qdq_precision_plan_constant(const qdq_precision_plan *plan,
                                       size_t tensor,
                                       const qdq_tensor *value,
                                       bool in_half,
                                       qdq_array **out,
                                       qdq_error **error);

// ---- A calibration cache: qdq_cache -----------------------------------------------------------------------

/// Makes a cache from ranges, for a version of TensorRT and a calibrator. `tensorrt_version` is the number
/// that getInferLibVersion() returns (8501 is 8.5.1, 100300 is 10.3.0). `algorithm` names the calibrator that
/// is going to read the cache. Free `*out` with qdq_cache_free().
///
/// Returns QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
qdq_status qdq_cache_from_ranges(const qdq_ranges *ranges,
                                 uint32_t tensorrt_version,
                                 qdq_algorithm algorithm,
                                 qdq_cache **out,
                                 qdq_error **error);

/// Reads a cache file. Names may hold any text. Lines may end with LF or CRLF. Errors name the line. Free
/// `*out` with qdq_cache_free().
qdq_status qdq_cache_load(const char *path, qdq_cache **out, qdq_error **error);

/// Reads a cache from the content of a calibration cache's file: `size` bytes, which are not kept. Free
/// `*out` with qdq_cache_free().
qdq_status qdq_cache_from_bytes(const void *bytes, size_t size, qdq_cache **out, qdq_error **error);

/// Returns whether the first `size` bytes of a file look like a calibration cache. They do if they begin with
/// the header, or if the header is missing and the first line is that of a tensor.
bool qdq_cache_is_one(const void *bytes, size_t size);

/// Returns whether a version of TensorRT has calibrators and therefore reads caches. TensorRT 11 removed
/// them. `tensorrt_version` is a number as getInferLibVersion() returns it.
bool qdq_cache_is_read_by(uint32_t tensorrt_version);

/// Frees `*cache` and sets it to NULL. Does nothing if `cache` or `*cache` is NULL.
void qdq_cache_free(qdq_cache **cache);

/// Writes the cache to a file, completely or not at all.
qdq_status qdq_cache_save(const qdq_cache *cache, const char *path, qdq_error **error);

/// Returns the content of the cache's file, for readCalibrationCache(). Free `*out` with qdq_buffer_free().
qdq_status qdq_cache_to_bytes(const qdq_cache *cache, qdq_buffer **out, qdq_error **error);

/// Returns the ranges in the cache: amax = scale * 127, at most the largest finite number. A line gives no
/// range if its scale is negative, infinite or NaN. Such lines, and everything else that the check finds in
/// the scales, are logged and listed by qdq_ranges_findings(). Free `*out` with qdq_ranges_free().
///
/// Returns QDQ_ERROR_DATA if no line gives a range.
qdq_status qdq_cache_to_ranges(const qdq_cache *cache, qdq_ranges **out, qdq_error **error);

/// Returns the header line, such as "TRT-8501-EntropyCalibration2"; NULL for NULL. The text is valid until
/// the cache is changed or freed.
const char *qdq_cache_header(const qdq_cache *cache);

/// Returns the TensorRT version in the header, counted as by getInferLibVersion(); 0 if the header has none.
uint32_t qdq_cache_tensorrt_version(const qdq_cache *cache);

/// Returns the algorithm in the header; QDQ_ALGORITHM_UNKNOWN if qdq does not know it.
qdq_algorithm qdq_cache_algorithm(const qdq_cache *cache);

/// Replaces the header, for another version of TensorRT or another calibrator. The scales stay the same.
/// Returns QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
qdq_status qdq_cache_set_header(qdq_cache *cache,
                                uint32_t tensorrt_version,
                                qdq_algorithm algorithm,
                                qdq_error **error);

/// Prepares the cache for another TensorRT, as `qdq cache convert` does. Replaces the header as
/// qdq_cache_set_header() does, and leaves one line for every name. A `tensorrt_version` of 0 keeps the
/// version, and QDQ_ALGORITHM_UNKNOWN keeps the algorithm.
///
/// Remaining problems are logged. `out` may be NULL. Otherwise `*out` receives them as findings; free it with
/// qdq_findings_free().
qdq_status qdq_cache_convert(qdq_cache *cache,
                             uint32_t tensorrt_version,
                             qdq_algorithm algorithm,
                             qdq_findings **out,
                             qdq_error **error);

/// Returns the number of lines with a tensor.
size_t qdq_cache_count(const qdq_cache *cache);

/// Returns the name in line `index`; NULL past the last. Lines are counted from 0 without the header. The
/// text is valid until the cache is changed or freed.
const char *qdq_cache_name(const qdq_cache *cache, size_t index);

/// Returns the scale in line `index`; NaN past the last.
float qdq_cache_at(const qdq_cache *cache, size_t index);

/// Returns the scale of tensor `name`, from its last line. Returns QDQ_ERROR_DATA if the tensor has none.
qdq_status qdq_cache_get(const qdq_cache *cache, const char *name, float *scale, qdq_error **error);

/// Sets the scale of tensor `name`: in its last line, or in a new line at the end. Any number is accepted;
/// qdq_cache_check() reports the numbers that TensorRT cannot use.
qdq_status qdq_cache_set(qdq_cache *cache, const char *name, float scale, qdq_error **error);

/// Leaves one line for every name: at the position of its first line, with the scale of its last line.
qdq_status qdq_cache_remove_repeats(qdq_cache *cache, qdq_error **error);

/// Checks a cache against the TensorRT that reads it and against a network. Free `*out` with
/// qdq_findings_free().
///
/// `names` holds the `count` names of the network's activations, its inputs included. `names` may be NULL:
/// then names are not checked. A `tensorrt_version` of 0 and QDQ_ALGORITHM_UNKNOWN skip a check as well.
qdq_status qdq_cache_check(const qdq_cache *cache,
                           uint32_t tensorrt_version,
                           qdq_algorithm algorithm,
                           const char *const *names,
                           size_t count,
                           qdq_findings **out,
                           qdq_error **error);

// ---- A comparison of float and quantized: qdq_comparison --------------------------------------------------

/// Runs a model and its quantized form over all batches and measures the differences of their outputs. With
/// `every_activation` it also compares every activation that both models have. Only the part of the models
/// that the compared tensors need is run. Free `*out` with qdq_comparison_free().
///
/// `labels` may be NULL. Otherwise it holds the correct class of each of the `label_count` samples. `options`
/// may be NULL.
///
/// Some outputs are left out with a warning: those that hold no tensor of numbers, and those that depend on
/// an operator that no runtime knows, such as a TensorRT plugin. If no floating-point output is left, the
/// function also compares the nearest floating-point tensors from which the outputs are computed.
///
/// Tensors of f16 and bf16 are rounded to their type behind each node, as on a device. The models may have
/// different floating-point types.
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if inputs of the quantized model were fixed (qdq_model_fix_input()) at
/// other values than those of `model` or the batches.
qdq_status qdq_model_compare(const qdq_model *model,
                             const qdq_model *quantized,
                             qdq_batches *batches,
                             bool every_activation,
                             const int64_t *labels,
                             size_t label_count,
                             const qdq_run_options *options,
                             qdq_comparison **out,
                             qdq_error **error);

/// Compares the models as qdq_model_compare() does, for chosen tensors: the `output_count` names in `outputs`
/// are outputs or other tensors that both models compute. `outputs` may be NULL if `output_count` is 0; then
/// all outputs are compared. `labels` may be NULL; they belong to the first compared output. `options` may be
/// NULL. Free `*out` with qdq_comparison_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if a name is no such tensor or appears twice; QDQ_ERROR_UNSUPPORTED if
/// a name holds no tensor of numbers.
qdq_status qdq_model_compare_outputs(const qdq_model *model,
                                     const qdq_model *quantized,
                                     qdq_batches *batches,
                                     const char *const *outputs,
                                     size_t output_count,
                                     bool every_activation,
                                     const int64_t *labels,
                                     size_t label_count,
                                     const qdq_run_options *options,
                                     qdq_comparison **out,
                                     qdq_error **error);

/// Frees `*comparison` and sets it to NULL. Does nothing if `comparison` or `*comparison` is NULL.
void qdq_comparison_free(qdq_comparison **comparison);

/// Returns the findings of the comparison: outputs that are not compared, samples that were left out. Free
/// `*out` with qdq_findings_free().
qdq_status qdq_comparison_findings(const qdq_comparison *comparison, qdq_findings **out, qdq_error **error);

/// Returns the comparison as JSON. Free `*out` with qdq_buffer_free().
qdq_status qdq_comparison_to_json(const qdq_comparison *comparison, qdq_buffer **out, qdq_error **error);

/// Returns the comparison as tables for people. Free `*out` with qdq_buffer_free().
qdq_status qdq_comparison_to_text(const qdq_comparison *comparison, qdq_buffer **out, qdq_error **error);

/// Returns the number of samples that ran through both models.
size_t qdq_comparison_samples(const qdq_comparison *comparison);

/// Returns the number of compared outputs.
size_t qdq_comparison_output_count(const qdq_comparison *comparison);

/// Returns the number of compared tensors, outputs included.
size_t qdq_comparison_count(const qdq_comparison *comparison);

/// Returns the name of tensor `index`; NULL past the last. The text is valid until the comparison is freed.
const char *qdq_comparison_name(const qdq_comparison *comparison, size_t index);

/// Returns the signal-to-quantization-noise ratio (SQNR) of tensor `index` in dB, 10 log10(sum x^2 / sum
/// (x - y)^2). It is infinite if the two are equal, and NaN if there is none.
double qdq_comparison_sqnr_db(const qdq_comparison *comparison, size_t index);

/// Returns the cosine between the two forms of tensor `index`; NaN if there is none.
double qdq_comparison_cosine(const qdq_comparison *comparison, size_t index);

/// Returns the largest |x - y| in tensor `index`, in the unit of the tensor; NaN if there is none.
double qdq_comparison_max_error(const qdq_comparison *comparison, size_t index);

/// Returns the mean of |x - y| in tensor `index`, in the unit of the tensor; NaN if there is none.
double qdq_comparison_mean_error(const qdq_comparison *comparison, size_t index);

/// Returns the number of compared pairs of elements of tensor `index`: pairs of finite values, or of whole
/// numbers or truth values. If it is 0, the tensor has no figures.
uint64_t qdq_comparison_values(const qdq_comparison *comparison, size_t index);

/// Returns the share of equal elements of tensor `index`, 0 to 1, if it holds whole numbers or truth values,
/// which have no other figure; NaN for floating-point numbers.
double qdq_comparison_equal(const qdq_comparison *comparison, size_t index);

/// Returns the number of pairs of tensor `index` in which one side has an infinity or a NaN that the other
/// side does not have. The figures leave out these pairs.
uint64_t qdq_comparison_non_finite(const qdq_comparison *comparison, size_t index);

/// Returns whether the SQNR of tensor `index` is at least `min_db`, at least one pair was compared, and no
/// infinity or NaN is on one side only: an acceptance test for outputs. Returns false past the last, and for
/// whole numbers and truth values, which have no SQNR.
bool qdq_comparison_reaches(const qdq_comparison *comparison, size_t index, double min_db);

/// Returns the share of the samples for which both models choose the same class, 0 to 1. Returns NaN if the
/// first output is not [samples, classes], or if neither labels nor a preceding softmax indicate that it
/// holds class scores.
double qdq_comparison_top1(const qdq_comparison *comparison);

/// Returns the accuracy of the float model, 0 to 1; NaN without labels.
double qdq_comparison_float_accuracy(const qdq_comparison *comparison);

/// Returns the accuracy of the quantized model, 0 to 1; NaN without labels.
double qdq_comparison_quantized_accuracy(const qdq_comparison *comparison);

/// Returns the number of samples for which the classes of both models were compared; 0 if
/// qdq_comparison_top1() is NaN.
uint64_t qdq_comparison_classified(const qdq_comparison *comparison);

/// Returns the number of samples for which both models chose the same class.
uint64_t qdq_comparison_same_class(const qdq_comparison *comparison);

/// Returns the number of samples that have a label.
uint64_t qdq_comparison_labelled(const qdq_comparison *comparison);

/// Returns the number of labelled samples that the float model classified correctly.
uint64_t qdq_comparison_float_right(const qdq_comparison *comparison);

/// Returns the number of labelled samples that the quantized model classified correctly.
uint64_t qdq_comparison_quantized_right(const qdq_comparison *comparison);

// ---- The kernels of an engine: qdq_engine_cost ------------------------------------------------------------

/// Reads the kernels of an engine from its file. qdq reads the engines of TensorRT-RTX 1.4 to 1.7; an engine
/// of any other version gives no kernels and a finding. Free `*out` with qdq_engine_cost_free().
///
/// Returns QDQ_ERROR_FORMAT if the file is no engine.
qdq_status qdq_engine_cost_load(const char *path, qdq_engine_cost **out, qdq_error **error);

/// Reads the kernels of an engine as qdq_engine_cost_load() does, from the `size` bytes of its file. Free
/// `*out` with qdq_engine_cost_free().
qdq_status qdq_engine_cost_from_bytes(const void *bytes, size_t size, qdq_engine_cost **out, qdq_error **error);

/// Reads the kernels of an engine from the text of TensorRT's `IEngineInspector::getEngineInformation()` in
/// the format kJSON. `builder` names the program that built the engine, such as "TensorRT 10.3.0". Free
/// `*out` with qdq_engine_cost_free().
///
/// Returns QDQ_ERROR_INVALID_ARGUMENT if the engine was built without the profiling verbosity kDETAILED.
qdq_status qdq_engine_cost_from_layers(const char *builder,
                                       const char *json,
                                       qdq_engine_cost **out,
                                       qdq_error **error);

/// Frees `*cost` and sets it to NULL. Does nothing if `cost` or `*cost` is NULL.
void qdq_engine_cost_free(qdq_engine_cost **cost);

/// Returns the findings about the figures: an unknown plan, sizes that are decided at run time, loops. Free
/// `*out` with qdq_findings_free().
qdq_status qdq_engine_cost_findings(const qdq_engine_cost *cost, qdq_findings **out, qdq_error **error);

/// Compares an engine with another engine of the same network. The findings have a warning if the engine
/// computes in INT8 and moves more bytes than the other. Free `*out` with qdq_findings_free().
qdq_status qdq_engine_cost_compare(const qdq_engine_cost *cost,
                                   const qdq_engine_cost *other,
                                   qdq_findings **out,
                                   qdq_error **error);

/// Returns the kernels as JSON. Free `*out` with qdq_buffer_free().
qdq_status qdq_engine_cost_to_json(const qdq_engine_cost *cost, qdq_buffer **out, qdq_error **error);

/// Returns the kernels as a table for people, with one line for all kernels of the same types. Free `*out`
/// with qdq_buffer_free().
qdq_status qdq_engine_cost_to_text(const qdq_engine_cost *cost, qdq_buffer **out, qdq_error **error);

/// Returns the program that built the engine, such as "TensorRT-RTX 1.7.1"; NULL for NULL. The text is valid
/// until the object is freed.
const char *qdq_engine_cost_builder(const qdq_engine_cost *cost);

/// Returns whether qdq can read the plan of the engine. If not, there are no kernels.
bool qdq_engine_cost_is_known(const qdq_engine_cost *cost);

/// Returns the bytes of activations that all kernels read and write.
uint64_t qdq_engine_cost_bytes(const qdq_engine_cost *cost);

/// Returns the number of element types of the activations.
size_t qdq_engine_cost_type_count(const qdq_engine_cost *cost);

/// Returns the name of element type `index`, such as "i8" or "f16"; NULL past the last. The text is valid
/// until the object is freed.
const char *qdq_engine_cost_type_at(const qdq_engine_cost *cost, size_t index);

/// Returns the bytes of element type `index` that all kernels read; 0 past the last.
uint64_t qdq_engine_cost_type_read(const qdq_engine_cost *cost, size_t index);

/// Returns the bytes of element type `index` that all kernels write; 0 past the last.
uint64_t qdq_engine_cost_type_written(const qdq_engine_cost *cost, size_t index);

/// Returns the number of kernels.
size_t qdq_engine_cost_count(const qdq_engine_cost *cost);

/// Returns the name of kernel `index`; NULL past the last. The text is valid until the object is freed.
const char *qdq_engine_cost_name(const qdq_engine_cost *cost, size_t index);

/// Returns the kind of kernel `index`, as TensorRT calls it; NULL past the last. The text is valid until the
/// object is freed.
const char *qdq_engine_cost_kind(const qdq_engine_cost *cost, size_t index);

/// Returns the bytes of activations that kernel `index` reads; 0 past the last.
uint64_t qdq_engine_cost_read(const qdq_engine_cost *cost, size_t index);

/// Returns the bytes of activations that kernel `index` writes; 0 past the last.
uint64_t qdq_engine_cost_written(const qdq_engine_cost *cost, size_t index);

/// Returns the number of ONNX nodes that kernel `index` computes; 0 if the engine does not name them.
size_t qdq_engine_cost_layer_count(const qdq_engine_cost *cost, size_t index);

/// Returns the name of ONNX node `layer` of kernel `index`; NULL past the last. The text is valid until the
/// object is freed.
const char *qdq_engine_cost_layer_at(const qdq_engine_cost *cost, size_t index, size_t layer);

// ---- Functions of tensors: qdq_tensor ---------------------------------------------------------------------

/// Computes the amax for quantizing `x` (f32, f16, bf16 or f64). It is the fixed amax of the descriptor if
/// there is one, otherwise max |x| per tensor, axis or block. It is multiplied by the descriptor's factor. It
/// is NaN if the data has a NaN. Free `*out` with qdq_array_free().
///
/// Without axes and blocks the result has rank 0. Otherwise it has the rank of x, with size 1 in every axis
/// that shares one amax.
qdq_status qdq_tensor_amax(const qdq_tensor *x, const qdq_descriptor *descriptor, qdq_array **out, qdq_error **error);

/// Quantizes a tensor and stores the integers in the type of the data:
///   out = clamp(rne(x * M / amax), L, M)
/// Here rne rounds half to even, M is 2^(num_bits - 1 + unsigned) - 1, and L is 0 (unsigned), -M (narrow
/// range) or -M - 1. This is pytorch-quantization's tensor_quant. In the reference mode NaN stays NaN. With
/// e4m3 `out` receives the numbers e4m3(x * 448 / amax), see qdq_tensor_fake_quant(), and the inverse scale
/// is 448 / amax.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` (f32)
/// broadcasts to the shape of x, or to the blocks if the descriptor has blocks. It replaces the axes, the
/// fixed amax and the factor of the descriptor. `amax` NULL means the result of qdq_tensor_amax().
///
/// `inverse_scale` may be NULL. Otherwise `*inverse_scale` receives M / amax, which pytorch-quantization
/// calls scale: the reciprocal of the scale of ONNX and TensorRT. It is 1 if amax counts as zero (at most
/// 2^-24). Free it with qdq_array_free().
qdq_status qdq_tensor_quant(const qdq_tensor *x,
                            const qdq_tensor *amax,
                            const qdq_descriptor *descriptor,
                            const qdq_tensor *out,
                            qdq_array **inverse_scale,
                            qdq_error **error);

/// Quantizes a tensor to an integer type, or to e4m3 if the descriptor has this format:
/// out = clamp(rne(x * M / amax), L, M), see qdq_tensor_quant(). Infinities become L and M. If amax counts as
/// zero, all elements become 0. A NaN in x is an error, because no integer represents it; in e4m3 it stays
/// NaN.
///
/// `x` is f32, f16, bf16 or f64. `out` has the shape of x. Its type is one of i8, u8, i16, u16, i4 and u4
/// that holds L to M, or for e4m3 it is e4m3 or u8. `amax` and `inverse_scale` are as for qdq_tensor_quant()
/// and may be NULL; for e4m3 the inverse scale is 448 / amax. After an error `out` may hold anything.
qdq_status qdq_tensor_quantize(const qdq_tensor *x,
                               const qdq_tensor *amax,
                               const qdq_descriptor *descriptor,
                               const qdq_tensor *out,
                               qdq_array **inverse_scale,
                               qdq_error **error);

/// Quantizes and dequantizes a tensor in one step: out = clamp(rne(x * M / amax), L, M) / (M / amax), see
/// qdq_tensor_quant(). With e4m3 it computes out = e4m3(x * s) / s with s = 448 / amax, saturating at 448. If
/// amax counts as zero, out is 0. NaN stays NaN.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` is as
/// for qdq_tensor_quant() and may be NULL.
qdq_status qdq_tensor_fake_quant(const qdq_tensor *x,
                                 const qdq_tensor *amax,
                                 const qdq_descriptor *descriptor,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// Dequantizes integers, the results of qdq_tensor_quantize(): out = q / inverse_scale.
///
/// `q` is i8, u8, i16, u16, i4, u4, or e4m3 (or e4m3 codes in u8 if the descriptor's format is e4m3).
/// `inverse_scale` (f32) broadcasts to the shape of q, or to the blocks if the descriptor has blocks. Only
/// the format and the blocks of the descriptor matter. `out` has the shape of q and the type f32, f16, bf16
/// or f64.
qdq_status qdq_tensor_dequantize(const qdq_tensor *q,
                                 const qdq_tensor *inverse_scale,
                                 const qdq_descriptor *descriptor,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// Computes the gradient of qdq_tensor_fake_quant() with respect to x by the straight-through estimator:
/// `out` is gradient if |x| <= amax, and 0 otherwise, also if x or amax is NaN. There is no gradient with
/// respect to amax. For qdq_tensor_quant() the result is the same: pass the gradient of the integers; the
/// scale has no part in it.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input. `amax` is as for qdq_tensor_quant() and may be NULL.
qdq_status qdq_tensor_fake_quant_backward(const qdq_tensor *gradient,
                                          const qdq_tensor *x,
                                          const qdq_tensor *amax,
                                          const qdq_descriptor *descriptor,
                                          const qdq_tensor *out,
                                          qdq_error **error);

/// Fake-quantizes a tensor in the range from `min` to `max` with a zero point z, where b is `num_bits`, 2 to
/// 16:
///   step = (max - min) / (2^b - 1), z = rne(min / step) + 2^(b-1),
///   q = clamp(rne(x / step) - z, -2^(b-1), 2^(b-1) - 1), out = (q + z) * step.
/// NaN stays NaN. `min` must be below `max`. For equal ends pytorch-quantization gives NaN; this function
/// returns QDQ_ERROR_INVALID_ARGUMENT.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_tensor_fake_affine_quant(const qdq_tensor *x,
                                        float min,
                                        float max,
                                        uint32_t num_bits,
                                        const qdq_tensor *out,
                                        qdq_error **error);

/// Computes the gradient of qdq_tensor_fake_affine_quant() with respect to x: out = gradient if
/// min <= x <= max, otherwise 0. The rules for the tensors are those of qdq_tensor_fake_quant_backward().
qdq_status qdq_tensor_fake_affine_quant_backward(const qdq_tensor *gradient,
                                                 const qdq_tensor *x,
                                                 float min,
                                                 float max,
                                                 const qdq_tensor *out,
                                                 qdq_error **error);

/// Clips a tensor: out = min(max(x, min), max). NaN stays NaN. `x` and `out` have the same shape and type
/// (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_tensor_clip(const qdq_tensor *x, float min, float max, const qdq_tensor *out, qdq_error **error);

/// Computes the gradients of qdq_tensor_clip(). `out` is gradient if min < x < max, otherwise 0.
/// `min_gradient` and `max_gradient` may be NULL. Otherwise `*min_gradient` receives the sum of the gradient
/// over the elements with x <= min, and `*max_gradient` over those with x >= max. The rules for the tensors
/// are those of qdq_tensor_fake_quant_backward().
qdq_status qdq_tensor_clip_backward(const qdq_tensor *gradient,
                                    const qdq_tensor *x,
                                    float min,
                                    float max,
                                    const qdq_tensor *out,
                                    double *min_gradient,
                                    double *max_gradient,
                                    qdq_error **error);

/// Multiplies a tensor: out = x * factors, with factors (f32) broadcast to the shape of x. `x` and `out` have
/// the same shape and type (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_tensor_multiply(const qdq_tensor *x,
                               const qdq_tensor *factors,
                               const qdq_tensor *out,
                               qdq_error **error);

/// Fake-quantizes a tensor with a given step, the width of one integer, which training changes (learned step
/// size quantization, arXiv:1902.08153): out = clamp(rne(x / step), L, M) * step. The step is the scale of
/// ONNX and TensorRT, amax / M. Therefore qdq_quantizer_step_size() of a calibrated quantizer is a good start
/// value, and step * M is the amax for a file.
///
/// `x` and `out` have the same shape and type (f32, f16, bf16, f64) and may be the same memory. `step` (f32,
/// positive, finite) broadcasts to the shape of x, or to the blocks if the descriptor has blocks. Of the rest
/// of the descriptor only bits, sign and narrow range matter. NaN stays NaN. Infinities become the ends of
/// the range, and so do negative values if the integers are unsigned.
qdq_status qdq_tensor_learned_step_quant(const qdq_tensor *x,
                                         const qdq_tensor *step,
                                         const qdq_descriptor *descriptor,
                                         const qdq_tensor *out,
                                         qdq_error **error);

/// Computes the gradients of qdq_tensor_learned_step_quant(), with v = x / step. `out` receives the gradient
/// with respect to x: gradient if L < v < M, otherwise 0.
///
/// `step_gradient` (f32, with the shape of step) may be NULL. Otherwise it receives gradient_scale times the
/// sum of gradient * d over the elements that share a step. Here d is rne(v) - v if L < v < M, L if v <= L,
/// and M if v >= M. A NaN in x adds nothing. The results of several batches can be added up.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input. `gradient_scale` is positive: 1, or the result of qdq_tensor_learned_step_gradient_scale().
qdq_status qdq_tensor_learned_step_quant_backward(const qdq_tensor *gradient,
                                                  const qdq_tensor *x,
                                                  const qdq_tensor *step,
                                                  const qdq_descriptor *descriptor,
                                                  float gradient_scale,
                                                  const qdq_tensor *out,
                                                  const qdq_tensor *step_gradient,
                                                  qdq_error **error);

/// Computes the factor 1 / sqrt(count * M) for the gradient of a step that `count` values share. With it
/// weights and steps learn at the same pace. `count` is the size of the weight, or of its channel, or the
/// number of features of an activation.
qdq_status qdq_tensor_learned_step_gradient_scale(size_t count,
                                                  const qdq_descriptor *descriptor,
                                                  float *out,
                                                  qdq_error **error);

/// Returns the numbers of `x` (f32, f16, bf16, f64) in another floating-point type, rounded to nearest, ties
/// to even: `dtype` is QDQ_DTYPE_F32, QDQ_DTYPE_F16, QDQ_DTYPE_BF16 or QDQ_DTYPE_F64. Numbers pass through
/// f32. Free `*out` with qdq_array_free().
qdq_status qdq_tensor_convert(const qdq_tensor *x, qdq_dtype dtype, qdq_array **out, qdq_error **error);

// ---- Weights ----------------------------------------------------------------------------------------------

/// Computes the ranges (amax) of weights (f32, f16, bf16, f64): one per index of `axis`, or one for all if
/// `axis` is QDQ_NO_AXIS. Negative axes count from the last. Free `*out`, of rank 1 or 0, with
/// qdq_array_free().
///
/// QDQ_METHOD_MSE minimises the error of the values that the weights compute, sum e^2 + 2 (sum e)^2 of the
/// rounding errors e. The other methods are those for activations.
qdq_status qdq_weights_amax(const qdq_tensor *weights,
                            int32_t axis,
                            qdq_method method,
                            double percentile,
                            uint32_t num_bits,
                            bool is_unsigned,
                            qdq_array **out,
                            qdq_error **error);

/// Computes the ranges of weights by pytorch-quantization's calibrate_weights. Use it to reproduce its
/// numbers; the ranges of qdq_weights_amax() are better. `method` is QDQ_METHOD_MAX, QDQ_METHOD_MSE or
/// QDQ_METHOD_PERCENTILE, over a histogram of `num_bins` (2048 is usual) linear bins from 0 to max |w| in
/// numpy's way. Weights (f32, f16, bf16, f64), axis and result are as for qdq_weights_amax(). If all weights
/// are 0, the range is 0. Free `*out` with qdq_array_free().
qdq_status qdq_weights_compat_amax(const qdq_tensor *weights,
                                   int32_t axis,
                                   qdq_method method,
                                   double percentile,
                                   uint32_t num_bits,
                                   bool is_unsigned,
                                   size_t num_bins,
                                   qdq_array **out,
                                   qdq_error **error);

/// Quantizes weights (f32, f16, bf16, f64) symmetrically to int8 as ONNX's QuantizeLinear does:
/// out = clamp(rne(w / scale), -128, 127). The scale is qdq_amax_int8_scale(amax), by which ONNX and TensorRT
/// multiply. If amax is 0, the scale is 1 and the integers are 0.
///
/// `amax` (f32) has one number per index of `axis`, or a single one for QDQ_NO_AXIS; `amax` NULL means max
/// |w|. `out` is i8 and has the shape of the weights. `scale` may be NULL. Otherwise `*scale` receives the
/// scales; free it with qdq_array_free().
qdq_status qdq_weights_quantize(const qdq_tensor *weights,
                                int32_t axis,
                                const qdq_tensor *amax,
                                const qdq_tensor *out,
                                qdq_array **scale,
                                qdq_error **error);

/// Returns the scales of weights as a 16-bit type holds them: rounded to nearest, and raised to its smallest
/// normal number. `*out` is NULL if raising would touch more than dead channels, which have 0.01% of the
/// weights' energy together: then keep the scales in f32.
///
/// Weights (f32, f16, bf16, f64) are those that the scales quantize along `axis`. `scales` (f32) has one
/// number per index of `axis`, or a single one for QDQ_NO_AXIS. The result is f32. Free `*out` with
/// qdq_array_free().
qdq_status qdq_weights_half_scale(const qdq_tensor *weights,
                                  int32_t axis,
                                  const qdq_tensor *scales,
                                  qdq_half half,
                                  qdq_array **out,
                                  qdq_error **error);

/// Computes one scale for all output channels of a weight, as TensorRT-RTX needs it to write INT8 or half
/// precision from a convolution: conv(x, q s) = conv(x, q t) * (s / t) for the integers q, the scales s of
/// the channels (axis 0) and the one scale t, a power of two.
///
/// Weights (f32, f16, bf16, f64) and `scales` (f32, one number per index of axis 0) are those of
/// qdq_weights_quantize(). `largest_input` is the largest magnitude that the convolution reads: 128 scales of
/// its input. `*scale` receives t; 0 if results could exceed f16 with every t, and then keep the scales of
/// the channels. `*out` receives q t in f32, with the shape of the weights, which t quantizes to q.
/// `factors` may be NULL. Otherwise `*factors` receives s / t, one per channel, and 0 for a channel of zeros.
/// Free both with qdq_array_free().
qdq_status qdq_weights_one_scale(const qdq_tensor *weights,
                                 const qdq_tensor *scales,
                                 float largest_input,
                                 float *scale,
                                 qdq_array **factors,
                                 qdq_array **out,
                                 qdq_error **error);

/// Returns the scale of an activation as a 16-bit type holds it, rounded to nearest; 0 if that is no normal
/// number of the type, or if `half` is none of the QDQ_HALF_ numbers: then keep the scale in f32.
float qdq_half_scale(float scale, qdq_half half);

/// Quantizes weights (f32, f16, bf16, f64) in a format, as qdq_model_quantize() stores them: a weight is its
/// number times its scale.
///
/// `axis` is the axis with one scale per index, or per `block` of them; QDQ_NO_AXIS for a single scale.
/// `block` is 0 for formats without blocks. Both are those of a plan: qdq_plan_weight_axis(),
/// qdq_plan_weight_block(). The method computes the ranges. `scale_dtype` is the type that will hold the
/// scales, QDQ_DTYPE_F32, QDQ_DTYPE_F16 or QDQ_DTYPE_BF16: the scales are rounded to it before anything is
/// quantized, unless it cannot hold those of live channels.
///
/// `out` has the shape of the weights and the type of the format: QDQ_DTYPE_I8, QDQ_DTYPE_E4M3, or
/// QDQ_DTYPE_I4, two in a byte. `scale` may be NULL. Otherwise `*scale` receives the scales in f32, of rank 0
/// or 1; with blocks they have the shape of the weights, except along the axis. Free it with
/// qdq_array_free().
qdq_status qdq_weights_store(const qdq_tensor *weights,
                             qdq_format format,
                             int32_t axis,
                             size_t block,
                             qdq_method method,
                             double percentile,
                             qdq_dtype scale_dtype,
                             const qdq_tensor *out,
                             qdq_array **scale,
                             qdq_error **error);

/// Returns the scale of a range in a format, amax divided by the largest quantized number, by which ONNX and
/// TensorRT multiply: qdq_amax_int8_scale() for integers of 8 bits. It is NaN if `format` is none of the
/// QDQ_FORMAT_ numbers, or `amax` is not a valid range.
float qdq_format_scale(qdq_format format, float amax);

/// Returns the scale of an activation's range in a format as a 16-bit type holds it: rounded to nearest, and
/// raised to its smallest normal number if that costs the format nothing, as with 8-bit floats. Returns 0 if
/// the type does not hold it, or if a number is none of the QDQ_FORMAT_ and QDQ_HALF_ numbers: then keep the
/// scale in f32.
float qdq_format_half_scale(qdq_format format, float amax, qdq_half half);

// ---- A descriptor of a quantization: qdq_descriptor -------------------------------------------------------

/// Returns a descriptor with the default fields. Free it with qdq_descriptor_free().
qdq_descriptor *qdq_descriptor_new(void);

/// Returns one of the predefined descriptors. It can be changed like any other. Free `*out` with
/// qdq_descriptor_free().
qdq_status qdq_descriptor_predefined(qdq_predefined which, qdq_descriptor **out, qdq_error **error);

/// Reads a descriptor from the JSON text that qdq_descriptor_to_json() writes. Missing fields have their
/// default. Unknown fields are an error. Free `*out` with qdq_descriptor_free().
qdq_status qdq_descriptor_from_json(const char *json, qdq_descriptor **out, qdq_error **error);

/// Returns the descriptor as a JSON text with every field. Free `*out` with qdq_buffer_free().
qdq_status qdq_descriptor_to_json(const qdq_descriptor *descriptor, qdq_buffer **out, qdq_error **error);

/// Returns a copy of the descriptor. Free `*out` with qdq_descriptor_free().
qdq_status qdq_descriptor_clone(const qdq_descriptor *descriptor, qdq_descriptor **out, qdq_error **error);

/// Frees `*descriptor` and sets it to NULL. Does nothing if `descriptor` or `*descriptor` is NULL.
void qdq_descriptor_free(qdq_descriptor **descriptor);

/// Checks that the fields do not contradict each other.
qdq_status qdq_descriptor_validate(const qdq_descriptor *descriptor, qdq_error **error);

/// Sets the format to integers of `num_bits`, 2 to 16. Default: 8.
qdq_status qdq_descriptor_set_num_bits(qdq_descriptor *descriptor, uint32_t num_bits, qdq_error **error);

/// Sets the format to the 8-bit float e4m3.
qdq_status qdq_descriptor_set_e4m3(qdq_descriptor *descriptor, qdq_error **error);

/// Sets a name for messages. `name` may be NULL for no name, the default.
qdq_status qdq_descriptor_set_name(qdq_descriptor *descriptor, const char *name, qdq_error **error);

/// Sets whether a quantizer returns floats (true, the default) or integers.
qdq_status qdq_descriptor_set_fake_quant(qdq_descriptor *descriptor, bool fake_quant, qdq_error **error);

/// Sets the kept axes: each index of these axes has its own amax. `axes` holds `count` numbers; negative ones
/// count from the last axis. `axes` NULL means one amax for the tensor, the default.
qdq_status qdq_descriptor_set_axis(qdq_descriptor *descriptor, const int32_t *axes, size_t count, qdq_error **error);

/// Sets blocks: `size` neighbours along `axis` share one amax, and every other axis is kept. The last block
/// may be shorter. A size of 0 means no blocks, the default.
qdq_status qdq_descriptor_set_block(qdq_descriptor *descriptor, int32_t axis, size_t size, qdq_error **error);

/// Sets a fixed amax (f32, finite, not negative). Its shape groups the data: it has size 1 in every axis that
/// shares one amax. The numbers are copied. `amax` NULL means a calibrated or dynamic range, the default.
qdq_status qdq_descriptor_set_amax(qdq_descriptor *descriptor, const qdq_tensor *amax, qdq_error **error);

/// Sets whether training learns amax. This needs one amax for the tensor. Default: false.
qdq_status qdq_descriptor_set_learn_amax(qdq_descriptor *descriptor, bool learn_amax, qdq_error **error);

/// Sets a positive factor on amax. 1 has no effect and is the default.
qdq_status qdq_descriptor_set_scale_amax(qdq_descriptor *descriptor, float factor, qdq_error **error);

/// Sets the kind of statistics that calibration collects. Default: QDQ_CALIB_MAX.
qdq_status qdq_descriptor_set_calib_method(qdq_descriptor *descriptor,
                                           qdq_calib_method calib_method,
                                           qdq_error **error);

/// Sets whether the integers start at 0, for data without negative values. Default: false.
qdq_status qdq_descriptor_set_unsigned(qdq_descriptor *descriptor, bool is_unsigned, qdq_error **error);

/// Sets whether the lowest integer is the negative of the highest. Default: false.
qdq_status qdq_descriptor_set_narrow_range(qdq_descriptor *descriptor, bool narrow_range, qdq_error **error);

/// Sets the arithmetic of fake quantization. Default: QDQ_MODE_REFERENCE.
qdq_status qdq_descriptor_set_mode(qdq_descriptor *descriptor, qdq_mode mode, qdq_error **error);

/// Returns the number of bits of the integers; 0 for e4m3 and for NULL.
uint32_t qdq_descriptor_num_bits(const qdq_descriptor *descriptor);

/// Returns whether the format is e4m3.
bool qdq_descriptor_is_e4m3(const qdq_descriptor *descriptor);

/// Returns the name for messages; NULL if there is none. The text is valid until the name is set again or the
/// descriptor is freed.
const char *qdq_descriptor_name(const qdq_descriptor *descriptor);

/// Returns whether a quantizer returns floats.
bool qdq_descriptor_fake_quant(const qdq_descriptor *descriptor);

/// Returns the number of kept axes; 0 if there is one amax for the tensor.
size_t qdq_descriptor_axis_count(const qdq_descriptor *descriptor);

/// Returns the kept axis at `index`, as it was set; 0 past the last.
int32_t qdq_descriptor_axis_at(const qdq_descriptor *descriptor, size_t index);

/// Returns the size of the blocks that share one amax; 0 without blocks.
size_t qdq_descriptor_block_size(const qdq_descriptor *descriptor);

/// Returns the axis of the blocks, as it was set; 0 without blocks.
int32_t qdq_descriptor_block_axis(const qdq_descriptor *descriptor);

/// Returns a copy of the fixed amax. `*out` is NULL if there is none. Free `*out` with qdq_array_free().
qdq_status qdq_descriptor_amax(const qdq_descriptor *descriptor, qdq_array **out, qdq_error **error);

/// Returns whether training learns amax.
bool qdq_descriptor_learn_amax(const qdq_descriptor *descriptor);

/// Returns the factor on amax; 1 if none is set.
float qdq_descriptor_scale_amax(const qdq_descriptor *descriptor);

/// Returns the kind of statistics that calibration collects.
qdq_calib_method qdq_descriptor_calib_method(const qdq_descriptor *descriptor);

/// Returns whether the integers start at 0.
bool qdq_descriptor_unsigned(const qdq_descriptor *descriptor);

/// Returns whether the lowest integer is the negative of the highest.
bool qdq_descriptor_narrow_range(const qdq_descriptor *descriptor);

/// Returns the arithmetic of fake quantization.
qdq_mode qdq_descriptor_mode(const qdq_descriptor *descriptor);

// ---- A quantizer that is calibrated and trained: qdq_quantizer --------------------------------------------

/// Makes a quantizer for tensors of this descriptor, which is copied. Free `*out` with qdq_quantizer_free().
qdq_status qdq_quantizer_new(const qdq_descriptor *descriptor, qdq_quantizer **out, qdq_error **error);

/// Returns a copy of the quantizer in the same state, statistics included, for example for another thread
/// that calibrates. Free `*out` with qdq_quantizer_free().
qdq_status qdq_quantizer_clone(const qdq_quantizer *quantizer, qdq_quantizer **out, qdq_error **error);

/// Makes a quantizer from the state that qdq_quantizer_to_json() wrote. Free `*out` with
/// qdq_quantizer_free().
qdq_status qdq_quantizer_from_json(const char *json, qdq_quantizer **out, qdq_error **error);

/// Returns the state as JSON: descriptor, switches, and the exact ranges and scales, but not the statistics.
/// Free `*out` with qdq_buffer_free().
qdq_status qdq_quantizer_to_json(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// Returns a description of the quantizer for people, in one line. Free `*out` with qdq_buffer_free().
qdq_status qdq_quantizer_to_text(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// Frees `*quantizer` and sets it to NULL. Does nothing if `quantizer` or `*quantizer` is NULL.
void qdq_quantizer_free(qdq_quantizer **quantizer);

/// Returns a copy of the descriptor with the current amax. Free `*out` with qdq_descriptor_free().
qdq_status qdq_quantizer_descriptor(const qdq_quantizer *quantizer, qdq_descriptor **out, qdq_error **error);

/// Changes the format to integers of `num_bits`, 2 to 16.
qdq_status qdq_quantizer_set_integers(qdq_quantizer *quantizer,
                                      uint32_t num_bits,
                                      bool is_unsigned,
                                      bool narrow_range,
                                      qdq_error **error);

/// Changes the format to the 8-bit float e4m3.
qdq_status qdq_quantizer_set_e4m3(qdq_quantizer *quantizer, qdq_error **error);

/// Sets whether data passes unchanged, apart from the pre-quantization scale. Default: false.
qdq_status qdq_quantizer_set_disabled(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is quantized. Default: true.
qdq_status qdq_quantizer_set_quantizing(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is clipped to the learned range. This needs a descriptor that learns amax. Default:
/// false.
qdq_status qdq_quantizer_set_clipping(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is observed for calibration. Default: false.
qdq_status qdq_quantizer_set_calibrating(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Returns whether data passes unchanged.
bool qdq_quantizer_is_disabled(const qdq_quantizer *quantizer);

/// Returns whether data is quantized.
bool qdq_quantizer_is_quantizing(const qdq_quantizer *quantizer);

/// Returns whether data is clipped to the learned range.
bool qdq_quantizer_is_clipping(const qdq_quantizer *quantizer);

/// Returns whether data is observed for calibration.
bool qdq_quantizer_is_calibrating(const qdq_quantizer *quantizer);

/// Returns whether no range is set, so that every tensor is quantized by its own max |x|.
bool qdq_quantizer_is_dynamic(const qdq_quantizer *quantizer);

/// Sets the amax (f32, finite, not negative). Its shape must be that of the earlier amax. `amax` NULL makes
/// the range dynamic again, and afterwards any shape may be set.
qdq_status qdq_quantizer_set_amax(qdq_quantizer *quantizer, const qdq_tensor *amax, qdq_error **error);

/// Sets the pre-quantization scale (f32, broadcast to the shape of the data), by which data is multiplied
/// first. `scale` NULL means no scale, the default.
qdq_status qdq_quantizer_set_pre_quant_scale(qdq_quantizer *quantizer, const qdq_tensor *scale, qdq_error **error);

/// Returns the amax that is set. `*out` is NULL if the range is dynamic. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_amax(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Returns the amax that quantizes the data: that of the clip range if it is learned, otherwise the amax that
/// is set times the descriptor's factor. `*out` is NULL if the range is dynamic or has still to be learned.
/// Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_amax_in_use(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Returns the amax for the export of a model. Fails if the range is dynamic, if the quantizer is still
/// calibrating, and for e4m3 with blocks, which no format has. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_amax_for_export(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Returns the width of one step: the amax in use divided by M, or by 448 for e4m3. `*out` is NULL if the
/// range is dynamic. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_step_size(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Returns the inverse scale, M / amax, of the integers from the last forward call. `*out` is NULL if no call
/// returned integers. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_inverse_scale(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Returns the pre-quantization scale. `*out` is NULL if there is none. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_pre_quant_scale(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Sets the learned range, for example to the values from a training step.
qdq_status qdq_quantizer_set_clip_range(qdq_quantizer *quantizer, float min, float max, qdq_error **error);

/// Returns the learned range in `*min` and `*max`; both are NaN if there is none.
qdq_status qdq_quantizer_clip_range(const qdq_quantizer *quantizer, float *min, float *max, qdq_error **error);

/// Starts learning from the amax: sets the clip range to the negative and the positive of its largest number.
qdq_status qdq_quantizer_init_learn_amax(qdq_quantizer *quantizer, qdq_error **error);

/// Processes `x` in the steps that the documentation of qdq_quantizer lists. `x` and `out` have the same
/// shape and type (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_quantizer_forward(qdq_quantizer *quantizer,
                                 const qdq_tensor *x,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// Processes `x` as qdq_quantizer_forward() does but without observing, so that any number of threads can use
/// one quantizer. `inverse_scale` may be NULL. Otherwise `*inverse_scale` receives M / amax if the quantizer
/// returns integers, and NULL if not; free it with qdq_array_free().
qdq_status qdq_quantizer_quantize(const qdq_quantizer *quantizer,
                                  const qdq_tensor *x,
                                  const qdq_tensor *out,
                                  qdq_array **inverse_scale,
                                  qdq_error **error);

/// Computes the gradients of qdq_quantizer_forward(). `out` receives the gradient with respect to x, by the
/// straight-through estimator or, if amax is learned, by clipping. `min_gradient` and `max_gradient` may be
/// NULL. Otherwise they receive the gradients of the learned range, which are 0 if nothing is learned.
///
/// `gradient`, `x` and `out` have the same shape and type (f32, f16, bf16, f64). `out` may be the memory of
/// either input.
qdq_status qdq_quantizer_backward(const qdq_quantizer *quantizer,
                                  const qdq_tensor *gradient,
                                  const qdq_tensor *x,
                                  const qdq_tensor *out,
                                  double *min_gradient,
                                  double *max_gradient,
                                  qdq_error **error);

/// Observes a batch for calibration, even if calibrating is switched off. The statistics are those of the
/// descriptor's method.
qdq_status qdq_quantizer_observe(qdq_quantizer *quantizer, const qdq_tensor *x, qdq_error **error);

/// Discards all observations.
qdq_status qdq_quantizer_reset_calibration(qdq_quantizer *quantizer, qdq_error **error);

/// Adds the observations of another quantizer with the same kept axes, for example from another thread.
qdq_status qdq_quantizer_merge(qdq_quantizer *quantizer, const qdq_quantizer *other, qdq_error **error);

/// Returns a copy of the statistics if the descriptor has QDQ_CALIB_HISTOGRAM; fails otherwise. Free `*out`
/// with qdq_tensor_stats_free().
qdq_status qdq_quantizer_stats(const qdq_quantizer *quantizer, qdq_tensor_stats **out, qdq_error **error);

/// Computes the amax from the observations and sets it. `loaded` may be NULL. Otherwise `*loaded` receives
/// whether an amax was set. If nothing was observed, `strict` makes this an error; without `strict` the amax
/// stays the same.
///
/// QDQ_CALIB_MAX allows only QDQ_METHOD_MAX; QDQ_CALIB_COMPAT allows every method but QDQ_METHOD_MAX. e4m3
/// allows every method but QDQ_METHOD_ENTROPY, and with QDQ_CALIB_COMPAT only QDQ_METHOD_PERCENTILE. An
/// infinite amax, and one with another shape than the earlier amax, are errors.
qdq_status qdq_quantizer_load_calib_amax(qdq_quantizer *quantizer,
                                         qdq_method method,
                                         double percentile,
                                         bool strict,
                                         bool *loaded,
                                         qdq_error **error);

/// Computes the amax with the search options of pytorch-quantization's entropy and mse, and sets it. The
/// options select the bins of its histogram that are tried as ranges: from `start_bin` (usually 128) in steps
/// of `stride` (usually 1). `strict` is as for
/// qdq_quantizer_load_calib_amax(), and so is `loaded`, which may be NULL.
///
/// Fails if the calib_method is not QDQ_CALIB_COMPAT, if the method is neither QDQ_METHOD_ENTROPY nor
/// QDQ_METHOD_MSE, if `stride` is 0, or if no bin remains.
qdq_status qdq_quantizer_load_calib_amax_searching(qdq_quantizer *quantizer,
                                                   qdq_method method,
                                                   size_t start_bin,
                                                   size_t stride,
                                                   bool strict,
                                                   bool *loaded,
                                                   qdq_error **error);

/// Writes the observations to a safetensors file, completely or not at all. With QDQ_CALIB_HISTOGRAM the file
/// holds the statistics of one tensor with the name of the quantizer, and qdq_stats_load() can read it. With
/// QDQ_CALIB_MAX qdq_axis_max_load() can read it, unless the maxima are those of blocks. Fails with
/// QDQ_CALIB_COMPAT.
qdq_status qdq_quantizer_save_calibration(const qdq_quantizer *quantizer, const char *path, qdq_error **error);

/// Reads a file that qdq_quantizer_save_calibration() wrote, and replaces the observations. To add them
/// instead, load the file into a clone and merge the clone. From a file with the statistics of several
/// tensors the function takes the tensor with the name of the quantizer.
///
/// Returns QDQ_ERROR_FORMAT if the file is damaged or of another kind, such as the observations of another
/// method; QDQ_ERROR_INVALID_ARGUMENT if the maxima have other axes or blocks than the descriptor;
/// QDQ_ERROR_DATA if there are several tensors but not that of the quantizer. After an error the observations
/// are unchanged.
qdq_status qdq_quantizer_load_calibration(qdq_quantizer *quantizer, const char *path, qdq_error **error);

/// Returns the content of a file of a quantizer's calibration. Equal calibrations give equal bytes. Free
/// `*out` with qdq_buffer_free().
qdq_status qdq_quantizer_calibration_to_bytes(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// Reads the content of a file of a quantizer's calibration as qdq_quantizer_load_calibration() does: `size`
/// bytes, which are not kept.
qdq_status qdq_quantizer_calibration_from_bytes(qdq_quantizer *quantizer,
                                                const void *bytes,
                                                size_t size,
                                                qdq_error **error);

// ---- A training schedule: qdq_qat_schedule ----------------------------------------------------------------

/// Makes a schedule of `steps`, at least 1, from the learning rate `start` down to `end`. Free `*out` with
/// qdq_qat_schedule_free().
qdq_status qdq_qat_schedule_new(uint64_t steps, double start, double end, qdq_qat_schedule **out, qdq_error **error);

/// Makes the schedule that the user guide of pytorch-quantization recommends for a network that was trained
/// in float for `steps` from the learning rate `rate`: a tenth of the steps (rounded up), from 1% of the rate
/// down to 1% of that. Free `*out` with qdq_qat_schedule_free().
qdq_status qdq_qat_schedule_from_original(uint64_t steps, double rate, qdq_qat_schedule **out, qdq_error **error);

/// Frees `*schedule` and sets it to NULL. Does nothing if `schedule` or `*schedule` is NULL.
void qdq_qat_schedule_free(qdq_qat_schedule **schedule);

/// Returns the number of training steps; 0 for NULL.
uint64_t qdq_qat_schedule_steps(const qdq_qat_schedule *schedule);

/// Returns the learning rate of step `step`, counted from 0; the end rate from the last step on; NaN for
/// NULL.
double qdq_qat_schedule_learning_rate(const qdq_qat_schedule *schedule, uint64_t step);

// ---- Arrays: qdq_array ------------------------------------------------------------------------------------

/// Reads a whole .npy file, such as labels or samples. Arrays in Fortran order become row-major. Free `*out`
/// with qdq_array_free().
qdq_status qdq_array_read_npy(const char *path, qdq_array **out, qdq_error **error);

/// Frees `*array` and sets it to NULL. Does nothing if `array` or `*array` is NULL.
void qdq_array_free(qdq_array **array);

/// Returns the rank; 0 for a single number and for NULL.
int32_t qdq_array_ndim(const qdq_array *array);

/// Returns the sizes of the axes; NULL for NULL. They are valid until the array is freed.
const int64_t *qdq_array_shape(const qdq_array *array);

/// Returns the number of elements; 0 for NULL.
size_t qdq_array_count(const qdq_array *array);

/// Returns the numbers of an f32 array; NULL for NULL and for other types. They are valid until the array is
/// freed. qdq_array_view() returns the type.
const float *qdq_array_values(const qdq_array *array);

/// Returns a view of the array, for functions that take a tensor. It is valid until the array is freed. Do
/// not write through it.
qdq_status qdq_array_view(const qdq_array *array, qdq_tensor *out, qdq_error **error);

// ---- Bytes and files: qdq_buffer --------------------------------------------------------------------------

/// Frees `*buffer` and sets it to NULL. Does nothing if `buffer` or `*buffer` is NULL.
void qdq_buffer_free(qdq_buffer **buffer);

/// Returns the address of the first byte; NULL for NULL. It is valid until the buffer is freed.
const void *qdq_buffer_data(const qdq_buffer *buffer);

/// Returns the bytes as a text that ends with a NUL; NULL for NULL. It is valid until the buffer is freed.
const char *qdq_buffer_text(const qdq_buffer *buffer);

/// Returns the number of bytes, without the NUL after them.
size_t qdq_buffer_size(const qdq_buffer *buffer);

/// Writes bytes into a file, completely or not at all: into a temporary file in the same folder, which is
/// renamed at the end. `data` may be NULL if `size` is 0.
qdq_status qdq_write_file(const char *path, const void *data, size_t size, qdq_error **error);

// ---- Lists of texts: qdq_texts ----------------------------------------------------------------------------

/// Frees `*texts` and sets it to NULL. Does nothing if `texts` or `*texts` is NULL.
void qdq_texts_free(qdq_texts **texts);

/// Returns the number of texts; 0 for NULL.
size_t qdq_texts_count(const qdq_texts *texts);

/// Returns text `index`; NULL past the last. The text is valid until the list is freed.
const char *qdq_texts_at(const qdq_texts *texts, size_t index);

// ---- Findings of a result: qdq_findings -------------------------------------------------------------------

/// Frees `*findings` and sets it to NULL. Does nothing if `findings` or `*findings` is NULL.
void qdq_findings_free(qdq_findings **findings);

/// Returns the number of findings; 0 for NULL.
size_t qdq_findings_count(const qdq_findings *findings);

/// Returns the severity of finding `index`; QDQ_SEVERITY_NOTE past the last.
qdq_severity qdq_findings_severity(const qdq_findings *findings, size_t index);

/// Returns the message of finding `index`; NULL past the last. The text is valid until the findings are
/// freed.
const char *qdq_findings_message(const qdq_findings *findings, size_t index);

/// Returns the remedy of finding `index`, empty if there is nothing to do; NULL past the last. The text is
/// valid until the findings are freed.
const char *qdq_findings_remedy(const qdq_findings *findings, size_t index);

/// Returns the number of tensors or files that finding `index` is about; 0 if it is about the whole result.
size_t qdq_findings_tensor_count(const qdq_findings *findings, size_t index);

/// Returns the name of tensor or file `tensor` of finding `index`; NULL past the last. The text is valid
/// until the findings are freed.
const char *qdq_findings_tensor_at(const qdq_findings *findings, size_t index, size_t tensor);

// ---- Errors: qdq_error ------------------------------------------------------------------------------------

/// Makes an error for a callback to return. `status` is the kind of the error; QDQ_OK and numbers that are no
/// status count as QDQ_ERROR_CALLBACK. `remedy` says how to solve the problem and may be NULL. The texts are
/// copied; invalid UTF-8 in them is replaced.
///
/// The callback stores the error through its argument `error` and returns the same status. qdq then owns the
/// error and passes it to its own caller.
qdq_error *qdq_error_new(qdq_status status, const char *message, const char *remedy);

/// Frees `*error` and sets it to NULL. Does nothing if `error` or `*error` is NULL.
void qdq_error_free(qdq_error **error);

/// Returns the status of the error; QDQ_OK for NULL.
qdq_status qdq_error_status(const qdq_error *error);

/// Returns the message in one line, which names the object and the cause; NULL for NULL. The text is valid
/// until the error is freed.
const char *qdq_error_message(const qdq_error *error);

/// Returns the remedy; NULL if none is known. The text is valid until the error is freed.
const char *qdq_error_remedy(const qdq_error *error);

/// Returns the number of lower-level errors that caused this one.
size_t qdq_error_cause_count(const qdq_error *error);

/// Returns the cause at `index`, from 0, the nearest first; NULL past the last. The text is valid until the
/// error is freed.
const char *qdq_error_cause_at(const qdq_error *error, size_t index);

/// Returns the complete text for a log: message and remedy in the first line, then a line for every cause;
/// NULL for NULL. The text is valid until the error is freed.
const char *qdq_error_text(const qdq_error *error);

// ---- Statuses ---------------------------------------------------------------------------------------------

/// Returns a word for a status, such as "invalid argument"; "unknown" for a number that is no status. The
/// text is always valid.
const char *qdq_status_text(qdq_status status);

// ---- Messages ---------------------------------------------------------------------------------------------

/// Sends the messages of the library up to a level to `log`, and replaces the callback that was set before.
/// `log` may be NULL for silence, the default. The setting holds for the whole process. After this function
/// has returned, the earlier callback is not called any more.
///
/// `free_user` may be NULL. Otherwise it is called once with `user`: when another callback is set, or before
/// this function returns with an error.
///
/// Returns QDQ_ERROR_UNSUPPORTED in a Rust program that already has a subscriber for `tracing`, which
/// receives the messages.
qdq_status qdq_log_set(qdq_log_fn log, void *user, qdq_free_fn free_user, qdq_log_level level, qdq_error **error);

// ---- Version, kernels, threads ----------------------------------------------------------------------------

/// Returns the version of the library at run time: major * 10000 + minor * 100 + patch. Compare it with
/// QDQ_VERSION, the version with which the program was compiled.
uint32_t qdq_version(void);

/// Returns the version as text, such as "0.1.0". The text is always valid.
const char *qdq_version_text(void);

/// Returns the instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA,
/// read at the first computation, overrides the choice. The text is always valid.
const char *qdq_kernel_name(void);

/// Limits the number of threads that share the work on one large tensor or on weights. 1 means the caller's
/// thread only. 0 means one per core of the machine, the default. The limit holds for the whole process from
/// the next call on; results do not depend on it. Runs of a model have their own threads, see
/// qdq_run_options_set_threads().
void qdq_set_threads(size_t limit);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* QDQ_QDQ_H */
