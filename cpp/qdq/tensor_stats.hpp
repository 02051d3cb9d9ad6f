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

/// The calibrator's observer. It sees every value of one tensor once, in any number of batches, and uses a
/// fixed amount of memory.
///
/// The statistics do not depend on how the data is divided into batches or threads. Let every thread observe
/// into its own object, and merge them.
class TensorStats : public detail::Handle<qdq_tensor_stats, qdq_tensor_stats_free> {
 public:
  /// A bin of magnitudes from `lower` (included) to `upper` (excluded).
  struct Bin {
    float lower;
    float upper;
    std::uint64_t count;
  };

  using Handle::Handle;
  /// Makes empty statistics.
  TensorStats() : Handle(qdq_tensor_stats_new()) {}

  /// Adds the values of x (f32, f16, bf16, f64), which may be empty.
  [[nodiscard]] Result<void> observe(const TensorView& x) { return detail::call(qdq_tensor_stats_observe, c(), x.c()); }
  /// Adds the statistics of `other`.
  [[nodiscard]] Result<void> merge(const TensorStats& other) { return detail::call(qdq_tensor_stats_merge, c(), other.c()); }
  /// Returns an independent observer with the same statistics.
  [[nodiscard]] Result<TensorStats> clone() const { return detail::make<TensorStats>(qdq_tensor_stats_clone, c()); }

  /// Computes the range by a method for integers of 2 to 16 bits. Fails without a finite value, and for
  /// unsigned integers if there are negative values.
  [[nodiscard]] Result<float> amax(RangeMethod method = Method::Mse, std::uint32_t num_bits = 8,
                                   bool is_unsigned = false) const {
    return detail::get<float>(qdq_tensor_stats_amax, c(), detail::number(method.method), method.percentile, num_bits,
                              is_unsigned);
  }

  /// Returns the number of values seen, NaN and infinities included.
  [[nodiscard]] std::uint64_t values() const noexcept { return qdq_tensor_stats_values(c()); }
  /// Returns the number of zeros.
  [[nodiscard]] std::uint64_t zeros() const noexcept { return qdq_tensor_stats_zeros(c()); }
  /// Returns the number of NaN.
  [[nodiscard]] std::uint64_t nans() const noexcept { return qdq_tensor_stats_nans(c()); }
  /// Returns the number of infinities, of either sign.
  [[nodiscard]] std::uint64_t infinities() const noexcept { return qdq_tensor_stats_infinities(c()); }
  /// Returns the smallest finite value; NaN if there was none.
  [[nodiscard]] float min() const noexcept { return qdq_tensor_stats_min(c()); }
  /// Returns the largest finite value; NaN if there was none.
  [[nodiscard]] float max() const noexcept { return qdq_tensor_stats_max(c()); }

  /// Returns the largest magnitude of the finite values; NaN if there was none.
  [[nodiscard]] float abs_max() const noexcept { return qdq_tensor_stats_abs_max(c()); }
  /// Returns the number of nonzero values that are a million times smaller than the largest value, which is
  /// too small for the histogram.
  [[nodiscard]] std::uint64_t below() const noexcept { return qdq_tensor_stats_below(c()); }
  /// Returns the number of magnitudes that are not equal to the lower edge of their bin. 0 means discrete
  /// data such as integers and pixels.
  [[nodiscard]] std::uint64_t between() const noexcept { return qdq_tensor_stats_between(c()); }

  /// Returns the occupied bins of the histogram of magnitudes, in ascending order. Zeros are in no bin. The
  /// first bin, from 0, holds all values that below() counts.
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
