/// @file
/// qdq: INT8 for TensorRT without Python. The C interface.
//
// Generated from src/ffi by cbindgen; do not edit.
//
// Start here. From a float model to one that TensorRT runs in INT8, the usual way, is eight calls:
//
//   qdq_model_open()       reads the model
//   qdq_model_inputs()     says what it reads
//   qdq_model_plan()       decides what is quantized
//   qdq_batches_open()     opens the calibration data; qdq_batches_from_callback() asks a function for it
//   qdq_model_calibrate()  runs the model over the data
//   qdq_plan_ranges()      computes the ranges
//   qdq_model_quantize()   puts Quantize and Dequantize in
//   qdq_model_save()       writes the model
//
// A program with an inference loop of its own, which needs no model, has nine:
//
//   qdq_stats_new()          starts the statistics
//   qdq_stats_observe()      adds an activation of a batch
//   qdq_stats_get()          takes the statistics of one tensor
//   qdq_tensor_stats_amax()  computes its range
//   qdq_ranges_new()         starts the ranges
//   qdq_ranges_set()         notes a range
//   qdq_cache_from_ranges()  makes TensorRT's calibration cache of them
//   qdq_cache_save()         writes it
//   qdq_stats_free() …       frees each object
//
// examples/c/main.c and examples/c/inference_loop.c are these programs. The functions stand in sections, one
// for each object, in the order of the data: calibration data, models and plans, runs, statistics, ranges,
// caches, comparison; then tensors and quantizers by themselves; then what all need.
//
// Rules that hold for everything in this header:
//
// Names. Functions are qdq_<object>_<verb>, numbers QDQ_<SET>_<NAME>. The meaning of a word (amax, scale,
//   kept axis, method) is the same in Rust, C, C++ and the command-line tool.
//
// Getters. If an object holds several things, `get` gives one by its name, `at` one by its position from 0,
//   `count` says how many there are, and `find` gives the position of a name. A function that is called like
//   a field of such a thing takes its position too.
//
// Ownership. Objects are handles: pointers to structs whose fields nobody sees. Whoever is given a handle by
//   qdq frees it with the object's qdq_<object>_free(), which takes the address of the variable and sets it
//   to NULL, so that freeing it again does nothing. A handle that is passed to a function stays the caller's,
//   and may be freed as soon as the function has returned, whatever was made from it; only an error that a
//   callback stores is taken over. Texts, arrays and views that a function returns belong to the handle that
//   they came from and are valid as long as its documentation says. What is passed to a function is copied
//   where it is needed later.
//
// Results. Where a function puts a result need not be initialised: what stood there is overwritten, not
//   freed. A handle is NULL there after a failure, other results are unchanged, and the elements of a tensor
//   that is written may be anything.
//
// NULL. Pointers must not be NULL unless the documentation says so; where one is, the function returns
//   QDQ_ERROR_INVALID_ARGUMENT. An array of 0 elements may be NULL, as may the shape of a rank of 0 or less.
//   Functions without a status accept NULL for a handle or name, and answer as for something that is not
//   there. Other invalid pointers cannot be recognised.
//
// Errors. Functions that can fail return a qdq_status and take a last argument `error`, which may be NULL. On
//   failure *error receives an error to be freed with qdq_error_free(), with a message that names the thing
//   and the cause, and a remedy where one is known; on success it is set to NULL. No error is kept between
//   calls. A defect inside qdq that shows itself in such a function is QDQ_ERROR_INTERNAL, and a line on
//   standard error. Where memory runs out, the process is aborted.
//
// Threads. Any function may be called from any thread. Functions that take a handle as const may run at the
//   same time on the same handle; a function that changes one (takes it without const) needs it for itself
//   alone. A callback and its `user` must bear to be used from the thread that makes the call which runs it,
//   and by two such calls at the same time where both were given it. A callback must neither change nor free
//   a handle that the function which runs it was given.
//
// The process. Three things hold for the whole of it: the kernels (see qdq_kernel_name()), the ONNX Runtime
//   library that is opened first, and the callback of qdq_log_set(). Images, weights and large tensors are
//   worked on by a pool of as many threads as the machine has cores; qdq_set_threads() limits those that
//   share one tensor. The library must not be unloaded, nor used in a process after fork() in which it worked
//   before.
//
// Texts are UTF-8 and end with a NUL, anything else is an error; names that hold a NUL inside are shown up to
//   it. Paths are bytes as the system has them, on Windows UTF-8.
//
// Numbers. Arguments that say one of a set are integers and checked: an unknown one is an error. Numbers of a
//   set keep their meaning, new ones may be added. Sizes are in elements unless bytes are mentioned. A bool
//   is 0 or 1, nothing else.
//
// Versions. Before 1.0 a new minor version may change this interface, later only a new major one; the name of
//   the shared library (SONAME) changes with it. Structs do not change: what grows is an object with setters.
//   QDQ_VERSION is the version of this header, qdq_version() that of the library.


#ifndef QDQ_QDQ_H
#define QDQ_QDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The number of no tensor or node: an optional input or output that is left out.
#define QDQ_NONE SIZE_MAX
/// The number of no axis: one scale for the whole tensor.
#define QDQ_NO_AXIS INT32_MIN

/// The version of this header: major * 10000 + minor * 100 + patch. See qdq_version().
#define QDQ_VERSION 100
/// The version of this header as text.
#define QDQ_VERSION_TEXT "0.1.0"

/// The host's memory: DLPack's kDLCPU. 0 means the same.
#define QDQ_DEVICE_CPU 1

/// The host's memory, pinned for CUDA: DLPack's kDLCUDAHost.
#define QDQ_DEVICE_CUDA_HOST 3

/// A size that is decided at run time.
#define QDQ_DYNAMIC -1

/// Elements with a shape, row-major, that a function has made: an amax or a scale in f32, or what a file or a
/// model holds in any type. Immutable; any number of threads may read one.
typedef struct qdq_array qdq_array;

/// The max calibrator per axis: the running max of |x| over all axes but the kept ones. NaN is left out,
/// infinities count.
typedef struct qdq_axis_max qdq_axis_max;

/// One batch: named tensors, such as one for every input of a network. A batch source or a session hands it
/// out, its callback or the caller fills it.
typedef struct qdq_batch qdq_batch;

/// A stream of batches, to be read once, from files or from a callback.
typedef struct qdq_batches qdq_batches;

/// Bytes that a function has made, a text or a file's content. Behind the last byte stands a NUL that does
/// not count, so that a text can be used as one. Immutable; any number of threads may read one.
typedef struct qdq_buffer qdq_buffer;

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns. Line by line
/// a tensor's name and its scale, amax / 127, below a header that names TensorRT's version and the
/// calibrator.
typedef struct qdq_cache qdq_cache;

/// A switch that stops runs which were given it. All its functions but qdq_cancel_free() may be called from
/// any thread at any time.
typedef struct qdq_cancel qdq_cancel;

/// How far a quantized model is from its float model on the same data. Tensors are numbered from 0: the
/// outputs that were compared, then the activations. Immutable; any number of threads may read one.
typedef struct qdq_comparison qdq_comparison;

/// How files become batches: batch size, limit and sampling, the layout of raw files, and how images become
/// numbers.
typedef struct qdq_data_options qdq_data_options;

/// How one tensor is quantized: format, sign, range, which elements share an amax. The fields and defaults
/// are those of pytorch-quantization's descriptor; qdq_descriptor_new() gives signed 8-bit integers with one
/// amax for the tensor.
///
/// Setters may be called in any order; what does not go together is refused where the descriptor is used, or
/// by qdq_descriptor_validate().
typedef struct qdq_descriptor qdq_descriptor;

/// What went wrong: a status, a message that names the thing and the cause, a remedy where one is known, and
/// the errors from below that caused it. Immutable; any number of threads may read one.
typedef struct qdq_error qdq_error;

/// What a user must know of a result that is no error: what was left out, stays in float, or is not as it
/// should be. Each was logged when the result was made. Immutable; any number of threads may read them.
typedef struct qdq_findings qdq_findings;

/// A network as nodes and tensors, neutral as to where it comes from: describe any network representation as
/// one, and qdq_graph_plan() decides what of it is quantized. Operators are named as in ONNX. Tensors and
/// nodes are numbered from 0 in the order in which they were added.
typedef struct qdq_graph qdq_graph;

/// pytorch-quantization's HistogramCalibrator with its own bins, growth and methods, for whoever needs its
/// numbers. The result depends on the order of the batches. Prefer qdq_tensor_stats otherwise: on discrete
/// data the original entropy rule finds absurd ranges.
typedef struct qdq_histogram_calibrator qdq_histogram_calibrator;

/// An ONNX model. Nothing of the file is lost: unknown fields, metadata, functions and subgraphs are kept.
/// Weights stay in the mapped file, which must not be changed in place while the model lives; replacing it by
/// renaming is fine.
typedef struct qdq_model qdq_model;

/// The description of a node for qdq_graph_add_node(): operator, inputs, outputs and the attributes that
/// placement asks for.
typedef struct qdq_node qdq_node;

/// Which edges of a graph get Quantize and Dequantize, and by that which tensors need a range. Immutable, and
/// independent of the graph or model that it was made of; any number of threads may read one. Numbers of
/// tensors and nodes are those of the graph.
typedef struct qdq_plan qdq_plan;

/// Which nodes may be quantized, and how: those that match an include (all where there is none) and match no
/// exclude. A new policy allows everything.
typedef struct qdq_policy qdq_policy;

/// The learning rate of quantization-aware training, half a cosine from a start down to an end:
/// rate(t) = end + (start - end) * (1 + cos(pi * t / steps)) / 2.
/// Steps are epochs or batches, whichever the caller counts.
/// Immutable; any number of threads may read one.
typedef struct qdq_qat_schedule qdq_qat_schedule;

/// How a quantized model is written.
typedef struct qdq_quantize_options qdq_quantize_options;

/// pytorch-quantization's TensorQuantizer: a descriptor with its switches, its range and the statistics of
/// its calibration.
///
/// qdq_quantizer_forward() does, in this order: multiply by the pre-quantization scale, where there is one;
/// return that where disabled; observe it where calibrating; clip it where clipping; quantize it where
/// quantizing, by the clip range where amax is learned, else by the amax, else dynamically by max |x| of this
/// very x. At the start only quantizing is on.
///
/// Where pytorch-quantization does something else: clipped data is quantized, in e4m3 too, not the data
/// before; integers follow narrow_range; dynamic ranges too count negative axes from the last, and an axis
/// that the data does not have is an error; learning starts from a range that was set, not from 1; loading
/// leniently where nothing was observed leaves the amax as it is; NaN is in no maximum, and infinity is no
/// amax; clearing the amax makes the range dynamic again; the step size is that of the range in use, of e4m3
/// too; a state that lacks a part is an error.
typedef struct qdq_quantizer qdq_quantizer;

/// The ranges of a network's activations by tensor name, in the order in which they were set. A range is
/// amax, the magnitude that the integer 127 stands for, in the tensor's own unit.
typedef struct qdq_ranges qdq_ranges;

/// Which methods recover accuracy, and how the quantized model is written. New ones have no method.
typedef struct qdq_recover_options qdq_recover_options;

/// How a model runs over data: the runtime, who is told about progress, and what can stop it.
typedef struct qdq_run_options qdq_run_options;

/// A model that is ready to run, in the runtime that was asked for. It runs one batch at a time. The files of
/// the model must not be changed in place while it lives.
typedef struct qdq_session qdq_session;

/// Names, types and shapes of a network's inputs or outputs, as far as they are known.
typedef struct qdq_specs qdq_specs;

/// Statistics by tensor name: what a calibration run leaves behind, to be saved, loaded and merged. The file
/// is a safetensors file; equal statistics give equal bytes.
typedef struct qdq_stats qdq_stats;

/// The calibrator's observer: it sees every value of one tensor once, in any number of batches, and keeps
/// counts and a histogram of magnitudes in a fixed amount of memory (80 KiB). Every method computes its range
/// from it.
///
/// Any cut of the data into batches, threads or machines, in any order, gives the same statistics: let every
/// thread observe into its own and merge them. NaN and infinities are counted and otherwise left out.
typedef struct qdq_tensor_stats qdq_tensor_stats;

/// Texts that a function has made, in order: paths, names. Immutable; any number of threads may read one.
typedef struct qdq_texts qdq_texts;

/// What a function or a callback says of its success: QDQ_OK, or which kind of error it was. The numbers
/// never change their meaning; new ones may be added.
typedef int32_t qdq_status;

/// How bad a finding is: one of the QDQ_SEVERITY_ numbers.
typedef int32_t qdq_severity;

/// An element type, one of the QDQ_DTYPE_ numbers: DLPack's DLDataType read as one little-endian number, that
/// is code | bits << 8 | 1 << 16.
typedef int32_t qdq_dtype;

/// A tensor that somebody else owns: a view of memory, laid out as DLPack's DLTensor, so that a pointer to
/// one of those can be used as a pointer to this. Functions keep neither the view nor its memory.
///
/// An empty tensor may have any data pointer. Zero-initialise the struct and set data, dtype, ndim and shape
/// for a dense tensor in the host's memory.
typedef struct {
  /// The first element, less byte_offset; data + byte_offset is aligned to the size of one element.
  void *data;
  /// QDQ_DEVICE_CPU, QDQ_DEVICE_CUDA_HOST or 0. Device memory has to be copied to the host.
  int32_t device_type;
  /// Not used for the host's memory.
  int32_t device_id;
  /// The rank; 0 for a single number.
  int32_t ndim;
  /// One of the QDQ_DTYPE_ numbers.
  qdq_dtype dtype;
  /// `ndim` sizes that are not negative. May be NULL where ndim is 0.
  const int64_t *shape;
  /// `ndim` distances between neighbours along every axis, in elements and not negative; NULL for row-major
  /// (C) order. Those of axes of size 1 mean nothing.
  const int64_t *strides;
  /// Bytes to add to data.
  uint64_t byte_offset;
} qdq_tensor;

/// A descriptor that is ready to use: one of the QDQ_PREDEFINED_ numbers.
typedef int32_t qdq_predefined;

/// What calibration observes: one of the QDQ_CALIB_ numbers.
typedef int32_t qdq_calib_method;

/// Whose arithmetic fake quantization follows: one of the QDQ_MODE_ numbers. For f32 data with a finite amax
/// above 2^-24 REFERENCE and CORRECTED are equal.
typedef int32_t qdq_mode;

/// How a range follows from statistics: one of the QDQ_METHOD_ numbers. Functions that take one also take a
/// percentile, which only QDQ_METHOD_PERCENTILE reads.
typedef int32_t qdq_method;

/// Which library's histogram is followed: one of the QDQ_LIBRARY_ numbers.
typedef int32_t qdq_library;

/// The calibrator that a cache is for: one of the QDQ_ALGORITHM_ numbers, which are those of TensorRT's
/// CalibrationAlgoType.
typedef int32_t qdq_algorithm;

/// What a tensor is to the network: one of the QDQ_TENSOR_KIND_ numbers.
typedef int32_t qdq_tensor_kind;

/// What an attribute holds: one of the QDQ_ATTRIBUTE_ numbers.
typedef int32_t qdq_attribute;

/// What becomes of a node: one of the QDQ_VERDICT_ numbers.
typedef int32_t qdq_verdict;

/// What arrays hold: one of the QDQ_FEEDS_ numbers.
typedef int32_t qdq_feeds;

/// How an image gets the height and width that the model takes: one of the QDQ_RESIZE_ numbers.
typedef int32_t qdq_resize;

/// How pixels of another size are computed: one of the QDQ_RESIZE_FILTER_ numbers.
typedef int32_t qdq_resize_filter;

/// What is done about the orientation that a camera stored in an image (EXIF): one of the QDQ_EXIF_ numbers.
typedef int32_t qdq_exif;

/// The channels of the model's input: one of the QDQ_CHANNELS_ numbers.
typedef int32_t qdq_channels;

/// The order of the axes of the model's input: one of the QDQ_LAYOUT_ numbers.
typedef int32_t qdq_layout;

