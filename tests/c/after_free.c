// Reads a handle's text after the handle was freed. This is on purpose: the memory check must report it.
#include "check.h"

int main(void) {
  qdq_error *error = qdq_error_new(QDQ_ERROR_DATA, "a message", NULL);
  const char *message = qdq_error_message(error);
  qdq_error_free(&error);
  return message[0] == 'b';
}
