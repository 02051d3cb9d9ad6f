// Where batches come from.
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

// Says whether the data goes on, and keeps the function honest about it.
inline qdq_status given(bool more, const Batch& batch, qdq_error** error) {
  if (more == (batch.size() > 0)) return QDQ_OK;
  return fail(more ? Error(Status::Callback, "the batch callback returned true without setting a tensor",
                           "set every input, or return false at the end of the data")
                   : Error(Status::Callback, "the batch callback returned false after setting a tensor",
                           "return true for every batch and false once, after the last"),
              error);
}

// A function that fills batches, as the C interface calls it.
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
    // What is assigned to the batch in place of it does not reach qdq, and moving out of it loses what was
    // set.
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

/// A stream of batches, to be read once, from files or from a function.
class Batches : public detail::Handle<qdq_batches, qdq_batches_free> {
 public:
  using Handle::Handle;

  /// Opens calibration data for a network with these inputs: any range of paths of files (.npz, .npy, raw,
  /// images in JPEG, PNG, BMP, GIF, WebP, TIFF or PNM) or folders, or "NAME=PATH" for the input that it
  /// feeds.
  template <typename Paths, typename = std::enable_if_t<!std::is_convertible_v<const Paths&, std::string_view>>>
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, const Paths& paths,
                                            const DataOptions& options = DataOptions()) {
    const detail::Texts texts(paths);
    return detail::make<Batches>(qdq_batches_open, inputs.c(), texts.c(), texts.size(), options.c());
  }
  /// The same with paths in braces.
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, std::initializer_list<std::string_view> paths,
                                            const DataOptions& options = DataOptions()) {
    return open<std::initializer_list<std::string_view>>(inputs, paths, options);
  }
  /// The same with a single path.
  [[nodiscard]] static Result<Batches> open(const Specs& inputs, std::string_view path,
                                            const DataOptions& options = DataOptions()) {
    return open(inputs, {path}, options);
  }

  /// Batches from a function for a network with these inputs, which is moved in and lives as long as the
  /// stream. It is called with a `Batch&`, sets one tensor for every input, and returns true; after the last
  /// batch it sets nothing and returns false. It may return Result<bool> instead, or void or Result<void>,
  /// where a batch without tensors ends the data. The batch belongs to qdq and must not be moved from.
  ///
  /// An error that it returns ends the run and comes out of it; so does an Exception that it throws. Another
  /// exception does so as Status::Callback. Called from the thread that asks for the batch, one call at a
  /// time.
  template <typename Function>
  [[nodiscard]] static Result<Batches> from_callback(const Specs& inputs, Function function) {
    using Next = detail::NextBatch<Function>;
    // The function is freed with the stream, or at once where there is none.
    void* user = new Function(std::move(function));
    return detail::make<Batches>(qdq_batches_from_callback, inputs.c(), Next::next, user, detail::free_function<Function>);
  }

  /// The next batch; nothing after the last. After an error there are no more batches. Batches are read once:
  /// Status::InvalidArgument where this is asked again after the end, as from every run over them.
  [[nodiscard]] Result<std::optional<Batch>> next() { return detail::make_if_any<Batch>(qdq_batches_next, c()); }

  /// What the user must know of the data as far as it was read: files and samples that are left out.
  [[nodiscard]] Result<Findings> findings() { return detail::make<Findings>(qdq_batches_findings, c()); }

  /// How many batches are still to come, where that is known.
  [[nodiscard]] std::optional<std::uint64_t> remaining() noexcept {
    const std::int64_t count = qdq_batches_remaining(c());
    return count < 0 ? std::nullopt : std::optional<std::uint64_t>(static_cast<std::uint64_t>(count));
  }
};

namespace detail {

// A function that opens the same data once more, as the C interface calls it.
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
