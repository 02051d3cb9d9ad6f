// How a calibrator works.
#ifndef QDQ_TENSORRT_CALIBRATOR_OPTIONS_HPP
#define QDQ_TENSORRT_CALIBRATOR_OPTIONS_HPP

#include <cstdint>
#include <string>

#include <NvInfer.h>

namespace qdq::trt {

/// How a calibrator works. All members may stay as they are.
struct CalibratorOptions {
  /// Who is told what is refused, left out or taken from a file; must outlive the calibrator. NULL for warnings and errors on
  /// stderr.
  nvinfer1::ILogger* logger = nullptr;
  /// The calibration cache: read if it is there and fits, so that nothing is measured, and written after measuring. Empty for
  /// none.
  std::string cache_file;
  /// Whether a cache of another version of TensorRT or of another algorithm is used all the same, with a new header. Ranges of
  /// another algorithm or version are good ranges, but not those that this one would measure.
  bool allow_reheading = false;
  /// The profile whose kOPT shapes are fed; the one that IBuilderConfig::setCalibrationProfile() is given.
  const nvinfer1::IOptimizationProfile* profile = nullptr;
  /// The batch size of a network that leaves the batch out of its shapes (to TensorRT 9).
  std::int32_t batch_size = 1;
  /// For LegacyCalibrator: the share of values that the range covers, from 0 to 1.
  double quantile = 0.9999;
  /// For LegacyCalibrator: the share of the largest value that the regression starts at, from 0 to 1.
  double regression_cutoff = 1.0;
  /// For LegacyCalibrator: the file that keeps TensorRT's histograms. Empty for none.
  std::string histogram_file;
};

}  // namespace qdq::trt

#endif
