// A DLTensor has the same layout as a qdq_tensor, so a pointer to one can be used as a pointer to the other.
#include <stddef.h>
#include <string.h>

#include "check.h"

#if defined(__has_include)
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#define HAS_DLPACK 1
#endif
#endif

#ifndef HAS_DLPACK
// The layout that DLPack documents.
typedef struct {
  int32_t device_type;
  int32_t device_id;
} DLDevice;

typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} DLTensor;

enum { kDLCPU = 1 };
enum { kDLInt, kDLUInt, kDLFloat, kDLBfloat = 4 };
#endif

_Static_assert(sizeof(DLTensor) == sizeof(qdq_tensor), "size");
_Static_assert(offsetof(DLTensor, data) == offsetof(qdq_tensor, data), "data");
_Static_assert(offsetof(DLTensor, device) == offsetof(qdq_tensor, device_type), "device");
_Static_assert(offsetof(DLTensor, ndim) == offsetof(qdq_tensor, ndim), "ndim");
_Static_assert(offsetof(DLTensor, dtype) == offsetof(qdq_tensor, dtype), "dtype");
_Static_assert(offsetof(DLTensor, shape) == offsetof(qdq_tensor, shape), "shape");
_Static_assert(offsetof(DLTensor, strides) == offsetof(qdq_tensor, strides), "strides");
_Static_assert(offsetof(DLTensor, byte_offset) == offsetof(qdq_tensor, byte_offset), "byte_offset");
_Static_assert(QDQ_DEVICE_CPU == kDLCPU, "device");

static void check_type(uint8_t code, uint8_t bits, qdq_dtype expected) {
  DLDataType type = {code, bits, 1};
  qdq_dtype found;
  memcpy(&found, &type, sizeof found);
  CHECK(found == expected);
}

int main(void) {
  check_type(kDLFloat, 32, QDQ_DTYPE_F32);
  check_type(kDLFloat, 16, QDQ_DTYPE_F16);
  check_type(kDLBfloat, 16, QDQ_DTYPE_BF16);
  check_type(kDLFloat, 64, QDQ_DTYPE_F64);
  check_type(kDLInt, 8, QDQ_DTYPE_I8);
  check_type(kDLUInt, 8, QDQ_DTYPE_U8);
  check_type(kDLInt, 64, QDQ_DTYPE_I64);
  check_type(kDLInt, 4, QDQ_DTYPE_I4);

  // The second column of a matrix after an offset, and a transposed view.
  float numbers[8] = {100, 1, 2, 3, 4, 5, 6, 7};
  int64_t shape[1] = {3}, strides[1] = {2};
  DLTensor column = {numbers, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape, strides, 2 * sizeof(float)};
  qdq_error *error;
  qdq_tensor_stats *stats = qdq_tensor_stats_new();
  OK(qdq_tensor_stats_observe(stats, (const qdq_tensor *)&column, &error));
  CHECK(qdq_tensor_stats_values(stats) == 3);
  CHECK(qdq_tensor_stats_min(stats) == 2 && qdq_tensor_stats_max(stats) == 6);
  qdq_tensor_stats_free(&stats);

  int64_t matrix[2] = {2, 4}, turned[2] = {1, 2};
  int8_t integers[8];
  DLTensor from = {numbers, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, matrix, turned, 0};
  DLTensor to = {integers, {kDLCPU, 0}, 2, {kDLInt, 8, 1}, matrix, NULL, 0};
  qdq_descriptor *descriptor = qdq_descriptor_new();
  qdq_array *scale;
  OK(qdq_tensor_quantize((const qdq_tensor *)&from, NULL, descriptor, (const qdq_tensor *)&to, &scale, &error));
  CHECK(qdq_array_count(scale) == 1 && qdq_array_values(scale)[0] == 127.0f / 100.0f);
  const int8_t expected[8] = {127, 3, 5, 8, 1, 4, 6, 9};  // 100 2 4 6, 1 3 5 7 by 1.27
  CHECK(memcmp(integers, expected, sizeof expected) == 0);
  qdq_array_free(&scale);

  // Device memory is refused with a remedy. Elements that share memory are not written.
  DLTensor device = from;
  device.device.device_type = 2;
  FAILS(qdq_tensor_quantize((const qdq_tensor *)&device, NULL, descriptor, (const qdq_tensor *)&to, NULL, &error),
        QDQ_ERROR_UNSUPPORTED, "device type 2");
  int64_t shared[2] = {0, 1};
  to.strides = shared;
  FAILS(qdq_tensor_quantize((const qdq_tensor *)&from, NULL, descriptor, (const qdq_tensor *)&to, NULL, &error),
        QDQ_ERROR_INVALID_ARGUMENT, "share memory");
  DLTensor odd = from;
  odd.byte_offset = 1;
  FAILS(qdq_tensor_quantize((const qdq_tensor *)&odd, NULL, descriptor, (const qdq_tensor *)&to, NULL, &error),
        QDQ_ERROR_INVALID_ARGUMENT, "not aligned");
  qdq_descriptor_free(&descriptor);
#ifdef HAS_DLPACK
  puts("dlpack: ok, against dlpack.h");
#else
  puts("dlpack: ok, against the documented layout");
#endif
  return 0;
}
