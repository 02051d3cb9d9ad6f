// Batches of the host, combined to the batches that TensorRT reads.
#ifndef QDQ_TENSORRT_DETAIL_BATCH_FEED_HPP
#define QDQ_TENSORRT_DETAIL_BATCH_FEED_HPP

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <qdq/batches.hpp>
#include <qdq/tensorrt/detail/feed.hpp>
#include <qdq/tensorrt/detail/log.hpp>
#include <qdq/tensorrt/device_batch.hpp>

#include <qdq/detail/try.hpp>

namespace qdq::trt::detail {

/// A feed that fills TensorRT's batches, which have a fixed size, with the samples of one batch after the
/// other.
///
/// The last batch is completed by repeating its own samples. If samples cannot be told apart, every batch
/// must have the inputs' whole shapes.
class BatchFeed final : public Feed {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Feed>> make(std::vector<Input> inputs, Batches batches, Log log) {
    std::unique_ptr<BatchFeed> feed(new BatchFeed(std::move(batches), log));
    for (Input& input : inputs) {
      const std::size_t bytes = byte_size(input.dtype, input.shape);
      if (bytes == 0) {
        return Error(Status::Unsupported,
                     "input " + quote(input.name) + ", " + std::string(dtype_text(input.dtype)) + " " +
                         shape_text(input.shape) + ", cannot be fed",
                     is_dynamic(input.shape) ? "give the calibration profile, which decides the sizes"
                                             : "calibrate the network with an input of whole bytes");
      }
      if (input.has_samples) feed->wanted_ = static_cast<std::size_t>(input.shape[0]);
      feed->slots_.push_back({std::move(input), std::vector<char>(bytes)});
    }
    return std::unique_ptr<Feed>(std::move(feed));
  }

  Result<bool> next(Span<const char* const> names, void** pointers) override {
    for (const char* name : names) {
      if (find(name) == nullptr) return unknown_input(name);
    }
    auto gathered = gather();
    if (!gathered || !*gathered) return gathered;
    if (!device_) {
      QDQ_TRY_AS(made, DeviceBatch::make());
      device_.emplace(std::move(made).value());
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Slot* slot = find(names[i]);
      QDQ_TRY_AS(uploaded, device_->upload(slot->input.name, slot->bytes));
      pointers[i] = *uploaded;
    }
    return true;
  }

 private:
  struct Slot {
    Input input;
    std::vector<char> bytes;  // One batch in the form that TensorRT reads.
  };

  BatchFeed(Batches batches, Log log) : batches_(std::move(batches)), log_(log) {}

  Slot* find(std::string_view name) noexcept {
    for (Slot& slot : slots_) {
      if (slot.input.name == name) return &slot;
    }
    return nullptr;
  }

  // Fills the slots. Returns false if no sample is left.
  Result<bool> gather() {
    std::size_t filled = 0;
    while (filled < wanted_) {
      if (taken_ == samples_) {
        QDQ_TRY_AS(more, fetch());
        if (!*more) break;
      }
      const std::size_t count = std::min(wanted_ - filled, samples_ - taken_);
      for (const auto [name, tensor] : *batch_) take(*find(name), tensor, filled, count);
      filled += count;
      taken_ += count;
    }
    if (filled > 0 && filled < wanted_) complete(filled);
    return filled > 0;
  }

  // Reads the next batch and checks it completely.
  Result<bool> fetch() {
    if (is_at_end_) return false;
    QDQ_TRY_AS(next, batches_.next());
    batch_ = std::move(next).value();
    taken_ = samples_ = 0;
    is_at_end_ = !batch_;
    if (is_at_end_) return false;
    ++count_;
    for (const auto [name, tensor] : *batch_) {
      const Slot* slot = find(name);
      if (slot == nullptr) return refused(name, "is for no input of the network", "give one tensor for every input");
      QDQ_TRY(check(slot->input, tensor));
    }
    for (const Slot& slot : slots_) {
      const auto is_it = [&](const Batch::Entry& entry) { return entry.name == slot.input.name; };
      if (std::none_of(batch_->begin(), batch_->end(), is_it)) {
        return refused(slot.input.name, "is missing", "give one tensor for every input");
      }
    }
    if (samples_ == 0) samples_ = 1;
    // Repeats are removed here and made again if they are needed, which is logged.
    samples_ -= std::min(samples_ - 1, batch_->repeats());
    return true;
  }

  Result<void> check(const Input& input, const TensorView& tensor) {
    if (tensor.dtype() != input.dtype) {
      return refused(input.name,
                     "is " + std::string(dtype_text(tensor.dtype())) + ", but the input takes " +
                         std::string(dtype_text(input.dtype)),
                     "convert it, or open the batches for trt::inputs(network)", Status::Type);
    }
    std::vector<std::int64_t> wanted = input.shape;
    const auto shape = tensor.shape();
    if (input.has_samples && shape.size() == wanted.size()) wanted[0] = shape[0];
    if (!std::equal(wanted.begin(), wanted.end(), shape.begin(), shape.end())) {
      if (input.has_samples) wanted[0] = dynamic;
      return refused(input.name, "has shape " + shape_text(shape) + ", but TensorRT reads " + shape_text(wanted),
                     "give samples of that shape, or another calibration profile", Status::Shape);
    }
    QDQ_TRY(host_bytes(input.name, tensor));
    if (!input.has_samples) return {};
    const auto samples = static_cast<std::size_t>(shape[0]);
    if (samples_ != 0 && samples_ != samples) {
      return refused(input.name, "has " + std::to_string(samples) + " samples, but another one " + std::to_string(samples_),
                     "give every input as many samples", Status::Shape);
    }
    samples_ = samples;
    return {};
  }

  Error refused(std::string_view name, const std::string& why, std::string_view remedy, Status status = Status::Data) const {
    return Error(status, "batch " + std::to_string(count_) + ": the tensor " + quote(name) + " " + why, remedy);
  }

  // Copies samples of the batch, beginning with the first that is not taken yet, to place `at` of the slot.
  void take(Slot& slot, const TensorView& tensor, std::size_t at, std::size_t count) const {
    const auto* from = static_cast<const char*>(tensor.data());
    if (!slot.input.has_samples) {
      std::memcpy(slot.bytes.data(), from, slot.bytes.size());
      return;
    }
    const std::size_t size = slot.bytes.size() / wanted_;
    std::memcpy(slot.bytes.data() + at * size, from + taken_ * size, count * size);
  }

  void complete(std::size_t filled) {
    for (Slot& slot : slots_) {
      if (!slot.input.has_samples) continue;
      const std::size_t size = slot.bytes.size() / wanted_;
      for (std::size_t i = filled; i < wanted_; ++i) {
        std::memcpy(slot.bytes.data() + i * size, slot.bytes.data() + (i - filled) * size, size);
      }
    }
    log_.warning("the last batch has " + std::to_string(filled) + " samples, but TensorRT reads " + std::to_string(wanted_) +
                 ": " + std::to_string(wanted_ - filled) + " are filled up by repeating its own");
  }

  std::vector<Slot> slots_;
  Batches batches_;
  Log log_;
  std::optional<DeviceBatch> device_;
  std::optional<Batch> batch_;
  std::size_t wanted_ = 1;   // The samples that TensorRT reads at once.
  std::size_t samples_ = 0;  // The samples of the batch, and how many of them are already in slots.
  std::size_t taken_ = 0;
  std::size_t count_ = 0;  // The batches so far.
  bool is_at_end_ = false;
};

}  // namespace qdq::trt::detail

#include <qdq/detail/end_try.hpp>

#endif
