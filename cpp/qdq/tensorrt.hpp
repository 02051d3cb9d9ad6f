// qdq in TensorRT: everything that is compiled against its headers, for versions 7 to 11 and TensorRT-RTX.
//
// One installed qdq serves all of them: the program compiles these headers against the TensorRT that it uses.
// tensorrt/version.hpp lists the features of that version.
#ifndef QDQ_TENSORRT_HPP
#define QDQ_TENSORRT_HPP

#include <qdq/qdq.hpp>
#include <qdq/tensorrt/calibrator.hpp>
#include <qdq/tensorrt/calibrator_options.hpp>
#include <qdq/tensorrt/cast.hpp>
#include <qdq/tensorrt/device_batch.hpp>
#include <qdq/tensorrt/dynamic_range.hpp>
#include <qdq/tensorrt/engine.hpp>
#include <qdq/tensorrt/engine_cost.hpp>
#include <qdq/tensorrt/engine_options.hpp>
#include <qdq/tensorrt/graph.hpp>
#include <qdq/tensorrt/inputs.hpp>
#include <qdq/tensorrt/insert_qdq.hpp>
#include <qdq/tensorrt/layer_ranges.hpp>
#include <qdq/tensorrt/layers.hpp>
#include <qdq/tensorrt/library.hpp>
#include <qdq/tensorrt/quantize.hpp>
#include <qdq/tensorrt/quantized.hpp>
#include <qdq/tensorrt/serialized_engine.hpp>
#include <qdq/tensorrt/version.hpp>
#include <qdq/tensorrt/weight_memory.hpp>

#endif
