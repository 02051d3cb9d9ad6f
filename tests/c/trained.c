// Quantizers that were trained, in ONNX models of each format: the stored numbers are theirs, and the
// quantizers that no format has are refused by name.
// usage: trained DIGITS_FOLDER OUT_FOLDER
#include <math.h>
#include <string.h>

#include "check.h"

enum { ROWS = 10, COLUMNS = 128, COUNT = ROWS * COLUMNS };

static qdq_error *error;
static const char *folder, *out_folder;
static float input_amax;
static const char *const input_name = "/Flatten_output_0", *const node = "/fc/Gemm";

static const char *path(const char *parent, const char *name) {
  static char paths[4][4096];
  static int next;
  char *text = paths[next++ % 4];
  snprintf(text, sizeof paths[0], "%s/%s", parent, name);
  return text;
}

static qdq_descriptor *with(uint32_t bits, int32_t axis, size_t block) {
  qdq_descriptor *descriptor = qdq_descriptor_new();
  if (bits == 0)
    OK(qdq_descriptor_set_e4m3(descriptor, &error));
  else
    OK(qdq_descriptor_set_num_bits(descriptor, bits, &error));
  if (block != 0)
    OK(qdq_descriptor_set_block(descriptor, axis, block, &error));
  else if (axis >= 0)
    OK(qdq_descriptor_set_axis(descriptor, &axis, 1, &error));
  return descriptor;
}

// Returns a quantizer by the largest magnitudes of a weight, or by `amax` without one.
static qdq_quantizer *quantizer(qdq_descriptor *descriptor, const qdq_tensor *weight, float amax) {
  qdq_tensor range = {.data = &amax, .dtype = QDQ_DTYPE_F32};
  qdq_array *found = NULL;
  qdq_quantizer *made;
  if (weight != NULL) {
    OK(qdq_tensor_amax(weight, descriptor, &found, &error));
    OK(qdq_array_view(found, &range, &error));
  }
  OK(qdq_quantizer_new(descriptor, &made, &error));
  OK(qdq_quantizer_set_amax(made, &range, &error));
  qdq_array_free(&found);
  return made;
}

static qdq_model *digits(void) {
  qdq_model *model;
  OK(qdq_model_open(path(folder, "model.onnx"), &model, &error));
  return model;
}

// Returns the weight of the last layer, which stays valid with `array`.
static qdq_tensor weight_of(const qdq_model *model, qdq_array **array) {
  qdq_tensor weight;
  OK(qdq_model_get_constant(model, "fc.weight", array, &error));
  OK(qdq_array_view(*array, &weight, &error));
  CHECK(weight.ndim == 2 && weight.shape[0] == ROWS && weight.shape[1] == COLUMNS && !weight.strides);
  return weight;
}

// Returns the largest magnitude of the last layer's input in the data.
static float largest_input(void) {
  qdq_model *model = digits();
  qdq_plan *plan;
  qdq_specs *inputs;
  qdq_batches *batches;
  qdq_stats *stats;
  qdq_ranges *ranges;
  const char *paths[1] = {path(folder, "calib.npz")};
  float amax;
  OK(qdq_model_plan(model, NULL, NULL, &plan, &error));
  OK(qdq_model_inputs(model, &inputs, &error));
  OK(qdq_batches_open(inputs, paths, 1, NULL, &batches, &error));
  OK(qdq_model_calibrate(model, plan, batches, false, NULL, &stats, &error));
  OK(qdq_plan_ranges(plan, stats, QDQ_METHOD_MAX, 0, &ranges, &error));
  OK(qdq_ranges_get(ranges, input_name, &amax, &error));
  qdq_ranges_free(&ranges), qdq_stats_free(&stats), qdq_batches_free(&batches), qdq_specs_free(&inputs);
  qdq_plan_free(&plan), qdq_model_free(&model);
  return amax;
}

// Plans and quantizes with a quantizer of the weight, and one of the input if it is not NULL.
static qdq_status exported(qdq_model *model, const qdq_quantizer *input, const qdq_quantizer *weight, qdq_model **out) {
  qdq_policy *policy = qdq_policy_new();
  qdq_quantize_options *options = qdq_quantize_options_new();
  qdq_ranges *ranges;
  qdq_plan *plan = NULL;
  OK(qdq_ranges_new("trained", &ranges, &error));
  if (input != NULL) {
    qdq_array *amax;
    OK(qdq_quantizer_amax_for_export(input, &amax, &error));
    OK(qdq_ranges_set(ranges, input_name, qdq_array_values(amax)[0], &error));
    qdq_array_free(&amax);
  }
  *out = NULL;
  qdq_status status = qdq_policy_include_trained(policy, node, input, weight, &error);
  if (status == QDQ_OK) status = qdq_quantize_options_set_weight_quantizer(options, "fc.weight", weight, &error);
  if (status == QDQ_OK) status = qdq_model_plan(model, policy, ranges, &plan, &error);
  if (status == QDQ_OK) status = qdq_model_quantize(model, plan, ranges, options, out, &error);
  qdq_plan_free(&plan), qdq_ranges_free(&ranges), qdq_quantize_options_free(&options), qdq_policy_free(&policy);
  return status;
}

