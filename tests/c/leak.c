// Leaks on purpose: the leak check must report it.
#include "check.h"

int main(void) {
  qdq_stats *stats = qdq_stats_new();
  CHECK(stats);
  stats = NULL;
  return stats != NULL;
}
