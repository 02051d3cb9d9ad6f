// Graphs, policies and plans.

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "check.hpp"

using qdq::DType;
using qdq::Graph;
using qdq::Node;
using qdq::Status;
using qdq::TensorKind;
using qdq::Verdict;

// x -> Conv(w) -> Relu -> output
static Graph network() {
  Graph graph;
  const auto x = graph.add_tensor("x", TensorKind::Input, DType::F32, {1, 3, 8, 8}).value();
  const auto w = graph.add_tensor("w", TensorKind::Constant, DType::F32, {4, 3, 3, 3}).value();
  auto node =
      Node::make("Conv", "conv").input(x).input(w).output("y").set_int("group", 1).set_ints("pads", {1, 1, 1, 1}).build();
  graph.add_node(node.value()).value();
  const auto y = graph.find_tensor("y");
  graph.add_node(Node::make("Relu", "relu").input(y).output("z").build().value()).value();
  const auto z = graph.find_tensor("z");
  graph.describe_tensor(z, DType::F32, {1, 4, 8, 8}).value();
  graph.describe_tensor(y, DType::F32).value();
  graph.mark_output(z).value();
  return graph;
}

TEST(graphs_are_built_node_by_node) {
  const Graph graph = network();
  CHECK_EQ(graph.tensors().size(), 4u);
  const Graph::Tensor w = graph.tensors().at(graph.find_tensor("w"));
  CHECK(w.name == "w" && w.kind == TensorKind::Constant && w.dtype == DType::F32 && w.producer == qdq::none);
  CHECK(w.shape == std::vector<std::int64_t>({4, 3, 3, 3}) && !w.is_output);
  const Graph::Tensor y = graph.tensors().at(2);
  CHECK(y.kind == TensorKind::Activation && y.producer == 0 && !y.shape);
  CHECK(graph.tensors().at(3).is_output);
  std::string names;
  for (const Graph::NodeInfo& node : graph.nodes()) names += std::string(node.op) + ":" + std::string(node.name) + " ";
  CHECK_EQ(names, "Conv:conv Relu:relu ");
  CHECK(graph.nodes().at(0).inputs == std::vector<std::size_t>({0, 1}) && graph.nodes().at(0).outputs[0] == 2);
  CHECK(graph.find_tensor("nothing") == qdq::none);
  CHECK(graph.find_node("relu") == 1 && graph.find_node("nothing") == qdq::none);
  CHECK(w.consumers.size() == 1 && w.consumers[0].node == 0 && w.consumers[0].input == 1);
  const auto attributes = graph.nodes().at(0).attributes;
  CHECK(attributes.size() == 2 && attributes[0].name == "group" && std::get<std::int64_t>(attributes[0].value) == 1);
  CHECK(std::get<std::vector<std::int64_t>>(attributes[1].value) == std::vector<std::int64_t>(4, 1));
  CHECK(graph.find_attribute(0, "pads")->name == "pads" && !graph.find_attribute(0, "nothing"));
  CHECK(!graph.find_attribute(9, "pads"));
}

TEST(graphs_refuse_what_cannot_be) {
  Graph graph;
  CHECK_GOOD(graph.add_tensor("x", TensorKind::Input));
  CHECK(!graph.tensors().at(0).shape);
  CHECK(!graph.add_tensor("x", TensorKind::Input));
  CHECK_FAILS(graph.add_tensor("y", static_cast<TensorKind>(9)), Status::InvalidArgument, "9");
  CHECK(!graph.mark_output(99));
  CHECK(!graph.add_node(Node::make("Conv").input(99).output("z").build().value()));
  auto odd = Node::make("Resize", "", "my.domain");
  odd.input(0).input(qdq::none).output("a").output({}).capture(0).set_float("f", 1.0f).set_text("mode", "linear");
  CHECK_EQ(graph.add_node(odd.build().value()).value(), 0u);
  const Graph::NodeInfo node = graph.nodes().at(0);
  CHECK(node.inputs[1] == qdq::none && node.domain == "my.domain" && node.captures == std::vector<std::size_t>({0}));
  CHECK(std::get<float>(graph.find_attribute(0, "f")->value) == 1.0f);
  CHECK(std::get<std::string_view>(graph.find_attribute(0, "mode")->value) == "linear");
  const auto sized = graph.add_tensor("sized", TensorKind::Input, DType::F32, {qdq::dynamic, 3}).value();
  CHECK_GOOD(graph.name_dim(sized, 0, "N"));
  CHECK(graph.tensors().at(sized).dims == std::vector<std::string_view>({"N", ""}));
  CHECK_FAILS(graph.name_dim(sized, 1, "C"), Status::InvalidArgument, "fixed size 3");
}

