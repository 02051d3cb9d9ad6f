// Objects with many settings.
#ifndef QDQ_DETAIL_BUILDER_HPP
#define QDQ_DETAIL_BUILDER_HPP

#include <utility>

#include <qdq/result.hpp>

namespace qdq::detail {

/// Sets what an object is to be: `Object::make().this(…).that(…).build()`. After a setting that fails the
/// rest is left out, and build() returns its error. To set things one by one, keep `auto builder =
/// Object::make();` first.
template <typename Self, typename Object>
class Builder {
 public:
  explicit Builder(Result<Object> object) : object_(std::move(object)) {}

  /// The object, or the first error. Nothing can be built twice.
  [[nodiscard]] Result<Object> build() {
    Result<Object> built = std::move(object_);
    object_ = Error(Status::InvalidArgument, "the object is built already", "start again with make()");
    return built;
  }

 protected:
  /// Calls f(object, arguments…, &error).
  template <typename Function, typename... Arguments>
  Self& set(Function f, Arguments... arguments) {
    if (object_) {
      qdq_error* error = nullptr;
      if (f(object_->c(), arguments..., &error) != QDQ_OK) object_ = Error(error);
    }
    return static_cast<Self&>(*this);
  }

  Result<Object> object_;
};

}  // namespace qdq::detail

#endif
