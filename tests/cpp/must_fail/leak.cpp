// Leaks an object: the leak checks must report it.

#include <qdq/qdq.hpp>

int main() {
  static_cast<void>(qdq::TensorStats().release());
  return 0;
}
