// clang-format Language: C
// Good values for every type of the header, for the calls that abuse.py writes.
#ifndef VALUES_H
#define VALUES_H

#include <math.h>
#include <qdq/qdq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNSET ((qdq_error *)(uintptr_t)1)

enum expectation { GOOD, FAILS, ANY };

static const char *label;
static int failures;
static char path[4096], stats_path[4096], json_path[4096], cache_path[4096], model_path[4096], data_path[4096];
static char maxima_path[4096], calibration_path[4096], npy_path[4096], engine_path[4096];
static const char *data_paths[1];
static const char *const names[] = {"x", "y"};
static const char *const taps[] = {"input"};
static const char *const outputs[] = {"logits"};
static const char *const descriptor_json = "{\"num_bits\": 4}";
static const char *const layers_json =
    "{\"Layers\": [{\"Name\": \"conv\", \"Outputs\": [{\"Dimensions\": [400], \"Format/Datatype\": \"Half\"}]}]}";
static const char *quantizer_json, *ranges_json;
static float floats[256], float_memory[65536], out_memory[256];
static uint64_t count_memory[65536];
static int8_t int8_memory[256];
static const int32_t ints[64];
static const int64_t longs[64] = {1, 1, 1, 1};
static const size_t sizes[64];
static const unsigned char bytes[1];
static const void *stats_bytes, *cache_bytes, *model_bytes, *maxima_bytes, *calibration_bytes;
static unsigned char engine_bytes[8192];
static size_t stats_size, cache_size, model_size, maxima_size, calibration_size, engine_size;
static qdq_buffer *kept[7];

static void begin(const char *call) { label = call; }

static void complain(const char *what) {
  fprintf(stderr, "abuse: %s: %s\n", label, what);
  failures++;
}

// Compares the result of a function with the header's rules for errors.
static void check(qdq_status status, qdq_error *failure, enum expectation expected, bool has_error) {
  if (status < QDQ_OK || status > QDQ_ERROR_CALLBACK) complain("the status is none");
  if (status == QDQ_ERROR_INTERNAL) complain("a defect inside qdq");
  if (expected == GOOD && status != QDQ_OK) complain("good arguments are refused");
  if (expected == FAILS && status == QDQ_OK) complain("spoiled arguments are accepted");
  if (has_error) {
    if (failure == UNSET) {
      complain("the error is left unset");
      abort();
    }
    if ((status == QDQ_OK) != (failure == NULL)) complain("status and error disagree");
    if (failure && qdq_error_status(failure) != status) complain("the error has another status");
    const char *message = qdq_error_message(failure);
    if (failure && (!message || !*message)) complain("the error has no message");
    if (status != QDQ_OK && expected == GOOD) fprintf(stderr, "  %s\n", qdq_error_text(failure));
  }
}

// Checks an output handle: it is NULL after a failure.
static void check_handle(qdq_status status, const void *handle) {
  if (handle == UNSET) {
    complain("a handle is left unset");
    abort();
  }
  if (status != QDQ_OK && handle) complain("a handle is handed out after a failure");
}

static void must(qdq_status status, qdq_error *failure) {
  if (status == QDQ_OK) return;
  fprintf(stderr, "abuse: set-up: %s\n", qdq_error_text(failure));
  exit(2);
}

// Returns the tensor for a function's parameter. Eight tensors can be in use at a time, enough for one call.
static const qdq_tensor *good_tensor(const char *function, const char *name) {
  static const int64_t shape[4] = {2, 1, 8, 8};
  static qdq_tensor tensors[8];
  static int next;
  qdq_tensor *tensor = &tensors[next++ % 8];
  memset(tensor, 0, sizeof *tensor);
  bool is_written = !strcmp(name, "out");
  tensor->data = is_written ? (void *)out_memory : (void *)floats;
  tensor->dtype = QDQ_DTYPE_F32;
  tensor->ndim = 4;
  tensor->shape = shape;
  bool gives_integers = !strcmp(function, "qdq_tensor_quantize") || !strcmp(function, "qdq_weights_quantize") ||
                        !strcmp(function, "qdq_weights_store");
  if ((is_written && gives_integers) || !strcmp(name, "q")) {
    tensor->data = int8_memory;
    tensor->dtype = QDQ_DTYPE_I8;
  }
  if (!strcmp(name, "amax") || !strcmp(name, "scale") || !strcmp(name, "inverse_scale") || !strcmp(name, "step") ||
      !strcmp(name, "factors")) {
    tensor->data = &floats[1];
    tensor->ndim = 0;
  }
  if (!strcmp(name, "step_gradient")) {
    tensor->data = &out_memory[255];
    tensor->ndim = 0;
  }
  // One amax per index of axis 1, which has size 1.
  if (!strcmp(function, "qdq_weights_quantize") && !strcmp(name, "amax")) {
    tensor->ndim = 1;
    tensor->shape = &shape[1];
  }
  // One scale per index of axis 1, or of axis 0.
  if (!strcmp(name, "scales")) {
    tensor->data = &floats[1];
    tensor->ndim = 1;
    tensor->shape = !strcmp(function, "qdq_weights_one_scale") ? shape : &shape[1];
  }
  // The shape of "fc.bias".
  if (!strcmp(function, "qdq_model_set_initializer")) {
    static const int64_t classes = 10;
    tensor->ndim = 1;
    tensor->shape = &classes;
  }
  return tensor;
}