TEST(plans_say_what_and_why) {
  const Graph graph = network();
  const auto plan = graph.plan().value();
  CHECK_EQ(plan.decisions().size(), 2u);
  CHECK(plan.decisions().at(0).verdict == Verdict::Quantized);
  for (auto [verdict, reason] : plan.decisions()) CHECK(verdict == Verdict::Quantized || !reason.empty());
  std::size_t readers = 0;
  for (const auto& activation : plan.activations()) {
    CHECK(activation.tensor < graph.tensors().size() && activation.group != qdq::none);
    for (auto [node, input] : activation.readers) {
      CHECK_EQ(graph.nodes().at(node).inputs[input], activation.tensor);
      ++readers;
    }
  }
  CHECK(readers > 0);
  CHECK_EQ(plan.weights().size(), 1u);
  for (const auto& weight : plan.weights()) {
    CHECK(weight.axis == 0 && weight.tensor == graph.find_tensor("w") && weight.readers.size() == 1);
    CHECK(weight.readers.at(0).node == 0 && weight.readers.at(0).input == 1);
  }
  CHECK(plan.taps().size() > 0 && plan.taps().at(0) == "x");
  CHECK(plan.taps(true).size() >= plan.taps().size());
  CHECK(kept(plan.to_text().value()).text().find("conv") != std::string_view::npos);
  CHECK(kept(plan.to_json().value()).text().front() == '{');

  qdq::Stats stats;
  CHECK_FAILS(plan.ranges(stats), Status::Data, "");
  for (std::string_view name : plan.taps(true)) stats.observe(name, std::vector<float>{-1, 1}).value();
  const auto ranges = plan.ranges(stats, qdq::Method::Max).value();
  CHECK(ranges.get("x").value() == 1.0f);

  // First by ranges that lack a tensor, then by a policy.
  auto without_x = qdq::Ranges::make().value();
  without_x.set("z", 1.0f).value();
  CHECK(kept(graph.plan({}, without_x).value()).decisions().at(0).verdict == Verdict::Float);
  CHECK(kept(graph.plan({}, ranges).value()).decisions().at(0).verdict == Verdict::Quantized);
  const auto float_conv = qdq::Policy::make().exclude_op("Conv").build().value();
  CHECK(kept(graph.plan(float_conv).value()).decisions().at(0).verdict == Verdict::Float);
  const auto rtx = float_conv.edit().target(qdq::Target::Rtx).build().value();
  CHECK(kept(graph.plan(rtx).value()).decisions().at(0).verdict == Verdict::Float);
  const auto unknown = qdq::Policy::make().target(static_cast<qdq::Target>(9)).build();
  CHECK_FAILS(unknown, Status::InvalidArgument, "target 9");
  const auto one_scale =
      qdq::Policy::make().include_op("Conv").include_name("con?").per_tensor_weights(true).build().value();
  CHECK_EQ(kept(graph.plan(one_scale).value()).weights().at(0).axis, qdq::no_axis);
  CHECK_FAILS(graph.plan(qdq::Policy::make().exclude_name("nothing*").build().value()), Status::InvalidArgument, "nothing*");
}

