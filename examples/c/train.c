// Trains a network of two layers on images of digits and quantizes it. Quantization-aware training then
// recovers the lost accuracy. The training loop is the program's own over the C interface, without a
// framework.
//
// Activations have 4 bits and a learned clip range. Weights have 2 bits, are narrow (-1, 0 and 1), and have a
// learned step per row.
// usage: train DIGITS_FOLDER OUT_FOLDER [SEED]
#include <math.h>
#include <qdq/qdq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN = 256, TEST = 500, BATCH = 32, EPOCHS = 1000, PIXELS = 64, HIDDEN = 32, CLASSES = 10 };

static const double rate = 0.1;  // The learning rate at the start.

// Numbers that training changes, by gradient descent with momentum.
struct parameters {
  int count;
  float values[PIXELS * HIDDEN], gradients[PIXELS * HIDDEN], velocities[PIXELS * HIDDEN];
};

// outputs = quantized inputs * quantized weights + bias. The inputs have one range, and every row of the
// weights has one step.
struct layer {
  const char *input;  // The name of its input in the network's ONNX model.
  int inputs, outputs;
  struct parameters weights, bias, steps, range;
  qdq_quantizer *quantizer;
  qdq_descriptor *descriptor;  // The descriptor of the weights.
  float x[BATCH * PIXELS], quantized_x[BATCH * PIXELS], quantized_weights[PIXELS * HIDDEN], y[BATCH * PIXELS];
};

static qdq_error *error;
static struct layer layers[2] = {{.input = "image", .inputs = PIXELS, .outputs = HIDDEN},
                                 {.input = "hidden", .inputs = HIDDEN, .outputs = CLASSES}};
static bool is_quantized;  // Whether the weights are quantized.
static float train_images[TRAIN * PIXELS], test_images[TEST * PIXELS];
static int64_t train_labels[TRAIN], test_labels[TEST];
static uint64_t random_state;

// Ends the program with qdq's error text if a call has failed.
static void must(qdq_status status) {
  if (status == QDQ_OK) return;
  fprintf(stderr, "error: %s\n", qdq_error_text(error));
  exit(2);
}

// Returns a random number from 0 to below 1.
static double random_number(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(random_state >> 40) / (1 << 24);
}

// Returns a matrix as a tensor, which keeps the pointer to `shape`.
static qdq_tensor matrix(float *data, int64_t shape[2], int rows, int columns) {
  shape[0] = rows, shape[1] = columns;
  return (qdq_tensor){.data = data, .dtype = QDQ_DTYPE_F32, .ndim = 2, .shape = shape};
}

static void load(const char *folder, const char *name, int count, float *images, int64_t *labels) {
  char path[4096];
  const char *paths[1] = {path};
  const int64_t shape[4] = {QDQ_DYNAMIC, 1, 8, 8};
  qdq_specs *specs = qdq_specs_new();
  qdq_data_options *options = qdq_data_options_new();
  qdq_batches *batches;
  qdq_batch *batch;
  qdq_array *value;
  qdq_tensor tensor;
  snprintf(path, sizeof path, "%s/%s.npz", folder, name);
  must(qdq_specs_add(specs, "input", QDQ_DTYPE_F32, 4, shape, &error));
  must(qdq_data_options_set_batch_size(options, (size_t)count, &error));
  must(qdq_batches_open(specs, paths, 1, options, &batches, &error));
  must(qdq_batches_next(batches, &batch, &error));
  must(qdq_batch_at(batch, 0, &tensor, &error));
  memcpy(images, tensor.data, sizeof(float) * (size_t)count * PIXELS);
  snprintf(path, sizeof path, "%s/%s_labels.npy", folder, name);
  must(qdq_array_read_npy(path, &value, &error));
  must(qdq_array_view(value, &tensor, &error));
  memcpy(labels, tensor.data, sizeof(int64_t) * (size_t)count);
  qdq_array_free(&value);
  qdq_batch_free(&batch);
  qdq_batches_free(&batches);
  qdq_data_options_free(&options);
  qdq_specs_free(&specs);
}

