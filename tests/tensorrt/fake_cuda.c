// The functions of libcuda.so.1 that qdq calls.
#include "fake_cuda.h"
#include "fake_device.h"

#define EXPORT __attribute__((visibility("default")))
#define DEPTH 16

typedef unsigned long long CUdeviceptr;
typedef int CUdevice;
typedef Context *CUcontext;
typedef void *CUstream;

static int initialized;
// A driver has such a stack per thread.
static __thread struct {
  CUcontext contexts[DEPTH];
  int depth;
} stack;

static CUcontext current(void) { return stack.depth == 0 ? 0 : stack.contexts[stack.depth - 1]; }

// Returns the reason that stops a call: a rule, a missing cuInit, a missing or dead context.
static int begin(const char *function, int needs_context) {
  int code = fake_begin(function);
  if (code == OK && !initialized) {
    code = NOT_INITIALIZED;
  }
  if (code == OK && needs_context) {
    code = current() == 0 ? INVALID_CONTEXT : fake_is_alive(current()) ? OK : CONTEXT_IS_DESTROYED;
  }
  return code;
}

#define BEGIN(needs_context)                          \
    int code = begin(__func__, needs_context);        \
    if (code != OK) {                                 \
        return fake_end(code);                        \
    }

EXPORT int cuInit(unsigned int flags) {
  int code = fake_begin(__func__);
  if (code == OK) {
    code = flags != 0 ? INVALID_VALUE : fake_device_count() == 0 ? NO_DEVICE : OK;
  }
  initialized = initialized || code == OK;
  return fake_end(code);
}

EXPORT int cuDriverGetVersion(int *version) {
  int code = fake_begin(__func__);
  if (code == OK) {
    *version = 12040;
  }
  return fake_end(code);
}

EXPORT int cuDeviceGet(CUdevice *device, int ordinal) {
  BEGIN(0)
  if (fake_primary(ordinal) == 0) {
    return fake_end(INVALID_DEVICE);
  }
  *device = ordinal;
  return fake_end(OK);
}

EXPORT int cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  BEGIN(0)
  code = fake_retain(device);
  if (code == OK) {
    *context = fake_primary(device);
  }
  return fake_end(code);
}

EXPORT int cuDevicePrimaryCtxRelease(CUdevice device) {
  BEGIN(0)
  return fake_end(fake_release(device));
}

EXPORT int cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  BEGIN(0)
  return fake_end(fake_release(device));
}

EXPORT int cuCtxGetCurrent(CUcontext *context) {
  BEGIN(0)
  *context = current();
  return fake_end(OK);
}

EXPORT int cuCtxSetCurrent(CUcontext context) {
  BEGIN(0)
  if (context == 0) {
    stack.depth -= stack.depth > 0;
    return fake_end(OK);
  }
  if (!fake_is_alive(context)) {
    return fake_end(INVALID_CONTEXT);
  }
  stack.depth += stack.depth == 0;
  stack.contexts[stack.depth - 1] = context;
  return fake_end(OK);
}

EXPORT int cuCtxPushCurrent_v2(CUcontext context) {
  BEGIN(0)
  if (!fake_is_alive(context) || stack.depth == DEPTH) {
    return fake_end(INVALID_CONTEXT);
  }
  stack.contexts[stack.depth++] = context;
  return fake_end(OK);
}

EXPORT int cuCtxPopCurrent_v2(CUcontext *context) {
  BEGIN(0)
  if (stack.depth == 0) {
    return fake_end(INVALID_CONTEXT);
  }
  --stack.depth;
  if (context != 0) {
    *context = stack.contexts[stack.depth];
  }
  return fake_end(OK);
}

EXPORT int cuCtxSynchronize(void) {
  BEGIN(1)
  return fake_end(OK);
}

EXPORT int cuMemAlloc_v2(CUdeviceptr *pointer, size_t size) {
  BEGIN(1)
  uintptr_t address = 0;
  code = fake_allocate(&address, size);
  if (code == OK) {
    *pointer = address;
  }
  return fake_end(code);
}

EXPORT int cuMemFree_v2(CUdeviceptr pointer) {
  BEGIN(1)
  return fake_end(fake_free(__func__, (uintptr_t)pointer));
}

EXPORT int cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
  BEGIN(1)
  return fake_end(fake_copy(__func__, (uintptr_t)to, 1, (uintptr_t)from, 0, size));
}

EXPORT int cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream stream) {
  BEGIN(1)
  (void)stream;
  return fake_end(fake_copy(__func__, (uintptr_t)to, 1, (uintptr_t)from, 0, size));
}

EXPORT int cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
  BEGIN(1)
  return fake_end(fake_copy(__func__, (uintptr_t)to, 0, (uintptr_t)from, 1, size));
}

EXPORT int cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) {
  BEGIN(1)
  return fake_end(fake_copy(__func__, (uintptr_t)to, 1, (uintptr_t)from, 1, size));
}

EXPORT int cuPointerGetAttribute(void *data, int attribute, CUdeviceptr pointer) {
  BEGIN(0)
  Range range = fake_find((uintptr_t)pointer);
  if (range.size == 0) {
    return fake_end(INVALID_VALUE);
  }
  switch (attribute) {
    case 1: *(CUcontext *)data = current(); break;
    case 2: *(unsigned int *)data = 2; break;  // device memory
    case 3: *(CUdeviceptr *)data = pointer; break;
    case 8: *(unsigned int *)data = 0; break;  // not managed
    case 9: *(int *)data = current() == 0 ? 0 : current()->device; break;
    case 11: *(CUdeviceptr *)data = range.start; break;
    case 12: *(size_t *)data = range.size; break;
    default: return fake_end(INVALID_VALUE);
  }
  return fake_end(OK);
}

static const struct {
  int code;
  const char *name;
  const char *text;
} errors[] = {
    {OK, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CONTEXT_IS_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

static int describe(const char *function, int error, const char **out, int text) {
  int code = fake_begin(function);
  if (code != OK) {
    return fake_end(code);
  }
  *out = 0;
  for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i) {
    if (errors[i].code == error) {
      *out = text ? errors[i].text : errors[i].name;
    }
  }
  return fake_end(*out == 0 ? INVALID_VALUE : OK);
}

EXPORT int cuGetErrorString(int error, const char **text) { return describe(__func__, error, text, 1); }

EXPORT int cuGetErrorName(int error, const char **name) { return describe(__func__, error, name, 0); }

EXPORT int fake_cuda_depth(void) { return stack.depth; }
