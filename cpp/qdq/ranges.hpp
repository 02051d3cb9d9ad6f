// Ranges of activations.
#ifndef QDQ_RANGES_HPP
#define QDQ_RANGES_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// The range of a tensor: amax, the magnitude that the integer 127 represents, in the tensor's own unit.
struct Range {
  std::string_view name;
  float amax;
};

/// Returns the int8 scale of a range, by which ONNX and TensorRT multiply: amax / 127, always a normal
/// number.
///
/// It is 1 if amax is 0, 2^-126 if amax / 127 is subnormal, and one bit smaller if 127 scales would overflow.
/// It is NaN if `amax` is no valid range.
[[nodiscard]] inline float int8_scale(float amax) noexcept { return qdq_amax_int8_scale(amax); }

/// The ranges of a network's activations by tensor name, in the order in which they were set.
///
///     for (auto [name, amax] : ranges) …
class Ranges : public detail::Handle<qdq_ranges, qdq_ranges_free> {
 public:
  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<Range, qdq_ranges>;

  /// Makes an empty set of ranges. `method` documents for readers of a file how the ranges were computed; it
  /// may be empty.
  [[nodiscard]] static Result<Ranges> make(std::string_view method = {}) {
    return detail::make<Ranges>(qdq_ranges_new, detail::Text(method).or_null());
  }
  /// Reads a JSON file that save() or `qdq calibrate --ranges` wrote.
  [[nodiscard]] static Result<Ranges> load(const std::string& path) {
    return detail::make<Ranges>(qdq_ranges_load, path.c_str());
  }
  /// Reads ranges from such a JSON text. The text is not kept.
  [[nodiscard]] static Result<Ranges> from_json(std::string_view json) {
    return detail::make<Ranges>(qdq_ranges_from_json, detail::Text(json).c());
  }
  /// Writes the ranges to a JSON file, completely or not at all.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_ranges_save, c(), path.c_str()); }
  /// Returns the text of that file.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_ranges_to_json, c()); }

  /// Returns the method that computed the ranges; empty if it is unknown. Valid until the ranges are freed.
  [[nodiscard]] std::string_view method() const& noexcept { return detail::view(qdq_ranges_method(c())); }
  void method() const&& = delete;

  /// Returns the findings of ranges that Plan::ranges() computed or Cache::to_ranges() read, such as tensors
  /// with NaN and lines that are left out. Files do not hold them.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_ranges_findings, c()); }

  /// Returns the number of tensors that have a range.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_ranges_count(c()); }
  /// Returns the range at `index`, which must be below size(). Names are valid until the ranges are changed
  /// or freed.
  [[nodiscard]] Range at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all ranges.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

  /// Returns the amax of the tensor `name`; Status::Data if it has none.
  [[nodiscard]] Result<float> get(std::string_view name) const {
    return detail::get<float>(qdq_ranges_get, c(), detail::Text(name).c());
  }
  /// Returns whether tensor `name` has a range.
  [[nodiscard]] bool has(std::string_view name) const { return qdq_ranges_has(c(), detail::Text(name).c()); }
  /// Sets the range of the tensor `name`. amax must be finite and not negative.
  [[nodiscard]] Result<void> set(std::string_view name, float amax) {
    return detail::call(qdq_ranges_set, c(), detail::Text(name).c(), amax);
  }

 private:
  Items items() const {
    return {c(), size(), [](const qdq_ranges* ranges, std::size_t, std::size_t index) {
              return Range{detail::view(qdq_ranges_name(ranges, index)), qdq_ranges_at(ranges, index)};
            }};
  }
};

}  // namespace qdq

#endif
