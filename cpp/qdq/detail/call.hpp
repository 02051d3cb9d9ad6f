// Calls of functions that can fail.
#ifndef QDQ_DETAIL_CALL_HPP
#define QDQ_DETAIL_CALL_HPP

#include <optional>

#include <qdq/result.hpp>

namespace qdq::detail {

/// Calls f(arguments…, &error).
template <typename Function, typename... Arguments>
Result<void> call(Function f, Arguments... arguments) {
  qdq_error* error = nullptr;
  if (f(arguments..., &error) != QDQ_OK) return Error(error);
  return {};
}

/// Calls f(arguments…, &value, &error) for a number.
template <typename Value, typename Function, typename... Arguments>
Result<Value> get(Function f, Arguments... arguments) {
  Value value{};
  qdq_error* error = nullptr;
  if (f(arguments..., &value, &error) != QDQ_OK) return Error(error);
  return value;
}

/// Calls f(arguments…, &object, &error) for an object.
template <typename Object, typename Function, typename... Arguments>
Result<Object> make(Function f, Arguments... arguments) {
  typename Object::c_type* object = nullptr;
  qdq_error* error = nullptr;
  if (f(arguments..., &object, &error) != QDQ_OK) return Error(error);
  return Object(object);
}

/// The same for an object that there may not be.
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
