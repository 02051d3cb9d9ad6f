// ITensor. `standin` holds the values that TensorRT would compute itself. Tests set them.
#ifndef STANDIN_TENSOR_H
#define STANDIN_TENSOR_H

#include "base.h"

#include <cmath>
#include <limits>
#include <string>

namespace nvinfer1 {

using TensorFormats = uint32_t;
enum class TensorLocation : int32_t { kDEVICE = 0, kHOST = 1 };

class ITensor : public INoCopy {
public:
    struct {
        std::string name;
        Dims dims{};
        DataType type = DataType::kFLOAT;
        bool input = false;
        bool output = false;
        bool shape_tensor = false;
        bool debug = false;
        float min = std::numeric_limits<float>::quiet_NaN();
        float max = std::numeric_limits<float>::quiet_NaN();
    } standin;

    STANDIN_METHOD void setName(char const* name) STANDIN_NOEXCEPT { standin.name = name; }
    STANDIN_METHOD char const* getName() const STANDIN_NOEXCEPT { return standin.name.c_str(); }
    STANDIN_METHOD void setDimensions(DimsArgument dimensions) STANDIN_NOEXCEPT { standin.dims = dimensions; }
    STANDIN_METHOD Dims getDimensions() const STANDIN_NOEXCEPT { return standin.dims; }
    STANDIN_METHOD void setType(DataType type) STANDIN_NOEXCEPT { standin.type = type; }
    STANDIN_METHOD DataType getType() const STANDIN_NOEXCEPT { return standin.type; }
    STANDIN_METHOD bool isNetworkInput() const STANDIN_NOEXCEPT { return standin.input; }
    STANDIN_METHOD bool isNetworkOutput() const STANDIN_NOEXCEPT { return standin.output; }
    STANDIN_METHOD TensorLocation getLocation() const STANDIN_NOEXCEPT { return TensorLocation::kDEVICE; }
    STANDIN_METHOD bool isShapeTensor() const STANDIN_NOEXCEPT { return standin.shape_tensor; }
    STANDIN_METHOD bool isExecutionTensor() const STANDIN_NOEXCEPT { return !standin.shape_tensor; }

    STANDIN_METHOD STANDIN_DEPRECATED_10_1 bool setDynamicRange(float min, float max) STANDIN_NOEXCEPT {
        if (!std::isfinite(min) || !std::isfinite(max) || min > max) {
            return false;
        }
        standin.min = min;
        standin.max = max;
        return true;
    }
    STANDIN_METHOD STANDIN_DEPRECATED_10_1 bool dynamicRangeIsSet() const STANDIN_NOEXCEPT {
        return !std::isnan(standin.max);
    }
    STANDIN_METHOD void resetDynamicRange() STANDIN_NOEXCEPT {
        standin.min = standin.max = std::numeric_limits<float>::quiet_NaN();
    }
    STANDIN_METHOD float getDynamicRangeMin() const STANDIN_NOEXCEPT { return standin.min; }
    STANDIN_METHOD float getDynamicRangeMax() const STANDIN_NOEXCEPT { return standin.max; }

    STANDIN_VALUE(TensorFormats, AllowedFormats, 1)

protected:
    virtual ~ITensor() = default;
};

}  // namespace nvinfer1

#endif
