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

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns. Versions of
/// TensorRT are as getInferLibVersion() reports them: 8501 is 8.5.1, 100300 is 10.3.0.
class Cache : public detail::Handle<qdq_cache, qdq_cache_free> {
 public:
  /// A line: the scale is amax / 127.
  struct Entry {
    std::string_view name;
    float scale;
  };

  using Handle::Handle;
  /// The range that begin() and end() go through.
  using Items = detail::Items<Entry, qdq_cache>;

  /// The cache with these ranges for a version of TensorRT and the calibrator that is going to read it;
  /// Status::Unsupported from TensorRT 11 on, which reads no caches.
  [[nodiscard]] static Result<Cache> from_ranges(const Ranges& ranges, std::uint32_t tensorrt_version,
                                                 Algorithm algorithm = Algorithm::Entropy2) {
    return detail::make<Cache>(qdq_cache_from_ranges, ranges.c(), tensorrt_version, detail::number(algorithm));
  }
  /// Reads a cache file; errors name the line.
  [[nodiscard]] static Result<Cache> load(const std::string& path) {
    return detail::make<Cache>(qdq_cache_load, path.c_str());
  }
  /// A cache from the content of such a file, which is not kept.
  [[nodiscard]] static Result<Cache> from_bytes(Bytes bytes) {
    return detail::make<Cache>(qdq_cache_from_bytes, bytes.data(), bytes.size());
  }
  /// Whether a file that starts with these bytes is meant as a calibration cache.
  [[nodiscard]] static bool is_one(Bytes bytes) noexcept { return qdq_cache_is_one(bytes.data(), bytes.size()); }
  /// Whether a version of TensorRT has calibrators and so reads caches: TensorRT 11 removed them.
  [[nodiscard]] static bool is_read_by(std::uint32_t tensorrt_version) noexcept {
    return qdq_cache_is_read_by(tensorrt_version);
  }
  /// Writes a file, whole or not at all.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_cache_save, c(), path.c_str()); }
  /// The content of that file, for readCalibrationCache().
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_cache_to_bytes, c()); }
  /// The ranges in the cache: amax = scale * 127, at most the largest number. A line whose scale is negative,
  /// infinite or NaN gives none, which Ranges::findings() and the log say; Status::Data where no line gives a
  /// range.
  [[nodiscard]] Result<Ranges> to_ranges() const { return detail::make<Ranges>(qdq_cache_to_ranges, c()); }

  /// The header line. Valid until the cache is changed or freed.
  [[nodiscard]] std::string_view header() const& noexcept { return detail::view(qdq_cache_header(c())); }
  void header() const&& = delete;
  /// The version in the header; 0 where it is none.
  [[nodiscard]] std::uint32_t tensorrt_version() const noexcept { return qdq_cache_tensorrt_version(c()); }
  /// The algorithm in the header.
  [[nodiscard]] Algorithm algorithm() const noexcept { return static_cast<Algorithm>(qdq_cache_algorithm(c())); }
  /// Writes the header anew; Status::Unsupported from TensorRT 11 on. The scales stay as they are.
  [[nodiscard]] Result<void> set_header(std::uint32_t tensorrt_version, Algorithm algorithm = Algorithm::Entropy2) {
    return detail::call(qdq_cache_set_header, c(), tensorrt_version, detail::number(algorithm));
  }
  /// Makes the cache ready to be written for another TensorRT: the header as by set_header(), where a version
  /// of 0 and Algorithm::Unknown stay what they are, and one line for every name. What is still wrong with it
  /// is logged and returned.
  [[nodiscard]] Result<Findings> convert(std::uint32_t tensorrt_version = 0, Algorithm algorithm = Algorithm::Unknown) {
    return detail::make<Findings>(qdq_cache_convert, c(), tensorrt_version, detail::number(algorithm));
  }

  /// How many lines with a tensor there are.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_cache_count(c()); }
  /// The line at `index`, which must be below size(). Names are valid until the cache is changed or freed.
  [[nodiscard]] Entry at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// All lines, for loops.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// The end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

  /// The scale of tensor `name`, that of its last line; Status::Data where it has none.
  [[nodiscard]] Result<float> get(std::string_view name) const {
    return detail::get<float>(qdq_cache_get, c(), detail::Text(name).c());
  }
  /// Sets the scale of tensor `name`, in its last line or in a new one at the end. Any number is taken; see
  /// check().
  [[nodiscard]] Result<void> set(std::string_view name, float scale) {
    return detail::call(qdq_cache_set, c(), detail::Text(name).c(), scale);
  }
  /// Leaves one line for every name: where the first of them stood, with the scale of the last.
  [[nodiscard]] Result<void> remove_repeats() { return detail::call(qdq_cache_remove_repeats, c()); }

  /// Checks the cache; a version of 0 and Algorithm::Unknown are not checked against.
  [[nodiscard]] Result<Findings> check(std::uint32_t tensorrt_version = 0, Algorithm algorithm = Algorithm::Unknown) const {
    return detail::make<Findings>(qdq_cache_check, c(), tensorrt_version, detail::number(algorithm), nullptr,
                                  std::size_t{0});
  }
  /// Checks the cache for a network with these activations, its inputs included: any range of texts, such as
  /// Plan::taps(true).
  template <typename Names>
  [[nodiscard]] Result<Findings> check(std::uint32_t tensorrt_version, Algorithm algorithm, const Names& names) const {
    const detail::Texts texts(names);
    return detail::make<Findings>(qdq_cache_check, c(), tensorrt_version, detail::number(algorithm), texts.c(),
                                  texts.size());
  }
  /// The same with names in braces.
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
