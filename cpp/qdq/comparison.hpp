// How far a quantized model is from its float model.
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

/// How far a quantized model is from its float model on the same data. Immutable.
class Comparison : public detail::Handle<qdq_comparison, qdq_comparison_free> {
 public:
  /// How far apart the two forms of a tensor are.
  struct Tensor {
    std::string_view name;  ///< Valid until the comparison is freed.
    double sqnr_db;         ///< 10 log10(sum x^2 / sum (x - y)^2); infinite where the two are equal.
    double cosine;          ///< The cosine between the two.
    double max_error;       ///< The largest |x - y|.
    double mean_error;      ///< The mean of |x - y|.
    /// The share of equal elements, 0 to 1, of whole numbers or truth values, which have no other figure; NaN
    /// for floating-point numbers.
    double equal;
    std::uint64_t values;  ///< How many pairs were compared, infinities and NaN left out; where it is 0 the figures are NaN.
    /// How many pairs have an infinity or a NaN on one side that the other side does not have; they are left
    /// out.
    std::uint64_t non_finite;
  };

  /// How often both choose the same class, and the right one.
  struct Agreement {
    std::uint64_t samples;          ///< Samples that both were asked for the class of.
    std::uint64_t same;             ///< Those for which both chose the same class.
    std::uint64_t labelled;         ///< Samples that have a label.
    std::uint64_t float_right;      ///< Those that the float model classified rightly.
    std::uint64_t quantized_right;  ///< Those that the quantized model classified rightly.
  };

  using Handle::Handle;

  /// The comparison as JSON.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_comparison_to_json, c()); }
  /// The comparison as tables for people.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_comparison_to_text, c()); }
  /// What is to be known of it: outputs that are not compared, samples that were left out.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_comparison_findings, c()); }
  /// How many samples ran through both.
  [[nodiscard]] std::size_t samples() const noexcept { return qdq_comparison_samples(c()); }
  /// How many outputs were compared.
  [[nodiscard]] std::size_t output_count() const noexcept { return qdq_comparison_output_count(c()); }
  /// What was compared: outputs, then activations.
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
  /// Whether the SQNR of tensor `index` is `min_db` or more, with something compared and nothing infinite or
  /// NaN on one side only: a gate for outputs. False for whole numbers and truth values, which have no SQNR.
  [[nodiscard]] bool reaches(std::size_t index, double min_db) const noexcept {
    return qdq_comparison_reaches(c(), index, min_db);
  }
  /// How many samples were classified, and how; 0 where top1() is NaN.
  [[nodiscard]] Agreement agreement() const noexcept {
    return {qdq_comparison_classified(c()), qdq_comparison_same_class(c()), qdq_comparison_labelled(c()),
            qdq_comparison_float_right(c()), qdq_comparison_quantized_right(c())};
  }
  /// The part of the samples for which both choose the same class; NaN where the first output is no [samples,
  /// classes], or neither labels nor a softmax before it say that it holds scores of classes.
  [[nodiscard]] double top1() const noexcept { return qdq_comparison_top1(c()); }
  /// The accuracy of the float model, 0 to 1; NaN without labels.
  [[nodiscard]] double float_accuracy() const noexcept { return qdq_comparison_float_accuracy(c()); }
  /// The accuracy of the quantized model, 0 to 1; NaN without labels.
  [[nodiscard]] double quantized_accuracy() const noexcept { return qdq_comparison_quantized_accuracy(c()); }
};

}  // namespace qdq

#endif
