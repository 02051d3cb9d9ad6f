// The fake CUDA detects every misuse that it should detect.
//
// usage: fake_cuda_test LIBRARY, which contains the driver and the runtime

#include "fake_cuda.h"

#include <cuda_runtime_api.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long long CUdeviceptr;
typedef void *CUcontext;

static void *library;
static int failed;

#define EXPECT(holds)                                            \
    do {                                                         \
        if (!(holds)) {                                          \
            printf("line %d: not %s\n", __LINE__, #holds);       \
            ++failed;                                            \
        }                                                        \
    } while (0)

static void *symbol(const char *name) {
  void *address = dlsym(library, name);
  if (address == NULL) {
    printf("%s is missing\n", name);
    exit(2);
  }
  return address;
}

// A function of the library under its own name, with its type.
#define USE(type, name, ...)                          \
    type(*name)(__VA_ARGS__);                         \
    do {                                              \
        void* found = symbol(#name);                  \
        memcpy(&name, &found, sizeof found);          \
    } while (0)

static void contexts(void) {
  USE(int, cuInit, unsigned);
  USE(int, cuDeviceGet, int *, int);
  USE(int, cuDevicePrimaryCtxRetain, CUcontext *, int);
  USE(int, cuDevicePrimaryCtxRelease_v2, int);
  USE(int, cuCtxPushCurrent_v2, CUcontext);
  USE(int, cuCtxPopCurrent_v2, CUcontext *);
  USE(int, cuCtxGetCurrent, CUcontext *);
  USE(int, cuCtxSynchronize, void);
  USE(int, cuMemAlloc_v2, CUdeviceptr *, size_t);
  USE(int, cuGetErrorString, int, const char **);
  USE(void, fake_cuda_reset, void);
  USE(void, fake_cuda_devices, int);
  USE(int, fake_cuda_errors, void);
  USE(int, fake_cuda_retained, void);
  USE(int, fake_cuda_depth, void);

  int device = -1;
  CUdeviceptr pointer = 0;
  EXPECT(cuDeviceGet(&device, 0) == 3);
  fake_cuda_devices(0);
  EXPECT(cuInit(0) == 100);
  fake_cuda_devices(1);
  EXPECT(cuInit(0) == 0);
  EXPECT(cuDeviceGet(&device, 1) == 101);
  EXPECT(cuDeviceGet(&device, 0) == 0 && device == 0);

  CUcontext context = NULL;
  EXPECT(cuMemAlloc_v2(&pointer, 4) == 201);
  EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == 0 && context != NULL && fake_cuda_retained() == 1);
  EXPECT(cuCtxPushCurrent_v2(context) == 0 && fake_cuda_depth() == 1 && cuCtxSynchronize() == 0);
  EXPECT(cuDevicePrimaryCtxRelease_v2(0) == 0 && cuCtxSynchronize() == 709);
  EXPECT(cuDevicePrimaryCtxRelease_v2(0) == 201 && fake_cuda_errors() == 1);
  CUcontext popped = NULL;
  EXPECT(cuCtxPopCurrent_v2(&popped) == 0 && popped == context && fake_cuda_depth() == 0);
  EXPECT(cuCtxPopCurrent_v2(&popped) == 201);
  EXPECT(cuCtxGetCurrent(&popped) == 0 && popped == NULL);
  EXPECT(cuCtxPushCurrent_v2(&device) == 201);

  const char *text = NULL;
  EXPECT(cuGetErrorString(2, &text) == 0 && strcmp(text, "out of memory") == 0);
  EXPECT(cuGetErrorString(12345, &text) == 1 && text == NULL);
  fake_cuda_reset();
  EXPECT(fake_cuda_errors() == 0);
}

static void touched(int signal) {
  (void)signal;
  _exit(42);
}

// Whether the host can read a byte there.
static int readable(CUdeviceptr pointer) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, touched);
    volatile char byte = *(volatile char *)(size_t)pointer;
    (void)byte;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void memory(void) {
  USE(int, cuDevicePrimaryCtxRetain, CUcontext *, int);
  USE(int, cuDevicePrimaryCtxRelease, int);
  USE(int, cuCtxSetCurrent, CUcontext);
  USE(int, cuMemAlloc_v2, CUdeviceptr *, size_t);
  USE(int, cuMemFree_v2, CUdeviceptr);
  USE(int, cuMemcpyHtoD_v2, CUdeviceptr, const void *, size_t);
  USE(int, cuMemcpyHtoDAsync_v2, CUdeviceptr, const void *, size_t, void *);
  USE(int, cuMemcpyDtoD_v2, CUdeviceptr, CUdeviceptr, size_t);
  USE(int, cuMemcpyDtoH_v2, void *, CUdeviceptr, size_t);
  USE(int, cuPointerGetAttribute, void *, int, CUdeviceptr);
  USE(void, fake_cuda_reset, void);
  USE(void, fake_cuda_fail, const char *, int, int);
  USE(void, fake_cuda_limit, size_t);
  USE(void, fake_cuda_protect, int);
  USE(int, fake_cuda_calls, const char *);
  USE(size_t, fake_cuda_live, void);
  USE(size_t, fake_cuda_live_bytes, void);
  USE(size_t, fake_cuda_peak_bytes, void);
  USE(int, fake_cuda_errors, void);
  USE(const char *, fake_cuda_report, void);

  CUcontext context = NULL;
  EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == 0 && cuCtxSetCurrent(context) == 0);
  CUdeviceptr a = 0;
  CUdeviceptr b = 0;
  char in[9] = "12345678";
  char out[9] = "";
  EXPECT(cuMemAlloc_v2(&a, 0) == 1);
  EXPECT(cuMemAlloc_v2(&a, 8) == 0 && cuMemAlloc_v2(&b, 4096) == 0);
  EXPECT(fake_cuda_live() == 2 && fake_cuda_live_bytes() == 4104);
  EXPECT(cuMemcpyHtoD_v2(a, in, 8) == 0 && cuMemcpyDtoD_v2(b + 4088, a, 8) == 0);
  EXPECT(cuMemcpyDtoH_v2(out, b + 4088, 8) == 0 && strcmp(in, out) == 0);
  EXPECT(cuMemcpyHtoDAsync_v2(a, in, 8, NULL) == 0 && fake_cuda_calls("cuMemcpyHtoDAsync_v2") == 1);
  size_t size = 0;
  unsigned kind = 0;
  EXPECT(cuPointerGetAttribute(&size, 12, b + 5) == 0 && size == 4096);
  EXPECT(cuPointerGetAttribute(&kind, 2, a) == 0 && kind == 2);
  EXPECT(cuPointerGetAttribute(&kind, 2, (CUdeviceptr)(size_t)in) == 1);
  EXPECT(fake_cuda_errors() == 0);

  // Misuse.
  EXPECT(cuMemcpyHtoD_v2(a, in, 9) == 1 && fake_cuda_errors() == 1);
  EXPECT(cuMemcpyDtoH_v2(out, b + 4090, 8) == 1 && fake_cuda_errors() == 2);
  EXPECT(cuMemcpyDtoD_v2(a, (CUdeviceptr)(size_t)in, 1) == 1 && fake_cuda_errors() == 3);
  EXPECT(cuMemFree_v2(a + 1) == 1 && fake_cuda_errors() == 4);
  ((char *)(size_t)a)[8] = 1;
  EXPECT(fake_cuda_errors() == 5 && strstr(fake_cuda_report(), "8 bytes was written 1 bytes past its end") != NULL);
  EXPECT(cuMemFree_v2(a) == 0 && cuMemFree_v2(a) == 1 && fake_cuda_errors() == 6);
  EXPECT(fake_cuda_peak_bytes() == 4104 && fake_cuda_live_bytes() == 4096);
  EXPECT(cuDevicePrimaryCtxRelease(0) == 0 && fake_cuda_errors() == 7);
  EXPECT(strstr(fake_cuda_report(), "live allocations: 1, live bytes: 4096") != NULL);
  EXPECT(cuDevicePrimaryCtxRetain(&context, 0) == 0);
  fake_cuda_reset();
  EXPECT(fake_cuda_live() == 0 && fake_cuda_errors() == 0 && fake_cuda_calls(NULL) == 0);

  // Requested failures.
  fake_cuda_fail("cuMemAlloc_v2", 2, 2);
  EXPECT(cuMemAlloc_v2(&a, 8) == 0 && cuMemAlloc_v2(&b, 8) == 2 && cuMemAlloc_v2(&b, 8) == 0);
  fake_cuda_fail(NULL, 1, 999);
  EXPECT(cuMemcpyHtoD_v2(a, in, 8) == 999 && cuMemcpyHtoD_v2(a, in, 8) == 0);
  EXPECT(cuMemFree_v2(b) == 0);
  fake_cuda_limit(16);
  EXPECT(cuMemAlloc_v2(&b, 9) == 2 && cuMemAlloc_v2(&b, 8) == 0);
  EXPECT(cuMemFree_v2(b) == 0);

  // The host must not access device memory.
  EXPECT(readable(a));
  fake_cuda_protect(1);
  EXPECT(!readable(a) && cuMemcpyDtoH_v2(out, a, 8) == 0 && strcmp(in, out) == 0);
  EXPECT(!readable(a) && cuMemFree_v2(a) == 0 && fake_cuda_errors() == 0);
  fake_cuda_protect(0);
  EXPECT(cuCtxSetCurrent(NULL) == 0 && cuDevicePrimaryCtxRelease(0) == 0 && fake_cuda_errors() == 0);
}

