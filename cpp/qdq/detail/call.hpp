// Calls of C functions that can fail.
#ifndef QDQ_DETAIL_CALL_HPP
#define QDQ_DETAIL_CALL_HPP

#include <optional>

#include <qdq/result.hpp>

namespace qdq::detail {

/// Calls f(arguments…, &error) and returns its error, if any.
template <typename Function, typename... Arguments>
Result<void> call(Function f, Arguments... arguments) {
  qdq_error* error = nullptr;
  if (f(arguments..., &error) != QDQ_OK) return Error(error);
  return {};
}

/// Calls f(arguments…, &value, &error) and returns the number.
template <typename Value, typename Function, typename... Arguments>
Result<Value> get(Function f, Arguments... arguments) {
  Value value{};
  qdq_error* error = nullptr;
  if (f(arguments..., &value, &error) != QDQ_OK) return Error(error);
  return value;
}

/// Calls f(arguments…, &object, &error) and returns the object.
template <typename Object, typename Function, typename... Arguments>
Result<Object> make(Function f, Arguments... arguments) {
  typename Object::c_type* object = nullptr;
  qdq_error* error = nullptr;
  if (f(arguments..., &object, &error) != QDQ_OK) return Error(error);
  return Object(object);
}

/// Does the same for an optional object: nothing if the function gives NULL.
template <typename Object, typename Function, typename... Arguments>
Result<std::optional<Object>> make_if_any(Function f, Arguments... arguments) {
  typename Object::c_type* object = nullptr;
  qdq_error* error = nullptr;
  if (f(arguments..., &object, &error) != QDQ_OK) return Error(error);
  if (object == nullptr) return std::optional<Object>();
  return std::optional<Object>(Object(object));
}

}  // namespace qdq::detail

#endif
