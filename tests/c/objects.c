// What every object is for, from C.
#include <math.h>
#include <string.h>

#include "check.h"

static qdq_error *error;
static const char *folder, *out_folder;

static const char *in(const char *parent, const char *name) {
  static char paths[4][4096];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", parent, name);
  return path;
}

static void versions(void) {
  CHECK(qdq_version() == QDQ_VERSION);
  CHECK(!strcmp(qdq_version_text(), QDQ_VERSION_TEXT));
  CHECK(strlen(qdq_kernel_name()) > 0);
}

static void errors(void) {
  qdq_model *model;
  CHECK(qdq_model_open(in(folder, "missing.onnx"), &model, &error) == QDQ_ERROR_IO && model == NULL);
  CHECK(strstr(qdq_error_message(error), "missing.onnx") && !strcmp(qdq_error_remedy(error), "check the path"));
  CHECK(qdq_error_cause_count(error) == 1 && strstr(qdq_error_cause(error, 0), "No such file"));
  CHECK(qdq_error_cause(error, 1) == NULL);
  CHECK(strstr(qdq_error_text(error), "check the path\n  cause: No such file"));
  qdq_error_free(&error);
  CHECK(error == NULL);
  qdq_error_free(&error);
  // Who does not care passes NULL.
  CHECK(qdq_model_open(in(folder, "missing.onnx"), &model, NULL) == QDQ_ERROR_IO);
  FAILS(qdq_model_open("\xff/x.onnx", &model, &error), QDQ_ERROR_IO, "x.onnx");
  FAILS(qdq_ranges_set(NULL, "x", 1, &error), QDQ_ERROR_INVALID_ARGUMENT, "'ranges' is NULL");
  FAILS(qdq_model_from_bytes("damaged", 7, &model, &error), QDQ_ERROR_FORMAT, "model");
}

static void descriptors(void) {
  qdq_descriptor *weight, *copy;
  OK(qdq_descriptor_predefined(QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL, &weight, &error));
  CHECK(qdq_descriptor_axis_count(weight) == 1 && qdq_descriptor_axis(weight, 0) == 0);
  CHECK(qdq_descriptor_num_bits(weight) == 8 && !qdq_descriptor_unsigned(weight));
  OK(qdq_descriptor_set_num_bits(weight, 4, &error));
  OK(qdq_descriptor_set_name(weight, "conv1.weight", &error));
  OK(qdq_descriptor_set_narrow_range(weight, true, &error));
  qdq_buffer *json;
  OK(qdq_descriptor_to_json(weight, &json, &error));
  OK(qdq_descriptor_from_json(qdq_buffer_text(json), &copy, &error));
  CHECK(qdq_descriptor_num_bits(copy) == 4 && qdq_descriptor_narrow_range(copy));
  CHECK(!strcmp(qdq_descriptor_name(copy), "conv1.weight") && !qdq_descriptor_is_e4m3(copy));
  qdq_buffer_free(&json);
  qdq_descriptor_free(&copy);
  FAILS(qdq_descriptor_set_num_bits(weight, 17, &error), QDQ_ERROR_INVALID_ARGUMENT, "17");
  OK(qdq_descriptor_set_learn_amax(weight, true, &error));
  FAILS(qdq_descriptor_validate(weight, &error), QDQ_ERROR_INVALID_ARGUMENT, "'conv1.weight'");
  qdq_descriptor_free(&weight);
}