static void runtime(void) {
  USE(cudaError_t, cudaMalloc, void **, size_t);
  USE(cudaError_t, cudaFree, void *);
  USE(cudaError_t, cudaMemcpy, void *, const void *, size_t, enum cudaMemcpyKind);
  USE(cudaError_t, cudaGetDevice, int *);
  USE(cudaError_t, cudaSetDevice, int);
  USE(cudaError_t, cudaGetLastError, void);
  USE(const char *, cudaGetErrorString, cudaError_t);
  USE(cudaError_t, cudaStreamSynchronize, cudaStream_t);
  USE(void, fake_cuda_reset, void);
  USE(void, fake_cuda_fail, const char *, int, int);
  USE(int, fake_cuda_errors, void);
  USE(size_t, fake_cuda_live, void);

  fake_cuda_reset();
  void *pointer = NULL;
  char in[9] = "12345678";
  char out[9] = "";
  int device = -1;
  EXPECT(cudaGetDevice(&device) == cudaSuccess && device == 0);
  EXPECT(cudaSetDevice(9) == cudaErrorInvalidDevice && cudaGetLastError() == cudaErrorInvalidDevice);
  EXPECT(cudaGetLastError() == cudaSuccess);
  EXPECT(cudaMalloc(&pointer, 8) == cudaSuccess && fake_cuda_live() == 1);
  EXPECT(cudaMemcpy(pointer, in, 8, cudaMemcpyHostToDevice) == cudaSuccess);
  EXPECT(cudaMemcpy(out, pointer, 8, cudaMemcpyDefault) == cudaSuccess && strcmp(in, out) == 0);
  EXPECT(cudaMemcpy(pointer, in, 9, cudaMemcpyHostToDevice) == cudaErrorInvalidValue && fake_cuda_errors() == 1);
  EXPECT(cudaStreamSynchronize(NULL) == cudaSuccess);
  fake_cuda_fail("cudaMalloc", 1, cudaErrorMemoryAllocation);
  void *other = NULL;
  EXPECT(cudaMalloc(&other, 8) == cudaErrorMemoryAllocation && other == NULL);
  EXPECT(strcmp(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory") == 0);
  EXPECT(cudaFree(NULL) == cudaSuccess && cudaFree(pointer) == cudaSuccess && fake_cuda_live() == 0);
  fake_cuda_reset();
}

int main(int argc, char **argv) {
  library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    printf("usage: fake_cuda_test LIBRARY\n%s\n", argc == 2 ? dlerror() : "");
    return 2;
  }
  contexts();
  memory();
  runtime();
  return failed != 0;
}
