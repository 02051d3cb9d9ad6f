// Shared objects in options that can be copied.
#ifndef QDQ_DETAIL_SHARED_HPP
#define QDQ_DETAIL_SHARED_HPP

#include <memory>
#include <utility>

namespace qdq::detail {

/// An immutable object that is moved in and that all copies share. It converts to a reference to the
/// object; * and -> give access to it.
template <typename T>
class Shared {
 public:
  Shared() : object_(std::make_shared<const T>()) {}
  Shared(T object) : object_(std::make_shared<const T>(std::move(object))) {}

  // It can be copied but not moved, so that it always has an object.
  Shared(const Shared&) = default;
  Shared& operator=(const Shared&) = default;
  ~Shared() = default;

  operator const T&() const noexcept { return *object_; }
  [[nodiscard]] const T& operator*() const noexcept { return *object_; }
  [[nodiscard]] const T* operator->() const noexcept { return object_.get(); }

 private:
  std::shared_ptr<const T> object_;
};

}  // namespace qdq::detail

#endif
