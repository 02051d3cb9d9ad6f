// Which nodes may be quantized.
#ifndef QDQ_POLICY_HPP
#define QDQ_POLICY_HPP

#include <string_view>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/text.hpp>

namespace qdq {

/// Which nodes may be quantized, and how: those that match an include (all where there is none) and match no
/// exclude. The default allows everything.
///
///     auto policy = qdq::Policy::make().exclude_op("Softmax").build();
class Policy : public detail::Handle<qdq_policy, qdq_policy_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Allows everything.
  Policy() : Handle(qdq_policy_new()) {}

  /// Starts with one that allows everything.
  [[nodiscard]] static Builder make();
};

/// Says what is allowed.
class Policy::Builder : public detail::Builder<Builder, Policy> {
 public:
  using detail::Builder<Builder, Policy>::Builder;

  /// Allows nodes whose name matches: `*` stands for any text, `?` for one character. Planning fails where a
  /// pattern matches nothing.
  Builder& include_name(std::string_view pattern) { return set(qdq_policy_include_name, detail::Text(pattern).c()); }
  /// Allows nodes of an operator, such as "Conv".
  Builder& include_op(std::string_view op) { return set(qdq_policy_include_op, detail::Text(op).c()); }
  /// Forbids nodes whose name matches.
  Builder& exclude_name(std::string_view pattern) { return set(qdq_policy_exclude_name, detail::Text(pattern).c()); }
  /// Forbids nodes of an operator.
  Builder& exclude_op(std::string_view op) { return set(qdq_policy_exclude_op, detail::Text(op).c()); }
  /// Whether a whole weight has one scale instead of one per output channel, which costs accuracy. Default:
  /// false.
  Builder& per_tensor_weights(bool value) { return set(qdq_policy_set_per_tensor_weights, value); }
  /// The least share of the convolutions and products that must be quantized, from 0 to 1, among those that
  /// are allowed: planning fails with Status::Data where ranges are missing for more than the rest. Default:
  /// 0.
  Builder& min_quantized(float share) { return set(qdq_policy_set_min_quantized, share); }
};

inline Policy::Builder Policy::make() { return Builder(Policy()); }

}  // namespace qdq

#endif
