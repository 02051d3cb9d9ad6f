// The batches of a user's calibrator, for qdq to calibrate with.
#ifndef QDQ_TENSORRT_DETAIL_CALIBRATOR_BATCHES_HPP
#define QDQ_TENSORRT_DETAIL_CALIBRATOR_BATCHES_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/batches.hpp>
#include <qdq/model.hpp>
#include <qdq/tensorrt/calibrator_compat.hpp>
#include <qdq/tensorrt/detail/cuda.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/inputs.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {
QDQ_TRT_DEPRECATED_BEGIN

/// Gets a calibrator's batches and copies them to the host.
class CalibratorBatches {
 public:
  CalibratorBatches(nvinfer1::IInt8Calibrator& calibrator, std::vector<Input> inputs, std::unique_ptr<DeviceMemory> device)
      : calibrator_(&calibrator), inputs_(std::move(inputs)), device_(std::move(device)) {}

  Result<bool> operator()(Batch& batch) {
    std::vector<void*> pointers(inputs_.size(), nullptr);
    std::vector<const char*> names;
    for (const Input& input : inputs_) names.push_back(input.name.c_str());
    if (!calibrator_->getBatch(pointers.data(), names.data(), static_cast<std::int32_t>(names.size()))) return false;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Input& input = inputs_[i];
      if (pointers[i] == nullptr) {
        return Error(Status::Callback, "the calibrator gives no device memory for input " + quote(input.name),
                     "let its getBatch() set the pointer of every name, or return false at the end of the data");
      }
      std::vector<unsigned char> host(byte_size(input.dtype, input.shape));
      QDQ_TRY(device_->read(host.data(), pointers[i], host.size()));
      QDQ_TRY(batch.set(input.name, TensorView(input.dtype, host.data(), input.shape)));
    }
    return true;
  }

 private:
  nvinfer1::IInt8Calibrator* calibrator_;
  std::vector<Input> inputs_;
  std::unique_ptr<DeviceMemory> device_;
};

/// Returns the batches of a calibrator in the form that the model reads. The calibrator must outlive them.
inline Result<Batches> calibrator_batches(const nvinfer1::INetworkDefinition& network, nvinfer1::IInt8Calibrator& calibrator,
                                          const nvinfer1::IOptimizationProfile* profile, const Model& model) {
  QDQ_TRY_AS(inputs, network_inputs(network, profile, calibrator.getBatchSize()));
  for (const Input& input : *inputs) {
    if (byte_size(input.dtype, input.shape) > 0) continue;
    return Error(Status::InvalidArgument, "input " + quote(input.name) + " has a shape that is decided at run time",
                 "give the profile whose kOPT shapes the calibrator's batches have: CalibratedModel::profile");
  }
  QDQ_TRY_AS(specs, model.inputs());
  QDQ_TRY_AS(device, open_cuda());
  return Batches::from_callback(*specs, CalibratorBatches(calibrator, *std::move(inputs), *std::move(device)));
}

QDQ_TRT_DEPRECATED_END
}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