// Exports one format. Compares what is stored with the quantizer's numbers, and the model with the float one.
static void format(const char *name, uint32_t bits, size_t block, bool has_input, int64_t opset, double least) {
  static uint8_t codes[COUNT];
  static float fake[COUNT];
  qdq_model *model = digits(), *quantized;
  qdq_array *array, *scale, *numbers, *steps;
  const qdq_tensor weight = weight_of(model, &array);
  qdq_descriptor *descriptor = with(bits, block == 0 ? 0 : -1, block), *of_input = with(bits == 0 ? 0 : 8, -1, 0);
  qdq_quantizer *of_weight = quantizer(descriptor, &weight, 0), *in = quantizer(of_input, NULL, input_amax);
  OK(exported(model, has_input ? in : NULL, of_weight, &quantized));
  CHECK(qdq_model_opset(quantized) == opset);

  qdq_tensor out = {.data = codes, .dtype = bits == 0 ? QDQ_DTYPE_E4M3 : QDQ_DTYPE_I8, .ndim = 2, .shape = weight.shape};
  qdq_descriptor *current;
  OK(qdq_quantizer_descriptor(of_weight, &current, &error));
  OK(qdq_tensor_quantize(&weight, NULL, current, &out, &scale, &error));
  qdq_tensor stored, stored_steps;
  OK(qdq_model_get_constant(quantized, "fc.weight_quantized", &numbers, &error));
  OK(qdq_model_get_constant(quantized, "fc.weight_scale", &steps, &error));
  CHECK(numbers && steps);
  OK(qdq_array_view(numbers, &stored, &error));
  OK(qdq_array_view(steps, &stored_steps, &error));
  CHECK(stored.dtype == out.dtype && stored.shape[0] == ROWS && stored.shape[1] == COLUMNS);
  for (int i = 0; i < COUNT; i++) {
    // A zero has any sign.
    const uint8_t mine = ((const uint8_t *)stored.data)[i];
    CHECK(mine == codes[i] || (bits == 0 && (mine | codes[i]) == 0x80));
  }
  qdq_tensor result = {.data = fake, .dtype = QDQ_DTYPE_F32, .ndim = 2, .shape = weight.shape};
  OK(qdq_quantizer_quantize(of_weight, &weight, &result, NULL, &error));
  const int per_row = block == 0 ? 1 : COLUMNS / (int)block;
  CHECK(stored_steps.shape[0] == ROWS && (block == 0 ? stored_steps.ndim == 1 : stored_steps.shape[1] == per_row));
  for (int i = 0; i < COUNT; i++) {
    if (bits == 0) continue;
    const float step = ((const float *)stored_steps.data)[i / COLUMNS * per_row + i % COLUMNS * per_row / COLUMNS];
    CHECK(fabsf((float)(int8_t)codes[i] * step - fake[i]) <= 3e-7f * fabsf(fake[i]));
  }

  char file[64];
  snprintf(file, sizeof file, "%s.onnx", name);
  OK(qdq_model_save(quantized, path(out_folder, file), &error));
  qdq_specs *inputs;
  qdq_batches *batches;
  qdq_comparison *compared;
  const char *paths[1] = {path(folder, "test.npz")};
  OK(qdq_model_inputs(model, &inputs, &error));
  OK(qdq_batches_open(inputs, paths, 1, NULL, &batches, &error));
  OK(qdq_model_compare(model, quantized, batches, false, NULL, 0, NULL, &compared, &error));
  printf("%s: %.1f dB\n", name, qdq_comparison_sqnr_db(compared, 0));
  CHECK(qdq_comparison_sqnr_db(compared, 0) >= least);
  qdq_comparison_free(&compared), qdq_batches_free(&batches), qdq_specs_free(&inputs);
  qdq_array_free(&numbers), qdq_array_free(&steps), qdq_array_free(&scale), qdq_array_free(&array);
  qdq_quantizer_free(&of_weight), qdq_quantizer_free(&in);
  qdq_descriptor_free(&descriptor), qdq_descriptor_free(&of_input), qdq_descriptor_free(&current);
  qdq_model_free(&model), qdq_model_free(&quantized);
}

// Checks that quantizers of these descriptors are refused with this text.
static void refused(qdq_descriptor *of_weight, qdq_descriptor *of_input, const char *text) {
  qdq_model *model = digits(), *quantized;
  qdq_array *array;
  const qdq_tensor weight = weight_of(model, &array);
  qdq_quantizer *trained = quantizer(of_weight, &weight, 0), *in = of_input ? quantizer(of_input, NULL, 4) : NULL;
  FAILS(exported(model, in, trained, &quantized), QDQ_ERROR_UNSUPPORTED, text);
  CHECK(quantized == NULL);
  qdq_quantizer_free(&trained), qdq_quantizer_free(&in), qdq_descriptor_free(&of_weight), qdq_descriptor_free(&of_input);
  qdq_array_free(&array), qdq_model_free(&model);
}

