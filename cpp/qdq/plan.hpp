// Which parts of a network are quantized.
#ifndef QDQ_PLAN_HPP
#define QDQ_PLAN_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/numbers.hpp>
#include <qdq/ranges.hpp>
#include <qdq/span.hpp>
#include <qdq/stats.hpp>

namespace qdq {

/// The edges of a graph that get Quantize and Dequantize, and the tensors that need a range for it.
/// Immutable.
///
/// The plan is independent of the graph or model that it was made of. Numbers of tensors and nodes are those
/// of the graph. Returned texts and lists are valid until the plan is freed.
class Plan : public detail::Handle<qdq_plan, qdq_plan_free> {
 public:
  /// The decision for a node, with its reason.
  struct Decision {
    Verdict verdict;
    std::string_view reason;
  };
  /// An input of a node that reads dequantized values. All other readers keep the float tensor.
  struct Reader {
    std::size_t node;
    std::size_t input;
  };
  /// The readers of one tensor.
  using Readers = detail::Items<Reader, qdq_plan>;
  /// A quantized activation. Activations of the same `group` share a scale, whose range covers them all.
  struct Activation {
    std::size_t tensor;
    std::size_t group;
    Readers readers;
    Format format;
  };
  /// A quantized constant, or the last tensor of a chain of operators that only change a constant's form.
  ///
  /// `axis` is the axis with one scale per index, or per `block` of them unless that is 0; no_axis for a
  /// single scale. A weight that is read along two axes or in two formats is in the list twice.
  struct Weight {
    std::size_t tensor;
    std::int32_t axis;
    Readers readers;
    Format format;
    std::size_t block;
  };

  using Handle::Handle;

  /// Returns the plan as a text: a line for every node with its verdict and reason, then the totals.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_plan_to_text, c()); }
  /// Returns the plan as JSON with nodes, activations and weights.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_plan_to_json, c()); }

  /// Returns the findings of the plan.
  ///
  /// They report nodes that stay in float because a range is missing, ranges that belong to no tensor or are
  /// zero everywhere, existing Quantize and Dequantize, fixed inputs, and weights that cannot be computed
  /// before the model runs.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_plan_findings, c()); }

  /// Returns the decision for each node of the graph, ordered by number.
  [[nodiscard]] detail::Items<Decision, qdq_plan> decisions() const& {
    return {c(), qdq_plan_node_count(c()), [](const qdq_plan* plan, std::size_t, std::size_t node) {
              return Decision{static_cast<Verdict>(qdq_plan_verdict(plan, node)), detail::view(qdq_plan_reason(plan, node))};
            }};
  }
  void decisions() const&& = delete;

  /// Returns the tensors that must be observed for the plan; with `every_activation` all activations, which a
  /// calibration cache needs.
  [[nodiscard]] detail::Items<std::string_view, qdq_plan> taps(bool every_activation = false) const& {
    return {c(), qdq_plan_tap_count(c(), every_activation),
            [](const qdq_plan* plan, std::size_t every, std::size_t index) {
              return detail::view(qdq_plan_tap_at(plan, every != 0, index));
            },
            every_activation};
  }
  void taps(bool every_activation = false) const&& = delete;

  /// Returns the quantized activations.
  [[nodiscard]] detail::Items<Activation, qdq_plan> activations() const& {
    return {c(), qdq_plan_activation_count(c()), [](const qdq_plan* plan, std::size_t, std::size_t index) {
              return Activation{qdq_plan_activation_tensor(plan, index),
                                qdq_plan_activation_group(plan, index),
                                {plan, qdq_plan_activation_reader_count(plan, index), activation_reader, index},
                                static_cast<Format>(qdq_plan_activation_format(plan, index))};
            }};
  }
  void activations() const&& = delete;

  /// Returns the quantized constants.
  [[nodiscard]] detail::Items<Weight, qdq_plan> weights() const& {
    return {c(), qdq_plan_weight_count(c()), [](const qdq_plan* plan, std::size_t, std::size_t index) {
              return Weight{qdq_plan_weight_tensor(plan, index),
                            qdq_plan_weight_axis(plan, index),
                            {plan, qdq_plan_weight_reader_count(plan, index), weight_reader, index},
                            static_cast<Format>(qdq_plan_weight_format(plan, index)),
                            qdq_plan_weight_block(plan, index)};
            }};
  }
  void weights() const&& = delete;

  /// Computes the range of every observed tensor by a method for its format, in the order of the network.
  /// Status::Data if a planned tensor was not observed; Status::Unsupported for entropy with 8-bit floats.
  [[nodiscard]] Result<Ranges> ranges(const Stats& stats, RangeMethod method = Method::Mse) const {
    return detail::make<Ranges>(qdq_plan_ranges, c(), stats.c(), detail::number(method.method), method.percentile);
  }

  /// Returns ranges for the largest shape of an input for which an engine is built: it decides which
  /// attentions are quantized in plans that are made with the result. This plan is one without ranges.
  [[nodiscard]] Result<Ranges> ranges_for_shape(const Ranges& ranges, std::string_view input,
                                                Span<const std::int64_t> shape) const {
    return detail::make<Ranges>(qdq_plan_ranges_for_shape, c(), ranges.c(), detail::Text(input).c(),
                                static_cast<std::int32_t>(shape.size()), shape.data());
  }

 private:
  static Reader activation_reader(const qdq_plan* plan, std::size_t index, std::size_t reader) {
    return {qdq_plan_activation_reader_node(plan, index, reader), qdq_plan_activation_reader_input(plan, index, reader)};
  }
  static Reader weight_reader(const qdq_plan* plan, std::size_t index, std::size_t reader) {
    return {qdq_plan_weight_reader_node(plan, index, reader), qdq_plan_weight_reader_input(plan, index, reader)};
  }
};

}  // namespace qdq

#endif
