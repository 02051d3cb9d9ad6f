// A parser of the stand-in: it makes one convolution of every model, or reports an error.
#ifndef PARSER_HPP
#define PARSER_HPP

#include "network.hpp"

namespace net {

inline const char* complaint = nullptr;  ///< The error of the next parser; NULL for none.

class Complaint : public nvonnxparser::IParserError {
 public:
  nvonnxparser::ErrorCode code() const override { return nvonnxparser::ErrorCode::kUNSUPPORTED_NODE; }
  const char* desc() const override { return complaint; }
  const char* file() const override { return ""; }
  int line() const override { return 0; }
  const char* func() const override { return ""; }
  int node() const override { return 0; }
#if QDQ_TRT_MAJOR >= 10
  const char* nodeName() const override { return ""; }
  const char* nodeOperator() const override { return ""; }
#endif
};

#if QDQ_TRT_MAJOR >= 8
#define NET_NOEXCEPT noexcept
#else
#define NET_NOEXCEPT
#endif

class Parser : public nvonnxparser::IParser {
 public:
  explicit Parser(INetworkDefinition& network) : network_(network) {}
  ~Parser() override = default;

  bool parse(const void*, std::size_t size, const char*) NET_NOEXCEPT override {
    if (complaint != nullptr || size == 0) return false;
    ITensor& x = *network_.addInput("input", DataType::kFLOAT, dims({1, 4, 8, 8}));
    auto* layer = network_.addConvolutionNd(x, 4, dims({3, 3}), weights(kernel_), no_weights);
    layer->setName("conv");
    layer->getOutput(0)->setName("output");
    network_.markOutput(*layer->getOutput(0));
    return true;
  }
  bool parseFromFile(const char*, int) NET_NOEXCEPT override { return false; }
  bool supportsOperator(const char*) const NET_NOEXCEPT override { return true; }
#if QDQ_TRT_MAJOR <= 9
  void destroy() NET_NOEXCEPT override { delete this; }
#endif
  int getNbErrors() const NET_NOEXCEPT override { return complaint == nullptr || *complaint == '\0' ? 0 : 1; }
  const nvonnxparser::IParserError* getError(int) const NET_NOEXCEPT override { return &error_; }
  void clearErrors() NET_NOEXCEPT override {}

 private:
  INetworkDefinition& network_;
  const std::vector<float> kernel_ = numbers(4 * 4 * 9);
  Complaint error_;
};

}  // namespace net

#endif
