// The five calibrator classes. A program implements them and TensorRT calls them, so the order of their
// virtual functions is part of TensorRT's binary interface. vtable.cpp checks it.
#ifndef STANDIN_CALIBRATORS_H
#define STANDIN_CALIBRATORS_H

#include "base.h"

namespace nvinfer1 {

enum class CalibrationAlgoType : int32_t {
    kLEGACY_CALIBRATION = 0,
    kENTROPY_CALIBRATION = 1,
    kENTROPY_CALIBRATION_2 = 2,
    kMINMAX_CALIBRATION = 3,
};

#if STANDIN_AT_LEAST(10, 0)

// The destructor's slot in the table is that of IVersionedInterface, before the five.
class STANDIN_DEPRECATED_10_1 IInt8Calibrator : public IVersionedInterface {
public:
    TRT_DEPRECATED virtual int32_t getBatchSize() const noexcept = 0;
    virtual bool getBatch(void* bindings[], char const* names[], int32_t nbBindings) noexcept = 0;
    virtual void const* readCalibrationCache(std::size_t& length) noexcept = 0;
    virtual void writeCalibrationCache(void const* ptr, std::size_t length) noexcept = 0;
    virtual CalibrationAlgoType getAlgorithm() noexcept = 0;
    ~IInt8Calibrator() noexcept override = default;
};

#define STANDIN_INTERFACE(kind_name) \
    InterfaceInfo getInterfaceInfo() const noexcept override { return InterfaceInfo{kind_name, 1, 0}; }
#define STANDIN_DESTRUCTOR(name) ~name() noexcept override = default;

namespace v_1_0 {

#else

class IInt8Calibrator {
public:
    virtual int32_t getBatchSize() const STANDIN_NOEXCEPT = 0;
    virtual bool getBatch(void* bindings[], char const* names[], int32_t nbBindings) STANDIN_NOEXCEPT = 0;
    virtual void const* readCalibrationCache(std::size_t& length) STANDIN_NOEXCEPT = 0;
    virtual void writeCalibrationCache(void const* ptr, std::size_t length) STANDIN_NOEXCEPT = 0;
    virtual CalibrationAlgoType getAlgorithm() STANDIN_NOEXCEPT = 0;
    virtual ~IInt8Calibrator() = default;
};

#define STANDIN_INTERFACE(kind_name)
#define STANDIN_DESTRUCTOR(name) virtual ~name() = default;

#endif

class STANDIN_DEPRECATED_10_1 IInt8EntropyCalibrator : public IInt8Calibrator {
public:
    STANDIN_INTERFACE("IInt8EntropyCalibrator")
    CalibrationAlgoType getAlgorithm() STANDIN_NOEXCEPT override { return CalibrationAlgoType::kENTROPY_CALIBRATION; }
    STANDIN_DESTRUCTOR(IInt8EntropyCalibrator)
};

class STANDIN_DEPRECATED_10_1 IInt8EntropyCalibrator2 : public IInt8Calibrator {
public:
    STANDIN_INTERFACE("IInt8EntropyCalibrator2")
    CalibrationAlgoType getAlgorithm() STANDIN_NOEXCEPT override { return CalibrationAlgoType::kENTROPY_CALIBRATION_2; }
    STANDIN_DESTRUCTOR(IInt8EntropyCalibrator2)
};

class STANDIN_DEPRECATED_10_1 IInt8MinMaxCalibrator : public IInt8Calibrator {
public:
    STANDIN_INTERFACE("IInt8MinMaxCalibrator")
    CalibrationAlgoType getAlgorithm() STANDIN_NOEXCEPT override { return CalibrationAlgoType::kMINMAX_CALIBRATION; }
    STANDIN_DESTRUCTOR(IInt8MinMaxCalibrator)
};

// Deprecated in 7, no longer deprecated in 8. In 10 it returns the name of its base.
#if STANDIN_AT_LEAST(8, 0)
class STANDIN_DEPRECATED_10_1 IInt8LegacyCalibrator : public IInt8Calibrator {
#else
class TRT_DEPRECATED IInt8LegacyCalibrator : public IInt8Calibrator {
#endif
public:
    STANDIN_INTERFACE("IInt8Calibrator")
    CalibrationAlgoType getAlgorithm() STANDIN_NOEXCEPT override { return CalibrationAlgoType::kLEGACY_CALIBRATION; }
    virtual double getQuantile() const STANDIN_NOEXCEPT = 0;
    virtual double getRegressionCutoff() const STANDIN_NOEXCEPT = 0;
    virtual void const* readHistogramCache(std::size_t& length) STANDIN_NOEXCEPT = 0;
    virtual void writeHistogramCache(void const* ptr, std::size_t length) STANDIN_NOEXCEPT = 0;
    STANDIN_DESTRUCTOR(IInt8LegacyCalibrator)
};

#if STANDIN_AT_LEAST(10, 0)
}  // namespace v_1_0

STANDIN_NAMES_DEPRECATED
using IInt8EntropyCalibrator = v_1_0::IInt8EntropyCalibrator;
using IInt8EntropyCalibrator2 = v_1_0::IInt8EntropyCalibrator2;
using IInt8MinMaxCalibrator = v_1_0::IInt8MinMaxCalibrator;
using IInt8LegacyCalibrator = v_1_0::IInt8LegacyCalibrator;
STANDIN_NAMES_DEPRECATED_END
#endif

}  // namespace nvinfer1

#endif
