// The known values of a network.
#ifndef QDQ_KNOWN_VALUES_HPP
#define QDQ_KNOWN_VALUES_HPP

#include <cstddef>

#include <qdq/ranges.hpp>
#include <qdq/span.hpp>
#include <qdq/stats.hpp>

namespace qdq {

/// The known values of a graph, for Graph::plan_precision(). Every member may be left out. The
/// caller owns the objects.
struct KnownValues {
  const Stats* stats = nullptr;      ///< Statistics of activations.
  const Ranges* ranges = nullptr;    ///< Ranges of activations, if there are no statistics.
  const Stats* constants = nullptr;  ///< Statistics of the values of constants.
  Span<const std::size_t> unheld;    ///< Scales for which weights_half_scale() or half_scale() returned nothing.
};

}  // namespace qdq

#endif
