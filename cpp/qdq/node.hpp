// Descriptions of nodes that are added to a graph.
#ifndef QDQ_NODE_HPP
#define QDQ_NODE_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// The description of a node for Graph::add_node(): operator, inputs, outputs and the attributes that
/// placement uses.
///
///     auto conv = qdq::Node::make("Conv", "conv1").input(x).input(w).output("y").set_int("group", 1).build();
class Node : public detail::Handle<qdq_node, qdq_node_free> {
 public:
  class Builder;

  using Handle::Handle;

  /// Starts the description of a node. `op` is ONNX's name of the operator. If `name` is empty, the name is
  /// made from operator and position. An empty domain is ONNX's own.
  [[nodiscard]] static Builder make(std::string_view op, std::string_view name = {}, std::string_view domain = {});
};

/// Sets the inputs and outputs of a node, in order, and its attributes.
class Node::Builder : public detail::Builder<Builder, Node> {
 public:
  using detail::Builder<Builder, Node>::Builder;

  /// Adds an input: the number of a tensor of the graph, or qdq::none for an optional input that is left out.
  Builder& input(std::size_t tensor) { return set(qdq_node_add_input, tensor); }
  /// Adds an output: the name of the new tensor, empty for an optional output that is left out.
  Builder& output(std::string_view name) { return set(qdq_node_add_output, detail::Text(name).or_null()); }
  /// Adds a tensor of the graph that subgraphs of the node read by name.
  Builder& capture(std::size_t tensor) { return set(qdq_node_add_capture, tensor); }
  /// Sets an attribute to an integer.
  Builder& set_int(std::string_view name, std::int64_t value) {
    return set(qdq_node_set_int, detail::Text(name).c(), value);
  }
  /// Sets an attribute to a list of integers.
  Builder& set_ints(std::string_view name, Span<const std::int64_t> values) {
    return set(qdq_node_set_ints, detail::Text(name).c(), values.data(), values.size());
  }
  /// Sets an attribute to a number.
  Builder& set_float(std::string_view name, float value) { return set(qdq_node_set_float, detail::Text(name).c(), value); }
  /// Sets an attribute to a text.
  Builder& set_text(std::string_view name, std::string_view value) {
    return set(qdq_node_set_text, detail::Text(name).c(), detail::Text(value).c());
  }
};

inline Node::Builder Node::make(std::string_view op, std::string_view name, std::string_view domain) {
  return Builder(
      detail::make<Node>(qdq_node_new, detail::Text(op).c(), detail::Text(name).or_null(), detail::Text(domain).or_null()));
}

}  // namespace qdq

#endif
