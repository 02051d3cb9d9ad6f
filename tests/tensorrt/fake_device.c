#define _GNU_SOURCE
#include "fake_device.h"

#include "fake_cuda.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))
#define GUARD 256
#define PATTERN 0xA5
#define RULES 16
#define FUNCTIONS 64
#define TEXT 16384

typedef struct Allocation {
  struct Allocation *next;
  unsigned char *map;
  unsigned char *start;
  size_t mapped;
  size_t size;
} Allocation;

typedef struct Rule {
  char function[64];
  int left;
  int code;
} Rule;

typedef struct Calls {
  const char *function;
  int count;
} Calls;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Context contexts[FAKE_DEVICES];

static struct {
  Allocation *allocations;
  size_t live, bytes, peak, limit;
  int devices, protect, errors;
  Rule rules[RULES];
  int rule_count;
  Calls calls[FUNCTIONS];
  int function_count, all_calls;
  char text[TEXT];
  size_t text_length;
} state = {.limit = SIZE_MAX, .devices = 1};

static void note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t room = TEXT - state.text_length;
  int length = vsnprintf(state.text + state.text_length, room, format, arguments);
  va_end(arguments);
  if (length > 0) {
    state.text_length += (size_t)length < room ? (size_t)length : room - 1;
  }
  ++state.errors;
}

// Rules and counts of calls.

static int *count_of(const char *function) {
  for (int i = 0; i < state.function_count; ++i) {
    if (strcmp(state.calls[i].function, function) == 0) {
      return &state.calls[i].count;
    }
  }
  if (state.function_count == FUNCTIONS) {
    abort();
  }
  state.calls[state.function_count].function = function;
  return &state.calls[state.function_count++].count;
}

int fake_begin(const char *function) {
  pthread_mutex_lock(&lock);
  ++*count_of(function);
  ++state.all_calls;
  int code = OK;
  for (int i = 0; i < state.rule_count; ++i) {
    Rule *rule = &state.rules[i];
    int applies = rule->function[0] == '\0' || strcmp(rule->function, function) == 0;
    if (applies && rule->left > 0 && --rule->left == 0) {
      code = rule->code;
    }
  }
  return code;
}

int fake_end(int code) {
  pthread_mutex_unlock(&lock);
  return code;
}

static void add_rule(const char *function, int nth, int code) {
  if (state.rule_count == RULES) {
    fprintf(stderr, "fake_cuda: more than %d rules\n", RULES);
    abort();
  }
  Rule *rule = &state.rules[state.rule_count++];
  snprintf(rule->function, sizeof rule->function, "%s", function);
  rule->left = nth;
  rule->code = code;
}

// Devices and their primary contexts.

int fake_device_count(void) { return state.devices; }

Context *fake_primary(int device) { return device >= 0 && device < state.devices ? &contexts[device] : NULL; }

int fake_is_alive(const Context *context) {
  return context >= contexts && context < contexts + FAKE_DEVICES && (context->references != 0 || context->is_held);
}

int fake_retain(int device) {
  Context *context = fake_primary(device);
  if (context == NULL) {
    return INVALID_DEVICE;
  }
  context->device = device;
  ++context->references;
  return OK;
}

int fake_release(int device) {
  Context *context = fake_primary(device);
  if (context == NULL) {
    return INVALID_DEVICE;
  }
  if (context->references == 0) {
    note("the primary context of device %d is released more often than retained\n", device);
    return INVALID_CONTEXT;
  }
  if (--context->references == 0 && !context->is_held && state.live != 0) {
    note("the primary context of device %d goes away under %zu live allocations\n", device, state.live);
  }
  return OK;
}

void fake_hold(int device) { contexts[device].is_held = 1; }

// Memory.

static void protect(const Allocation *allocation, int protection) {
  if (state.protect && mprotect(allocation->map, allocation->mapped, protection) != 0) {
    abort();
  }
}

static Allocation *holder(uintptr_t address) {
  Allocation *allocation = state.allocations;
  while (allocation != NULL &&
         (address < (uintptr_t)allocation->start || address - (uintptr_t)allocation->start >= allocation->size)) {
    allocation = allocation->next;
  }
  return allocation;
}

