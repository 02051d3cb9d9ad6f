// INetworkDefinition. It keeps the added layers, and computes only rank, type and name of a tensor.
#ifndef STANDIN_NETWORK_H
#define STANDIN_NETWORK_H

#include "layers.h"
#include "network_parts.h"

#include <algorithm>

namespace nvinfer1 {

using NetworkDefinitionCreationFlags = uint32_t;

enum class NetworkDefinitionCreationFlag : int32_t {
#if STANDIN_AT_LEAST(10, 0)
    kEXPLICIT_BATCH TRT_DEPRECATED_ENUM = 0,
    kSTRONGLY_TYPED = 1,
#else
    kEXPLICIT_BATCH = 0,
    kEXPLICIT_PRECISION STANDIN_DEPRECATED_8 = 1,
#endif
#if STANDIN_AT_LEAST(9, 0) && !STANDIN_AT_LEAST(10, 0)
    kSTRONGLY_TYPED = 2,
#endif
};

class INetworkDefinition : public INoCopy {
    STANDIN_OWNED(INetworkDefinition)

    struct {
        NetworkDefinitionCreationFlags flags = 1;
        std::string name;
        std::vector<ILayer*> layers;
        std::vector<ITensor*> inputs;
        std::vector<ITensor*> outputs;
        std::vector<LayerType> refused;  // The kinds of layers with weights or quantization that are not added.
        standin::Arena arena;
    } standin;

    // A layer of any kind, including kinds that have no class here.
    template <class Layer = ILayer>
    Layer* standin_add(LayerType type, std::vector<ITensor*> inputs, std::vector<standin::Output> outputs) {
        auto* layer = standin.arena.make<Layer>();
        layer->standin.type = type;
        layer->standin.inputs = std::move(inputs);
        layer->standin.name = "(Unnamed Layer* " + std::to_string(standin.layers.size()) + ") [" + standin::label(type)
                              + "]";
        for (auto const& output : outputs) {
            auto* tensor = standin.arena.make<ITensor>();
            tensor->standin.name = layer->standin.name + "_output";
            if (!layer->standin.outputs.empty()) {
                tensor->standin.name += "_" + std::to_string(layer->standin.outputs.size());
            }
            tensor->standin.dims = output.dims;
            tensor->standin.type = output.type;
            layer->standin.outputs.push_back(tensor);
        }
        standin.layers.push_back(layer);
        return layer;
    }

    // Inputs and outputs.

    STANDIN_METHOD ITensor* addInput(char const* name, DataType type, DimsArgument dimensions) STANDIN_NOEXCEPT {
        auto* tensor = standin.arena.make<ITensor>();
        tensor->standin.name = name;
        tensor->standin.type = type;
        tensor->standin.dims = dimensions;
        tensor->standin.input = true;
        standin.inputs.push_back(tensor);
        return tensor;
    }
    STANDIN_METHOD void markOutput(ITensor& tensor) STANDIN_NOEXCEPT {
        tensor.standin.output = true;
        standin.outputs.push_back(&tensor);
    }
    STANDIN_METHOD void unmarkOutput(ITensor& tensor) STANDIN_NOEXCEPT {
        tensor.standin.output = false;
        auto& outputs = standin.outputs;
        outputs.erase(std::remove(outputs.begin(), outputs.end(), &tensor), outputs.end());
    }
    STANDIN_METHOD void removeTensor(ITensor&) STANDIN_NOEXCEPT {}
    STANDIN_METHOD int32_t getNbLayers() const STANDIN_NOEXCEPT { return static_cast<int32_t>(standin.layers.size()); }
    STANDIN_METHOD ILayer* getLayer(int32_t index) const STANDIN_NOEXCEPT { return standin::at(standin.layers, index); }
    STANDIN_METHOD int32_t getNbInputs() const STANDIN_NOEXCEPT { return static_cast<int32_t>(standin.inputs.size()); }
    STANDIN_METHOD ITensor* getInput(int32_t index) const STANDIN_NOEXCEPT { return standin::at(standin.inputs, index); }
    STANDIN_METHOD int32_t getNbOutputs() const STANDIN_NOEXCEPT { return static_cast<int32_t>(standin.outputs.size()); }
    STANDIN_METHOD ITensor* getOutput(int32_t index) const STANDIN_NOEXCEPT { return standin::at(standin.outputs, index); }
    STANDIN_METHOD void setName(char const* name) STANDIN_NOEXCEPT { standin.name = name; }
    STANDIN_METHOD char const* getName() const STANDIN_NOEXCEPT { return standin.name.c_str(); }

