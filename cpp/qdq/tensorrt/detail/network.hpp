// A TensorRT network as qdq's graph, and the mapping from the graph's numbers to layers and tensors.
#ifndef QDQ_TENSORRT_DETAIL_NETWORK_HPP
#define QDQ_TENSORRT_DETAIL_NETWORK_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/graph.hpp>
#include <qdq/tensorrt/detail/names.hpp>
#include <qdq/tensorrt/detail/operators.hpp>
#include <qdq/tensorrt/detail/stored.hpp>
#include <qdq/tensorrt/detail/types.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The object in the network that a tensor of the graph describes.
struct NetworkTensor {
  nvinfer1::ITensor* tensor = nullptr;  ///< NULL for weights that a layer stores.
  nvinfer1::ILayer* layer = nullptr;    ///< The layer that computes or stores it; NULL for an input of the network.
  Slot slot = Slot::Kernel;             ///< The place of weights that the layer stores.
};

/// Describes a network. Weights that a layer stores become constants of their own; constant layers become
/// constants.
class Network {
 public:
  [[nodiscard]] static Result<Network> describe(const nvinfer1::INetworkDefinition& network) {
    Network out;
    QDQ_TRY(out.add_all(network));
    return out;
  }

  /// Returns the graph's number of a tensor; qdq::none if it has none.
  [[nodiscard]] std::size_t number(const nvinfer1::ITensor* tensor) const {
    const auto found = numbers_.find(tensor);
    return found == numbers_.end() ? none : found->second;
  }

  Graph graph;
  std::vector<NetworkTensor> tensors;     ///< Indexed by the graph's number of a tensor.
  std::vector<nvinfer1::ILayer*> layers;  ///< Indexed by the graph's number of a node.

 private:
  using Done = Result<void>;

  Done add_all(const nvinfer1::INetworkDefinition& network) {
    names_.emplace(network);
    for (int i = 0; i < network.getNbInputs(); ++i) {
      nvinfer1::ITensor* input = network.getInput(i);
      QDQ_TRY(add_tensor(name_of(*input), TensorKind::Input, *input, nullptr));
    }
    for (int i = 0; i < network.getNbLayers(); ++i) {
      nvinfer1::ILayer* layer = network.getLayer(i);
      for (int o = 0; o < layer->getNbOutputs(); ++o) producers_[layer->getOutput(o)] = layer;
    }
    for (int i = 0; i < network.getNbLayers(); ++i) {
      QDQ_TRY(add_with_inputs(network.getLayer(i)));
    }
    for (int i = 0; i < network.getNbOutputs(); ++i) {
      QDQ_TRY(graph.mark_output(number(network.getOutput(i))));
    }
    return {};
  }

  // Adds a layer after the layers that it reads. The value that a loop feeds back to its next iteration is
  // the only backward edge, and is left out.
  Done add_with_inputs(nvinfer1::ILayer* last) {
    std::vector<std::pair<nvinfer1::ILayer*, int>> path{{last, 0}};
    if (!begun_.insert(last).second) return {};
    while (!path.empty()) {
      auto& [layer, next] = path.back();
      if (next < inputs_of(*layer)) {
        const auto producer = producers_.find(layer->getInput(next++));
        if (producer != producers_.end() && begun_.insert(producer->second).second) path.emplace_back(producer->second, 0);
        continue;
      }
      QDQ_TRY(add_layer(*layer));
      path.pop_back();
    }
    return {};
  }

  static int inputs_of(const nvinfer1::ILayer& layer) {
    return layer.getType() == nvinfer1::LayerType::kRECURRENCE ? 1 : layer.getNbInputs();
  }

  Done add_layer(nvinfer1::ILayer& layer) {
    if (layer.getType() == nvinfer1::LayerType::kCONSTANT) {
      nvinfer1::ITensor* output = layer.getOutput(0);
      return add_tensor(name_of(*output), TensorKind::Constant, *output, &layer);
    }
    bool in_body = opens_body(layer.getType());
    std::vector<std::size_t> inputs;
    for (int i = 0; i < inputs_of(layer); ++i) {
      inputs.push_back(number(layer.getInput(i)));
      in_body = in_body || in_body_.count(inputs.back()) != 0;
    }
    use_order_of_onnx(layer, inputs);
    QDQ_TRY(add_stored(layer, inputs));

    const Operator op = operator_of(layer);
    // Placement ignores nodes of a foreign domain: in a loop or a branch, a pair would be inside the body
    // too.
    auto builder = Node::make(op.name, layer.getName(), in_body || !op.is_onnx ? foreign : "");
    for (const std::size_t input : inputs) builder.input(input);
    set_attributes(layer, builder);
    for (int o = 0; o < layer.getNbOutputs(); ++o) builder.output(name_of(*layer.getOutput(o)));
    QDQ_TRY_AS(node, builder.build());
    if (auto done = graph.add_node(*node); !done) return unusable(layer, std::move(done).error());
    layers.push_back(&layer);
    for (int o = 0; o < layer.getNbOutputs(); ++o) {
      nvinfer1::ITensor& output = *layer.getOutput(o);
      const std::size_t added = graph.find_tensor(name_of(output));
      remember(added, &output, &layer);
      if (in_body && !closes_body(layer.getType())) in_body_.insert(added);
      const auto shape = shape_of(output.getDimensions());
      const DType dtype = dtype_of(output.getType());
      QDQ_TRY(shape ? graph.describe_tensor(added, dtype, *shape) : graph.describe_tensor(added, dtype));
    }
    return {};
  }

