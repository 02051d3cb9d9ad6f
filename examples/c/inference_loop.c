// Makes a calibration cache for a program that runs its own inference: qdq sees no model, only the
// activations that the program hands over.
// usage: inference_loop OUT_FILE
#include <qdq/qdq.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, HIDDEN = 10, SAMPLES = 100 };

static qdq_error *error;

// Ends the program with qdq's error text if a call has failed.
static void must(qdq_status status) {
  if (status == QDQ_OK) return;
  fprintf(stderr, "error: %s\n", qdq_error_text(error));
  exit(2);
}

// Replaces the program's own inference: fills the network's input and the output of its first layer.
static void infer(int sample, float image[PIXELS], float hidden[HIDDEN]) {
  for (int i = 0; i < PIXELS; i++) image[i] = (float)((sample * 7 + i * 3) % 17) / 16;
  for (int j = 0; j < HIDDEN; j++) {
    hidden[j] = 0;
    for (int i = 0; i < PIXELS; i++) hidden[j] += image[i] * (float)((i + j) % 5 - 2) / 8;
  }
}

static void observe(qdq_stats *stats, const char *name, float *values, int64_t count) {
  const qdq_tensor tensor = {.data = values, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = &count};
  must(qdq_stats_observe(stats, name, &tensor, &error));
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s OUT_FILE\n", arguments[0]);
    return 2;
  }
  qdq_stats *stats = qdq_stats_new();
  for (int sample = 0; sample < SAMPLES; sample++) {
    float image[PIXELS], hidden[HIDDEN];
    infer(sample, image, hidden);
    observe(stats, "image", image, PIXELS);
    observe(stats, "hidden", hidden, HIDDEN);
  }

  qdq_ranges *ranges;
  must(qdq_ranges_new("mse", &ranges, &error));
  for (size_t i = 0; i < qdq_stats_count(stats); i++) {
    const char *name = qdq_stats_name(stats, i);
    qdq_tensor_stats *seen;
    float amax;
    must(qdq_stats_get(stats, name, &seen, &error));
    must(qdq_tensor_stats_amax(seen, QDQ_METHOD_MSE, 0, 8, false, &amax, &error));
    must(qdq_ranges_set(ranges, name, amax, &error));
    printf("%s %.3f\n", name, amax);
    qdq_tensor_stats_free(&seen);
  }

  qdq_cache *cache;
  must(qdq_cache_from_ranges(ranges, 100300, QDQ_ALGORITHM_ENTROPY_2, &cache, &error));
  must(qdq_cache_save(cache, arguments[1], &error));
  qdq_cache_free(&cache);
  qdq_ranges_free(&ranges);
  qdq_stats_free(&stats);
  return 0;
}
