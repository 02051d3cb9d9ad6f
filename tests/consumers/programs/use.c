/* A typical program in C: it compares the versions, observes a tensor, computes a range, and reads an error. */
#include <qdq/qdq.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  if (qdq_version() != QDQ_VERSION || strcmp(qdq_version_text(), QDQ_VERSION_TEXT) != 0) {
    fprintf(stderr, "the header is %s, the library %s\n", QDQ_VERSION_TEXT, qdq_version_text());
    return 1;
  }
  float x[3] = {-3, 1, 2}, amax = 0;
  const int64_t shape[1] = {3};
  qdq_tensor tensor = {0};
  tensor.data = x;
  tensor.dtype = QDQ_DTYPE_F32;
  tensor.ndim = 1;
  tensor.shape = shape;
  qdq_error *error = NULL;
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  if (qdq_tensor_stats_amax(stats, QDQ_METHOD_MAX, 0, 8, false, &amax, &error) != QDQ_ERROR_DATA) {
    fprintf(stderr, "a range of nothing: %g\n", amax);
    return 1;
  }
  qdq_error_free(&error);
  if (qdq_tensor_stats_observe(stats, &tensor, &error) ||
      qdq_tensor_stats_amax(stats, QDQ_METHOD_MAX, 0, 8, false, &amax, &error)) {
    fprintf(stderr, "%s\n", qdq_error_text(error));
    return 1;
  }
  qdq_tensor_stats_free(&stats);
  printf("qdq %s\n", qdq_version_text());
  return amax == 3 ? 0 : 1;
}
