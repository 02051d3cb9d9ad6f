// The purpose of every object, in C.
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
  qdq_set_threads(2);
  qdq_set_threads(0);
}

static void errors(void) {
  qdq_model *model;
  CHECK(qdq_model_open(in(folder, "missing.onnx"), &model, &error) == QDQ_ERROR_IO && model == NULL);
  CHECK(strstr(qdq_error_message(error), "missing.onnx") && !strcmp(qdq_error_remedy(error), "check the path"));
  CHECK(qdq_error_cause_count(error) == 1 && strstr(qdq_error_cause_at(error, 0), "No such file"));
  CHECK(qdq_error_cause_at(error, 1) == NULL);
  CHECK(strstr(qdq_error_text(error), "check the path\n  cause: No such file"));
  qdq_error_free(&error);
  CHECK(error == NULL);
  qdq_error_free(&error);
  // A caller that ignores errors passes NULL.
  CHECK(qdq_model_open(in(folder, "missing.onnx"), &model, NULL) == QDQ_ERROR_IO);
  FAILS(qdq_model_open("\xff/x.onnx", &model, &error), QDQ_ERROR_IO, "x.onnx");
  FAILS(qdq_ranges_set(NULL, "x", 1, &error), QDQ_ERROR_INVALID_ARGUMENT, "'ranges' is NULL");
  FAILS(qdq_model_from_bytes("damaged", 7, &model, &error), QDQ_ERROR_FORMAT, "model");
}

static void descriptors(void) {
  qdq_descriptor *weight, *copy;
  OK(qdq_descriptor_predefined(QDQ_PREDEFINED_CONV_WEIGHT_PER_CHANNEL, &weight, &error));
  CHECK(qdq_descriptor_axis_count(weight) == 1 && qdq_descriptor_axis_at(weight, 0) == 0);
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
  // Packed: two integers per byte.
  uint8_t packed[2];
  qdq_tensor int4 = {.data = packed, .dtype = QDQ_DTYPE_I4, .ndim = 1, .shape = shape};
  OK(qdq_tensor_quantize(&from, &range, descriptor, &int4, NULL, &error));
  CHECK(packed[0] == 0xf9 && packed[1] == 0x71);
  FAILS(qdq_tensor_fake_quant(&from, &range, descriptor, &to, &error), QDQ_ERROR_TYPE, "'out'");
  qdq_descriptor_free(&descriptor);
}