    STANDIN_METHOD STANDIN_DEPRECATED_10 bool hasImplicitBatchDimension() const STANDIN_NOEXCEPT {
#if STANDIN_AT_LEAST(10, 0)
        return false;
#else
        return (standin.flags & 1U) == 0;
#endif
    }
#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_METHOD STANDIN_DEPRECATED_8 bool hasExplicitPrecision() const STANDIN_NOEXCEPT {
        return (standin.flags & 2U) != 0;
    }
#endif
#if STANDIN_AT_LEAST(9, 0)
    NetworkDefinitionCreationFlags getFlags() const noexcept { return standin.flags; }
    bool getFlag(NetworkDefinitionCreationFlag flag) const noexcept {
        return (standin.flags & (1U << static_cast<uint32_t>(flag))) != 0;
    }
#endif
#if STANDIN_AT_LEAST(10, 0)
    bool markDebug(ITensor& tensor) noexcept { return tensor.standin.debug = true; }
    bool unmarkDebug(ITensor& tensor) noexcept {
        tensor.standin.debug = false;
        return true;
    }
    bool isDebugTensor(ITensor const& tensor) const noexcept { return tensor.standin.debug; }
#endif

    // Layers with weights.

    STANDIN_METHOD IConvolutionLayer* addConvolutionNd(ITensor& input, Count nbOutputMaps, DimsArgument kernelSize,
        Weights kernelWeights, Weights biasWeights) STANDIN_NOEXCEPT {
        return convolution<IConvolutionLayer>(
            LayerType::kCONVOLUTION, input, nbOutputMaps, kernelSize, kernelWeights, biasWeights);
    }
    STANDIN_METHOD IDeconvolutionLayer* addDeconvolutionNd(
        ITensor& input, Count nbOutputMaps, Dims kernelSize, Weights kernelWeights, Weights biasWeights) STANDIN_NOEXCEPT {
        return convolution<IDeconvolutionLayer>(
            LayerType::kDECONVOLUTION, input, nbOutputMaps, kernelSize, kernelWeights, biasWeights);
    }
#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_NAMES_DEPRECATED
    STANDIN_METHOD STANDIN_DEPRECATED_8_4 IFullyConnectedLayer* addFullyConnected(
        ITensor& input, int32_t nbOutputs, Weights kernelWeights, Weights biasWeights) STANDIN_NOEXCEPT {
        auto dims = standin::unknown_after(input, 1);
        dims.d[1] = nbOutputs;
        if (refuses(LayerType::kFULLY_CONNECTED)) {
            return nullptr;
        }
        auto* layer = standin_add<IFullyConnectedLayer>(LayerType::kFULLY_CONNECTED, {&input}, {{ dims, input.getType() }});
        layer->setNbOutputChannels(nbOutputs);
        layer->setKernelWeights(kernelWeights);
        layer->setBiasWeights(biasWeights);
        return layer;
    }
    STANDIN_NAMES_DEPRECATED_END
#endif
    STANDIN_METHOD IMatrixMultiplyLayer* addMatrixMultiply(
        ITensor& input0, MatrixOperation op0, ITensor& input1, MatrixOperation op1) STANDIN_NOEXCEPT {
        if (refuses(LayerType::kMATRIX_MULTIPLY)) {
            return nullptr;
        }
        auto* layer = standin_add<IMatrixMultiplyLayer>(LayerType::kMATRIX_MULTIPLY, {&input0, &input1},
            {{standin::product(input0, op0, input1, op1), input0.getType()}});
        layer->setOperation(0, op0);
        layer->setOperation(1, op1);
        return layer;
    }
    STANDIN_METHOD IConstantLayer* addConstant(DimsArgument dimensions, Weights weights) STANDIN_NOEXCEPT {
        if (refuses(LayerType::kCONSTANT)) {
            return nullptr;
        }
        auto* layer = standin_add<IConstantLayer>(LayerType::kCONSTANT, {}, {{dimensions, weights.type}});
        layer->setWeights(weights);
        layer->setDimensions(dimensions);
        return layer;
    }
    STANDIN_METHOD IScaleLayer* addScale(
        ITensor& input, ScaleMode mode, Weights shift, Weights scale, Weights power) STANDIN_NOEXCEPT {
        return addScaleNd(input, mode, shift, scale, power, 1);
    }
    STANDIN_METHOD IScaleLayer* addScaleNd(
        ITensor& input, ScaleMode mode, Weights shift, Weights scale, Weights power, int32_t channelAxis) STANDIN_NOEXCEPT {
        auto* layer = like<IScaleLayer>(LayerType::kSCALE, {&input});
        layer->setMode(mode);
        layer->setShift(shift);
        layer->setScale(scale);
        layer->setPower(power);
        layer->setChannelAxis(channelAxis);
        return layer;
    }

    // Layers without weights.

