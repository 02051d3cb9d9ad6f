// One site of a network that is calibrated, trained and run.
#ifndef QDQ_TORCH_TENSOR_QUANTIZER_HPP
#define QDQ_TORCH_TENSOR_QUANTIZER_HPP

#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <qdq/quantizer.hpp>
#include <qdq/torch/functional.hpp>

namespace qdq::nn {
namespace detail {

/// The statistics of a calibration, for threads that observe at the same time.
class Calibration {
 public:
  explicit Calibration(const Descriptor& descriptor) : observed_(Quantizer::make(descriptor).value()) {}

  std::shared_ptr<Calibration> clone() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::shared_ptr<Calibration>(new Calibration(observed_.clone().value()));
  }
  /// Runs `use` on the quantizer that observes, with exclusive access.
  template <typename Use>
  auto with(Use&& use) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return use(observed_);
  }

 private:
  explicit Calibration(Quantizer&& observed) : observed_(std::move(observed)) {}

  std::mutex mutex_;
  Quantizer observed_;
};

}  // namespace detail

/// qdq::Quantizer as a module: pytorch-quantization's TensorQuantizer, with the differences that
/// qdq::Quantizer has.
///
/// forward() does these steps in order: multiply by the pre-quantization scale; if disabled, return the
/// product; if calibrating, observe; if clipping, clip; if quantizing, quantize. It quantizes by the clip
/// range if amax is learned, else by the amax, else dynamically by max |x| of the current x. Initially only
/// quantizing is on.
///
/// amax and pre_quant_scale are buffers, so that torch::save() and load() include them; they have no element
/// if they are not set. clip_min and clip_max are parameters, if the descriptor has learn_amax. All are float
/// on the module's device, even if the module is converted to another type. Switches, descriptor and
/// statistics are not saved.
///
/// Any number of threads may call forward(), also during calibration. Functions that change the quantizer
/// must not run at the same time.
class TensorQuantizerImpl : public torch::nn::Cloneable<TensorQuantizerImpl> {
 public:
  /// Makes a quantizer that quantizes, by the descriptor's amax or dynamically.
  explicit TensorQuantizerImpl(Descriptor descriptor = Descriptor()) : TensorQuantizerImpl(share(std::move(descriptor))) {}
  /// Makes a quantizer for a shared descriptor.
  explicit TensorQuantizerImpl(const SharedDescriptor& descriptor)
      : descriptor_(share(descriptor->edit().no_amax().build().value())) {
    const auto given = descriptor->amax().value();
    reset();
    if (!given) return;
    set_amax(to_tensor(*given));
    if (descriptor->learn_amax()) init_learn_amax();
  }

  /// Initializes the buffers and parameters.
  void reset() override {
    amax_ = register_buffer("amax", torch::empty({0}));
    pre_quant_scale_ = register_buffer("pre_quant_scale", torch::empty({0}));
    if (descriptor_->learn_amax()) {
      const auto unset = torch::full({}, std::numeric_limits<float>::quiet_NaN());
      // The clone of a frozen range stays frozen.
      const bool learns = !clip_min_.defined() || clip_min_.requires_grad();
      clip_min_ = register_parameter("clip_min", unset.clone(), learns);
      clip_max_ = register_parameter("clip_max", unset.clone(), learns);
    }
    calibration_ = calibration_ ? calibration_->clone() : std::make_shared<detail::Calibration>(*descriptor_);
  }

  /// Applies the quantizer to x; see the class. If the descriptor asks for integers, inverse_scale() returns
  /// their inverse scale after this.
  torch::Tensor forward(const torch::Tensor& input) {
    detail::check_quantizable(input);
    const auto x = scaled(input);
    if (disabled_) return x;
    if (calibrating_) observe_scaled(x);
    const auto clipped = clipping_ || (quantizing_ && learns()) ? clip(x) : x;
    if (!quantizing_ || (clipped.numel() == 0 && is_dynamic())) return clipped;
    const auto amax = amax_for(clipped);
    if (descriptor_->fake_quant()) return functional::fake_tensor_quant(clipped, amax, descriptor_);
    const auto found = functional::tensor_quant(clipped, amax, descriptor_);
    calibration_->with([&](Quantizer&) { inverse_scale_ = found.second; });
    return found.first;
  }