// A policy names the format of the network, and of nodes by pattern.
TEST(plans_have_formats) {
  using qdq::Format;
  Graph graph = network();
  const auto w = graph.add_tensor("m", TensorKind::Constant, DType::F32, {256, 8}).value();
  const auto x = graph.add_tensor("flat", TensorKind::Input, DType::F32, {1, 256}).value();
  graph.add_node(Node::make("MatMul", "product").input(x).input(w).output("p").build().value()).value();
  graph.mark_output(graph.find_tensor("p")).value();
  const auto fp8 =
      qdq::Policy::make().format(Format::Fp8).format_of("prod*", Format::Int4Weights).block_size(64).build().value();
  const auto plan = graph.plan(fp8).value();
  CHECK_EQ(plan.activations().size(), 1u);
  CHECK(plan.activations().at(0).format == Format::Fp8);
  CHECK(plan.weights().at(0).format == Format::Fp8 && plan.weights().at(0).block == 0);
  const auto blocks = plan.weights().at(1);
  CHECK(blocks.format == Format::Int4Weights && blocks.block == 64 && blocks.axis == 0);
  CHECK(kept(plan.to_text().value()).text().find("fp8") != std::string_view::npos);
  qdq::Stats stats;
  stats.observe("x", std::vector<float>{-1, 1}).value();
  CHECK_FAILS(plan.ranges(stats, qdq::Method::Entropy), Status::Unsupported, "no range can be computed");
  CHECK_GOOD(plan.ranges(stats, qdq::Method::Max));

  const auto weights = qdq::Policy::make().format(Format::Int8Weights).conv_weights(true).build().value();
  const auto alone = graph.plan(weights).value();
  CHECK(alone.activations().size() == 0 && alone.weights().size() == 2 && alone.taps().size() == 0);
  const auto findings = alone.findings().value();
  CHECK(findings.size() == 1 && findings.at(0).message.find("computes in float") != std::string_view::npos);
  CHECK_FAILS(qdq::Policy::make().format(static_cast<Format>(9)).build(), Status::InvalidArgument, "format 9");
  const auto typo = qdq::Policy::make().format_of("nothing*", Format::Fp8).build().value();
  CHECK_FAILS(graph.plan(typo), Status::InvalidArgument, "fp8 pattern 'nothing*' matches no node");
  const auto odd = qdq::Policy::make().format(Format::Int4Weights).block_size(48).build().value();
  CHECK_FAILS(graph.plan(odd), Status::InvalidArgument, "48 is no block size");
}

// Quantizers that were trained decide the format of their nodes.
TEST(plans_follow_trained_quantizers) {
  using qdq::Format;
  Graph graph = network();
  const auto w = graph.add_tensor("m", TensorKind::Constant, DType::F32, {256, 8}).value();
  const auto x = graph.add_tensor("flat", TensorKind::Input, DType::F32, {1, 256}).value();
  graph.add_node(Node::make("MatMul", "product").input(x).input(w).output("p").build().value()).value();
  graph.mark_output(graph.find_tensor("p")).value();
  const auto quantizer = [](qdq::Descriptor::Builder& described) {
    return qdq::Quantizer::make(described.amax(std::vector<float>{1}).build().value()).value();
  };
  auto one = qdq::Descriptor::make();
  const auto floats = quantizer(one.e4m3());
  auto rows = qdq::Descriptor::make();
  const auto in_blocks = quantizer(rows.num_bits(4).block(0, 64));
  CHECK_EQ(qdq::Policy().least_opset(), 13);
  const auto policy =
      qdq::Policy::make().include_trained("conv", floats, floats).include_trained("product", in_blocks).build().value();
  CHECK_EQ(policy.least_opset(), 21);
  const auto plan = graph.plan(policy).value();
  CHECK(plan.activations().size() == 1 && plan.activations().at(0).format == Format::Fp8);
  CHECK(plan.weights().at(0).format == Format::Fp8);
  CHECK(plan.weights().at(1).format == Format::Int4Weights && plan.weights().at(1).block == 64);
  CHECK_FAILS(qdq::Policy::make().include_trained("product", floats, in_blocks).build(), Status::Unsupported,
              "node 'product': quantizer: its weights are integers in blocks, and no format has inputs in e4m3");
  CHECK_FAILS(qdq::Policy::make().include_trained("conv", floats).build(), Status::Unsupported, "inputs in floating point");
}

// The option decides on the two products of an attention.
TEST(the_products_of_an_attention_follow_the_policy) {
  Graph graph;
  std::vector<std::size_t> inputs;
  for (const char* name : {"query", "key", "value"}) {
    inputs.push_back(graph.add_tensor(name, TensorKind::Input, DType::F32, {1, 4, 1024, 64}).value());
  }
  const auto add = [&graph](const char* op, std::vector<std::size_t> read, const char* output, std::int64_t columns) {
    auto node = Node::make(op);
    for (const std::size_t input : read) node.input(input);
    graph.add_node(node.output(output).set_int("transB", columns == 1024).build().value()).value();
    graph.describe_tensor(graph.find_tensor(output), DType::F32, {1, 4, 1024, columns}).value();
    return graph.find_tensor(output);
  };
  const auto scores = add("MatMul", {inputs[0], inputs[1]}, "scores", 1024);
  const auto probabilities = add("Softmax", {scores}, "probabilities", 1024);
  graph.mark_output(add("MatMul", {probabilities, inputs[2]}, "context", 64)).value();
  const auto verdict = [&graph](qdq::Attention attention) {
    const auto policy = qdq::Policy::make().attention(attention).build().value();
    return kept(graph.plan(policy).value()).decisions().at(2).verdict;
  };
  CHECK(verdict(qdq::Attention::Int8) == Verdict::Quantized);
  CHECK(verdict(qdq::Attention::Float) == Verdict::Float);
  CHECK(verdict(qdq::Attention::Auto) == Verdict::Float);
  const auto unknown = qdq::Policy::make().attention(static_cast<qdq::Attention>(9)).build();
  CHECK_FAILS(unknown, Status::InvalidArgument, "attention 9");
}

