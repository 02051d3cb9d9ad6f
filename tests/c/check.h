// clang-format Language: C
// A check that reports the failed condition and ends the program.
#ifndef CHECK_H
#define CHECK_H

#include <qdq/qdq.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(holds)                                                             \
  do {                                                                           \
    if (!(holds)) {                                                              \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
      exit(1);                                                                   \
    }                                                                            \
  } while (0)

// Runs a call that must succeed; its last argument is &error.
#define OK(call)                                                                                             \
  do {                                                                                                       \
    if ((call) != QDQ_OK) {                                                                                  \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, error ? qdq_error_text(error) : "no error"); \
      exit(1);                                                                                               \
    }                                                                                                        \
    CHECK(error == NULL);                                                                                    \
  } while (0)

// Runs a call that must fail with a status and a message that contains a text.
#define FAILS(call, expected, text)                            \
  do {                                                         \
    CHECK((call) == (expected));                               \
    CHECK(error && qdq_error_status(error) == (expected));     \
    if (!strstr(qdq_error_message(error), (text))) {           \
      fprintf(stderr, "%s\n", qdq_error_text(error));          \
      CHECK(!"the message says something else");               \
    }                                                          \
    qdq_error_free(&error);                                    \
  } while (0)

#endif
