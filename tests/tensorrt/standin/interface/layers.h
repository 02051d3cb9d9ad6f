// ILayer, and the layers whose parameters determine the computation. Other kinds are a plain ILayer with
// their LayerType, by INetworkDefinition::standin_add.
#ifndef STANDIN_LAYERS_H
#define STANDIN_LAYERS_H

#include "tensor.h"

#include "enums.h"

#include <array>
#include <map>
#include <vector>

namespace nvinfer1 {

namespace standin {

inline Weights no_weights() { return Weights{DataType::kFLOAT, nullptr, 0}; }

inline Permutation no_permutation() { return Permutation{{0, 1, 2, 3, 4, 5, 6, 7}}; }

}  // namespace standin

class ILayer : public INoCopy {
public:
    struct {
        LayerType type = LayerType::kIDENTITY;
        std::string name;
        std::string metadata;
        std::vector<ITensor*> inputs;
        std::vector<ITensor*> outputs;
        std::map<int32_t, DataType> output_types;
        DataType precision = DataType::kFLOAT;
        bool precision_is_set = false;
    } standin;

    STANDIN_METHOD LayerType getType() const STANDIN_NOEXCEPT { return standin.type; }
    STANDIN_METHOD void setName(char const* name) STANDIN_NOEXCEPT { standin.name = name; }
    STANDIN_METHOD char const* getName() const STANDIN_NOEXCEPT { return standin.name.c_str(); }
    STANDIN_METHOD int32_t getNbInputs() const STANDIN_NOEXCEPT { return static_cast<int32_t>(standin.inputs.size()); }
    STANDIN_METHOD ITensor* getInput(int32_t index) const STANDIN_NOEXCEPT { return at(standin.inputs, index); }
    STANDIN_METHOD int32_t getNbOutputs() const STANDIN_NOEXCEPT { return static_cast<int32_t>(standin.outputs.size()); }
    STANDIN_METHOD ITensor* getOutput(int32_t index) const STANDIN_NOEXCEPT { return at(standin.outputs, index); }

    // As in TensorRT, the index may be that of a new input: the weights of a convolution as a tensor.
    STANDIN_METHOD void setInput(int32_t index, ITensor& tensor) STANDIN_NOEXCEPT {
        auto const place = static_cast<std::size_t>(index);
        if (place >= standin.inputs.size()) {
            standin.inputs.resize(place + 1);
        }
        standin.inputs[place] = &tensor;
    }

    STANDIN_METHOD void setPrecision(DataType type) STANDIN_NOEXCEPT {
        standin.precision = type;
        standin.precision_is_set = true;
    }
    STANDIN_METHOD DataType getPrecision() const STANDIN_NOEXCEPT { return standin.precision; }
    STANDIN_METHOD bool precisionIsSet() const STANDIN_NOEXCEPT { return standin.precision_is_set; }
    STANDIN_METHOD void resetPrecision() STANDIN_NOEXCEPT { standin.precision_is_set = false; }

