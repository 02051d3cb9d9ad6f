// Batches from a callback, progress, cancellation and log: the caller gets a callback's result, and nothing
// leaks.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "check.h"

static qdq_error *error;
static char path[4096];

// The action of a callback at its `at`th call.
struct script {
  int calls, at;
  qdq_status status;
  const char *message;
  bool wrong_name, wrong_shape;
  int freed;
};

static qdq_status next(void *user, qdq_batch *batch, qdq_error **failure) {
  struct script *script = user;
  bool is_time = script->calls++ == script->at;
  if (is_time && script->status != QDQ_OK) {
    if (script->message) *failure = qdq_error_new(script->status, script->message, "do it otherwise");
    return script->status;
  }
  if (script->calls > 5) return QDQ_OK;  // the end
  float pixels[2 * 64];
  for (int i = 0; i < 2 * 64; i++) pixels[i] = (float)((i * 7) % 17) / 16;
  int64_t shape[4] = {2, 1, 8, script->wrong_shape ? 4 : 8};
  qdq_tensor tensor = {.data = pixels, .dtype = QDQ_DTYPE_F32, .ndim = 4, .shape = shape};
  qdq_status status = qdq_batch_set(batch, script->wrong_name ? "wrong" : "input", &tensor, failure);
  if (is_time && script->message) *failure = qdq_error_new(QDQ_ERROR_DATA, script->message, NULL);
  return status;
}

static void freed(void *user) { ((struct script *)user)->freed++; }

static qdq_status report(void *user, uint64_t batches, uint64_t samples, int64_t total, qdq_error **failure) {
  struct script *script = user;
  CHECK(samples == 2 * batches && total == -1);
  script->calls++;
  if ((int)batches != script->at) return QDQ_OK;
  if (script->message) *failure = qdq_error_new(script->status, script->message, NULL);
  return script->status;
}

static qdq_model *model;
static qdq_specs *inputs;
static qdq_plan *plan;

// Calibrates with a source that follows a script.
static qdq_status calibrate(struct script *script, qdq_run_options *options, qdq_stats **stats) {
  qdq_batches *batches;
  OK(qdq_batches_from_callback(inputs, next, script, freed, &batches, &error));
  qdq_status status = qdq_model_calibrate(model, plan, batches, true, options, stats, &error);
  CHECK(script->freed == 0);
  qdq_batches_free(&batches);
  CHECK(script->freed == 1);
  if (status != QDQ_OK) CHECK(*stats == NULL);
  return status;
}

static void batches_from_a_callback(void) {
  qdq_stats *stats;
  struct script good = {.at = -1};
  CHECK(calibrate(&good, NULL, &stats) == QDQ_OK && error == NULL);
  CHECK(qdq_stats_samples(stats) == 10 && good.calls == 6);
  qdq_stats_free(&stats);

  struct script empty = {.at = -1, .calls = 5};
  FAILS(calibrate(&empty, NULL, &stats), QDQ_ERROR_DATA, "no sample");
  struct script told = {.at = 2, .status = QDQ_ERROR_IO, .message = "the camera is gone"};
  CHECK(calibrate(&told, NULL, &stats) == QDQ_ERROR_IO);
  CHECK(!strcmp(qdq_error_message(error), "the camera is gone") && !strcmp(qdq_error_remedy(error), "do it otherwise"));
  qdq_error_free(&error);
  struct script silent = {.at = 2, .status = QDQ_ERROR_DATA};
  FAILS(calibrate(&silent, NULL, &stats), QDQ_ERROR_DATA, "batch callback failed");
  // The status decides how the run ends, even if the error has another one.
  struct script unknown = {.at = 2, .status = 77};
  FAILS(calibrate(&unknown, NULL, &stats), QDQ_ERROR_CALLBACK, "77");
  struct script cancelled = {.at = 2, .status = QDQ_ERROR_CANCELLED};
  FAILS(calibrate(&cancelled, NULL, &stats), QDQ_ERROR_CANCELLED, "stopped");
  struct script needless = {.at = 2, .status = QDQ_OK, .message = "an error beside QDQ_OK counts for nothing"};
  CHECK(calibrate(&needless, NULL, &stats) == QDQ_OK);
  qdq_stats_free(&stats);
  struct script wrong_name = {.at = -1, .wrong_name = true};
  FAILS(calibrate(&wrong_name, NULL, &stats), QDQ_ERROR_DATA, "no tensor for input 'input'");
  struct script wrong_shape = {.at = -1, .wrong_shape = true};
  FAILS(calibrate(&wrong_shape, NULL, &stats), QDQ_ERROR_SHAPE, "input");

  // The user's data is freed even if no source is created.
  struct script unused = {.at = -1};
  qdq_batches *batches;
  FAILS(qdq_batches_from_callback(NULL, next, &unused, freed, &batches, &error), QDQ_ERROR_INVALID_ARGUMENT, "inputs");
  CHECK(unused.freed == 1 && batches == NULL);
}