static void make_layers(void) {
  for (struct layer *l = layers; l < layers + 2; l++) {
    l->weights.count = l->inputs * l->outputs;
    l->bias.count = l->steps.count = l->outputs;
    l->range.count = 1;
    for (int i = 0; i < l->weights.count; i++) {
      l->weights.values[i] = (float)((2 * random_number() - 1) * sqrt(6.0 / l->inputs));
    }
    // Images and the outputs of a ReLU are never negative.
    qdq_descriptor *input = qdq_descriptor_new();
    must(qdq_descriptor_set_name(input, l->input, &error));
    must(qdq_descriptor_set_num_bits(input, 4, &error));
    must(qdq_descriptor_set_unsigned(input, true, &error));
    must(qdq_descriptor_set_learn_amax(input, true, &error));
    must(qdq_descriptor_set_calib_method(input, QDQ_CALIB_HISTOGRAM, &error));
    must(qdq_quantizer_new(input, &l->quantizer, &error));
    must(qdq_quantizer_set_disabled(l->quantizer, true, &error));
    qdq_descriptor_free(&input);
    l->descriptor = qdq_descriptor_new();
    must(qdq_descriptor_set_narrow_range(l->descriptor, true, &error));
  }
}

// Computes l->y from `count` rows of l->x.
static void forward(struct layer *l, int count) {
  int64_t shapes[3][2];
  qdq_tensor x = matrix(l->x, shapes[0], count, l->inputs), quantized_x = x;
  qdq_tensor weights = matrix(l->weights.values, shapes[1], l->outputs, l->inputs), quantized_weights = weights;
  qdq_tensor steps = matrix(l->steps.values, shapes[2], l->outputs, 1);
  quantized_x.data = l->quantized_x, quantized_weights.data = l->quantized_weights;
  must(qdq_quantizer_forward(l->quantizer, &x, &quantized_x, &error));
  if (is_quantized) {
    must(qdq_tensor_learned_step_quant(&weights, &steps, l->descriptor, &quantized_weights, &error));
  } else {
    memcpy(l->quantized_weights, l->weights.values, sizeof l->quantized_weights);
  }
  for (int n = 0; n < count; n++) {
    for (int o = 0; o < l->outputs; o++) {
      float sum = l->bias.values[o];
      for (int i = 0; i < l->inputs; i++) sum += l->quantized_x[n * l->inputs + i] * l->quantized_weights[o * l->inputs + i];
      l->y[n * l->outputs + o] = sum;
    }
  }
}

// Computes the gradients of the parameters, and that of l->x into to_x, from the gradient of l->y.
static void backward(struct layer *l, int count, const float *to_y, float *to_x) {
  memset(to_x, 0, sizeof(float) * (size_t)(count * l->inputs));
  memset(l->weights.gradients, 0, sizeof l->weights.gradients);
  memset(l->bias.gradients, 0, sizeof l->bias.gradients);
  for (int n = 0; n < count; n++) {
    for (int o = 0; o < l->outputs; o++) {
      float g = to_y[n * l->outputs + o];
      l->bias.gradients[o] += g;
      for (int i = 0; i < l->inputs; i++) {
        to_x[n * l->inputs + i] += g * l->quantized_weights[o * l->inputs + i];
        l->weights.gradients[o * l->inputs + i] += g * l->quantized_x[n * l->inputs + i];
      }
    }
  }
  // These are the gradients of the quantized numbers. qdq computes those of the original numbers.
  int64_t shapes[3][2];
  qdq_tensor x = matrix(l->x, shapes[0], count, l->inputs), x_gradient = x;
  qdq_tensor weights = matrix(l->weights.values, shapes[1], l->outputs, l->inputs), weight_gradient = weights;
  qdq_tensor steps = matrix(l->steps.values, shapes[2], l->outputs, 1), step_gradient = steps;
  x_gradient.data = to_x, weight_gradient.data = l->weights.gradients, step_gradient.data = l->steps.gradients;
  double to_max;
  must(qdq_quantizer_backward(l->quantizer, &x_gradient, &x, &x_gradient, NULL, &to_max, &error));
  l->range.gradients[0] = (float)to_max;
  if (!is_quantized) return;
  float scale;
  must(qdq_tensor_learned_step_gradient_scale((size_t)l->inputs, l->descriptor, &scale, &error));
  must(qdq_tensor_learned_step_quant_backward(&weight_gradient, &weights, &steps, l->descriptor, scale, &weight_gradient,
                                              &step_gradient, &error));
}

