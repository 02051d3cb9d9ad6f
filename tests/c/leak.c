// Leaks on purpose: the leak check must report it.
#include "check.h"

// The checker takes a pointer that is left in a register or on the stack for a use, so that it may miss one
// object.
static void leak(int count) {
  if (count > 0) leak(count - 1);
  CHECK(qdq_policy_new());
  CHECK(qdq_stats_new());
}

int main(void) {
  leak(100);
  return 0;
}
