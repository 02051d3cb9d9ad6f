// Quantize and Dequantize layers.
#ifndef QDQ_TENSORRT_DETAIL_PAIR_HPP
#define QDQ_TENSORRT_DETAIL_PAIR_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/numbers.hpp>
#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/element_types.hpp>
#include <qdq/tensorrt/detail/names.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
#include <qdq/tensorrt/detail/scales.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/weight_memory.hpp>
#include <qdq/weights.hpp>

#include <qdq/detail/try.hpp>

#if QDQ_TRT_HAS_QDQ

namespace qdq::trt::detail {

/// Adds pairs of Quantize and Dequantize to a network.
class Pairs {
 public:
  Pairs(nvinfer1::INetworkDefinition& network, WeightMemory& memory) : network_(network), memory_(memory), names_(network) {}

  /// Quantizes a tensor in a format and dequantizes it, with one amax for the whole tensor or, along `axis`,
  /// one per index. Returns the dequantized tensor, of the type of `source`.
  ///
  /// `later` is the 16-bit type that the tensor will have. Scales that this type holds are taken if the
  /// format has room for them.
  [[nodiscard]] Result<nvinfer1::ITensor*> add(nvinfer1::ITensor& source, const std::string& name,
                                               const std::vector<float>& amax, std::int32_t axis,
                                               Format format = Format::Int8, std::optional<Half> later = std::nullopt) {
    auto half = half_of(source);
    if (!half && format == Format::Fp8) half = later;
    std::vector<float> scales;
    for (const float one : amax) {
      const float scale = format_scale(format, one);
      scales.push_back(half ? format_half_scale(format, one, *half).value_or(scale) : scale);
    }
    return add_by_scales(source, name, Scales::along(axis, std::move(scales)), format);
  }

  /// Does the same with scales.
  ///
  /// Scales have the type of the data in a strongly typed network, if that type holds them. Other 16-bit data
  /// is cast to f32 before its pair, and back behind it: its scales would be rounded, and small ones lost.
  [[nodiscard]] Result<nvinfer1::ITensor*> add_by_scales(nvinfer1::ITensor& source, const std::string& name, Scales scales,
                                                         Format format = Format::Int8) {
    const nvinfer1::DataType type = source.getType();
    const nvinfer1::DataType of_pair = scale_type(type, scales);
    const Axis axis(scales);
    auto* scale = add_scale(std::move(scales), of_pair, name);
    auto* input = scale == nullptr ? nullptr : cast(source, of_pair, name);
    if (input == nullptr) return refused(name);
    auto* quantize = names_.name(add_quantize(*input, *scale, format), name + "_QuantizeLinear", name + "_quantized");
    if (quantize == nullptr) return refused(name);
    axis.set(*quantize);
    return dequantize(*quantize->getOutput(0), *scale, axis, of_pair, type, name);
  }

  /// Adds numbers that are quantized already, and dequantizes them. Returns the dequantized tensor of a type.
  [[nodiscard]] Result<nvinfer1::ITensor*> add_stored(const nvinfer1::Weights& numbers,
                                                      const std::vector<std::int64_t>& shape, nvinfer1::DataType type,
                                                      const std::string& name, Scales scales) {
    const nvinfer1::DataType of_pair = scale_type(type, scales);
    const Axis axis(scales);
    auto* scale = add_scale(std::move(scales), of_pair, name);
    if (scale == nullptr) return refused(name);
    QDQ_TRY_AS(stored, constant(shape, numbers, name + "_quantized"));
    return dequantize(**stored, *scale, axis, of_pair, type, name);
  }

  /// Changes the shape of a tensor.
  [[nodiscard]] Result<nvinfer1::ITensor*> reshape(nvinfer1::ITensor& tensor, const std::vector<std::int64_t>& shape,
                                                   const std::string& name) {
    nvinfer1::IShuffleLayer* layer = network_.addShuffle(tensor);
    if (layer == nullptr) return refused(name, "a Shuffle");
    layer->setReshapeDimensions(dims_of(shape));
    return names_.name(layer, name + "_Reshape", name + "_reshaped")->getOutput(0);
  }

  /// Returns the 16-bit type of the scales that a tensor may have; nothing if they are f32.
  [[nodiscard]] std::optional<Half> half_of(const nvinfer1::ITensor& tensor) const { return half_of(tensor.getType()); }
  /// Does the same for elements of a type.
  [[nodiscard]] std::optional<Half> half_of(nvinfer1::DataType type) const {
    return is_strongly_typed(network_) ? detail::half_of(dtype_of(type)) : std::nullopt;
  }

