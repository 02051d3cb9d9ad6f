// TensorRT's library: linked with the program, or opened at run time.
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

// Frees an object of TensorRT in the way of its version.
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

/// The entry functions of TensorRT. It can be copied freely.
///
/// A library that was opened stays open until the end of the process, because TensorRT's objects and threads
/// are in it.
class Library {
 public:
  /// Returns the library that the program is linked with, without the ONNX parser.
  [[nodiscard]] static Library linked() noexcept { return linked_with(nullptr); }
  /// Returns the library and the ONNX parser that the program is linked with. Needs NvOnnxParser.h.
#if QDQ_TRT_HAS_PARSER
  [[nodiscard]] static Library linked_with_parser() noexcept { return linked_with(createNvOnnxParser_INTERNAL); }
#else
  template <typename... Used>
  [[nodiscard]] static Library linked_with_parser() noexcept {
    detail::require_parser<Used...>();
    return linked();
  }
#endif
  /// Opens libnvinfer or libtensorrt_rtx and, if a path is given, its ONNX parser.
  ///
  /// Status::Unsupported if its major version is not the one that the program is compiled with: objects of
  /// another major version have another layout. This is checked first; before that, only the version function
  /// is called.
  [[nodiscard]] static Result<Library> open(const std::string& infer, const std::string& parser = {}) {
    QDQ_TRY_AS(library, detail::SharedLibrary::open(infer));
    Library out(nullptr, nullptr, nullptr, nullptr);
    QDQ_TRY(library->find("getInferLibVersion", out.version_));
    QDQ_TRY(out.check());
    QDQ_TRY(library->find("createInferBuilder_INTERNAL", out.create_builder_));
    // Only runtime() needs it, and says so if it is missing.
    static_cast<void>(library->find("createInferRuntime_INTERNAL", out.create_runtime_));
    if (parser.empty()) return out;
    QDQ_TRY_AS(second, detail::SharedLibrary::open(parser));
    QDQ_TRY(second->find("createNvOnnxParser_INTERNAL", out.create_parser_));
    return out;
  }

  /// Returns the version that runs. It may differ from the version that the program is compiled with.
  [[nodiscard]] Version version() const noexcept { return Version::from_number(version_number()); }
  /// Returns the version as TensorRT's own number, with which a calibration cache begins.
  [[nodiscard]] std::int32_t version_number() const noexcept { return version_(); }

  /// Checks that the program can use the library: that it has the major version that the program is compiled
  /// with.
  [[nodiscard]] Result<void> check() const {
    const Version running = version();
    if (running.major == compiled.major) return {};
    return Error(Status::Unsupported,
                 "the library is " + running.text() + ", but the program is compiled for " + compiled.text(),
                 "use the library of version " + std::to_string(compiled.major) +
                     ", or compile the program with the headers of the library");
  }

  /// Makes a builder that reports to the logger. The logger must outlive it.
  [[nodiscard]] Result<Owner<nvinfer1::IBuilder>> builder(nvinfer1::ILogger& logger) const {
    QDQ_TRY(check());
    Owner<nvinfer1::IBuilder> made(static_cast<nvinfer1::IBuilder*>(create_builder_(&logger, NV_TENSORRT_VERSION)));
    if (made) return made;
    return Error(Status::TensorRt, version().text() + " gives no builder",
                 "see what it logged; TensorRT needs a GPU and its driver to build an engine, TensorRT-RTX does not");
  }

  /// Makes a runtime, which deserializes engines and reports to the logger. The logger must outlive it.
  [[nodiscard]] Result<Owner<nvinfer1::IRuntime>> runtime(nvinfer1::ILogger& logger) const {
    QDQ_TRY(check());
    Owner<nvinfer1::IRuntime> made(create_runtime_ == nullptr
                                       ? nullptr
                                       : static_cast<nvinfer1::IRuntime*>(create_runtime_(&logger, NV_TENSORRT_VERSION)));
    if (made) return made;
    return Error(Status::TensorRt, version().text() + " gives no runtime",
                 "see what it logged; reading an engine needs the GPU that it was built for, and its driver");
  }

  /// Makes an ONNX parser that fills the network. Needs NvOnnxParser.h.
  ///
  /// The network and the logger must outlive the parser. The parser owns the weights, so it must outlive the
  /// build of the engine.
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
  using Create = void* (*)(void*, std::int32_t);
  using CreateParser = void* (*)(void*, void*, int);

  Library(Number number, Create create_builder, Create create_runtime, CreateParser create_parser) noexcept
      : version_(number), create_builder_(create_builder), create_runtime_(create_runtime), create_parser_(create_parser) {}

  static Library linked_with(CreateParser create_parser) noexcept {
    return {getInferLibVersion, createInferBuilder_INTERNAL, createInferRuntime_INTERNAL, create_parser};
  }

  Number version_;
  Create create_builder_;
  Create create_runtime_;
  CreateParser create_parser_;
};

}  // namespace qdq::trt

#include <qdq/detail/end_try.hpp>

#endif
