// Leaks on purpose, so that a check for leaks is seen to fail.
#include "check.h"

int main(void) {
  qdq_stats *stats = qdq_stats_new();
  CHECK(stats);
  stats = NULL;
  return stats != NULL;
}
