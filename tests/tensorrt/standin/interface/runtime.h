// IRuntime, and a program's use of an engine.
//
// Deserializing returns the text of the build. Nothing runs without a GPU, so the functions that run an
// engine are only declared. The program that `make test-gpu` runs is compiled against them.
#ifndef STANDIN_RUNTIME_H
#define STANDIN_RUNTIME_H

#include "config.h"

namespace nvinfer1 {

#if STANDIN_AT_LEAST(8, 5)

enum class TensorIOMode : int32_t { kNONE = 0, kINPUT = 1, kOUTPUT = 2 };
enum class LayerInformationFormat : int32_t { kONELINE = 0, kJSON = 1 };

class IExecutionContext : public INoCopy {
    STANDIN_OWNED(IExecutionContext)

    bool setInputShape(AsciiChar const* tensorName, Dims const& dims) noexcept;
    Dims getTensorShape(AsciiChar const* tensorName) const noexcept;
    bool setTensorAddress(AsciiChar const* tensorName, void* data) noexcept;
    bool enqueueV3(cudaStream_t stream) noexcept;
};

class IEngineInspector : public INoCopy {
    STANDIN_OWNED(IEngineInspector)

    AsciiChar const* getLayerInformation(int32_t layerIndex, LayerInformationFormat format) const noexcept;
};

#endif

class ICudaEngine : public INoCopy {
    STANDIN_OWNED(ICudaEngine)

    std::string standin;

    STANDIN_METHOD IHostMemory* serialize() const STANDIN_NOEXCEPT {
        auto* memory = new standin::Owned<IHostMemory>;
        memory->standin = standin;
        return memory;
    }
#if STANDIN_AT_LEAST(8, 5)
    int32_t getNbLayers() const noexcept;
    int32_t getNbIOTensors() const noexcept;
    AsciiChar const* getIOTensorName(int32_t index) const noexcept;
    TensorIOMode getTensorIOMode(AsciiChar const* tensorName) const noexcept;
    DataType getTensorDataType(AsciiChar const* tensorName) const noexcept;
    IExecutionContext* createExecutionContext() noexcept;
    IEngineInspector* createEngineInspector() const noexcept;
#endif
};

class IRuntime : public INoCopy {
    STANDIN_OWNED(IRuntime)

#if STANDIN_AT_LEAST(8, 0)
    ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept
#else
    virtual ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size, void* /* pluginFactory */)
#endif
    {
        auto* engine = new standin::Owned<ICudaEngine>;
        engine->standin.assign(static_cast<char const*>(blob), size);
        return engine;
    }
};

}  // namespace nvinfer1

#endif
