// Prints the version of TensorRT's headers and whether its libraries work.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <iostream>

int main() {
  std::cout << NV_TENSORRT_MAJOR << '.' << NV_TENSORRT_MINOR << '.' << NV_TENSORRT_PATCH << ' ' << getInferLibVersion()
            << ' ' << getNvOnnxParserVersion() << '\n';
  return 0;
}
