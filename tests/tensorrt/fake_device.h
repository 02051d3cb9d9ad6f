// clang-format Language: C
// Shared parts of driver and runtime: device memory, contexts, and the rules by which calls fail.
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

// The codes are those of CUresult. The codes that the runtime returns have the same numbers in cudaError_t.
enum {
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_CONTEXT = 201,
  CONTEXT_IS_DESTROYED = 709
};

#define FAKE_DEVICES 4

typedef struct Context {
  int device;
  int references;
  // The runtime keeps the contexts that it has used until the process ends.
  int is_held;
} Context;

// Every entry point begins and ends with these, which hold the lock. `fake_begin` returns the code of a rule,
// or OK.
int fake_begin(const char *function);
int fake_end(int code);

int fake_device_count(void);
// Returns the device's primary context, or NULL if there is no such device.
Context *fake_primary(int device);
int fake_is_alive(const Context *context);
int fake_retain(int device);
int fake_release(int device);
void fake_hold(int device);

int fake_allocate(uintptr_t *address, size_t size);
int fake_free(const char *function, uintptr_t address);

typedef struct Range {
  uintptr_t start;
  size_t size;
} Range;

// Returns the allocation that contains the address. Its size is 0 if there is none.
Range fake_find(uintptr_t address);

// Copies memory. An address on the device must be within one allocation.
int fake_copy(const char *function, uintptr_t to, int to_device, uintptr_t from, int from_device, size_t size);

#endif
