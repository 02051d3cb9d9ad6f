// The ONNX parser. A library implements it, so its methods have no body here.
#ifndef STANDIN_ONNX_PARSER_H
#define STANDIN_ONNX_PARSER_H

#define NV_ONNX_PARSER_MAJOR 0
#define NV_ONNX_PARSER_MINOR 1
#define NV_ONNX_PARSER_PATCH 0

#if STANDIN_AT_LEAST(8, 0)
static constexpr int32_t NV_ONNX_PARSER_VERSION = NV_ONNX_PARSER_MAJOR * 10000 + NV_ONNX_PARSER_MINOR * 100
                                                  + NV_ONNX_PARSER_PATCH;
#else
static const int NV_ONNX_PARSER_VERSION = NV_ONNX_PARSER_MAJOR * 10000 + NV_ONNX_PARSER_MINOR * 100 + NV_ONNX_PARSER_PATCH;
#endif

namespace nvonnxparser {

enum class ErrorCode : int {
    kSUCCESS = 0,
    kINTERNAL_ERROR = 1,
    kMEM_ALLOC_FAILED = 2,
    kMODEL_DESERIALIZE_FAILED = 3,
    kINVALID_VALUE = 4,
    kINVALID_GRAPH = 5,
    kINVALID_NODE = 6,
    kUNSUPPORTED_GRAPH = 7,
    kUNSUPPORTED_NODE = 8,
};

class IParserError {
public:
    virtual ErrorCode code() const = 0;
    virtual char const* desc() const = 0;
    virtual char const* file() const = 0;
    virtual int line() const = 0;
    virtual char const* func() const = 0;
    virtual int node() const = 0;
#if STANDIN_AT_LEAST(10, 0)
    virtual char const* nodeName() const = 0;
    virtual char const* nodeOperator() const = 0;
#endif

protected:
    virtual ~IParserError() = default;
};

class IParser {
public:
    virtual bool parse(void const* serialized_onnx_model, size_t serialized_onnx_model_size,
        char const* model_path = nullptr) STANDIN_NOEXCEPT = 0;
    virtual bool parseFromFile(char const* onnxModelFile, int verbosity) STANDIN_NOEXCEPT = 0;
    virtual bool supportsOperator(char const* op_name) const STANDIN_NOEXCEPT = 0;
#if STANDIN_AT_LEAST(8, 0) && !STANDIN_AT_LEAST(10, 0)
    TRT_DEPRECATED
#endif
#if !STANDIN_AT_LEAST(10, 0)
    virtual void destroy() STANDIN_NOEXCEPT = 0;
#endif
    virtual int getNbErrors() const STANDIN_NOEXCEPT = 0;
    virtual IParserError const* getError(int index) const STANDIN_NOEXCEPT = 0;
    virtual void clearErrors() STANDIN_NOEXCEPT = 0;

#if STANDIN_AT_LEAST(8, 0)
    virtual ~IParser() noexcept = default;
#else
protected:
    virtual ~IParser() {}
#endif
};

}  // namespace nvonnxparser

extern "C" TENSORRTAPI void* createNvOnnxParser_INTERNAL(void* network, void* logger, int version) STANDIN_NOEXCEPT;

namespace nvonnxparser {
namespace {

inline IParser* createParser(nvinfer1::INetworkDefinition& network, nvinfer1::ILogger& logger) STANDIN_NOEXCEPT {
    return static_cast<IParser*>(createNvOnnxParser_INTERNAL(&network, &logger, NV_ONNX_PARSER_VERSION));
}

}  // namespace
}  // namespace nvonnxparser

#endif
