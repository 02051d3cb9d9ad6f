// TensorRT's calibration cache.
#ifndef QDQ_CACHE_HPP
#define QDQ_CACHE_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/numbers.hpp>
#include <qdq/ranges.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns.
///
/// Versions of TensorRT have the form of getInferLibVersion(): 8501 is 8.5.1, 100300 is 10.3.0.
class Cache : public detail::Handle<qdq_cache, qdq_cache_free> {
 public:
  /// A line of the cache: a tensor and its scale, amax / 127.
  struct Entry {
    std::string_view name;
    float scale;
  };

  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<Entry, qdq_cache>;

  /// Makes a cache of these ranges for a version of TensorRT and for the calibrator that will read it.
  /// Status::Unsupported from TensorRT 11 on, which reads no caches.
  [[nodiscard]] static Result<Cache> from_ranges(const Ranges& ranges, std::uint32_t tensorrt_version,
                                                 Algorithm algorithm = Algorithm::Entropy2) {
    return detail::make<Cache>(qdq_cache_from_ranges, ranges.c(), tensorrt_version, detail::number(algorithm));
  }
  /// Reads a cache file. Errors name the line.
  [[nodiscard]] static Result<Cache> load(const std::string& path) {
    return detail::make<Cache>(qdq_cache_load, path.c_str());
  }
  /// Reads a cache from the content of such a file. The content is not kept.
  [[nodiscard]] static Result<Cache> from_bytes(Bytes bytes) {
    return detail::make<Cache>(qdq_cache_from_bytes, bytes.data(), bytes.size());
  }
  /// Returns whether a file that starts with these bytes is intended as a calibration cache.
  [[nodiscard]] static bool is_one(Bytes bytes) noexcept { return qdq_cache_is_one(bytes.data(), bytes.size()); }
  /// Returns whether a version of TensorRT has calibrators and therefore reads caches. TensorRT 11 removed
  /// them.
  [[nodiscard]] static bool is_read_by(std::uint32_t tensorrt_version) noexcept {
    return qdq_cache_is_read_by(tensorrt_version);
  }
  /// Writes the cache to a file, completely or not at all.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_cache_save, c(), path.c_str()); }
  /// Returns the content of that file, for readCalibrationCache().
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_cache_to_bytes, c()); }
  /// Returns the ranges in the cache: amax = scale * 127, limited to the largest finite number.
  ///
  /// A line gives no range if its scale is negative, infinite or NaN; Ranges::findings() and the log report
  /// it. Status::Data if no line gives a range.
  [[nodiscard]] Result<Ranges> to_ranges() const { return detail::make<Ranges>(qdq_cache_to_ranges, c()); }

  /// Returns the header line. Valid until the cache is changed or freed.
  [[nodiscard]] std::string_view header() const& noexcept { return detail::view(qdq_cache_header(c())); }
  void header() const&& = delete;
  /// Returns the version in the header; 0 if the header has none.
  [[nodiscard]] std::uint32_t tensorrt_version() const noexcept { return qdq_cache_tensorrt_version(c()); }
  /// Returns the algorithm in the header.
  [[nodiscard]] Algorithm algorithm() const noexcept { return static_cast<Algorithm>(qdq_cache_algorithm(c())); }
  /// Replaces the header. The scales are unchanged. Status::Unsupported from TensorRT 11 on.
  [[nodiscard]] Result<void> set_header(std::uint32_t tensorrt_version, Algorithm algorithm = Algorithm::Entropy2) {
    return detail::call(qdq_cache_set_header, c(), tensorrt_version, detail::number(algorithm));
  }
  /// Prepares the cache for another TensorRT: sets the header as set_header() does, and keeps one line per
  /// name.
  ///
  /// A version of 0 and Algorithm::Unknown keep the value of the header. Remaining problems are logged and
  /// returned.
  [[nodiscard]] Result<Findings> convert(std::uint32_t tensorrt_version = 0, Algorithm algorithm = Algorithm::Unknown) {
    return detail::make<Findings>(qdq_cache_convert, c(), tensorrt_version, detail::number(algorithm));
  }

  /// Returns the number of lines that have a tensor.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_cache_count(c()); }
  /// Returns the line at `index`, which must be below size(). Names are valid until the cache is changed or
  /// freed.
  [[nodiscard]] Entry at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all lines.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

  /// Returns the scale of the tensor `name`, from its last line; Status::Data if it has none.
  [[nodiscard]] Result<float> get(std::string_view name) const {
    return detail::get<float>(qdq_cache_get, c(), detail::Text(name).c());
  }
  /// Sets the scale of the tensor `name`, in its last line or in a new line at the end. Any number is
  /// accepted; see check().
  [[nodiscard]] Result<void> set(std::string_view name, float scale) {
    return detail::call(qdq_cache_set, c(), detail::Text(name).c(), scale);
  }
  /// Keeps one line for every name, at the position of its first line and with the scale of its last line.
  [[nodiscard]] Result<void> remove_repeats() { return detail::call(qdq_cache_remove_repeats, c()); }

  /// Checks the cache. A version of 0 skips the check of the version, Algorithm::Unknown that of the
  /// algorithm.
  [[nodiscard]] Result<Findings> check(std::uint32_t tensorrt_version = 0, Algorithm algorithm = Algorithm::Unknown) const {
    return detail::make<Findings>(qdq_cache_check, c(), tensorrt_version, detail::number(algorithm), nullptr,
                                  std::size_t{0});
  }
  /// Checks the cache for a network with these activations, its inputs included. `names` is any range of
  /// texts, such as Plan::taps(true).
  template <typename Names>
  [[nodiscard]] Result<Findings> check(std::uint32_t tensorrt_version, Algorithm algorithm, const Names& names) const {
    const detail::Texts texts(names);
    return detail::make<Findings>(qdq_cache_check, c(), tensorrt_version, detail::number(algorithm), texts.c(),
                                  texts.size());
  }
  /// Does the same with names in braces.
  [[nodiscard]] Result<Findings> check(std::uint32_t tensorrt_version, Algorithm algorithm,
                                       std::initializer_list<std::string_view> names) const {
    return check<std::initializer_list<std::string_view>>(tensorrt_version, algorithm, names);
  }

 private:
  Items items() const {
    return {c(), size(), [](const qdq_cache* cache, std::size_t, std::size_t index) {
              return Entry{detail::view(qdq_cache_name(cache, index)), qdq_cache_at(cache, index)};
            }};
  }
};

}  // namespace qdq

#endif