    STANDIN_METHOD void setOutputType(int32_t index, DataType type) STANDIN_NOEXCEPT { standin.output_types[index] = type; }
    STANDIN_METHOD DataType getOutputType(int32_t index) const STANDIN_NOEXCEPT {
        auto const found = standin.output_types.find(index);
        return found != standin.output_types.end() ? found->second : getOutput(index)->getType();
    }
    STANDIN_METHOD bool outputTypeIsSet(int32_t index) const STANDIN_NOEXCEPT {
        return standin.output_types.count(index) != 0;
    }
    STANDIN_METHOD void resetOutputType(int32_t index) STANDIN_NOEXCEPT { standin.output_types.erase(index); }

#if STANDIN_AT_LEAST(8, 6)
    void setMetadata(char const* metadata) noexcept { standin.metadata = metadata; }
    char const* getMetadata() const noexcept { return standin.metadata.c_str(); }
#endif

protected:
    virtual ~ILayer() = default;

private:
    static ITensor* at(std::vector<ITensor*> const& tensors, int32_t index) {
        return index >= 0 && static_cast<std::size_t>(index) < tensors.size() ? tensors[static_cast<std::size_t>(index)]
                                                                              : nullptr;
    }
};

// Convolution and deconvolution have the same parameters.
#define STANDIN_CONVOLUTION                                                            \
    STANDIN_VALUE(Count, NbOutputMaps, 0)                                              \
    STANDIN_VALUE(Count, NbGroups, 1)                                                  \
    STANDIN_VALUE(Weights, KernelWeights, standin::no_weights())                       \
    STANDIN_VALUE(Weights, BiasWeights, standin::no_weights())                         \
    STANDIN_VALUE(::nvinfer1::PaddingMode, PaddingMode, ::nvinfer1::PaddingMode::kEXPLICIT_ROUND_DOWN) \
    STANDIN_DIMS(KernelSizeNd)                                                         \
    STANDIN_DIMS(StrideNd)                                                             \
    STANDIN_DIMS(PaddingNd)                                                            \
    STANDIN_DIMS(PrePadding)                                                           \
    STANDIN_DIMS(PostPadding)                                                          \
    STANDIN_DIMS(DilationNd)

class IConvolutionLayer : public ILayer {
    STANDIN_CONVOLUTION
};

class IDeconvolutionLayer : public ILayer {
    STANDIN_CONVOLUTION
};

#if !STANDIN_AT_LEAST(10, 0)
class STANDIN_DEPRECATED_8_4 IFullyConnectedLayer : public ILayer {
    STANDIN_VALUE(int32_t, NbOutputChannels, 0)
    STANDIN_VALUE(Weights, KernelWeights, standin::no_weights())
    STANDIN_VALUE(Weights, BiasWeights, standin::no_weights())
};
#endif

class IMatrixMultiplyLayer : public ILayer {
public:
    STANDIN_METHOD void setOperation(int32_t index, MatrixOperation op) STANDIN_NOEXCEPT {
        mOperations[static_cast<std::size_t>(index)] = op;
    }
    STANDIN_METHOD MatrixOperation getOperation(int32_t index) const STANDIN_NOEXCEPT {
        return mOperations[static_cast<std::size_t>(index)];
    }

private:
    std::array<MatrixOperation, 2> mOperations{};
};

class IPoolingLayer : public ILayer {
    STANDIN_VALUE(::nvinfer1::PoolingType, PoolingType, ::nvinfer1::PoolingType::kMAX)
    STANDIN_VALUE(::nvinfer1::PaddingMode, PaddingMode, ::nvinfer1::PaddingMode::kEXPLICIT_ROUND_DOWN)
    STANDIN_VALUE(float, BlendFactor, 0)
    STANDIN_VALUE(bool, AverageCountExcludesPadding, true)
    STANDIN_DIMS(WindowSizeNd)
    STANDIN_DIMS(StrideNd)
    STANDIN_DIMS(PaddingNd)
    STANDIN_DIMS(PrePadding)
    STANDIN_DIMS(PostPadding)
};

class IActivationLayer : public ILayer {
    STANDIN_VALUE(::nvinfer1::ActivationType, ActivationType, ::nvinfer1::ActivationType::kRELU)
    STANDIN_VALUE(float, Alpha, 0)
    STANDIN_VALUE(float, Beta, 0)
};

class IElementWiseLayer : public ILayer {
    STANDIN_VALUE(ElementWiseOperation, Operation, ElementWiseOperation::kSUM)
};

class IUnaryLayer : public ILayer {
    STANDIN_VALUE(UnaryOperation, Operation, UnaryOperation::kEXP)
};

class IConcatenationLayer : public ILayer {
    STANDIN_VALUE(int32_t, Axis, 0)
};

class IShuffleLayer : public ILayer {
    STANDIN_VALUE(Permutation, FirstTranspose, standin::no_permutation())
    STANDIN_VALUE(Permutation, SecondTranspose, standin::no_permutation())
    STANDIN_VALUE(bool, ZeroIsPlaceholder, true)
    STANDIN_DIMS(ReshapeDimensions)
};

class IConstantLayer : public ILayer {
    STANDIN_VALUE(::nvinfer1::Weights, Weights, standin::no_weights())
    STANDIN_DIMS(Dimensions)
};

class IScaleLayer : public ILayer {
    STANDIN_VALUE(ScaleMode, Mode, ScaleMode::kUNIFORM)
    STANDIN_VALUE(Weights, Shift, standin::no_weights())
    STANDIN_VALUE(Weights, Scale, standin::no_weights())
    STANDIN_VALUE(Weights, Power, standin::no_weights())
    STANDIN_VALUE(int32_t, ChannelAxis, 1)
};

class IReduceLayer : public ILayer {
    STANDIN_VALUE(ReduceOperation, Operation, ReduceOperation::kSUM)
    STANDIN_VALUE(uint32_t, ReduceAxes, 0)
    STANDIN_VALUE(bool, KeepDimensions, false)
};

#if STANDIN_AT_LEAST(8, 0)
class IQuantizeLayer : public ILayer {
    STANDIN_VALUE(int32_t, Axis, -1)
#if STANDIN_AT_LEAST(9, 0)
    STANDIN_VALUE(DataType, ToType, DataType::kINT8)
#endif
};

class IDequantizeLayer : public ILayer {
    STANDIN_VALUE(int32_t, Axis, -1)
#if STANDIN_AT_LEAST(9, 0)
    STANDIN_VALUE(DataType, ToType, DataType::kFLOAT)
#endif
};
#endif

class ISliceLayer : public ILayer {
    STANDIN_VALUE(StandinSliceMode, Mode, StandinSliceMode{})
    STANDIN_DIMS(Start)
    STANDIN_DIMS(Size)
    STANDIN_DIMS(Stride)
};

class IResizeLayer : public ILayer {
    STANDIN_VALUE(StandinResizeMode, ResizeMode, StandinResizeMode::kNEAREST)
    STANDIN_DIMS(OutputDimensions)

