// A network as nodes and tensors.
#ifndef QDQ_GRAPH_HPP
#define QDQ_GRAPH_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/node.hpp>
#include <qdq/numbers.hpp>
#include <qdq/plan.hpp>
#include <qdq/policy.hpp>
#include <qdq/ranges.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// A network as nodes and tensors, neutral as to where it comes from: describe any network representation as
/// one, and plan() decides what of it is quantized. Operators are named as in ONNX. Tensors and nodes are
/// numbered from 0 in the order in which they were added. Texts that are returned are valid until the graph
/// is changed or freed.
class Graph : public detail::Handle<qdq_graph, qdq_graph_free> {
 public:
  /// One use of a tensor: input `input` of node `node`.
  struct Use {
    std::size_t node;
    std::size_t input;
  };
  /// A tensor, as far as it is known.
  struct Tensor {
    std::string_view name;
    TensorKind kind;
    DType dtype;
    std::optional<std::vector<std::int64_t>> shape;  ///< With qdq::dynamic in it; nothing where the rank is not known.
    bool is_output;                                  ///< Whether it is an output of the network.
    std::size_t producer;                            ///< The node that computes it, or qdq::none.
    std::vector<std::string_view> dims;              ///< The names of the dimensions, empty where they have none.
    std::vector<Use> consumers;                      ///< Every use by a node.
  };
  /// An attribute of a node, of those that placement can ask for.
  struct NodeAttribute {
    std::string_view name;
    std::variant<std::int64_t, std::vector<std::int64_t>, float, std::string_view> value;
  };
  /// A node with the numbers of its tensors, qdq::none for those that are left out.
  struct NodeInfo {
    std::string_view name;
    std::string_view op;
    std::vector<std::size_t> inputs;
    std::vector<std::size_t> outputs;
    std::string_view domain;                ///< Empty for ONNX's own operators.
    std::vector<std::size_t> captures;      ///< The tensors that subgraphs of the node read by name.
    std::vector<NodeAttribute> attributes;  ///< In alphabetical order.
  };

  using Handle::Handle;
  /// A graph without nodes.
  Graph() : Handle(qdq_graph_new()) {}