static void progress_and_cancellation(void) {
  qdq_stats *stats;
  qdq_run_options *options = qdq_run_options_new();
  struct script good = {.at = -1}, watched = {.at = -1};
  OK(qdq_run_options_set_progress(options, report, &watched, freed, &error));
  CHECK(calibrate(&good, options, &stats) == QDQ_OK && watched.calls == 5);
  qdq_stats_free(&stats);

  struct script stop = {.at = 2, .status = QDQ_ERROR_CANCELLED}, source = {.at = -1};
  CHECK(watched.freed == 0);
  OK(qdq_run_options_set_progress(options, report, &stop, freed, &error));
  CHECK(watched.freed == 1);
  FAILS(calibrate(&source, options, &stats), QDQ_ERROR_CANCELLED, "progress callback");
  CHECK(stop.calls == 2 && source.calls == 2);
  struct script fail = {.at = 3, .status = QDQ_ERROR_IO, .message = "the log is full"}, again = {.at = -1};
  OK(qdq_run_options_set_progress(options, report, &fail, NULL, &error));
  CHECK(stop.freed == 1);
  FAILS(calibrate(&again, options, &stats), QDQ_ERROR_IO, "the log is full");

  // The switch outlives its handle, works for every run, and can be switched off.
  OK(qdq_run_options_set_progress(options, NULL, NULL, NULL, &error));
  FAILS(qdq_run_options_set_progress(NULL, report, &fail, freed, &error), QDQ_ERROR_INVALID_ARGUMENT, "options");
  CHECK(fail.freed == 1);
  qdq_cancel *cancel = qdq_cancel_new();
  OK(qdq_run_options_set_cancel(options, cancel, &error));
  qdq_cancel_request(cancel);
  struct script never = {.at = -1};
  FAILS(calibrate(&never, options, &stats), QDQ_ERROR_CANCELLED, "on request");
  CHECK(never.calls == 0 && qdq_cancel_is_requested(cancel));
  qdq_cancel_reset(cancel);
  struct script works = {.at = -1};
  CHECK(calibrate(&works, options, &stats) == QDQ_OK);
  qdq_stats_free(&stats);
  qdq_cancel_request(cancel);
  qdq_cancel_free(&cancel);
  struct script outlived = {.at = -1};
  FAILS(calibrate(&outlived, options, &stats), QDQ_ERROR_CANCELLED, "on request");
  qdq_run_options_free(&options);
}

// Endless batches, from a source that another thread stops after the run has started.
static atomic_int under_way;

static qdq_status endless(void *user, qdq_batch *batch, qdq_error **failure) {
  struct script *script = user;
  script->calls = 0;
  under_way++;
  return next(user, batch, failure);
}

static void *request(void *cancel) {
  while (under_way < 3) sched_yield();
  qdq_cancel_request(cancel);
  return NULL;
}

static void cancelled_by_another_thread(void) {
  struct script script = {.at = -1};
  qdq_batches *batches;
  qdq_stats *stats;
  qdq_cancel *cancel = qdq_cancel_new();
  qdq_run_options *options = qdq_run_options_new();
  OK(qdq_run_options_set_cancel(options, cancel, &error));
  OK(qdq_batches_from_callback(inputs, endless, &script, freed, &batches, &error));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, request, cancel) == 0);
  FAILS(qdq_model_calibrate(model, plan, batches, false, options, &stats, &error), QDQ_ERROR_CANCELLED, "stopped");
  CHECK(pthread_join(thread, NULL) == 0 && stats == NULL);
  qdq_batches_free(&batches);
  qdq_run_options_free(&options);
  qdq_cancel_free(&cancel);
}

static int messages, frees;

static void count_free(void *user) {
  CHECK(user == &messages);
  frees++;
}

static void log_message(void *user, qdq_log_level level, const char *message) {
  CHECK(user == &messages && level >= QDQ_LOG_WARNING && *message);
  messages++;
}

