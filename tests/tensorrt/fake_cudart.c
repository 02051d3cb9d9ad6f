// The functions of libcudart that qdq's tests call. The runtime needs no context of the caller.
#include "fake_device.h"

#include <cuda_runtime_api.h>

#define EXPORT __attribute__((visibility("default")))

// The runtime has both per thread.
static __thread int device;
static __thread cudaError_t last;

static cudaError_t end(int code) {
  fake_end(code);
  if (code != OK) {
    last = (cudaError_t)code;
  }
  return (cudaError_t)code;
}

#define BEGIN                                                                                        \
    int code = fake_begin(__func__);                                                                 \
    if (code == OK && fake_primary(device) == 0) {                                                   \
        code = fake_device_count() == 0 ? NO_DEVICE : INVALID_DEVICE;                                \
    }                                                                                                \
    if (code != OK) {                                                                                \
        return end(code);                                                                            \
    }

EXPORT cudaError_t cudaMalloc(void **pointer, size_t size) {
  BEGIN
  uintptr_t address = 0;
  // The runtime, unlike the driver, accepts a size of 0.
  fake_hold(device);
  code = size == 0 ? OK : fake_allocate(&address, size);
  if (code == OK) {
    *pointer = (void *)address;
  }
  return end(code);
}

EXPORT cudaError_t cudaFree(void *pointer) {
  BEGIN
  return end(fake_free(__func__, (uintptr_t)pointer));
}

static int copy(const char *function, void *to, const void *from, size_t size, enum cudaMemcpyKind kind) {
  int to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  int from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault) {
    to_device = fake_find((uintptr_t)to).size != 0;
    from_device = fake_find((uintptr_t)from).size != 0;
  } else if ((unsigned)kind > cudaMemcpyDefault) {
    return cudaErrorInvalidMemcpyDirection;
  }
  return fake_copy(function, (uintptr_t)to, to_device, (uintptr_t)from, from_device, size);
}

EXPORT cudaError_t cudaMemcpy(void *to, const void *from, size_t size, enum cudaMemcpyKind kind) {
  BEGIN
  return end(copy(__func__, to, from, size, kind));
}

EXPORT cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream) {
  BEGIN(void) stream;
  return end(copy(__func__, to, from, size, kind));
}

EXPORT cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  BEGIN(void) stream;
  return end(OK);
}

EXPORT cudaError_t cudaGetDevice(int *out) {
  BEGIN
  *out = device;
  return end(OK);
}

EXPORT cudaError_t cudaSetDevice(int ordinal) {
  int code = fake_begin(__func__);
  if (code == OK && fake_primary(ordinal) == 0) {
    code = INVALID_DEVICE;
  }
  if (code == OK) {
    device = ordinal;
  }
  return end(code);
}

EXPORT cudaError_t cudaGetLastError(void) {
  fake_begin(__func__);
  cudaError_t error = last;
  last = cudaSuccess;
  fake_end(OK);
  return error;
}

EXPORT const char *cudaGetErrorString(cudaError_t error) {
  switch ((int)error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInitializationError: return "initialization error";
    case cudaErrorInvalidMemcpyDirection: return "invalid copy direction for memcpy";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
    default: return "unrecognized error code";
  }
}