    STANDIN_METHOD IActivationLayer* addActivation(ITensor& input, ActivationType type) STANDIN_NOEXCEPT {
        auto* layer = like<IActivationLayer>(LayerType::kACTIVATION, {&input});
        layer->setActivationType(type);
        return layer;
    }
    STANDIN_METHOD IPoolingLayer* addPoolingNd(ITensor& input, PoolingType type, DimsArgument windowSize) STANDIN_NOEXCEPT {
        auto* layer = standin_add<IPoolingLayer>(
            LayerType::kPOOLING, {&input}, {{standin::unknown_after(input, 2), input.getType()}});
        layer->setPoolingType(type);
        layer->setWindowSizeNd(windowSize);
        return layer;
    }
    STANDIN_METHOD IElementWiseLayer* addElementWise(
        ITensor& input1, ITensor& input2, ElementWiseOperation op) STANDIN_NOEXCEPT {
        auto* layer = like<IElementWiseLayer>(LayerType::kELEMENTWISE, {&input1, &input2});
        layer->setOperation(op);
        return layer;
    }
    STANDIN_METHOD IUnaryLayer* addUnary(ITensor& input, UnaryOperation operation) STANDIN_NOEXCEPT {
        auto* layer = like<IUnaryLayer>(LayerType::kUNARY, {&input});
        layer->setOperation(operation);
        return layer;
    }
    STANDIN_METHOD ISoftMaxLayer* addSoftMax(ITensor& input) STANDIN_NOEXCEPT {
        return like<ISoftMaxLayer>(LayerType::kSOFTMAX, {&input});
    }
    STANDIN_METHOD IConcatenationLayer* addConcatenation(ITensor* const* inputs, int32_t nbInputs) STANDIN_NOEXCEPT {
        return like<IConcatenationLayer>(LayerType::kCONCATENATION, {inputs, inputs + nbInputs});
    }
    STANDIN_METHOD IShuffleLayer* addShuffle(ITensor& input) STANDIN_NOEXCEPT {
        if (refuses(LayerType::kSHUFFLE)) {
            return nullptr;
        }
        return like<IShuffleLayer>(LayerType::kSHUFFLE, {&input});
    }
    STANDIN_METHOD ISliceLayer* addSlice(
        ITensor& input, DimsArgument start, DimsArgument size, DimsArgument stride) STANDIN_NOEXCEPT {
        auto* layer = standin_add<ISliceLayer>(LayerType::kSLICE, {&input}, {{size, input.getType()}});
        layer->setStart(start);
        layer->setSize(size);
        layer->setStride(stride);
        return layer;
    }
    STANDIN_METHOD IResizeLayer* addResize(ITensor& input) STANDIN_NOEXCEPT {
        return like<IResizeLayer>(LayerType::kRESIZE, {&input});
    }
    STANDIN_METHOD IReduceLayer* addReduce(
        ITensor& input, ReduceOperation operation, uint32_t reduceAxes, bool keepDimensions) STANDIN_NOEXCEPT {
        auto* layer = like<IReduceLayer>(LayerType::kREDUCE, {&input});
        layer->setOperation(operation);
        layer->setReduceAxes(reduceAxes);
        layer->setKeepDimensions(keepDimensions);
        return layer;
    }
    STANDIN_METHOD ITopKLayer* addTopK(ITensor& input, TopKOperation op, int32_t k, uint32_t reduceAxes) STANDIN_NOEXCEPT {
        auto* layer = standin_add<ITopKLayer>(LayerType::kTOPK, {&input},
            {{input.getDimensions(), input.getType()}, {input.getDimensions(), DataType::kINT32}});
        layer->setOperation(op);
        layer->setK(k);
        layer->setReduceAxes(reduceAxes);
        return layer;
    }
    STANDIN_METHOD IGatherLayer* addGather(ITensor& data, ITensor& indices, int32_t axis) STANDIN_NOEXCEPT {
        auto* layer = like<IGatherLayer>(LayerType::kGATHER, {&data, &indices});
        layer->setGatherAxis(axis);
        return layer;
    }
    STANDIN_METHOD IPaddingLayer* addPaddingNd(
        ITensor& input, DimsArgument prePadding, DimsArgument postPadding) STANDIN_NOEXCEPT {
        auto* layer = like<IPaddingLayer>(LayerType::kPADDING, {&input});
        layer->setPrePaddingNd(prePadding);
        layer->setPostPaddingNd(postPadding);
        return layer;
    }
    STANDIN_METHOD IIdentityLayer* addIdentity(ITensor& input) STANDIN_NOEXCEPT {
        return like<IIdentityLayer>(LayerType::kIDENTITY, {&input});
    }
    STANDIN_METHOD IShapeLayer* addShape(ITensor& input) STANDIN_NOEXCEPT {
        return like<IShapeLayer>(LayerType::kSHAPE, {&input});
    }
    STANDIN_METHOD IParametricReLULayer* addParametricReLU(ITensor& input, ITensor& slope) STANDIN_NOEXCEPT {
        return like<IParametricReLULayer>(LayerType::kPARAMETRIC_RELU, {&input, &slope});
    }
    STANDIN_METHOD ISelectLayer* addSelect(ITensor& condition, ITensor& thenInput, ITensor& elseInput) STANDIN_NOEXCEPT {
        return standin_add<ISelectLayer>(
            LayerType::kSELECT, {&condition, &thenInput, &elseInput}, {{thenInput.getDimensions(), thenInput.getType()}});
    }
    STANDIN_METHOD ILRNLayer* addLRN(ITensor& input, Count window, float alpha, float beta, float k) STANDIN_NOEXCEPT {
        auto* layer = like<ILRNLayer>(LayerType::kLRN, {&input});
        layer->setWindowSize(window);
        layer->setAlpha(alpha);
        layer->setBeta(beta);
        layer->setK(k);
        return layer;
    }
#if STANDIN_AT_LEAST(8, 2)
    IEinsumLayer* addEinsum(ITensor* const* inputs, int32_t nbInputs, char const* equation) noexcept {
        auto* layer = like<IEinsumLayer>(LayerType::kEINSUM, {inputs, inputs + nbInputs});
        layer->setEquation(equation);
        return layer;
    }
#endif
#if STANDIN_AT_LEAST(8, 6)
    INormalizationLayer* addNormalization(ITensor& input, ITensor& scale, ITensor& bias, uint32_t axesMask) noexcept {
        auto* layer = like<INormalizationLayer>(LayerType::kNORMALIZATION, {&input, &scale, &bias});
        layer->setAxes(axesMask);
        return layer;
    }
    ICastLayer* addCast(ITensor& input, DataType toType) noexcept {
        auto* layer = standin_add<ICastLayer>(LayerType::kCAST, {&input}, {{ input.getDimensions(), toType }});
        layer->setToType(toType);
        return layer;
    }
#endif

