// Networks as nodes and tensors.
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
#include <qdq/known_values.hpp>
#include <qdq/node.hpp>
#include <qdq/numbers.hpp>
#include <qdq/plan.hpp>
#include <qdq/policy.hpp>
#include <qdq/precision_options.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/ranges.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// A network as nodes and tensors, independent of its source. Describe any network representation as a graph;
/// plan() then decides which parts of it are quantized.
///
/// Operators have ONNX's names. Tensors and nodes are numbered from 0 in the order in which they were added.
/// Returned texts are valid until the graph is changed or freed.
class Graph : public detail::Handle<qdq_graph, qdq_graph_free> {
 public:
  /// One use of a tensor: input `input` of node `node`.
  struct Use {
    std::size_t node;
    std::size_t input;
  };
  /// A tensor of the graph, as far as it is known.
  struct Tensor {
    std::string_view name;
    TensorKind kind;
    DType dtype;
    std::optional<std::vector<std::int64_t>> shape;  ///< May contain qdq::dynamic; nothing if the rank is unknown.
    bool is_output;                                  ///< Whether the tensor is an output of the network.
    std::size_t producer;                            ///< The node that computes the tensor, or qdq::none.
    std::vector<std::string_view> dims;              ///< The names of the dimensions, empty if they have none.
    std::vector<Use> consumers;                      ///< Every use of the tensor by a node.
  };
  /// An attribute of a node. Only attributes that placement can use are kept.
  struct NodeAttribute {
    std::string_view name;
    std::variant<std::int64_t, std::vector<std::int64_t>, float, std::string_view> value;
  };
  /// A node with the numbers of its tensors. An optional tensor that is left out is qdq::none.
  struct NodeInfo {
    std::string_view name;
    std::string_view op;
    std::vector<std::size_t> inputs;
    std::vector<std::size_t> outputs;
    std::string_view domain;                ///< The domain of the operator; empty for ONNX's own operators.
    std::vector<std::size_t> captures;      ///< The tensors of this graph that subgraphs of the node read by name.
    std::vector<NodeAttribute> attributes;  ///< The attributes, in alphabetical order.
  };

  using Handle::Handle;
  /// Makes a graph without nodes.
  Graph() : Handle(qdq_graph_new()) {}

  /// Adds an input or a constant of unknown rank and returns its number. The name must be new. add_node()
  /// adds the activations.
  [[nodiscard]] Result<std::size_t> add_tensor(std::string_view name, TensorKind kind, DType dtype = DType::Unknown) {
    return add_tensor(name, kind, dtype, -1, nullptr);
  }
  /// Does the same with a shape; qdq::dynamic is a size that is decided at run time.
  [[nodiscard]] Result<std::size_t> add_tensor(std::string_view name, TensorKind kind, DType dtype,
                                               Span<const std::int64_t> shape) {
    return add_tensor(name, kind, dtype, static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// Adds a node and returns its number; its outputs become new activations.
  [[nodiscard]] Result<std::size_t> add_node(const Node& node) {
    return detail::get<std::size_t>(qdq_graph_add_node, c(), node.c());
  }
  /// Sets the type of a tensor. Unknown values do not overwrite earlier ones; this also holds for the
  /// overload with a shape.
  [[nodiscard]] Result<void> describe_tensor(std::size_t tensor, DType dtype) {
    return detail::call(qdq_graph_describe_tensor, c(), tensor, detail::number(dtype), -1, nullptr);
  }
  /// Sets the type and the shape of a tensor.
  [[nodiscard]] Result<void> describe_tensor(std::size_t tensor, DType dtype, Span<const std::int64_t> shape) {
    return detail::call(qdq_graph_describe_tensor, c(), tensor, detail::number(dtype),
                        static_cast<std::int32_t>(shape.size()), shape.data());
  }
  /// Names the dimension of a tensor along `axis`, whose size is decided at run time. Dimensions with the
  /// same name are equal. An empty name removes the name.
  [[nodiscard]] Result<void> name_dim(std::size_t tensor, std::size_t axis, std::string_view name) {
    return detail::call(qdq_graph_name_dim, c(), tensor, axis, detail::Text(name).or_null());
  }
  /// Marks a tensor as an output of the network.
  [[nodiscard]] Result<void> mark_output(std::size_t tensor) { return detail::call(qdq_graph_mark_output, c(), tensor); }

  /// Returns the number of the tensor `name`; qdq::none if there is none.
  [[nodiscard]] std::size_t find_tensor(std::string_view name) const {
    return qdq_graph_find_tensor(c(), detail::Text(name).c());
  }
  /// Returns the number of the first node called `name`; qdq::none if there is none. Nodes may share a name.
  [[nodiscard]] std::size_t find_node(std::string_view name) const {
    return qdq_graph_find_node(c(), detail::Text(name).c());
  }
  /// Returns the attribute `name` of a node; nothing if the node does not have it.
  [[nodiscard]] std::optional<NodeAttribute> find_attribute(std::size_t node, std::string_view name) const& {
    const std::size_t found = qdq_graph_node_find_attribute(c(), node, detail::Text(name).c());
    return found == none ? std::nullopt : std::optional<NodeAttribute>(attribute(c(), node, found));
  }
  void find_attribute(std::size_t node, std::string_view name) const&& = delete;
  /// Returns the tensors, ordered by number.
  [[nodiscard]] detail::Items<Tensor, qdq_graph> tensors() const& { return {c(), qdq_graph_tensor_count(c()), tensor}; }
  void tensors() const&& = delete;
  /// Returns the nodes, ordered by number.
  [[nodiscard]] detail::Items<NodeInfo, qdq_graph> nodes() const& { return {c(), qdq_graph_node_count(c()), node}; }
  void nodes() const&& = delete;

  /// Returns these ranges and the ranges that follow from them: a tensor before or after Reshape, Transpose
  /// and similar operators holds the same values and has the same range.
  [[nodiscard]] Result<Ranges> spread(const Ranges& ranges) const {
    return detail::make<Ranges>(qdq_ranges_spread, ranges.c(), c());
  }

  /// Decides which parts of the graph are quantized. The plan depends on the arguments only.
  [[nodiscard]] Result<Plan> plan(const Policy& policy = Policy()) const {
    return detail::make<Plan>(qdq_graph_plan, c(), policy.c(), nullptr);
  }
  /// Plans with an existing calibration: a node stays in float if a range that it needs is missing.
  [[nodiscard]] Result<Plan> plan(const Policy& policy, const Ranges& ranges) const {
    return detail::make<Plan>(qdq_graph_plan, c(), policy.c(), ranges.c());
  }

  /// Checks that every pattern and operator of the options matches a node.
  [[nodiscard]] Result<void> check(const PrecisionOptions& options) const {
    return detail::call(qdq_precision_options_check, options.c(), c());
  }

  /// Decides which nodes compute in half precision. The graph is the network to convert: with its Quantize
  /// and Dequantize if it has any.
  [[nodiscard]] Result<PrecisionPlan> plan_precision(const PrecisionOptions& options = PrecisionOptions(),
                                                     const KnownValues& known = {}) const {
    const auto pointer = [](const auto* object) { return object == nullptr ? nullptr : object->c(); };
    return detail::make<PrecisionPlan>(qdq_graph_plan_precision, c(), pointer(known.constants), known.unheld.data(),
                                       known.unheld.size(), pointer(known.stats), pointer(known.ranges), options.c());
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