static void log_messages(void) {
  qdq_stats *stats;
  qdq_run_options *options = qdq_run_options_new();
  OK(qdq_run_options_set_runtime(options, QDQ_RUNTIME_AUTO, &error));  // reports the chosen runtime
  OK(qdq_log_set(log_message, &messages, count_free, QDQ_LOG_INFO, &error));
  struct script told = {.at = -1};
  CHECK(calibrate(&told, options, &stats) == QDQ_OK);
  qdq_stats_free(&stats);
  CHECK(messages > 0);
  int before = messages;
  OK(qdq_log_set(log_message, &messages, NULL, QDQ_LOG_WARNING, &error));
  struct script silent = {.at = -1};
  CHECK(calibrate(&silent, options, &stats) == QDQ_OK && messages == before);
  qdq_stats_free(&stats);
  CHECK(frees == 1);
  OK(qdq_log_set(NULL, NULL, NULL, QDQ_LOG_DEBUG, &error));
  FAILS(qdq_log_set(log_message, &messages, count_free, 9, &error), QDQ_ERROR_INVALID_ARGUMENT, "log level 9");
  CHECK(frees == 2);
  qdq_run_options_free(&options);
}

static int opened;

// Opens five batches. The third opening fails if the test requests it.
static qdq_status open_again(void *user, qdq_batches **out, qdq_error **failure) {
  static struct script source;
  opened++;
  if (user && opened == 3) {
    *failure = qdq_error_new(QDQ_ERROR_IO, "the camera is gone", NULL);
    return QDQ_ERROR_IO;
  }
  source = (struct script){.at = -1};
  return qdq_batches_from_callback(inputs, next, &source, freed, out, failure);
}

static qdq_status open_nothing(void *user, qdq_batches **out, qdq_error **failure) {
  (void)user, (void)out, (void)failure;
  return QDQ_OK;
}

static void layers_are_measured_and_ranges_are_chosen(void) {
  qdq_stats *stats;
  qdq_ranges *ranges;
  qdq_buffer *found;
  struct script script = {.at = -1};
  CHECK(calibrate(&script, NULL, &stats) == QDQ_OK);
  opened = 0;
  OK(qdq_model_sensitivity(model, plan, stats, QDQ_METHOD_MAX, 0, 0, open_again, NULL, NULL, NULL, &found, &error));
  CHECK(opened == 1 && strstr(qdq_buffer_text(found), "\"/fc/Gemm\"") && strstr(qdq_buffer_text(found), "\"output_db\""));
  qdq_buffer_free(&found);
  OK(qdq_model_choose_ranges(model, plan, stats, 2, open_again, NULL, NULL, NULL, &found, &ranges, &error));
  CHECK(opened == 2 && strstr(qdq_buffer_text(found), "\"single\"") && qdq_ranges_count(ranges) > 0);
  qdq_buffer_free(&found);
  qdq_ranges_free(&ranges);
  FAILS(qdq_model_sensitivity(model, plan, stats, QDQ_METHOD_MAX, 0, 1, NULL, NULL, NULL, NULL, &found, &error),
        QDQ_ERROR_INVALID_ARGUMENT, "open");
  FAILS(qdq_model_choose_ranges(model, plan, stats, 0, open_nothing, NULL, NULL, NULL, &found, &ranges, &error),
        QDQ_ERROR_CALLBACK, "gave no batches");
  CHECK(!found && !ranges);
  // The switch stops work on batches that are in memory.
  qdq_cancel *cancel = qdq_cancel_new();
  qdq_run_options *run = qdq_run_options_new();
  OK(qdq_run_options_set_cancel(run, cancel, &error));
  qdq_cancel_request(cancel);
  FAILS(qdq_model_sensitivity(model, plan, stats, QDQ_METHOD_MAX, 0, 0, open_again, NULL, NULL, run, &found, &error),
        QDQ_ERROR_CANCELLED, "stopped");
  qdq_run_options_free(&run);
  qdq_cancel_free(&cancel);
  qdq_stats_free(&stats);
}