    // Quantize and dequantize: none before 8, and from 9 on the form with the type.

#if STANDIN_AT_LEAST(9, 0)
    TRT_DEPRECATED
#endif
#if STANDIN_AT_LEAST(8, 0)
    IQuantizeLayer* addQuantize(ITensor& input, ITensor& scale) noexcept {
        return quantize<IQuantizeLayer>(LayerType::kQUANTIZE, input, scale, DataType::kINT8);
    }
#endif
#if STANDIN_AT_LEAST(9, 0)
    TRT_DEPRECATED
#endif
#if STANDIN_AT_LEAST(8, 0)
    IDequantizeLayer* addDequantize(ITensor& input, ITensor& scale) noexcept {
        return quantize<IDequantizeLayer>(LayerType::kDEQUANTIZE, input, scale, DataType::kFLOAT);
    }
#endif
#if STANDIN_AT_LEAST(9, 0)
    IQuantizeLayer* addQuantize(ITensor& input, ITensor& scale, DataType outputType) noexcept {
        auto* layer = quantize<IQuantizeLayer>(LayerType::kQUANTIZE, input, scale, outputType);
        if (layer != nullptr) {
            layer->setToType(outputType);
        }
        return layer;
    }
    IDequantizeLayer* addDequantize(ITensor& input, ITensor& scale, DataType outputType) noexcept {
        auto* layer = quantize<IDequantizeLayer>(LayerType::kDEQUANTIZE, input, scale, outputType);
        if (layer != nullptr) {
            layer->setToType(outputType);
        }
        return layer;
    }
#endif

private:
    bool refuses(LayerType type) const {
        return std::find(standin.refused.begin(), standin.refused.end(), type) != standin.refused.end();
    }

    // The result has the shape and type of the first input.
    template <class Layer>
    Layer* like(LayerType type, std::vector<ITensor*> inputs) {
        standin::Output const output{inputs[0]->getDimensions(), inputs[0]->getType()};
        return standin_add<Layer>(type, std::move(inputs), {output});
    }

    template <class Layer>
    Layer* convolution(LayerType type, ITensor& input, Count nbOutputMaps, Dims const& kernelSize, Weights kernelWeights,
        Weights biasWeights) {
        if (refuses(type)) {
            return nullptr;
        }
        auto dims = standin::unknown_after(input, 2);
        dims.d[1] = nbOutputMaps;
        auto* layer = standin_add<Layer>(type, {&input}, {{dims, input.getType()}});
        layer->setNbOutputMaps(nbOutputMaps);
        layer->setKernelSizeNd(kernelSize);
        layer->setKernelWeights(kernelWeights);
        layer->setBiasWeights(biasWeights);
        return layer;
    }

    template <class Layer>
    Layer* quantize(LayerType type, ITensor& input, ITensor& scale, DataType to) {
        if (refuses(type)) {
            return nullptr;
        }
        return standin_add<Layer>(type, {&input, &scale}, {{input.getDimensions(), to}});
    }
};

}  // namespace nvinfer1

#endif
