// What src/tensorrt/bridge.rs calls.
#ifndef QDQ_SRC_BRIDGE_HPP
#define QDQ_SRC_BRIDGE_HPP

#include <array>
#include <cstdint>

#include "rust/cxx.h"

namespace qdq::bridge {

struct Request;
struct Outcome;

std::array<std::int32_t, 3> version();
bool has_qdq();
Outcome build_engine(rust::Slice<const std::uint8_t> model, const Request& request);

}  // namespace qdq::bridge

#endif
