// Builders of objects with many settings.
#ifndef QDQ_DETAIL_BUILDER_HPP
#define QDQ_DETAIL_BUILDER_HPP

#include <utility>

#include <qdq/result.hpp>

namespace qdq::detail {

/// Sets the fields of a new object: `Object::make().this(…).that(…).build()`.
///
/// After a setting fails, all later ones are ignored, and build() returns its error. To set fields one by
/// one, first store `auto builder = Object::make();`.
template <typename Self, typename Object>
class Builder {
 public:
  explicit Builder(Result<Object> object) : object_(std::move(object)) {}

  /// Returns the object, or the first error. A second call fails.
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
