// TensorRT's library: the one that the program is linked with, or one that is opened at run time.
#ifndef QDQ_TENSORRT_LIBRARY_HPP
#define QDQ_TENSORRT_LIBRARY_HPP

#include <cstdint>
#include <memory>
#include <string>

#include <NvInfer.h>

#include <qdq/result.hpp>
#include <qdq/tensorrt/detail/parser.hpp>
#include <qdq/tensorrt/detail/shared_library.hpp>
#include <qdq/tensorrt/version.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt {
namespace detail {

// Frees an object of TensorRT as its version wants it.
struct Free {
  template <typename T>
  void operator()(T* object) const noexcept {
#if QDQ_TRT_MAJOR <= 7
    object->destroy();
#else
    delete object;
#endif
  }
};

}  // namespace detail

/// The owner of an object that TensorRT made.
template <typename T>
using Owner = std::unique_ptr<T, detail::Free>;

/// The functions by which everything in TensorRT begins. To be copied freely; a library that was opened stays
/// open to the end of the process, since TensorRT's objects and threads live in it.
class Library {
 public:
  /// The library that the program is linked with, without the ONNX parser.
  [[nodiscard]] static Library linked() noexcept { return {getInferLibVersion, createInferBuilder_INTERNAL, nullptr}; }
  /// The library and the ONNX parser that the program is linked with. Needs NvOnnxParser.h.
#if QDQ_TRT_HAS_PARSER
  [[nodiscard]] static Library linked_with_parser() noexcept {
    return {getInferLibVersion, createInferBuilder_INTERNAL, createNvOnnxParser_INTERNAL};
  }
#else
  template <typename... Used>
  [[nodiscard]] static Library linked_with_parser() noexcept {
    detail::require_parser<Used...>();
    return linked();
  }
#endif
  /// Opens libnvinfer or libtensorrt_rtx, and its ONNX parser where a path is given. Status::Unsupported,
  /// before anything but the version is asked for, where its major version is not the one that the program is
  /// compiled with: objects of another one are laid out differently.
  [[nodiscard]] static Result<Library> open(const std::string& infer, const std::string& parser = {}) {
    QDQ_TRY_AS(library, detail::SharedLibrary::open(infer));
    Library out(nullptr, nullptr, nullptr);
    QDQ_TRY(library->find("getInferLibVersion", out.version_));
    QDQ_TRY(out.check());
    QDQ_TRY(library->find("createInferBuilder_INTERNAL", out.create_builder_));
    if (parser.empty()) return out;
    QDQ_TRY_AS(second, detail::SharedLibrary::open(parser));
    QDQ_TRY(second->find("createNvOnnxParser_INTERNAL", out.create_parser_));
    return out;
  }

  /// The version that runs, which need not be the one that the program is compiled with.
  [[nodiscard]] Version version() const noexcept { return Version::from_number(version_number()); }
  /// The same as TensorRT counts it: what a calibration cache begins with.
  [[nodiscard]] std::int32_t version_number() const noexcept { return version_(); }

  /// Whether the program can use the library: it has the major version that the program is compiled with.
  [[nodiscard]] Result<void> check() const {
    const Version running = version();
    if (running.major == compiled.major) return {};
    return Error(Status::Unsupported,
                 "the library is " + running.text() + ", but the program is compiled for " + compiled.text(),
                 "use the library of version " + std::to_string(compiled.major) +
                     ", or compile the program with the headers of the library");
  }

  /// A builder, which reports to the logger. The logger must outlive it.
  [[nodiscard]] Result<Owner<nvinfer1::IBuilder>> builder(nvinfer1::ILogger& logger) const {
    QDQ_TRY(check());
    Owner<nvinfer1::IBuilder> made(static_cast<nvinfer1::IBuilder*>(create_builder_(&logger, NV_TENSORRT_VERSION)));
    if (made) return made;
    return Error(Status::TensorRt, version().text() + " gives no builder",
                 "see what it logged; TensorRT needs a GPU and its driver to build an engine, TensorRT-RTX does not");
  }

  /// An ONNX parser that fills the network. Both must outlive it, and it the engine's build, since it owns
  /// the weights. Needs NvOnnxParser.h.
#if QDQ_TRT_HAS_PARSER
  [[nodiscard]] Result<Owner<nvonnxparser::IParser>> parser(nvinfer1::INetworkDefinition& network,
                                                            nvinfer1::ILogger& logger) const {
    if (create_parser_ == nullptr) {
      return Error(Status::InvalidArgument, "the library was given without an ONNX parser",
                   "link nvonnxparser and use Library::linked_with_parser(), or give its path to Library::open()");
    }
    Owner<nvonnxparser::IParser> made(
        static_cast<nvonnxparser::IParser*>(create_parser_(&network, &logger, NV_ONNX_PARSER_VERSION)));
    if (made) return made;
    return Error(Status::TensorRt, version().text() + " gives no ONNX parser", "see what it logged");
  }
#else
  template <typename... Used>
  void parser(const nvinfer1::INetworkDefinition&, nvinfer1::ILogger&) const {
    detail::require_parser<Used...>();
  }
#endif

 private:
  using Number = std::int32_t (*)();
  using CreateBuilder = void* (*)(void*, std::int32_t);
  using CreateParser = void* (*)(void*, void*, int);

  Library(Number number, CreateBuilder create_builder, CreateParser create_parser) noexcept
      : version_(number), create_builder_(create_builder), create_parser_(create_parser) {}

  Number version_;
  CreateBuilder create_builder_;
  CreateParser create_parser_;
};

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
