// Options for writing a quantized model.
#ifndef QDQ_QUANTIZE_OPTIONS_HPP
#define QDQ_QUANTIZE_OPTIONS_HPP

#include <cstdint>
#include <string_view>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>
#include <qdq/quantizer.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// Options for writing a quantized model.
///
///     auto options = qdq::QuantizeOptions::make().weight_form(qdq::WeightForm::Float).build();
class QuantizeOptions : public detail::Handle<qdq_quantize_options, qdq_quantize_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes the default options.
  QuantizeOptions() : Handle(qdq_quantize_options_new()) {}

  /// Starts with the default options.
  [[nodiscard]] static Builder make();
};

/// Sets options in any order.
class QuantizeOptions::Builder : public detail::Builder<Builder, QuantizeOptions> {
 public:
  using detail::Builder<Builder, QuantizeOptions>::Builder;

  /// Sets the storage of weights. Default: WeightForm::Int8.
  Builder& weight_form(WeightForm form) { return set(qdq_quantize_options_set_weight_form, detail::number(form)); }
  /// Sets the method that computes the ranges of weights from their values. Default: Method::Mse.
  Builder& weight_method(RangeMethod method) {
    return set(qdq_quantize_options_set_weight_method, detail::number(method.method), method.percentile);
  }
  /// Sets the range of the weight `name` instead of a computed one: amax (f32), one for the weight or one per
  /// output channel.
  ///
  /// `name` is the tensor that nodes read, or the initializer behind it. A name that no weight has is
  /// ignored.
  Builder& weight_amax(std::string_view name, const TensorView& amax) {
    return set(qdq_quantize_options_set_weight_amax, detail::Text(name).c(), amax.c());
  }
  /// Lets the range of the weight `name` be computed again.
  Builder& no_weight_amax(std::string_view name) {
    return set(qdq_quantize_options_set_weight_amax, detail::Text(name).c(), nullptr);
  }
  /// Gives the weight `name`, the tensor that nodes read, the ranges and numbers of the quantizer that it was
  /// trained with. The quantizer is copied.
  ///
  /// Fails if no format has its numbers. Model::quantize() fails if the plan does not quantize the weight in
  /// that way.
  Builder& weight_quantizer(std::string_view name, const Quantizer& quantizer) {
    return set(qdq_quantize_options_set_weight_quantizer, detail::Text(name).c(), quantizer.c());
  }
  /// Lets the weight `name` be quantized by its values again.
  Builder& no_weight_quantizer(std::string_view name) {
    return set(qdq_quantize_options_set_weight_quantizer, detail::Text(name).c(), nullptr);
  }
  /// Sets the number of bits of the integers of weights, 2 to 8. With fewer than 8 bits they are still stored
  /// as int8, on a coarser grid. Default: 8.
  Builder& weight_bits(std::uint32_t num_bits) { return set(qdq_quantize_options_set_weight_bits, num_bits); }
  /// Rounds the scales of weights to a 16-bit type before the integers are computed, for a model that
  /// Model::cast() converts afterwards. Default: f32 scales, which that function rounds.
  Builder& half_scales(Half type) { return set(qdq_quantize_options_set_half_scales, detail::number(type)); }
};

inline QuantizeOptions::Builder QuantizeOptions::make() { return Builder(QuantizeOptions()); }

}  // namespace qdq

#endif
