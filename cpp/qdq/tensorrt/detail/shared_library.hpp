// Libraries that are opened at run time.
#ifndef QDQ_TENSORRT_DETAIL_SHARED_LIBRARY_HPP
#define QDQ_TENSORRT_DETAIL_SHARED_LIBRARY_HPP

#include <string>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <qdq/result.hpp>

namespace qdq::trt::detail {

/// A library that stays open until the end of the process.
class SharedLibrary {
 public:
  /// Opens a library by its path. If the path has no folder, the system searches for the library.
  [[nodiscard]] static Result<SharedLibrary> open(const std::string& path) {
#ifdef _WIN32
    void* handle = reinterpret_cast<void*>(LoadLibraryA(path.c_str()));
    const std::string reason = handle != nullptr ? "" : "error " + std::to_string(GetLastError());
#else
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const char* said = handle != nullptr ? nullptr : dlerror();
    const std::string reason = said != nullptr ? said : "";
#endif
    if (handle != nullptr) return SharedLibrary(path, handle);
    return Error(Status::Io, "cannot open the library '" + path + "': " + reason,
                 "give the path of the library file, or put its folder where the system looks for libraries");
  }

  /// Finds a function of the library and sets the pointer `function` to it.
  template <typename Function>
  [[nodiscard]] Result<void> find(const char* name, Function& function) const {
#ifdef _WIN32
    void* address = reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(handle_), name));
#else
    void* address = dlsym(handle_, name);
#endif
    function = reinterpret_cast<Function>(address);
    if (address != nullptr) return {};
    return Error(Status::Unsupported, "the library '" + path_ + "' has no function '" + name + "'",
                 "check that it is the library that was meant");
  }

 private:
  SharedLibrary(std::string path, void* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  void* handle_;
};

}  // namespace qdq::trt::detail

#endif