/// Gives the next batch: fills `batch` by qdq_batch_set(), one tensor for every input, samples along the
/// first axis, and returns QDQ_OK. Returning QDQ_OK without having set anything ends the data. Any other
/// status ends the run with that status; `*error`, which is NULL at first, may be set to an error from
/// qdq_error_new() that says why.
///
/// Called from the thread that asks for the batch, one call at a time. It must not return by an exception or
/// longjmp.
typedef qdq_status (*qdq_next_batch_fn)(void *user, qdq_batch *batch, qdq_error **error);

/// Frees what a callback was given as `user`.
typedef void (*qdq_free_fn)(void *user);

/// Which runtime runs a model: one of the QDQ_RUNTIME_ numbers.
typedef int32_t qdq_runtime;

/// Is told after every batch how far a run has come: batches and samples done, and all batches or -1 where
/// that is not known. Returning QDQ_OK goes on. Any other status, such as QDQ_ERROR_CANCELLED, ends the run
/// with that status; `*error`, which is NULL at first, may be set to an error from qdq_error_new() that says
/// why.
///
/// Called from the thread that runs the model. It must not return by an exception or longjmp.
typedef qdq_status (*qdq_progress_fn)(void *user,
                                      uint64_t batches,
                                      uint64_t samples,
                                      int64_t total_batches,
                                      qdq_error **error);

/// How a quantized weight is stored: one of the QDQ_WEIGHT_FORM_ numbers.
typedef int32_t qdq_weight_form;

/// Opens the same data once more: sets `*out` to new batches, which belong to qdq from then on, and returns
/// QDQ_OK. Any other status ends the run with that status; `*error`, which is NULL at first, may be set to an
/// error from qdq_error_new() that says why.
///
/// Called from the thread that runs the model. It must not return by an exception or longjmp.
typedef qdq_status (*qdq_open_batches_fn)(void *user, qdq_batches **out, qdq_error **error);

/// Receives a tapped tensor as soon as the runtime has computed it: `tap` is its position in the list of taps
/// that the session was opened with, `value` a view (f32, f16, bf16 or f64) that is valid during the call and
/// must not be written through. Returning QDQ_OK goes on. Any other status ends the run with that status;
/// `*error`, which is NULL at first, may be set to an error from qdq_error_new() that says why.
///
/// Called from the runtime's threads, from several at once. It must not return by an exception or longjmp.
typedef qdq_status (*qdq_tap_fn)(void *user, size_t tap, const qdq_tensor *value, qdq_error **error);

/// How important a message is: one of the QDQ_LOG_ numbers.
typedef int32_t qdq_log_level;

/// Receives a message of the library, which is valid during the call. Called from any thread, from several at
/// once. It must not call functions of qdq nor return by an exception or longjmp.
typedef void (*qdq_log_fn)(void *user, qdq_log_level level, const char *message);

/// Done.
#define QDQ_OK 0

/// An argument or option that cannot be used, NULL and unknown enumerators included.
#define QDQ_ERROR_INVALID_ARGUMENT 1

/// The operating system refused to read or write something.
#define QDQ_ERROR_IO 2

/// A file is damaged or is not what it should be.
#define QDQ_ERROR_FORMAT 3

/// Valid input that qdq cannot handle.
#define QDQ_ERROR_UNSUPPORTED 4

/// Shapes that do not fit each other.
#define QDQ_ERROR_SHAPE 5

/// An element type that does not fit.
#define QDQ_ERROR_TYPE 6

/// Calibration data or statistics from which no answer can be computed.
#define QDQ_ERROR_DATA 7

/// A runtime (embedded, ONNX Runtime) failed.
#define QDQ_ERROR_RUNTIME 8

/// The caller asked to stop.
#define QDQ_ERROR_CANCELLED 9

/// A defect in qdq itself.
#define QDQ_ERROR_INTERNAL 10

/// A function of the caller failed: a callback that threw or returned a number that is no status.
#define QDQ_ERROR_CALLBACK 11

/// TensorRT or CUDA failed, or refused what it was given.
#define QDQ_ERROR_TENSORRT 12

/// Worth knowing; the result is what was asked for.
#define QDQ_SEVERITY_NOTE 0

/// The result can be used, and is slower, less exact or less complete than it should be.
#define QDQ_SEVERITY_WARNING 1

/// The result is of no use: TensorRT ignores it, fails, or computes nonsense.
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

/// Signed 4-bit integer, two in a byte, the first in the low half: ceil(n / 2) bytes, no strides.
#define QDQ_DTYPE_I4 66560

/// Unsigned 4-bit integer, stored like QDQ_DTYPE_I4.
#define QDQ_DTYPE_U4 66561

/// The 8-bit float e4m3 without infinities (e4m3fn).
#define QDQ_DTYPE_E4M3 67594

/// No type, where one is not known.
#define QDQ_DTYPE_UNKNOWN 0

/// The range with the least expected squared error: the one that measured best.
#define QDQ_METHOD_MSE 0

/// The largest magnitude: nothing is clipped.
#define QDQ_METHOD_MAX 1

/// The range whose quantized distribution tells most about the true one (Kullback-Leibler).
#define QDQ_METHOD_ENTROPY 2

/// The magnitude that this percentage of the values other than zero do not exceed: over 0, up to 100; a
/// percentile of 0 stands for 99.99.
#define QDQ_METHOD_PERCENTILE 3

/// Signed 8 bits, one amax: activations.
#define QDQ_PREDEFINED_PER_TENSOR_8BIT 0

/// Unsigned 8 bits, one amax: activations that are never negative.
#define QDQ_PREDEFINED_UNSIGNED_PER_TENSOR_8BIT 1

/// 8 bits, one amax per output channel, axis 0: weights of convolutions.
#define QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL 2

/// 8 bits, one amax per row, axis 0: weights of linear layers.
#define QDQ_PREDEFINED_LINEAR_WEIGHT_PER_ROW 3

/// 8 bits, one amax per output channel, axis 1: weights of transposed convolutions.
#define QDQ_PREDEFINED_CONV_TRANSPOSE_WEIGHT_PER_CHANNEL 4

/// pytorch-quantization on a CPU, bit for bit, but for bf16: in every mode it is computed in f32 and rounded
/// once, where PyTorch's own result depends on the types of the other operands. The default.
#define QDQ_MODE_REFERENCE 0

/// pytorch-quantization's CUDA kernel for fake quantization: always the narrow range, zero ranges only below
/// 2^-24.
#define QDQ_MODE_GPU_COMPAT 1

/// Without the known defects: an amax that is not finite is an error, 16-bit data is computed in f32 and
/// rounded once.
#define QDQ_MODE_CORRECTED 2

/// The largest magnitude, per tensor, axis or block. The default.
#define QDQ_CALIB_MAX 0

/// A histogram of magnitudes, per tensor.
#define QDQ_CALIB_HISTOGRAM 1

/// pytorch-quantization's own histogram of magnitudes and its rules for a range, per tensor, as
/// qdq_histogram_calibrator has them: for whoever needs its numbers. The result depends on the order of the
/// batches, so that two cannot be merged or saved.
#define QDQ_CALIB_COMPAT 2

/// torch.histc over 0 to max, the default of pytorch-quantization.
#define QDQ_LIBRARY_TORCH 0

/// numpy.histogram over min to max of the first batch.
#define QDQ_LIBRARY_NUMPY 1

/// IInt8EntropyCalibrator2, which trtexec has: what nearly every program expects, whatever method computed
/// the ranges.
#define QDQ_ALGORITHM_ENTROPY_2 2

/// IInt8MinMaxCalibrator.
#define QDQ_ALGORITHM_MIN_MAX 3

/// IInt8EntropyCalibrator, whose caches fit one device only.
#define QDQ_ALGORITHM_ENTROPY 1

/// IInt8LegacyCalibrator. Its text is that in the library of TensorRT 8.5.1: no cache with it is public.
#define QDQ_ALGORITHM_LEGACY 0

/// An algorithm that qdq does not know, or none.
#define QDQ_ALGORITHM_UNKNOWN -1

/// Fed from outside, different in every batch.
#define QDQ_TENSOR_KIND_INPUT 0

/// Known when the network is built: a weight, a bias, a shape.
#define QDQ_TENSOR_KIND_CONSTANT 1

/// Computed by a node.
#define QDQ_TENSOR_KIND_ACTIVATION 2

/// One integer.
#define QDQ_ATTRIBUTE_INT 0

/// A list of integers.
#define QDQ_ATTRIBUTE_INTS 1

/// One number.
#define QDQ_ATTRIBUTE_FLOAT 2

/// A text.
#define QDQ_ATTRIBUTE_TEXT 3

/// It is unchanged.
#define QDQ_VERDICT_FLOAT 0

/// It computes on quantized inputs.
#define QDQ_VERDICT_QUANTIZED 1

/// It only moves or selects quantized values.
#define QDQ_VERDICT_PASSES_INT8 2

/// Both sides by themselves, so that proportions change. The default.
#define QDQ_RESIZE_STRETCH 0

/// The image fills the target; what stands over on both sides is cut off.
#define QDQ_RESIZE_CROP 1

/// The image fits into the target's centre; the rest is filled.
#define QDQ_RESIZE_LETTERBOX 2

/// Samples along the first axis, unless the inputs say otherwise: one is a scalar, is named like a sequence
/// there (`time`, `seq_len`, `T`), or has the batch's name on a later axis. Arrays that fit only as whole
/// feeds are those. What was taken is among the findings where it is not plain. The default.
#define QDQ_FEEDS_AUTO 0

/// Samples along the first axis.
#define QDQ_FEEDS_SAMPLES 1

/// Whole feeds, what one run of the model gets: one .npz each, with every input in its declared shape, or all
/// along one more axis in front.
#define QDQ_FEEDS_WHOLE 2

/// Bilinear over all pixels that fall on one, within 1 of 255 of Pillow's. The default.
#define QDQ_RESIZE_FILTER_ANTIALIAS 0

/// Bilinear between four pixels: OpenCV's `resize` with INTER_LINEAR, bit for bit.
#define QDQ_RESIZE_FILTER_OPENCV 1

/// Pixels are taken as they lie in the file, as Pillow does; where images have another orientation, it is
/// among the findings. The default.
#define QDQ_EXIF_IGNORE 0

/// Images are turned and mirrored as they are to be shown, as OpenCV's `imread` does.
#define QDQ_EXIF_APPLY 1

/// Red, green, blue. The default.
#define QDQ_CHANNELS_RGB 0

/// Blue, green, red.
#define QDQ_CHANNELS_BGR 1

/// Rec. 601 luma only.
#define QDQ_CHANNELS_GRAY 2

/// Found by the size of the channels' axis in the input's shape. The default.
#define QDQ_LAYOUT_AUTO 0

/// Batch, channels, height, width.
#define QDQ_LAYOUT_NCHW 1

/// Batch, height, width, channels.
#define QDQ_LAYOUT_NHWC 2

/// The one inside qdq: pure Rust, needs nothing. The default.
#define QDQ_RUNTIME_EMBEDDED 0

/// ONNX Runtime, opened at run time: faster, and knows every operator.
#define QDQ_RUNTIME_ONNXRUNTIME 1

/// ONNX Runtime where it is found, else the embedded runtime.
#define QDQ_RUNTIME_AUTO 2

/// As int8 with DequantizeLinear: a quarter of the size. The default.
#define QDQ_WEIGHT_FORM_INT8 0

/// As it was, with QuantizeLinear and DequantizeLinear behind it.
#define QDQ_WEIGHT_FORM_FLOAT 1

/// Something is probably wrong.
#define QDQ_LOG_WARNING 0

/// Something worth knowing.
#define QDQ_LOG_INFO 1

/// For whoever looks for a fault.
#define QDQ_LOG_DEBUG 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// ---- Inputs and outputs: qdq_specs ------------------------------------------------------------------------

/// An empty list, for the inputs of a network that is no ONNX model. Free it with qdq_specs_free().
qdq_specs *qdq_specs_new(void);

/// Frees `*specs` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_specs_free(qdq_specs **specs);

/// Adds a tensor. `dtype` may be QDQ_DTYPE_UNKNOWN, a negative `ndim` means that the rank is not known,
/// QDQ_DYNAMIC stands for a size decided at run time.
qdq_status qdq_specs_add(qdq_specs *specs,
                         const char *name,
                         qdq_dtype dtype,
                         int32_t ndim,
                         const int64_t *shape,
                         qdq_error **error);

/// Names the dimension of tensor `index` along `axis`, whose size is decided at run time: dimensions with one
/// name are equal. `name` may be NULL for none.
qdq_status qdq_specs_name_dim(qdq_specs *specs, size_t index, size_t axis, const char *name, qdq_error **error);

/// How many tensors there are.
size_t qdq_specs_count(const qdq_specs *specs);

/// The name of tensor `index`; NULL past the last. Valid until the list is changed or freed.
const char *qdq_specs_name(const qdq_specs *specs, size_t index);

/// The element type of tensor `index`; QDQ_DTYPE_UNKNOWN where it is not known.
qdq_dtype qdq_specs_dtype(const qdq_specs *specs, size_t index);

/// The rank of tensor `index`; -1 where it is not known.
int32_t qdq_specs_ndim(const qdq_specs *specs, size_t index);

/// The size of tensor `index` along `axis`; QDQ_DYNAMIC where it is not known or there is no such axis.
int64_t qdq_specs_size(const qdq_specs *specs, size_t index, size_t axis);

/// The name of the dimension of tensor `index` along `axis`: dimensions with one name are equal. NULL where
/// it has none or there is no such axis. Valid until the list is changed or freed.
const char *qdq_specs_dim_name(const qdq_specs *specs, size_t index, size_t axis);

// ---- How files become batches: qdq_data_options -----------------------------------------------------------

/// The default options. Free them with qdq_data_options_free().
qdq_data_options *qdq_data_options_new(void);

/// Frees `*options` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_data_options_free(qdq_data_options **options);

/// Sets the samples in one batch; 0 for the model's own batch size, or 1. Default: 0.
qdq_status qdq_data_options_set_batch_size(qdq_data_options *options, size_t batch_size, qdq_error **error);

/// Sets what arrays hold. Default: QDQ_FEEDS_AUTO.
qdq_status qdq_data_options_set_feeds(qdq_data_options *options, qdq_feeds feeds, qdq_error **error);

/// Sets how many samples, or whole feeds, are used at most; 0 for all. Default: 0.
qdq_status qdq_data_options_set_limit(qdq_data_options *options, size_t limit, qdq_error **error);

/// Draws the samples of a limit at random, the same for the same seed on every machine, instead of taking the
/// first ones.
qdq_status qdq_data_options_set_seed(qdq_data_options *options, uint64_t seed, qdq_error **error);

/// Declares the type and shape of one sample in raw files (.bin, .raw, .dat): little-endian, row-major, no
/// header. Where nothing is declared they are the input's.
qdq_status qdq_data_options_set_raw(qdq_data_options *options,
                                    qdq_dtype dtype,
                                    int32_t ndim,
                                    const int64_t *shape,
                                    qdq_error **error);

/// Sets the height and width that images get; 0 and 0 for those of the input's shape, the default.
qdq_status qdq_data_options_set_image_size(qdq_data_options *options, size_t height, size_t width, qdq_error **error);

/// Sets how images of other proportions get there. Default: QDQ_RESIZE_STRETCH.
qdq_status qdq_data_options_set_image_resize(qdq_data_options *options, qdq_resize resize, qdq_error **error);

/// Sets how pixels of another size are computed. Default: QDQ_RESIZE_FILTER_ANTIALIAS.
qdq_status qdq_data_options_set_image_resize_filter(qdq_data_options *options,
                                                    qdq_resize_filter filter,
                                                    qdq_error **error);

/// Sets what is done about the orientation that a camera stored in an image. Default: QDQ_EXIF_IGNORE.
qdq_status qdq_data_options_set_image_exif(qdq_data_options *options, qdq_exif exif, qdq_error **error);

/// With QDQ_RESIZE_CROP: resizes images until their shorter side has this many pixels before the centre is
/// cut out (256 before 224 is usual for ImageNet models); 0 to cut as little as possible, the default.
qdq_status qdq_data_options_set_image_shorter_side(qdq_data_options *options, size_t pixels, qdq_error **error);

/// Sets the channels of the model's input. Default: QDQ_CHANNELS_RGB.
qdq_status qdq_data_options_set_image_channels(qdq_data_options *options, qdq_channels channels, qdq_error **error);

