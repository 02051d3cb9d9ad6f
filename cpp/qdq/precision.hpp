// Half precision for what is not INT8.
#ifndef QDQ_PRECISION_HPP
#define QDQ_PRECISION_HPP

#include <cstddef>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

/// The choices for half precision: the 16-bit type, and the nodes that have it whatever their values are, or
/// never. The default chooses f16 by the values.
///
///     auto options = qdq::PrecisionOptions::make().float32_op("Softmax").build();
class PrecisionOptions : public detail::Handle<qdq_precision_options, qdq_precision_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes options that choose f16 by the values.
  PrecisionOptions() : Handle(qdq_precision_options_new()) {}

  /// Starts with options that choose f16 by the values.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class PrecisionOptions::Builder : public detail::Builder<Builder, PrecisionOptions> {
 public:
  using detail::Builder<Builder, PrecisionOptions>::Builder;

  /// Sets the 16-bit type. Default: Half::F16.
  Builder& half(Half type) { return set(qdq_precision_options_set_half, detail::number(type)); }
  /// Sets whether the f32 inputs and outputs of the model become 16-bit too. Default: false.
  Builder& half_io(bool enabled = true) { return set(qdq_precision_options_set_half_io, enabled); }
  /// Keeps nodes in f32 whose name matches the pattern: `*` matches any text, `?` one character.
  Builder& float32_name(std::string_view pattern) {
    return set(qdq_precision_options_float32_name, detail::Text(pattern).c());
  }
  /// Keeps nodes of an operator, such as "Softmax", in f32.
  Builder& float32_op(std::string_view op) { return set(qdq_precision_options_float32_op, detail::Text(op).c()); }
  /// Gives the 16-bit type to nodes whose name matches the pattern, whatever their values are.
  Builder& half_name(std::string_view pattern) {
    return set(qdq_precision_options_half_name, detail::Text(pattern).c());
  }
  /// Gives the 16-bit type to nodes of an operator, whatever their values are.
  Builder& half_op(std::string_view op) { return set(qdq_precision_options_half_op, detail::Text(op).c()); }
};

inline PrecisionOptions::Builder PrecisionOptions::make() { return Builder(PrecisionOptions()); }

/// The precision of every node of a model that was cast. Immutable.
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
    return {c(), qdq_precision_plan_node_count(c()),
            [](const qdq_precision_plan* plan, std::size_t, std::size_t node) {
              return Decision{detail::view(qdq_precision_plan_node_name(plan, node)),
                              static_cast<Precision>(qdq_precision_plan_precision(plan, node)),
                              detail::view(qdq_precision_plan_reason(plan, node))};
            }};
  }
  void decisions() const&& = delete;
};

}  // namespace qdq

#endif
