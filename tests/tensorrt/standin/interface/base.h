// The base of the interfaces of every version: declarations of methods, element types, dimensions, the
// logger.
//
// The stand-ins declare the part of TensorRT 7 to 10 that qdq uses, and nothing else. Their methods do only
// what a test needs: they store a value and return it.
#ifndef STANDIN_BASE_H
#define STANDIN_BASE_H

#include <cstddef>
#include <cstdint>

#define STANDIN_AT_LEAST(major, minor) \
    (NV_TENSORRT_MAJOR > (major) || (NV_TENSORRT_MAJOR == (major) && NV_TENSORRT_MINOR >= (minor)))

#if STANDIN_AT_LEAST(8, 0)
#include <cuda_runtime_api.h>
#else
typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
#endif

#define TRT_DEPRECATED [[deprecated]]
#define TRT_DEPRECATED_ENUM TRT_DEPRECATED
#define TENSORRTAPI
// Surrounds names of deprecated items that are no use of them: the class of a member, of a result.
#define STANDIN_NAMES_DEPRECATED \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
#define STANDIN_NAMES_DEPRECATED_END _Pragma("GCC diagnostic pop")
#define TRTNOEXCEPT

// Up to 7 every method is virtual and its type allows exceptions. From 8 on, methods of TensorRT's own
// objects are not virtual and do not throw.
#if STANDIN_AT_LEAST(8, 0)
#define STANDIN_METHOD
#define STANDIN_NOEXCEPT noexcept
#else
#define STANDIN_METHOD virtual
#define STANDIN_NOEXCEPT
#endif

#if STANDIN_AT_LEAST(8, 0)
#define STANDIN_DEPRECATED_8 TRT_DEPRECATED
#else
#define STANDIN_DEPRECATED_8
#endif
#if STANDIN_AT_LEAST(8, 4)
#define STANDIN_DEPRECATED_8_4 TRT_DEPRECATED
#else
#define STANDIN_DEPRECATED_8_4
#endif
#if STANDIN_AT_LEAST(10, 0)
#define STANDIN_DEPRECATED_10 TRT_DEPRECATED
#else
#define STANDIN_DEPRECATED_10
#endif
#if STANDIN_AT_LEAST(10, 1)
#define STANDIN_DEPRECATED_10_1 TRT_DEPRECATED
#else
#define STANDIN_DEPRECATED_10_1
#endif

// A parameter with a setter and a getter: setNAME, getNAME.
#define STANDIN_PROPERTY(type, argument, name, start)                                    \
public:                                                                                  \
    STANDIN_METHOD void set##name(argument value) STANDIN_NOEXCEPT { m##name = value; }  \
    STANDIN_METHOD type get##name() const STANDIN_NOEXCEPT { return m##name; }           \
                                                                                         \
private:                                                                                 \
    type m##name = start;                                                                \
                                                                                         \
public:

#define STANDIN_VALUE(type, name, start) STANDIN_PROPERTY(type, type, name, start)
#define STANDIN_DIMS(name) STANDIN_PROPERTY(Dims, DimsArgument, name, Dims{})

// The way in which a program destroys its objects: destroy() up to 7, either way in 8, `delete` from 10 on.
#if STANDIN_AT_LEAST(10, 0)
#define STANDIN_OWNED(name) \
public:                     \
    virtual ~name() noexcept = default;
#elif STANDIN_AT_LEAST(8, 0)
#define STANDIN_OWNED(name)                                   \
public:                                                       \
    virtual ~name() noexcept = default;                       \
    TRT_DEPRECATED void destroy() noexcept { delete this; }
#else
#define STANDIN_OWNED(name)                      \
protected:                                       \
    virtual ~name() {}                           \
                                                 \
public:                                          \
    virtual void destroy() { delete this; }
#endif

#if STANDIN_AT_LEAST(10, 0)
#define NV_TENSORRT_VERSION_INT(major, minor, patch) ((major) * 10000L + (minor) * 100L + (patch) * 1L)
#define NV_TENSORRT_VERSION NV_TENSORRT_VERSION_INT(NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH)
#elif STANDIN_AT_LEAST(8, 0)
#define NV_TENSORRT_VERSION nvinfer1::kNV_TENSORRT_VERSION_IMPL
namespace nvinfer1 {
constexpr int32_t kNV_TENSORRT_VERSION_IMPL = NV_TENSORRT_MAJOR * 1000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
}
#else
static const int NV_TENSORRT_VERSION = NV_TENSORRT_MAJOR * 1000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
#endif

namespace nvinfer1 {

#if STANDIN_AT_LEAST(8, 0)
using char_t = char;
using AsciiChar = char_t;
#endif

enum class DataType : int32_t {
    kFLOAT = 0,
    kHALF = 1,
    kINT8 = 2,
    kINT32 = 3,
    kBOOL = 4,
#if STANDIN_AT_LEAST(8, 5)
    kUINT8 = 5,
#endif
#if STANDIN_AT_LEAST(8, 6)
    kFP8 = 6,
#endif
#if STANDIN_AT_LEAST(9, 0)
    kBF16 = 7,
    kINT64 = 8,
#endif
#if STANDIN_AT_LEAST(10, 0)
    kINT4 = 9,
#endif
};

#if STANDIN_AT_LEAST(8, 0)

// Programs use objects of TensorRT only through pointers.
class INoCopy {
protected:
    INoCopy() = default;
    virtual ~INoCopy() = default;
    INoCopy(INoCopy const&) = delete;
    INoCopy(INoCopy&&) = delete;
    INoCopy& operator=(INoCopy const&) = delete;
    INoCopy& operator=(INoCopy&&) = delete;
};

#else

// Version 7 has no common base. Its objects are not copied either.
class INoCopy {};

#endif

#if STANDIN_AT_LEAST(10, 0)

using InterfaceKind = char const*;

class InterfaceInfo {
public:
    InterfaceKind kind;
    int32_t major;
    int32_t minor;
};

enum class APILanguage : int32_t { kCPP = 0, kPYTHON = 1 };

// The base of classes that a program implements. Its three virtual functions precede those of every derived
// class.
class IVersionedInterface {
public:
    virtual APILanguage getAPILanguage() const noexcept { return APILanguage::kCPP; }
    virtual InterfaceInfo getInterfaceInfo() const noexcept = 0;
    virtual ~IVersionedInterface() noexcept = default;

protected:
    IVersionedInterface() = default;
    IVersionedInterface(IVersionedInterface const&) = default;
    IVersionedInterface(IVersionedInterface&&) = default;
    IVersionedInterface& operator=(IVersionedInterface const&) & = default;
    IVersionedInterface& operator=(IVersionedInterface&&) & = default;
};

#endif

// A plain class in all these versions. It derives from IVersionedInterface only from 11 on.
class ILogger {
public:
    enum class Severity : int32_t { kINTERNAL_ERROR = 0, kERROR = 1, kWARNING = 2, kINFO = 3, kVERBOSE = 4 };

    virtual void log(Severity severity, char const* msg) STANDIN_NOEXCEPT = 0;

    ILogger() = default;
    virtual ~ILogger() = default;

protected:
    ILogger(ILogger const&) = default;
    ILogger(ILogger&&) = default;
    ILogger& operator=(ILogger const&) & = default;
    ILogger& operator=(ILogger&&) & = default;
};

class Weights {
public:
    DataType type;
    void const* values;
    int64_t count;
};

}  // namespace nvinfer1

#include "dims.h"

#endif
