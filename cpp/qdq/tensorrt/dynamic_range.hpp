// Ranges for TensorRT 7 to 10 without a calibrator.
#ifndef QDQ_TENSORRT_DYNAMIC_RANGE_HPP
#define QDQ_TENSORRT_DYNAMIC_RANGE_HPP

#include <qdq/tensorrt/version.hpp>

#if QDQ_TRT_HAS_CALIBRATOR

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <NvInfer.h>

#include <qdq/ranges.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/detail/tensors.hpp>
#include <qdq/tensorrt/graph.hpp>

namespace qdq::trt {

/// What set_dynamic_ranges() did.
struct DynamicRanges {
  std::size_t count;                 ///< How many tensors were given a range.
  std::vector<std::string> missing;  ///< Tensors of floats without one: TensorRT runs the layers around them without INT8.
};

/// Gives every input and every layer's output its range, -amax to amax, by its name, and what holds the same values in
/// another shape or order: the builder then needs no calibrator. A tensor that has a range already keeps it where `ranges`
/// has none. A range of 0 becomes 127, as in a cache: TensorRT takes none that is empty.
///
/// Status::Data where the network has none of the tensors, Status::Engine where TensorRT refuses a range; ranges that were
/// set before stay set.
[[nodiscard]] inline Result<DynamicRanges> set_dynamic_ranges(nvinfer1::INetworkDefinition& network, const Ranges& ranges) {
  auto graph = describe(network);
  if (!graph) return std::move(graph).error();
  auto all = graph->spread(ranges);
  if (!all) return std::move(all).error();
  DynamicRanges out{};
  std::string refused;
  detail::for_each_tensor(network, [&](nvinfer1::ITensor& tensor) {
    if (!detail::is_float(tensor)) return;
    const std::string name = tensor.getName();
    const auto amax = all->get(name);
    QDQ_TRT_DEPRECATED_BEGIN
    if (!amax) {
      if (!tensor.dynamicRangeIsSet()) out.missing.push_back(name);
      return;
    }
    const float reach = int8_scale(*amax) * 127.0f;
    if (tensor.setDynamicRange(-reach, reach)) {
      ++out.count;
    } else if (refused.empty()) {
      refused = name;
    }
    QDQ_TRT_DEPRECATED_END
  });
  if (!refused.empty()) {
    return Error(Status::Engine, "TensorRT refuses the range of tensor " + detail::quote(refused), "see what it logged");
  }
  if (out.count == 0) {
    return Error(Status::Data, "the network has none of the tensors that the ranges are for",
                 "use the ranges of this very model; another export names its tensors otherwise");
  }
  return out;
}

}  // namespace qdq::trt

#endif  // QDQ_TRT_HAS_CALIBRATOR

#endif
