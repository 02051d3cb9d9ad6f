// A training program: a quantized layer, forward and backward.
#include <qdq/torch.hpp>
#include <qdq/version.hpp>

#include <iostream>

namespace nn = qdq::nn;

int main() {
  nn::Linear layer(4, 2);
  layer->forward(torch::ones({3, 4})).sum().backward();
  if (!layer->weight.grad().defined()) return 1;
  std::cout << "qdq " << qdq::version_text() << '\n';
  return 0;
}
