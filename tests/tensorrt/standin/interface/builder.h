// IBuilder, and the functions that create it and IRuntime.
//
// A build runs the calibrator and returns a text of the network.
#ifndef STANDIN_BUILDER_H
#define STANDIN_BUILDER_H

#include "calibration.h"
#include "runtime.h"

namespace nvinfer1 {

class IBuilder : public INoCopy {
    STANDIN_OWNED(IBuilder)

    struct {
        ILogger* logger = nullptr;
        bool refuses = false;
        standin::Arena arena;
    } standin;

    STANDIN_METHOD INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) STANDIN_NOEXCEPT {
        auto* network = new standin::Owned<INetworkDefinition>;
        network->standin.flags = flags;
        return network;
    }
    STANDIN_METHOD IBuilderConfig* createBuilderConfig() STANDIN_NOEXCEPT { return new standin::Owned<IBuilderConfig>; }
    STANDIN_METHOD IOptimizationProfile* createOptimizationProfile() STANDIN_NOEXCEPT {
        return standin.arena.make<IOptimizationProfile>();
    }
    STANDIN_METHOD bool platformHasFastInt8() const STANDIN_NOEXCEPT { return true; }
    STANDIN_METHOD bool platformHasFastFp16() const STANDIN_NOEXCEPT { return true; }
#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_VALUE(int32_t, MaxBatchSize, 1)
#endif

#if STANDIN_AT_LEAST(8, 0)
    IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config) noexcept {
        std::string text;
        if (!plan(network, config, text)) {
            return nullptr;
        }
        auto* memory = new standin::Owned<IHostMemory>;
        memory->standin = text;
        return memory;
    }
    ILogger* getLogger() const noexcept { return standin.logger; }
#endif
#if STANDIN_AT_LEAST(8, 0) && !STANDIN_AT_LEAST(10, 0)
    TRT_DEPRECATED
#endif
#if !STANDIN_AT_LEAST(10, 0)
    STANDIN_METHOD ICudaEngine* buildEngineWithConfig(INetworkDefinition& network, IBuilderConfig& config) STANDIN_NOEXCEPT {
        std::string text;
        if (!plan(network, config, text)) {
            return nullptr;
        }
        auto* engine = new standin::Owned<ICudaEngine>;
        engine->standin = text;
        return engine;
    }
#endif

private:
    bool plan(INetworkDefinition const& network, IBuilderConfig& config, std::string& text) {
        if (standin.refuses) {
            standin::say(standin.logger, ILogger::Severity::kERROR, "the stand-in was told to refuse the network");
            return false;
        }
#if STANDIN_AT_LEAST(9, 0)
        if (network.getFlag(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED)
            && (config.getFlag(BuilderFlag::kINT8) || config.getFlag(BuilderFlag::kFP16)
                || config.getFlag(BuilderFlag::kBF16) || config.getFlag(BuilderFlag::kFP8))) {
            standin::say(standin.logger, ILogger::Severity::kERROR, "a strongly typed network takes no flag for a type");
            return false;
        }
#endif
        if (config.getFlag(BuilderFlag::kINT8) && config.standin.calibrator != nullptr
            && !standin::calibrate(network, config, standin.logger)) {
            return false;
        }
#if STANDIN_AT_LEAST(8, 0)
        if (auto const* cache = config.getTimingCache()) {
            const_cast<ITimingCache*>(cache)->standin += "measured ";
        }
#endif
        text = "standin " + std::to_string(NV_TENSORRT_VERSION);
#if STANDIN_AT_LEAST(8, 0)
        text += config.getProfilingVerbosity() == ProfilingVerbosity::kDETAILED ? " detailed\n" : "\n";
#else
        text += "\n";
#endif
        for (auto const* layer : network.standin.layers) {
            text += std::to_string(static_cast<int>(layer->getType())) + " " + layer->getName() + "\n";
        }
        return true;
    }
};

}  // namespace nvinfer1

extern "C" TENSORRTAPI void* createInferBuilder_INTERNAL(void* logger, int32_t version) STANDIN_NOEXCEPT;
extern "C" TENSORRTAPI void* createInferRuntime_INTERNAL(void* logger, int32_t version) STANDIN_NOEXCEPT;
extern "C" TENSORRTAPI int32_t getInferLibVersion() STANDIN_NOEXCEPT;

namespace nvinfer1 {
namespace {

inline IBuilder* createInferBuilder(ILogger& logger) STANDIN_NOEXCEPT {
    return static_cast<IBuilder*>(createInferBuilder_INTERNAL(&logger, NV_TENSORRT_VERSION));
}

inline IRuntime* createInferRuntime(ILogger& logger) STANDIN_NOEXCEPT {
    return static_cast<IRuntime*>(createInferRuntime_INTERNAL(&logger, NV_TENSORRT_VERSION));
}

}  // namespace
}  // namespace nvinfer1

#endif