/// Sets what every pixel, 0 to 255, is multiplied by first. Default: 1/255.
qdq_status qdq_data_options_set_image_scale(qdq_data_options *options, float scale, qdq_error **error);

/// Sets what is subtracted from scaled pixels: nothing, one number, or one per channel in the model's order.
/// Default: nothing.
qdq_status qdq_data_options_set_image_mean(qdq_data_options *options,
                                           const float *mean,
                                           size_t count,
                                           qdq_error **error);

/// Sets what the difference is divided by: nothing, one number, or one per channel in the model's order.
/// Default: nothing.
qdq_status qdq_data_options_set_image_std(qdq_data_options *options,
                                          const float *std,
                                          size_t count,
                                          qdq_error **error);

/// Sets the order of the axes of the model's input. Default: QDQ_LAYOUT_AUTO.
qdq_status qdq_data_options_set_image_layout(qdq_data_options *options, qdq_layout layout, qdq_error **error);

/// Sets the pixel value around a letterboxed image. Default: 114.
qdq_status qdq_data_options_set_image_fill(qdq_data_options *options, uint8_t fill, qdq_error **error);

// ---- A batch: qdq_batch -----------------------------------------------------------------------------------

/// A batch without tensors, for qdq_session_run(). Free it with qdq_batch_free().
qdq_batch *qdq_batch_new(void);

/// Frees `*batch` and sets it to NULL. NULL in either place is allowed and does nothing. The batch that a
/// callback is given belongs to qdq, is valid during the call, and is not freed by this.
void qdq_batch_free(qdq_batch **batch);

/// Sets the tensor `name`, such as that of an input, in place of one that was set before. The elements are
/// copied.
qdq_status qdq_batch_set(qdq_batch *batch, const char *name, const qdq_tensor *tensor, qdq_error **error);

/// How many samples the batch holds, without repeats; 0 for one that a callback or the caller fills.
size_t qdq_batch_samples(const qdq_batch *batch);

/// How many repeats follow the samples in every tensor: they fill up the last batch from files where the
/// model's batch size is fixed. Calibration leaves out what comes of them.
size_t qdq_batch_repeats(const qdq_batch *batch);

/// How many tensors there are.
size_t qdq_batch_count(const qdq_batch *batch);

/// The name of tensor `index`; NULL past the last. Valid until the batch is changed or freed.
const char *qdq_batch_name(const qdq_batch *batch, size_t index);

/// Tensor `index`: a view that is valid until the batch is changed or freed. Nothing may be written through
/// it.
qdq_status qdq_batch_at(const qdq_batch *batch, size_t index, qdq_tensor *out, qdq_error **error);

/// Tensor `name`: a view like that of qdq_batch_at(). QDQ_ERROR_DATA where the batch has none.
qdq_status qdq_batch_get(const qdq_batch *batch, const char *name, qdq_tensor *out, qdq_error **error);

// ---- A stream of batches: qdq_batches ---------------------------------------------------------------------

/// Opens calibration data for a network with these inputs: `count` paths of files (.npz, .npy, raw, images in
/// JPEG, PNG, BMP, GIF, WebP, TIFF or PNM) or folders, or "NAME=PATH" for the input that it feeds. `options`
/// may be NULL. Free `*out` with qdq_batches_free().
qdq_status qdq_batches_open(const qdq_specs *inputs,
                            const char *const *paths,
                            size_t count,
                            const qdq_data_options *options,
                            qdq_batches **out,
                            qdq_error **error);

/// Batches from a callback, for a network with these inputs. `free_user`, which may be NULL, is called once
/// with `user`: when the source is freed, or before this function returns with an error. Every batch is
/// checked against the inputs. Free `*out` with qdq_batches_free().
qdq_status qdq_batches_from_callback(const qdq_specs *inputs,
                                     qdq_next_batch_fn next,
                                     void *user,
                                     qdq_free_fn free_user,
                                     qdq_batches **out,
                                     qdq_error **error);

/// Frees `*batches` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_batches_free(qdq_batches **batches);

/// What the user must know of the data as far as it was read: files and samples that are left out. Free
/// `*out` with qdq_findings_free().
qdq_status qdq_batches_findings(const qdq_batches *batches, qdq_findings **out, qdq_error **error);

/// The next batch; `*out` is NULL after the last. After an error there are no more batches. Batches are read
/// once: QDQ_ERROR_INVALID_ARGUMENT where this is asked again after the end, as from every run over them.
/// Free `*out` with qdq_batch_free().
qdq_status qdq_batches_next(qdq_batches *batches, qdq_batch **out, qdq_error **error);

/// How many batches are still to come; -1 where that is not known.
int64_t qdq_batches_remaining(qdq_batches *batches);

// ---- A model: qdq_model -----------------------------------------------------------------------------------

/// Opens an ONNX file. External data is looked for in the file's own folder. Free `*out` with
/// qdq_model_free().
qdq_status qdq_model_open(const char *path, qdq_model **out, qdq_error **error);

/// A model from the content of such a file: `size` bytes, which are copied. It has no folder and so no
/// external data. Free `*out` with qdq_model_free().
qdq_status qdq_model_from_bytes(const void *bytes, size_t size, qdq_model **out, qdq_error **error);

/// Frees `*model` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_model_free(qdq_model **model);

/// Writes the model to a file. Above 2 GiB weights go into `<name>.data` beside it; external data is copied
/// there too unless the model is saved into its own folder. Each file is whole or as it was before.
qdq_status qdq_model_save(const qdq_model *model, const char *path, qdq_error **error);

/// Writes the model with weights of `min_external` bytes or more in `<name>.data` where the model file would
/// have more than `max_file` bytes; qdq_model_save() does so with UINT32_MAX, which stands for 2 GiB, and
/// 1024. `files`, which may be NULL, receives the paths of the files written, the model first; free it with
/// qdq_texts_free().
qdq_status qdq_model_save_external(const qdq_model *model,
                                   const char *path,
                                   uint32_t max_file,
                                   size_t min_external,
                                   qdq_texts **files,
                                   qdq_error **error);

/// The content of the model's file, up to 2 GiB, with external data inside. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_model_to_bytes(const qdq_model *model, qdq_buffer **out, qdq_error **error);

/// The version of ONNX's own operators that the model uses; 0 where it imports none.
int64_t qdq_model_opset(const qdq_model *model);

/// The version of the file format.
int64_t qdq_model_ir_version(const qdq_model *model);

/// Rewrites the model for a higher version of ONNX's operators. Planning does so by itself where it is
/// needed. Plans that were made before do not fit the model any more. Nothing happens where it uses that
/// version or a higher one already: compare qdq_model_opset() before and after. `converted`, which may be
/// NULL, receives the nodes that took another form, as messages name them; free it with qdq_texts_free().
///
/// QDQ_ERROR_INVALID_ARGUMENT for a version above 21, QDQ_ERROR_UNSUPPORTED for a node that has no equal
/// there. The model is as it was then.
qdq_status qdq_model_raise_opset(qdq_model *model, int64_t opset, qdq_texts **converted, qdq_error **error);

/// The value of a stored tensor or of a Constant node of the main graph; `*out` is NULL where `name` is
/// neither. Free it with qdq_array_free().
qdq_status qdq_model_get_constant(const qdq_model *model, const char *name, qdq_array **out, qdq_error **error);

/// The text that the model's metadata has for `key`; `*out` is NULL where there is none. Free it with
/// qdq_buffer_free().
qdq_status qdq_model_get_metadata(const qdq_model *model, const char *key, qdq_buffer **out, qdq_error **error);

/// Sets the text that the model's metadata has for `key`, in place of one that was there. Plans that were
/// made before do not fit the model any more.
qdq_status qdq_model_set_metadata(qdq_model *model, const char *key, const char *value, qdq_error **error);

/// Replaces the values of the stored tensor `name` of the main graph, of which type and shape stay: the
/// weights that training has found. The value is copied. Plans that were made before do not fit the model any
/// more; after an error the model is as it was.
qdq_status qdq_model_set_initializer(qdq_model *model, const char *name, const qdq_tensor *value, qdq_error **error);

/// Lets input `input` of the first node called `node` read what it reads clipped to `min` to `max`: what
/// training with a learned range computed. Below opset 11 that is an error. Plans that were made before do
/// not fit the model any more; after an error the model is as it was.
qdq_status qdq_model_clip_input(qdq_model *model,
                                const char *node,
                                size_t input,
                                float min,
                                float max,
                                qdq_error **error);

/// The inputs that the caller must feed, without those that are fixed (qdq_model_fix_input()). Free `*out`
/// with qdq_specs_free().
qdq_status qdq_model_inputs(const qdq_model *model, qdq_specs **out, qdq_error **error);

/// The outputs. Free `*out` with qdq_specs_free().
qdq_status qdq_model_outputs(const qdq_model *model, qdq_specs **out, qdq_error **error);

/// The model as a neutral graph, at the opset at which it is planned: the numbers of a plan of the model are
/// its numbers. What lies inside If, Loop and Scan is part of it where convolutions and products are among
/// it; a node of domain `qdq.flat` stands for what a body takes in then. Free `*out` with qdq_graph_free().
qdq_status qdq_model_graph(const qdq_model *model, qdq_graph **out, qdq_error **error);

/// Decides what of the model is quantized; see qdq_graph_plan(). QDQ_ERROR_DATA where a weight among it holds
/// NaN or an infinity. `policy` and `ranges` may be NULL. Free `*out` with qdq_plan_free().
qdq_status qdq_model_plan(const qdq_model *model,
                          const qdq_policy *policy,
                          const qdq_ranges *ranges,
                          qdq_plan **out,
                          qdq_error **error);

/// Runs the model over all batches and gathers statistics of the tensors that the plan, which was made of
/// this very handle, quantizes and, with `every_activation`, of all others too, which a calibration cache
/// needs; those of them that lie behind an operator that no runtime knows, such as a plugin of TensorRT, are
/// left out with a warning. Only what these tensors need is run. Memory is that of one inference and 80 KiB
/// per tensor, whatever the number of batches. `options` may be NULL. Free `*out` with qdq_stats_free().
qdq_status qdq_model_calibrate(const qdq_model *model,
                               const qdq_plan *plan,
                               qdq_batches *batches,
                               bool every_activation,
                               const qdq_run_options *options,
                               qdq_stats **out,
                               qdq_error **error);

/// The model with Quantize and Dequantize where the plan, which was made of this very handle, says, by the
/// ranges: for TensorRT 8 to 11, TensorRT-RTX and ONNX Runtime. `options` may be NULL. The result is a model
/// of its own; free `*out` with qdq_model_free().
qdq_status qdq_model_quantize(const qdq_model *model,
                              const qdq_plan *plan,
                              const qdq_ranges *ranges,
                              const qdq_quantize_options *options,
                              qdq_model **out,
                              qdq_error **error);

/// Fixes the value of an input, which is copied: it is a constant from now on, which nobody feeds, and what
/// follows from it is decided when the model is planned, such as which branch of an If runs (an input `sr` of
/// 16000 for a detector that has a branch per sampling rate). A model that is saved has the input as before;
/// a quantized one has it no more where nothing reads it once that is decided, which the plan's findings
/// tell. Its metadata keeps the value (qdq_model_get_metadata() of `qdq.fixed_input.NAME`, such as `i64[]
/// 16000`), and qdq_model_compare() refuses to compare at another one. One number fits every shape that holds
/// exactly one. Plans that were made before do not fit the model any more.
///
/// QDQ_ERROR_INVALID_ARGUMENT where the model has no such input or was made for another value of it,
/// QDQ_ERROR_TYPE and QDQ_ERROR_SHAPE where the value is not as the model declares. After an error the model
/// is as it was.
qdq_status qdq_model_fix_input(qdq_model *model, const char *name, const qdq_tensor *value, qdq_error **error);

/// States another shape of an input than the model does, for runs: of a size that the model leaves open, or
/// instead of one that it has wrong. QDQ_DYNAMIC stands for a size decided at run time. A model that is saved
/// keeps what it declares. Plans that were made before do not fit the model any more.
///
/// QDQ_ERROR_INVALID_ARGUMENT where the model has no such input, QDQ_ERROR_SHAPE where it declares another
/// number of axes. After an error the model is as it was.
qdq_status qdq_model_set_input_shape(qdq_model *model,
                                     const char *name,
                                     int32_t ndim,
                                     const int64_t *shape,
                                     qdq_error **error);

/// As qdq_model_quantize(), with the methods that the options name: each layer keeps what lowers the mean
/// squared error of its output on the data, so no layer gets a larger one than by plain rounding. The data is
/// read several times, so `open` is called with `user` several times before this function returns. `method`
/// and `percentile` are those of the ranges; between equalized layers ranges are computed by it anew.
///
/// `options` and `run_options` may be NULL. `report`, which may be NULL, receives what was changed as JSON:
/// `layers`, each with `method`, `layer`, `changed` of `of`, `error_before` and `error_after` (mean squares,
/// in the output's unit squared), `gain_db` and `what`; free it with qdq_buffer_free(). Free `*out` with
/// qdq_model_free().
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

// ---- A network of any kind: qdq_graph ---------------------------------------------------------------------

/// A graph without nodes. Free it with qdq_graph_free().
qdq_graph *qdq_graph_new(void);

/// Frees `*graph` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_graph_free(qdq_graph **graph);

/// Adds an input or a constant; nodes add the activations that they compute, which are refused here. The name
/// must be new. After an error the graph is as it was. `dtype` may be QDQ_DTYPE_UNKNOWN, a negative `ndim`
/// means that the rank is not known, QDQ_DYNAMIC stands for a size decided at run time. `tensor` receives the
/// tensor's number.
qdq_status qdq_graph_add_tensor(qdq_graph *graph,
                                const char *name,
                                qdq_tensor_kind kind,
                                qdq_dtype dtype,
                                int32_t ndim,
                                const int64_t *shape,
                                size_t *tensor,
                                qdq_error **error);

/// Adds the node that `node` describes; its outputs become new activations. The node may be changed and added
/// again. After an error the graph is as it was. `number`, which may be NULL, receives the node's number.
qdq_status qdq_graph_add_node(qdq_graph *graph, const qdq_node *node, size_t *number, qdq_error **error);

/// States what is known about a tensor, as in qdq_graph_add_tensor(); what is not known leaves what was said
/// before.
qdq_status qdq_graph_describe_tensor(qdq_graph *graph,
                                     size_t tensor,
                                     qdq_dtype dtype,
                                     int32_t ndim,
                                     const int64_t *shape,
                                     qdq_error **error);

/// Names the dimension of a tensor along `axis`, whose size is decided at run time: dimensions with one name
/// are equal. `name` may be NULL for none.
qdq_status qdq_graph_name_dim(qdq_graph *graph, size_t tensor, size_t axis, const char *name, qdq_error **error);

/// Marks a tensor as an output of the network.
qdq_status qdq_graph_mark_output(qdq_graph *graph, size_t tensor, qdq_error **error);

/// How many tensors there are.
size_t qdq_graph_tensor_count(const qdq_graph *graph);

/// The number of tensor `name`; QDQ_NONE where there is none.
size_t qdq_graph_find_tensor(const qdq_graph *graph, const char *name);

/// The name of a tensor; NULL where there is no such tensor. Valid until the graph is changed or freed.
const char *qdq_graph_tensor_name(const qdq_graph *graph, size_t tensor);

/// What a tensor is to the network; -1 where there is no such tensor.
qdq_tensor_kind qdq_graph_tensor_kind(const qdq_graph *graph, size_t tensor);

/// The element type of a tensor; QDQ_DTYPE_UNKNOWN where it is not known.
qdq_dtype qdq_graph_tensor_dtype(const qdq_graph *graph, size_t tensor);

/// The rank of a tensor; -1 where it is not known.
int32_t qdq_graph_tensor_ndim(const qdq_graph *graph, size_t tensor);

/// The size of a tensor along `axis`; QDQ_DYNAMIC where it is not known or there is no such axis.
int64_t qdq_graph_tensor_size(const qdq_graph *graph, size_t tensor, size_t axis);

/// Whether a tensor is an output of the network.
bool qdq_graph_tensor_is_output(const qdq_graph *graph, size_t tensor);

