// clang-format Language: C
// A CUDA driver and runtime without a GPU: device memory is host memory, and every misuse is recorded.
//
// fake_device.c with fake_cuda.c makes a libcuda.so.1, and with fake_cudart.c a libcudart. With both, one
// library is driver and runtime. A program that opens the library finds the controls below by dlsym. For
// other programs the environment controls the library, which reads it when it is loaded:
//
//     FAKE_CUDA_FAIL=cuMemAlloc_v2:3:2,*:10:999   the 3rd call of cuMemAlloc_v2 returns 2, the 10th of all 999
//     FAKE_CUDA_LIMIT=1048576                     device memory in bytes
//     FAKE_CUDA_DEVICES=0                         the number of devices (1 without it)
//     FAKE_CUDA_PROTECT=1                         see fake_cuda_protect
//     FAKE_CUDA_REPORT=FILE                       the file that gets fake_cuda_report at the end of the process
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// Resets rules, limits, counts and misuse, sets one device, and frees all memory. Contexts and cuInit stay.
void fake_cuda_reset(void);

// Makes the nth call from now on of the function of that name (of any function if it is NULL) return `code`
// and do nothing.
void fake_cuda_fail(const char *function, int nth, int code);

void fake_cuda_limit(size_t bytes);
void fake_cuda_devices(int count);

// Makes device memory accessible to the host only through copies, as on a real device. Other access is
// SIGSEGV.
void fake_cuda_protect(int on);

// Returns the calls since the start, of one function or (NULL) of all. Calls that were made to fail count
// too.
int fake_cuda_calls(const char *function);

size_t fake_cuda_live(void);
size_t fake_cuda_live_bytes(void);
size_t fake_cuda_peak_bytes(void);

// Returns the number of references to the primary contexts of all devices.
int fake_cuda_retained(void);

// Returns the number of contexts that this thread has pushed and not popped. Only libraries with fake_cuda.c
// have it.
int fake_cuda_depth(void);

// Returns the number of misuses so far: frees of memory that is not allocated, copies outside of an
// allocation, writes into a guard zone, and a primary context that is destroyed with live memory or released
// too often. This function and each free check the guard zones.
int fake_cuda_errors(void);

// Returns a line for each misuse, then one with the counts of live allocations, bytes and calls. It is valid
// until the next call of this function.
const char *fake_cuda_report(void);

#ifdef __cplusplus
}
#endif

#endif
