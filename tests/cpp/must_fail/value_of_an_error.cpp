// Without exceptions, the value of an error ends the process, and says why.

#include <qdq/qdq.hpp>

int main() {
  qdq::TensorStats().amax().value();
  return 0;
}