/// The node that computes a tensor; QDQ_NONE where none does.
size_t qdq_graph_tensor_producer(const qdq_graph *graph, size_t tensor);

/// The name of the dimension of a tensor along `axis`: dimensions with one name are equal. NULL where it has
/// none or there is no such axis. Valid until the graph is changed or freed.
const char *qdq_graph_tensor_dim_name(const qdq_graph *graph, size_t tensor, size_t axis);

/// How often nodes read a tensor as an input.
size_t qdq_graph_tensor_consumer_count(const qdq_graph *graph, size_t tensor);

/// The node of the use `consumer` of a tensor, from 0; QDQ_NONE past the last.
size_t qdq_graph_tensor_consumer_node(const qdq_graph *graph, size_t tensor, size_t consumer);

/// Which of that node's inputs it is, from 0; QDQ_NONE past the last.
size_t qdq_graph_tensor_consumer_input(const qdq_graph *graph, size_t tensor, size_t consumer);

/// How many nodes there are.
size_t qdq_graph_node_count(const qdq_graph *graph);

/// The number of the first node called `name`; QDQ_NONE where there is none. Unlike tensors, nodes may share
/// a name.
size_t qdq_graph_find_node(const qdq_graph *graph, const char *name);

/// The name of a node; NULL where there is no such node. Valid until the graph is changed or freed.
const char *qdq_graph_node_name(const qdq_graph *graph, size_t node);

/// The operator of a node; NULL where there is no such node. Valid until the graph is changed or freed.
const char *qdq_graph_node_op(const qdq_graph *graph, size_t node);

/// The domain of a node's operator, "" for ONNX's own; NULL where there is no such node. Valid until the
/// graph is changed or freed.
const char *qdq_graph_node_domain(const qdq_graph *graph, size_t node);

/// How many inputs a node has, left-out ones in between included.
size_t qdq_graph_node_input_count(const qdq_graph *graph, size_t node);

/// The tensor that a node reads as its input `input`, from 0; QDQ_NONE where it is left out.
size_t qdq_graph_node_input_at(const qdq_graph *graph, size_t node, size_t input);

/// How many outputs a node has, left-out ones in between included.
size_t qdq_graph_node_output_count(const qdq_graph *graph, size_t node);

/// The tensor that a node computes as its output `output`, from 0; QDQ_NONE where it is left out.
size_t qdq_graph_node_output_at(const qdq_graph *graph, size_t node, size_t output);

/// How many tensors the subgraphs of a node (the branches of an If, the body of a Loop) read by name.
size_t qdq_graph_node_capture_count(const qdq_graph *graph, size_t node);

/// The tensor that the subgraphs of a node read as `capture`, from 0; QDQ_NONE past the last.
size_t qdq_graph_node_capture_at(const qdq_graph *graph, size_t node, size_t capture);

/// How many attributes a node has, of those that placement can ask for: integers, numbers, texts.
size_t qdq_graph_node_attribute_count(const qdq_graph *graph, size_t node);

/// The number of the attribute `name` of a node; QDQ_NONE where it has none.
size_t qdq_graph_node_find_attribute(const qdq_graph *graph, size_t node, const char *name);

/// The name of attribute `attribute` of a node, from 0, in alphabetical order; NULL past the last. Valid
/// until the graph is changed or freed.
const char *qdq_graph_node_attribute_name(const qdq_graph *graph, size_t node, size_t attribute);

/// What an attribute holds; -1 where there is no such attribute.
qdq_attribute qdq_graph_node_attribute_type(const qdq_graph *graph, size_t node, size_t attribute);

/// The integer that an attribute holds; 0 where it holds something else.
int64_t qdq_graph_node_attribute_int(const qdq_graph *graph, size_t node, size_t attribute);

/// How many integers the list has that an attribute holds; 0 where it holds something else.
size_t qdq_graph_node_attribute_ints_count(const qdq_graph *graph, size_t node, size_t attribute);

/// The list of integers that an attribute holds; NULL where it holds something else. Valid until the graph is
/// changed or freed.
const int64_t *qdq_graph_node_attribute_ints(const qdq_graph *graph, size_t node, size_t attribute);

/// The number that an attribute holds; NaN where it holds something else.
float qdq_graph_node_attribute_float(const qdq_graph *graph, size_t node, size_t attribute);

/// The text that an attribute holds; NULL where it holds something else. Valid until the graph is changed or
/// freed.
const char *qdq_graph_node_attribute_text(const qdq_graph *graph, size_t node, size_t attribute);

// ---- A node to add to it: qdq_node ------------------------------------------------------------------------

/// A node of an operator, as ONNX names it, such as "Conv". `name` and `domain` may be NULL: for a name made
/// of operator and position, and for ONNX's own operators. Free it with qdq_node_free().
qdq_status qdq_node_new(const char *op, const char *name, const char *domain, qdq_node **out, qdq_error **error);

/// Frees `*node` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_node_free(qdq_node **node);

/// Adds an input: the number of a tensor of the graph, or QDQ_NONE for an optional one that is left out.
qdq_status qdq_node_add_input(qdq_node *node, size_t tensor, qdq_error **error);

/// Adds an output: the name of the tensor that it becomes; `name` may be NULL for an optional one that is
/// left out.
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

/// A policy that allows everything. Free it with qdq_policy_free().
qdq_policy *qdq_policy_new(void);

/// Frees `*policy` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_policy_free(qdq_policy **policy);

/// Allows nodes whose name matches: `*` stands for any text, `?` for one character. Planning fails where a
/// pattern matches nothing.
qdq_status qdq_policy_include_name(qdq_policy *policy, const char *pattern, qdq_error **error);

/// Allows nodes of an operator, such as "Conv".
qdq_status qdq_policy_include_op(qdq_policy *policy, const char *op, qdq_error **error);

/// Forbids nodes whose name matches a pattern as in qdq_policy_include_name().
qdq_status qdq_policy_exclude_name(qdq_policy *policy, const char *pattern, qdq_error **error);

/// Forbids nodes of an operator.
qdq_status qdq_policy_exclude_op(qdq_policy *policy, const char *op, qdq_error **error);

/// Sets whether a whole weight has one scale instead of one per output channel, which costs accuracy. For
/// TensorRT versions that refuse a per-channel transposed convolution. Default: false.
qdq_status qdq_policy_set_per_tensor_weights(qdq_policy *policy, bool per_tensor_weights, qdq_error **error);

/// Sets the least share of the convolutions and products that must be quantized, from 0 to 1, among those
/// that the policy allows: planning fails with QDQ_ERROR_DATA where ranges are missing for more than the
/// rest. Default: 0. QDQ_ERROR_INVALID_ARGUMENT for other numbers.
qdq_status qdq_policy_set_min_quantized(qdq_policy *policy, float share, qdq_error **error);

// ---- What is quantized: qdq_plan --------------------------------------------------------------------------

/// Decides what of a graph is quantized: a pure function of its arguments. `policy` may be NULL for the
/// default, which follows TensorRT's rules. With `ranges`, which may be NULL, the plan follows an existing
/// calibration: a node that needs a range that is not there stays in float. Free `*out` with qdq_plan_free().
qdq_status qdq_graph_plan(const qdq_graph *graph,
                          const qdq_policy *policy,
                          const qdq_ranges *ranges,
                          qdq_plan **out,
                          qdq_error **error);

/// Frees `*plan` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_plan_free(qdq_plan **plan);

/// What the user must know of the plan: nodes that stay in float for want of a range, ranges of no tensor or
/// of zeros alone, Quantize and Dequantize that were there before, inputs that are fixed, and weights that
/// cannot be computed before the model runs. Free `*out` with qdq_findings_free().
qdq_status qdq_plan_findings(const qdq_plan *plan, qdq_findings **out, qdq_error **error);

/// The plan for people: a line for every node with its verdict and reason, then the totals. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_plan_to_text(const qdq_plan *plan, qdq_buffer **out, qdq_error **error);

/// The plan for programs: JSON with nodes, activations and weights. Free `*out` with qdq_buffer_free().
qdq_status qdq_plan_to_json(const qdq_plan *plan, qdq_buffer **out, qdq_error **error);

/// How many nodes the plan decides on: all of the graph.
size_t qdq_plan_node_count(const qdq_plan *plan);

/// What becomes of a node; QDQ_VERDICT_FLOAT past the last.
qdq_verdict qdq_plan_verdict(const qdq_plan *plan, size_t node);

/// Why; NULL past the last node. Valid until the plan is freed.
const char *qdq_plan_reason(const qdq_plan *plan, size_t node);

/// How many tensors must be observed to carry the plan out; with `every_activation` how many activations
/// there are, which is what a calibration cache needs.
size_t qdq_plan_tap_count(const qdq_plan *plan, bool every_activation);

/// The name of tensor `index` of those; NULL past the last. Valid until the plan is freed.
const char *qdq_plan_tap_at(const qdq_plan *plan, bool every_activation, size_t index);

/// How many activations are quantized.
size_t qdq_plan_activation_count(const qdq_plan *plan);

/// The tensor of quantized activation `index`; QDQ_NONE past the last.
size_t qdq_plan_activation_tensor(const qdq_plan *plan, size_t index);

/// The number of its group: activations of one group share a scale, whose range covers them all. QDQ_NONE
/// past the last.
size_t qdq_plan_activation_group(const qdq_plan *plan, size_t index);

/// How many inputs of nodes read the dequantized values of activation `index`; all other readers keep the
/// float tensor.
size_t qdq_plan_activation_reader_count(const qdq_plan *plan, size_t index);

/// The node of reader `reader` of activation `index`; QDQ_NONE past the last.
size_t qdq_plan_activation_reader_node(const qdq_plan *plan, size_t index, size_t reader);

/// Which of that node's inputs reads it, from 0; QDQ_NONE past the last.
size_t qdq_plan_activation_reader_input(const qdq_plan *plan, size_t index, size_t reader);

/// How many constants are quantized. One that is read along two axes counts twice.
size_t qdq_plan_weight_count(const qdq_plan *plan);

/// The tensor of quantized constant `index`: a constant, or the end of a chain of operators that only give
/// one another form. QDQ_NONE past the last.
size_t qdq_plan_weight_tensor(const qdq_plan *plan, size_t index);

/// The axis of that tensor with a scale of its own per index, from 0; QDQ_NO_AXIS for one scale and past the
/// last.
int32_t qdq_plan_weight_axis(const qdq_plan *plan, size_t index);

/// How many inputs of nodes read the dequantized values of constant `index`.
size_t qdq_plan_weight_reader_count(const qdq_plan *plan, size_t index);

/// The node of reader `reader` of constant `index`; QDQ_NONE past the last.
size_t qdq_plan_weight_reader_node(const qdq_plan *plan, size_t index, size_t reader);

/// Which of that node's inputs reads it, from 0; QDQ_NONE past the last.
size_t qdq_plan_weight_reader_input(const qdq_plan *plan, size_t index, size_t reader);

/// Computes the range of every observed tensor by a method for int8, in the order of the network. Tensors
/// that share a scale get one range from their statistics together. QDQ_ERROR_DATA where a planned tensor was
/// not observed. Free `*out` with qdq_ranges_free().
qdq_status qdq_plan_ranges(const qdq_plan *plan,
                           const qdq_stats *stats,
                           qdq_method method,
                           double percentile,
                           qdq_ranges **out,
                           qdq_error **error);

// ---- How a model runs: qdq_run_options --------------------------------------------------------------------

/// The default options. Free them with qdq_run_options_free().
qdq_run_options *qdq_run_options_new(void);

/// Frees `*options` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_run_options_free(qdq_run_options **options);

/// Sets the runtime. Default: QDQ_RUNTIME_EMBEDDED.
qdq_status qdq_run_options_set_runtime(qdq_run_options *options, qdq_runtime runtime, qdq_error **error);

/// The runtime that is set: one of the QDQ_RUNTIME_ numbers; -1 for NULL.
qdq_runtime qdq_run_options_runtime(const qdq_run_options *options);

/// Decides what QDQ_RUNTIME_AUTO stands for, so that several models run in one runtime, and sets that;
/// qdq_run_options_runtime() says what it was. Another runtime stays as it is. QDQ_ERROR_RUNTIME where ONNX
/// Runtime was asked for by a path and cannot be used.
qdq_status qdq_run_options_settle(qdq_run_options *options, qdq_error **error);

/// Sets ONNX Runtime's library, or the folder it lies in; `path` may be NULL to look for it by the
/// environment variable QDQ_ONNXRUNTIME, in the Python package and where the system looks for libraries, the
/// default.
qdq_status qdq_run_options_set_onnxruntime(qdq_run_options *options, const char *path, qdq_error **error);

/// Sets how many threads compute, at most 1024; 0 for as many as there are physical cores, the default.
qdq_status qdq_run_options_set_threads(qdq_run_options *options, size_t threads, qdq_error **error);

/// Sets who is told about progress; `progress` may be NULL for nobody, the default. `free_user`, which may be
/// NULL, is called once with `user`: when another callback is set or the options are freed, or before this
/// function returns with an error.
qdq_status qdq_run_options_set_progress(qdq_run_options *options,
                                        qdq_progress_fn progress,
                                        void *user,
                                        qdq_free_fn free_user,
                                        qdq_error **error);

/// Sets the switch that stops runs; `cancel` may be NULL for none, the default. It may be freed before the
/// options.
qdq_status qdq_run_options_set_cancel(qdq_run_options *options, const qdq_cancel *cancel, qdq_error **error);

// ---- A switch that stops runs: qdq_cancel -----------------------------------------------------------------

/// A switch that is off. Free it with qdq_cancel_free(), even while runs that were given it go on.
qdq_cancel *qdq_cancel_new(void);

/// Frees `*cancel` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_cancel_free(qdq_cancel **cancel);

/// Asks the runs to stop: they end with QDQ_ERROR_CANCELLED before their next batch.
void qdq_cancel_request(const qdq_cancel *cancel);

/// Switches it off again, for the next run.
void qdq_cancel_reset(const qdq_cancel *cancel);

/// Whether it is on.
bool qdq_cancel_is_requested(const qdq_cancel *cancel);

// ---- A model that runs: qdq_session -----------------------------------------------------------------------

/// Makes a model ready to run, by the runtime, library and threads of `options`, which may be NULL for the
/// embedded runtime; who is told about progress and the switch that stops runs play no part. The session
/// keeps nothing of the model's handle.
///
/// While it runs, `tap`, which may be NULL, is called once for every one of the `tap_count` tensors named in
/// `taps` that the run computes and whose elements are floating-point numbers. Inputs, activations and
/// outputs can be tapped; constants are not handed over. A tensor inside an If is handed over without
/// elements where its branch is not taken; one in the body of a Loop or Scan once for all rounds, which are
/// the first axis, or the elements of all rounds in one axis. A tap that names no tensor of the model or is
/// named twice is an error. `free_user`, which may be NULL, is called once with `user`: when the session is
/// freed, or before this function returns with an error. Free `*out` with qdq_session_free().
qdq_status qdq_session_open(const qdq_model *model,
                            const char *const *taps,
                            size_t tap_count,
                            qdq_tap_fn tap,
                            void *user,
                            qdq_free_fn free_user,
                            const qdq_run_options *options,
                            qdq_session **out,
                            qdq_error **error);

/// Frees `*session` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_session_free(qdq_session **session);

/// The runtime that runs the model and its version, such as "ONNX Runtime 1.24.1", for people. Valid until
/// the session is freed; NULL for NULL.
const char *qdq_session_runtime(const qdq_session *session);

/// Runs a batch with one tensor for every input of the model. `*out` receives the model's outputs by name, in
/// order; `tapped`, which may be NULL, copies of the tapped tensors that the run computed, in the order of
/// the taps. Free both with qdq_batch_free().
///
/// QDQ_ERROR_INVALID_ARGUMENT, QDQ_ERROR_TYPE or QDQ_ERROR_SHAPE where the batch does not fit the model's
/// inputs, what the tap callback returned, QDQ_ERROR_RUNTIME where the runtime failed.
qdq_status qdq_session_run(qdq_session *session,
                           const qdq_batch *batch,
                           qdq_batch **out,
                           qdq_batch **tapped,
                           qdq_error **error);