// Returns the same tensor with one spoiled field. No function may accept it.
static const qdq_tensor *spoiled_tensor(const qdq_tensor *good, int way) {
  static qdq_tensor tensor;
  static const int64_t negative[4] = {2, -1, 8, 8}, huge[4] = {INT64_MAX, INT64_MAX, 8, 8}, large[1] = {INT64_MAX / 4};
  static const int64_t negative_stride[4] = {1, 1, -1, 1};
  tensor = *good;
  switch (way) {
    case 0: tensor.ndim = -1; break;
    case 1: tensor.ndim = 65; break;
    case 2: tensor.ndim = INT32_MAX; break;
    case 3: tensor.ndim = 4, tensor.shape = NULL; break;
    case 4: tensor.ndim = 4, tensor.shape = negative; break;
    case 5: tensor.ndim = 4, tensor.shape = huge; break;
    case 6: tensor.ndim = 1, tensor.shape = large; break;
    case 7: tensor.ndim = 4, tensor.shape = longs, tensor.strides = negative_stride; break;
    case 8: tensor.byte_offset = UINT64_MAX - 3; break;
    case 9: tensor.dtype = 77; break;
    case 10: tensor.device_type = 2; break;
    default: tensor.data = NULL;
  }
  return &tensor;
}

static qdq_status next_batch(void *user, qdq_batch *batch, qdq_error **error) {
  (void)user;
  static int given;
  if (given++ % 2) return QDQ_OK;
  return qdq_batch_set(batch, "input", good_tensor("", ""), error);
}

static qdq_status progress(void *user, uint64_t batches, uint64_t samples, int64_t total, qdq_error **error) {
  (void)user, (void)batches, (void)samples, (void)total, (void)error;
  return QDQ_OK;
}

static qdq_status tapped_value(void *user, size_t tap, const qdq_tensor *value, qdq_error **error) {
  (void)user, (void)tap, (void)value, (void)error;
  return QDQ_OK;
}

static void free_user(void *user) { (void)user; }

static void log_message(void *user, qdq_log_level level, const char *message) { (void)user, (void)level, (void)message; }

// A plan fits only one model, so all calls share one. Statistics and ranges are those of the plan.
static qdq_model *shared_model;
static qdq_plan *shared_plan;

static qdq_error *make_qdq_error(void) { return qdq_error_new(QDQ_ERROR_DATA, "a message", "a remedy"); }

static qdq_tensor_stats *make_qdq_tensor_stats(void) {
  qdq_error *failure;
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  must(qdq_tensor_stats_observe(stats, good_tensor("", ""), &failure), failure);
  return stats;
}

static qdq_stats *make_qdq_stats(void) {
  qdq_error *failure;
  qdq_stats *stats = qdq_stats_new();
  must(qdq_stats_observe(stats, "x", good_tensor("", ""), &failure), failure);
  // The shared model's plan needs every tap.
  for (size_t i = 0; i < qdq_plan_tap_count(shared_plan, true); i++) {
    must(qdq_stats_observe(stats, qdq_plan_tap_at(shared_plan, true, i), good_tensor("", ""), &failure), failure);
  }
  return stats;
}

