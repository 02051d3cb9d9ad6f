// The owner of a C object.
#ifndef QDQ_DETAIL_HANDLE_HPP
#define QDQ_DETAIL_HANDLE_HPP

#include <qdq/qdq.h>

namespace qdq::detail {

/// Owns a C object, which `Free` frees: moved, never copied. What was moved from holds nothing; its functions
/// return errors, zeros and empty texts, as the C functions do for NULL.
///
/// Constant functions may run at the same time on one object. Others need it for themselves alone.
template <typename T, void (*Free)(T**)>
class Handle {
 public:
  using c_type = T;

  /// Takes over an object of the C interface.
  explicit Handle(T* owned) noexcept : object_(owned) {}
  Handle(Handle&& other) noexcept : object_(other.release()) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Free(&object_);
      object_ = other.release();
    }
    return *this;
  }

  /// The object for the C interface. It stays owned by this.
  [[nodiscard]] T* c() & noexcept { return object_; }
  [[nodiscard]] const T* c() const& noexcept { return object_; }
  void c() const&& = delete;

  /// Gives the object up: whoever calls this frees it with the C function.
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
