// The entry points of TensorRT's library. A test links them, or opens them as a shared library.
#include <NvInfer.h>

using namespace nvinfer1;

extern "C" __attribute__((visibility("default"))) void* createInferBuilder_INTERNAL(void* logger, int32_t) STANDIN_NOEXCEPT {
    auto* builder = new standin::Owned<IBuilder>;
    builder->standin.logger = static_cast<ILogger*>(logger);
    return static_cast<IBuilder*>(builder);
}

extern "C" __attribute__((visibility("default"))) void* createInferRuntime_INTERNAL(void*, int32_t) STANDIN_NOEXCEPT {
    return static_cast<IRuntime*>(new standin::Owned<IRuntime>);
}

extern "C" __attribute__((visibility("default"))) int32_t getInferLibVersion() STANDIN_NOEXCEPT {
    return NV_TENSORRT_VERSION;
}