// ---- The ONNX Runtime library -----------------------------------------------------------------------------

/// Finds ONNX Runtime's library: `path`, which may be NULL, says the library or the folder it lies in; else
/// it is looked for by the environment variables QDQ_ONNXRUNTIME and ORT_DYLIB_PATH (likewise), in the Python
/// package onnxruntime of the active environment, beside the programs in PATH, of the user or of the system,
/// and where the system looks for libraries. `*out` receives its path, or its name where the system's loader
/// finds it; free it with qdq_buffer_free().
///
/// QDQ_ERROR_INVALID_ARGUMENT where the place that was asked for holds no such library; QDQ_ERROR_RUNTIME
/// with the list of places where none does.
qdq_status qdq_onnxruntime_find(const char *path, qdq_buffer **out, qdq_error **error);

/// The version of the ONNX Runtime library at `path`, such as "1.24.1". The library is loaded for that and
/// stays so. Free `*out` with qdq_buffer_free().
///
/// QDQ_ERROR_RUNTIME where the file cannot be loaded or is not ONNX Runtime.
qdq_status qdq_onnxruntime_version(const char *path, qdq_buffer **out, qdq_error **error);

// ---- Statistics of a network: qdq_stats -------------------------------------------------------------------

/// Statistics of no tensor. Free them with qdq_stats_free().
qdq_stats *qdq_stats_new(void);

/// Reads statistics that qdq_stats_save() or `qdq calibrate --stats` wrote.
qdq_status qdq_stats_load(const char *path, qdq_stats **out, qdq_error **error);

/// Statistics from the content of such a file: `size` bytes, which are not kept.
qdq_status qdq_stats_from_bytes(const void *bytes, size_t size, qdq_stats **out, qdq_error **error);

/// Frees `*stats` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_stats_free(qdq_stats **stats);

/// What the user must know of the run that gathered the statistics, such as samples that were left out. Files
/// do not hold it. Free `*out` with qdq_findings_free().
qdq_status qdq_stats_findings(const qdq_stats *stats, qdq_findings **out, qdq_error **error);

/// Writes the statistics to a file, whole or not at all.
qdq_status qdq_stats_save(const qdq_stats *stats, const char *path, qdq_error **error);

/// The content of that file. Free `*out` with qdq_buffer_free().
qdq_status qdq_stats_to_bytes(const qdq_stats *stats, qdq_buffer **out, qdq_error **error);

/// Adds the values of a batch of tensor `name` (f32, f16, bf16, f64).
qdq_status qdq_stats_observe(qdq_stats *stats, const char *name, const qdq_tensor *x, qdq_error **error);

/// Adds another run over other samples of the same model, on another thread, day or machine. A tensor that
/// only one of the two has keeps its statistics.
qdq_status qdq_stats_merge(qdq_stats *stats, const qdq_stats *other, qdq_error **error);

/// How many samples the model ran on.
uint64_t qdq_stats_samples(const qdq_stats *stats);

/// Sets how many samples the model ran on, for whoever observes tensors by themselves.
qdq_status qdq_stats_set_samples(qdq_stats *stats, uint64_t samples, qdq_error **error);

/// How many tensors have statistics.
size_t qdq_stats_count(const qdq_stats *stats);

/// The name of tensor `index`, in alphabetical order; NULL past the last. Valid until the statistics are
/// changed or freed.
const char *qdq_stats_name(const qdq_stats *stats, size_t index);

/// A copy of the statistics of tensor `name`; `*out` is NULL where it has none. Free it with
/// qdq_tensor_stats_free().
qdq_status qdq_stats_get(const qdq_stats *stats, const char *name, qdq_tensor_stats **out, qdq_error **error);

/// Sets the statistics of tensor `name` to a copy of `tensor`, in place of those that it had.
qdq_status qdq_stats_set(qdq_stats *stats, const char *name, const qdq_tensor_stats *tensor, qdq_error **error);

// ---- Statistics of one tensor: qdq_tensor_stats -----------------------------------------------------------

/// Statistics that have seen nothing. Free them with qdq_tensor_stats_free().
qdq_tensor_stats *qdq_tensor_stats_new(void);

/// Frees `*stats` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_tensor_stats_free(qdq_tensor_stats **stats);

/// Adds the values of `x` (f32, f16, bf16, f64; f64 is rounded to f32), none too.
qdq_status qdq_tensor_stats_observe(qdq_tensor_stats *stats, const qdq_tensor *x, qdq_error **error);

/// Adds what `other` has seen: the result is that of one observer that saw both. Merging a observer with
/// itself counts everything twice.
qdq_status qdq_tensor_stats_merge(qdq_tensor_stats *stats, const qdq_tensor_stats *other, qdq_error **error);

/// The range (amax, finite, at least 0) by a method for integers of `num_bits`, 2 to 16: for int8 8 and
/// false. An error without a finite value, or with negative values and unsigned integers.
qdq_status qdq_tensor_stats_amax(const qdq_tensor_stats *stats,
                                 qdq_method method,
                                 double percentile,
                                 uint32_t num_bits,
                                 bool is_unsigned,
                                 float *out,
                                 qdq_error **error);

/// The number of values seen, NaN and infinities included.
uint64_t qdq_tensor_stats_values(const qdq_tensor_stats *stats);

/// How many values were zero.
uint64_t qdq_tensor_stats_zeros(const qdq_tensor_stats *stats);

/// How many values were NaN.
uint64_t qdq_tensor_stats_nans(const qdq_tensor_stats *stats);

/// How many values were infinite, of either sign.
uint64_t qdq_tensor_stats_infinities(const qdq_tensor_stats *stats);

/// The smallest finite value; NaN where there was none.
float qdq_tensor_stats_min(const qdq_tensor_stats *stats);

/// The largest finite value; NaN where there was none.
float qdq_tensor_stats_max(const qdq_tensor_stats *stats);

/// The largest magnitude of the finite values; NaN where there was none.
float qdq_tensor_stats_abs_max(const qdq_tensor_stats *stats);

/// How many values are too small for the histogram's window of 20 octaves below the largest: not zero, and a
/// million times smaller. They are in the first bin, which then begins at 0.
uint64_t qdq_tensor_stats_below(const qdq_tensor_stats *stats);

/// How many magnitudes are not the lower edge of their bin. 0 means discrete data such as integers and
/// pixels: the lower edges are the values themselves.
uint64_t qdq_tensor_stats_between(const qdq_tensor_stats *stats);

/// How many occupied bins the histogram has.
size_t qdq_tensor_stats_bin_count(const qdq_tensor_stats *stats);

/// Fills three arrays of `count` = qdq_tensor_stats_bin_count() elements with the occupied bins, ascending:
/// bin i holds `counts[i]` magnitudes from `lower[i]` up to, not including, `upper[i]`. Zeros are in no bin;
/// values a million times smaller than the largest (see qdq_tensor_stats_below()) are together in the first,
/// from 0.
qdq_status qdq_tensor_stats_bins(const qdq_tensor_stats *stats,
                                 float *lower,
                                 float *upper,
                                 uint64_t *counts,
                                 size_t count,
                                 qdq_error **error);

/// A observer of its own with the same statistics.
qdq_status qdq_tensor_stats_clone(const qdq_tensor_stats *stats, qdq_tensor_stats **out, qdq_error **error);

// ---- Maxima along axes: qdq_axis_max ----------------------------------------------------------------------

/// A observer that keeps `count` axes, negative ones counting from the last; none for one number for the
/// tensor. An axis that the data does not have keeps nothing. Free `*out` with qdq_axis_max_free().
qdq_status qdq_axis_max_new(const int32_t *axes, size_t count, qdq_axis_max **out, qdq_error **error);

/// Frees `*observer` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_axis_max_free(qdq_axis_max **observer);

/// Adds a batch (f32, f16, bf16, f64). The kept axes must have the same size in every batch
/// (QDQ_ERROR_SHAPE).
qdq_status qdq_axis_max_observe(qdq_axis_max *observer, const qdq_tensor *x, qdq_error **error);

/// Adds what another observer with the same kept axes has seen, on another thread say.
qdq_status qdq_axis_max_merge(qdq_axis_max *observer, const qdq_axis_max *other, qdq_error **error);

/// The amax so far, with size 1 in every axis that is not kept; `*out` is NULL before the first batch with a
/// number: one that is empty or all NaN is none. Free it with qdq_array_free().
qdq_status qdq_axis_max_amax(const qdq_axis_max *observer, qdq_array **out, qdq_error **error);

/// Keeps from now on the maxima of every batch too, for looking at how they move; those kept before are
/// forgotten.
qdq_status qdq_axis_max_track(qdq_axis_max *observer, qdq_error **error);

/// How many batches' maxima are kept; 0 unless qdq_axis_max_track() asked for it. What was merged counts as
/// one batch.
size_t qdq_axis_max_history_count(const qdq_axis_max *observer);

/// The maxima of batch `index` alone, from 0, of the shape of qdq_axis_max_amax(). Free `*out` with
/// qdq_array_free().
qdq_status qdq_axis_max_history_at(const qdq_axis_max *observer, size_t index, qdq_array **out, qdq_error **error);

/// Writes the maxima to a safetensors file, whole or not at all, with those of every batch where they are
/// kept. Infinities are written as such. QDQ_ERROR_UNSUPPORTED for data of more than 64 axes.
qdq_status qdq_axis_max_save(const qdq_axis_max *observer, const char *path, qdq_error **error);

/// Reads maxima that qdq_axis_max_save() wrote: a observer that goes on where that one was. Those that
/// qdq_quantizer_save_calibration() wrote are read too, unless they are maxima of blocks. Free `*out` with
/// qdq_axis_max_free().
qdq_status qdq_axis_max_load(const char *path, qdq_axis_max **out, qdq_error **error);

/// The content of that file; equal maxima give equal bytes. Free `*out` with qdq_buffer_free().
qdq_status qdq_axis_max_to_bytes(const qdq_axis_max *observer, qdq_buffer **out, qdq_error **error);

/// Maxima from the content of such a file: `size` bytes, which are not kept. Free `*out` with
/// qdq_axis_max_free().
qdq_status qdq_axis_max_from_bytes(const void *bytes, size_t size, qdq_axis_max **out, qdq_error **error);

// ---- pytorch-quantization's histogram: qdq_histogram_calibrator -------------------------------------------

/// A calibrator with `num_bins` bins over the first batch (2048 is usual), which leaves zeros out where
/// `skip_zeros` is true. Free it with qdq_histogram_calibrator_free().
qdq_status qdq_histogram_calibrator_new(size_t num_bins,
                                        bool skip_zeros,
                                        qdq_library library,
                                        qdq_histogram_calibrator **out,
                                        qdq_error **error);

/// Frees `*calibrator` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_histogram_calibrator_free(qdq_histogram_calibrator **calibrator);

/// Adds a batch (f32, f16, bf16, f64). NaN, infinities, empty batches and, with QDQ_LIBRARY_NUMPY, values too
/// close to each other for so many bins are errors, after which what was observed before is still there.
qdq_status qdq_histogram_calibrator_observe(qdq_histogram_calibrator *calibrator,
                                            const qdq_tensor *x,
                                            qdq_error **error);

/// Sets at which bins entropy and mse try ranges: from `start_bin` in steps of `stride`. Default: 128 and 1.
qdq_status qdq_histogram_calibrator_set_search(qdq_histogram_calibrator *calibrator,
                                               size_t start_bin,
                                               size_t stride,
                                               qdq_error **error);

/// The range by pytorch-quantization's own rule for the method, for integers of `num_bits`, 2 to 16.
/// QDQ_METHOD_MAX is not one of its histogram methods and an error; use qdq_axis_max. QDQ_METHOD_MSE adds up
/// in f64: of ranges whose errors differ by less than about 5e-8 of themselves, torch's sums in f32 may
/// choose another. It is QDQ_ERROR_DATA where a range to try is negative, which the first bins of
/// QDQ_LIBRARY_NUMPY can be.
qdq_status qdq_histogram_calibrator_amax(const qdq_histogram_calibrator *calibrator,
                                         qdq_method method,
                                         double percentile,
                                         uint32_t num_bits,
                                         bool is_unsigned,
                                         float *out,
                                         qdq_error **error);

/// How many bins there are; 0 before the first batch.
size_t qdq_histogram_calibrator_bin_count(const qdq_histogram_calibrator *calibrator);

/// The counts of the bins. Valid until the next batch or until the calibrator is freed; NULL before the first
/// batch.
const uint64_t *qdq_histogram_calibrator_counts(const qdq_histogram_calibrator *calibrator);

/// How many edges there are, usually one more than bins; after growth in the way of torch there can be two
/// more.
size_t qdq_histogram_calibrator_edge_count(const qdq_histogram_calibrator *calibrator);

/// The edges: bin i holds the magnitudes from edge i to edge i + 1. Valid as the counts are.
const double *qdq_histogram_calibrator_edges(const qdq_histogram_calibrator *calibrator);

// ---- Ranges: qdq_ranges -----------------------------------------------------------------------------------

/// No ranges yet. `method` says how they are computed, for the reader of a file, and may be NULL. Free them
/// with qdq_ranges_free().
qdq_status qdq_ranges_new(const char *method, qdq_ranges **out, qdq_error **error);

/// These ranges, and those of tensors of the graph that hold the values of a ranged one in another shape or
/// order: what lies before and behind Reshape, Transpose and their like. For networks into which such
/// operators were put after the calibration, as TensorRT's ONNX parser does. Free `*out` with
/// qdq_ranges_free().
qdq_status qdq_ranges_spread(const qdq_ranges *ranges, const qdq_graph *graph, qdq_ranges **out, qdq_error **error);

/// Reads a JSON file that qdq_ranges_save() or `qdq calibrate --ranges` wrote.
qdq_status qdq_ranges_load(const char *path, qdq_ranges **out, qdq_error **error);

/// Ranges from such a text.
qdq_status qdq_ranges_from_json(const char *json, qdq_ranges **out, qdq_error **error);

/// Frees `*ranges` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_ranges_free(qdq_ranges **ranges);

/// What the user must know of ranges that qdq_plan_ranges() has computed or qdq_cache_to_ranges() has read,
/// such as tensors with NaN and lines that are left out. Files do not hold it. Free `*out` with
/// qdq_findings_free().
qdq_status qdq_ranges_findings(const qdq_ranges *ranges, qdq_findings **out, qdq_error **error);

/// Writes the ranges to a JSON file, whole or not at all.
qdq_status qdq_ranges_save(const qdq_ranges *ranges, const char *path, qdq_error **error);

/// The text of that file. Free `*out` with qdq_buffer_free().
qdq_status qdq_ranges_to_json(const qdq_ranges *ranges, qdq_buffer **out, qdq_error **error);

/// How many tensors have a range.
size_t qdq_ranges_count(const qdq_ranges *ranges);

/// The name of tensor `index`, in the order in which they were set; NULL past the last. Valid until the
/// ranges are changed or freed.
const char *qdq_ranges_name(const qdq_ranges *ranges, size_t index);

/// The amax of tensor `index`; NaN past the last.
float qdq_ranges_at(const qdq_ranges *ranges, size_t index);

/// The amax of tensor `name`; QDQ_ERROR_DATA where it has none.
qdq_status qdq_ranges_get(const qdq_ranges *ranges, const char *name, float *amax, qdq_error **error);

/// Whether tensor `name` has a range.
bool qdq_ranges_has(const qdq_ranges *ranges, const char *name);

/// Sets the range of tensor `name`, in place of the one that it had: amax is finite and not negative.
qdq_status qdq_ranges_set(qdq_ranges *ranges, const char *name, float amax, qdq_error **error);

/// How the ranges were computed; NULL where nobody said. Valid until the ranges are freed.
const char *qdq_ranges_method(const qdq_ranges *ranges);

/// The int8 scale of a range, by which ONNX and TensorRT multiply: amax / 127, always a normal number. It is
/// 1 where amax is 0, 2^-126 where amax / 127 is subnormal, one bit smaller where 127 scales would overflow,
/// and NaN for what is no range.
float qdq_amax_int8_scale(float amax);

// ---- How a model is quantized: qdq_quantize_options -------------------------------------------------------

/// The default options. Free them with qdq_quantize_options_free().
qdq_quantize_options *qdq_quantize_options_new(void);