// Computes the network's answers to `count` images, in layers[1].y.
static void run(const float *images, int count) {
  memcpy(layers[0].x, images, sizeof(float) * (size_t)(count * PIXELS));
  forward(&layers[0], count);
  for (int i = 0; i < count * HIDDEN; i++) layers[1].x[i] = fmaxf(layers[0].y[i], 0);
  forward(&layers[1], count);
}

static double accuracy(void) {
  int right = 0;
  for (int at = 0; at < TEST; at += BATCH) {
    int count = TEST - at < BATCH ? TEST - at : BATCH;
    run(test_images + at * PIXELS, count);
    for (int n = 0; n < count; n++) {
      int best = 0;
      for (int c = 1; c < CLASSES; c++) {
        if (layers[1].y[n * CLASSES + c] > layers[1].y[n * CLASSES + best]) best = c;
      }
      right += best == test_labels[at + n];
    }
  }
  return 100.0 * right / TEST;
}

static void descend(struct parameters *p, double rate) {
  for (int i = 0; i < p->count; i++) {
    p->velocities[i] = 0.9f * p->velocities[i] + p->gradients[i];
    p->values[i] -= (float)rate * p->velocities[i];
  }
}

// Moves all parameters against the gradients of the last run() on `count` images.
static void learn(const int64_t *labels, int count, double rate) {
  float to_y[BATCH * CLASSES], to_hidden[BATCH * HIDDEN], to_image[BATCH * PIXELS];
  // The gradient of the mean cross-entropy is softmax minus the label, divided by the number of images.
  for (int n = 0; n < count; n++) {
    float *y = layers[1].y + n * CLASSES, max = y[0], sum = 0;
    for (int c = 1; c < CLASSES; c++) max = fmaxf(max, y[c]);
    for (int c = 0; c < CLASSES; c++) sum += expf(y[c] - max);
    for (int c = 0; c < CLASSES; c++) {
      to_y[n * CLASSES + c] = (expf(y[c] - max) / sum - (c == labels[n])) / (float)count;
    }
  }
  backward(&layers[1], count, to_y, to_hidden);
  for (int i = 0; i < count * HIDDEN; i++) to_hidden[i] = layers[0].y[i] > 0 ? to_hidden[i] : 0;
  backward(&layers[0], count, to_hidden, to_image);
  for (struct layer *l = layers; l < layers + 2; l++) {
    descend(&l->weights, rate);
    descend(&l->bias, rate);
    if (!is_quantized) continue;
    descend(&l->steps, rate);
    for (int o = 0; o < l->outputs; o++) l->steps.values[o] = fmaxf(l->steps.values[o], 1e-4f);
    descend(&l->range, rate);
    l->range.values[0] = fmaxf(l->range.values[0], 1e-2f);
    must(qdq_quantizer_set_clip_range(l->quantizer, 0, l->range.values[0], &error));
  }
}

static void train(const qdq_qat_schedule *schedule) {
  int order[TRAIN];
  float images[BATCH * PIXELS];
  int64_t labels[BATCH];
  for (int i = 0; i < TRAIN; i++) order[i] = i;
  for (struct layer *l = layers; l < layers + 2; l++) {
    memset(l->weights.velocities, 0, sizeof l->weights.velocities);
    memset(l->bias.velocities, 0, sizeof l->bias.velocities);
  }
  for (uint64_t epoch = 0; epoch < qdq_qat_schedule_steps(schedule); epoch++) {
    for (int i = TRAIN - 1; i > 0; i--) {
      int j = (int)(random_number() * (i + 1)), swapped = order[i];
      order[i] = order[j], order[j] = swapped;
    }
    for (int at = 0; at < TRAIN; at += BATCH) {
      for (int n = 0; n < BATCH; n++) {
        memcpy(images + n * PIXELS, train_images + order[at + n] * PIXELS, sizeof(float) * PIXELS);
        labels[n] = train_labels[order[at + n]];
      }
      run(images, BATCH);
      learn(labels, BATCH, qdq_qat_schedule_learning_rate(schedule, epoch));
    }
  }
}

