// The nodes that may be quantized.
#ifndef QDQ_POLICY_HPP
#define QDQ_POLICY_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>
#include <qdq/quantizer.hpp>

namespace qdq {

/// The nodes that may be quantized, and options for their quantization. A node is allowed if it matches an
/// include (or there is no include) and matches no exclude. The default allows everything.
///
///     auto policy = qdq::Policy::make().exclude_op("Softmax").build();
class Policy : public detail::Handle<qdq_policy, qdq_policy_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes a policy that allows everything.
  Policy() : Handle(qdq_policy_new()) {}

  /// Starts with a policy that allows everything.
  [[nodiscard]] static Builder make();
  /// Starts with a copy of this policy.
  [[nodiscard]] Builder edit() const;
  /// Returns an independent policy with the same settings.
  [[nodiscard]] Result<Policy> clone() const { return detail::make<Policy>(qdq_policy_clone, c()); }
  /// Returns the least opset that the formats need. Model::plan() raises a model to it unless its graph was
  /// read already; Model::raise_opset() does so always.
  [[nodiscard]] std::int64_t least_opset() const noexcept { return qdq_policy_least_opset(c()); }
};

/// Sets the allowed nodes, in any order.
class Policy::Builder : public detail::Builder<Builder, Policy> {
 public:
  using detail::Builder<Builder, Policy>::Builder;

  /// Allows nodes whose name matches the pattern: `*` matches any text, `?` one character. Planning fails if
  /// a pattern matches nothing.
  Builder& include_name(std::string_view pattern) { return set(qdq_policy_include_name, detail::Text(pattern).c()); }
  /// Allows nodes of an operator, such as "Conv".
  Builder& include_op(std::string_view op) { return set(qdq_policy_include_op, detail::Text(op).c()); }
  /// Forbids nodes whose name matches the pattern.
  Builder& exclude_name(std::string_view pattern) { return set(qdq_policy_exclude_name, detail::Text(pattern).c()); }
  /// Forbids nodes of an operator.
  Builder& exclude_op(std::string_view op) { return set(qdq_policy_exclude_op, detail::Text(op).c()); }
  /// Sets the format of the quantized nodes. Default: Int8.
  Builder& format(Format value) { return set(qdq_policy_set_format, detail::number(value)); }
  /// Sets the format of nodes whose name matches the pattern. The first pattern that matches a node decides.
  Builder& format_of(std::string_view pattern, Format value) {
    return set(qdq_policy_format_of, detail::Text(pattern).c(), detail::number(value));
  }
  /// Allows a node, whose name is a pattern, in the format of the quantizers of its weight and input that it
  /// was trained with. A disabled quantizer of the input stands for an input in floating point.
  ///
  /// Fails with Status::Unsupported if no format has them. qdq_policy_include_trained() in qdq.h lists them.
  Builder& include_trained(std::string_view node, const Quantizer& input, const Quantizer& weight) {
    return set(qdq_policy_include_trained, detail::Text(node).c(), input.c(), weight.c());
  }
  /// Allows a node with a quantized weight and an input in floating point in the same way.
  Builder& include_trained(std::string_view node, const Quantizer& weight) {
    return set(qdq_policy_include_trained, detail::Text(node).c(), nullptr, weight.c());
  }
  /// Sets the number of weights in a row that share a scale, 128 or 64, for Int4Weights. Default: 128 if it
  /// divides the input axis, else 64.
  Builder& block_size(std::size_t value) { return set(qdq_policy_set_block_size, value); }
  /// Sets whether Int8Weights also takes the weights of convolutions, which compute in float. Default: false.
  Builder& conv_weights(bool value) { return set(qdq_policy_set_conv_weights, value); }
  /// Sets whether a whole weight has one scale instead of one per output channel, which costs accuracy.
  /// Default: false.
  Builder& per_tensor_weights(bool value) { return set(qdq_policy_set_per_tensor_weights, value); }
  /// Sets the treatment of the two products of an attention, before and behind its Softmax. Default: Auto.
  ///
  /// The products that compute query, key, value and the output are always quantized.
  Builder& attention(Attention value) { return set(qdq_policy_set_attention, detail::number(value)); }
  /// Sets the treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are
  /// squared or lose their sign. Default: Float.
  Builder& front_end(FrontEnd value) { return set(qdq_policy_set_front_end, detail::number(value)); }
  /// Sets the TensorRT product for which the network is quantized. Default: TensorRt.
  ///
  /// The TensorRT layer sets it to the product that it is compiled with wherever it builds an engine.
  Builder& target(Target value) { return set(qdq_policy_set_target, detail::number(value)); }
  /// Sets the least share of the allowed convolutions and products that must be quantized, from 0 to 1.
  /// Default: 0.
  ///
  /// Planning fails with Status::Data if the share is smaller, for example because ranges are missing.
  Builder& min_quantized(float share) { return set(qdq_policy_set_min_quantized, share); }
};

inline Policy::Builder Policy::make() { return Builder(Policy()); }
inline Policy::Builder Policy::edit() const { return Builder(clone()); }

}  // namespace qdq

#endif