  /// Returns the descriptor, without the amax.
  [[nodiscard]] const Descriptor& descriptor() const noexcept { return *descriptor_; }
  /// Changes the format to integers of 2 to 16 bits.
  void set_integers(std::uint32_t num_bits, bool is_unsigned = false, bool narrow_range = false) {
    set_format(descriptor_->edit().num_bits(num_bits).is_unsigned(is_unsigned).narrow_range(narrow_range).build().value(),
               [=](Quantizer& observed) { return observed.set_integers(num_bits, is_unsigned, narrow_range); });
  }
  /// Changes the format to the 8-bit float e4m3.
  void set_e4m3() {
    set_format(descriptor_->edit().e4m3().build().value(), [](Quantizer& observed) { return observed.set_e4m3(); });
  }

  /// Sets whether data passes unchanged, except for the pre-quantization scale. Default: false.
  void set_disabled(bool on) noexcept { disabled_ = on; }
  /// Sets whether data is quantized. Default: true.
  void set_quantizing(bool on) noexcept { quantizing_ = on; }
  /// Sets whether data is clipped to the learned range. Only possible if amax is learned. Default: false.
  void set_clipping(bool on) {
    if (on) check_learns("clipping");
    clipping_ = on;
  }
  /// Sets whether data is observed for calibration. Default: false.
  void set_calibrating(bool on) noexcept { calibrating_ = on; }
  /// Returns whether data passes through unchanged, except for the pre-quantization scale.
  [[nodiscard]] bool is_disabled() const noexcept { return disabled_; }
  /// Returns whether data is quantized.
  [[nodiscard]] bool is_quantizing() const noexcept { return quantizing_; }
  /// Returns whether data is clipped.
  [[nodiscard]] bool is_clipping() const noexcept { return clipping_; }
  /// Returns whether data is observed.
  [[nodiscard]] bool is_calibrating() const noexcept { return calibrating_; }
  /// Returns whether every tensor is quantized by its own max |x|, because no range is set.
  [[nodiscard]] bool is_dynamic() const { return amax_.numel() == 0 && !(learns() && clip_range()); }

  /// Returns the amax that is set; undefined if there is none.
  [[nodiscard]] torch::Tensor amax() const { return amax_.numel() == 0 ? torch::Tensor() : amax_; }
  /// Sets the amax, which is copied. It must have the shape of the previous amax; clear_amax() removes that.
  void set_amax(const torch::Tensor& amax) {
    auto checked = check_numbers("amax", amax);
    if ((checked < 0).any().item<bool>()) fail("amax is negative", "use a finite amax that is not negative");
    if (amax_.numel() != 0 && amax_.sizes() != checked.sizes()) {
      if (amax_.numel() != 1 || checked.numel() != 1) {
        fail("amax has another shape than the new one", "call clear_amax() before", Status::Shape);
      }
      checked = checked.reshape(amax_.sizes());
    }
    amax_.set_data(checked);
  }
  /// Makes the range dynamic again.
  void clear_amax() { amax_.set_data(torch::empty({0}, amax_.options())); }
  /// Returns the factors that data is multiplied by before quantization; undefined if there are none.
  [[nodiscard]] torch::Tensor pre_quant_scale() const {
    return pre_quant_scale_.numel() == 0 ? torch::Tensor() : pre_quant_scale_;
  }
  /// Sets the factors that data is multiplied by before quantization. They are copied, and broadcast to the
  /// shape of the data. An undefined tensor removes them.
  void set_pre_quant_scale(const torch::Tensor& scale) {
    pre_quant_scale_.set_data(scale.defined() ? check_numbers("pre_quant_scale", scale)
                                              : torch::empty({0}, pre_quant_scale_.options()));
  }
  /// Returns x times the pre-quantization scale, the first step of forward().
  [[nodiscard]] torch::Tensor scaled(const torch::Tensor& x) const {
    if (pre_quant_scale_.numel() == 0) return x;
    const auto data = detail::operations::wide(x);
    return (data * pre_quant_scale_.to(data.scalar_type())).to(x.scalar_type());
  }
  /// Returns the amax that data is quantized by; undefined if the range is dynamic or not learned yet.
  [[nodiscard]] torch::Tensor amax_in_use() const {
    if (learns()) return clip_range() ? torch::maximum(-clip_min_, clip_max_).detach() : torch::Tensor();
    return amax_.numel() == 0 ? torch::Tensor() : amax_ * descriptor_->scale_amax();
  }
  /// Returns the width of one step; undefined if amax_in_use() is undefined.
  [[nodiscard]] torch::Tensor step_size() const {
    const auto amax = amax_in_use();
    return amax.defined() ? amax / detail::operations::constant(detail::operations::high(*descriptor_), amax) : amax;
  }
  /// Returns the inverse scale, M / amax, of the integers of the last forward(); undefined before it.
  [[nodiscard]] torch::Tensor inverse_scale() const {
    return calibration_->with([&](Quantizer&) { return inverse_scale_; });
  }

