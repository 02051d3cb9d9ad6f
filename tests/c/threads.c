// Two threads observe into their own statistics and read one handle at the same time. Then the statistics are
// merged.
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { COUNT = 4096, BATCHES = 16 };

static qdq_plan *plan;
static qdq_quantizer *quantizer;
static qdq_tensor_stats *shared;

struct work {
  int number;
  qdq_tensor_stats *stats;
  float amax[4];
  size_t taps;
};

static void *observe(void *argument) {
  struct work *work = argument;
  qdq_error *error;
  static const int64_t shape[1] = {COUNT};
  float x[COUNT], y[COUNT];
  qdq_tensor tensor = {.data = x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor out = {.data = y, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor_stats *part = qdq_tensor_stats_new();
  for (int batch = 0; batch < BATCHES; batch++) {
    for (int i = 0; i < COUNT; i++) x[i] = (float)((i * 31 + batch * 7 + work->number * 13) % 1009) / 500 - 1;
    OK(qdq_tensor_stats_observe(batch % 2 ? work->stats : part, &tensor, &error));
    OK(qdq_quantizer_quantize(quantizer, &tensor, &out, NULL, &error));
  }
  OK(qdq_tensor_stats_merge(work->stats, part, &error));
  qdq_tensor_stats_free(&part);
  float own;
  OK(qdq_tensor_stats_amax(work->stats, QDQ_METHOD_ENTROPY, 0, 8, false, &own, &error));
  CHECK(own > 0);
  // Both threads read the same handles, whose texts are made at the first call.
  for (int method = QDQ_METHOD_MSE; method <= QDQ_METHOD_PERCENTILE; method++) {
    OK(qdq_tensor_stats_amax(shared, method, 0, 8, false, &work->amax[method], &error));
  }
  for (size_t i = 0; qdq_plan_tap_at(plan, true, i); i++) work->taps += strlen(qdq_plan_tap_at(plan, true, i));
  return NULL;
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  qdq_error *error;
  char path[4096];
  snprintf(path, sizeof path, "%s/model.onnx", arguments[1]);
  qdq_model *model;
  OK(qdq_model_open(path, &model, &error));
  OK(qdq_model_plan(model, NULL, NULL, &plan, &error));
  qdq_descriptor *descriptor = qdq_descriptor_new();
  OK(qdq_quantizer_new(descriptor, &quantizer, &error));
  struct work work[2] = {{.number = 0, .stats = qdq_tensor_stats_new()}, {.number = 1, .stats = qdq_tensor_stats_new()}};
  shared = qdq_tensor_stats_new();
  float some[64];
  for (int i = 0; i < 64; i++) some[i] = (float)(i * i);
  const int64_t shape[1] = {64};
  qdq_tensor tensor = {.data = some, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  OK(qdq_tensor_stats_observe(shared, &tensor, &error));

  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, observe, &work[i]) == 0);
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(memcmp(work[0].amax, work[1].amax, sizeof work[0].amax) == 0 && work[0].taps == work[1].taps);

  OK(qdq_tensor_stats_merge(work[0].stats, work[1].stats, &error));
  CHECK(qdq_tensor_stats_values(work[0].stats) == 2 * COUNT * BATCHES);
  float amax;
  OK(qdq_tensor_stats_amax(work[0].stats, QDQ_METHOD_MAX, 0, 8, false, &amax, &error));
  CHECK(amax > 0.99f && amax <= 1.02f);
  qdq_tensor_stats_free(&work[0].stats), qdq_tensor_stats_free(&work[1].stats), qdq_tensor_stats_free(&shared);
  qdq_quantizer_free(&quantizer), qdq_descriptor_free(&descriptor);
  qdq_plan_free(&plan), qdq_model_free(&model);
  puts("threads: ok");
  return 0;
}
