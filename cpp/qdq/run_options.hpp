// How a model runs over data.
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

/// How far a run has come.
struct Progress {
  std::uint64_t batches;
  std::uint64_t samples;
  std::optional<std::uint64_t> total_batches;  ///< All batches, where that is known.
};

namespace detail {

// A function that is told about progress, as the C interface calls it.
template <typename Function>
qdq_status on_progress(void* user, std::uint64_t batches, std::uint64_t samples, std::int64_t total,
                       qdq_error** error) noexcept {
  Progress progress{batches, samples, std::nullopt};
  if (total >= 0) progress.total_batches = static_cast<std::uint64_t>(total);
  return guard(error, [&] { return tell(*static_cast<Function*>(user), error, progress); });
}

}  // namespace detail

/// How a model runs over data: the runtime, who is told about progress, and what can stop it. It must outlive
/// the runs that are given it.
///
///     auto options = qdq::RunOptions::make().threads(4).progress([](const qdq::Progress& p) { … }).build();
class RunOptions : public detail::Handle<qdq_run_options, qdq_run_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// The default options.
  RunOptions() : Handle(qdq_run_options_new()) {}

  /// The runtime that is set.
  [[nodiscard]] Runtime runtime() const noexcept { return static_cast<Runtime>(qdq_run_options_runtime(c())); }
  /// Decides what Runtime::Auto stands for, so that several models run in one runtime; runtime() says what it
  /// was.
  [[nodiscard]] Result<void> settle() { return detail::call(qdq_run_options_settle, c()); }

  /// Starts with the default options.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class RunOptions::Builder : public detail::Builder<Builder, RunOptions> {
 public:
  using detail::Builder<Builder, RunOptions>::Builder;

  /// The runtime. Default: Runtime::Embedded.
  Builder& runtime(Runtime runtime) { return set(qdq_run_options_set_runtime, detail::number(runtime)); }
  /// ONNX Runtime's library or the folder it lies in; empty to look for it, the default.
  Builder& onnxruntime(std::string_view path) { return set(qdq_run_options_set_onnxruntime, detail::Text(path).or_null()); }
  /// How many threads compute, at most 1024; 0 for as many as there are physical cores, the default.
  Builder& threads(std::size_t threads) { return set(qdq_run_options_set_threads, threads); }
  /// A function that is told about progress after every batch, with a `const Progress&`. It is moved in and
  /// lives as long as the options. It returns nothing; or bool, where false stops the run as
  /// Status::Cancelled; or Result<void>, whose error stops the run and comes out of it. Exceptions do so as
  /// in Batches::from_callback(). Called from the thread that runs the model: from several at once where
  /// several runs share the options.
  template <typename Function>
  Builder& progress(Function function) {
    if (!object_) return *this;
    return set(qdq_run_options_set_progress, detail::on_progress<Function>,
               static_cast<void*>(new Function(std::move(function))), detail::free_function<Function>);
  }
  /// The switch that stops runs. It may be freed before the options.
  Builder& cancel(const Cancel& cancel) { return set(qdq_run_options_set_cancel, cancel.c()); }
};

inline RunOptions::Builder RunOptions::make() { return Builder(RunOptions()); }

}  // namespace qdq

#endif
