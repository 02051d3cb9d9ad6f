// Two threads change one collector at the same time. This is on purpose: the race check must report it.
#include <pthread.h>

#include "check.h"

static void *observe(void *stats) {
  qdq_error *error;
  const float x[2] = {1, 2};
  const int64_t shape[1] = {2};
  qdq_tensor tensor = {.data = (void *)x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  for (int i = 0; i < 1000; i++) OK(qdq_tensor_stats_observe(stats, &tensor, &error));
  return NULL;
}

int main(void) {
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, observe, stats) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  qdq_tensor_stats_free(&stats);
  return 0;
}