static void observers(void) {
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

// Files carry maxima and calibrations from one machine to another.
static void maxima(void) {
  const float x[4] = {1, -2, INFINITY, 4}, y[4] = {5, 0, 0, 0};
  const int64_t shape[2] = {2, 2};
  const int32_t rows[1] = {0};
  qdq_tensor first = {.data = (void *)x, .dtype = QDQ_DTYPE_F32, .ndim = 2, .shape = shape};
  qdq_tensor second = {.data = (void *)y, .dtype = QDQ_DTYPE_F32, .ndim = 2, .shape = shape};
  qdq_axis_max *collector, *loaded;
  OK(qdq_axis_max_new(rows, 1, &collector, &error));
  OK(qdq_axis_max_track(collector, &error));
  OK(qdq_axis_max_observe(collector, &first, &error));
  OK(qdq_axis_max_save(collector, in(out_folder, "maxima"), &error));
  OK(qdq_axis_max_load(in(out_folder, "maxima"), &loaded, &error));
  OK(qdq_axis_max_observe(loaded, &second, &error));
  OK(qdq_axis_max_merge(loaded, collector, &error));
  CHECK(qdq_axis_max_history_count(collector) == 1 && qdq_axis_max_history_count(loaded) == 3);
  qdq_array *amax, *batch;
  OK(qdq_axis_max_amax(loaded, &amax, &error));
  CHECK(qdq_array_values(amax)[0] == 5 && qdq_array_values(amax)[1] == INFINITY);
  OK(qdq_axis_max_history_at(loaded, 1, &batch, &error));
  CHECK(qdq_array_values(batch)[0] == 5 && qdq_array_values(batch)[1] == 0 && qdq_array_shape(batch)[1] == 1);
  qdq_array_free(&batch);
  FAILS(qdq_axis_max_history_at(loaded, 3, &batch, &error), QDQ_ERROR_INVALID_ARGUMENT, "batch 3");
  qdq_buffer *bytes;
  OK(qdq_axis_max_to_bytes(loaded, &bytes, &error));
  qdq_axis_max_free(&loaded);
  FAILS(qdq_axis_max_from_bytes(qdq_buffer_data(bytes), qdq_buffer_size(bytes) - 1, &loaded, &error), QDQ_ERROR_FORMAT,
        "safetensors");
  OK(qdq_axis_max_from_bytes(qdq_buffer_data(bytes), qdq_buffer_size(bytes), &loaded, &error));
  qdq_buffer_free(&bytes), qdq_array_free(&amax), qdq_axis_max_free(&loaded);

  // A quantizer per row continues with the same file. One per column refuses it.
  qdq_descriptor *descriptor = qdq_descriptor_new();
  OK(qdq_descriptor_set_axis(descriptor, rows, 1, &error));
  qdq_quantizer *quantizer, *clone;
  OK(qdq_quantizer_new(descriptor, &quantizer, &error));
  OK(qdq_quantizer_load_calibration(quantizer, in(out_folder, "maxima"), &error));
  OK(qdq_quantizer_calibration_to_bytes(quantizer, &bytes, &error));
  OK(qdq_quantizer_reset_calibration(quantizer, &error));
  OK(qdq_quantizer_observe(quantizer, &second, &error));
  OK(qdq_quantizer_clone(quantizer, &clone, &error));
  OK(qdq_quantizer_calibration_from_bytes(clone, qdq_buffer_data(bytes), qdq_buffer_size(bytes), &error));
  OK(qdq_quantizer_merge(quantizer, clone, &error));
  FAILS(qdq_quantizer_load_calib_amax(quantizer, QDQ_METHOD_MAX, 0, true, NULL, &error), QDQ_ERROR_DATA, "infinity");
  OK(qdq_quantizer_save_calibration(quantizer, in(out_folder, "calibration"), &error));
  FAILS(qdq_axis_max_load(in(out_folder, "stats"), &loaded, &error), QDQ_ERROR_FORMAT, "no usable maxima");
  OK(qdq_axis_max_load(in(out_folder, "calibration"), &loaded, &error));
  FAILS(qdq_quantizer_load_calibration(quantizer, in(out_folder, "stats"), &error), QDQ_ERROR_FORMAT, "maxima");
  qdq_axis_max_free(&loaded), qdq_axis_max_free(&collector), qdq_buffer_free(&bytes);
  qdq_quantizer_free(&quantizer), qdq_quantizer_free(&clone), qdq_descriptor_free(&descriptor);
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

static void learned_steps(void) {
  float x[4] = {0.375f, -0.5f, 9, -9}, y[4], gradient[4] = {1, 10, 100, 1000}, steps[2] = {0.5f, 2}, step_gradient[2], scale;
  const int64_t shape[2] = {2, 2}, rows[2] = {2, 1};
  qdq_tensor data = {.data = x, .dtype = QDQ_DTYPE_F32, .ndim = 2, .shape = shape};
  qdq_tensor out = data, passed = data, step = data, to_step = data;
  out.data = y, passed.data = gradient;
  step.data = steps, to_step.data = step_gradient, step.shape = to_step.shape = rows;
  qdq_descriptor *descriptor = qdq_descriptor_new();
  OK(qdq_descriptor_set_num_bits(descriptor, 3, &error));
  OK(qdq_tensor_learned_step_quant(&data, &step, descriptor, &out, &error));
  CHECK(y[0] == 0.5f && y[1] == -0.5f && y[2] == 6 && y[3] == -8);
  // In place, with and without the gradient of the steps.
  OK(qdq_tensor_learned_step_quant_backward(&passed, &data, &step, descriptor, 1, &passed, &to_step, &error));
  CHECK(gradient[0] == 1 && gradient[1] == 10 && gradient[2] == 0 && gradient[3] == 0);
  CHECK(step_gradient[0] == 0.25f && step_gradient[1] == 3 * 100 - 4 * 1000);
  OK(qdq_tensor_learned_step_quant_backward(&passed, &data, &step, descriptor, 1, &passed, NULL, &error));
  OK(qdq_tensor_learned_step_gradient_scale(12, descriptor, &scale, &error));
  CHECK(fabsf(scale - 1.0f / 6) < 1e-7f);
  FAILS(qdq_tensor_learned_step_quant_backward(&passed, &data, &step, descriptor, 1, &passed, &data, &error),
        QDQ_ERROR_SHAPE, "'step_gradient' has the shape [2, 2] instead of [2, 1]");
  FAILS(qdq_tensor_learned_step_quant_backward(&passed, &data, &step, descriptor, 0, &passed, NULL, &error),
        QDQ_ERROR_INVALID_ARGUMENT, "gradient_scale is 0");
  steps[1] = 0;
  FAILS(qdq_tensor_learned_step_quant(&data, &step, descriptor, &out, &error), QDQ_ERROR_INVALID_ARGUMENT, "step is 0");
  qdq_descriptor_free(&descriptor);

  qdq_qat_schedule *schedule;
  OK(qdq_qat_schedule_from_original(90, 0.1, &schedule, &error));
  CHECK(qdq_qat_schedule_steps(schedule) == 9 && qdq_qat_schedule_learning_rate(schedule, 0) == 0.001);
  CHECK(qdq_qat_schedule_learning_rate(schedule, 9) == 0.00001);
  qdq_qat_schedule_free(&schedule);
  CHECK(qdq_qat_schedule_steps(schedule) == 0 && isnan(qdq_qat_schedule_learning_rate(schedule, 0)));
  FAILS(qdq_qat_schedule_new(0, 1, 1, &schedule, &error), QDQ_ERROR_INVALID_ARGUMENT, "0 steps");
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
  CHECK(named == 3 && qdq_ranges_at(ranges, 2) == 63.5f && isnan(qdq_ranges_at(ranges, 3)));
  qdq_findings *findings;
  OK(qdq_cache_convert(cache, 0, QDQ_ALGORITHM_UNKNOWN, NULL, &error));
  CHECK(!strcmp(qdq_cache_header(cache), "TRT-100300-MinMaxCalibration"));
  OK(qdq_cache_convert(cache, 101000, QDQ_ALGORITHM_ENTROPY_2, &findings, &error));
  CHECK(!strcmp(qdq_cache_header(cache), "TRT-101000-EntropyCalibration2") && qdq_findings_count(findings) == 1);
  qdq_findings_free(&findings);
  FAILS(qdq_cache_convert(cache, 110000, QDQ_ALGORITHM_UNKNOWN, &findings, &error), QDQ_ERROR_UNSUPPORTED, "11.0.0");
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
  CHECK(qdq_cache_is_one(text, strlen(text)) && !qdq_cache_is_one(NULL, 0) && !qdq_cache_is_one(NULL, 1));
  CHECK(qdq_cache_is_read_by(8501) && qdq_cache_is_read_by(100300) && !qdq_cache_is_read_by(110000));
  FAILS(qdq_cache_from_bytes("", 0, &cache, &error), QDQ_ERROR_FORMAT, "is empty");
}

static void graphs(void) {
  qdq_graph *graph = qdq_graph_new();
  const int64_t image[4] = {QDQ_DYNAMIC, 16, 8, 8}, filter[4] = {16, 16, 3, 3};
  size_t input, weight;
  OK(qdq_graph_add_tensor(graph, "x", QDQ_TENSOR_KIND_INPUT, QDQ_DTYPE_F32, 4, image, &input, &error));
  OK(qdq_graph_add_tensor(graph, "w", QDQ_TENSOR_KIND_CONSTANT, QDQ_DTYPE_F32, 4, filter, &weight, &error));
  FAILS(qdq_graph_add_tensor(graph, "w", QDQ_TENSOR_KIND_CONSTANT, QDQ_DTYPE_F32, 4, filter, &weight, &error),
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
  CHECK(qdq_graph_tensor_producer(graph, y) == number && qdq_graph_node_input_at(graph, number, 1) == weight);
  CHECK(qdq_graph_find_tensor(graph, "z") == QDQ_NONE && qdq_graph_tensor_size(graph, input, 0) == QDQ_DYNAMIC);
  CHECK(qdq_graph_find_node(graph, "conv") == number && qdq_graph_find_node(graph, "none") == QDQ_NONE);
  CHECK(!strcmp(qdq_graph_node_domain(graph, number), "") && qdq_graph_node_capture_count(graph, number) == 0);
  size_t group = qdq_graph_node_find_attribute(graph, number, "group");
  CHECK(group == 0 && qdq_graph_node_attribute_count(graph, number) == 1);
  CHECK(qdq_graph_node_attribute_type(graph, number, group) == QDQ_ATTRIBUTE_INT);
  CHECK(qdq_graph_node_attribute_int(graph, number, group) == 1);
  CHECK(isnan(qdq_graph_node_attribute_float(graph, number, group)));
  CHECK(qdq_graph_tensor_consumer_count(graph, weight) == 1);
  CHECK(qdq_graph_tensor_consumer_node(graph, weight, 0) == number &&
        qdq_graph_tensor_consumer_input(graph, weight, 0) == 1);
  OK(qdq_graph_name_dim(graph, input, 0, "N", &error));
  CHECK(!strcmp(qdq_graph_tensor_dim_name(graph, input, 0), "N") && !qdq_graph_tensor_dim_name(graph, input, 1));
  FAILS(qdq_graph_name_dim(graph, input, 1, "C", &error), QDQ_ERROR_INVALID_ARGUMENT, "fixed size 16");
  FAILS(qdq_graph_name_dim(graph, input, 4, "C", &error), QDQ_ERROR_INVALID_ARGUMENT, "axis 4");
  qdq_plan *plan;
  OK(qdq_graph_plan(graph, NULL, NULL, &plan, &error));
  CHECK(qdq_plan_verdict(plan, number) == QDQ_VERDICT_QUANTIZED && *qdq_plan_reason(plan, number));
  CHECK(qdq_plan_activation_count(plan) == 1 && qdq_plan_activation_tensor(plan, 0) == input);
  CHECK(qdq_plan_activation_reader_count(plan, 0) == 1 && qdq_plan_activation_reader_node(plan, 0, 0) == number);
  CHECK(qdq_plan_weight_tensor(plan, 0) == weight && qdq_plan_weight_axis(plan, 0) == 0);
  CHECK(!strcmp(qdq_plan_tap_at(plan, false, 0), "x") && qdq_plan_tap_count(plan, true) == 2);
  // A plan keeps the graph of its creation.
  qdq_policy *policy = qdq_policy_new();
  OK(qdq_policy_exclude_op(policy, "Conv", &error));
  qdq_plan *none;
  OK(qdq_graph_plan(graph, policy, NULL, &none, &error));
  CHECK(qdq_plan_activation_count(none) == 0 && strstr(qdq_plan_reason(none, number), "excluded"));
  OK(qdq_policy_exclude_op(policy, "Gemm", &error));
  qdq_plan *wrong;
  FAILS(qdq_graph_plan(graph, policy, NULL, &wrong, &error), QDQ_ERROR_INVALID_ARGUMENT, "'Gemm' matches no node");
  qdq_policy *same;
  OK(qdq_policy_clone(policy, &same, &error));
  OK(qdq_policy_set_target(same, QDQ_TARGET_RTX, &error));
  FAILS(qdq_policy_set_target(same, -1, &error), QDQ_ERROR_INVALID_ARGUMENT, "target -1");
  FAILS(qdq_graph_plan(graph, same, NULL, &wrong, &error), QDQ_ERROR_INVALID_ARGUMENT, "'Gemm' matches no node");
  qdq_policy_free(&same);
  OK(qdq_policy_set_attention(policy, QDQ_ATTENTION_FLOAT, &error));
  FAILS(qdq_policy_set_attention(policy, 3, &error), QDQ_ERROR_INVALID_ARGUMENT, "attention 3");
  OK(qdq_policy_set_front_end(policy, QDQ_FRONT_END_INT8, &error));
  FAILS(qdq_policy_set_front_end(policy, 2, &error), QDQ_ERROR_INVALID_ARGUMENT, "front end 2");
  qdq_graph_free(&graph);
  qdq_buffer *text;
  OK(qdq_plan_to_text(plan, &text, &error));
  CHECK(strstr(qdq_buffer_text(text), "1 of 1 convolutions and products compute in INT8"));
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
  OK(qdq_batch_at(batch, 0, &tensor, &error));
  CHECK(qdq_batch_samples(batch) == 64 && tensor.ndim == 4 && tensor.shape[0] == 64);
  CHECK(!strcmp(qdq_batch_name(batch, 0), "input"));
  qdq_batch_free(&batch);
  qdq_stats *stats;
  FAILS(qdq_model_calibrate(other, plan, batches, true, NULL, &stats, &error), QDQ_ERROR_INVALID_ARGUMENT, "another model");
  OK(qdq_model_calibrate(model, plan, batches, true, NULL, &stats, &error));
  CHECK(qdq_stats_samples(stats) == 64);
  qdq_ranges *ranges;
  OK(qdq_plan_ranges(plan, stats, QDQ_METHOD_MSE, 0, &ranges, &error));
  CHECK(!strcmp(qdq_ranges_method(ranges), "mse"));
  OK(qdq_model_quantize(model, plan, ranges, NULL, &quantized, &error));
  OK(qdq_model_save(quantized, in(out_folder, "model.qdq.onnx"), &error));
  qdq_findings *findings;
  OK(qdq_model_findings(quantized, &findings, &error));
  CHECK(qdq_findings_count(findings) == 0);
  qdq_findings_free(&findings);
  qdq_model_free(&model), qdq_model_free(&quantized), qdq_model_free(&other);
  OK(qdq_model_open(in(out_folder, "model.qdq.onnx"), &quantized, &error));
  // A quantized graph is not quantized again.
  qdq_plan *again;
  OK(qdq_model_plan(quantized, NULL, NULL, &again, &error));
  CHECK(qdq_plan_activation_count(again) == 0);
  qdq_plan_free(&again), qdq_plan_free(&plan);
  qdq_ranges_free(&ranges), qdq_stats_free(&stats), qdq_batches_free(&batches);
  qdq_data_options_free(&options), qdq_specs_free(&inputs), qdq_model_free(&quantized);
}

static int taps_seen, user_freed;

static qdq_status see(void *user, size_t tap, const qdq_tensor *value, qdq_error **failure) {
  CHECK(user == &taps_seen && tap == 0 && value->ndim == 4 && value->dtype == QDQ_DTYPE_F32);
  if (++taps_seen < 3) return QDQ_OK;
  *failure = qdq_error_new(QDQ_ERROR_IO, "the disk is full", "make room");
  return QDQ_ERROR_IO;
}

static void free_seen(void *user) {
  CHECK(user == &taps_seen);
  user_freed++;
}

static void sessions(void) {
  qdq_model *model;
  OK(qdq_model_open(in(folder, "model.onnx"), &model, &error));
  static float pixels[2 * 64];
  const int64_t shape[4] = {2, 1, 8, 8};
  qdq_tensor tensor = {.data = pixels, .dtype = QDQ_DTYPE_F32, .ndim = 4, .shape = shape};
  qdq_batch *batch = qdq_batch_new(), *outputs, *tapped;
  const char *const taps[1] = {"input"}, *const unknown[1] = {"nowhere"};
  qdq_session *session;
  FAILS(qdq_session_open(model, unknown, 1, see, &taps_seen, free_seen, NULL, &session, &error), QDQ_ERROR_INVALID_ARGUMENT,
        "'nowhere'");
  CHECK(user_freed == 1 && session == NULL);
  OK(qdq_session_open(model, taps, 1, see, &taps_seen, free_seen, NULL, &session, &error));
  qdq_model_free(&model);
  CHECK(strstr(qdq_session_runtime(session), "rten"));
  FAILS(qdq_session_run(session, batch, &outputs, &tapped, &error), QDQ_ERROR_INVALID_ARGUMENT, "'input' is missing");
  CHECK(outputs == NULL && tapped == NULL);
  OK(qdq_batch_set(batch, "input", &tensor, &error));
  OK(qdq_session_run(session, batch, &outputs, &tapped, &error));
  qdq_tensor found;
  CHECK(qdq_batch_count(outputs) == 1 && qdq_batch_count(tapped) == 1 && !strcmp(qdq_batch_name(tapped, 0), "input"));
  OK(qdq_batch_at(outputs, 0, &found, &error));
  CHECK(found.ndim == 2 && found.shape[0] == 2 && found.shape[1] == 10);
  qdq_tensor named;
  OK(qdq_batch_get(outputs, qdq_batch_name(outputs, 0), &named, &error));
  CHECK(named.data == found.data && named.shape == found.shape);
  FAILS(qdq_batch_get(outputs, "none", &named, &error), QDQ_ERROR_DATA, "no tensor 'none'");
  OK(qdq_batch_at(tapped, 0, &found, &error));
  CHECK(!memcmp(found.data, pixels, sizeof pixels));
  qdq_batch_free(&outputs), qdq_batch_free(&tapped);
  OK(qdq_session_run(session, batch, &outputs, NULL, &error));
  qdq_batch_free(&outputs);
  CHECK(qdq_session_run(session, batch, &outputs, &tapped, &error) == QDQ_ERROR_IO && !outputs && !tapped);
  CHECK(!strcmp(qdq_error_message(error), "the disk is full") && !strcmp(qdq_error_remedy(error), "make room"));
  qdq_error_free(&error);
  qdq_session_free(&session);
  CHECK(user_freed == 2);
  qdq_batch_free(&batch);

  qdq_run_options *options = qdq_run_options_new();
  OK(qdq_run_options_set_runtime(options, QDQ_RUNTIME_AUTO, &error));
  OK(qdq_run_options_settle(options, &error));
  CHECK(qdq_run_options_runtime(options) != QDQ_RUNTIME_AUTO && qdq_run_options_runtime(NULL) == -1);
  qdq_run_options_free(&options);
  qdq_buffer *text;
  FAILS(qdq_onnxruntime_find("/nowhere/at/all", &text, &error), QDQ_ERROR_INVALID_ARGUMENT, "/nowhere/at/all");
  FAILS(qdq_onnxruntime_version(in(folder, "model.onnx"), &text, &error), QDQ_ERROR_RUNTIME, "ONNX Runtime");
}

static void files(void) {
  qdq_array *labels, *weight;
  OK(qdq_array_read_npy(in(folder, "test_labels.npy"), &labels, &error));
  qdq_tensor tensor;
  OK(qdq_array_view(labels, &tensor, &error));
  CHECK(tensor.dtype == QDQ_DTYPE_I64 && tensor.ndim == 1 && tensor.shape[0] > 100);
  qdq_array_free(&labels);
  FAILS(qdq_array_read_npy(in(folder, "model.onnx"), &labels, &error), QDQ_ERROR_FORMAT, "model.onnx");

  qdq_model *model;
  qdq_texts *written, *converted;
  qdq_specs *specs;
  OK(qdq_model_open(in(folder, "model.onnx"), &model, &error));
  OK(qdq_model_save_external(model, in(out_folder, "split.onnx"), 1000, 100, &written, &error));
  CHECK(qdq_texts_count(written) == 2 && !strcmp(qdq_texts_at(written, 0), in(out_folder, "split.onnx")));
  CHECK(!strcmp(qdq_texts_at(written, 1), in(out_folder, "split.onnx.data")) && !qdq_texts_at(written, 2));
  qdq_texts_free(&written);
  OK(qdq_model_save_external(model, in(out_folder, "whole.onnx"), UINT32_MAX, 1024, NULL, &error));
  OK(qdq_model_get_constant(model, "nothing", &weight, &error));
  CHECK(weight == NULL);
  qdq_graph *graph;
  OK(qdq_model_graph(model, &graph, &error));
  for (size_t i = 0; i < qdq_graph_tensor_count(graph); i++) {
    if (qdq_graph_tensor_kind(graph, i) != QDQ_TENSOR_KIND_CONSTANT) continue;
    OK(qdq_model_get_constant(model, qdq_graph_tensor_name(graph, i), &weight, &error));
    OK(qdq_array_view(weight, &tensor, &error));
    CHECK(tensor.dtype == qdq_graph_tensor_dtype(graph, i) && tensor.ndim == qdq_graph_tensor_ndim(graph, i));
    qdq_array_free(&weight);
  }
  qdq_graph_free(&graph);
  qdq_buffer *text;
  OK(qdq_model_get_metadata(model, "owner", &text, &error));
  CHECK(text == NULL);
  OK(qdq_model_set_metadata(model, "owner", "nobody", &error));
  OK(qdq_model_get_metadata(model, "owner", &text, &error));
  CHECK(!strcmp(qdq_buffer_text(text), "nobody"));
  qdq_buffer_free(&text);
  OK(qdq_model_raise_opset(model, 18, &converted, &error));
  CHECK(qdq_model_opset(model) == 18);
  qdq_texts_free(&converted);
  FAILS(qdq_model_raise_opset(model, 99, &converted, &error), QDQ_ERROR_INVALID_ARGUMENT, "99");
  CHECK(converted == NULL && qdq_model_opset(model) == 18);
  OK(qdq_model_inputs(model, &specs, &error));
  OK(qdq_specs_name_dim(specs, 0, 0, "samples", &error));
  CHECK(!strcmp(qdq_specs_dim_name(specs, 0, 0), "samples") && !qdq_specs_dim_name(specs, 0, 1));
  OK(qdq_specs_name_dim(specs, 0, 0, NULL, &error));
  CHECK(!qdq_specs_dim_name(specs, 0, 0));
  FAILS(qdq_specs_name_dim(specs, 1, 0, "x", &error), QDQ_ERROR_INVALID_ARGUMENT, "no tensor 1");
  qdq_specs_free(&specs), qdq_model_free(&model);
}

static void engine_costs(void) {
  qdq_engine_cost *cost, *other;
  qdq_findings *findings;
  qdq_buffer *text;
  OK(qdq_engine_cost_load(in(folder, "../engines/small.engine"), &cost, &error));
  CHECK(!strcmp(qdq_engine_cost_builder(cost), "TensorRT-RTX 1.7.1") && qdq_engine_cost_is_known(cost));
  CHECK(qdq_engine_cost_bytes(cost) == 14336 && qdq_engine_cost_count(cost) == 3);
  CHECK(!strcmp(qdq_engine_cost_name(cost, 1), "conv") && !strcmp(qdq_engine_cost_kind(cost, 1), "corrltn"));
  CHECK(qdq_engine_cost_read(cost, 1) == 1024 && qdq_engine_cost_written(cost, 1) == 4096);
  CHECK(qdq_engine_cost_layer_count(cost, 1) == 2 && !strcmp(qdq_engine_cost_layer_at(cost, 1, 1), "relu"));
  CHECK(!qdq_engine_cost_layer_at(cost, 1, 2) && !qdq_engine_cost_name(cost, 3) && !qdq_engine_cost_kind(cost, 3));
  CHECK(qdq_engine_cost_read(cost, 3) == 0 && qdq_engine_cost_written(cost, 3) == 0);
  CHECK(qdq_engine_cost_type_count(cost) == 3 && !strcmp(qdq_engine_cost_type_at(cost, 0), "i8"));
  CHECK(qdq_engine_cost_type_read(cost, 2) == 4096 && qdq_engine_cost_type_written(cost, 2) == 0);
  CHECK(!qdq_engine_cost_type_at(cost, 3) && qdq_engine_cost_type_read(cost, 3) == 0);
  OK(qdq_engine_cost_findings(cost, &findings, &error));
  CHECK(qdq_findings_count(findings) == 2);
  qdq_findings_free(&findings);
  OK(qdq_engine_cost_to_text(cost, &text, &error));
  CHECK(strstr(qdq_buffer_text(text), "3 kernels of TensorRT-RTX 1.7.1 move 14.0 KiB"));
  qdq_buffer_free(&text);
  OK(qdq_engine_cost_to_json(cost, &text, &error));
  CHECK(strstr(qdq_buffer_text(text), "\"bytes\":14336"));
  qdq_buffer_free(&text);
  // The other engine moves 800 bytes.
  OK(qdq_engine_cost_from_layers("TensorRT 10.3.0",
                                 "{\"Layers\": [{\"Outputs\": [{\"Dimensions\": [400], \"DataType\": \"Half\"}]}]}", &other,
                                 &error));
  CHECK(qdq_engine_cost_bytes(other) == 800 && qdq_engine_cost_layer_count(other, 0) == 0);
  OK(qdq_engine_cost_compare(cost, other, &findings, &error));
  CHECK(qdq_findings_count(findings) == 1 && qdq_findings_severity(findings, 0) == QDQ_SEVERITY_WARNING);
  CHECK(strstr(qdq_findings_message(findings, 0), "moves 17.92 times the bytes"));
  qdq_findings_free(&findings);
  OK(qdq_engine_cost_compare(other, cost, &findings, &error));
  CHECK(qdq_findings_count(findings) == 0);
  qdq_findings_free(&findings), qdq_engine_cost_free(&cost), qdq_engine_cost_free(&other);
  FAILS(qdq_engine_cost_from_layers("TensorRT", "{\"Layers\": [\"conv\"]}", &cost, &error), QDQ_ERROR_INVALID_ARGUMENT,
        "without details");
  FAILS(qdq_engine_cost_from_bytes("no engine", 9, &cost, &error), QDQ_ERROR_FORMAT, "is no engine");
  FAILS(qdq_engine_cost_load(in(folder, "model.onnx"), &cost, &error), QDQ_ERROR_FORMAT, "model.onnx: is no engine");
  CHECK(qdq_engine_cost_count(NULL) == 0 && !qdq_engine_cost_builder(NULL) && !qdq_engine_cost_is_known(NULL));
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  folder = arguments[1], out_folder = arguments[2];
  versions();
  errors();
  descriptors();
  numbers();
  observers();
  maxima();
  quantizers();
  learned_steps();
  caches();
  graphs();
  models();
  sessions();
  files();
  engine_costs();
  puts("objects: ok");
  return 0;
}