static void refusals(void) {
  refused(with(0, 0, 0), NULL, "node '/fc/Gemm': quantizer: its weights are e4m3, and no format has inputs in floating");
  refused(with(0, 0, 0), with(8, -1, 0), "no format has inputs in integers");
  refused(with(8, 0, 0), with(0, -1, 0), "no format has inputs in e4m3");
  refused(with(4, -1, 64), with(8, -1, 0), "its weights are integers in blocks, and no format has inputs in integers");
  refused(with(4, -1, 32), NULL, "has blocks of 32, which no format has");
  refused(with(8, -1, 64), NULL, "has blocks of 8-bit integers");
  refused(with(0, -1, 64), NULL, "has blocks of e4m3");
  refused(with(12, 0, 0), with(8, -1, 0), "has 12 bits");
  refused(with(8, 1, 0), with(8, -1, 0), "weight 'fc.weight': quantizer: has ranges of shape [1, 128] for int8");
  refused(with(4, 0, 128), NULL, "has ranges of shape [1, 128] for int4-weights in blocks of 128");
  // A learned range is one for the whole tensor, and no weight is that of a quantizer without a range.
  qdq_policy *policy = qdq_policy_new();
  qdq_quantize_options *options = qdq_quantize_options_new();
  qdq_descriptor *descriptor = with(8, -1, 0);
  qdq_quantizer *dynamic;
  OK(qdq_quantizer_new(descriptor, &dynamic, &error));
  FAILS(qdq_policy_include_trained(policy, node, NULL, dynamic, &error), QDQ_ERROR_INVALID_ARGUMENT, "has no fixed range");
  FAILS(qdq_quantize_options_set_weight_quantizer(options, "fc.weight", dynamic, &error), QDQ_ERROR_INVALID_ARGUMENT,
        "weight 'fc.weight': quantizer: has no fixed range");
  OK(qdq_quantizer_set_disabled(dynamic, true, &error));
  FAILS(qdq_policy_include_trained(policy, node, NULL, dynamic, &error), QDQ_ERROR_INVALID_ARGUMENT, "is disabled");
  qdq_quantizer_free(&dynamic), qdq_descriptor_free(&descriptor);
  qdq_quantize_options_free(&options), qdq_policy_free(&policy);
}

// A weight that the plan leaves in float is refused, until its quantizer is taken back.
static void left_in_float(void) {
  qdq_model *model = digits(), *quantized;
  qdq_array *array;
  qdq_ranges *ranges;
  qdq_plan *plan;
  const qdq_tensor weight = weight_of(model, &array);
  qdq_descriptor *descriptor = with(8, 0, 0);
  qdq_quantizer *trained = quantizer(descriptor, &weight, 0);
  qdq_quantize_options *options = qdq_quantize_options_new();
  OK(qdq_ranges_new("trained", &ranges, &error));
  OK(qdq_ranges_set(ranges, "input", 1, &error));
  OK(qdq_model_plan(model, NULL, ranges, &plan, &error));
  OK(qdq_quantize_options_set_weight_quantizer(options, "fc.weight", trained, &error));
  FAILS(qdq_model_quantize(model, plan, ranges, options, &quantized, &error), QDQ_ERROR_UNSUPPORTED,
        "weight 'fc.weight' was trained with a quantizer, but node '/fc/Gemm' reads it in float: there is no range");
  OK(qdq_quantize_options_set_weight_quantizer(options, "fc.weight", NULL, &error));
  OK(qdq_quantize_options_set_weight_quantizer(options, "typo", trained, &error));
  FAILS(qdq_model_quantize(model, plan, ranges, options, &quantized, &error), QDQ_ERROR_INVALID_ARGUMENT, "'typo'");
  OK(qdq_quantize_options_set_weight_quantizer(options, "typo", NULL, &error));
  OK(qdq_model_quantize(model, plan, ranges, options, &quantized, &error));
  qdq_model_free(&quantized), qdq_quantize_options_free(&options), qdq_plan_free(&plan), qdq_ranges_free(&ranges);
  qdq_quantizer_free(&trained), qdq_descriptor_free(&descriptor), qdq_array_free(&array), qdq_model_free(&model);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  folder = arguments[1], out_folder = arguments[2];
  input_amax = largest_input();
  format("int8", 8, 0, true, 17, 30);
  format("int8 of 5 bits", 5, 0, true, 17, 20);
  format("fp8", 0, 0, true, 19, 20);
  format("int8-weights", 8, 0, false, 17, 40);
  format("int4-weights by 64", 4, 64, false, 21, 20);
  format("int4-weights by 128", 4, 128, false, 21, 20);
  format("int4-weights of 3 bits", 3, 64, false, 21, 12);
  refusals();
  left_in_float();
  puts("trained: ok");
  return 0;
}
