// A typical program in C++: it compares the versions, quantizes a tensor, and reads an error.
#include <qdq/qdq.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

int main() {
  if (!qdq::version_fits(qdq::version())) {
    std::cerr << "the header is " << QDQ_VERSION_TEXT << ", the library " << qdq::version_text() << '\n';
    return 1;
  }
  const std::vector<float> x = {-2.0f, -0.3f, 0.4f, 9.0f};
  std::vector<std::int8_t> q(x.size());
  const auto descriptor = qdq::Descriptor::make().num_bits(4).amax(2.0f).build();
  const auto scale = qdq::quantize(x, descriptor.value(), q);
  if (!scale || q != std::vector<std::int8_t>{-7, -1, 1, 7}) {
    std::cerr << (scale ? "wrong integers" : std::string(scale.error().text())) << '\n';
    return 1;
  }
  const auto model = qdq::Model::open("missing.onnx");
  if (model || model.error().status() != qdq::Status::Io) {
    std::cerr << "a missing model was opened\n";
    return 1;
  }
  std::cout << "qdq " << qdq::version_text() << '\n';
  return 0;
}