static void numbers(void) {
  const float x[4] = {-2, -0.3f, 0.4f, 9};
  int8_t integers[4];
  float back[4];
  const int64_t shape[1] = {4};
  const float amax = 2;
  qdq_tensor from = {.data = (void *)x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor to = {.data = integers, .dtype = QDQ_DTYPE_I8, .ndim = 1, .shape = shape};
  qdq_tensor floats = {.data = back, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor range = {.data = (void *)&amax, .dtype = QDQ_DTYPE_F32};
  qdq_descriptor *descriptor = qdq_descriptor_new();
  OK(qdq_descriptor_set_num_bits(descriptor, 4, &error));
  qdq_array *scale;
  OK(qdq_tensor_quantize(&from, &range, descriptor, &to, &scale, &error));
  const int8_t expected[4] = {-7, -1, 1, 7};
  CHECK(memcmp(integers, expected, 4) == 0 && qdq_array_ndim(scale) == 0 && qdq_array_values(scale)[0] == 3.5f);
  qdq_tensor scales;
  OK(qdq_array_view(scale, &scales, &error));
  OK(qdq_tensor_dequantize(&to, &scales, descriptor, &floats, &error));
  CHECK(back[0] == -2 && back[3] == 2);
  qdq_array_free(&scale);
  // Packed: two integers in a byte.
  uint8_t packed[2];
  qdq_tensor int4 = {.data = packed, .dtype = QDQ_DTYPE_I4, .ndim = 1, .shape = shape};
  OK(qdq_tensor_quantize(&from, &range, descriptor, &int4, NULL, &error));
  CHECK(packed[0] == 0xf9 && packed[1] == 0x71);
  FAILS(qdq_tensor_fake_quant(&from, &range, descriptor, &to, &error), QDQ_ERROR_TYPE, "'out'");
  qdq_descriptor_free(&descriptor);
}

static void collectors(void) {
  float x[1000];
  for (int i = 0; i < 1000; i++) x[i] = (float)i / 1000;
  const int64_t shape[1] = {1000};
  qdq_tensor tensor = {.data = x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  OK(qdq_tensor_stats_observe(stats, &tensor, &error));
  OK(qdq_tensor_stats_merge(stats, stats, &error));
  CHECK(qdq_tensor_stats_values(stats) == 2000 && qdq_tensor_stats_zeros(stats) == 2);
  float amax;
  OK(qdq_tensor_stats_amax(stats, QDQ_METHOD_MAX, 0, 8, false, &amax, &error));
  CHECK(amax == x[999]);
  OK(qdq_tensor_stats_amax(stats, QDQ_METHOD_PERCENTILE, 50, 8, false, &amax, &error));
  CHECK(fabsf(amax - 0.5f) < 0.01f);
  size_t bins = qdq_tensor_stats_bin_count(stats);
  float *lower = malloc(bins * sizeof *lower), *upper = malloc(bins * sizeof *upper);
  uint64_t *counts = malloc(bins * sizeof *counts), total = 0;
  CHECK(lower && upper && counts);
  OK(qdq_tensor_stats_bins(stats, lower, upper, counts, bins, &error));
  for (size_t i = 0; i < bins; i++) total += counts[i];
  CHECK(total == 1998);
  free(lower), free(upper), free(counts);
  qdq_stats *all = qdq_stats_new(), *loaded;
  OK(qdq_stats_set(all, "x", stats, &error));
  OK(qdq_stats_set_samples(all, 2, &error));
  OK(qdq_stats_save(all, in(out_folder, "stats"), &error));
  OK(qdq_stats_load(in(out_folder, "stats"), &loaded, &error));
  OK(qdq_stats_merge(all, loaded, &error));
  CHECK(qdq_stats_samples(all) == 4 && qdq_stats_count(all) == 1 && !strcmp(qdq_stats_name(all, 0), "x"));
  qdq_tensor_stats *none;
  OK(qdq_stats_get(all, "y", &none, &error));
  CHECK(none == NULL);
  qdq_stats_free(&loaded);
  qdq_stats_free(&all);
  qdq_tensor_stats_free(&stats);
}

static void quantizers(void) {
  float x[6] = {-4, -1, 0.1f, 1, 2, 8}, y[6];
  const int64_t shape[1] = {6};
  qdq_tensor from = {.data = x, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_tensor to = {.data = y, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  qdq_descriptor *descriptor = qdq_descriptor_new();
  OK(qdq_descriptor_set_calib_method(descriptor, QDQ_CALIB_HISTOGRAM, &error));
  qdq_quantizer *quantizer, *restored;
  OK(qdq_quantizer_new(descriptor, &quantizer, &error));
  CHECK(qdq_quantizer_is_dynamic(quantizer) && qdq_quantizer_is_quantizing(quantizer));
  FAILS(qdq_quantizer_load_calib_amax(quantizer, QDQ_METHOD_MAX, 0, true, NULL, &error), QDQ_ERROR_DATA, "");
  bool loaded = true;
  OK(qdq_quantizer_load_calib_amax(quantizer, QDQ_METHOD_MAX, 0, false, &loaded, &error));
  CHECK(!loaded);
  OK(qdq_quantizer_set_quantizing(quantizer, false, &error));
  OK(qdq_quantizer_set_calibrating(quantizer, true, &error));
  OK(qdq_quantizer_forward(quantizer, &from, &to, &error));
  CHECK(memcmp(x, y, sizeof x) == 0);
  OK(qdq_quantizer_load_calib_amax(quantizer, QDQ_METHOD_MAX, 0, true, &loaded, &error));
  CHECK(loaded && !qdq_quantizer_is_dynamic(quantizer));
  OK(qdq_quantizer_set_calibrating(quantizer, false, &error));
  OK(qdq_quantizer_set_quantizing(quantizer, true, &error));
  OK(qdq_quantizer_forward(quantizer, &from, &from, &error));  // in place
  CHECK(x[5] == 8 && x[0] == rintf(-4 * 127.0f / 8) / (127.0f / 8));
  qdq_buffer *json, *text, *again;
  OK(qdq_quantizer_to_json(quantizer, &json, &error));
  OK(qdq_quantizer_from_json(qdq_buffer_text(json), &restored, &error));
  OK(qdq_quantizer_to_text(quantizer, &text, &error));
  OK(qdq_quantizer_to_text(restored, &again, &error));
  CHECK(!strcmp(qdq_buffer_text(text), qdq_buffer_text(again)) && strstr(qdq_buffer_text(text), "amax=8"));
  double low, high;
  const float ones[6] = {1, 1, 1, 1, 1, 1};
  qdq_tensor gradient = {.data = (void *)ones, .dtype = QDQ_DTYPE_F32, .ndim = 1, .shape = shape};
  x[0] = -9;
  OK(qdq_quantizer_backward(restored, &gradient, &from, &to, &low, &high, &error));
  CHECK(y[0] == 0 && y[1] == 1 && low == 0 && high == 0);
  qdq_buffer_free(&json), qdq_buffer_free(&text), qdq_buffer_free(&again);
  qdq_quantizer_free(&quantizer), qdq_quantizer_free(&restored);
  qdq_descriptor_free(&descriptor);
}

static void caches(void) {
  const char *text = "TRT-8501-EntropyCalibration2\r\ndata: 3c008912\n(Unnamed Layer* 64) [Shuffle]: x: 0";
  qdq_cache *cache;
  OK(qdq_cache_from_bytes(text, strlen(text), &cache, &error));
  CHECK(!strcmp(qdq_cache_header(cache), "TRT-8501-EntropyCalibration2"));
  CHECK(qdq_cache_tensorrt_version(cache) == 8501 && qdq_cache_algorithm(cache) == QDQ_ALGORITHM_ENTROPY_2);
  CHECK(qdq_cache_count(cache) == 2 && !strcmp(qdq_cache_name(cache, 1), "(Unnamed Layer* 64) [Shuffle]: x"));
  float scale;
  OK(qdq_cache_get(cache, "data", &scale, &error));
  CHECK(fabsf(scale * 127 - 0.99634f) < 1e-5f);
  FAILS(qdq_cache_get(cache, "none", &scale, &error), QDQ_ERROR_DATA, "'none'");
  OK(qdq_cache_set(cache, "extra", 0.5f, &error));
  OK(qdq_cache_set_header(cache, 100300, QDQ_ALGORITHM_MIN_MAX, &error));
  qdq_ranges *ranges;
  OK(qdq_cache_to_ranges(cache, &ranges, &error));
  size_t named = 0;
  for (size_t i = 0; i < qdq_ranges_count(ranges); i++) named += qdq_ranges_has(ranges, qdq_ranges_name(ranges, i));
  CHECK(named == 3 && qdq_ranges_amax(ranges, 2) == 63.5f && isnan(qdq_ranges_amax(ranges, 3)));
  qdq_findings *findings;
  const char *const names[] = {"data", "missing"};
  OK(qdq_cache_check(cache, 110000, QDQ_ALGORITHM_UNKNOWN, names, 2, &findings, &error));
  CHECK(qdq_findings_count(findings) >= 3 && qdq_findings_severity(findings, 0) == QDQ_SEVERITY_ERROR);
  for (size_t i = 0; i < qdq_findings_count(findings); i++) {
    CHECK(*qdq_findings_message(findings, i) && *qdq_findings_remedy(findings, i));
  }
  qdq_findings_free(&findings);
  qdq_ranges_free(&ranges);
  qdq_cache_free(&cache);
  FAILS(qdq_cache_from_bytes("TRT-8501-X\nbroken", 17, &cache, &error), QDQ_ERROR_FORMAT, "cache:2");
  FAILS(qdq_cache_from_bytes("", 0, &cache, &error), QDQ_ERROR_FORMAT, "cache:1");
}

static void graphs(void) {
  qdq_graph *graph = qdq_graph_new();
  const int64_t image[4] = {QDQ_DYNAMIC, 16, 8, 8}, filter[4] = {16, 16, 3, 3};
  size_t input, weight;
  OK(qdq_graph_add_tensor(graph, "x", QDQ_TENSOR_INPUT, QDQ_DTYPE_F32, 4, image, &input, &error));
  OK(qdq_graph_add_tensor(graph, "w", QDQ_TENSOR_CONSTANT, QDQ_DTYPE_F32, 4, filter, &weight, &error));
  FAILS(qdq_graph_add_tensor(graph, "w", QDQ_TENSOR_CONSTANT, QDQ_DTYPE_F32, 4, filter, &weight, &error),
        QDQ_ERROR_INVALID_ARGUMENT, "'w' is defined twice");
  qdq_node *node;
  OK(qdq_node_new("Conv", "conv", NULL, &node, &error));
  OK(qdq_node_add_input(node, input, &error));
  OK(qdq_node_add_input(node, weight, &error));
  OK(qdq_node_add_output(node, "y", &error));
  OK(qdq_node_set_int(node, "group", 1, &error));
  size_t number;
  OK(qdq_graph_add_node(graph, node, &number, &error));
  qdq_node_free(&node);
  size_t y = qdq_graph_find_tensor(graph, "y");
  OK(qdq_graph_mark_output(graph, y, &error));
  CHECK(qdq_graph_tensor_producer(graph, y) == number && qdq_graph_node_input(graph, number, 1) == weight);
  CHECK(qdq_graph_find_tensor(graph, "z") == QDQ_NONE && qdq_graph_tensor_size(graph, input, 0) == QDQ_DYNAMIC);
  qdq_plan *plan;
  OK(qdq_graph_plan(graph, NULL, NULL, &plan, &error));
  CHECK(qdq_plan_verdict(plan, number) == QDQ_VERDICT_QUANTIZED && *qdq_plan_reason(plan, number));
  CHECK(qdq_plan_activation_count(plan) == 1 && qdq_plan_activation_tensor(plan, 0) == input);
  CHECK(qdq_plan_activation_reader_count(plan, 0) == 1 && qdq_plan_activation_reader_node(plan, 0, 0) == number);
  CHECK(qdq_plan_weight_tensor(plan, 0) == weight && qdq_plan_weight_axis(plan, 0) == 0);
  CHECK(!strcmp(qdq_plan_tap(plan, false, 0), "x") && qdq_plan_tap_count(plan, true) == 2);
  // A plan keeps its graph as it was.
  qdq_policy *policy = qdq_policy_new();
  OK(qdq_policy_exclude_op(policy, "Conv", &error));
  qdq_plan *none;
  OK(qdq_graph_plan(graph, policy, NULL, &none, &error));
  CHECK(qdq_plan_activation_count(none) == 0 && strstr(qdq_plan_reason(none, number), "excluded"));
  OK(qdq_policy_exclude_op(policy, "Gemm", &error));
  qdq_plan *wrong;
  FAILS(qdq_graph_plan(graph, policy, NULL, &wrong, &error), QDQ_ERROR_INVALID_ARGUMENT, "'Gemm' matches no node");
  qdq_graph_free(&graph);
  qdq_buffer *text;
  OK(qdq_plan_to_text(plan, &text, &error));
  CHECK(strstr(qdq_buffer_text(text), "int8: 1 of 1 nodes"));
  qdq_buffer_free(&text);
  qdq_policy_free(&policy);
  qdq_plan_free(&none), qdq_plan_free(&plan);
}

static void models(void) {
  qdq_model *model, *other, *quantized;
  OK(qdq_model_open(in(folder, "model.onnx"), &model, &error));
  OK(qdq_model_open(in(folder, "model.onnx"), &other, &error));
  CHECK(qdq_model_opset(model) == 17);
  qdq_specs *inputs;
  OK(qdq_model_inputs(model, &inputs, &error));
  CHECK(qdq_specs_count(inputs) == 1 && !strcmp(qdq_specs_name(inputs, 0), "input"));
  CHECK(qdq_specs_dtype(inputs, 0) == QDQ_DTYPE_F32 && qdq_specs_ndim(inputs, 0) == 4);
  CHECK(qdq_specs_size(inputs, 0, 0) == QDQ_DYNAMIC && qdq_specs_size(inputs, 0, 3) == 8);
  qdq_plan *plan;
  OK(qdq_model_plan(model, NULL, NULL, &plan, &error));
  qdq_data_options *options = qdq_data_options_new();
  OK(qdq_data_options_set_batch_size(options, 64, &error));
  OK(qdq_data_options_set_limit(options, 128, &error));
  const char *paths[1] = {in(folder, "calib.npz")};
  qdq_batches *batches;
  OK(qdq_batches_open(inputs, paths, 1, options, &batches, &error));
  CHECK(qdq_batches_remaining(batches) == 2);
  qdq_batch *batch;
  OK(qdq_batches_next(batches, &batch, &error));
  qdq_tensor tensor;
  OK(qdq_batch_tensor(batch, 0, &tensor, &error));
  CHECK(qdq_batch_samples(batch) == 64 && tensor.ndim == 4 && tensor.shape[0] == 64);
  CHECK(!strcmp(qdq_batch_name(batch, 0), "input"));
  qdq_batch_free(&batch);
  qdq_stats *stats;
  FAILS(qdq_model_calibrate(other, plan, batches, true, NULL, &stats, &error), QDQ_ERROR_INVALID_ARGUMENT,
        "another model");
  OK(qdq_model_calibrate(model, plan, batches, true, NULL, &stats, &error));
  CHECK(qdq_stats_samples(stats) == 64);
  qdq_ranges *ranges;
  OK(qdq_plan_ranges(plan, stats, QDQ_METHOD_MSE, 0, &ranges, &error));
  CHECK(!strcmp(qdq_ranges_method(ranges), "mse"));
  OK(qdq_model_quantize(model, plan, ranges, NULL, &quantized, &error));
  OK(qdq_model_save(quantized, in(out_folder, "model.qdq.onnx"), &error));
  qdq_model_free(&model), qdq_model_free(&quantized), qdq_model_free(&other);
  OK(qdq_model_open(in(out_folder, "model.qdq.onnx"), &quantized, &error));
  // What is quantized already is not quantized again.
  qdq_plan *again;
  OK(qdq_model_plan(quantized, NULL, NULL, &again, &error));
  CHECK(qdq_plan_activation_count(again) == 0);
  qdq_plan_free(&again), qdq_plan_free(&plan);
  qdq_ranges_free(&ranges), qdq_stats_free(&stats), qdq_batches_free(&batches);
  qdq_data_options_free(&options), qdq_specs_free(&inputs), qdq_model_free(&quantized);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  folder = arguments[1], out_folder = arguments[2];
  versions();
  errors();
  descriptors();
  numbers();
  collectors();
  quantizers();
  caches();
  graphs();
  models();
  puts("objects: ok");
  return 0;
}
