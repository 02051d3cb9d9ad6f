// The precision of the nodes of a model.
#ifndef QDQ_PRECISION_PLAN_HPP
#define QDQ_PRECISION_PLAN_HPP

#include <cstddef>
#include <string_view>

#include <qdq/array.hpp>
#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/numbers.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// The precision of every node of a model or graph. Immutable.
class PrecisionPlan : public detail::Handle<qdq_precision_plan, qdq_precision_plan_free> {
 public:
  /// The precision of a node, with its reason.
  struct Decision {
    std::string_view node;
    Precision precision;
    std::string_view reason;
  };

  using Handle::Handle;

  /// Returns the findings: values of which nothing is known, masks that end at another number, raised steps.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_precision_plan_findings, c()); }
  /// Returns the plan as a text, with a line for every node that computes floating-point numbers.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_precision_plan_to_text, c()); }
  /// Returns the plan as JSON.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_precision_plan_to_json, c()); }
  /// Returns the decision for each node.
  [[nodiscard]] detail::Items<Decision, qdq_precision_plan> decisions() const& {
    return {c(), qdq_precision_plan_node_count(c()), [](const qdq_precision_plan* plan, std::size_t, std::size_t node) {
              return Decision{detail::view(qdq_precision_plan_node_name(plan, node)),
                              static_cast<Precision>(qdq_precision_plan_precision(plan, node)),
                              detail::view(qdq_precision_plan_reason(plan, node))};
            }};
  }
  void decisions() const&& = delete;

  /// Returns the 16-bit type.
  [[nodiscard]] Half half() const noexcept { return static_cast<Half>(qdq_precision_plan_half(c())); }
  /// Returns whether f32 inputs and outputs of the network become 16-bit too.
  [[nodiscard]] bool half_io() const noexcept { return qdq_precision_plan_half_io(c()); }
  /// Returns whether an f32 tensor at an input of a node becomes 16-bit.
  [[nodiscard]] bool input_is_half(std::size_t node, std::size_t input) const noexcept {
    return qdq_precision_plan_input_is_half(c(), node, input);
  }
  /// Returns whether an f32 tensor at an output of a node becomes 16-bit.
  [[nodiscard]] bool output_is_half(std::size_t node, std::size_t output) const noexcept {
    return qdq_precision_plan_output_is_half(c(), node, output);
  }
  /// Returns whether constant `tensor` is a mask, whose f32 form ends at the numbers of the 16-bit type too.
  [[nodiscard]] bool is_mask(std::size_t tensor) const noexcept { return qdq_precision_plan_is_mask(c(), tensor); }
  /// Returns the f32 numbers that constant `tensor` of the graph has in a network that carries the plan out:
  /// those of its 16-bit form with `in_half`, else those of the f32 form beside it. `value` is its value so
  /// far.
  [[nodiscard]] Result<Array> constant(std::size_t tensor, const TensorView& value, bool in_half) const {
    return detail::make<Array>(qdq_precision_plan_constant, c(), tensor, value.c(), in_half);
  }
};

}  // namespace qdq

#endif