// Finds the ranges of the layers' inputs on the images. From now on, the inputs are quantized.
static void quantize_inputs(void) {
  for (struct layer *l = layers; l < layers + 2; l++) {
    must(qdq_quantizer_set_disabled(l->quantizer, false, &error));
    must(qdq_quantizer_set_quantizing(l->quantizer, false, &error));
    must(qdq_quantizer_set_calibrating(l->quantizer, true, &error));
  }
  for (int at = 0; at < TRAIN; at += BATCH) run(train_images + at * PIXELS, BATCH);
  for (struct layer *l = layers; l < layers + 2; l++) {
    qdq_array *amax;
    must(qdq_quantizer_load_calib_amax(l->quantizer, QDQ_METHOD_MSE, 0, true, NULL, &error));
    must(qdq_quantizer_amax(l->quantizer, &amax, &error));
    l->range.values[0] = qdq_array_values(amax)[0];
    must(qdq_quantizer_set_clip_range(l->quantizer, 0, l->range.values[0], &error));
    must(qdq_quantizer_set_calibrating(l->quantizer, false, &error));
    must(qdq_quantizer_set_quantizing(l->quantizer, true, &error));
    qdq_array_free(&amax);
  }
}

// Finds a step for every row of the weights. From now on, the weights are quantized.
static void quantize_weights(uint32_t bits) {
  for (struct layer *l = layers; l < layers + 2; l++) {
    int64_t shape[2];
    qdq_tensor weights = matrix(l->weights.values, shape, l->outputs, l->inputs);
    qdq_array *amax;
    must(qdq_weights_amax(&weights, 0, QDQ_METHOD_MSE, 0, bits, false, &amax, &error));
    for (int o = 0; o < l->outputs; o++) l->steps.values[o] = qdq_array_values(amax)[o] / (float)((1 << (bits - 1)) - 1);
    must(qdq_descriptor_set_num_bits(l->descriptor, bits, &error));
    qdq_array_free(&amax);
  }
  is_quantized = true;
}

// Writes the trained ranges for TensorRT, as a calibration cache and as JSON.
static void write_ranges(const char *folder) {
  char path[4096];
  qdq_ranges *ranges;
  qdq_cache *cache;
  must(qdq_ranges_new("trained", &ranges, &error));
  for (struct layer *l = layers; l < layers + 2; l++) {
    qdq_array *amax;
    must(qdq_quantizer_amax_for_export(l->quantizer, &amax, &error));
    must(qdq_ranges_set(ranges, l->input, qdq_array_values(amax)[0], &error));
    qdq_array_free(&amax);
  }
  must(qdq_cache_from_ranges(ranges, 100300, QDQ_ALGORITHM_ENTROPY_2, &cache, &error));
  snprintf(path, sizeof path, "%s/trained.cache", folder);
  must(qdq_cache_save(cache, path, &error));
  snprintf(path, sizeof path, "%s/trained.json", folder);
  must(qdq_ranges_save(ranges, path, &error));
  qdq_cache_free(&cache);
  qdq_ranges_free(&ranges);
}

int main(int count, char **arguments) {
  if (count != 3 && count != 4) {
    fprintf(stderr, "usage: %s DIGITS_FOLDER OUT_FOLDER [SEED]\n", arguments[0]);
    return 2;
  }
  random_state = count == 4 ? strtoull(arguments[3], NULL, 10) : 1;
  load(arguments[1], "calib", TRAIN, train_images, train_labels);
  load(arguments[1], "test", TEST, test_images, test_labels);
  make_layers();

  qdq_qat_schedule *original, *fine_tuning;
  must(qdq_qat_schedule_new(EPOCHS, rate, rate / 100, &original, &error));
  train(original);
  printf("float: %.1f%%\n", accuracy());
  quantize_inputs();
  for (uint32_t bits = 4; bits >= 2; bits -= 2) {
    quantize_weights(bits);
    printf("%u-bit weights, calibrated: %.1f%%\n", bits, accuracy());
  }
  // For 8 bits, qdq_qat_schedule_from_original() has the usual numbers. With 2 bits there is more to repair,
  // so the rate is higher.
  must(qdq_qat_schedule_new(EPOCHS / 10, rate / 3, rate / 300, &fine_tuning, &error));
  train(fine_tuning);
  printf("2-bit weights, trained: %.1f%%\n", accuracy());
  write_ranges(arguments[2]);

  qdq_qat_schedule_free(&original);
  qdq_qat_schedule_free(&fine_tuning);
  for (struct layer *l = layers; l < layers + 2; l++) {
    qdq_quantizer_free(&l->quantizer);
    qdq_descriptor_free(&l->descriptor);
  }
  return 0;
}
