// TensorRT's calibrator classes, implemented by a Calibration.
#ifndef QDQ_TENSORRT_DETAIL_CALIBRATOR_BASE_HPP
#define QDQ_TENSORRT_DETAIL_CALIBRATOR_BASE_HPP

#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

#include <cstddef>
#include <cstdint>
#include <utility>

#include <NvInfer.h>

#include <qdq/tensorrt/detail/calibration.hpp>

namespace qdq::trt::detail {

/// The functions that every calibrator class of TensorRT has. The base class gives the algorithm.
template <typename Base>
class CommonCalls : public Base {
 public:
  std::int32_t getBatchSize() const noexcept override { return calibration_.batch_size(); }
  bool getBatch(void* pointers[], const char* names[], std::int32_t count) noexcept override {
    return calibration_.batch(pointers, names, count);
  }
  const void* readCalibrationCache(std::size_t& length) noexcept override { return calibration_.read_cache(length); }
  void writeCalibrationCache(const void* data, std::size_t size) noexcept override { calibration_.write_cache(data, size); }

 protected:
  explicit CommonCalls(Calibration calibration) : calibration_(std::move(calibration)) {}

  Calibration calibration_;
};

/// The functions of one particular class.
template <typename Base>
class Calls : public CommonCalls<Base> {
 protected:
  using CommonCalls<Base>::CommonCalls;
};

QDQ_TRT_DEPRECATED_BEGIN
template <>
class Calls<nvinfer1::IInt8LegacyCalibrator> : public CommonCalls<nvinfer1::IInt8LegacyCalibrator> {
 public:
  double getQuantile() const noexcept override { return calibration_.options().quantile(); }
  double getRegressionCutoff() const noexcept override { return calibration_.options().regression_cutoff(); }
  const void* readHistogramCache(std::size_t& length) noexcept override { return calibration_.read_histogram(length); }
  void writeHistogramCache(const void* data, std::size_t size) noexcept override {
    calibration_.write_histogram(data, size);
  }

 protected:
  using CommonCalls::CommonCalls;
};
QDQ_TRT_DEPRECATED_END

}  // namespace qdq::trt::detail

#endif  // QDQ_TRT_HAS_CALIBRATOR

#endif
