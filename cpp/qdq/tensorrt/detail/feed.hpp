// Sources of a calibrator's batches.
#ifndef QDQ_TENSORRT_DETAIL_FEED_HPP
#define QDQ_TENSORRT_DETAIL_FEED_HPP

#include <string>
#include <type_traits>
#include <utility>

#include <qdq/result.hpp>
#include <qdq/span.hpp>
#include <qdq/tensorrt/bindings.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// A source of batches in device memory.
class Feed {
 public:
  Feed() = default;
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;
  virtual ~Feed() = default;

  /// Sets the device pointers of the next batch for these inputs. Returns false after the last batch. The
  /// pointers are valid until the next call.
  [[nodiscard]] virtual Result<bool> next(Span<const char* const> names, void** pointers) = 0;
};

/// Makes the error for a name that TensorRT asks for and that is no input of the calibrator's network.
inline Error unknown_input(std::string_view name) {
  return Error(Status::InvalidArgument,
               "TensorRT asks for input " + quote(name) + ", which the calibrator's network has not",
               "make the calibrator from the network that is built");
}

/// Device pointers that a function of the user gives.
template <typename Function>
class DeviceFeed final : public Feed {
 public:
  using Answer = std::invoke_result_t<Function&, Bindings&>;
  static_assert(std::is_same_v<Answer, bool> || std::is_same_v<Answer, Result<bool>>,
                "a function for device pointers returns bool or qdq::Result<bool>");

  DeviceFeed(std::vector<Input> inputs, Function function) : bindings_(std::move(inputs)), function_(std::move(function)) {}

  Result<bool> next(Span<const char* const> names, void** pointers) override {
    bindings_.clear();
    QDQ_TRY_AS(more, Result<bool>(function_(bindings_)));
    if (!*more && bindings_.size() == 0) return more;
    if (!*more) {
      return Error(Status::Callback, "the function for device pointers returned false after setting one",
                   "return true for every batch and false once, after the last");
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      pointers[i] = bindings_.get(names[i]);
      if (pointers[i] != nullptr) continue;
      for (const Input& input : bindings_.inputs()) {
        if (input.name != names[i]) continue;
        return Error(Status::Callback, "the function for device pointers set none for input " + quote(names[i]),
                     "set every input, or return false at the end of the data");
      }
      return unknown_input(names[i]);
    }
    return more;
  }

 private:
  Bindings bindings_;
  Function function_;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
