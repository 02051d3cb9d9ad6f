// The methods by which qdq reads and changes a network have these types. The file is compiled against the
// stand-ins and the real headers, so the stand-ins declare the same methods as TensorRT.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <type_traits>

// Deprecated methods still exist.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

using namespace nvinfer1;

// TensorRT-RTX has its own versions, from 1 on, and the interface of 11.
#if NV_TENSORRT_MAJOR < 7
#define MAJOR 11
#else
#define MAJOR NV_TENSORRT_MAJOR
#endif

#if MAJOR >= 8
#define NOEXCEPT noexcept
#else
#define NOEXCEPT
#endif

#if MAJOR >= 10
using Form = Dims const&;
using Maps = int64_t;
#else
using Form = Dims;
using Maps = int32_t;
#endif

template <class Class, class Function>
struct Types;
template <class Class, class Result, class... Arguments>
struct Types<Class, Result(Arguments...)> {
  using Method = Result (Class::*)(Arguments...) NOEXCEPT;
  using Reader = Result (Class::*)(Arguments...) const NOEXCEPT;
};

#define METHOD(Class, name, ...) \
    static_assert(std::is_same<decltype(&Class::name), Types<Class, __VA_ARGS__>::Method>::value, #Class "::" #name)
#define READER(Class, name, ...) \
    static_assert(std::is_same<decltype(&Class::name), Types<Class, __VA_ARGS__>::Reader>::value, #Class "::" #name)
// Selects one of several methods of that name, which later versions have.
#define OVERLOAD(Class, name, ...) \
    static_assert(sizeof(static_cast<Types<Class, __VA_ARGS__>::Method>(&Class::name)) != 0, #Class "::" #name)
#define PROPERTY(Class, name, type, argument)  \
    METHOD(Class, set##name, void(argument));  \
    READER(Class, get##name, type())

PROPERTY(ITensor, Name, char const*, char const*);
PROPERTY(ITensor, Dimensions, Dims, Form);
READER(ITensor, getType, DataType());
READER(ITensor, isNetworkInput, bool());
READER(ITensor, isNetworkOutput, bool());
READER(ITensor, isShapeTensor, bool());
READER(ITensor, isExecutionTensor, bool());
#if MAJOR <= 10
METHOD(ITensor, setDynamicRange, bool(float, float));
READER(ITensor, dynamicRangeIsSet, bool());
READER(ITensor, getDynamicRangeMin, float());
READER(ITensor, getDynamicRangeMax, float());
#endif

READER(ILayer, getType, LayerType());
PROPERTY(ILayer, Name, char const*, char const*);
READER(ILayer, getNbInputs, int32_t());
READER(ILayer, getInput, ITensor*(int32_t));
READER(ILayer, getNbOutputs, int32_t());
READER(ILayer, getOutput, ITensor*(int32_t));
METHOD(ILayer, setInput, void(int32_t, ITensor&));
READER(ILayer, getOutputType, DataType(int32_t));
#if MAJOR <= 10
METHOD(ILayer, setPrecision, void(DataType));
METHOD(ILayer, setOutputType, void(int32_t, DataType));
#endif

PROPERTY(IConvolutionLayer, NbOutputMaps, Maps, Maps);
PROPERTY(IConvolutionLayer, NbGroups, Maps, Maps);
PROPERTY(IConvolutionLayer, KernelWeights, Weights, Weights);
PROPERTY(IConvolutionLayer, BiasWeights, Weights, Weights);
PROPERTY(IConvolutionLayer, KernelSizeNd, Dims, Form);
PROPERTY(IConvolutionLayer, StrideNd, Dims, Form);
PROPERTY(IConvolutionLayer, PrePadding, Dims, Form);
PROPERTY(IDeconvolutionLayer, NbOutputMaps, Maps, Maps);
PROPERTY(IDeconvolutionLayer, NbGroups, Maps, Maps);
PROPERTY(IDeconvolutionLayer, KernelWeights, Weights, Weights);
PROPERTY(IDeconvolutionLayer, BiasWeights, Weights, Weights);
#if MAJOR < 10
PROPERTY(IFullyConnectedLayer, NbOutputChannels, int32_t, int32_t);
PROPERTY(IFullyConnectedLayer, KernelWeights, Weights, Weights);
PROPERTY(IFullyConnectedLayer, BiasWeights, Weights, Weights);
#endif
METHOD(IMatrixMultiplyLayer, setOperation, void(int32_t, MatrixOperation));
READER(IMatrixMultiplyLayer, getOperation, MatrixOperation(int32_t));
PROPERTY(IPoolingLayer, PoolingType, PoolingType, PoolingType);
PROPERTY(IActivationLayer, ActivationType, ActivationType, ActivationType);
PROPERTY(IElementWiseLayer, Operation, ElementWiseOperation, ElementWiseOperation);
PROPERTY(IUnaryLayer, Operation, UnaryOperation, UnaryOperation);
PROPERTY(IReduceLayer, Operation, ReduceOperation, ReduceOperation);
PROPERTY(IConcatenationLayer, Axis, int32_t, int32_t);
PROPERTY(IShuffleLayer, FirstTranspose, Permutation, Permutation);
PROPERTY(IShuffleLayer, ReshapeDimensions, Dims, Form);
PROPERTY(IConstantLayer, Weights, Weights, Weights);
PROPERTY(IConstantLayer, Dimensions, Dims, Form);
PROPERTY(IScaleLayer, Mode, ScaleMode, ScaleMode);
PROPERTY(IScaleLayer, Scale, Weights, Weights);
PROPERTY(IScaleLayer, ChannelAxis, int32_t, int32_t);
PROPERTY(ISoftMaxLayer, Axes, uint32_t, uint32_t);
PROPERTY(IGatherLayer, GatherAxis, int32_t, int32_t);
PROPERTY(ITopKLayer, K, int32_t, int32_t);
PROPERTY(ISliceLayer, Start, Dims, Form);
PROPERTY(IResizeLayer, OutputDimensions, Dims, Form);
#if MAJOR >= 8
PROPERTY(IQuantizeLayer, Axis, int32_t, int32_t);
PROPERTY(IDequantizeLayer, Axis, int32_t, int32_t);
#endif
#if MAJOR >= 10
PROPERTY(IQuantizeLayer, ToType, DataType, DataType);
PROPERTY(IDequantizeLayer, ToType, DataType, DataType);
PROPERTY(ICastLayer, ToType, DataType, DataType);
PROPERTY(INormalizationLayer, Axes, uint32_t, uint32_t);
#endif

READER(INetworkDefinition, getNbLayers, int32_t());
READER(INetworkDefinition, getLayer, ILayer*(int32_t));
READER(INetworkDefinition, getNbInputs, int32_t());
READER(INetworkDefinition, getInput, ITensor*(int32_t));
READER(INetworkDefinition, getNbOutputs, int32_t());
READER(INetworkDefinition, getOutput, ITensor*(int32_t));
METHOD(INetworkDefinition, addInput, ITensor*(char const*, DataType, Form));
METHOD(INetworkDefinition, markOutput, void(ITensor&));
METHOD(INetworkDefinition, unmarkOutput, void(ITensor&));
METHOD(INetworkDefinition, addConvolutionNd, IConvolutionLayer*(ITensor&, Maps, Form, Weights, Weights));
METHOD(INetworkDefinition, addDeconvolutionNd, IDeconvolutionLayer*(ITensor&, Maps, Dims, Weights, Weights));
METHOD(INetworkDefinition, addMatrixMultiply, IMatrixMultiplyLayer*(ITensor&, MatrixOperation, ITensor&, MatrixOperation));
METHOD(INetworkDefinition, addPoolingNd, IPoolingLayer*(ITensor&, PoolingType, Form));
METHOD(INetworkDefinition, addActivation, IActivationLayer*(ITensor&, ActivationType));
METHOD(INetworkDefinition, addElementWise, IElementWiseLayer*(ITensor&, ITensor&, ElementWiseOperation));
METHOD(INetworkDefinition, addUnary, IUnaryLayer*(ITensor&, UnaryOperation));
METHOD(INetworkDefinition, addConcatenation, IConcatenationLayer*(ITensor* const*, int32_t));
METHOD(INetworkDefinition, addConstant, IConstantLayer*(Form, Weights));
METHOD(INetworkDefinition, addShuffle, IShuffleLayer*(ITensor&));
METHOD(INetworkDefinition, addIdentity, IIdentityLayer*(ITensor&));
METHOD(INetworkDefinition, addSlice, ISliceLayer*(ITensor&, Form, Form, Form));
METHOD(INetworkDefinition, addReduce, IReduceLayer*(ITensor&, ReduceOperation, uint32_t, bool));
OVERLOAD(INetworkDefinition, addTopK, ITopKLayer*(ITensor&, TopKOperation, int32_t, uint32_t));
METHOD(INetworkDefinition, addGather, IGatherLayer*(ITensor&, ITensor&, int32_t));
METHOD(INetworkDefinition, addSelect, ISelectLayer*(ITensor&, ITensor&, ITensor&));
METHOD(INetworkDefinition, addScale, IScaleLayer*(ITensor&, ScaleMode, Weights, Weights, Weights));
METHOD(INetworkDefinition, addScaleNd, IScaleLayer*(ITensor&, ScaleMode, Weights, Weights, Weights, int32_t));
METHOD(INetworkDefinition, addLRN, ILRNLayer*(ITensor&, Maps, float, float, float));
#if MAJOR >= 10
METHOD(INetworkDefinition, addEinsum, IEinsumLayer*(ITensor* const*, int32_t, char const*));
METHOD(INetworkDefinition, markDebug, bool(ITensor&));
#endif
#if MAJOR >= 9
METHOD(INetworkDefinition, addCast, ICastLayer*(ITensor&, DataType));
READER(INetworkDefinition, getFlag, bool(NetworkDefinitionCreationFlag));
READER(INetworkDefinition, getFlags, NetworkDefinitionCreationFlags());
OVERLOAD(INetworkDefinition, addQuantize, IQuantizeLayer*(ITensor&, ITensor&, DataType));
OVERLOAD(INetworkDefinition, addDequantize, IDequantizeLayer*(ITensor&, ITensor&, DataType));
#elif MAJOR >= 8
METHOD(INetworkDefinition, addQuantize, IQuantizeLayer*(ITensor&, ITensor&));
METHOD(INetworkDefinition, addDequantize, IDequantizeLayer*(ITensor&, ITensor&));
#endif

METHOD(IBuilderConfig, setFlag, void(BuilderFlag));
READER(IBuilderConfig, getFlag, bool(BuilderFlag));
METHOD(IBuilderConfig, addOptimizationProfile, int32_t(IOptimizationProfile const*));
PROPERTY(IBuilderConfig, ProfilingVerbosity, ProfilingVerbosity, ProfilingVerbosity);
#if MAJOR <= 10
METHOD(IBuilderConfig, setInt8Calibrator, void(IInt8Calibrator*));
METHOD(IBuilderConfig, setCalibrationProfile, bool(IOptimizationProfile const*));
#endif
#if MAJOR >= 8
METHOD(IBuilderConfig, setMemoryPoolLimit, void(MemoryPoolType, std::size_t));
READER(IBuilderConfig, createTimingCache, ITimingCache*(void const*, std::size_t));
METHOD(IBuilderConfig, setTimingCache, bool(ITimingCache const&, bool));
READER(IBuilderConfig, getTimingCache, ITimingCache const*());
OVERLOAD(IBuilder, buildSerializedNetwork, IHostMemory*(INetworkDefinition&, IBuilderConfig&));
#else
METHOD(IBuilderConfig, setMaxWorkspaceSize, void(std::size_t));
METHOD(IBuilder, buildEngineWithConfig, ICudaEngine*(INetworkDefinition&, IBuilderConfig&));
#endif
METHOD(IBuilder, createNetworkV2, INetworkDefinition*(NetworkDefinitionCreationFlags));
METHOD(IBuilder, createBuilderConfig, IBuilderConfig*());
METHOD(IBuilder, createOptimizationProfile, IOptimizationProfile*());
METHOD(IOptimizationProfile, setDimensions, bool(char const*, OptProfileSelector, Form));
READER(IOptimizationProfile, getDimensions, Dims(char const*, OptProfileSelector));
READER(IHostMemory, data, void*());
READER(IHostMemory, size, std::size_t());

#if MAJOR >= 8
READER(ICudaEngine, getNbLayers, int32_t());
READER(ICudaEngine, getNbIOTensors, int32_t());
READER(ICudaEngine, getIOTensorName, char const*(int32_t));
READER(ICudaEngine, getTensorIOMode, TensorIOMode(char const*));
READER(ICudaEngine, getTensorDataType, DataType(char const*));
READER(ICudaEngine, createEngineInspector, IEngineInspector*());
METHOD(IExecutionContext, setInputShape, bool(char const*, Dims const&));
READER(IExecutionContext, getTensorShape, Dims(char const*));
METHOD(IExecutionContext, setTensorAddress, bool(char const*, void*));
METHOD(IExecutionContext, enqueueV3, bool(cudaStream_t));
READER(IEngineInspector, getLayerInformation, char const*(int32_t, LayerInformationFormat));
READER(IEngineInspector, getEngineInformation, char const*(LayerInformationFormat));
PROPERTY(IBuilderConfig, ProfilingVerbosity, ProfilingVerbosity, ProfilingVerbosity);
OVERLOAD(IRuntime, deserializeCudaEngine, ICudaEngine*(void const*, std::size_t));
#endif

METHOD(nvonnxparser::IParser, parse, bool(void const*, size_t, char const*));
METHOD(nvonnxparser::IParser, parseFromFile, bool(char const*, int));
READER(nvonnxparser::IParser, getNbErrors, int());
READER(nvonnxparser::IParser, getError, nvonnxparser::IParserError const*(int));

int main() {}