    STANDIN_METHOD void setScales(float const* scales, int32_t nbScales) STANDIN_NOEXCEPT {
        mScales.assign(scales, scales + nbScales);
    }
    STANDIN_METHOD int32_t getScales(int32_t size, float* scales) const STANDIN_NOEXCEPT {
        for (std::size_t i = 0; i < mScales.size() && i < static_cast<std::size_t>(size); ++i) {
            scales[i] = mScales[i];
        }
        return static_cast<int32_t>(mScales.size());
    }

private:
    std::vector<float> mScales;
};

class ISoftMaxLayer : public ILayer {
    STANDIN_VALUE(uint32_t, Axes, 0)
};

class IGatherLayer : public ILayer {
    STANDIN_VALUE(int32_t, GatherAxis, 0)
    STANDIN_VALUE(int32_t, NbElementWiseDims, 0)
#if STANDIN_AT_LEAST(8, 2)
    STANDIN_VALUE(GatherMode, Mode, GatherMode::kDEFAULT)
#endif
};

class ITopKLayer : public ILayer {
    STANDIN_VALUE(TopKOperation, Operation, TopKOperation::kMAX)
    STANDIN_VALUE(int32_t, K, 1)
    STANDIN_VALUE(uint32_t, ReduceAxes, 0)
};

class ILRNLayer : public ILayer {
    STANDIN_VALUE(Count, WindowSize, 5)
    STANDIN_VALUE(float, Alpha, 0)
    STANDIN_VALUE(float, Beta, 0)
    STANDIN_VALUE(float, K, 1)
};

#if STANDIN_AT_LEAST(8, 2)
class IEinsumLayer : public ILayer {
public:
    bool setEquation(char const* equation) noexcept {
        mEquation = equation;
        return true;
    }
    char const* getEquation() const noexcept { return mEquation.c_str(); }

private:
    std::string mEquation;
};
#endif

#if STANDIN_AT_LEAST(8, 6)
class INormalizationLayer : public ILayer {
    STANDIN_VALUE(float, Epsilon, 1e-5F)
    STANDIN_VALUE(uint32_t, Axes, 0)
    STANDIN_VALUE(Count, NbGroups, 1)
    STANDIN_VALUE(DataType, ComputePrecision, DataType::kFLOAT)
};
#endif

class IPaddingLayer : public ILayer {
    STANDIN_DIMS(PrePaddingNd)
    STANDIN_DIMS(PostPaddingNd)
};

class IIdentityLayer : public ILayer {};
class IShapeLayer : public ILayer {};
class ISelectLayer : public ILayer {};
class IParametricReLULayer : public ILayer {};

#if STANDIN_AT_LEAST(8, 6)
class ICastLayer : public ILayer {
    STANDIN_VALUE(DataType, ToType, DataType::kFLOAT)
};
#endif

}  // namespace nvinfer1

#endif