static void data_is_opened_for_every_pass(void) {
  qdq_stats *stats;
  qdq_ranges *ranges;
  qdq_model *quantized;
  qdq_buffer *changes;
  struct script script = {.at = -1};
  opened = 0;
  CHECK(calibrate(&script, NULL, &stats) == QDQ_OK);
  OK(qdq_plan_ranges(plan, stats, QDQ_METHOD_MAX, 0, &ranges, &error));
  qdq_quantize_options *weights = qdq_quantize_options_new();
  OK(qdq_quantize_options_set_weight_bits(weights, 4, &error));
  FAILS(qdq_quantize_options_set_weight_bits(weights, 9, &error), QDQ_ERROR_INVALID_ARGUMENT, "9 bits");
  qdq_recover_options *options = qdq_recover_options_new();
  OK(qdq_recover_options_set_quantize(options, weights, &error));
  qdq_quantize_options_free(&weights);
  OK(qdq_recover_options_set_equalization(options, true, &error));
  OK(qdq_recover_options_set_awq(options, true, &error));
  FAILS(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_again, NULL, options, NULL, NULL, &quantized, &error),
        QDQ_ERROR_UNSUPPORTED, "weights in blocks");
  OK(qdq_recover_options_set_awq(options, false, &error));
  OK(qdq_recover_options_set_smooth(options, true, &error));
  OK(qdq_recover_options_set_learned_rounding(options, true, &error));
  OK(qdq_recover_options_set_bias_correction(options, true, &error));
  OK(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_again, NULL, options, NULL, &changes, &quantized,
                       &error));
  const char *json = qdq_buffer_text(changes);
  CHECK(strstr(json, "\"learned rounding\"") && strstr(json, "\"bias correction\"") && strstr(json, "\"smoothing\"") &&
        strstr(json, "\"/fc/Gemm\""));
  qdq_buffer_free(&changes);
  qdq_model_free(&quantized);
  int passes = opened;
  CHECK(passes >= 2);
  OK(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_again, NULL, options, NULL, NULL, &quantized, &error));
  CHECK(opened == 2 * passes);
  qdq_model_free(&quantized);
  opened = 1;
  FAILS(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_again, &opened, options, NULL, &changes, &quantized,
                          &error),
        QDQ_ERROR_IO, "the camera is gone");
  CHECK(!changes && !quantized);
  FAILS(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_nothing, NULL, options, NULL, NULL, &quantized,
                          &error),
        QDQ_ERROR_CALLBACK, "gave no batches");
  qdq_cancel *cancel = qdq_cancel_new();
  qdq_run_options *run = qdq_run_options_new();
  OK(qdq_run_options_set_cancel(run, cancel, &error));
  qdq_cancel_request(cancel);
  FAILS(qdq_model_recover(model, plan, ranges, QDQ_METHOD_MAX, 0, open_again, NULL, options, run, NULL, &quantized, &error),
        QDQ_ERROR_CANCELLED, "stopped");
  qdq_run_options_free(&run);
  qdq_cancel_free(&cancel);
  qdq_recover_options_free(&options);
  qdq_ranges_free(&ranges);
  qdq_stats_free(&stats);
}

// Writing is one step, so a callback that stops the run leaves the old file.
static void nothing_is_half_written(void) {
  qdq_ranges *ranges;
  OK(qdq_ranges_new("max", &ranges, &error));
  OK(qdq_ranges_set(ranges, "x", 1, &error));
  OK(qdq_ranges_save(ranges, path, &error));
  FAILS(qdq_ranges_save(ranges, "/dev/full", &error), QDQ_ERROR_IO, "/dev/full");
  FAILS(qdq_ranges_save(ranges, "/nowhere/at/all", &error), QDQ_ERROR_IO, "/nowhere/at/all");
  qdq_ranges_free(&ranges);
  OK(qdq_ranges_load(path, &ranges, &error));
  CHECK(qdq_ranges_count(ranges) == 1 && qdq_ranges_at(ranges, 0) == 1);
  qdq_ranges_free(&ranges);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  char model_path[4096];
  snprintf(model_path, sizeof model_path, "%s/model.onnx", arguments[1]);
  snprintf(path, sizeof path, "%s/ranges.json", arguments[2]);
  OK(qdq_model_open(model_path, &model, &error));
  OK(qdq_model_inputs(model, &inputs, &error));
  OK(qdq_model_plan(model, NULL, NULL, &plan, &error));
  batches_from_a_callback();
  progress_and_cancellation();
  cancelled_by_another_thread();
  log_messages();
  layers_are_measured_and_ranges_are_chosen();
  data_is_opened_for_every_pass();
  nothing_is_half_written();
  qdq_plan_free(&plan);
  qdq_specs_free(&inputs);
  qdq_model_free(&model);
  puts("callbacks: ok");
  return 0;
}
