// One batch of data.
#ifndef QDQ_BATCH_HPP
#define QDQ_BATCH_HPP

#include <cstddef>
#include <string_view>
#include <utility>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/tensor_view.hpp>

#include <qdq/detail/try.hpp>

namespace qdq {

/// One batch: named tensors, such as one for every input of a network. Batches::next() and Session::run()
/// hand it out, or it is filled by the caller or by the function behind Batches::from_callback(). What it
/// returns is valid until it is changed or freed.
///
///     for (auto [name, tensor] : batch) …
class Batch : public detail::Handle<qdq_batch, qdq_batch_free> {
 public:
  /// The tensor `name`.
  struct Entry {
    std::string_view name;
    TensorView tensor;
  };

  using Handle::Handle;
  /// The range that begin() and end() go through.
  using Items = detail::Items<Entry, qdq_batch>;
  /// A batch without tensors, for Session::run().
  Batch() : Handle(qdq_batch_new()) {}

  /// Sets the tensor `name`, such as that of an input, samples along the first axis. The elements are copied.
  [[nodiscard]] Result<void> set(std::string_view name, const TensorView& tensor) {
    return detail::call(qdq_batch_set, c(), detail::Text(name).c(), tensor.c());
  }

  /// How many samples the batch holds, without repeats; 0 for one that is being filled.
  [[nodiscard]] std::size_t samples() const noexcept { return qdq_batch_samples(c()); }
  /// How many repeats follow the samples in every tensor: they fill up the last batch from files where the
  /// model's batch size is fixed. Calibration leaves out what comes of them.
  [[nodiscard]] std::size_t repeats() const noexcept { return qdq_batch_repeats(c()); }

  /// How many tensors there are.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_batch_count(c()); }
  /// The tensor `name`; Status::Data where there is none.
  [[nodiscard]] Result<TensorView> get(std::string_view name) const& {
    qdq_tensor tensor{};
    QDQ_TRY(detail::call(qdq_batch_get, c(), detail::Text(name).c(), &tensor));
    return TensorView(tensor);
  }
  void get(std::string_view name) const&& = delete;
  /// The tensor at `index`, which must be below size().
  [[nodiscard]] Entry at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// All tensors, for loops.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// The end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

 private:
  static Entry entry(const qdq_batch* batch, std::size_t, std::size_t index) {
    qdq_tensor tensor{};
    qdq_batch_at(batch, index, &tensor, nullptr);
    return {detail::view(qdq_batch_name(batch, index)), TensorView(tensor)};
  }
  Items items() const { return {c(), size(), entry}; }
};

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
