// The owner of a C object, base of the public classes.
#ifndef QDQ_DETAIL_HANDLE_HPP
#define QDQ_DETAIL_HANDLE_HPP

#include <qdq/qdq.h>

namespace qdq::detail {

/// Owns a C object, which `Free` frees. It can be moved, never copied.
///
/// An object that was moved from is empty; its functions return errors, zeros and empty texts, as the C
/// functions do for NULL.
///
/// Functions that are const may run at the same time on one object. Other functions need exclusive access to
/// it.
template <typename T, void (*Free)(T**)>
class Handle {
 public:
  using c_type = T;

  /// Takes ownership of an object of the C interface.
  explicit Handle(T* owned) noexcept : object_(owned) {}
  Handle(Handle&& other) noexcept : object_(other.release()) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Free(&object_);
      object_ = other.release();
    }
    return *this;
  }

  /// Returns the object for the C interface. This object still owns it.
  [[nodiscard]] T* c() & noexcept { return object_; }
  [[nodiscard]] const T* c() const& noexcept { return object_; }
  void c() const&& = delete;

  /// Gives up the ownership of the object. The caller must free it with the C function.
  [[nodiscard]] T* release() noexcept {
    T* object = object_;
    object_ = nullptr;
    return object;
  }

 protected:
  ~Handle() { Free(&object_); }

 private:
  T* object_;
};

}  // namespace qdq::detail

#endif
