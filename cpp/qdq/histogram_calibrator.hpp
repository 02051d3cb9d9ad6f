// pytorch-quantization's histogram.
#ifndef QDQ_HISTOGRAM_CALIBRATOR_HPP
#define QDQ_HISTOGRAM_CALIBRATOR_HPP

#include <cstddef>
#include <cstdint>

#include <qdq/detail/call.hpp>
#include <qdq/detail/handle.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// pytorch-quantization's HistogramCalibrator with its own bins, growth and methods, for programs that need
/// the same numbers. The result depends on the order of the batches. Otherwise prefer TensorStats.
class HistogramCalibrator : public detail::Handle<qdq_histogram_calibrator, qdq_histogram_calibrator_free> {
 public:
  using Handle::Handle;

  /// Makes a calibrator with `num_bins` bins over the first batch. With `skip_zeros` it ignores zeros.
  [[nodiscard]] static Result<HistogramCalibrator> make(std::size_t num_bins = 2048, bool skip_zeros = false,
                                                        Library library = Library::Torch) {
    return detail::make<HistogramCalibrator>(qdq_histogram_calibrator_new, num_bins, skip_zeros, detail::number(library));
  }
  /// Adds a batch (f32, f16, bf16, f64). NaN, infinities and empty batches are errors; earlier observations
  /// are unchanged then.
  [[nodiscard]] Result<void> observe(const TensorView& x) {
    return detail::call(qdq_histogram_calibrator_observe, c(), x.c());
  }
  /// Sets the bins at which entropy and mse try ranges. Default: 128 and 1.
  [[nodiscard]] Result<void> set_search(std::size_t start_bin, std::size_t stride) {
    return detail::call(qdq_histogram_calibrator_set_search, c(), start_bin, stride);
  }
  /// Computes the range by pytorch-quantization's rule, for integers of 2 to 16 bits. Method::Max is an
  /// error; use AxisMax for it.
  [[nodiscard]] Result<float> amax(RangeMethod method, std::uint32_t num_bits = 8, bool is_unsigned = false) const {
    return detail::get<float>(qdq_histogram_calibrator_amax, c(), detail::number(method.method), method.percentile, num_bits,
                              is_unsigned);
  }
  /// Returns the counts of the bins; none before the first batch. Valid until the next batch.
  [[nodiscard]] Span<const std::uint64_t> counts() const& noexcept {
    return {qdq_histogram_calibrator_counts(c()), qdq_histogram_calibrator_bin_count(c())};
  }
  void counts() const&& = delete;
  /// Returns the edges of the bins: bin i holds the magnitudes from edge i to edge i + 1. Valid until the
  /// next batch.
  ///
  /// Usually there is one more edge than bins. After growth as in torch there can be two more.
  [[nodiscard]] Span<const double> edges() const& noexcept {
    return {qdq_histogram_calibrator_edges(c()), qdq_histogram_calibrator_edge_count(c())};
  }
  void edges() const&& = delete;
};

}  // namespace qdq

#endif