static void check_guards(const Allocation *allocation) {
  protect(allocation, PROT_READ | PROT_WRITE);
  for (int i = 0; i < GUARD; ++i) {
    unsigned char *before = allocation->start - 1 - i;
    unsigned char *after = allocation->start + allocation->size + i;
    int hit = *before != PATTERN ? -1 - i : *after != PATTERN ? i : 0;
    if (*before != PATTERN || *after != PATTERN) {
      note("an allocation of %zu bytes was written %d bytes %s\n", allocation->size, hit < 0 ? -hit : hit + 1,
           hit < 0 ? "before its start" : "past its end");
      memset(allocation->start - GUARD, PATTERN, GUARD);
      memset(allocation->start + allocation->size, PATTERN, GUARD);
    }
  }
  protect(allocation, PROT_NONE);
}

int fake_allocate(uintptr_t *address, size_t size) {
  if (size == 0 || address == NULL) {
    return INVALID_VALUE;
  }
  if (size > state.limit || state.bytes > state.limit - size) {
    return OUT_OF_MEMORY;
  }
  Allocation *allocation = malloc(sizeof *allocation);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t mapped = (size + 2 * GUARD + page - 1) / page * page;
  void *map = allocation == NULL ? MAP_FAILED
                                 : mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    free(allocation);
    return OUT_OF_MEMORY;
  }
  allocation->map = map;
  allocation->mapped = mapped;
  allocation->start = allocation->map + GUARD;
  allocation->size = size;
  allocation->next = state.allocations;
  // Device memory initially holds other values than zero.
  memset(map, PATTERN, mapped);
  protect(allocation, PROT_NONE);
  state.allocations = allocation;
  ++state.live;
  state.bytes += size;
  state.peak = state.bytes > state.peak ? state.bytes : state.peak;
  *address = (uintptr_t)allocation->start;
  return OK;
}

int fake_free(const char *function, uintptr_t address) {
  if (address == 0) {
    return OK;
  }
  Allocation **link = &state.allocations;
  while (*link != NULL && (uintptr_t)(*link)->start != address) {
    link = &(*link)->next;
  }
  Allocation *allocation = *link;
  if (allocation == NULL) {
    note("%s: %#zx is not the start of live memory\n", function, (size_t)address);
    return INVALID_VALUE;
  }
  check_guards(allocation);
  *link = allocation->next;
  --state.live;
  state.bytes -= allocation->size;
  munmap(allocation->map, allocation->mapped);
  free(allocation);
  return OK;
}

Range fake_find(uintptr_t address) {
  const Allocation *allocation = holder(address);
  Range range = {0, 0};
  if (allocation != NULL) {
    range.start = (uintptr_t)allocation->start;
    range.size = allocation->size;
  }
  return range;
}

int fake_copy(const char *function, uintptr_t to, int to_device, uintptr_t from, int from_device, size_t size) {
  if (size == 0) {
    return OK;
  }
  const Allocation *ends[2] = {to_device ? holder(to) : NULL, from_device ? holder(from) : NULL};
  const uintptr_t addresses[2] = {to, from};
  const int on_device[2] = {to_device, from_device};
  for (int i = 0; i < 2; ++i) {
    const char *end = i == 0 ? "to" : "from";
    if (!on_device[i] && addresses[i] == 0) {
      return INVALID_VALUE;
    }
    if (on_device[i] && ends[i] == NULL) {
      note("%s: %s %#zx is no device memory\n", function, end, (size_t)addresses[i]);
      return INVALID_VALUE;
    }
    size_t room = on_device[i] ? (size_t)((uintptr_t)ends[i]->start + ends[i]->size - addresses[i]) : size;
    if (size > room) {
      note("%s: %zu bytes %s where %zu are\n", function, size, end, room);
      return INVALID_VALUE;
    }
  }
  for (int i = 0; i < 2; ++i) {
    if (ends[i] != NULL) {
      protect(ends[i], PROT_READ | PROT_WRITE);
    }
  }
  memmove((void *)to, (const void *)from, size);
  for (int i = 0; i < 2; ++i) {
    if (ends[i] != NULL) {
      protect(ends[i], PROT_NONE);
    }
  }
  return OK;
}

// The controls.

static void check_all_guards(void) {
  for (const Allocation *allocation = state.allocations; allocation != NULL; allocation = allocation->next) {
    check_guards(allocation);
  }
}

VISIBLE void fake_cuda_reset(void) {
  pthread_mutex_lock(&lock);
  while (state.allocations != NULL) {
    fake_free(__func__, (uintptr_t)state.allocations->start);
  }
  memset(&state, 0, sizeof state);
  state.limit = SIZE_MAX;
  state.devices = 1;
  pthread_mutex_unlock(&lock);
}

