// The calibration cache of one calibrator.
#ifndef QDQ_TENSORRT_DETAIL_CACHE_STORE_HPP
#define QDQ_TENSORRT_DETAIL_CACHE_STORE_HPP

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <qdq/cache.hpp>
#include <qdq/tensorrt/detail/files.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/detail/tensor_bytes.hpp>
#include <qdq/tensorrt/detail/tensors.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The reader of a cache: the running TensorRT, the calibrator's algorithm, and the network.
class CacheReader {
 public:
  CacheReader(std::uint32_t version, Algorithm algorithm, const nvinfer1::INetworkDefinition& network)
      : version_(version), algorithm_(algorithm) {
    for_each_tensor(network, [this](const nvinfer1::ITensor& tensor) {
      (is_float(tensor) ? floats_ : others_).emplace_back(tensor.getName());
    });
  }

  [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
  [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }

  /// Returns whether TensorRT reads a cache with this header.
  [[nodiscard]] bool takes(const Cache& cache) const noexcept {
    return cache.tensorrt_version() == version_ && cache.algorithm() == algorithm_;
  }
  Result<void> rehead(Cache& cache) const { return cache.set_header(version_, algorithm_); }

  /// Returns the problems of a cache whose header is correct.
  [[nodiscard]] Result<Findings> check(const Cache& cache) const {
    // TensorRT also writes lines for tensors that need no range, such as shapes.
    std::vector<std::string> names = floats_;
    for (const auto entry : cache) {
      if (std::find(others_.begin(), others_.end(), entry.name) != others_.end()) names.emplace_back(entry.name);
    }
    return cache.check(version_, algorithm_, names);
  }

 private:
  std::uint32_t version_;
  Algorithm algorithm_;
  std::vector<std::string> floats_;
  std::vector<std::string> others_;
};

/// The cache bytes for TensorRT, and the file that they are read from and written to.
class CacheStore {
 public:
  CacheStore(CacheReader reader, Log log) : reader_(std::move(reader)), log_(log) {}

  /// Returns the bytes for TensorRT; empty if there is no cache. Valid until the store is changed.
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

  /// Sets a cache of the user. Any header is accepted.
  Result<void> set(Cache cache) {
    const std::string header(cache.header());
    const bool is_taken = reader_.takes(cache);
    QDQ_TRY(reader_.rehead(cache));
    if (!is_taken) log_.info("the cache's header " + quote(header) + " becomes " + quote(cache.header()));
    QDQ_TRY(check("the cache", cache));
    return keep(cache);
  }

  /// Reads a file if it exists and fits. If it is not used, the reason is logged, and TensorRT calibrates.
  void read(const std::string& path, bool allow_reheading) {
    if (!exists(path)) {
      log_.info("there is no calibration cache " + quote(path) + " yet: TensorRT calibrates, then it is written");
      return;
    }
    if (auto done = load(path, allow_reheading); !done) {
      log_.warning("the calibration cache " + quote(path) +
                   " is not used, so TensorRT calibrates and it is written anew: " + std::string(done.error().text()));
      return;
    }
    log_.info("TensorRT is given the calibration cache " + quote(path) + " and does not calibrate");
  }

  /// Keeps the data that TensorRT has measured, if it is a cache, and writes it to the file if there is one.
  Result<void> write(const void* data, std::size_t size, const std::string& path) {
    auto cache = data == nullptr ? Cache::from_bytes("") : Cache::from_bytes(Bytes(data, size));
    if (!cache) {
      return Error(cache.error().status(),
                   "what TensorRT gave as calibration cache is none and is not written: " +
                       std::string(cache.error().message()),
                   "see what TensorRT logged before");
    }
    bytes_.assign(static_cast<const char*>(data), size);
    if (!path.empty()) {
      QDQ_TRY(cache->save(path));
      log_.info("wrote the calibration cache " + quote(path) + " with " + std::to_string(cache->size()) + " tensors");
    }
    QDQ_TRY(reader_.rehead(*cache));
    // A bad scale is only reported: TensorRT has used it already.
    static_cast<void>(check("the calibration", *cache));
    return {};
  }

 private:
  Result<void> load(const std::string& path, bool allow_reheading) {
    QDQ_TRY_AS(cache, Cache::load(path));
    const bool is_taken = reader_.takes(*cache);
    auto kept = is_taken ? keep(*cache) : Result<void>();
    const std::string header(cache->header());
    if (kept) kept = reader_.rehead(*cache);
    const std::string other = "its header is " + quote(header) + ", not " + quote(cache->header());
    if (kept && !is_taken && !allow_reheading) {
      kept = Error(Status::Data, other,
                   "if the network is the same, CalibratorOptions' allow_reheading() takes its scales, as does 'qdq cache "
                   "convert' for the file");
    } else if (kept && !is_taken) {
      log_.warning("the calibration cache " + quote(path) + " is used although " + other +
                   ", as it is allowed: its scales are those of another version or algorithm");
      kept = keep(*cache);
    }
    if (kept) kept = check("the calibration cache " + quote(path), *cache);
    if (!kept) bytes_.clear();
    return kept;
  }

  Result<void> check(const std::string& what, const Cache& cache) const {
    QDQ_TRY_AS(findings, reader_.check(cache));
    return log_findings(log_, what, *findings);
  }

  Result<void> keep(const Cache& cache) {
    QDQ_TRY_AS(bytes, cache.to_bytes());
    bytes_ = bytes->text();
    return {};
  }

  CacheReader reader_;
  Log log_;
  std::string bytes_;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
