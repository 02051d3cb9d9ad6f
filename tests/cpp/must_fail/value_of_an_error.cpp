// Without exceptions, the value of an error ends the process with a message.

#include <qdq/qdq.hpp>

int main() {
  qdq::TensorStats().amax().value();
  return 0;
}
