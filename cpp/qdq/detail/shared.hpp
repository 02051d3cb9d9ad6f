// Objects in options that are copied.
#ifndef QDQ_DETAIL_SHARED_HPP
#define QDQ_DETAIL_SHARED_HPP

#include <memory>
#include <utility>

namespace qdq::detail {

/// An object that is moved in, that nobody changes from then on and that all copies share. It can be given
/// wherever the object is taken; * and -> give the object.
template <typename T>
class Shared {
 public:
  Shared() : object_(std::make_shared<const T>()) {}
  Shared(T object) : object_(std::make_shared<const T>(std::move(object))) {}

  // Only copied, so that one that was moved from still has an object.
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
