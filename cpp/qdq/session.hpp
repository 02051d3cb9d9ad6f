// Models that are ready to run.
#ifndef QDQ_SESSION_HPP
#define QDQ_SESSION_HPP

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <type_traits>
#include <utility>

#include <qdq/batch.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/callback.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/model.hpp>
#include <qdq/run_options.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {
namespace detail {

// Calls the function that receives tapped tensors, from the C interface.
template <typename Function>
qdq_status on_tap(void* user, std::size_t tap, const qdq_tensor* value, qdq_error** error) noexcept {
  return guard(error, [&] { return tell(*static_cast<Function*>(user), error, tap, TensorView(*value)); });
}

}  // namespace detail

/// A model that is ready to run, in the selected runtime. It runs one batch at a time.
///
///     auto session = qdq::Session::open(model).value();
///     for (auto [name, tensor] : session.run(batch).value()) …
///
/// Inputs, activations and outputs of the main graph can be tapped by name. A run delivers a tapped tensor if
/// it computes it and if its elements are floating-point numbers.
class Session : public detail::Handle<qdq_session, qdq_session_free> {
 public:
  /// The result of a run: the model's outputs in order, and copies of the tapped tensors in the order of the
  /// taps.
  struct Run {
    Batch outputs;
    Batch tapped;
  };

  using Handle::Handle;

  /// Makes a model ready to run, with the runtime, library and threads of the options. The session keeps no
  /// reference to the model.
  [[nodiscard]] static Result<Session> open(const Model& model, const RunOptions& options = RunOptions()) {
    return open(model, std::initializer_list<std::string_view>{}, options);
  }
  /// Does the same with taps (any range of names), for run_tapped().
  template <typename Taps, typename = std::enable_if_t<!std::is_convertible_v<const Taps&, std::string_view>>>
  [[nodiscard]] static Result<Session> open(const Model& model, const Taps& taps, const RunOptions& options = RunOptions()) {
    const detail::Texts texts(taps);
    return detail::make<Session>(qdq_session_open, model.c(), texts.c(), texts.size(), nullptr, nullptr, nullptr,
                                 options.c());
  }
  /// Does the same with names in braces.
  [[nodiscard]] static Result<Session> open(const Model& model, std::initializer_list<std::string_view> taps,
                                            const RunOptions& options = RunOptions()) {
    return open<std::initializer_list<std::string_view>>(model, taps, options);
  }
  /// Does the same with taps and a function that receives every tapped tensor as soon as it is computed.
  ///
  /// The arguments of the function are the position of the tap and a `const TensorView&` that is valid during
  /// the call. The function is moved in and lives as long as the session. It returns nothing; or bool, and
  /// false stops the run with Status::Cancelled; or Result<void>, and the run stops and returns its error.
  /// Exceptions are treated as in Batches::from_callback(). The runtime's threads call the function, several
  /// at the same time.
  template <typename Taps, typename Function>
  [[nodiscard]] static Result<Session> with_tap(const Model& model, const Taps& taps, Function function,
                                                const RunOptions& options = RunOptions()) {
    const detail::Texts texts(taps);
    return detail::make<Session>(qdq_session_open, model.c(), texts.c(), texts.size(), detail::on_tap<Function>,
                                 static_cast<void*>(new Function(std::move(function))), detail::free_function<Function>,
                                 options.c());
  }

  /// Returns the name and the version of the runtime that runs the model, as a text. Valid until the session
  /// is freed.
  [[nodiscard]] std::string_view runtime() const& noexcept { return detail::view(qdq_session_runtime(c())); }
  void runtime() const&& = delete;

  /// Runs a batch that has one tensor for every input of the model. Returns the outputs by name, in order.
  [[nodiscard]] Result<Batch> run(const Batch& batch) {
    qdq_batch* outputs = nullptr;
    qdq_error* error = nullptr;
    if (qdq_session_run(c(), batch.c(), &outputs, nullptr, &error) != QDQ_OK) return Error(error);
    return Batch(outputs);
  }
  /// Does the same and returns copies of the tapped tensors too.
  [[nodiscard]] Result<Run> run_tapped(const Batch& batch) {
    qdq_batch *outputs = nullptr, *tapped = nullptr;
    qdq_error* error = nullptr;
    if (qdq_session_run(c(), batch.c(), &outputs, &tapped, &error) != QDQ_OK) return Error(error);
    return Run{Batch(outputs), Batch(tapped)};
  }
};

}  // namespace qdq

#endif
