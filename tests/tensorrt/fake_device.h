// clang-format Language: C
// What driver and runtime share: device memory, contexts, and the rules by which calls fail.
#ifndef FAKE_DEVICE_H
#define FAKE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

// Codes are those of CUresult. The ones that the runtime answers have the same numbers in cudaError_t.
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
  // The runtime holds what it has used to the end of the process.
  int is_held;
} Context;

// Every entry point begins and ends with these: they hold the lock. `fake_begin` answers the code of a rule,
// or OK.
int fake_begin(const char *function);
int fake_end(int code);

int fake_device_count(void);
// The device's primary context, NULL for a device that is not there.
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

// The allocation that holds the address; its size is 0 where there is none.
Range fake_find(uintptr_t address);

// Copies; an end that is on the device has to lie in one allocation.
int fake_copy(const char *function, uintptr_t to, int to_device, uintptr_t from, int from_device, size_t size);

#endif