static qdq_ranges *make_qdq_ranges(void) {
  qdq_error *failure;
  qdq_ranges *ranges;
  must(qdq_ranges_new("max", &ranges, &failure), failure);
  must(qdq_ranges_set(ranges, "x", 1, &failure), failure);
  for (size_t i = 0; i < qdq_plan_tap_count(shared_plan, true); i++) {
    must(qdq_ranges_set(ranges, qdq_plan_tap_at(shared_plan, true, i), 1, &failure), failure);
  }
  return ranges;
}

static qdq_cache *make_qdq_cache(void) {
  qdq_error *failure;
  qdq_ranges *ranges = make_qdq_ranges();
  qdq_cache *cache;
  must(qdq_cache_from_ranges(ranges, 8501, QDQ_ALGORITHM_ENTROPY_2, &cache, &failure), failure);
  qdq_ranges_free(&ranges);
  return cache;
}

static qdq_findings *make_qdq_findings(void) {
  qdq_error *failure;
  qdq_cache *cache = make_qdq_cache();
  qdq_findings *findings;
  must(qdq_cache_check(cache, 100300, QDQ_ALGORITHM_MIN_MAX, names, 2, &findings, &failure), failure);
  qdq_cache_free(&cache);
  return findings;
}

static qdq_node *make_qdq_node(void) {
  qdq_error *failure;
  qdq_node *node;
  must(qdq_node_new("Conv", NULL, NULL, &node, &failure), failure);
  must(qdq_node_add_input(node, 0, &failure), failure);
  must(qdq_node_add_input(node, 1, &failure), failure);
  must(qdq_node_add_output(node, "z", &failure), failure);
  return node;
}

static qdq_graph *make_qdq_graph(void) {
  qdq_error *failure;
  size_t tensor;
  qdq_graph *graph = qdq_graph_new();
  int64_t shape[4] = {QDQ_DYNAMIC, 3, 8, 8}, weight[4] = {4, 3, 3, 3};
  must(qdq_graph_add_tensor(graph, "input", QDQ_TENSOR_KIND_INPUT, QDQ_DTYPE_F32, 4, shape, &tensor, &failure), failure);
  must(qdq_graph_add_tensor(graph, "weight", QDQ_TENSOR_KIND_CONSTANT, QDQ_DTYPE_F32, 4, weight, &tensor, &failure),
       failure);
  qdq_node *node;
  must(qdq_node_new("Conv", "conv", NULL, &node, &failure), failure);
  must(qdq_node_add_input(node, 0, &failure), failure);
  must(qdq_node_add_input(node, 1, &failure), failure);
  must(qdq_node_add_output(node, "y", &failure), failure);
  must(qdq_graph_add_node(graph, node, NULL, &failure), failure);
  qdq_node_free(&node);
  return graph;
}

static qdq_policy *make_qdq_policy(void) { return qdq_policy_new(); }

static qdq_model *make_qdq_model(void) {
  qdq_error *failure;
  qdq_model *model;
  must(qdq_model_open(model_path, &model, &failure), failure);
  return model;
}

static qdq_plan *make_qdq_plan(void) {
  qdq_error *failure;
  qdq_plan *plan;
  must(qdq_model_plan(shared_model, NULL, NULL, &plan, &failure), failure);
  return plan;
}

static qdq_specs *make_qdq_specs(void) {
  qdq_error *failure;
  qdq_specs *specs;
  must(qdq_model_inputs(shared_model, &specs, &failure), failure);
  return specs;
}

static qdq_batches *make_qdq_batches(void) {
  qdq_error *failure;
  qdq_specs *specs = make_qdq_specs();
  qdq_data_options *options = qdq_data_options_new();
  must(qdq_data_options_set_limit(options, 8, &failure), failure);
  must(qdq_data_options_set_batch_size(options, 8, &failure), failure);
  qdq_batches *batches;
  must(qdq_batches_open(specs, data_paths, 1, options, &batches, &failure), failure);
  qdq_data_options_free(&options);
  qdq_specs_free(&specs);
  return batches;
}

static qdq_status open_batches(void *user, qdq_batches **out, qdq_error **error) {
  (void)user, (void)error;
  *out = make_qdq_batches();
  return QDQ_OK;
}

static qdq_batch *make_qdq_batch(void) {
  qdq_error *failure;
  qdq_batches *batches = make_qdq_batches();
  qdq_batch *batch;
  must(qdq_batches_next(batches, &batch, &failure), failure);
  qdq_batches_free(&batches);
  return batch;
}

static qdq_data_options *make_qdq_data_options(void) { return qdq_data_options_new(); }