  /// Adds an input or a constant of unknown rank and returns its number. The name must be new; nodes add the
  /// activations that they compute.
  [[nodiscard]] Result<std::size_t> add_tensor(std::string_view name, TensorKind kind, DType dtype = DType::Unknown) {
    return add_tensor(name, kind, dtype, -1, nullptr);
  }
  /// The same with a shape; qdq::dynamic stands for a size that is decided at run time.
  [[nodiscard]] Result<std::size_t> add_tensor(std::string_view name, TensorKind kind, DType dtype,
                                               Span<const std::int64_t> shape) {
    return add_tensor(name, kind, dtype, static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// Adds a node and returns its number; its outputs become new activations.
  [[nodiscard]] Result<std::size_t> add_node(const Node& node) {
    return detail::get<std::size_t>(qdq_graph_add_node, c(), node.c());
  }
  /// States the type of a tensor. What is not known leaves what was said before, here and below.
  [[nodiscard]] Result<void> describe_tensor(std::size_t tensor, DType dtype) {
    return detail::call(qdq_graph_describe_tensor, c(), tensor, detail::number(dtype), -1, nullptr);
  }
  /// States the type and the shape of a tensor.
  [[nodiscard]] Result<void> describe_tensor(std::size_t tensor, DType dtype, Span<const std::int64_t> shape) {
    return detail::call(qdq_graph_describe_tensor, c(), tensor, detail::number(dtype),
                        static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// Names the dimension of a tensor along `axis`, whose size is decided at run time: dimensions with one
  /// name are equal. An empty name takes the name away.
  [[nodiscard]] Result<void> name_dim(std::size_t tensor, std::size_t axis, std::string_view name) {
    return detail::call(qdq_graph_name_dim, c(), tensor, axis, detail::Text(name).or_null());
  }
  /// Marks a tensor as an output of the network.
  [[nodiscard]] Result<void> mark_output(std::size_t tensor) { return detail::call(qdq_graph_mark_output, c(), tensor); }

  /// The number of tensor `name`; qdq::none where there is none.
  [[nodiscard]] std::size_t find_tensor(std::string_view name) const {
    return qdq_graph_find_tensor(c(), detail::Text(name).c());
  }
  /// The number of the first node called `name`; qdq::none where there is none. Nodes may share a name.
  [[nodiscard]] std::size_t find_node(std::string_view name) const {
    return qdq_graph_find_node(c(), detail::Text(name).c());
  }
  /// The attribute `name` of a node, where it has it.
  [[nodiscard]] std::optional<NodeAttribute> find_attribute(std::size_t node, std::string_view name) const& {
    const std::size_t found = qdq_graph_node_find_attribute(c(), node, detail::Text(name).c());
    return found == none ? std::nullopt : std::optional<NodeAttribute>(attribute(c(), node, found));
  }
  void find_attribute(std::size_t node, std::string_view name) const&& = delete;
  /// The tensors by number.
  [[nodiscard]] detail::Items<Tensor, qdq_graph> tensors() const& { return {c(), qdq_graph_tensor_count(c()), tensor}; }
  void tensors() const&& = delete;
  /// The nodes by number.
  [[nodiscard]] detail::Items<NodeInfo, qdq_graph> nodes() const& { return {c(), qdq_graph_node_count(c()), node}; }
  void nodes() const&& = delete;

  /// These ranges, and those of tensors that hold the values of a ranged one in another shape or order: what
  /// lies before and behind Reshape, Transpose and their like.
  [[nodiscard]] Result<Ranges> spread(const Ranges& ranges) const {
    return detail::make<Ranges>(qdq_ranges_spread, ranges.c(), c());
  }

  /// Decides what of the graph is quantized: a pure function of its arguments.
  [[nodiscard]] Result<Plan> plan(const Policy& policy = Policy()) const {
    return detail::make<Plan>(qdq_graph_plan, c(), policy.c(), nullptr);
  }
  /// The same by an existing calibration: a node that needs a range that is not there stays in float.
  [[nodiscard]] Result<Plan> plan(const Policy& policy, const Ranges& ranges) const {
    return detail::make<Plan>(qdq_graph_plan, c(), policy.c(), ranges.c());
  }

 private:
  Result<std::size_t> add_tensor(std::string_view name, TensorKind kind, DType dtype, std::int32_t ndim,
                                 const std::int64_t* shape) {
    return detail::get<std::size_t>(qdq_graph_add_tensor, c(), detail::Text(name).c(), detail::number(kind),
                                    detail::number(dtype), ndim, shape);
  }

  static Tensor tensor(const qdq_graph* graph, std::size_t, std::size_t number) {
    Tensor out{detail::view(qdq_graph_tensor_name(graph, number)),
               static_cast<TensorKind>(qdq_graph_tensor_kind(graph, number)),
               static_cast<DType>(qdq_graph_tensor_dtype(graph, number)),
               {},
               qdq_graph_tensor_is_output(graph, number),
               qdq_graph_tensor_producer(graph, number),
               {},
               {}};
    if (const std::int32_t ndim = qdq_graph_tensor_ndim(graph, number); ndim >= 0) {
      out.shape.emplace();
      for (std::size_t axis = 0; axis < static_cast<std::size_t>(ndim); ++axis) {
        out.shape->push_back(qdq_graph_tensor_size(graph, number, axis));
        out.dims.push_back(detail::view(qdq_graph_tensor_dim_name(graph, number, axis)));
      }
    }
    for (std::size_t i = 0; i < qdq_graph_tensor_consumer_count(graph, number); ++i) {
      out.consumers.push_back(
          {qdq_graph_tensor_consumer_node(graph, number, i), qdq_graph_tensor_consumer_input(graph, number, i)});
    }
    return out;
  }

  static NodeInfo node(const qdq_graph* graph, std::size_t, std::size_t number) {
    NodeInfo out{detail::view(qdq_graph_node_name(graph, number)),
                 detail::view(qdq_graph_node_op(graph, number)),
                 {},
                 {},
                 detail::view(qdq_graph_node_domain(graph, number)),
                 {},
                 {}};
    for (std::size_t i = 0; i < qdq_graph_node_input_count(graph, number); ++i) {
      out.inputs.push_back(qdq_graph_node_input_at(graph, number, i));
    }
    for (std::size_t i = 0; i < qdq_graph_node_output_count(graph, number); ++i) {
      out.outputs.push_back(qdq_graph_node_output_at(graph, number, i));
    }
    for (std::size_t i = 0; i < qdq_graph_node_capture_count(graph, number); ++i) {
      out.captures.push_back(qdq_graph_node_capture_at(graph, number, i));
    }
    for (std::size_t i = 0; i < qdq_graph_node_attribute_count(graph, number); ++i) {
      out.attributes.push_back(attribute(graph, number, i));
    }
    return out;
  }

  static NodeAttribute attribute(const qdq_graph* graph, std::size_t node, std::size_t number) {
    NodeAttribute out{detail::view(qdq_graph_node_attribute_name(graph, node, number)), std::int64_t{0}};
    switch (static_cast<Attribute>(qdq_graph_node_attribute_type(graph, node, number))) {
      case Attribute::Int: out.value = qdq_graph_node_attribute_int(graph, node, number); break;
      case Attribute::Ints: {
        const std::int64_t* values = qdq_graph_node_attribute_ints(graph, node, number);
        const std::size_t count = qdq_graph_node_attribute_ints_count(graph, node, number);
        out.value = count == 0 ? std::vector<std::int64_t>() : std::vector<std::int64_t>(values, values + count);
        break;
      }
      case Attribute::Float: out.value = qdq_graph_node_attribute_float(graph, node, number); break;
      case Attribute::Text: out.value = detail::view(qdq_graph_node_attribute_text(graph, node, number)); break;
    }
    return out;
  }
};

}  // namespace qdq

#endif
