// The ONNX parser, if its header is available.
#ifndef QDQ_TENSORRT_DETAIL_PARSER_HPP
#define QDQ_TENSORRT_DETAIL_PARSER_HPP

#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_PARSER

#include <NvOnnxParser.h>

#else

namespace qdq::trt::detail {

template <typename...>
inline constexpr bool has_parser = false;

/// Stops the compilation if a program uses a function that needs the parser.
template <typename... Used>
constexpr void require_parser() noexcept {
  static_assert(
      has_parser<Used...>,
      "this function of qdq::trt needs NvOnnxParser.h, which is in none of the include folders: add the folder that "
      "has it (the package libnvonnxparsers-dev, or the repository onnx/onnx-tensorrt in the branch of your TensorRT) "
      "or build the network without the parser and use the functions that take an INetworkDefinition");
}

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_PARSER

#endif
