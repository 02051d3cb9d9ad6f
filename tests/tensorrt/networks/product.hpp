// A network of one product, its formats, and functions that inspect it.
#ifndef PRODUCT_HPP
#define PRODUCT_HPP

#include "network.hpp"

#if QDQ_TRT_HAS_QDQ

namespace product {

using namespace net;
using nvinfer1::IConstantLayer;
using nvinfer1::IDequantizeLayer;
using nvinfer1::IQuantizeLayer;
using nvinfer1::MatrixOperation;

inline Plan planned_in(const INetworkDefinition& network, const Ranges& given, const Policy& policy) {
  const Graph graph = trt::describe(network).value();
  return graph.plan(policy, graph.spread(given).value()).value();
}

inline Policy in(Format format) { return Policy::make().format(format).build().value(); }

inline Result<trt::WeightMemory> insert(Made& made, const Ranges& given, Format format) {
  return trt::insert_qdq(made.network, planned_in(made.network, given, in(format)), given);
}

/// A product with a weight of 256 rows and 64 columns, in a network of a kind.
struct Product : Made {
  explicit Product(nvinfer1::NetworkDefinitionCreationFlags flags = 1U, float factor = 1.0f) : Made(flags) {
    for (float& value : values) value *= factor;
    x = &input("x", {2, 256});
    w = &constant("w", {256, 64}, values);
    const auto none = MatrixOperation::kNONE;
    product = &named("product", network.addMatrixMultiply(*x, none, *w, none));
    network.markOutput(out(*product));
  }
  std::vector<float> values = numbers(256 * 64);
  ITensor *x, *w;
  ILayer* product;
};

inline const Ranges of_x = ranges({{"x", 4.48f}});

// Returns the producer of an input of a layer, which must be of a type.
template <typename Layer>
const Layer& before(const INetworkDefinition& network, const ILayer& layer, int input, LayerType type) {
  const ILayer* found = producer(network, layer.getInput(input));
  if (!CHECK(found != nullptr && found->getType() == type)) std::abort();
  return static_cast<const Layer&>(*found);
}

/// The scales and, of a stored weight, the numbers before a Dequantize.
struct Expected {
  Expected(const std::vector<float>& values, const std::vector<std::int64_t>& shape, Format format, std::int32_t axis,
           std::size_t block = 0)
      : numbers(format == Format::Int4Weights ? values.size() / 2 : values.size()),
        scales(weights_store(TensorView(values.data(), shape), format, axis, block, Method::Mse, DType::F32,
                             MutableTensorView(trt::detail::stored_type(format), numbers.data(), shape))
                   .value()) {}
  std::vector<unsigned char> numbers;
  Array scales;
};

inline bool has_scales(const IConstantLayer& constant, const Array& expected) {
  const Weights stored = constant.getWeights();
  const auto* values = static_cast<const float*>(stored.values);
  const auto shape = expected.shape();
  return CHECK(stored.type == DataType::kFLOAT) &&
         CHECK(std::vector<float>(values, values + stored.count) ==
               std::vector<float>(expected.values().begin(), expected.values().end())) &&
         CHECK(trt::detail::shape_of(constant.getDimensions()) == std::vector<std::int64_t>(shape.begin(), shape.end()));
}

inline bool has_numbers(const IConstantLayer& constant, DataType type, const std::vector<std::int64_t>& shape,
                        const Expected& expected) {
  const Weights stored = constant.getWeights();
  const auto* bytes = static_cast<const unsigned char*>(stored.values);
  return CHECK(stored.type == type && constant.getOutput(0)->getType() == type) &&
         CHECK_EQ(stored.count, trt::detail::volume(shape)) &&
         CHECK(trt::detail::shape_of(constant.getDimensions()) == shape) &&
         CHECK(std::vector<unsigned char>(bytes, bytes + expected.numbers.size()) == expected.numbers);
}

}  // namespace product

#endif

#endif
