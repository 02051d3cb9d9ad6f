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

/// One batch: named tensors, such as one for every input of a network.
///
/// Batches::next() and Session::run() return batches. The caller can fill one too, and so does the function
/// of Batches::from_callback(). Returned views are valid until the batch is changed or freed.
///
///     for (auto [name, tensor] : batch) …
class Batch : public detail::Handle<qdq_batch, qdq_batch_free> {
 public:
  /// A tensor with its name.
  struct Entry {
    std::string_view name;
    TensorView tensor;
  };

  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<Entry, qdq_batch>;
  /// Makes a batch without tensors, for Session::run().
  Batch() : Handle(qdq_batch_new()) {}

  /// Sets the tensor `name`, such as the data of an input, with samples along the first axis. The elements
  /// are copied.
  [[nodiscard]] Result<void> set(std::string_view name, const TensorView& tensor) {
    return detail::call(qdq_batch_set, c(), detail::Text(name).c(), tensor.c());
  }

  /// Returns the number of samples in the batch, without repeats; 0 for a batch that is being filled.
  [[nodiscard]] std::size_t samples() const noexcept { return qdq_batch_samples(c()); }
  /// Returns the number of repeats after the samples in every tensor.
  ///
  /// If the model's batch size is fixed, repeats fill up the last batch from files. Calibration ignores the
  /// results of repeats.
  [[nodiscard]] std::size_t repeats() const noexcept { return qdq_batch_repeats(c()); }

  /// Returns the number of tensors.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_batch_count(c()); }
  /// Returns the tensor `name`; Status::Data if there is none.
  [[nodiscard]] Result<TensorView> get(std::string_view name) const& {
    qdq_tensor tensor{};
    QDQ_TRY(detail::call(qdq_batch_get, c(), detail::Text(name).c(), &tensor));
    return TensorView(tensor);
  }
  void get(std::string_view name) const&& = delete;
  /// Returns the tensor at `index`, which must be below size().
  [[nodiscard]] Entry at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all tensors.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
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
