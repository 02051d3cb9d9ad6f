// IRuntime, and a program's use of an engine.
//
// Deserializing returns the text of the build, and the inspector describes the layers that this lists.
// Nothing runs without a GPU, so the functions that run an engine are only declared. The program that `make
// test-gpu` runs is compiled against them.
#ifndef STANDIN_RUNTIME_H
#define STANDIN_RUNTIME_H

#include "config.h"

namespace nvinfer1 {

namespace standin {

// The layers in the text of a build, as IEngineInspector writes them: each reads and writes a tensor of
// 8-bit integers if the engine has details.
inline std::string layers_of(std::string const& engine) {
    bool const detailed = engine.find(" detailed") != std::string::npos;
    std::string json;
    for (std::size_t at = engine.find('\n'); at != std::string::npos && at + 1 < engine.size();) {
        std::size_t const end = engine.find('\n', at + 1);
        std::string const name = engine.substr(at + 1, end - at - 1);
        std::string const side =
            "[{\"Name\": \"t\", \"Dimensions\": [4, 100], \"Format/Datatype\": \"Row major Int8 format\"}]";
        json += json.empty() ? "" : ", ";
        json += !detailed ? '"' + name + '"'
                          : "{\"Name\": \"" + name + "\", \"LayerType\": \"standin\", \"Inputs\": " + side
                                + ", \"Outputs\": " + side + "}";
        at = end;
    }
    return "{\"Layers\": [" + json + "], \"Bindings\": []}";
}

}  // namespace standin

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
    AsciiChar const* getEngineInformation(LayerInformationFormat format) const noexcept {
        return format == LayerInformationFormat::kJSON && !standin.empty() ? standin.c_str() : nullptr;
    }

    std::string standin;
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
    IEngineInspector* createEngineInspector() const noexcept {
        auto* inspector = new standin::Owned<IEngineInspector>;
        inspector->standin = standin::layers_of(standin);
        return inspector;
    }
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
