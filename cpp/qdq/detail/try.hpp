// The macros that pass an error on. This header has no include guard: a header that uses it includes it last
// and ends with <qdq/detail/end_try.hpp>, so that programs which include that header do not get the macros.

#include <utility>

// Continues if the Result of the expression has a value, and else returns its error.
#define QDQ_TRY(...)                                                \
  do {                                                              \
    if (auto qdq_tried = (__VA_ARGS__); !qdq_tried) {               \
      return std::move(qdq_tried).error();                          \
    }                                                               \
  } while (false)

// Does the same and keeps the Result, which has a value, as a variable: QDQ_TRY_AS(plan, model.plan());
#define QDQ_TRY_AS(name, ...) \
  auto name = (__VA_ARGS__);  \
  if (!name) return std::move(name).error()