  /// Returns the learned range, from the parameters; nothing if none is set.
  [[nodiscard]] std::optional<Quantizer::ClipRange> clip_range() const {
    if (!learns()) return std::nullopt;
    const Quantizer::ClipRange range{clip_min_.item<float>(), clip_max_.item<float>()};
    if (std::isnan(range.min) || std::isnan(range.max)) return std::nullopt;
    return range;
  }
  /// Sets the learned range.
  void set_clip_range(float min, float max) {
    check_learns("a clip range");
    detail::operations::check_clip(min, max);
    const torch::NoGradGuard no_grad;
    clip_min_.fill_(min);
    clip_max_.fill_(max);
  }
  /// Starts learning from the amax: sets the clip range to minus and plus its largest number.
  void init_learn_amax() {
    check_learns("a clip range");
    if (amax_.numel() == 0) fail("there is no amax to start learning from", "load a calibrated amax or set one before");
    const auto max = amax_.max().item<float>();
    set_clip_range(-max, max);
  }

  /// Observes a batch for calibration, independently of the switches. A batch of a GPU is copied to the host.
  void observe(const torch::Tensor& x) { observe_scaled(scaled(x)); }
  /// Discards the statistics of the calibration.
  void reset_calibration() {
    calibration_->with([](Quantizer& observed) { observed.reset_calibration().value(); });
  }
  /// Adds the statistics of another quantizer with the same kept axes.
  void merge(const TensorQuantizerImpl& other) {
    const auto copy = other.calibration_->clone();
    copy->with([&](Quantizer& theirs) { calibration_->with([&](Quantizer& ours) { ours.merge(theirs).value(); }); });
  }
  /// Returns a copy of the statistics. Fails if the descriptor observes maxima.
  [[nodiscard]] TensorStats stats() const {
    return calibration_->with([](Quantizer& observed) { return observed.stats().value(); });
  }
  /// Computes the amax from the statistics and sets it. If nothing was observed, it fails if `strict`;
  /// otherwise it returns false and the amax is unchanged.
  bool load_calib_amax(RangeMethod method, bool strict = true) {
    return take_over([&](Quantizer& observed) { return observed.load_calib_amax(method, strict); });
  }
  /// Does the same with the options of pytorch-quantization's entropy and mse, which need
  /// CalibMethod::Compat.
  bool load_calib_amax(Method method, Search search, bool strict = true) {
    return take_over([&](Quantizer& observed) { return observed.load_calib_amax(method, search, strict); });
  }

