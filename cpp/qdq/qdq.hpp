// qdq: INT8 for TensorRT without Python. The C++ interface: C++17, headers only, over qdq.h.
//
// Names. A C object qdq_<object> is the class qdq::<Object>, a number QDQ_<SET>_<NAME> the enumerator
//   qdq::<Set>::<Name>, and functions are called as in C. What a word means is the same in Rust, C, C++ and
//   the command-line tool; qdq.h has the formulas.
//
// Ownership. Objects own what they stand for: they are moved, never copied. c() is the way into the C
//   interface, release() gives the object up, and a constructor takes one over. Texts and views that a
//   function returns belong to the object that they came from, so that it must be a variable:
//   `model.plan().value().decisions()`, of a plan that is gone at the end of the line, does not compile. What
//   is passed to a function is copied where it is needed later.
//
// Errors. A function that can fail returns a Result<T>: a value, or an Error that names the thing, the
//   cause and the remedy. Where exceptions are on, value() throws it. No exception of a callback passes
//   through the library: it comes out of the call that ran the callback, as an error. Objects with many
//   settings are made by `Object::make().…build()`, which tells the first error. Where memory runs out, the
//   process ends or std::bad_alloc is thrown.
//
// Threads. Constant functions may run at the same time on the same object, others need it for themselves
//   alone. A callback must not use an object that the function which called it is changing.
//
// Texts are UTF-8. Names are taken up to a NUL; an empty text stands for none. Paths are bytes as the system
//   has them, on Windows UTF-8.
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
#include <qdq/error.hpp>
#include <qdq/findings.hpp>
#include <qdq/graph.hpp>
#include <qdq/histogram_calibrator.hpp>
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
