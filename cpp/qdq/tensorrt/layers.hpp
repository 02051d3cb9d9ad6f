// Layers that are added with their quantization.
#ifndef QDQ_TENSORRT_LAYERS_HPP
#define QDQ_TENSORRT_LAYERS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/operands.hpp>
#include <qdq/tensorrt/layer_ranges.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt {

/// The weights of a layer. They are not copied, and must outlive the build of the engine.
struct LayerWeights {
  nvinfer1::Weights kernel;                                           ///< 32-bit or 16-bit floats.
  nvinfer1::Weights bias = {nvinfer1::DataType::kFLOAT, nullptr, 0};  ///< Not quantized; none by default.
  WeightRange range = {};                                             ///< The ranges of the kernel.
};

/// Adds layers to a network, with Quantize and Dequantize before their inputs and behind their kernels, as
/// the quantized modules of pytorch-quantization do for a model.
///
/// Outputs are not quantized. A tensor that several layers read with the same range is quantized once.
///
///     qdq::trt::WeightMemory memory;
///     qdq::trt::QuantizedLayers layers(*network, memory);
///     auto conv = layers.convolution("conv1", *x, 2.5f, 32, nvinfer1::Dims3{…}, {kernel, bias});
///
/// The memory owns the scales and must outlive the build of the engine. The memory and the network must
/// outlive this object. An added layer can be changed like any other: its stride, padding, dilation. Its
/// output has its name, which must be new to the network. On TensorRT 8 to 10 the builder needs
/// BuilderFlag::kINT8; build_engine() sets it.
///
/// Errors before anything is added: Status::Unsupported for a descriptor that TensorRT cannot express;
/// Status::Shape for weights or ranges that do not fit; Status::Data for weights and ranges that are not
/// finite. After Status::TensorRt the network must not be used any more.
class QuantizedLayers {
 public:
  QuantizedLayers(nvinfer1::INetworkDefinition& network, WeightMemory& memory)
      : network_(network), operands_(network, memory) {}
  QuantizedLayers(const QuantizedLayers&) = delete;
  QuantizedLayers& operator=(const QuantizedLayers&) = delete;

  /// Adds a convolution with as many dimensions as the window. The kernel is [maps, channels / groups,
  /// window…], quantized along axis 0.
  [[nodiscard]] Result<nvinfer1::IConvolutionLayer*> convolution(const std::string& name, nvinfer1::ITensor& input,
                                                                 const InputRange& range, std::int32_t maps,
                                                                 const nvinfer1::Dims& window, const LayerWeights& weights,
                                                                 std::int32_t groups = 1) {
    const auto shape = detail::kernel_shape(weights.kernel, window, maps, 0);
    QDQ_TRY_AS(operands, operands_.make(name, input, range, weights.kernel, shape, 0, weights.range));
    return with_kernel(name, *operands, groups,
                       network_.addConvolutionNd(*operands->input, maps, window, none_of(weights.kernel), weights.bias));
  }

  /// Adds a transposed convolution. The kernel is [channels, maps / groups, window…], quantized along axis 1
  /// if there is one group, else as a whole. TensorRT-RTX still computes it in float.
  [[nodiscard]] Result<nvinfer1::IDeconvolutionLayer*> deconvolution(const std::string& name, nvinfer1::ITensor& input,
                                                                     const InputRange& range, std::int32_t maps,
                                                                     const nvinfer1::Dims& window,
                                                                     const LayerWeights& weights, std::int32_t groups = 1) {
    const auto shape = detail::kernel_shape(weights.kernel, window, 0, groups > 0 ? maps / groups : 0);
    QDQ_TRY_AS(operands,
               operands_.make(name, input, range, weights.kernel, shape, groups == 1 ? 1 : no_axis, weights.range));
    return with_kernel(name, *operands, groups,
                       network_.addDeconvolutionNd(*operands->input, maps, window, none_of(weights.kernel), weights.bias));
  }

  /// Adds a fully connected layer over the last axis of an input of rank 2 or more: x · transpose(kernel) +
  /// bias.
  ///
  /// The kernel is [outputs, inputs], quantized along axis 0. Returns the last layer: the product, or the sum
  /// with the bias.
  [[nodiscard]] Result<nvinfer1::ILayer*> fully_connected(const std::string& name, nvinfer1::ITensor& input,
                                                          const InputRange& range, std::int32_t outputs,
                                                          const LayerWeights& weights) {
    return product(name, input, range, detail::kernel_shape(weights.kernel, {}, outputs, 0), 0, weights);
  }

