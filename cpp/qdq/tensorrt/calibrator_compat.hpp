// TensorRT's calibrator classes for the versions that have none: TensorRT 11 and TensorRT-RTX.
//
// With these classes, a calibrator of the user's that was written for TensorRT 10 compiles unchanged. Those
// versions of TensorRT do not call it: qdq reads its cache or its batches. On TensorRT 7 to 10 this header is
// empty.
#ifndef QDQ_TENSORRT_CALIBRATOR_COMPAT_HPP
#define QDQ_TENSORRT_CALIBRATOR_COMPAT_HPP

#include <qdq/tensorrt/version.hpp>

#if !QDQ_TRT_HAS_CALIBRATOR

#include <cstddef>
#include <cstdint>

#include <NvInfer.h>

namespace nvinfer1 {

/// The algorithm by which a calibrator's ranges follow from its batches.
enum class CalibrationAlgoType : std::int32_t {
  kLEGACY_CALIBRATION = 0,
  kENTROPY_CALIBRATION = 1,
  kENTROPY_CALIBRATION_2 = 2,
  kMINMAX_CALIBRATION = 3,
};

/// A calibrator: it gives calibration data in device memory, and keeps the cache that is made of the data.
/// The caller owns it.
class IInt8Calibrator : public IVersionedInterface {
 public:
  ~IInt8Calibrator() noexcept override = default;

  /// Returns the number of samples in a batch.
  virtual std::int32_t getBatchSize() const noexcept = 0;
  /// Sets the device pointers of the next batch, one per name. Returns false after the last batch.
  virtual bool getBatch(void* bindings[], char const* names[], std::int32_t nbBindings) noexcept = 0;
  /// Returns the cache of an earlier calibration, and its number of bytes in `length`; null if there is none.
  virtual void const* readCalibrationCache(std::size_t& length) noexcept = 0;
  /// Keeps a cache. The pointer is valid during the call only.
  virtual void writeCalibrationCache(void const* ptr, std::size_t length) noexcept = 0;
  /// Returns the algorithm.
  virtual CalibrationAlgoType getAlgorithm() noexcept = 0;
};

/// The classes that users derive from; version 1.0, as in TensorRT 10.
namespace v_1_0 {

class IInt8EntropyCalibrator : public IInt8Calibrator {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"IInt8EntropyCalibrator", 1, 0}; }
  CalibrationAlgoType getAlgorithm() noexcept override { return CalibrationAlgoType::kENTROPY_CALIBRATION; }
};

class IInt8EntropyCalibrator2 : public IInt8Calibrator {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"IInt8EntropyCalibrator2", 1, 0}; }
  CalibrationAlgoType getAlgorithm() noexcept override { return CalibrationAlgoType::kENTROPY_CALIBRATION_2; }
};

class IInt8MinMaxCalibrator : public IInt8Calibrator {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"IInt8MinMaxCalibrator", 1, 0}; }
  CalibrationAlgoType getAlgorithm() noexcept override { return CalibrationAlgoType::kMINMAX_CALIBRATION; }
};

class IInt8LegacyCalibrator : public IInt8Calibrator {
 public:
  InterfaceInfo getInterfaceInfo() const noexcept override { return {"IInt8Calibrator", 1, 0}; }
  CalibrationAlgoType getAlgorithm() noexcept override { return CalibrationAlgoType::kLEGACY_CALIBRATION; }
  /// Returns the quantile of the magnitudes that becomes the range, 0 to 1.
  virtual double getQuantile() const noexcept = 0;
  /// Returns the share of the largest magnitude at which the regression stops, 0 to 1.
  virtual double getRegressionCutoff() const noexcept = 0;
  /// Returns the histograms of an earlier calibration, and their number of bytes in `length`; null if there
  /// are none.
  virtual void const* readHistogramCache(std::size_t& length) noexcept = 0;
  /// Keeps histograms. The pointer is valid during the call only.
  virtual void writeHistogramCache(void const* ptr, std::size_t length) noexcept = 0;
};

}  // namespace v_1_0

using IInt8EntropyCalibrator = v_1_0::IInt8EntropyCalibrator;
using IInt8EntropyCalibrator2 = v_1_0::IInt8EntropyCalibrator2;
using IInt8MinMaxCalibrator = v_1_0::IInt8MinMaxCalibrator;
using IInt8LegacyCalibrator = v_1_0::IInt8LegacyCalibrator;

}  // namespace nvinfer1

#endif  // !QDQ_TRT_HAS_CALIBRATOR

#endif
