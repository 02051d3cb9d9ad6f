// The difference between a quantized model and its float model.
#ifndef QDQ_COMPARISON_HPP
#define QDQ_COMPARISON_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>

namespace qdq {

/// The difference between a quantized model and its float model on the same data. Immutable.
class Comparison : public detail::Handle<qdq_comparison, qdq_comparison_free> {
 public:
  /// The difference between the two forms of a tensor, x (float) and y (quantized).
  struct Tensor {
    std::string_view name;  ///< Valid until the comparison is freed.
    double sqnr_db;         ///< 10 log10(sum x^2 / sum (x - y)^2); infinite if the two are equal.
    double cosine;          ///< The cosine between the two.
    double max_error;       ///< The largest |x - y|.
    double mean_error;      ///< The mean of |x - y|.
    /// The share of equal elements, 0 to 1, for integers and booleans, which have no other figure; NaN for
    /// floating-point numbers.
    double equal;
    std::uint64_t values;  ///< The number of compared pairs, without infinities and NaN; if it is 0, the figures are NaN.
    /// The number of pairs with an infinity or a NaN on one side that the other side does not have. They are
    /// not compared.
    std::uint64_t non_finite;
  };

  /// How often both models choose the same class, and how often the correct one.
  struct Agreement {
    std::uint64_t samples;          ///< The number of samples that both models classified.
    std::uint64_t same;             ///< The number of samples for which both models chose the same class.
    std::uint64_t labelled;         ///< The number of samples that have a label.
    std::uint64_t float_right;      ///< The number of samples that the float model classified correctly.
    std::uint64_t quantized_right;  ///< The number of samples that the quantized model classified correctly.
  };

  using Handle::Handle;

  /// Returns the comparison as JSON.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_comparison_to_json, c()); }
  /// Returns the comparison as tables for people.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_comparison_to_text, c()); }
  /// Returns the findings of the comparison: outputs that were not compared, samples that were left out.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_comparison_findings, c()); }
  /// Returns the number of samples that ran through both models.
  [[nodiscard]] std::size_t samples() const noexcept { return qdq_comparison_samples(c()); }
  /// Returns the number of compared outputs.
  [[nodiscard]] std::size_t output_count() const noexcept { return qdq_comparison_output_count(c()); }
  /// Returns the compared tensors: outputs, then activations.
  [[nodiscard]] detail::Items<Tensor, qdq_comparison> tensors() const& {
    return {c(), qdq_comparison_count(c()), [](const qdq_comparison* comparison, std::size_t, std::size_t index) {
              return Tensor{detail::view(qdq_comparison_name(comparison, index)),
                            qdq_comparison_sqnr_db(comparison, index),
                            qdq_comparison_cosine(comparison, index),
                            qdq_comparison_max_error(comparison, index),
                            qdq_comparison_mean_error(comparison, index),
                            qdq_comparison_equal(comparison, index),
                            qdq_comparison_values(comparison, index),
                            qdq_comparison_non_finite(comparison, index)};
            }};
  }
  void tensors() const&& = delete;
  /// Returns whether the SQNR of tensor `index` is at least `min_db`. This can serve as an acceptance test
  /// for outputs.
  ///
  /// False if nothing was compared, or if one side has an infinity or a NaN that the other does not have.
  /// False for integers and booleans, which have no SQNR.
  [[nodiscard]] bool reaches(std::size_t index, double min_db) const noexcept {
    return qdq_comparison_reaches(c(), index, min_db);
  }
  /// Returns the counts of the classification; 0 if top1() is NaN.
  [[nodiscard]] Agreement agreement() const noexcept {
    return {qdq_comparison_classified(c()), qdq_comparison_same_class(c()), qdq_comparison_labelled(c()),
            qdq_comparison_float_right(c()), qdq_comparison_quantized_right(c())};
  }
  /// Returns the share of the samples for which both models choose the same class.
  ///
  /// NaN if the first output does not have the shape [samples, classes], or if neither labels nor a softmax
  /// before it show that it holds scores of classes.
  [[nodiscard]] double top1() const noexcept { return qdq_comparison_top1(c()); }
  /// Returns the accuracy of the float model, 0 to 1; NaN without labels.
  [[nodiscard]] double float_accuracy() const noexcept { return qdq_comparison_float_accuracy(c()); }
  /// Returns the accuracy of the quantized model, 0 to 1; NaN without labels.
  [[nodiscard]] double quantized_accuracy() const noexcept { return qdq_comparison_quantized_accuracy(c()); }
};

}  // namespace qdq

#endif