/// Frees `*options` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_quantize_options_free(qdq_quantize_options **options);

/// Sets how weights are stored. Default: QDQ_WEIGHT_FORM_INT8.
qdq_status qdq_quantize_options_set_weight_form(qdq_quantize_options *options,
                                                qdq_weight_form form,
                                                qdq_error **error);

/// Sets how the ranges of weights follow from their values. Default: QDQ_METHOD_MSE.
qdq_status qdq_quantize_options_set_weight_method(qdq_quantize_options *options,
                                                  qdq_method method,
                                                  double percentile,
                                                  qdq_error **error);

/// Sets the range of the weight `name` in place of one that is computed: `amax` (f32) holds one number for
/// the weight or one per output channel, finite and not negative, and is copied; `amax` NULL for a computed
/// one again. `name` is the tensor that nodes read, or the stored tensor behind it; a name that no weight has
/// is without effect.
qdq_status qdq_quantize_options_set_weight_amax(qdq_quantize_options *options,
                                                const char *name,
                                                const qdq_tensor *amax,
                                                qdq_error **error);

/// Sets how many bits the integers of weights have, 2 to 8; fewer than 8 are stored as int8 all the same, on
/// a coarser grid. Default: 8.
qdq_status qdq_quantize_options_set_weight_bits(qdq_quantize_options *options, uint32_t num_bits, qdq_error **error);

// ---- How accuracy is recovered: qdq_recover_options -------------------------------------------------------

/// Options without a method. Free them with qdq_recover_options_free().
qdq_recover_options *qdq_recover_options_new(void);

/// Frees `*options` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_recover_options_free(qdq_recover_options **options);

/// Sets how the quantized model is written; `quantize` is copied. Default: as by qdq_quantize_options_new().
qdq_status qdq_recover_options_set_quantize(qdq_recover_options *options,
                                            const qdq_quantize_options *quantize,
                                            qdq_error **error);