  Done add_tensor(const std::string& name, TensorKind kind, nvinfer1::ITensor& tensor, nvinfer1::ILayer* layer) {
    const auto shape = shape_of(tensor.getDimensions());
    const DType dtype = dtype_of(tensor.getType());
    auto added = shape ? graph.add_tensor(name, kind, dtype, *shape) : graph.add_tensor(name, kind, dtype);
    if (!added) {
      return Error(Status::InvalidArgument, "tensor '" + name + "' cannot be described: " + text(added.error()),
                   "give every tensor of the network a name of its own with ITensor::setName()");
    }
    remember(*added, &tensor, layer);
    return {};
  }

  // A slice has the starts, sizes and steps of its axes before the value that it fills in.
  static void use_order_of_onnx(const nvinfer1::ILayer& layer, std::vector<std::size_t>& inputs) {
    if (layer.getType() != nvinfer1::LayerType::kSLICE || !pads(as<nvinfer1::ISliceLayer>(layer))) return;
    const std::size_t fill = inputs.size() > 4 ? inputs[4] : none;
    inputs.resize(std::min<std::size_t>(inputs.size(), 2), none);
    if (fill == none) return;
    inputs.resize(3, none);
    inputs[2] = fill;
  }

  // Inserts the weights that a layer stores, as inputs of its ONNX operator.
  Done add_stored(nvinfer1::ILayer& layer, std::vector<std::size_t>& inputs) {
    for (const Stored& stored : stored_of(layer)) {
      auto added = graph.add_tensor(names_->fresh(layer.getName() + std::string(stored.name)), TensorKind::Constant,
                                    dtype_of(stored.weights.type), stored.shape);
      if (!added) return unusable(layer, std::move(added).error());
      if (inputs.size() <= stored.input) inputs.resize(stored.input + 1, none);
      inputs[stored.input] = *added;
      remember(*added, nullptr, &layer);
      tensors[*added].slot = stored.slot;
    }
    return {};
  }

  static void set_attributes(const nvinfer1::ILayer& layer, Node::Builder& node) {
    using nvinfer1::LayerType;
    switch (layer.getType()) {
      case LayerType::kCONVOLUTION: node.set_int("group", as<nvinfer1::IConvolutionLayer>(layer).getNbGroups()); break;
      case LayerType::kDECONVOLUTION: node.set_int("group", as<nvinfer1::IDeconvolutionLayer>(layer).getNbGroups()); break;
      case LayerType::kMATRIX_MULTIPLY: {
        const auto& product = as<nvinfer1::IMatrixMultiplyLayer>(layer);
        node.set_int("transA", product.getOperation(0) == nvinfer1::MatrixOperation::kTRANSPOSE);
        node.set_int("transB", product.getOperation(1) == nvinfer1::MatrixOperation::kTRANSPOSE);
        break;
      }
#if QDQ_TRT_HAS_IMPLICIT_BATCH
      case LayerType::kFULLY_CONNECTED: node.set_int("transB", 1); break;
#endif
      case LayerType::kSOFTMAX: {
        // One bit is the axis.
        const std::uint32_t axes = as<nvinfer1::ISoftMaxLayer>(layer).getAxes();
        for (int axis = 0; axis < 32; ++axis) {
          if (axes == 1U << axis) node.set_int("axis", axis);
        }
        break;
      }
      case LayerType::kSHUFFLE:
        if (only_transposes(as<nvinfer1::IShuffleLayer>(layer))) {
          const nvinfer1::Permutation order = as<nvinfer1::IShuffleLayer>(layer).getFirstTranspose();
          const int rank = layer.getInput(0)->getDimensions().nbDims;
          node.set_ints("perm", std::vector<std::int64_t>(order.order, order.order + rank));
        }
        break;
      case LayerType::kPOOLING: {
        if (const auto window = shape_of(as<nvinfer1::IPoolingLayer>(layer).getWindowSizeNd())) {
          node.set_ints("kernel_shape", *window);
        }
        break;
      }
      case LayerType::kLRN: node.set_int("size", as<nvinfer1::ILRNLayer>(layer).getWindowSize()); break;
#if QDQ_TRT_HAS_BRANCHES
      case LayerType::kEINSUM: node.set_text("equation", as<nvinfer1::IEinsumLayer>(layer).getEquation()); break;
#endif
#if QDQ_TRT_HAS_CAST
      case LayerType::kCAST: node.set_int("to", onnx_type(as<nvinfer1::ICastLayer>(layer).getToType())); break;
#endif
      default: break;
    }
  }

  static Error unusable(const nvinfer1::ILayer& layer, Error error) {
    return Error(error.status(), "layer '" + std::string(layer.getName()) + "' cannot be described: " + text(error),
                 "give every layer and tensor of the network a name of its own");
  }

  static std::string text(const Error& error) { return std::string(error.message()); }
  static std::string name_of(const nvinfer1::ITensor& tensor) { return tensor.getName(); }

  void remember(std::size_t added, nvinfer1::ITensor* tensor, nvinfer1::ILayer* layer) {
    if (tensors.size() <= added) tensors.resize(added + 1);
    tensors[added] = {tensor, layer};
    if (tensor != nullptr) numbers_[tensor] = added;
  }

  std::unordered_map<const nvinfer1::ITensor*, nvinfer1::ILayer*> producers_;
  std::unordered_map<const nvinfer1::ITensor*, std::size_t> numbers_;
  std::unordered_set<const nvinfer1::ILayer*> begun_;
  std::unordered_set<std::size_t> in_body_;
  std::optional<Names> names_;  // For stored weights.
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
