// The ONNX parser of the stand-ins, which a test links. It supports one model, tests/data/digits/model.onnx.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <optional>

#include <qdq/model.hpp>

#include "../digits_network.hpp"

using namespace nvinfer1;

namespace {

class DigitsParser final : public nvonnxparser::IParser {
public:
    explicit DigitsParser(INetworkDefinition& network) : network_(network) {}

    bool parse(const void*, std::size_t, const char*) STANDIN_NOEXCEPT override { return false; }
    bool parseFromFile(const char* path, int) STANDIN_NOEXCEPT override {
        auto model = qdq::Model::open(path);
        if (!model || !model->get_constant("onnx::Conv_27").value()) return false;
        made_.emplace(network_, *model);
        return true;
    }
    bool supportsOperator(const char*) const STANDIN_NOEXCEPT override { return true; }
#if !STANDIN_AT_LEAST(10, 0)
    void destroy() STANDIN_NOEXCEPT override { delete this; }
#endif
    int getNbErrors() const STANDIN_NOEXCEPT override { return 0; }
    const nvonnxparser::IParserError* getError(int) const STANDIN_NOEXCEPT override { return nullptr; }
    void clearErrors() STANDIN_NOEXCEPT override {}

private:
    INetworkDefinition& network_;
    std::optional<digits::Network> made_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) void* createNvOnnxParser_INTERNAL(
    void* network, void*, int) STANDIN_NOEXCEPT {
    return static_cast<nvonnxparser::IParser*>(new DigitsParser(*static_cast<INetworkDefinition*>(network)));
}
