// Reads a handle's text after the handle was freed, on purpose, so that a check of memory is seen to fail.
#include "check.h"

int main(void) {
  qdq_error *error = qdq_error_new(QDQ_ERROR_DATA, "a message", NULL);
  const char *message = qdq_error_message(error);
  qdq_error_free(&error);
  return message[0] == 'b';
}
