// What src/tensorrt/bridge.rs calls.
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
/// Takes the ranges over, which may be null: the model is built as it is.
Outcome build_engine(rust::Slice<const std::uint8_t> model, const Request& request, qdq_ranges* ranges);

}  // namespace qdq::bridge

#endif
