// Streams of batches.
#ifndef QDQ_BATCHES_HPP
#define QDQ_BATCHES_HPP

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <qdq/batch.hpp>
#include <qdq/data_options.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/callback.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/specs.hpp>

namespace qdq {
namespace detail {

// Checks that the answer of the function, whether there is a batch, fits the tensors that it has set.
inline qdq_status given(bool more, const Batch& batch, qdq_error** error) {
  if (more == (batch.size() > 0)) return QDQ_OK;
  return fail(more ? Error(Status::Callback, "the batch callback returned true without setting a tensor",
                           "set every input, or return false at the end of the data")
                   : Error(Status::Callback, "the batch callback returned false after setting a tensor",
                           "return true for every batch and false once, after the last"),
              error);
}

// Calls the function that fills batches, from the C interface.
template <typename Function>
struct NextBatch {
  using Answer = std::invoke_result_t<Function&, Batch&>;

  static qdq_status next(void* user, qdq_batch* raw, qdq_error** error) noexcept {
    struct Lent {
      Batch batch;
      ~Lent() { static_cast<void>(batch.release()); }
    } lent{Batch(raw)};
    const qdq_status status = guard(error, [&] { return ask(*static_cast<Function*>(user), lent.batch, error); });
    if (lent.batch.c() == raw) return status;
    // Assigning another batch to it does not reach qdq, and moving out of it loses the tensors that were set.
    Batch foreign(lent.batch.release());
    if (status != QDQ_OK) return status;
    return fail(Error(Status::Callback, "the batch callback replaced the batch that it was to fill", "use Batch::set()"),
                error);
  }

 private:
  static qdq_status ask(Function& function, Batch& batch, qdq_error** error) {
    if constexpr (std::is_void_v<Answer>) {
      function(batch);
      return QDQ_OK;
    } else if constexpr (std::is_same_v<Answer, bool>) {
      return given(function(batch), batch, error);
    } else {
      static_assert(std::is_same_v<Answer, Result<void>> || std::is_same_v<Answer, Result<bool>>,
                    "a batch callback returns bool, void, qdq::Result<bool> or qdq::Result<void>");
      Answer answer = function(batch);
      if (!answer) return fail(std::move(answer).error(), error);
      if constexpr (std::is_same_v<Answer, Result<bool>>) return given(*answer, batch, error);
      return QDQ_OK;
    }
  }
};

}  // namespace detail

/// A stream of batches from files or from a function. It can be read once.
class Batches : public detail::Handle<qdq_batches, qdq_batches_free> {
 public:
  using Handle::Handle;

  /// Opens calibration data for a network with these inputs.
  ///
  /// `paths` is any range of paths of files (.npz, .npy, raw, images in JPEG, PNG, BMP, GIF, WebP, TIFF or
  /// PNM) or folders. "NAME=PATH" names the input that a path feeds.
  template <typename Paths, typename = std::enable_if_t<!std::is_convertible_v<const Paths&, std::string_view>>>
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, const Paths& paths,
                                            const DataOptions& options = DataOptions()) {
    const detail::Texts texts(paths);
    return detail::make<Batches>(qdq_batches_open, inputs.c(), texts.c(), texts.size(), options.c());
  }
  /// Does the same with paths in braces.
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, std::initializer_list<std::string_view> paths,
                                            const DataOptions& options = DataOptions()) {
    return open<std::initializer_list<std::string_view>>(inputs, paths, options);
  }
  /// Does the same with a single path.
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, std::string_view path,
                                            const DataOptions& options = DataOptions()) {
    return open(inputs, {path}, options);
  }

  /// Makes a stream of batches from a function, for a network with these inputs. The function is moved in and
  /// lives as long as the stream.
  ///
  /// The function is called with a `Batch&`. It sets one tensor for every input and returns true; after the
  /// last batch it sets nothing and returns false. It may return Result<bool> instead; or void or
  /// Result<void>, and then a batch without tensors ends the data. The batch belongs to qdq and must not be
  /// moved from.
  ///
  /// An error that the function returns, or an Exception that it throws, ends the run, and the run returns
  /// it. Any other exception becomes Status::Callback. The function is called on the thread that asks for the
  /// batch, one call at a time.
  template <typename Function>
  [[nodiscard]] static Result<Batches> from_callback(const Specs& inputs, Function function) {
    using Next = detail::NextBatch<Function>;
    // The function is freed with the stream, or at once if no stream is made.
    void* user = new Function(std::move(function));
    return detail::make<Batches>(qdq_batches_from_callback, inputs.c(), Next::next, user, detail::free_function<Function>);
  }

  /// Returns the next batch; nothing after the last one. After an error there are no more batches.
  ///
  /// A stream can be read once: Status::InvalidArgument if next() is called again after the end. The same
  /// holds for every run over the stream.
  [[nodiscard]] Result<std::optional<Batch>> next() { return detail::make_if_any<Batch>(qdq_batches_next, c()); }

  /// Returns the findings of the data that was read so far: files and samples that were left out.
  [[nodiscard]] Result<Findings> findings() { return detail::make<Findings>(qdq_batches_findings, c()); }

  /// Returns the number of remaining batches; nothing if it is unknown.
  [[nodiscard]] std::optional<std::uint64_t> remaining() noexcept {
    const std::int64_t count = qdq_batches_remaining(c());
    return count < 0 ? std::nullopt : std::optional<std::uint64_t>(static_cast<std::uint64_t>(count));
  }
};

namespace detail {

// Calls the function that opens the same data once more, from the C interface.
template <typename Function>
qdq_status open_again(void* user, qdq_batches** out, qdq_error** error) noexcept {
  return guard(error, [&]() -> qdq_status {
    Result<Batches> opened = (*static_cast<Function*>(user))();
    if (!opened) return fail(std::move(opened).error(), error);
    *out = opened->release();
    return QDQ_OK;
  });
}

}  // namespace detail
}  // namespace qdq

#endif
