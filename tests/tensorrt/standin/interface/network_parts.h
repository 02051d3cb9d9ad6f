// Parts of INetworkDefinition: the owner of its objects, names of layers, shapes of results.
#ifndef STANDIN_NETWORK_PARTS_H
#define STANDIN_NETWORK_PARTS_H

#include "layers.h"

#include <memory>

namespace nvinfer1 {
namespace standin {

// An object of a class that programs cannot make or delete.
template <class Interface>
class Owned final : public Interface {
public:
    ~Owned() override = default;
};

class Arena {
public:
    template <class Interface>
    Interface* make() {
        auto object = std::make_shared<Owned<Interface>>();
        objects_.push_back(object);
        return object.get();
    }

private:
    std::vector<std::shared_ptr<void>> objects_;
};

struct Output {
    Dims dims;
    DataType type;
};

template <class Object>
Object* at(std::vector<Object*> const& objects, int32_t index) {
    auto const place = static_cast<std::size_t>(index);
    return index >= 0 && place < objects.size() ? objects[place] : nullptr;
}

// Returns TensorRT's name of an unnamed layer.
inline char const* label(LayerType type) {
    switch (type) {
    case LayerType::kCONVOLUTION: return "Convolution";
    case LayerType::kDECONVOLUTION: return "Deconvolution";
#if !STANDIN_AT_LEAST(10, 0)
    case LayerType::kFULLY_CONNECTED: return "Fully Connected";
#endif
    case LayerType::kACTIVATION: return "Activation";
    case LayerType::kPOOLING: return "Pooling";
    case LayerType::kELEMENTWISE: return "ElementWise";
    case LayerType::kMATRIX_MULTIPLY: return "Matrix Multiply";
    case LayerType::kCONSTANT: return "Constant";
    case LayerType::kSHUFFLE: return "Shuffle";
    case LayerType::kSCALE: return "Scale";
#if STANDIN_AT_LEAST(8, 0)
    case LayerType::kQUANTIZE: return "Quantize";
    case LayerType::kDEQUANTIZE: return "Dequantize";
#endif
    default: return "Other";
    }
}

// Returns the input's shape with every dimension from `kept` on unknown.
inline Dims unknown_after(ITensor const& input, int32_t kept) {
    auto dims = input.getDimensions();
    for (int32_t i = kept; i < dims.nbDims; ++i) {
        dims.d[i] = -1;
    }
    return dims;
}

inline Dims product(ITensor const& a, MatrixOperation op_a, ITensor const& b, MatrixOperation op_b) {
    auto const left = a.getDimensions();
    auto const right = b.getDimensions();
    auto dims = left.nbDims >= right.nbDims ? left : right;
    if (dims.nbDims < 2 || left.nbDims < 2 || right.nbDims < 2) {
        return dims;
    }
    dims.d[dims.nbDims - 2] = left.d[left.nbDims - (op_a == MatrixOperation::kTRANSPOSE ? 1 : 2)];
    dims.d[dims.nbDims - 1] = right.d[right.nbDims - (op_b == MatrixOperation::kTRANSPOSE ? 2 : 1)];
    return dims;
}

}  // namespace standin
}  // namespace nvinfer1

#endif
