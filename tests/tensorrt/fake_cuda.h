// clang-format Language: C
// A CUDA driver and runtime without a GPU: device memory is the host's, and every misuse is noted.
//
// fake_device.c with fake_cuda.c makes a libcuda.so.1, with fake_cudart.c a libcudart; with both, one library
// that is both. A program that opens the library reaches the controls below by dlsym; one that it cannot
// reach into is controlled by the environment, which is read when the library is loaded:
//
//     FAKE_CUDA_FAIL=cuMemAlloc_v2:3:2,*:10:999   the 3rd call of cuMemAlloc_v2 answers 2, the 10th call of all 999
//     FAKE_CUDA_LIMIT=1048576                     device memory in bytes
//     FAKE_CUDA_DEVICES=0                         how many devices there are (1 without it)
//     FAKE_CUDA_PROTECT=1                         see fake_cuda_protect
//     FAKE_CUDA_REPORT=FILE                       where the end of the process writes what fake_cuda_report says
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// No rules, limits, counts and misuse any more, one device; what is live is freed. Contexts and cuInit stay.
void fake_cuda_reset(void);

// The nth call from now on of the function of that name (of any, where it is NULL) answers `code` and does
// nothing.
void fake_cuda_fail(const char *function, int nth, int code);

void fake_cuda_limit(size_t bytes);
void fake_cuda_devices(int count);

// Device memory cannot be touched by the host but through copies, as on a real device: doing so is SIGSEGV.
void fake_cuda_protect(int on);

// Calls since the start, of one function or (NULL) of all; those that were made to fail count too.
int fake_cuda_calls(const char *function);

size_t fake_cuda_live(void);
size_t fake_cuda_live_bytes(void);
size_t fake_cuda_peak_bytes(void);

// References to the primary contexts of all devices.
int fake_cuda_retained(void);

// How many contexts this thread has pushed and not popped. Only a library with fake_cuda.c in it has this.
int fake_cuda_depth(void);

// Misuse so far: frees of what is not allocated, copies outside of an allocation, writes into a guard zone, a
// primary context that goes away under live memory or is released too often. Guard zones are looked at here
// and at a free.
int fake_cuda_errors(void);

// A line for each misuse, then one that counts live allocations, bytes and calls. Valid until the next call
// of it.
const char *fake_cuda_report(void);

#ifdef __cplusplus
}
#endif

#endif
