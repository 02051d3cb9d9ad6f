// Methods that recover accuracy.
#ifndef QDQ_RECOVER_OPTIONS_HPP
#define QDQ_RECOVER_OPTIONS_HPP

#include <qdq/detail/builder.hpp>
#include <qdq/quantize_options.hpp>

namespace qdq {

/// The methods that recover accuracy, and options for writing the quantized model. The default has no method.
///
///     auto options = qdq::RecoverOptions::make().learned_rounding().bias_correction().build();
class RecoverOptions : public detail::Handle<qdq_recover_options, qdq_recover_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes options without a method.
  RecoverOptions() : Handle(qdq_recover_options_new()) {}

  /// Starts without a method.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class RecoverOptions::Builder : public detail::Builder<Builder, RecoverOptions> {
 public:
  using detail::Builder<Builder, RecoverOptions>::Builder;

  /// Sets the options for writing the quantized model.
  Builder& quantize(const QuantizeOptions& options) { return set(qdq_recover_options_set_quantize, options.c()); }
  /// Sets whether the channels between two layers get scales of their own. Default: false.
  Builder& equalization(bool enabled = true) { return set(qdq_recover_options_set_equalization, enabled); }
  /// Sets whether the channels of int8 activations get scales of their own if no layer before can take them
  /// (smoothing). A Mul before Quantize divides them, unless constants before it do. Default: false.
  Builder& smooth(bool enabled = true) { return set(qdq_recover_options_set_smooth, enabled); }
  /// Sets whether the input channels of weights in blocks get scales of their own, by the size of the
  /// activations. It is for plans with the format int4-weights. Default: false.
  Builder& awq(bool enabled = true) { return set(qdq_recover_options_set_awq, enabled); }
  /// Sets whether each weight is rounded up or down by the error of its layer's output. Default: false.
  Builder& learned_rounding(bool enabled = true) { return set(qdq_recover_options_set_learned_rounding, enabled); }
  /// Sets whether biases are corrected by the mean error of their layer. Default: false.
  Builder& bias_correction(bool enabled = true) { return set(qdq_recover_options_set_bias_correction, enabled); }
};

inline RecoverOptions::Builder RecoverOptions::make() { return Builder(RecoverOptions()); }

}  // namespace qdq

#endif
