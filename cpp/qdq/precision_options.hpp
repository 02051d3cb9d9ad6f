// The choices for half precision.
#ifndef QDQ_PRECISION_OPTIONS_HPP
#define QDQ_PRECISION_OPTIONS_HPP

#include <string_view>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>

namespace qdq {

/// The choices for half precision: the 16-bit type, and the nodes that have it whatever their values are, or
/// never. The default chooses f16 by the values.
///
///     auto options = qdq::PrecisionOptions::make().float32_op("Softmax").build();
class PrecisionOptions : public detail::Handle<qdq_precision_options, qdq_precision_options_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes options that choose f16 by the values.
  PrecisionOptions() : Handle(qdq_precision_options_new()) {}

  /// Returns the 16-bit type.
  [[nodiscard]] Half half() const noexcept { return static_cast<Half>(qdq_precision_options_half(c())); }

  /// Returns whether f32 inputs and outputs become 16-bit too.
  [[nodiscard]] bool half_io() const noexcept { return qdq_precision_options_half_io(c()); }

  /// Starts with options that choose f16 by the values.
  [[nodiscard]] static Builder make();
  /// Starts with a copy of these options.
  [[nodiscard]] Builder edit() const;
  /// Returns a copy.
  [[nodiscard]] Result<PrecisionOptions> clone() const {
    return detail::make<PrecisionOptions>(qdq_precision_options_clone, c());
  }
};

/// Sets options, in any order.
class PrecisionOptions::Builder : public detail::Builder<Builder, PrecisionOptions> {
 public:
  using detail::Builder<Builder, PrecisionOptions>::Builder;

  /// Sets the 16-bit type. Default: Half::F16.
  Builder& half(Half type) { return set(qdq_precision_options_set_half, detail::number(type)); }
  /// Sets whether the f32 inputs and outputs of the model become 16-bit too. Default: false.
  Builder& half_io(bool enabled = true) { return set(qdq_precision_options_set_half_io, enabled); }
  /// Keeps nodes in f32 whose name matches the pattern: `*` matches any text, `?` one character.
  Builder& float32_name(std::string_view pattern) {
    return set(qdq_precision_options_float32_name, detail::Text(pattern).c());
  }
  /// Keeps nodes of an operator, such as "Softmax", in f32.
  Builder& float32_op(std::string_view op) { return set(qdq_precision_options_float32_op, detail::Text(op).c()); }
  /// Gives the 16-bit type to nodes whose name matches the pattern, whatever their values are.
  Builder& half_name(std::string_view pattern) { return set(qdq_precision_options_half_name, detail::Text(pattern).c()); }
  /// Gives the 16-bit type to nodes of an operator, whatever their values are.
  Builder& half_op(std::string_view op) { return set(qdq_precision_options_half_op, detail::Text(op).c()); }
};

inline PrecisionOptions::Builder PrecisionOptions::make() { return Builder(PrecisionOptions()); }
inline PrecisionOptions::Builder PrecisionOptions::edit() const { return Builder(clone()); }

}  // namespace qdq

#endif