  /// Returns the quantizer without torch and without statistics, for functions that take a qdq::Quantizer.
  /// Its descriptor has the name `name`, unless that is empty.
  [[nodiscard]] Quantizer without_torch(std::string_view name = {}) const {
    auto described = descriptor_->edit();
    if (!name.empty()) described.name(name);
    const auto amax = amax_.cpu();
    if (amax.numel() != 0) described.amax(view(amax));
    auto quantizer = Quantizer::make(described.build().value()).value();
    if (const auto range = clip_range()) quantizer.set_clip_range(range->min, range->max).value();
    if (pre_quant_scale_.numel() != 0) quantizer.set_pre_quant_scale(view(pre_quant_scale_.cpu())).value();
    quantizer.set_disabled(disabled_).value();
    quantizer.set_quantizing(quantizing_).value();
    quantizer.set_clipping(clipping_).value();
    quantizer.set_calibrating(calibrating_).value();
    return quantizer;
  }
  /// Returns a description of the quantizer in one line.
  [[nodiscard]] std::string to_text() const {
    const auto text = without_torch().to_text().value();
    return std::string(text.text());
  }
  /// Prints the quantizer in one line.
  void pretty_print(std::ostream& stream) const override { stream << to_text(); }

  // Ranges stay float: in half precision they would lose accuracy.
  using torch::nn::Module::to;
  /// Moves the range to a device. It stays float.
  void to(torch::Device device, torch::Dtype, bool non_blocking = false) override { to(device, non_blocking); }
  /// Does nothing: the range stays float.
  void to(torch::Dtype, bool = false) override {}

 private:
  [[noreturn]] void fail(const std::string& what, const char* remedy, Status status = Status::InvalidArgument) const {
    const auto name = descriptor_->name();
    detail::fail(status, (name.empty() ? "quantizer" : "quantizer '" + std::string(name) + "'") + ": " + what, remedy);
  }
  [[nodiscard]] bool learns() const noexcept { return descriptor_->learn_amax(); }
  void check_learns(const std::string& what) const {
    if (!learns()) fail(what + " needs learn_amax", "set learn_amax in the descriptor");
  }
  /// Returns a float copy of the numbers on the quantizer's device. Fails if a number is not finite.
  [[nodiscard]] torch::Tensor check_numbers(const std::string& what, const torch::Tensor& given) const {
    if (!given.defined() || given.numel() == 0) fail(what + " has no number", "give a tensor with numbers");
    auto numbers = given.detach().to(amax_.device(), torch::kFloat, false, true).contiguous();
    if (!numbers.isfinite().all().item<bool>()) fail(what + " is not finite", "give finite numbers");
    return numbers;
  }
  template <typename Compute>
  bool take_over(Compute&& compute) {
    const auto found = calibration_->with([&](Quantizer& observed) {
      observed.clear_amax().value();
      return compute(observed).value() ? to_tensor(*observed.amax().value()) : torch::Tensor();
    });
    if (found.defined()) set_amax(found);
    return found.defined();
  }
  template <typename Change>
  void set_format(Descriptor changed, Change&& change) {
    calibration_->with([&](Quantizer& observed) { change(observed).value(); });
    descriptor_ = share(std::move(changed));
  }
  void observe_scaled(const torch::Tensor& x) {
    const auto batch = x.detach().cpu();
    calibration_->with([&](Quantizer& observed) { observed.observe(view(batch)).value(); });
  }
  [[nodiscard]] torch::Tensor clip(const torch::Tensor& x) const {
    if (!clip_range()) {
      fail("learn_amax has no clip range to start from",
           "call init_learn_amax() after loading an amax, or set the clip range");
    }
    return functional::clip(x, clip_min_, clip_max_);
  }
  [[nodiscard]] torch::Tensor amax_for(const torch::Tensor& x) const {
    const auto fixed = amax_in_use();
    return fixed.defined() ? fixed : functional::amax(x, *descriptor_);
  }

  SharedDescriptor descriptor_;
  torch::Tensor amax_, pre_quant_scale_, clip_min_, clip_max_, inverse_scale_;
  std::shared_ptr<detail::Calibration> calibration_;
  bool disabled_ = false, quantizing_ = true, clipping_ = false, calibrating_ = false;
};
TORCH_MODULE(TensorQuantizer);

}  // namespace qdq::nn

#endif