static qdq_run_options *make_qdq_run_options(void) { return qdq_run_options_new(); }

static qdq_quantize_options *make_qdq_quantize_options(void) { return qdq_quantize_options_new(); }

static qdq_precision_options *make_qdq_precision_options(void) { return qdq_precision_options_new(); }

static qdq_precision_plan *make_qdq_precision_plan(void) {
  qdq_error *failure;
  qdq_model *model = make_qdq_model();
  qdq_model *halved;
  qdq_precision_plan *plan;
  must(qdq_model_cast(model, NULL, NULL, NULL, &plan, &halved, &failure), failure);
  qdq_model_free(&halved);
  qdq_model_free(&model);
  return plan;
}

static qdq_recover_options *make_qdq_recover_options(void) { return qdq_recover_options_new(); }

static qdq_cancel *make_qdq_cancel(void) { return qdq_cancel_new(); }

static qdq_descriptor *make_qdq_descriptor(void) { return qdq_descriptor_new(); }

static qdq_quantizer *quantizer_that_observes(qdq_calib_method calib_method) {
  qdq_error *failure;
  qdq_descriptor *descriptor = qdq_descriptor_new();
  must(qdq_descriptor_set_calib_method(descriptor, calib_method, &failure), failure);
  must(qdq_descriptor_set_learn_amax(descriptor, true, &failure), failure);
  must(qdq_descriptor_set_amax(descriptor, good_tensor("", "amax"), &failure), failure);
  qdq_quantizer *quantizer;
  must(qdq_quantizer_new(descriptor, &quantizer, &failure), failure);
  must(qdq_quantizer_observe(quantizer, good_tensor("", ""), &failure), failure);
  qdq_descriptor_free(&descriptor);
  return quantizer;
}

static qdq_quantizer *make_qdq_quantizer(void) { return quantizer_that_observes(QDQ_CALIB_HISTOGRAM); }

static qdq_qat_schedule *make_qdq_qat_schedule(void) {
  qdq_error *failure;
  qdq_qat_schedule *schedule;
  must(qdq_qat_schedule_from_original(100, 0.1, &schedule, &failure), failure);
  return schedule;
}

static qdq_axis_max *make_qdq_axis_max(void) {
  qdq_error *failure;
  qdq_axis_max *collector;
  must(qdq_axis_max_new(ints, 1, &collector, &failure), failure);
  must(qdq_axis_max_track(collector, &failure), failure);
  must(qdq_axis_max_observe(collector, good_tensor("", ""), &failure), failure);
  return collector;
}

static qdq_histogram_calibrator *make_qdq_histogram_calibrator(void) {
  qdq_error *failure;
  qdq_histogram_calibrator *calibrator;
  must(qdq_histogram_calibrator_new(2048, false, QDQ_LIBRARY_TORCH, &calibrator, &failure), failure);
  must(qdq_histogram_calibrator_observe(calibrator, good_tensor("", ""), &failure), failure);
  return calibrator;
}

static qdq_array *make_qdq_array(void) {
  qdq_error *failure;
  qdq_axis_max *collector = make_qdq_axis_max();
  qdq_array *array;
  must(qdq_axis_max_amax(collector, &array, &failure), failure);
  qdq_axis_max_free(&collector);
  return array;
}

static qdq_buffer *make_qdq_buffer(void) {
  qdq_error *failure;
  qdq_cache *cache = make_qdq_cache();
  qdq_buffer *buffer;
  must(qdq_cache_to_bytes(cache, &buffer, &failure), failure);
  qdq_cache_free(&cache);
  return buffer;
}

static qdq_engine_cost *make_qdq_engine_cost(void) {
  qdq_error *failure;
  qdq_engine_cost *cost;
  must(qdq_engine_cost_load(engine_path, &cost, &failure), failure);
  return cost;
}

static qdq_comparison *make_qdq_comparison(void) {
  qdq_error *failure;
  qdq_batches *batches = make_qdq_batches();
  qdq_comparison *comparison;
  must(qdq_model_compare(shared_model, shared_model, batches, true, NULL, 0, NULL, &comparison, &failure), failure);
  qdq_batches_free(&batches);
  return comparison;
}

static qdq_session *make_qdq_session(void) {
  qdq_error *failure;
  qdq_session *session;
  must(qdq_session_open(shared_model, taps, 1, tapped_value, NULL, NULL, NULL, &session, &failure), failure);
  return session;
}

