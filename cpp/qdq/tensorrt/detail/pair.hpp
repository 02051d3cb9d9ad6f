// Quantize and Dequantize layers.
#ifndef QDQ_TENSORRT_DETAIL_PAIR_HPP
#define QDQ_TENSORRT_DETAIL_PAIR_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/array.hpp>
#include <qdq/ranges.hpp>
#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/names.hpp>
#include <qdq/tensorrt/detail/network_kind.hpp>
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

  /// Quantizes and dequantizes a tensor, with one amax for the whole tensor or, along `axis`, one per index.
  /// Returns the dequantized tensor, of the type of `source`.
  [[nodiscard]] Result<nvinfer1::ITensor*> add(nvinfer1::ITensor& source, const std::string& name,
                                               const std::vector<float>& amax, std::int32_t axis) {
    const auto half = half_of(source);
    std::vector<float> scales;
    for (const float one : amax) {
      const float scale = int8_scale(one);
      scales.push_back(half ? half_scale(scale, *half).value_or(scale) : scale);
    }
    return add_by_scales(source, name, std::move(scales), axis);
  }

  /// Does the same with scales.
  ///
  /// Scales have the type of the data in a strongly typed network, if that type holds them. Other 16-bit data
  /// is cast to f32 before its pair, and back behind it: its scales would be rounded, and small ones lost.
  [[nodiscard]] Result<nvinfer1::ITensor*> add_by_scales(nvinfer1::ITensor& source, const std::string& name,
                                                         std::vector<float> scales, std::int32_t axis) {
    nvinfer1::Dims shape{};
    // A scale for the whole tensor has rank 0: TensorRT treats a scale of shape [1] as a channel's and
    // computes in float.
    shape.nbDims = axis == no_axis ? 0 : 1;
    if (axis != no_axis) shape.d[0] = static_cast<std::remove_reference_t<decltype(shape.d[0])>>(scales.size());
    const nvinfer1::DataType type = source.getType();
    const bool typed = is_held(scales, half_of(source));
    const nvinfer1::DataType of_pair = typed ? type : nvinfer1::DataType::kFLOAT;
    QDQ_TRY_AS(stored, keep(std::move(scales), typed ? dtype_of(type) : DType::F32));
    auto* scale = names_.name(network_.addConstant(shape, *stored), name + "_scale", name + "_scale");
    if (scale == nullptr) return refused(name);

    auto* input = cast(source, of_pair, name);
    if (input == nullptr) return refused(name);
    auto* quantize = names_.name(add_quantize(*input, *scale->getOutput(0)), name + "_QuantizeLinear", name + "_quantized");
    if (quantize == nullptr) return refused(name);
    auto* dequantize = names_.name(add_dequantize(*quantize->getOutput(0), *scale->getOutput(0), of_pair),
                                   name + "_DequantizeLinear", name + "_dequantized");
    if (dequantize == nullptr) return refused(name);
    if (axis != no_axis) {
      quantize->setAxis(axis);
      dequantize->setAxis(axis);
    }
    auto* out = cast(*dequantize->getOutput(0), type, name + "_dequantized");
    if (out == nullptr) return refused(name);
    return out;
  }

  /// Returns the 16-bit type of the scales that a tensor may have; nothing if they are f32.
  [[nodiscard]] std::optional<Half> half_of(const nvinfer1::ITensor& tensor) const {
    return is_strongly_typed(network_) ? half_of(dtype_of(tensor.getType())) : std::nullopt;
  }
  /// Does the same for the elements of a strongly typed network.
  [[nodiscard]] static std::optional<Half> half_of(DType dtype) noexcept {
    if (dtype == DType::F16) return Half::F16;
    return dtype == DType::BF16 ? std::optional<Half>(Half::BF16) : std::nullopt;
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
  static Error refused(const std::string& name) {
    return Error(Status::TensorRt, "TensorRT refused a Quantize or Dequantize for '" + name + "'",
                 "see what TensorRT logged; parse the network anew, since this one is changed in part");
  }

  nvinfer1::IQuantizeLayer* add_quantize(nvinfer1::ITensor& input, nvinfer1::ITensor& scale) {
#if QDQ_TRT_QDQ_HAS_TYPE
    return network_.addQuantize(input, scale, nvinfer1::DataType::kINT8);
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

  static bool is_held(const std::vector<float>& scales, const std::optional<Half>& half) {
    const auto held = [&](float scale) { return half_scale(scale, *half) == scale; };
    return half && std::all_of(scales.begin(), scales.end(), held);
  }

  Result<nvinfer1::Weights> keep(std::vector<float> scales, DType dtype) {
    if (dtype == DType::F32) return memory_.keep(std::move(scales));
    const std::array<std::int64_t, 1> shape{static_cast<std::int64_t>(scales.size())};
    QDQ_TRY_AS(rounded, Array::convert(TensorView(scales.data(), shape), dtype));
    return memory_.keep(*std::move(rounded));
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
