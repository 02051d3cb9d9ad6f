// Options for running a model over data.
#ifndef QDQ_RUN_OPTIONS_HPP
#define QDQ_RUN_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <qdq/cancel.hpp>
#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/callback.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

/// The progress of a run.
struct Progress {
  std::uint64_t batches;
  std::uint64_t samples;
  std::optional<std::uint64_t> total_batches;  ///< The number of all batches, if it is known.
};

namespace detail {

// Calls the function that receives progress, from the C interface.
template <typename Function>
qdq_status on_progress(void* user, std::uint64_t batches, std::uint64_t samples, std::int64_t total,
                       qdq_error** error) noexcept {
  Progress progress{batches, samples, std::nullopt};
  if (total >= 0) progress.total_batches = static_cast<std::uint64_t>(total);
  return guard(error, [&] { return tell(*static_cast<Function*>(user), error, progress); });
}

}  // namespace detail

/// Options for running a model over data: the runtime, the function that receives progress, and the switch
/// that stops runs. The options must outlive the runs that use them.
///
///     auto options = qdq::RunOptions::make().threads(4).progress([](const qdq::Progress& p) { … }).build();
class RunOptions : public detail::Handle<qdq_run_options, qdq_run_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes the default options.
  RunOptions() : Handle(qdq_run_options_new()) {}

  /// Returns the runtime that is set.
  [[nodiscard]] Runtime runtime() const noexcept { return static_cast<Runtime>(qdq_run_options_runtime(c())); }
  /// Replaces Runtime::Auto by the runtime that it selects, so that several models run in the same runtime.
  /// After that, runtime() returns it.
  [[nodiscard]] Result<void> settle() { return detail::call(qdq_run_options_settle, c()); }

  /// Starts with the default options.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class RunOptions::Builder : public detail::Builder<Builder, RunOptions> {
 public:
  using detail::Builder<Builder, RunOptions>::Builder;

  /// Sets the runtime. Default: Runtime::Embedded.
  Builder& runtime(Runtime runtime) { return set(qdq_run_options_set_runtime, detail::number(runtime)); }
  /// Sets the path of ONNX Runtime's library or of its folder; empty, the default, to search for it.
  Builder& onnxruntime(std::string_view path) { return set(qdq_run_options_set_onnxruntime, detail::Text(path).or_null()); }
  /// Sets the number of threads that compute, at most 1024; 0, the default, for as many as there are physical
  /// cores.
  Builder& threads(std::size_t threads) { return set(qdq_run_options_set_threads, threads); }
  /// Sets a function that is called after every batch, with a `const Progress&`. It is moved in and lives as
  /// long as the options.
  ///
  /// It returns nothing; or bool, and false stops the run with Status::Cancelled; or Result<void>, and the
  /// run stops and returns its error. Exceptions are treated as in Batches::from_callback(). The function is
  /// called on the thread that runs the model. If several runs share the options, several threads may call it
  /// at the same time.
  template <typename Function>
  Builder& progress(Function function) {
    if (!object_) return *this;
    return set(qdq_run_options_set_progress, detail::on_progress<Function>,
               static_cast<void*>(new Function(std::move(function))), detail::free_function<Function>);
  }
  /// Sets the switch that stops runs. It may be freed before the options.
  Builder& cancel(const Cancel& cancel) { return set(qdq_run_options_set_cancel, cancel.c()); }
};

inline RunOptions::Builder RunOptions::make() { return Builder(RunOptions()); }

}  // namespace qdq

#endif
