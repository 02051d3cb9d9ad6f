// Mapping of TensorRT's layers to ONNX's operators, by whose names placement knows them.
#ifndef QDQ_TENSORRT_DETAIL_OPERATORS_HPP
#define QDQ_TENSORRT_DETAIL_OPERATORS_HPP

#include <cstdint>
#include <string_view>

#include <NvInfer.h>

#include <qdq/tensorrt/version.hpp>

namespace qdq::trt::detail {

/// The domain of operators that ONNX does not have.
inline constexpr std::string_view foreign = "tensorrt";

/// The operator of a layer. If `is_onnx` is false, ONNX has no such operator.
struct Operator {
  std::string_view name;
  bool is_onnx = true;
};

/// Casts a layer to its own class. The caller has checked its type.
template <typename Layer>
const Layer& as(const nvinfer1::ILayer& layer) noexcept {
  return static_cast<const Layer&>(layer);
}

inline Operator activation(nvinfer1::ActivationType type) noexcept {
  using Type = nvinfer1::ActivationType;
  switch (type) {
    case Type::kRELU: return {"Relu"};
    case Type::kSIGMOID: return {"Sigmoid"};
    case Type::kTANH: return {"Tanh"};
    case Type::kLEAKY_RELU: return {"LeakyRelu"};
    case Type::kELU: return {"Elu"};
    case Type::kSELU: return {"Selu"};
    case Type::kSOFTSIGN: return {"Softsign"};
    case Type::kSOFTPLUS: return {"Softplus"};
    case Type::kCLIP: return {"Clip"};
    case Type::kHARD_SIGMOID: return {"HardSigmoid"};
    case Type::kTHRESHOLDED_RELU: return {"ThresholdedRelu"};
#if QDQ_TRT_HAS_GELU
    case Type::kGELU_ERF:
    case Type::kGELU_TANH: return {"Gelu"};
#endif
    default: return {"Activation", false};
  }
}

inline Operator elementwise(nvinfer1::ElementWiseOperation operation) noexcept {
  using Operation = nvinfer1::ElementWiseOperation;
  switch (operation) {
    case Operation::kSUM: return {"Add"};
    case Operation::kPROD: return {"Mul"};
    case Operation::kMAX: return {"Max"};
    case Operation::kMIN: return {"Min"};
    case Operation::kSUB: return {"Sub"};
    case Operation::kDIV: return {"Div"};
    case Operation::kPOW: return {"Pow"};
    case Operation::kEQUAL: return {"Equal"};
    case Operation::kLESS: return {"Less"};
    case Operation::kGREATER: return {"Greater"};
    case Operation::kAND: return {"And"};
    case Operation::kOR: return {"Or"};
    case Operation::kXOR: return {"Xor"};
    case Operation::kFLOOR_DIV: return {"FloorDiv", false};
    default: return {"ElementWise", false};
  }
}

inline Operator unary(nvinfer1::UnaryOperation operation) noexcept {
  using Operation = nvinfer1::UnaryOperation;
  switch (operation) {
    case Operation::kEXP: return {"Exp"};
    case Operation::kLOG: return {"Log"};
    case Operation::kSQRT: return {"Sqrt"};
    case Operation::kRECIP: return {"Reciprocal"};
    case Operation::kABS: return {"Abs"};
    case Operation::kNEG: return {"Neg"};
    case Operation::kERF: return {"Erf"};
    case Operation::kSIN: return {"Sin"};
    case Operation::kCOS: return {"Cos"};
    case Operation::kTAN: return {"Tan"};
    case Operation::kSINH: return {"Sinh"};
    case Operation::kCOSH: return {"Cosh"};
    case Operation::kASIN: return {"Asin"};
    case Operation::kACOS: return {"Acos"};
    case Operation::kATAN: return {"Atan"};
    case Operation::kASINH: return {"Asinh"};
    case Operation::kACOSH: return {"Acosh"};
    case Operation::kATANH: return {"Atanh"};
    case Operation::kCEIL: return {"Ceil"};
    case Operation::kFLOOR: return {"Floor"};
    case Operation::kNOT: return {"Not"};
#if QDQ_TRT_HAS_BRANCHES
    case Operation::kSIGN: return {"Sign"};
    case Operation::kROUND: return {"Round"};
#endif
    default: return {"Unary", false};
  }
}

inline Operator reduce(nvinfer1::ReduceOperation operation) noexcept {
  using Operation = nvinfer1::ReduceOperation;
  switch (operation) {
    case Operation::kSUM: return {"ReduceSum"};
    case Operation::kPROD: return {"ReduceProd"};
    case Operation::kMAX: return {"ReduceMax"};
    case Operation::kMIN: return {"ReduceMin"};
    case Operation::kAVG: return {"ReduceMean"};
    default: return {"Reduce", false};
  }
}

/// Returns whether a scale layer raises its input to another power than 1.
inline bool has_power(const nvinfer1::IScaleLayer& layer) {
  const nvinfer1::Weights power = layer.getPower();
  // The numbers of 16-bit powers are not read here.
  if (power.count > 0 && power.type != nvinfer1::DataType::kFLOAT) return true;
  const auto* values = static_cast<const float*>(power.values);
  for (std::int64_t i = 0; values != nullptr && i < power.count; ++i) {
    if (values[i] != 1.0f) return true;
  }
  return false;
}

/// Returns whether a shuffle only exchanges axes.
inline bool only_transposes(const nvinfer1::IShuffleLayer& layer) {
  const nvinfer1::Permutation first = layer.getFirstTranspose();
  const nvinfer1::Permutation second = layer.getSecondTranspose();
  const nvinfer1::Dims in = layer.getInput(0)->getDimensions();
  const nvinfer1::Dims out = layer.getOutput(0)->getDimensions();
  if (layer.getNbInputs() > 1 || in.nbDims != out.nbDims || in.nbDims < 0) return false;
  bool moved = false;
  for (int axis = 0; axis < in.nbDims; ++axis) {
    if (second.order[axis] != axis || in.d[first.order[axis]] != out.d[axis]) return false;
    moved = moved || first.order[axis] != axis;
  }
  return moved;
}

/// Returns whether a slice adds values to those that it selects: all modes do, except the first.
inline bool pads(const nvinfer1::ISliceLayer& layer) {
  const auto mode = layer.getMode();
  return mode != decltype(mode){};
}

/// Returns the layer's number of an input of its ONNX operator. The value that a slice fills in is the fifth
/// input of the layer and the third of ONNX's Pad.
inline int layer_input(const nvinfer1::ILayer& layer, std::size_t input) {
  const bool is_fill = layer.getType() == nvinfer1::LayerType::kSLICE && input == 2 &&
                       pads(static_cast<const nvinfer1::ISliceLayer&>(layer));
  return is_fill ? 4 : static_cast<int>(input);
}

/// Returns the ONNX operator of a layer.
inline Operator operator_of(const nvinfer1::ILayer& layer) {
  using nvinfer1::LayerType;
  switch (layer.getType()) {
    case LayerType::kCONVOLUTION: return {"Conv"};
    case LayerType::kDECONVOLUTION: return {"ConvTranspose"};
    case LayerType::kMATRIX_MULTIPLY: return {"MatMul"};
#if QDQ_TRT_HAS_IMPLICIT_BATCH
    case LayerType::kFULLY_CONNECTED: return {"Gemm"};
#endif
    case LayerType::kACTIVATION: return activation(as<nvinfer1::IActivationLayer>(layer).getActivationType());
    case LayerType::kELEMENTWISE: return elementwise(as<nvinfer1::IElementWiseLayer>(layer).getOperation());
    case LayerType::kUNARY: return unary(as<nvinfer1::IUnaryLayer>(layer).getOperation());
    case LayerType::kREDUCE: return reduce(as<nvinfer1::IReduceLayer>(layer).getOperation());
    case LayerType::kPOOLING:
      return as<nvinfer1::IPoolingLayer>(layer).getPoolingType() == nvinfer1::PoolingType::kMAX ? Operator{"MaxPool"}
                                                                                                : Operator{"AveragePool"};
    case LayerType::kSCALE:
      return has_power(as<nvinfer1::IScaleLayer>(layer)) ? Operator{"Scale", false} : Operator{"BatchNormalization"};
    case LayerType::kLRN: return {"LRN"};
    case LayerType::kSOFTMAX: return {"Softmax"};
    case LayerType::kCONCATENATION: return {"Concat"};
    case LayerType::kPADDING: return {"Pad"};
    case LayerType::kSHUFFLE:
      return only_transposes(as<nvinfer1::IShuffleLayer>(layer)) ? Operator{"Transpose"} : Operator{"Reshape"};
    case LayerType::kTOPK: return {"TopK"};
    case LayerType::kGATHER: return {"Gather"};
    case LayerType::kIDENTITY: return {"Identity"};
    case LayerType::kSLICE: return pads(as<nvinfer1::ISliceLayer>(layer)) ? Operator{"Pad"} : Operator{"Slice"};
    case LayerType::kSHAPE: return {"Shape"};
    case LayerType::kPARAMETRIC_RELU: return {"PRelu"};
    case LayerType::kRESIZE: return {"Resize"};
    case LayerType::kSELECT: return {"Where"};
#if QDQ_TRT_HAS_QDQ
    case LayerType::kQUANTIZE: return {"QuantizeLinear"};
    case LayerType::kDEQUANTIZE: return {"DequantizeLinear"};
#endif
#if QDQ_TRT_HAS_BRANCHES
    case LayerType::kSCATTER: return {"ScatterND"};
    case LayerType::kEINSUM: return {"Einsum"};
#endif
#if QDQ_TRT_HAS_CAST
    case LayerType::kCAST: return {"Cast"};
    case LayerType::kNORMALIZATION: return {"LayerNormalization"};
#endif
#if QDQ_TRT_HAS_SQUEEZE
    case LayerType::kSQUEEZE: return {"Squeeze"};
    case LayerType::kUNSQUEEZE: return {"Unsqueeze"};
#endif
#if QDQ_TRT_HAS_UINT8
    case LayerType::kONE_HOT: return {"OneHot"};
    case LayerType::kNON_ZERO: return {"NonZero"};
    case LayerType::kGRID_SAMPLE: return {"GridSample"};
    case LayerType::kNMS: return {"NonMaxSuppression"};
#endif
    case LayerType::kFILL: return {"Fill", false};
    case LayerType::kITERATOR: return {"Iterator", false};
    case LayerType::kRECURRENCE: return {"Recurrence", false};
    default: return {"Layer", false};
  }
}

/// Returns whether the results of the layer belong to the body of a loop or of a branch.
inline bool opens_body(nvinfer1::LayerType type) noexcept {
  using nvinfer1::LayerType;
  return type == LayerType::kRECURRENCE || type == LayerType::kITERATOR
#if QDQ_TRT_HAS_BRANCHES
         || type == LayerType::kCONDITIONAL_INPUT
#endif
      ;
}

/// Returns whether the layer gives the result of a body.
inline bool closes_body(nvinfer1::LayerType type) noexcept {
  using nvinfer1::LayerType;
  return type == LayerType::kLOOP_OUTPUT
#if QDQ_TRT_HAS_BRANCHES
         || type == LayerType::kCONDITIONAL_OUTPUT
#endif
      ;
}

}  // namespace qdq::trt::detail

#endif
