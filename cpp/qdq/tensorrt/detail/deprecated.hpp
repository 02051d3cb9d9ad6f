// Names that TensorRT calls deprecated in one version and needs in another.
#ifndef QDQ_TENSORRT_DETAIL_DEPRECATED_HPP
#define QDQ_TENSORRT_DETAIL_DEPRECATED_HPP

// Between these two a deprecated name of TensorRT may be used: programs compile with warnings as errors, and calibration has
// no other interface in the versions that deprecate it.
#if defined(__GNUC__)
#define QDQ_TRT_DEPRECATED_BEGIN \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wdeprecated-declarations\"")
#define QDQ_TRT_DEPRECATED_END _Pragma("GCC diagnostic pop")
#elif defined(_MSC_VER)
#define QDQ_TRT_DEPRECATED_BEGIN __pragma(warning(push)) __pragma(warning(disable : 4996))
#define QDQ_TRT_DEPRECATED_END __pragma(warning(pop))
#else
#define QDQ_TRT_DEPRECATED_BEGIN
#define QDQ_TRT_DEPRECATED_END
#endif

#endif
