// The functions that src/tensorrt/bridge.rs calls.
#ifndef QDQ_SRC_BRIDGE_HPP
#define QDQ_SRC_BRIDGE_HPP

#include <array>
#include <cstdint>

#include "rust/cxx.h"

struct qdq_ranges;

namespace qdq::bridge {

struct Request;
struct Outcome;

std::array<std::int32_t, 3> version();
bool has_qdq();
/// Builds an engine and takes ownership of the ranges. They may be null: then the model is built without
/// changes.
Outcome build_engine(rust::Slice<const std::uint8_t> model, const Request& request, qdq_ranges* ranges);
/// Returns the layers of a serialized engine, which the library at `infer` reads.
Outcome engine_layers(rust::Slice<const std::uint8_t> engine, rust::Str infer);

}  // namespace qdq::bridge

#endif
