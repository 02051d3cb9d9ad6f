// The one way to hand an error on. It has no include guard: a header that uses it includes it last and ends
// with <qdq/detail/end_try.hpp>, so that no program that includes the header has these macros.

#include <utility>

// Goes on if the Result of the expression has a value, and else returns its error.
#define QDQ_TRY(...)                                                \
  do {                                                              \
    if (auto qdq_tried = (__VA_ARGS__); !qdq_tried) {               \
      return std::move(qdq_tried).error();                          \
    }                                                               \
  } while (false)

// The same, and keeps the Result as a variable, which has a value then: QDQ_TRY_AS(plan, model.plan());
#define QDQ_TRY_AS(name, ...) \
  auto name = (__VA_ARGS__);  \
  if (!name) return std::move(name).error()
