// Networks as graphs.
#include "network.hpp"

namespace describe_test {

using namespace net;

std::string op(const Graph& graph, std::string_view name) {
  for (const auto& node : graph.nodes()) {
    if (node.name == name) return std::string(node.op);
  }
  return "nothing";
}

TEST(a_described_network_has_kernels_as_constants) {
  Made made;
  const auto kernel = numbers(8 * 4 * 9), bias = numbers(8), up_kernel = numbers(8 * 3 * 4);
  ITensor& x = made.input("x", {1, 4, -1, 8});
  auto& conv = made.conv("conv", x, 8, kernel);
  auto& up = made.named("up", made.network.addDeconvolutionNd(out(conv), 6, dims({2, 2}), weights(up_kernel), no_weights));
  up.setNbGroups(2);
  made.network.markOutput(out(up));
  const Graph graph = trt::describe(made.network).value();

  CHECK_EQ(op(graph, "conv"), "Conv");
  CHECK_EQ(op(graph, "up"), "ConvTranspose");
  const auto nodes = graph.nodes();
  const auto tensors = graph.tensors();
  CHECK_EQ(tensors.at(nodes.at(0).inputs[1]).name, "conv.kernel");
  CHECK(tensors.at(nodes.at(0).inputs[1]).kind == TensorKind::Constant);
  CHECK(tensors.at(nodes.at(0).inputs[1]).shape == std::vector<std::int64_t>({8, 4, 3, 3}));
  CHECK(tensors.at(nodes.at(1).inputs[1]).shape == std::vector<std::int64_t>({8, 3, 2, 2}));
  CHECK(tensors.at(nodes.at(0).inputs[0]).kind == TensorKind::Input);
  CHECK(tensors.at(nodes.at(0).inputs[0]).shape == std::vector<std::int64_t>({1, 4, dynamic, 8}));
  CHECK(tensors.at(nodes.at(1).outputs[0]).is_output && !tensors.at(nodes.at(0).outputs[0]).is_output);
  CHECK_EQ(nodes.at(1).inputs[0], nodes.at(0).outputs[0]);
}

#if QDQ_TRT_HAS_IMPLICIT_BATCH
TEST(a_fully_connected_layer_is_a_product_of_a_transposed_kernel) {
  Made made;
  const auto kernel = numbers(10 * 16);
  ITensor& x = made.input("x", {1, 16, 1, 1});
  QDQ_TRT_DEPRECATED_BEGIN
  auto& full = made.named("full", made.network.addFullyConnected(x, 10, weights(kernel), no_weights));
  QDQ_TRT_DEPRECATED_END
  made.network.markOutput(out(full));
  const Graph graph = trt::describe(made.network).value();
  CHECK_EQ(op(graph, "full"), "Gemm");
  CHECK(graph.tensors().at(graph.find_tensor("full.kernel")).shape == std::vector<std::int64_t>({10, 16}));
  const auto plan = graph.plan().value();
  CHECK_EQ(plan.weights().size(), std::size_t{1});
  CHECK_EQ(plan.weights().at(0).axis, 0);
}
#endif

TEST(stored_biases_and_scales_are_constants_of_their_layers) {
  Made made;
  const auto kernel = numbers(8 * 4 * 9), bias = numbers(8), scale = numbers(8, 0.7f);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  auto& conv = made.named("conv", made.network.addConvolutionNd(x, 8, dims({3, 3}), weights(kernel), weights(bias)));
  auto& scaled = made.named("scaled", made.network.addScale(out(conv), nvinfer1::ScaleMode::kCHANNEL, weights(bias),
                                                            weights(scale), no_weights));
  made.network.markOutput(out(scaled));
  const Graph graph = trt::describe(made.network).value();
  const auto name = [&](std::size_t node, std::size_t input) {
    return std::string(graph.tensors().at(graph.nodes().at(node).inputs.at(input)).name);
  };
  CHECK_EQ(name(0, 1), "conv.kernel");
  CHECK_EQ(name(0, 2), "conv.bias");
  CHECK_EQ(name(1, 1), "scaled.scale");
  CHECK_EQ(name(1, 2), "scaled.shift");
  CHECK_EQ(graph.nodes().at(1).inputs.size(), std::size_t{3});
  CHECK(graph.tensors().at(graph.nodes().at(0).inputs[2]).shape == std::vector<std::int64_t>({8}));
}

TEST(attributes_that_rules_read_are_described) {
  using Ints = std::vector<std::int64_t>;
  Made made;
  ITensor& x = made.input("x", {2, 3, 8, 8});
  auto& softmax = made.named("softmax", made.network.addSoftMax(x));
  softmax.setAxes(1U << 3);
  auto& shuffle = made.named("shuffle", made.network.addShuffle(out(softmax)));
  shuffle.setFirstTranspose({{0, 3, 2, 1}});
  out(shuffle).standin.dims = dims({2, 8, 8, 3});
  auto& pool = made.named("pool", made.network.addPoolingNd(out(shuffle), nvinfer1::PoolingType::kAVERAGE, dims({2, 3})));
  auto& lrn = made.named("lrn", made.network.addLRN(out(pool), 5, 1.0f, 0.5f, 1.0f));
  made.network.markOutput(out(lrn));
  const Graph graph = trt::describe(made.network).value();
  const auto found = [&](const char* node, const char* attribute) {
    return graph.find_attribute(graph.find_node(node), attribute).value().value;
  };
  CHECK(std::get<std::int64_t>(found("softmax", "axis")) == 3);
  CHECK(std::get<Ints>(found("shuffle", "perm")) == Ints({0, 3, 2, 1}));
  CHECK(std::get<Ints>(found("pool", "kernel_shape")) == Ints({2, 3}));
  CHECK(std::get<std::int64_t>(found("lrn", "size")) == 5);
}

TEST(products_say_what_they_transpose) {
  using nvinfer1::MatrixOperation;
  Made made;
  const auto values = numbers(16 * 8);
  ITensor& x = made.input("x", {4, 8});
  ITensor& y = made.input("y", {16, 4});
  ITensor& w = made.constant("w", {16, 8}, values);
  // x * transpose(w) has the rows of w as channels, transpose(w) * y the columns.
  const auto none = MatrixOperation::kNONE, transposed = MatrixOperation::kTRANSPOSE;
  auto& right = made.named("right", made.network.addMatrixMultiply(x, none, w, transposed));
  auto& left = made.named("left", made.network.addMatrixMultiply(w, transposed, y, none));
  made.network.markOutput(out(right));
  made.network.markOutput(out(left));
  const auto plan = trt::describe(made.network).value().plan().value();
  std::vector<std::int32_t> axes;
  for (const auto& weight : plan.weights()) axes.push_back(weight.axis);
  std::sort(axes.begin(), axes.end());
  CHECK(axes == std::vector<std::int32_t>({0, 1}));
}

TEST(layers_are_named_as_operators) {
  using namespace nvinfer1;
  Made made;
  INetworkDefinition& network = made.network;
  ITensor& x = made.input("x", {1, 4, 8, 8});
  ITensor& flags = made.input("flags", {1, 4, 8, 8}, DataType::kBOOL);
  ITensor& index = made.input("index", {3}, DataType::kINT32);
  const auto slopes = numbers(4);
  ITensor& slope = made.constant("slope", {1, 4, 1, 1}, slopes);
  std::vector<std::pair<std::string, std::string>> expected;
  const auto add = [&](const char* operation, auto* layer) -> auto& {
    const std::string name = std::string(operation) + std::to_string(expected.size());
    expected.emplace_back(name, operation);
    network.markOutput(*layer->getOutput(0));
    return made.named(name, layer);
  };
  add("Relu", network.addActivation(x, ActivationType::kRELU));
  add("Sigmoid", network.addActivation(x, ActivationType::kSIGMOID));
  add("Clip", network.addActivation(x, ActivationType::kCLIP));
  add("LeakyRelu", network.addActivation(x, ActivationType::kLEAKY_RELU));
  add("MaxPool", network.addPoolingNd(x, PoolingType::kMAX, dims({2, 2})));
  add("AveragePool", network.addPoolingNd(x, PoolingType::kAVERAGE, dims({2, 2})));
  add("Add", network.addElementWise(x, x, ElementWiseOperation::kSUM));
  add("Mul", network.addElementWise(x, x, ElementWiseOperation::kPROD));
  add("Sub", network.addElementWise(x, x, ElementWiseOperation::kSUB));
  add("FloorDiv", network.addElementWise(x, x, ElementWiseOperation::kFLOOR_DIV));
  add("Exp", network.addUnary(x, UnaryOperation::kEXP));
  add("Sin", network.addUnary(x, UnaryOperation::kSIN));
  add("ReduceMean", network.addReduce(x, ReduceOperation::kAVG, 4, true));
  add("Softmax", network.addSoftMax(x));
  add("LRN", network.addLRN(x, 5, 1, 1, 1));
  add("BatchNormalization", network.addScale(x, ScaleMode::kCHANNEL, no_weights, no_weights, no_weights));
  ITensor* const both[] = {&x, &x};
  add("Concat", network.addConcatenation(both, 2));
  add("Gather", network.addGather(x, index, 1));
  add("Slice", network.addSlice(x, dims({0, 0, 0, 0}), dims({1, 2, 8, 8}), dims({1, 1, 1, 1})));
  add("Pad", network.addSlice(x, dims({0, 0, 0, 0}), dims({1, 8, 8, 8}), dims({1, 1, 1, 1})))
      .setMode(static_cast<StandinSliceMode>(1));
  add("Pad", network.addPaddingNd(x, dims({1, 1}), dims({1, 1})));
  add("Resize", network.addResize(x));
  add("TopK", network.addTopK(x, TopKOperation::kMAX, 1, 2));
  add("Shape", network.addShape(x));
  add("Identity", network.addIdentity(x));
  add("PRelu", network.addParametricReLU(x, slope));
  add("Where", network.addSelect(flags, x, x));
  add("Reshape", network.addShuffle(x)).getOutput(0)->setDimensions(dims({4, 64}));
  auto& transpose = add("Transpose", network.addShuffle(x));
  transpose.setFirstTranspose(Permutation{{0, 2, 3, 1, 4, 5, 6, 7}});
  transpose.getOutput(0)->setDimensions(dims({1, 8, 8, 4}));
  add("Layer", network.standin_add(LayerType::kPLUGIN_V2, {&x}, {{x.getDimensions(), DataType::kFLOAT}}));
#if QDQ_TRT_HAS_BRANCHES
  add("Einsum", network.addEinsum(both, 2, "nchw,nchw->nchw"));
#endif
#if QDQ_TRT_HAS_CAST
  add("LayerNormalization", network.addNormalization(x, slope, slope, 2));
  add("Cast", network.addCast(x, DataType::kHALF));
#endif
#if QDQ_TRT_HAS_QDQ
  const auto one = numbers(1);
  ITensor& scale = made.constant("scale", {}, one);
  QDQ_TRT_DEPRECATED_BEGIN
  auto& quantize = add("QuantizeLinear", network.addQuantize(x, scale));
  add("DequantizeLinear", network.addDequantize(out(quantize), scale));
  QDQ_TRT_DEPRECATED_END
#endif
  const auto graph = trt::describe(network);
  if (!CHECK_GOOD(graph)) return;
  CHECK_EQ(graph->nodes().size(), expected.size());
  for (const auto& [name, operation] : expected) CHECK_EQ(op(*graph, name), operation);
}

// Layers in the body of a loop or a branch stay in float. Layers that read its result do not.
void body_is_foreign(LayerType opens, LayerType closes) {
  Made made;
  const auto kernel = numbers(4 * 4 * 9);
  ITensor& x = made.input("x", {1, 4, 8, 8});
  auto& before = made.conv("before", x, 4, kernel);
  const std::vector<nvinfer1::standin::Output> one{{x.getDimensions(), DataType::kFLOAT}};
  auto& begin = made.named("begin", made.network.standin_add(opens, {&out(before)}, one));
  auto& within = made.conv("within", out(begin), 4, kernel);
  // The result of the body becomes the input of its next iteration.
  if (opens == LayerType::kRECURRENCE) begin.setInput(1, out(within));
  auto& end = made.named("end", made.network.standin_add(closes, {&out(within)}, one));
  auto& after = made.conv("after", out(end), 4, kernel);
  made.network.markOutput(out(after));
  const auto graph = trt::describe(made.network);
  if (!CHECK_GOOD(graph)) return;
  const auto plan = graph->plan().value();
  std::map<std::string, Verdict> verdicts;
  for (std::size_t i = 0; i < graph->nodes().size(); ++i) {
    verdicts[std::string(graph->nodes().at(i).name)] = plan.decisions().at(i).verdict;
  }
  CHECK(verdicts["before"] == Verdict::Quantized);
  CHECK(verdicts["within"] == Verdict::Float);
  CHECK(verdicts["after"] == Verdict::Quantized);
}

TEST(bodies_are_foreign) {
  body_is_foreign(LayerType::kRECURRENCE, LayerType::kLOOP_OUTPUT);
  body_is_foreign(LayerType::kITERATOR, LayerType::kLOOP_OUTPUT);
#if QDQ_TRT_HAS_BRANCHES
  body_is_foreign(LayerType::kCONDITIONAL_INPUT, LayerType::kCONDITIONAL_OUTPUT);
#endif
}

TEST(layers_may_be_added_in_any_order) {
  Made made;
  ITensor& x = made.input("x", {1, 4, 8, 8});
  ILayer& last = made.relu("last", x);
  ILayer& first = made.relu("first", x);
  last.setInput(0, out(first));
  made.network.markOutput(out(last));
  const Graph graph = trt::describe(made.network).value();
  CHECK_EQ(graph.nodes().at(0).name, "first");
  CHECK_EQ(graph.nodes().at(1).name, "last");
  CHECK_EQ(made.network.getNbLayers(), 2);
}

TEST(names_that_are_there_twice_are_refused) {
  {
    Made made;
    ITensor& x = made.input("x", {4});
    made.relu("x", x);
    CHECK_FAILS(trt::describe(made.network), Status::InvalidArgument, "layer 'x' cannot be described");
    CHECK_FAILS(trt::describe(made.network), Status::InvalidArgument, "a name of its own");
  }
  {
    Made made;
    made.input("x", {4});
    made.input("x", {4});
    CHECK_FAILS(trt::describe(made.network), Status::InvalidArgument, "a name of its own with ITensor::setName()");
  }
  {
    Made made;
    const auto kernel = numbers(4 * 4 * 9);
    ITensor& x = made.input("x", {1, 4, 8, 8});
    made.conv("conv", x, 4, kernel);
    made.conv("conv", x, 4, kernel).getOutput(0)->setName("other");
    // Layers may share a name, and their kernels get names of their own.
    const auto graph = trt::describe(made.network);
    if (CHECK_GOOD(graph)) CHECK(graph->find_tensor("conv.kernel") != none && graph->find_tensor("conv.kernel_2") != none);
  }
}

}  // namespace describe_test
