// qdq: INT8 for TensorRT without Python. This is the C++ interface: C++17, headers only, over qdq.h.
//
// Names. The C object qdq_<object> is the class qdq::<Object>. The number QDQ_<SET>_<NAME> is the enumerator
//   qdq::<Set>::<Name>. Functions have the same names as in C. Every term means the same in Rust, C, C++ and
//   the command-line tool. The formulas are in qdq.h.
//
// Ownership. An object owns its C object. Objects can be moved, never copied. c() gives access to the C
//   object, release() gives up its ownership, and a constructor takes ownership of a C object. Texts and
//   views that a function returns belong to the object that returned them. That object must therefore be a
//   variable: `model.plan().value().decisions()` does not compile, because the plan is destroyed at the end
//   of the line. Functions copy every argument that they need later.
//
// Errors. A function that can fail returns a Result<T>: a value, or an Error that names the object, the cause
//   and the remedy. If exceptions are enabled, value() throws the error. No exception of a callback passes
//   through the library: the call that ran the callback returns it as an error. Objects with many settings
//   are made by `Object::make().…build()`, and build() returns the first error. If memory runs out, the
//   process ends or std::bad_alloc is thrown.
//
// Threads. Functions that are const may run at the same time on the same object. Other functions need
//   exclusive access to their object. A callback must not use an object that the function which called it is
//   changing.
//
// Texts are UTF-8. A name ends at its first NUL; an empty text means no text. Paths are bytes in the system's
//   own encoding, on Windows UTF-8.
#ifndef QDQ_QDQ_HPP
#define QDQ_QDQ_HPP

#include <qdq/array.hpp>
#include <qdq/axis_max.hpp>
#include <qdq/batch.hpp>
#include <qdq/batches.hpp>
#include <qdq/buffer.hpp>
#include <qdq/cache.hpp>
#include <qdq/cancel.hpp>
#include <qdq/comparison.hpp>
#include <qdq/data_options.hpp>
#include <qdq/descriptor.hpp>
#include <qdq/engine_cost.hpp>
#include <qdq/error.hpp>
#include <qdq/findings.hpp>
#include <qdq/graph.hpp>
#include <qdq/histogram_calibrator.hpp>
#include <qdq/known_values.hpp>
#include <qdq/learned_step.hpp>
#include <qdq/log.hpp>
#include <qdq/model.hpp>
#include <qdq/node.hpp>
#include <qdq/numbers.hpp>
#include <qdq/onnxruntime.hpp>
#include <qdq/plan.hpp>
#include <qdq/policy.hpp>
#include <qdq/qat_schedule.hpp>
#include <qdq/quantize_options.hpp>
#include <qdq/quantizer.hpp>
#include <qdq/ranges.hpp>
#include <qdq/precision_options.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/recover_options.hpp>
#include <qdq/result.hpp>
#include <qdq/run_options.hpp>
#include <qdq/session.hpp>
#include <qdq/span.hpp>
#include <qdq/specs.hpp>
#include <qdq/stats.hpp>
#include <qdq/tensor.hpp>
#include <qdq/tensor_stats.hpp>
#include <qdq/tensor_view.hpp>
#include <qdq/texts.hpp>
#include <qdq/version.hpp>
#include <qdq/weights.hpp>

#endif