static qdq_texts *make_qdq_texts(void) {
  qdq_error *failure;
  qdq_model *model = make_qdq_model();
  qdq_texts *texts;
  must(qdq_model_raise_opset(model, 18, &texts, &failure), failure);
  qdq_model_free(&model);
  return texts;
}

// Takes the folder of the digits model and a folder to write to.
static void set_up(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s DIGITS_FOLDER OUT_FOLDER\n", arguments[0]);
    exit(2);
  }
  snprintf(model_path, sizeof model_path, "%s/model.onnx", arguments[1]);
  snprintf(data_path, sizeof data_path, "%s/calib.npz", arguments[1]);
  snprintf(npy_path, sizeof npy_path, "%s/test_labels.npy", arguments[1]);
  snprintf(engine_path, sizeof engine_path, "%s/../engines/small.engine", arguments[1]);
  FILE *engine = fopen(engine_path, "rb");
  engine_size = engine ? fread(engine_bytes, 1, sizeof engine_bytes, engine) : 0;
  if (engine) fclose(engine);
  snprintf(path, sizeof path, "%s/written", arguments[2]);
  snprintf(maxima_path, sizeof maxima_path, "%s/maxima", arguments[2]);
  snprintf(calibration_path, sizeof calibration_path, "%s/calibration", arguments[2]);
  snprintf(stats_path, sizeof stats_path, "%s/stats", arguments[2]);
  snprintf(json_path, sizeof json_path, "%s/ranges.json", arguments[2]);
  snprintf(cache_path, sizeof cache_path, "%s/cache", arguments[2]);
  data_paths[0] = data_path;
  for (int i = 0; i < 256; i++) floats[i] = (float)i / 16;
  qdq_error *failure;
  shared_model = make_qdq_model();
  shared_plan = make_qdq_plan();
  qdq_stats *stats = make_qdq_stats();
  qdq_ranges *ranges = make_qdq_ranges();
  qdq_cache *cache = make_qdq_cache();
  must(qdq_stats_save(stats, stats_path, &failure), failure);
  must(qdq_ranges_save(ranges, json_path, &failure), failure);
  must(qdq_cache_save(cache, cache_path, &failure), failure);
  must(qdq_stats_to_bytes(stats, &kept[0], &failure), failure);
  must(qdq_ranges_to_json(ranges, &kept[1], &failure), failure);
  must(qdq_cache_to_bytes(cache, &kept[2], &failure), failure);
  must(qdq_model_to_bytes(shared_model, &kept[3], &failure), failure);
  qdq_quantizer *quantizer = make_qdq_quantizer();
  must(qdq_quantizer_to_json(quantizer, &kept[4], &failure), failure);
  qdq_axis_max *maxima = make_qdq_axis_max();
  must(qdq_axis_max_save(maxima, maxima_path, &failure), failure);
  must(qdq_axis_max_to_bytes(maxima, &kept[5], &failure), failure);
  must(qdq_quantizer_save_calibration(quantizer, calibration_path, &failure), failure);
  must(qdq_quantizer_calibration_to_bytes(quantizer, &kept[6], &failure), failure);
  maxima_bytes = qdq_buffer_data(kept[5]), maxima_size = qdq_buffer_size(kept[5]);
  calibration_bytes = qdq_buffer_data(kept[6]), calibration_size = qdq_buffer_size(kept[6]);
  qdq_axis_max_free(&maxima);
  qdq_quantizer_free(&quantizer);
  quantizer_json = qdq_buffer_text(kept[4]);
  stats_bytes = qdq_buffer_data(kept[0]), stats_size = qdq_buffer_size(kept[0]);
  ranges_json = qdq_buffer_text(kept[1]);
  cache_bytes = qdq_buffer_data(kept[2]), cache_size = qdq_buffer_size(kept[2]);
  model_bytes = qdq_buffer_data(kept[3]), model_size = qdq_buffer_size(kept[3]);
  qdq_stats_free(&stats);
  qdq_ranges_free(&ranges);
  qdq_cache_free(&cache);
}

static int finish(void) {
  for (int i = 0; i < 7; i++) qdq_buffer_free(&kept[i]);
  qdq_plan_free(&shared_plan);
  qdq_model_free(&shared_model);
  printf("abuse: %d failures\n", failures);
  return failures != 0;
}

#endif
