// The precision of the nodes of a model.
#ifndef QDQ_PRECISION_PLAN_HPP
#define QDQ_PRECISION_PLAN_HPP

#include <cstddef>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

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
    return {c(), qdq_precision_plan_node_count(c()), [](const qdq_precision_plan* plan, std::size_t, std::size_t node) {
              return Decision{detail::view(qdq_precision_plan_node_name(plan, node)),
                              static_cast<Precision>(qdq_precision_plan_precision(plan, node)),
                              detail::view(qdq_precision_plan_reason(plan, node))};
            }};
  }
  void decisions() const&& = delete;
};

}  // namespace qdq

#endif