/// Sets whether channels between two layers get scales of their own (cross-layer equalization). Default:
/// false.
qdq_status qdq_recover_options_set_equalization(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether each weight is rounded up or down, whichever serves its layer's output. Default: false.
qdq_status qdq_recover_options_set_learned_rounding(qdq_recover_options *options, bool enabled, qdq_error **error);

/// Sets whether biases move by what layers are off by in the mean. Default: false.
qdq_status qdq_recover_options_set_bias_correction(qdq_recover_options *options, bool enabled, qdq_error **error);

// ---- A calibration cache: qdq_cache -----------------------------------------------------------------------

/// The cache with these ranges for a version of TensorRT, as getInferLibVersion() reports it (8501 is 8.5.1,
/// 100300 is 10.3.0), and the calibrator that is going to read it. QDQ_ERROR_UNSUPPORTED from TensorRT 11 on,
/// which reads no caches. Free it with qdq_cache_free().
qdq_status qdq_cache_from_ranges(const qdq_ranges *ranges,
                                 uint32_t tensorrt_version,
                                 qdq_algorithm algorithm,
                                 qdq_cache **out,
                                 qdq_error **error);

/// Reads a cache file. Names may hold anything, line ends may be LF or CRLF; errors name the line.
qdq_status qdq_cache_load(const char *path, qdq_cache **out, qdq_error **error);

/// A cache from the content of such a file: `size` bytes, which are not kept.
qdq_status qdq_cache_from_bytes(const void *bytes, size_t size, qdq_cache **out, qdq_error **error);

/// Whether a file that starts with these `size` bytes is meant as a calibration cache: it has the header, or
/// its first line is that of a tensor, so that the header is missing.
bool qdq_cache_is_one(const void *bytes, size_t size);

/// Whether a version of TensorRT, as getInferLibVersion() counts, has calibrators and so reads caches:
/// TensorRT 11 removed them.
bool qdq_cache_is_read_by(uint32_t tensorrt_version);

/// Frees `*cache` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_cache_free(qdq_cache **cache);

/// Writes the cache to a file, whole or not at all.
qdq_status qdq_cache_save(const qdq_cache *cache, const char *path, qdq_error **error);

/// The content of that file, for readCalibrationCache(). Free `*out` with qdq_buffer_free().
qdq_status qdq_cache_to_bytes(const qdq_cache *cache, qdq_buffer **out, qdq_error **error);

/// The ranges in the cache: amax = scale * 127, at most the largest number. A line whose scale is negative,
/// infinite or NaN gives none; that and what else the check finds in the scales is logged, and
/// qdq_ranges_findings() has it. QDQ_ERROR_DATA where no line gives a range. Free `*out` with
/// qdq_ranges_free().
qdq_status qdq_cache_to_ranges(const qdq_cache *cache, qdq_ranges **out, qdq_error **error);

/// The header line, such as "TRT-8501-EntropyCalibration2". Valid until the cache is changed or freed; NULL
/// for NULL.
const char *qdq_cache_header(const qdq_cache *cache);

/// The version in the header, as getInferLibVersion() counts; 0 where it is none.
uint32_t qdq_cache_tensorrt_version(const qdq_cache *cache);

/// The algorithm in the header; QDQ_ALGORITHM_UNKNOWN where qdq does not know it.
qdq_algorithm qdq_cache_algorithm(const qdq_cache *cache);

/// Writes the header anew, for another version of TensorRT or another calibrator. The scales stay as they
/// are. QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
qdq_status qdq_cache_set_header(qdq_cache *cache,
                                uint32_t tensorrt_version,
                                qdq_algorithm algorithm,
                                qdq_error **error);

/// Makes the cache ready to be written for another TensorRT, as `qdq cache convert` does: the header as by
/// qdq_cache_set_header(), where a `tensorrt_version` of 0 and QDQ_ALGORITHM_UNKNOWN stay what they are, and
/// one line for every name. What is still wrong with it is logged and goes to `out`, which may be NULL; free
/// `*out` with qdq_findings_free().
qdq_status qdq_cache_convert(qdq_cache *cache,
                             uint32_t tensorrt_version,
                             qdq_algorithm algorithm,
                             qdq_findings **out,
                             qdq_error **error);

/// How many lines with a tensor there are.
size_t qdq_cache_count(const qdq_cache *cache);

/// The name in line `index`, from 0, the header not counting; NULL past the last. Valid until the cache is
/// changed or freed.
const char *qdq_cache_name(const qdq_cache *cache, size_t index);

/// The scale in line `index`; NaN past the last.
float qdq_cache_at(const qdq_cache *cache, size_t index);

/// The scale of tensor `name`, that of its last line; QDQ_ERROR_DATA where it has none.
qdq_status qdq_cache_get(const qdq_cache *cache, const char *name, float *scale, qdq_error **error);

/// Sets the scale of tensor `name`: in its last line, or in a new one at the end. Any number is taken;
/// qdq_cache_check() tells which ones TensorRT would stumble over.
qdq_status qdq_cache_set(qdq_cache *cache, const char *name, float scale, qdq_error **error);

/// Leaves one line for every name: where the first of them stood, with the scale of the last.
qdq_status qdq_cache_remove_repeats(qdq_cache *cache, qdq_error **error);

/// Checks a cache. A `tensorrt_version` of 0, QDQ_ALGORITHM_UNKNOWN and `names` NULL are not checked against;
/// otherwise `names` holds the `count` names of the network's activations, its inputs included. Free `*out`
/// with qdq_findings_free().
qdq_status qdq_cache_check(const qdq_cache *cache,
                           uint32_t tensorrt_version,
                           qdq_algorithm algorithm,
                           const char *const *names,
                           size_t count,
                           qdq_findings **out,
                           qdq_error **error);

// ---- Float and quantized side by side: qdq_comparison -----------------------------------------------------

/// Runs a model and its quantized form over all batches and measures how far apart they are; with
/// `every_activation` on every activation that both have, not only on the outputs. Only what is compared is
/// run. Outputs that hold no tensor of numbers or lie behind an operator that no runtime knows, such as a
/// plugin of TensorRT, are left out with a warning; where no floating-point output is left, the nearest
/// floating-point tensors that the outputs are computed from are compared as well. `labels`, which may be
/// NULL, holds the right class of each of the `label_count` samples. `options` may be NULL.
/// QDQ_ERROR_INVALID_ARGUMENT where inputs of the quantized model were fixed (qdq_model_fix_input()) at other
/// values than `model` or the batches have. Free `*out` with qdq_comparison_free().
qdq_status qdq_model_compare(const qdq_model *model,
                             const qdq_model *quantized,
                             qdq_batches *batches,
                             bool every_activation,
                             const int64_t *labels,
                             size_t label_count,
                             const qdq_run_options *options,
                             qdq_comparison **out,
                             qdq_error **error);

/// As qdq_model_compare(), for the `output_count` outputs named in `outputs`, or other tensors that both
/// models compute. `outputs` may be NULL if `output_count` is 0, for all outputs. `labels`, which may be
/// NULL, belong to the first of them; `options` may be NULL. QDQ_ERROR_INVALID_ARGUMENT where a name is no
/// such tensor or comes twice, QDQ_ERROR_UNSUPPORTED where it holds no tensor of numbers. Free `*out` with
/// qdq_comparison_free().
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

/// Frees `*comparison` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_comparison_free(qdq_comparison **comparison);

/// What the user must know of the comparison: outputs that are not compared, samples that were left out. Free
/// `*out` with qdq_findings_free().
qdq_status qdq_comparison_findings(const qdq_comparison *comparison, qdq_findings **out, qdq_error **error);

/// The comparison as JSON. Free `*out` with qdq_buffer_free().
qdq_status qdq_comparison_to_json(const qdq_comparison *comparison, qdq_buffer **out, qdq_error **error);

/// The comparison as tables for people. Free `*out` with qdq_buffer_free().
qdq_status qdq_comparison_to_text(const qdq_comparison *comparison, qdq_buffer **out, qdq_error **error);

/// How many samples ran through both.
size_t qdq_comparison_samples(const qdq_comparison *comparison);

/// How many outputs were compared.
size_t qdq_comparison_output_count(const qdq_comparison *comparison);

/// How many tensors were compared, outputs included.
size_t qdq_comparison_count(const qdq_comparison *comparison);

/// The name of tensor `index`; NULL past the last. Valid until the comparison is freed.
const char *qdq_comparison_name(const qdq_comparison *comparison, size_t index);

/// The signal-to-quantization-noise ratio of tensor `index` in dB, 10 log10(sum x^2 / sum (x - y)^2),
/// infinite where the two are equal; NaN where there is none.
double qdq_comparison_sqnr_db(const qdq_comparison *comparison, size_t index);

/// The cosine between the two forms of tensor `index`; NaN where there is none.
double qdq_comparison_cosine(const qdq_comparison *comparison, size_t index);

/// The largest |x - y| in tensor `index`, in the tensor's unit; NaN where there is none.
double qdq_comparison_max_error(const qdq_comparison *comparison, size_t index);

/// The mean of |x - y| in tensor `index`, in the tensor's unit; NaN where there is none.
double qdq_comparison_mean_error(const qdq_comparison *comparison, size_t index);

/// How many pairs of tensor `index` were compared: of finite values, or of whole numbers or truth values;
/// where it is 0 there are no figures.
uint64_t qdq_comparison_values(const qdq_comparison *comparison, size_t index);

/// The share of equal elements of tensor `index`, 0 to 1, where it holds whole numbers or truth values, which
/// have no other figure; NaN for floating-point numbers.
double qdq_comparison_equal(const qdq_comparison *comparison, size_t index);

/// How many pairs of tensor `index` have an infinity or a NaN on one side that the other side does not have.
/// They are left out of the figures.
uint64_t qdq_comparison_non_finite(const qdq_comparison *comparison, size_t index);

/// Whether the SQNR of tensor `index` is `min_db` or more, with something compared and nothing infinite or
/// NaN on one side only: a gate for outputs. False past the last, and for whole numbers and truth values,
/// which have no SQNR.
bool qdq_comparison_reaches(const qdq_comparison *comparison, size_t index, double min_db);

/// The part of the samples for which both models choose the same class, 0 to 1; NaN where the first output is
/// no [samples, classes], or neither labels nor a softmax before it say that it holds scores of classes.
double qdq_comparison_top1(const qdq_comparison *comparison);

/// The accuracy of the float model, 0 to 1; NaN without labels.
double qdq_comparison_float_accuracy(const qdq_comparison *comparison);

/// The accuracy of the quantized model, 0 to 1; NaN without labels.
double qdq_comparison_quantized_accuracy(const qdq_comparison *comparison);

/// How many samples both models were asked for the class of; 0 where qdq_comparison_top1() is NaN.
uint64_t qdq_comparison_classified(const qdq_comparison *comparison);

/// For how many of those both chose the same class.
uint64_t qdq_comparison_same_class(const qdq_comparison *comparison);

/// How many samples have a label.
uint64_t qdq_comparison_labelled(const qdq_comparison *comparison);

/// How many of those the float model classified rightly.
uint64_t qdq_comparison_float_right(const qdq_comparison *comparison);

/// How many of those the quantized model classified rightly.
uint64_t qdq_comparison_quantized_right(const qdq_comparison *comparison);

// ---- Tensors: qdq_tensor ----------------------------------------------------------------------------------

/// The amax to quantize `x` (f32, f16, bf16 or f64) with: the descriptor's fixed one, else max |x| per
/// tensor, axis or block; times the descriptor's factor. NaN where the data has a NaN. Free `*out` with
/// qdq_array_free().
///
/// Without axes and blocks it has rank 0, otherwise the rank of x with size 1 in every axis that shares it.
qdq_status qdq_tensor_amax(const qdq_tensor *x, const qdq_descriptor *descriptor, qdq_array **out, qdq_error **error);

/// Quantizes and keeps the integers in the type of the data: out = clamp(rne(x * M / amax), L, M), where rne
/// rounds half to even, M = 2^(num_bits - 1 + unsigned) - 1 and L is 0 (unsigned), -M (narrow range) or
/// -M - 1. This is pytorch-quantization's tensor_quant; in the reference mode NaN stays NaN. In e4m3 `out`
/// receives the numbers e4m3(x * 448 / amax), see qdq_tensor_fake_quant(), with the inverse scale 448 / amax.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` (f32)
/// broadcasts to the shape of x, with the descriptor's blocks where it has them, and stands for its axes,
/// fixed amax and factor; `amax` NULL means qdq_tensor_amax(). `inverse_scale`, which may be NULL, receives M
/// / amax, which pytorch-quantization calls scale: the reciprocal of ONNX's and TensorRT's. It is 1 where
/// amax counts as zero (at most 2^-24).
qdq_status qdq_tensor_quant(const qdq_tensor *x,
                            const qdq_tensor *amax,
                            const qdq_descriptor *descriptor,
                            const qdq_tensor *out,
                            qdq_array **inverse_scale,
                            qdq_error **error);

/// Quantizes to an integer type, or to e4m3 where the descriptor says so: out = clamp(rne(x * M / amax), L,
/// M), see qdq_tensor_quant(). Infinities become L and M; where amax counts as zero everything becomes 0. A
/// NaN in x is an error, for no integer stands for it; in e4m3 it stays NaN.
///
/// `x` is f32, f16, bf16 or f64. `out` has its shape and the type i8, u8, i16, u16, i4 or u4, whichever holds
/// L to M, or e4m3 or u8 for e4m3. `amax` and `inverse_scale` are as for qdq_tensor_quant() and may be NULL;
/// for e4m3 it is 448 / amax. After an error `out` may hold anything.
qdq_status qdq_tensor_quantize(const qdq_tensor *x,
                               const qdq_tensor *amax,
                               const qdq_descriptor *descriptor,
                               const qdq_tensor *out,
                               qdq_array **inverse_scale,
                               qdq_error **error);

/// Quantizes and goes back at once: out = clamp(rne(x * M / amax), L, M) / (M / amax), see
/// qdq_tensor_quant(); with e4m3 out = e4m3(x * s) / s with s = 448 / amax, saturating at 448. Where amax
/// counts as zero, out is 0. NaN stays NaN.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory. `amax` is as for
/// qdq_tensor_quant() and may be NULL.
qdq_status qdq_tensor_fake_quant(const qdq_tensor *x,
                                 const qdq_tensor *amax,
                                 const qdq_descriptor *descriptor,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// The way back from integers: out = q / inverse_scale, with what qdq_tensor_quantize() gives.
///
/// `q` is i8, u8, i16, u16, i4, u4, or e4m3 (codes in u8 where the descriptor says e4m3). `inverse_scale`
/// (f32) broadcasts to its shape, with the descriptor's blocks where it has them; of the rest of the
/// descriptor only the format matters. `out` has the shape of q and the type f32, f16, bf16 or f64.
qdq_status qdq_tensor_dequantize(const qdq_tensor *q,
                                 const qdq_tensor *inverse_scale,
                                 const qdq_descriptor *descriptor,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// The gradient of qdq_tensor_fake_quant() with respect to x by the straight-through estimator: `out` is
/// gradient where |x| <= amax, 0 elsewhere and where x or amax is NaN. There is no gradient to amax. It is
/// that of qdq_tensor_quant() too, from the gradient of the integers and without that of their scale.
///
/// `gradient`, `x` and `out` have one shape and type (f32, f16, bf16, f64); out may be the memory of either.
/// `amax` is as for qdq_tensor_quant() and may be NULL.
qdq_status qdq_tensor_fake_quant_backward(const qdq_tensor *gradient,
                                          const qdq_tensor *x,
                                          const qdq_tensor *amax,
                                          const qdq_descriptor *descriptor,
                                          const qdq_tensor *out,
                                          qdq_error **error);

/// Fake quantization of `min` to `max` with a zero point, where b is `num_bits`, 2 to 16:
/// step = (max - min) / (2^b - 1), z = rne(min / step) + 2^(b-1),
/// q = clamp(rne(x / step) - z, -2^(b-1), 2^(b-1) - 1), out = (q + z) * step.
/// NaN stays NaN. `min` is below `max`: equal ends, by which pytorch-quantization gives NaN, are
/// QDQ_ERROR_INVALID_ARGUMENT.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_tensor_fake_affine_quant(const qdq_tensor *x,
                                        float min,
                                        float max,
                                        uint32_t num_bits,
                                        const qdq_tensor *out,
                                        qdq_error **error);

/// The gradient of qdq_tensor_fake_affine_quant() with respect to x: out = gradient where min <= x <= max,
/// else 0. Tensors as for qdq_tensor_fake_quant_backward().
qdq_status qdq_tensor_fake_affine_quant_backward(const qdq_tensor *gradient,
                                                 const qdq_tensor *x,
                                                 float min,
                                                 float max,
                                                 const qdq_tensor *out,
                                                 qdq_error **error);

/// out = min(max(x, min), max); NaN stays NaN. `x` and `out` have one shape and type (f32, f16, bf16, f64)
/// and may be the same memory.
qdq_status qdq_tensor_clip(const qdq_tensor *x, float min, float max, const qdq_tensor *out, qdq_error **error);

/// The gradients of qdq_tensor_clip(): `out` = gradient where min < x < max, else 0; `min_gradient`, which
/// may be NULL, the sum of the gradient where x <= min; `max_gradient`, which may be NULL, where x >= max.
/// Tensors as for qdq_tensor_fake_quant_backward().
qdq_status qdq_tensor_clip_backward(const qdq_tensor *gradient,
                                    const qdq_tensor *x,
                                    float min,
                                    float max,
                                    const qdq_tensor *out,
                                    double *min_gradient,
                                    double *max_gradient,
                                    qdq_error **error);

/// out = x * factors, with factors (f32) broadcast to the shape of x. `x` and `out` have one shape and type
/// (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_tensor_multiply(const qdq_tensor *x,
                               const qdq_tensor *factors,
                               const qdq_tensor *out,
                               qdq_error **error);

/// Fake quantization by the width of one integer step, which training moves (learned step size quantization,
/// arXiv:1902.08153): out = clamp(rne(x / step), L, M) * step. The step is ONNX's and TensorRT's scale, amax
/// / M, so that qdq_quantizer_step_size() of a calibrated quantizer is a good start, and step * M the amax
/// for a file.
///
/// `x` and `out` have one shape and type (f32, f16, bf16, f64) and may be the same memory. `step` (f32,
/// positive, finite) broadcasts to the shape of x, with the descriptor's blocks where it has them; of the
/// rest of the descriptor bits, sign and narrow range matter. NaN stays NaN; infinities and, where unsigned,
/// negative values become the ends.
qdq_status qdq_tensor_learned_step_quant(const qdq_tensor *x,
                                         const qdq_tensor *step,
                                         const qdq_descriptor *descriptor,
                                         const qdq_tensor *out,
                                         qdq_error **error);

/// The gradients of qdq_tensor_learned_step_quant(), with v = x / step. `out` receives that of x: gradient
/// where L < v < M, else 0. `step_gradient` (f32, of the shape of step), which may be NULL, receives
/// gradient_scale times the sum of gradient * d over the elements that share a step, where d is rne(v) - v
/// where L < v < M, L where v <= L and M where v >= M. A NaN in x counts for nothing. Those of several
/// batches add up.
///
/// `gradient`, `x` and `out` have one shape and type (f32, f16, bf16, f64); out may be the memory of either.
/// `gradient_scale` is positive: 1, or what qdq_tensor_learned_step_gradient_scale() gives.
qdq_status qdq_tensor_learned_step_quant_backward(const qdq_tensor *gradient,
                                                  const qdq_tensor *x,
                                                  const qdq_tensor *step,
                                                  const qdq_descriptor *descriptor,
                                                  float gradient_scale,
                                                  const qdq_tensor *out,
                                                  const qdq_tensor *step_gradient,
                                                  qdq_error **error);

/// The factor 1 / sqrt(count * M) on the gradient of a step that `count` values share, by which weights and
/// steps learn at the same pace: the size of the weight, or of its channel, or the number of features of an
/// activation.
qdq_status qdq_tensor_learned_step_gradient_scale(size_t count,
                                                  const qdq_descriptor *descriptor,
                                                  float *out,
                                                  qdq_error **error);

// ---- Weights ----------------------------------------------------------------------------------------------

/// The ranges (amax) of weights (f32, f16, bf16, f64), one per index of `axis` (negative ones count from the
/// last) or, for QDQ_NO_AXIS, one for all.
///
/// QDQ_METHOD_MSE minimises the error of what the weights compute, sum e^2 + 2 (sum e)^2 of the rounding
/// errors e; the other methods are those for activations. Free `*out`, of rank 1 or 0, with qdq_array_free().
qdq_status qdq_weights_amax(const qdq_tensor *weights,
                            int32_t axis,
                            qdq_method method,
                            double percentile,
                            uint32_t num_bits,
                            bool is_unsigned,
                            qdq_array **out,
                            qdq_error **error);

/// The ranges by pytorch-quantization's calibrate_weights, for whoever needs its numbers: QDQ_METHOD_MAX,
/// QDQ_METHOD_MSE or QDQ_METHOD_PERCENTILE over a histogram of `num_bins` (2048 is usual) linear bins from 0
/// to max |w| as numpy makes it. Weights (f32, f16, bf16, f64), axis and result as for qdq_weights_amax(),
/// whose ranges are better ones. Weights that are all 0 give
/// 0. Free `*out` with qdq_array_free().
qdq_status qdq_weights_compat_amax(const qdq_tensor *weights,
                                   int32_t axis,
                                   qdq_method method,
                                   double percentile,
                                   uint32_t num_bits,
                                   bool is_unsigned,
                                   size_t num_bins,
                                   qdq_array **out,
                                   qdq_error **error);

/// Quantizes weights (f32, f16, bf16, f64) symmetrically to int8 as ONNX's QuantizeLinear does: out =
/// clamp(rne(w / scale), -128, 127) with the scale of qdq_amax_int8_scale(amax), by which ONNX and TensorRT
/// multiply. Where amax is 0, the scale is 1 and the integers are 0.
///
/// `amax` (f32) has one number per index of `axis`, or a single one for QDQ_NO_AXIS; `amax` NULL means max
/// |w|. `out` is i8 and has the shape of the weights. `scale` may be NULL; otherwise free `*scale` with
/// qdq_array_free().
qdq_status qdq_weights_quantize(const qdq_tensor *weights,
                                int32_t axis,
                                const qdq_tensor *amax,
                                const qdq_tensor *out,
                                qdq_array **scale,
                                qdq_error **error);

// ---- How one tensor is quantized: qdq_descriptor ----------------------------------------------------------

/// A descriptor with the default fields. Free it with qdq_descriptor_free().
qdq_descriptor *qdq_descriptor_new(void);

/// One of the predefined descriptors, to be changed like any other. Free it with qdq_descriptor_free().
qdq_status qdq_descriptor_predefined(qdq_predefined which, qdq_descriptor **out, qdq_error **error);

/// A descriptor from the JSON text that qdq_descriptor_to_json() writes; fields that are missing have their
/// default, unknown ones are an error.
qdq_status qdq_descriptor_from_json(const char *json, qdq_descriptor **out, qdq_error **error);

/// The descriptor as a JSON text with every field.
qdq_status qdq_descriptor_to_json(const qdq_descriptor *descriptor, qdq_buffer **out, qdq_error **error);

/// A descriptor of its own with the same fields.
qdq_status qdq_descriptor_clone(const qdq_descriptor *descriptor, qdq_descriptor **out, qdq_error **error);

/// Frees `*descriptor` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_descriptor_free(qdq_descriptor **descriptor);

/// Tells whether the fields go together.
qdq_status qdq_descriptor_validate(const qdq_descriptor *descriptor, qdq_error **error);

/// Sets the format to integers of `num_bits`, 2 to 16. Default: 8.
qdq_status qdq_descriptor_set_num_bits(qdq_descriptor *descriptor, uint32_t num_bits, qdq_error **error);

/// Sets the format to the 8-bit float e4m3.
qdq_status qdq_descriptor_set_e4m3(qdq_descriptor *descriptor, qdq_error **error);

/// Sets a name for messages; `name` may be NULL for none, the default.
qdq_status qdq_descriptor_set_name(qdq_descriptor *descriptor, const char *name, qdq_error **error);

/// Sets whether a quantizer gives floats again (true, the default) or integers.
qdq_status qdq_descriptor_set_fake_quant(qdq_descriptor *descriptor, bool fake_quant, qdq_error **error);

/// Sets the axes whose indices keep an amax of their own: `count` numbers, negative ones count from the last
/// axis. `axes` NULL means one amax for the tensor, the default.
qdq_status qdq_descriptor_set_axis(qdq_descriptor *descriptor, const int32_t *axes, size_t count, qdq_error **error);

/// Lets blocks of `size` neighbours along `axis` share an amax, every other axis being kept; the last block
/// may be shorter. A size of 0 means no blocks, the default.
qdq_status qdq_descriptor_set_block(qdq_descriptor *descriptor, int32_t axis, size_t size, qdq_error **error);

/// Sets a fixed amax (f32, finite, not negative) of a shape that groups the data: size 1 in every axis that
/// shares it. The numbers are copied. `amax` NULL means calibrated or dynamic, the default.
qdq_status qdq_descriptor_set_amax(qdq_descriptor *descriptor, const qdq_tensor *amax, qdq_error **error);

/// Sets whether training learns amax; only with one amax for the tensor. Default: false.
qdq_status qdq_descriptor_set_learn_amax(qdq_descriptor *descriptor, bool learn_amax, qdq_error **error);

/// Sets a positive factor on amax; 1 is the same as none, the default.
qdq_status qdq_descriptor_set_scale_amax(qdq_descriptor *descriptor, float factor, qdq_error **error);

/// Sets what calibration observes. Default: QDQ_CALIB_MAX.
qdq_status qdq_descriptor_set_calib_method(qdq_descriptor *descriptor,
                                           qdq_calib_method calib_method,
                                           qdq_error **error);

/// Sets whether integers start at 0, for data without negative values. Default: false.
qdq_status qdq_descriptor_set_unsigned(qdq_descriptor *descriptor, bool is_unsigned, qdq_error **error);

/// Sets whether the lowest integer is the negative of the highest. Default: false.
qdq_status qdq_descriptor_set_narrow_range(qdq_descriptor *descriptor, bool narrow_range, qdq_error **error);

/// Sets whose arithmetic fake quantization follows. Default: QDQ_MODE_REFERENCE.
qdq_status qdq_descriptor_set_mode(qdq_descriptor *descriptor, qdq_mode mode, qdq_error **error);

/// The number of bits of the integers; 0 for e4m3 and for NULL.
uint32_t qdq_descriptor_num_bits(const qdq_descriptor *descriptor);

/// Whether the format is e4m3.
bool qdq_descriptor_is_e4m3(const qdq_descriptor *descriptor);

/// The name for messages; NULL where there is none. Valid until the name is set again or the descriptor is
/// freed.
const char *qdq_descriptor_name(const qdq_descriptor *descriptor);

/// Whether a quantizer gives floats again.
bool qdq_descriptor_fake_quant(const qdq_descriptor *descriptor);

/// How many axes keep an amax of their own: 0 for one amax for the tensor.
size_t qdq_descriptor_axis_count(const qdq_descriptor *descriptor);

/// The kept axis at `index`, as it was set; 0 past the last.
int32_t qdq_descriptor_axis_at(const qdq_descriptor *descriptor, size_t index);

/// The size of the blocks that share an amax; 0 without blocks.
size_t qdq_descriptor_block_size(const qdq_descriptor *descriptor);

/// The axis along which blocks lie, as it was set; 0 without blocks.
int32_t qdq_descriptor_block_axis(const qdq_descriptor *descriptor);

/// The fixed amax; `*out` is NULL where there is none. Free it with qdq_array_free().
qdq_status qdq_descriptor_amax(const qdq_descriptor *descriptor, qdq_array **out, qdq_error **error);

/// Whether training learns amax.
bool qdq_descriptor_learn_amax(const qdq_descriptor *descriptor);

/// The factor on amax; 1 where none is set.
float qdq_descriptor_scale_amax(const qdq_descriptor *descriptor);

/// What calibration observes.
qdq_calib_method qdq_descriptor_calib_method(const qdq_descriptor *descriptor);

/// Whether integers start at 0.
bool qdq_descriptor_unsigned(const qdq_descriptor *descriptor);

/// Whether the lowest integer is the negative of the highest.
bool qdq_descriptor_narrow_range(const qdq_descriptor *descriptor);

/// Whose arithmetic fake quantization follows.
qdq_mode qdq_descriptor_mode(const qdq_descriptor *descriptor);

// ---- A place that is calibrated and trained: qdq_quantizer ------------------------------------------------

/// A quantizer for tensors that the descriptor, which is copied, describes. Free `*out` with
/// qdq_quantizer_free().
qdq_status qdq_quantizer_new(const qdq_descriptor *descriptor, qdq_quantizer **out, qdq_error **error);

/// A quantizer of its own in the same state, statistics included: for another thread that calibrates. Free
/// `*out` with qdq_quantizer_free().
qdq_status qdq_quantizer_clone(const qdq_quantizer *quantizer, qdq_quantizer **out, qdq_error **error);

/// A quantizer from the state that qdq_quantizer_to_json() wrote. Free `*out` with qdq_quantizer_free().
qdq_status qdq_quantizer_from_json(const char *json, qdq_quantizer **out, qdq_error **error);

/// The state as JSON: descriptor, switches, ranges and scales exactly; not the statistics. Free `*out` with
/// qdq_buffer_free().
qdq_status qdq_quantizer_to_json(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// The quantizer in one line for people. Free `*out` with qdq_buffer_free().
qdq_status qdq_quantizer_to_text(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// Frees `*quantizer` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_quantizer_free(qdq_quantizer **quantizer);

/// A copy of the descriptor, whose amax is the current one. Free `*out` with qdq_descriptor_free().
qdq_status qdq_quantizer_descriptor(const qdq_quantizer *quantizer, qdq_descriptor **out, qdq_error **error);

/// Changes the format to integers of `num_bits`, 2 to 16.
qdq_status qdq_quantizer_set_integers(qdq_quantizer *quantizer,
                                      uint32_t num_bits,
                                      bool is_unsigned,
                                      bool narrow_range,
                                      qdq_error **error);

/// Changes the format to the 8-bit float e4m3.
qdq_status qdq_quantizer_set_e4m3(qdq_quantizer *quantizer, qdq_error **error);

/// Sets whether data passes unchanged, but for the pre-quantization scale. Default: false.
qdq_status qdq_quantizer_set_disabled(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is quantized. Default: true.
qdq_status qdq_quantizer_set_quantizing(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is clipped to the learned range; only where the descriptor learns amax. Default: false.
qdq_status qdq_quantizer_set_clipping(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Sets whether data is observed for calibration. Default: false.
qdq_status qdq_quantizer_set_calibrating(qdq_quantizer *quantizer, bool on, qdq_error **error);

/// Whether data passes unchanged.
bool qdq_quantizer_is_disabled(const qdq_quantizer *quantizer);

/// Whether data is quantized.
bool qdq_quantizer_is_quantizing(const qdq_quantizer *quantizer);

/// Whether data is clipped to the learned range.
bool qdq_quantizer_is_clipping(const qdq_quantizer *quantizer);

/// Whether data is observed for calibration.
bool qdq_quantizer_is_calibrating(const qdq_quantizer *quantizer);

/// Whether every tensor is quantized by its own max |x|, because no range is set.
bool qdq_quantizer_is_dynamic(const qdq_quantizer *quantizer);

/// Sets the amax (f32, finite, not negative), of the shape of the one before; `amax` NULL makes the range
/// dynamic again, after which any shape may be set.
qdq_status qdq_quantizer_set_amax(qdq_quantizer *quantizer, const qdq_tensor *amax, qdq_error **error);

/// Sets what data is multiplied by first (f32, broadcast to its shape); `scale` NULL for nothing, the
/// default.
qdq_status qdq_quantizer_set_pre_quant_scale(qdq_quantizer *quantizer, const qdq_tensor *scale, qdq_error **error);

/// The amax as it is set; `*out` is NULL where the range is dynamic. Free it with qdq_array_free().
qdq_status qdq_quantizer_amax(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// The amax that data is quantized by: that of the clip range where it is learned, else the set one times the
/// descriptor's factor; `*out` is NULL where the range is dynamic or has still to be learned. Free it with
/// qdq_array_free().
qdq_status qdq_quantizer_amax_in_use(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// The amax for a model that is exported: an error where the range is dynamic or the quantizer is still
/// calibrating. Free `*out` with qdq_array_free().
qdq_status qdq_quantizer_amax_for_export(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// The width of one step, amax in use / M (e4m3: / 448); `*out` is NULL where the range is dynamic. Free it
/// with qdq_array_free().
qdq_status qdq_quantizer_step_size(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// The inverse scale, M / amax, of the integers that the last forward gave; `*out` is NULL where none did.
/// Free it with qdq_array_free().
qdq_status qdq_quantizer_inverse_scale(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// What data is multiplied by first; `*out` is NULL for nothing. Free it with qdq_array_free().
qdq_status qdq_quantizer_pre_quant_scale(const qdq_quantizer *quantizer, qdq_array **out, qdq_error **error);

/// Sets the learned range: the parameters that training has moved to.
qdq_status qdq_quantizer_set_clip_range(qdq_quantizer *quantizer, float min, float max, qdq_error **error);

/// The learned range; NaN and NaN where there is none.
qdq_status qdq_quantizer_clip_range(const qdq_quantizer *quantizer, float *min, float *max, qdq_error **error);

/// Starts learning from the amax: sets the clip range to its largest number, negative and positive.
qdq_status qdq_quantizer_init_learn_amax(qdq_quantizer *quantizer, qdq_error **error);

/// What the quantizer makes of `x`, in the order that its documentation states. `x` and `out` have one shape
/// and type (f32, f16, bf16, f64) and may be the same memory.
qdq_status qdq_quantizer_forward(qdq_quantizer *quantizer,
                                 const qdq_tensor *x,
                                 const qdq_tensor *out,
                                 qdq_error **error);

/// The same without observing, so that any number of threads can use one quantizer. `inverse_scale`, which
/// may be NULL, receives M / amax where the quantizer gives integers, to be freed with qdq_array_free();
/// otherwise NULL.
qdq_status qdq_quantizer_quantize(const qdq_quantizer *quantizer,
                                  const qdq_tensor *x,
                                  const qdq_tensor *out,
                                  qdq_array **inverse_scale,
                                  qdq_error **error);

/// The gradients of qdq_quantizer_forward(): `out` receives that of x, by the straight-through estimator or,
/// where amax is learned, by clipping; `min_gradient` and `max_gradient`, which may be NULL, those of the
/// learned range, 0 where nothing is learned.
///
/// `gradient`, `x` and `out` have one shape and type (f32, f16, bf16, f64); out may be the memory of either.
qdq_status qdq_quantizer_backward(const qdq_quantizer *quantizer,
                                  const qdq_tensor *gradient,
                                  const qdq_tensor *x,
                                  const qdq_tensor *out,
                                  double *min_gradient,
                                  double *max_gradient,
                                  qdq_error **error);

/// Observes a batch for calibration, whatever the switches say. The statistics are those of the descriptor's
/// method.
qdq_status qdq_quantizer_observe(qdq_quantizer *quantizer, const qdq_tensor *x, qdq_error **error);

/// Forgets what was observed.
qdq_status qdq_quantizer_reset_calibration(qdq_quantizer *quantizer, qdq_error **error);

/// Adds what another quantizer with the same kept axes has observed, on another thread say.
qdq_status qdq_quantizer_merge(qdq_quantizer *quantizer, const qdq_quantizer *other, qdq_error **error);

/// A copy of the statistics of a descriptor with QDQ_CALIB_HISTOGRAM; an error with another. Free `*out` with
/// qdq_tensor_stats_free().
qdq_status qdq_quantizer_stats(const qdq_quantizer *quantizer, qdq_tensor_stats **out, qdq_error **error);

/// Computes the amax from what was observed, and sets it. Maxima know QDQ_METHOD_MAX only, QDQ_CALIB_COMPAT
/// every method but that, e4m3 every method but QDQ_METHOD_ENTROPY, and with QDQ_CALIB_COMPAT a percentile
/// only; an infinite amax, or one of another shape than the one before, is an error. Where nothing was
/// observed that is an error if `strict`, else the amax stays as it is. `loaded`, which may be NULL, receives
/// whether an amax was set.
qdq_status qdq_quantizer_load_calib_amax(qdq_quantizer *quantizer,
                                         qdq_method method,
                                         double percentile,
                                         bool strict,
                                         bool *loaded,
                                         qdq_error **error);

/// The same with the options of pytorch-quantization's entropy and mse: the bins of its histogram at which
/// ranges are tried, from `start_bin` (usually 128) in steps of `stride` (usually 1). An error with another
/// calib_method than QDQ_CALIB_COMPAT, with another method than QDQ_METHOD_ENTROPY and QDQ_METHOD_MSE, with a
/// stride of 0, and where no bin is left. `loaded`, which may be NULL, receives whether an amax was set.
qdq_status qdq_quantizer_load_calib_amax_searching(qdq_quantizer *quantizer,
                                                   qdq_method method,
                                                   size_t start_bin,
                                                   size_t stride,
                                                   bool strict,
                                                   bool *loaded,
                                                   qdq_error **error);

/// Writes what was observed to a safetensors file, whole or not at all: with QDQ_CALIB_HISTOGRAM one that
/// qdq_stats_load() reads, of one tensor that is called like the quantizer; with QDQ_CALIB_MAX one that
/// qdq_axis_max_load() reads, unless the maxima are those of blocks. An error with QDQ_CALIB_COMPAT.
qdq_status qdq_quantizer_save_calibration(const qdq_quantizer *quantizer, const char *path, qdq_error **error);

/// Reads what qdq_quantizer_save_calibration() wrote, in place of what was observed. To add it instead, load
/// it into a clone and merge that. From a file of statistics with several tensors it takes the one that is
/// called like the quantizer.
///
/// QDQ_ERROR_FORMAT for a file that is damaged or something else, such as what another method observes;
/// QDQ_ERROR_INVALID_ARGUMENT for maxima along other axes or of other blocks than the descriptor's;
/// QDQ_ERROR_DATA where there are several tensors but not the quantizer's. What was observed stays then.
qdq_status qdq_quantizer_load_calibration(qdq_quantizer *quantizer, const char *path, qdq_error **error);

/// The content of that file; equal calibrations give equal bytes. Free `*out` with qdq_buffer_free().
qdq_status qdq_quantizer_calibration_to_bytes(const qdq_quantizer *quantizer, qdq_buffer **out, qdq_error **error);

/// Takes over the content of such a file, `size` bytes, which are not kept, as
/// qdq_quantizer_load_calibration() does.
qdq_status qdq_quantizer_calibration_from_bytes(qdq_quantizer *quantizer,
                                                const void *bytes,
                                                size_t size,
                                                qdq_error **error);

// ---- When training begins to quantize: qdq_qat_schedule ---------------------------------------------------

/// A schedule of `steps`, at least 1, from the learning rate `start` down to `end`. Free `*out` with
/// qdq_qat_schedule_free().
qdq_status qdq_qat_schedule_new(uint64_t steps, double start, double end, qdq_qat_schedule **out, qdq_error **error);

/// What the user guide of pytorch-quantization recommends for a network that was trained in float for `steps`
/// from the learning rate `rate`: a tenth of the steps (rounded up), from 1% of the rate down to 1% of that.
/// Free `*out` with qdq_qat_schedule_free().
qdq_status qdq_qat_schedule_from_original(uint64_t steps, double rate, qdq_qat_schedule **out, qdq_error **error);

/// Frees `*schedule` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_qat_schedule_free(qdq_qat_schedule **schedule);

/// How many steps to train for; 0 for NULL.
uint64_t qdq_qat_schedule_steps(const qdq_qat_schedule *schedule);

/// The learning rate of step `step`, counted from 0; from the last step on the end. NaN for NULL.
double qdq_qat_schedule_learning_rate(const qdq_qat_schedule *schedule, uint64_t step);

// ---- Numbers with a shape: qdq_array ----------------------------------------------------------------------

/// Reads a whole .npy file: labels or samples, say. Arrays in Fortran order come out row-major. Free `*out`
/// with qdq_array_free().
qdq_status qdq_array_read_npy(const char *path, qdq_array **out, qdq_error **error);

/// Frees `*array` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_array_free(qdq_array **array);

/// The rank; 0 for a single number and for NULL.
int32_t qdq_array_ndim(const qdq_array *array);

/// The sizes of the axes. Valid until the array is freed; NULL for NULL.
const int64_t *qdq_array_shape(const qdq_array *array);

/// How many elements there are; 0 for NULL.
size_t qdq_array_count(const qdq_array *array);

/// The numbers of an array of f32. Valid until the array is freed; NULL for NULL and for another type, which
/// qdq_array_view() tells.
const float *qdq_array_values(const qdq_array *array);

/// The array as a tensor, for functions that take one: a view that is valid until the array is freed. Nothing
/// may be written through it.
qdq_status qdq_array_view(const qdq_array *array, qdq_tensor *out, qdq_error **error);

// ---- Bytes and files: qdq_buffer --------------------------------------------------------------------------

/// Frees `*buffer` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_buffer_free(qdq_buffer **buffer);

/// The first byte. Valid until the buffer is freed; NULL for NULL.
const void *qdq_buffer_data(const qdq_buffer *buffer);

/// The bytes as a text that ends with a NUL. Valid until the buffer is freed; NULL for NULL.
const char *qdq_buffer_text(const qdq_buffer *buffer);

/// How many bytes there are, without the NUL behind them.
size_t qdq_buffer_size(const qdq_buffer *buffer);

/// Writes bytes into a file, whole or not at all: into a temporary neighbour that takes the file's name at
/// the end. `data` may be NULL where `size` is 0.
qdq_status qdq_write_file(const char *path, const void *data, size_t size, qdq_error **error);

// ---- Texts: qdq_texts -------------------------------------------------------------------------------------

/// Frees `*texts` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_texts_free(qdq_texts **texts);

/// How many texts there are; 0 for NULL.
size_t qdq_texts_count(const qdq_texts *texts);

/// Text `index`; NULL past the last. Valid until the list is freed.
const char *qdq_texts_at(const qdq_texts *texts, size_t index);

// ---- What is to be known of a result: qdq_findings --------------------------------------------------------

/// Frees `*findings` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_findings_free(qdq_findings **findings);

/// How many findings there are; 0 for NULL.
size_t qdq_findings_count(const qdq_findings *findings);

/// How bad finding `index` is; QDQ_SEVERITY_NOTE past the last.
qdq_severity qdq_findings_severity(const qdq_findings *findings, size_t index);

/// What was found; NULL past the last. Valid until the findings are freed.
const char *qdq_findings_message(const qdq_findings *findings, size_t index);

/// What to do about finding `index`, empty if there is nothing to do; NULL past the last. Valid until the
/// findings are freed.
const char *qdq_findings_remedy(const qdq_findings *findings, size_t index);

/// How many tensors or files finding `index` is about; 0 if it is about the whole.
size_t qdq_findings_tensor_count(const qdq_findings *findings, size_t index);

/// Tensor `tensor` of finding `index`; NULL past the last. Valid until the findings are freed.
const char *qdq_findings_tensor_at(const qdq_findings *findings, size_t index, size_t tensor);

// ---- Errors: qdq_error ------------------------------------------------------------------------------------

/// Makes an error for a callback to return: `status` (a number that is none, QDQ_OK too, counts as
/// QDQ_ERROR_CALLBACK), a message, and what to do about it or NULL. Texts are copied; what is not UTF-8 in
/// them is replaced. The callback stores it through its `error` and returns the same status; qdq takes it
/// over and passes it on to its own caller.
qdq_error *qdq_error_new(qdq_status status, const char *message, const char *remedy);

/// Frees `*error` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_error_free(qdq_error **error);

/// The kind of the error; QDQ_OK for NULL.
qdq_status qdq_error_status(const qdq_error *error);

/// What is wrong with which thing, in one line. Valid until the error is freed; NULL for NULL.
const char *qdq_error_message(const qdq_error *error);

/// What to do about it; NULL where no remedy is known. Valid until the error is freed.
const char *qdq_error_remedy(const qdq_error *error);

/// How many errors from below caused this one.
size_t qdq_error_cause_count(const qdq_error *error);

/// The cause at `index`, from 0, the nearest first; NULL past the last. Valid until the error is freed.
const char *qdq_error_cause_at(const qdq_error *error, size_t index);

/// Everything for a log: message and remedy in the first line, then a line for every cause. Valid until the
/// error is freed; NULL for NULL.
const char *qdq_error_text(const qdq_error *error);

// ---- Statuses ---------------------------------------------------------------------------------------------

/// A word for a status, such as "invalid argument"; "unknown" for a number that is none. Valid for ever.
const char *qdq_status_text(qdq_status status);

// ---- Messages ---------------------------------------------------------------------------------------------

/// Sends the messages of the library up to a level to `log`, in place of the callback set before; `log` may
/// be NULL for silence, the default. It holds for the whole process. When the function has returned, the
/// callback set before is not called any more. `free_user`, which may be NULL, is called once with `user`:
/// when another callback is set, or before this function returns with an error.
///
/// QDQ_ERROR_UNSUPPORTED in a Rust program that has a subscriber for `tracing` already: that one receives the
/// messages.
qdq_status qdq_log_set(qdq_log_fn log, void *user, qdq_free_fn free_user, qdq_log_level level, qdq_error **error);

// ---- Version, kernels, threads ----------------------------------------------------------------------------

/// The version of the library that runs: major * 10000 + minor * 100 + patch. Compare it with QDQ_VERSION,
/// the version that the program was compiled with.
uint32_t qdq_version(void);

/// The version as text, such as "0.1.0". Valid for ever.
const char *qdq_version_text(void);

/// The instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA, read at the
/// first computation, overrides the choice. Valid for ever.
const char *qdq_kernel_name(void);

/// Limits how many threads share the work on one large tensor or on weights: 1 for the caller's own only, 0
/// for as many as the machine has cores, which is the default. Holds for the whole process, from the next
/// call on; results do not depend on it. Runs of a model have threads of their own, see
/// qdq_run_options_set_threads().
void qdq_set_threads(size_t limit);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* QDQ_QDQ_H */
