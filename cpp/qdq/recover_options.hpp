// Which methods recover accuracy.
#ifndef QDQ_RECOVER_OPTIONS_HPP
#define QDQ_RECOVER_OPTIONS_HPP

#include <qdq/detail/builder.hpp>
#include <qdq/quantize_options.hpp>

namespace qdq {

/// Which methods recover accuracy, and how the quantized model is written. The default has no method.
///
///     auto options = qdq::RecoverOptions::make().learned_rounding().bias_correction().build();
class RecoverOptions : public detail::Handle<qdq_recover_options, qdq_recover_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// No method.
  RecoverOptions() : Handle(qdq_recover_options_new()) {}

  /// Starts with no method.
  [[nodiscard]] static Builder make();
};

/// Sets options, in any order.
class RecoverOptions::Builder : public detail::Builder<Builder, RecoverOptions> {
 public:
  using detail::Builder<Builder, RecoverOptions>::Builder;

  /// How the quantized model is written.
  Builder& quantize(const QuantizeOptions& options) { return set(qdq_recover_options_set_quantize, options.c()); }
  /// Whether channels between two layers get scales of their own. Default: false.
  Builder& equalization(bool enabled = true) { return set(qdq_recover_options_set_equalization, enabled); }
  /// Whether each weight is rounded up or down, whichever serves its layer's output. Default: false.
  Builder& learned_rounding(bool enabled = true) { return set(qdq_recover_options_set_learned_rounding, enabled); }
  /// Whether biases move by what layers are off by in the mean. Default: false.
  Builder& bias_correction(bool enabled = true) { return set(qdq_recover_options_set_bias_correction, enabled); }
};

inline RecoverOptions::Builder RecoverOptions::make() { return Builder(RecoverOptions()); }

}  // namespace qdq

#endif
