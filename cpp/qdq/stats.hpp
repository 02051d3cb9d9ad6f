// Statistics of a network's tensors.
#ifndef QDQ_STATS_HPP
#define QDQ_STATS_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/span.hpp>
#include <qdq/tensor_stats.hpp>

namespace qdq {

/// Statistics by tensor name: the result of a calibration run, which can be saved, loaded and merged. Equal
/// statistics give equal bytes.
class Stats : public detail::Handle<qdq_stats, qdq_stats_free> {
 public:
  using Handle::Handle;
  /// Makes statistics without tensors.
  Stats() : Handle(qdq_stats_new()) {}

  /// Reads a file that save() or `qdq calibrate --stats` wrote.
  [[nodiscard]] static Result<Stats> load(const std::string& path) {
    return detail::make<Stats>(qdq_stats_load, path.c_str());
  }
  /// Reads statistics from the content of such a file. The content is not kept.
  [[nodiscard]] static Result<Stats> from_bytes(Bytes bytes) {
    return detail::make<Stats>(qdq_stats_from_bytes, bytes.data(), bytes.size());
  }
  /// Writes the statistics to a file, completely or not at all.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_stats_save, c(), path.c_str()); }
  /// Returns the content of that file.
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_stats_to_bytes, c()); }

  /// Adds the values of a batch of the tensor `name` (f32, f16, bf16, f64).
  [[nodiscard]] Result<void> observe(std::string_view name, const TensorView& x) {
    return detail::call(qdq_stats_observe, c(), detail::Text(name).c(), x.c());
  }
  /// Adds the statistics of another run of the same model over other samples.
  [[nodiscard]] Result<void> merge(const Stats& other) { return detail::call(qdq_stats_merge, c(), other.c()); }

  /// Returns the findings of the run that gathered the statistics, such as samples that were left out. Files
  /// do not hold them.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_stats_findings, c()); }

  /// Returns the number of samples that the model ran on.
  [[nodiscard]] std::uint64_t samples() const noexcept { return qdq_stats_samples(c()); }
  /// Sets the number of samples, for programs that observe tensors themselves.
  [[nodiscard]] Result<void> set_samples(std::uint64_t samples) { return detail::call(qdq_stats_set_samples, c(), samples); }

  /// Returns the tensors that have statistics, in alphabetical order. Valid until the statistics are changed
  /// or freed.
  [[nodiscard]] detail::Items<std::string_view, qdq_stats> names() const& {
    return {c(), qdq_stats_count(c()), [](const qdq_stats* stats, std::size_t, std::size_t index) {
              return detail::view(qdq_stats_name(stats, index));
            }};
  }
  void names() const&& = delete;
  /// Returns a copy of the statistics of the tensor `name`; nothing if it has none.
  [[nodiscard]] Result<std::optional<TensorStats>> get(std::string_view name) const {
    return detail::make_if_any<TensorStats>(qdq_stats_get, c(), detail::Text(name).c());
  }
  /// Sets the statistics of the tensor `name` to a copy of `tensor`.
  [[nodiscard]] Result<void> set(std::string_view name, const TensorStats& tensor) {
    return detail::call(qdq_stats_set, c(), detail::Text(name).c(), tensor.c());
  }
};

}  // namespace qdq

#endif