  /// Adds the product of an input of rank 2 or more and a kernel [rows, columns], quantized along axis 1, and
  /// adds the bias. Returns the last layer: the product, or the sum with the bias.
  [[nodiscard]] Result<nvinfer1::ILayer*> matrix_multiply(const std::string& name, nvinfer1::ITensor& input,
                                                          const InputRange& range, std::int32_t columns,
                                                          const LayerWeights& weights) {
    return product(name, input, range, detail::kernel_shape(weights.kernel, {}, 0, columns), 1, weights);
  }

  /// Adds the matrix product of two tensors that the network computes, each with its range.
  [[nodiscard]] Result<nvinfer1::IMatrixMultiplyLayer*> matrix_multiply(const std::string& name, nvinfer1::ITensor& left,
                                                                        const InputRange& left_range,
                                                                        nvinfer1::MatrixOperation left_operation,
                                                                        nvinfer1::ITensor& right,
                                                                        const InputRange& right_range,
                                                                        nvinfer1::MatrixOperation right_operation) {
    QDQ_TRY(detail::of_layer(name, right_range.amax()));
    QDQ_TRY_AS(first, operands_.input(name, left, left_range));
    QDQ_TRY_AS(second, operands_.input(name, right, right_range));
    return named(name, network_.addMatrixMultiply(**first, left_operation, **second, right_operation));
  }

  /// Adds a pooling. Only its input is quantized. TensorRT-RTX still computes averages in float.
  [[nodiscard]] Result<nvinfer1::IPoolingLayer*> pooling(const std::string& name, nvinfer1::ITensor& input,
                                                         const InputRange& range, nvinfer1::PoolingType type,
                                                         const nvinfer1::Dims& window) {
    QDQ_TRY_AS(quantized, operands_.input(name, input, range));
    return named(name, network_.addPoolingNd(**quantized, type, window));
  }

 private:
  static nvinfer1::Weights none_of(const nvinfer1::Weights& kernel) noexcept { return {kernel.type, nullptr, 0}; }

  template <typename Layer>
  static Result<Layer*> named(const std::string& name, Layer* layer) {
    if (layer == nullptr) return detail::refused_layer(name);
    layer->setName(name.c_str());
    layer->getOutput(0)->setName(name.c_str());
    return layer;
  }

  template <typename Layer>
  static Result<Layer*> with_kernel(const std::string& name, const detail::Operands& operands, std::int32_t groups,
                                    Layer* layer) {
    if (layer == nullptr) return detail::refused_layer(name);
    layer->setNbGroups(groups);
    layer->setInput(1, *operands.kernel);
    return named(name, layer);
  }

  Result<nvinfer1::ILayer*> product(const std::string& name, nvinfer1::ITensor& input, const InputRange& range,
                                    const std::vector<std::int64_t>& shape, std::int32_t axis, const LayerWeights& weights) {
    using nvinfer1::MatrixOperation;
    const std::int64_t outputs = shape[static_cast<std::size_t>(axis)];
    const std::int32_t rank = input.getDimensions().nbDims;
    QDQ_TRY(detail::check_product(name, rank, outputs, weights.bias));
    QDQ_TRY_AS(operands, operands_.make(name, input, range, weights.kernel, shape, axis, weights.range));
    QDQ_TRY_AS(kernel, operands_.widen(name, *operands->kernel, shape, rank));
    nvinfer1::ILayer* layer = network_.addMatrixMultiply(*operands->input, MatrixOperation::kNONE, **kernel,
                                                         axis == 0 ? MatrixOperation::kTRANSPOSE : MatrixOperation::kNONE);
    if (layer == nullptr || weights.bias.count == 0) return named(name, layer);
    static_cast<void>(named(name + ".product", layer));
    QDQ_TRY_AS(addend, operands_.constant(name + ".bias", {outputs}, weights.bias, rank));
    layer = network_.addElementWise(*layer->getOutput(0), **addend, nvinfer1::ElementWiseOperation::kSUM);
    return named(name, layer);
  }

  nvinfer1::INetworkDefinition& network_;
  detail::OperandPairs operands_;
};

}  // namespace qdq::trt

#else

namespace qdq::trt {

/// The replacement if TensorRT has no Q/DQ layers. Its error names the alternative.
class QuantizedLayers {
 public:
  /// Does not compile: this TensorRT has no Q/DQ layers.
  template <typename... Arguments>
  explicit QuantizedLayers(Arguments&&...) {
    static_assert(sizeof...(Arguments) > 99,
                  "TensorRT 7 has no Quantize and Dequantize layers: add plain layers, and give the network ranges with "
                  "qdq::trt::set_dynamic_ranges() or a calibrator");
  }
};

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