  /// Gives the output of a layer a new name.
  void name_output(nvinfer1::ILayer& layer, const std::string& name) {
    layer.getOutput(0)->setName(names_.fresh(name).c_str());
  }

  /// Adds the elementwise operation of a tensor and numbers of a shape. The numbers are not copied.
  [[nodiscard]] Result<nvinfer1::ITensor*> with_numbers(nvinfer1::ITensor& tensor, nvinfer1::ElementWiseOperation operation,
                                                        const std::vector<std::int64_t>& shape,
                                                        const nvinfer1::Weights& numbers, const std::string& name) {
    QDQ_TRY_AS(constant, this->constant(shape, numbers, name + "_numbers"));
    auto* layer = names_.name(network_.addElementWise(tensor, **constant, operation), name, name);
    if (layer == nullptr) return refused(name);
    return layer->getOutput(0);
  }

  /// Adds a constant of the network's own weights, which are not copied.
  [[nodiscard]] Result<nvinfer1::ITensor*> constant(const std::vector<std::int64_t>& shape, nvinfer1::Weights weights,
                                                    const std::string& name) {
    auto* layer = names_.name(network_.addConstant(dims_of(shape), weights), name, name);
    if (layer == nullptr) return refused(name);
    return layer->getOutput(0);
  }

 private:
  static Error refused(const std::string& name, const std::string& layer = "a Quantize or Dequantize") {
    return Error(Status::TensorRt, "TensorRT refused " + layer + " for '" + name + "'",
                 "see what TensorRT logged; parse the network anew, since this one is changed in part");
  }

  // The axis of scales, for the layers that must know it.
  class Axis {
   public:
    explicit Axis(const Scales& scales) : number_(scales.axis), is_needed_(scales.need_axis()) {}
    template <typename Layer>
    void set(Layer& layer) const {
      if (is_needed_) layer.setAxis(number_);
    }

   private:
    std::int32_t number_;
    bool is_needed_;
  };

  // Returns the type of the scales for data of a type.
  nvinfer1::DataType scale_type(nvinfer1::DataType data, const Scales& scales) const {
    return scales.are_held_in(half_of(data)) ? data : nvinfer1::DataType::kFLOAT;
  }

  // NULL if TensorRT refuses.
  nvinfer1::ITensor* add_scale(Scales scales, nvinfer1::DataType type, const std::string& name) {
    const nvinfer1::Dims shape = dims_of(scales.shape);
    const auto stored = std::move(scales).keep_in(memory_, dtype_of(type));
    if (!stored) return nullptr;
    auto* layer = names_.name(network_.addConstant(shape, *stored), name + "_scale", name + "_scale");
    return layer == nullptr ? nullptr : layer->getOutput(0);
  }

  Result<nvinfer1::ITensor*> dequantize(nvinfer1::ITensor& quantized, nvinfer1::ITensor& scale, const Axis& axis,
                                        nvinfer1::DataType of_pair, nvinfer1::DataType type, const std::string& name) {
    auto* layer = names_.name(add_dequantize(quantized, scale, of_pair), name + "_DequantizeLinear", name + "_dequantized");
    if (layer == nullptr) return refused(name);
    axis.set(*layer);
    auto* out = cast(*layer->getOutput(0), type, name + "_dequantized");
    if (out == nullptr) return refused(name);
    return out;
  }

  nvinfer1::IQuantizeLayer* add_quantize(nvinfer1::ITensor& input, nvinfer1::ITensor& scale,
                                         [[maybe_unused]] Format format) {
#if QDQ_TRT_QDQ_HAS_TYPE
    return network_.addQuantize(input, scale, quantized_type(format));
#else
    return network_.addQuantize(input, scale);
#endif
  }

  nvinfer1::IDequantizeLayer* add_dequantize(nvinfer1::ITensor& input, nvinfer1::ITensor& scale,
                                             [[maybe_unused]] nvinfer1::DataType type) {
#if QDQ_TRT_QDQ_HAS_TYPE
    return network_.addDequantize(input, scale, type);
#else
    return network_.addDequantize(input, scale);
#endif
  }

  nvinfer1::ITensor* cast(nvinfer1::ITensor& tensor, nvinfer1::DataType type, const std::string& name) {
    if (tensor.getType() == type) return &tensor;
#if QDQ_TRT_HAS_CAST
    auto* layer = names_.name(network_.addCast(tensor, type), name + "_Cast", name + "_cast");
    return layer == nullptr ? nullptr : layer->getOutput(0);
#else
    static_cast<void>(name);
    return &tensor;
#endif
  }

  nvinfer1::INetworkDefinition& network_;
  WeightMemory& memory_;
  Names names_;
};

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_QDQ

#include <qdq/detail/end_try.hpp>

#endif