VISIBLE void fake_cuda_fail(const char *function, int nth, int code) {
  pthread_mutex_lock(&lock);
  add_rule(function == NULL ? "" : function, nth, code);
  pthread_mutex_unlock(&lock);
}

VISIBLE void fake_cuda_limit(size_t bytes) {
  pthread_mutex_lock(&lock);
  state.limit = bytes;
  pthread_mutex_unlock(&lock);
}

VISIBLE void fake_cuda_devices(int count) {
  pthread_mutex_lock(&lock);
  state.devices = count < 0 ? 0 : count > FAKE_DEVICES ? FAKE_DEVICES : count;
  pthread_mutex_unlock(&lock);
}

VISIBLE void fake_cuda_protect(int on) {
  pthread_mutex_lock(&lock);
  state.protect = 1;
  for (const Allocation *allocation = state.allocations; allocation != NULL; allocation = allocation->next) {
    protect(allocation, on ? PROT_NONE : PROT_READ | PROT_WRITE);
  }
  state.protect = on;
  pthread_mutex_unlock(&lock);
}

VISIBLE int fake_cuda_calls(const char *function) {
  pthread_mutex_lock(&lock);
  int count = state.all_calls;
  for (int i = 0; function != NULL && i < state.function_count; ++i) {
    if (strcmp(state.calls[i].function, function) == 0) {
      count = state.calls[i].count;
      function = NULL;
    }
  }
  pthread_mutex_unlock(&lock);
  return function == NULL ? count : 0;
}

VISIBLE size_t fake_cuda_live(void) {
  pthread_mutex_lock(&lock);
  size_t live = state.live;
  pthread_mutex_unlock(&lock);
  return live;
}

VISIBLE size_t fake_cuda_live_bytes(void) {
  pthread_mutex_lock(&lock);
  size_t bytes = state.bytes;
  pthread_mutex_unlock(&lock);
  return bytes;
}

VISIBLE size_t fake_cuda_peak_bytes(void) {
  pthread_mutex_lock(&lock);
  size_t bytes = state.peak;
  pthread_mutex_unlock(&lock);
  return bytes;
}

VISIBLE int fake_cuda_retained(void) {
  pthread_mutex_lock(&lock);
  int references = 0;
  for (int i = 0; i < FAKE_DEVICES; ++i) {
    references += contexts[i].references;
  }
  pthread_mutex_unlock(&lock);
  return references;
}

VISIBLE int fake_cuda_errors(void) {
  pthread_mutex_lock(&lock);
  check_all_guards();
  int errors = state.errors;
  pthread_mutex_unlock(&lock);
  return errors;
}

VISIBLE const char *fake_cuda_report(void) {
  static char report[TEXT + 256];
  pthread_mutex_lock(&lock);
  check_all_guards();
  snprintf(report, sizeof report, "%.*slive allocations: %zu, live bytes: %zu, peak bytes: %zu, calls: %d, errors: %d\n",
           (int)state.text_length, state.text, state.live, state.bytes, state.peak, state.all_calls, state.errors);
  pthread_mutex_unlock(&lock);
  return report;
}

// The environment.

static void stop(const char *variable, const char *value) {
  fprintf(stderr, "fake_cuda: %s='%s' cannot be read\n", variable, value);
  abort();
}

__attribute__((constructor)) static void read_environment(void) {
  const char *value = getenv("FAKE_CUDA_FAIL");
  while (value != NULL && *value != '\0') {
    char function[64];
    int nth = 0;
    int code = 0;
    int length = 0;
    if (sscanf(value, "%63[^:,]:%d:%d%n", function, &nth, &code, &length) != 3) {
      stop("FAKE_CUDA_FAIL", value);
    }
    add_rule(strcmp(function, "*") == 0 ? "" : function, nth, code);
    value += length;
    value += *value == ',';
  }
  if ((value = getenv("FAKE_CUDA_LIMIT")) != NULL) {
    state.limit = strtoull(value, NULL, 10);
  }
  if ((value = getenv("FAKE_CUDA_DEVICES")) != NULL) {
    fake_cuda_devices(atoi(value));
  }
  if ((value = getenv("FAKE_CUDA_PROTECT")) != NULL) {
    state.protect = atoi(value);
  }
}

__attribute__((destructor)) static void write_report(void) {
  const char *path = getenv("FAKE_CUDA_REPORT");
  FILE *file = path == NULL ? NULL : fopen(path, "w");
  if (file != NULL) {
    fputs(fake_cuda_report(), file);
    fclose(file);
  }
}
