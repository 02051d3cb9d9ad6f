// Statistics of one tensor.
#ifndef QDQ_TENSOR_STATS_HPP
#define QDQ_TENSOR_STATS_HPP

#include <cstdint>
#include <vector>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor_view.hpp>

#include <qdq/detail/try.hpp>

namespace qdq {

/// The calibrator's observer: it sees every value of one tensor once, in any number of batches, in a fixed
/// amount of memory. Any cut of the data into batches or threads gives the same statistics: let every thread
/// observe into its own and merge.
class TensorStats : public detail::Handle<qdq_tensor_stats, qdq_tensor_stats_free> {
 public:
  /// Magnitudes from `lower` up to, not including, `upper`.
  struct Bin {
    float lower;
    float upper;
    std::uint64_t count;
  };

  using Handle::Handle;
  /// Statistics that have seen nothing.
  TensorStats() : Handle(qdq_tensor_stats_new()) {}

  /// Adds the values of x (f32, f16, bf16, f64), none too.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_tensor_stats_observe, c(), x.c()); }
  /// Adds what `other` has seen.
  [[nodiscard]] Result<void> merge(const TensorStats& other) { return detail::call(qdq_tensor_stats_merge, c(), other.c()); }
  /// An observer of its own with the same statistics.
  [[nodiscard]] Result<TensorStats> clone() const { return detail::make<TensorStats>(qdq_tensor_stats_clone, c()); }

  /// The range by a method for integers of 2 to 16 bits. An error without a finite
  /// value, or with negative values and unsigned integers.
  [[nodiscard]] Result<float> amax(RangeMethod method = Method::Mse, std::uint32_t num_bits = 8,
                                   bool is_unsigned = false) const {
    return detail::get<float>(qdq_tensor_stats_amax, c(), detail::number(method.method), method.percentile, num_bits,
                              is_unsigned);
  }

  /// The number of values seen, NaN and infinities included.
  [[nodiscard]] std::uint64_t values() const noexcept { return qdq_tensor_stats_values(c()); }
  /// How many values were zero.
  [[nodiscard]] std::uint64_t zeros() const noexcept { return qdq_tensor_stats_zeros(c()); }
  /// How many values were NaN.
  [[nodiscard]] std::uint64_t nans() const noexcept { return qdq_tensor_stats_nans(c()); }
  /// How many values were infinite, of either sign.
  [[nodiscard]] std::uint64_t infinities() const noexcept { return qdq_tensor_stats_infinities(c()); }
  /// The smallest finite value; NaN where there was none.
  [[nodiscard]] float min() const noexcept { return qdq_tensor_stats_min(c()); }
  /// The largest finite value; NaN where there was none.
  [[nodiscard]] float max() const noexcept { return qdq_tensor_stats_max(c()); }

  /// The largest magnitude of the finite values; NaN where there was none.
  [[nodiscard]] float abs_max() const noexcept { return qdq_tensor_stats_abs_max(c()); }
  /// How many values are not zero but a million times smaller than the largest: too small for the histogram.
  [[nodiscard]] std::uint64_t below() const noexcept { return qdq_tensor_stats_below(c()); }
  /// How many magnitudes are not the lower edge of their bin: 0 means discrete data such as integers and
  /// pixels.
  [[nodiscard]] std::uint64_t between() const noexcept { return qdq_tensor_stats_between(c()); }

  /// The occupied bins of the histogram of magnitudes, ascending. Zeros are in none; the values of below()
  /// are together in the first, from 0.
  [[nodiscard]] Result<std::vector<Bin>> bins() const {
    const std::size_t count = qdq_tensor_stats_bin_count(c());
    std::vector<float> lower(count), upper(count);
    std::vector<std::uint64_t> counts(count);
    QDQ_TRY_AS(filled, detail::call(qdq_tensor_stats_bins, c(), lower.data(), upper.data(), counts.data(), count));
    std::vector<Bin> bins;
    for (std::size_t i = 0; i < count; ++i) bins.push_back({lower[i], upper[i], counts[i]});
    return bins;
  }
};

}  // namespace qdq

#include <qdq/detail/end_try.hpp>

#endif