// The option decides on a fixed basis whose result is squared.
TEST(front_ends_follow_the_policy) {
  Graph graph;
  const auto samples = graph.add_tensor("samples", TensorKind::Input, DType::F32, {1, 1, 640}).value();
  const auto basis = graph.add_tensor("basis", TensorKind::Constant, DType::F32, {258, 1, 256}).value();
  graph.add_node(Node::make("Conv").input(samples).input(basis).output("spectrum").build().value()).value();
  const auto spectrum = graph.find_tensor("spectrum");
  graph.add_node(Node::make("Mul").input(spectrum).input(spectrum).output("power").build().value()).value();
  graph.mark_output(graph.find_tensor("power")).value();
  const auto verdict = [&graph](qdq::FrontEnd front_end) {
    const auto policy = qdq::Policy::make().front_end(front_end).build().value();
    return kept(graph.plan(policy).value()).decisions().at(0).verdict;
  };
  CHECK(verdict(qdq::FrontEnd::Int8) == Verdict::Quantized);
  CHECK(verdict(qdq::FrontEnd::Float) == Verdict::Float);
  const auto unknown = qdq::Policy::make().front_end(static_cast<qdq::FrontEnd>(9)).build();
  CHECK_FAILS(unknown, Status::InvalidArgument, "front end 9");
}

// The result and the log contain what a plan and ranges leave out.
TEST(findings_are_said_in_the_result_and_in_the_log) {
  const auto warnings = std::make_shared<std::vector<std::string>>();
  qdq::log_set(qdq::LogLevel::Info, [warnings](qdq::LogLevel, std::string_view text) {
    warnings->emplace_back(text);
  }).value();
  const Graph graph = network();
  const auto plan = graph.plan().value();
  CHECK_EQ(plan.findings().value().size(), 0u);

  auto partial = qdq::Ranges::make().value();
  partial.set("z", 1.0f).value();
  partial.set("elsewhere", 1.0f).value();
  const auto cut = graph.plan({}, partial).value();
  const auto findings = cut.findings().value();
  CHECK_EQ(findings.size(), 2u);
  CHECK(findings.at(0).severity == qdq::Severity::Warning && findings.at(0).tensors.at(0) == "x" &&
        !findings.at(0).remedy.empty());
  CHECK(findings.at(1).severity == qdq::Severity::Note && findings.at(1).tensors.at(0) == "elsewhere");
  CHECK(warnings->size() == 2 && warnings->front().find(findings.at(0).message) == 0);

  const auto all = qdq::Policy::make().min_quantized(1.0f).build().value();
  CHECK_FAILS(graph.plan(all, partial), Status::Data, "0 of 1 convolutions and products");
  CHECK_GOOD(graph.plan(all));
  CHECK_FAILS(qdq::Policy::make().min_quantized(1.5f).build(), Status::InvalidArgument, "1.5");

  const float nan = std::numeric_limits<float>::quiet_NaN();
  qdq::Stats stats;
  for (std::string_view name : plan.taps(true)) stats.observe(name, std::vector<float>{-1, nan}).value();
  CHECK_EQ(stats.findings().value().size(), 0u);
  const auto ranges = plan.ranges(stats, qdq::Method::Max).value();
  const auto left_out = ranges.findings().value();
  CHECK(left_out.size() == 1 && left_out.at(0).tensors.at(0) == "x");
  CHECK(left_out.at(0).message.find("1 NaN, 0 infinite of 2") != std::string_view::npos);
  CHECK(warnings->back().find("NaN") != std::string::npos);
  qdq::log_off();
}
