// Quantizes a tensor, finds a range, and takes an ONNX model from calibration to the three files for
// TensorRT.
// usage: main MODEL OUT_FOLDER
#include <qdq/qdq.h>
#include <stdio.h>
#include <stdlib.h>

static qdq_error *error;

// Ends the program with qdq's error text if a call has failed.
static void must(qdq_status status) {
  if (status == QDQ_OK) return;
  fprintf(stderr, "error: %s\n", qdq_error_text(error));
  exit(2);
}

static void quantize_a_tensor(void) {
  const float x[4] = {-2, -0.3f, 0.4f, 9}, amax = 2;
  int8_t q[4];
  const int64_t shape[1] = {4};
  qdq_tensor from = {.data = (void *)x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor range = {.data = (void *)&amax, .dtype = QDQ_DTYPE_F32};
  qdq_tensor to = {.data = q, .dtype = QDQ_DTYPE_I8, .ndim = 1, .shape = shape};
  qdq_descriptor *descriptor = qdq_descriptor_new();
  qdq_array *inverse_scale;
  must(qdq_descriptor_set_num_bits(descriptor, 4, &error));
  must(qdq_tensor_quantize(&from, &range, descriptor, &to, &inverse_scale, &error));
  printf("integers %d %d %d %d, inverse scale %.2f\n", q[0], q[1], q[2], q[3], qdq_array_values(inverse_scale)[0]);
  qdq_array_free(&inverse_scale);
  qdq_descriptor_free(&descriptor);
}

static void find_a_range(void) {
  float x[1000], by_max, by_percentile;
  for (int i = 0; i < 1000; i++) x[i] = (float)i / 1000;
  const int64_t shape[1] = {1000};
  qdq_tensor batch = {.data = x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  must(qdq_tensor_stats_observe(stats, &batch, &error));
  must(qdq_tensor_stats_amax(stats, QDQ_METHOD_MAX, 0, 8, false, &by_max, &error));
  must(qdq_tensor_stats_amax(stats, QDQ_METHOD_PERCENTILE, 99, 8, false, &by_percentile, &error));
  printf("amax %.3f, by percentile %.3f\n", by_max, by_percentile);
  qdq_tensor_stats_free(&stats);
}

// Hands out eight batches of 32 images. A batch without a tensor ends the data.
static qdq_status next_batch(void *user, qdq_batch *batch, qdq_error **failure) {
  int *given = user;
  if (*given == 8) return QDQ_OK;
  float images[32 * 64];
  for (int i = 0; i < 32; i++) {
    for (int j = 0; j < 64; j++) images[i * 64 + j] = (float)(((*given * 32 + i) * 7 + j * 3) % 17) / 16;
  }
  ++*given;
  const int64_t shape[4] = {32, 1, 8, 8};
  qdq_tensor tensor = {.data = images, .dtype = QDQ_DTYPE_F32, .ndim = 4, .shape = shape};
  return qdq_batch_set(batch, "input", &tensor, failure);
}

static void quantize_a_model(const char *path, const char *folder) {
  qdq_model *model, *quantized;
  qdq_specs *inputs;
  qdq_plan *plan;
  qdq_batches *batches;
  qdq_stats *stats;
  qdq_ranges *ranges;
  qdq_cache *cache;
  int given = 0;
  must(qdq_model_open(path, &model, &error));
  must(qdq_model_inputs(model, &inputs, &error));
  must(qdq_model_plan(model, NULL, NULL, &plan, &error));
  must(qdq_batches_from_callback(inputs, next_batch, &given, NULL, &batches, &error));
  must(qdq_model_calibrate(model, plan, batches, true, NULL, &stats, &error));
  must(qdq_plan_ranges(plan, stats, QDQ_METHOD_MSE, 0, &ranges, &error));
  must(qdq_model_quantize(model, plan, ranges, NULL, &quantized, &error));
  must(qdq_cache_from_ranges(ranges, 100300, QDQ_ALGORITHM_ENTROPY_2, &cache, &error));
  char file[4096];
  snprintf(file, sizeof file, "%s/model.qdq.onnx", folder);
  must(qdq_model_save(quantized, file, &error));
  snprintf(file, sizeof file, "%s/model.cache", folder);
  must(qdq_cache_save(cache, file, &error));
  snprintf(file, sizeof file, "%s/model.json", folder);
  must(qdq_ranges_save(ranges, file, &error));
  size_t nodes = qdq_plan_node_count(plan), quantized_nodes = 0;
  for (size_t i = 0; i < nodes; i++) quantized_nodes += qdq_plan_verdict(plan, i) == QDQ_VERDICT_QUANTIZED;
  printf("quantized %zu of %zu nodes\n", quantized_nodes, nodes);
  qdq_cache_free(&cache);
  qdq_ranges_free(&ranges);
  qdq_stats_free(&stats);
  qdq_batches_free(&batches);
  qdq_plan_free(&plan);
  qdq_specs_free(&inputs);
  qdq_model_free(&quantized);
  qdq_model_free(&model);
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s MODEL OUT_FOLDER\n", arguments[0]);
    return 2;
  }
  quantize_a_tensor();
  find_a_range();
  quantize_a_model(arguments[1], arguments[2]);
  return 0;
}
