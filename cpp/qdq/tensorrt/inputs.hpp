// What a network wants to be fed.
#ifndef QDQ_TENSORRT_INPUTS_HPP
#define QDQ_TENSORRT_INPUTS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/specs.hpp>
#include <qdq/tensorrt/detail/types.hpp>
#include <qdq/tensorrt/version.hpp>

namespace qdq::trt {

/// The inputs of a network as TensorRT calibrates it, for Batches::open() and Batches::from_callback(): sizes that are decided
/// at run time are those that the calibration profile is tuned for (kOPT); without a profile they stay open. Networks that leave
/// the batch out of their shapes, which TensorRT has to 9, get `batch_size` in front.
[[nodiscard]] inline Result<Specs> inputs(const nvinfer1::INetworkDefinition& network,
                                          const nvinfer1::IOptimizationProfile* profile = nullptr,
                                          std::int32_t batch_size = 1) {
  static_cast<void>(batch_size);
  auto specs = Specs::make();
  for (int i = 0; i < network.getNbInputs(); ++i) {
    const nvinfer1::ITensor& input = *network.getInput(i);
    std::vector<std::int64_t> shape = detail::shape_of(input.getDimensions()).value_or(std::vector<std::int64_t>());
    if (profile != nullptr) {
      const auto tuned = detail::shape_of(profile->getDimensions(input.getName(), nvinfer1::OptProfileSelector::kOPT));
      for (std::size_t axis = 0; tuned && axis < shape.size() && axis < tuned->size(); ++axis) {
        if (shape[axis] == dynamic) shape[axis] = (*tuned)[axis];
      }
    }
#if QDQ_TRT_HAS_IMPLICIT_BATCH
    QDQ_TRT_DEPRECATED_BEGIN
    if (network.hasImplicitBatchDimension()) shape.insert(shape.begin(), batch_size);
    QDQ_TRT_DEPRECATED_END
#endif
    specs.add(input.getName(), detail::dtype_of(input.getType()), shape);
  }
  return specs.build();
}

}  // namespace qdq::trt

#endif
