// The common behaviour of all calibrator classes when TensorRT calls them.
#ifndef QDQ_TENSORRT_DETAIL_CALIBRATION_HPP
#define QDQ_TENSORRT_DETAIL_CALIBRATION_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <qdq/buffer.hpp>
#include <qdq/detail/callback.hpp>
#include <qdq/tensorrt/calibrator_options.hpp>
#include <qdq/tensorrt/detail/cache_store.hpp>
#include <qdq/tensorrt/detail/feed.hpp>
#include <qdq/tensorrt/library.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// The state of one calibrator. Its functions do not throw: the first failure is kept and logged, and ends
/// the calibration.
class Calibration {
 public:
  /// Makes the state. `feed` is null for a calibrator that only has a cache.
  Calibration(CalibratorOptions options, std::int32_t batch_size, CacheReader reader, std::unique_ptr<Feed> feed)
      : options_(std::move(options)),
        batch_size_(batch_size),
        log_(options_.logger()),
        store_(std::move(reader), log_),
        feed_(std::move(feed)) {}

  [[nodiscard]] const CalibratorOptions& options() const noexcept { return options_; }
  /// Returns the samples of a batch for networks that leave the batch out of their shapes, else 1.
  [[nodiscard]] std::int32_t batch_size() const noexcept { return batch_size_; }
  [[nodiscard]] CacheStore& store() noexcept { return store_; }
  [[nodiscard]] const Error* failure() const noexcept { return failure_ ? &*failure_ : nullptr; }

  bool batch(void** pointers, const char* const* names, std::int32_t count) noexcept {
    // An earlier failure is already in the log, and a part of a calibration is useless.
    if (is_broken_) return false;
    bool more = false;
    const bool good = attempt([&]() -> Result<void> {
      QDQ_TRY_AS(next, next_batch(pointers, names, count));
      more = *next;
      return {};
    });
    is_broken_ = !good;
    return more && good;
  }

  const void* read_cache(std::size_t& length) noexcept {
    length = 0;
    const bool good = attempt([&]() -> Result<void> {
      if (!is_looked_for_ && feed_ != nullptr && !options_.cache_file().empty()) {
        is_looked_for_ = true;
        store_.read(options_.cache_file(), options_.allow_reheading());
      }
      return {};
    });
    if (!good || store_.bytes().empty()) return nullptr;
    length = store_.bytes().size();
    return store_.bytes().data();
  }

  void write_cache(const void* data, std::size_t size) noexcept {
    if (refuses_to_write("calibration cache")) return;
    static_cast<void>(attempt([&] {
      is_looked_for_ = true;
      return store_.write(data, size, options_.cache_file());
    }));
  }

  const void* read_histogram(std::size_t& length) noexcept {
    length = 0;
    const std::string& path = options_.histogram_file();
    const bool good = attempt([&]() -> Result<void> {
      if (!histogram_.empty() || path.empty() || !exists(path)) return {};
      QDQ_TRY_AS(bytes, read_file(path));
      histogram_ = std::move(bytes).value();
      return {};
    });
    if (!good || histogram_.empty()) return nullptr;
    length = histogram_.size();
    return histogram_.data();
  }

  void write_histogram(const void* data, std::size_t size) noexcept {
    if (data == nullptr || refuses_to_write("histogram cache")) return;
    static_cast<void>(attempt([&]() -> Result<void> {
      histogram_.assign(static_cast<const char*>(data), size);
      const std::string& path = options_.histogram_file();
      return path.empty() ? Result<void>() : qdq::write_file(path, Bytes(data, size));
    }));
  }

 private:
  Result<bool> next_batch(void** pointers, const char* const* names, std::int32_t count) {
    const auto refused = [](const char* what) {
      return Error(Status::InvalidArgument, std::string("TensorRT asks for a batch ") + what,
                   "this is a defect of the program that calls the calibrator");
    };
    if (count <= 0) return refused("of no inputs");
    if (pointers == nullptr) return refused("without a place for the pointers");
    if (names == nullptr) return refused("without names");
    const auto size = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < size; ++i) {
      if (names[i] == nullptr) return refused("without the name of an input");
    }
    if (feed_ == nullptr) {
      return Error(Status::Data, "TensorRT asks for batches although it has the ranges: it did not take the cache",
                   "see what it logged; the header of the cache must be what this TensorRT and calibrator write");
    }
    auto more = feed_->next({names, size}, pointers);
    if (!more || *more) {
      if (more) ++batches_;
      return more;
    }
    if (batches_ == 0) {
      return Error(Status::Data, "there are no batches to calibrate with",
                   "give at least one; batches are read once, so a second calibration needs a calibrator of its own");
    }
    log_.info("TensorRT has read " + std::to_string(batches_) + (batches_ == 1 ? " batch" : " batches"));
    return more;
  }

  bool refuses_to_write(const char* what) noexcept {
    if (!is_broken_) return false;
    static_cast<void>(attempt([&]() -> Result<void> {
      log_.error(std::string("the ") + what + " is not written, because the calibration failed");
      return {};
    }));
    return true;
  }

  // Runs a step; keeps and logs its failure. No exception reaches TensorRT.
  template <typename Step>
  bool attempt(Step step) noexcept {
    qdq_error* raw = nullptr;
    const qdq_status status = qdq::detail::guard(&raw, [&] {
      auto done = step();
      return done ? QDQ_OK : qdq::detail::fail(std::move(done).error(), &raw);
    });
    if (status == QDQ_OK) return true;
    Error error(raw);
    log_.error(std::string(error.text()));
    if (!failure_) failure_.emplace(std::move(error));
    return false;
  }

  CalibratorOptions options_;
  std::int32_t batch_size_;
  Log log_;
  CacheStore store_;
  std::unique_ptr<Feed> feed_;
  std::optional<Error> failure_;
  std::string histogram_;
  std::size_t batches_ = 0;
  bool is_broken_ = false;
  bool is_looked_for_ = false;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
