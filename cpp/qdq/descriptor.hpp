// How one tensor is quantized.
#ifndef QDQ_DESCRIPTOR_HPP
#define QDQ_DESCRIPTOR_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <qdq/array.hpp>
#include <qdq/buffer.hpp>
#include <qdq/detail/builder.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/span.hpp>
#include <qdq/tensor_view.hpp>

namespace qdq {

/// How one tensor is quantized: format, sign, range, which elements share an amax. By default signed 8-bit
/// integers with one amax for the tensor.
///
///     auto descriptor = qdq::Descriptor::make().num_bits(4).axis({0}).build();
class Descriptor : public detail::Handle<qdq_descriptor, qdq_descriptor_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// The default fields.
  Descriptor() : Handle(qdq_descriptor_new()) {}

  /// Starts with the default fields.
  [[nodiscard]] static Builder make();
  /// Starts with the fields of a predefined one.
  [[nodiscard]] static Builder make(Predefined which);
  /// Starts with the fields of this one.
  [[nodiscard]] Builder edit() const;

  /// One of the predefined descriptors.
  [[nodiscard]] static Result<Descriptor> predefined(Predefined which) {
    return detail::make<Descriptor>(qdq_descriptor_predefined, detail::number(which));
  }
  /// Reads what to_json() writes; missing fields have their default, unknown ones are an error.
  [[nodiscard]] static Result<Descriptor> from_json(std::string_view json) {
    return detail::make<Descriptor>(qdq_descriptor_from_json, detail::Text(json).c());
  }
  /// The descriptor as a JSON text with every field.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_descriptor_to_json, c()); }
  /// A descriptor of its own with the same fields.
  [[nodiscard]] Result<Descriptor> clone() const { return detail::make<Descriptor>(qdq_descriptor_clone, c()); }
  /// Tells whether the fields go together.
  [[nodiscard]] Result<void> validate() const { return detail::call(qdq_descriptor_validate, c()); }

  /// The number of bits of the integers; 0 for e4m3.
  [[nodiscard]] std::uint32_t num_bits() const noexcept { return qdq_descriptor_num_bits(c()); }
  /// Whether the format is the 8-bit float e4m3.
  [[nodiscard]] bool is_e4m3() const noexcept { return qdq_descriptor_is_e4m3(c()); }
  /// The name for messages; empty where there is none. Valid until the descriptor is freed.
  [[nodiscard]] std::string_view name() const& noexcept { return detail::view(qdq_descriptor_name(c())); }
  void name() const&& = delete;
  /// Whether a quantizer gives floats again.
  [[nodiscard]] bool fake_quant() const noexcept { return qdq_descriptor_fake_quant(c()); }
  /// The axes that keep an amax of their own, as they were set; none for one amax for the tensor.
  [[nodiscard]] std::vector<std::int32_t> axis() const {
    std::vector<std::int32_t> axes(qdq_descriptor_axis_count(c()));
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = qdq_descriptor_axis_at(c(), i);
    return axes;
  }
  /// The size of the blocks that share an amax; 0 without blocks.
  [[nodiscard]] std::size_t block_size() const noexcept { return qdq_descriptor_block_size(c()); }
  /// The axis along which blocks lie, as it was set; 0 without blocks.
  [[nodiscard]] std::int32_t block_axis() const noexcept { return qdq_descriptor_block_axis(c()); }
  /// The fixed amax, where there is one.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_descriptor_amax, c()); }
  /// Whether training learns amax.
  [[nodiscard]] bool learn_amax() const noexcept { return qdq_descriptor_learn_amax(c()); }
  /// The factor on amax.
  [[nodiscard]] float scale_amax() const noexcept { return qdq_descriptor_scale_amax(c()); }
  /// What calibration observes.
  [[nodiscard]] CalibMethod calib_method() const noexcept {
    return static_cast<CalibMethod>(qdq_descriptor_calib_method(c()));
  }
  /// Whether integers start at 0.
  [[nodiscard]] bool is_unsigned() const noexcept { return qdq_descriptor_unsigned(c()); }
  /// Whether the lowest integer is the negative of the highest.
  [[nodiscard]] bool narrow_range() const noexcept { return qdq_descriptor_narrow_range(c()); }
  /// Whose arithmetic fake quantization follows.
  [[nodiscard]] Mode mode() const noexcept { return static_cast<Mode>(qdq_descriptor_mode(c())); }
};

/// Sets fields in any order; build() tells whether they go together.
class Descriptor::Builder : public detail::Builder<Builder, Descriptor> {
 public:
  using detail::Builder<Builder, Descriptor>::Builder;

  /// Integers of 2 to 16 bits. Default: 8.
  Builder& num_bits(std::uint32_t bits) { return set(qdq_descriptor_set_num_bits, bits); }
  /// The 8-bit float e4m3 in place of integers.
  Builder& e4m3() { return set(qdq_descriptor_set_e4m3); }
  /// A name for messages; empty for none.
  Builder& name(std::string_view name) { return set(qdq_descriptor_set_name, detail::Text(name).or_null()); }
  /// Whether a quantizer gives floats again. Default: true.
  Builder& fake_quant(bool value) { return set(qdq_descriptor_set_fake_quant, value); }
  /// The axes that keep an amax of their own; negative ones count from the last.
  Builder& axis(Span<const std::int32_t> axes) {
    return set(qdq_descriptor_set_axis, axes.empty() ? nullptr : axes.data(), axes.size());
  }
  /// Lets blocks of `size` neighbours along `axis` share an amax, every other axis being kept; a size of 0
  /// for none.
  Builder& block(std::int32_t axis, std::size_t size) { return set(qdq_descriptor_set_block, axis, size); }
  /// A fixed amax for the tensor.
  Builder& amax(float value) { return amax(TensorView(&value, {})); }
  /// A fixed amax of a shape that groups the data: size 1 in every axis that shares it. It is copied.
  Builder& amax(const TensorView& values) { return set(qdq_descriptor_set_amax, values.c()); }
  /// Calibrated or dynamic ranges again, the default.
  Builder& no_amax() { return set(qdq_descriptor_set_amax, nullptr); }
  /// Whether training learns amax. Default: false.
  Builder& learn_amax(bool value) { return set(qdq_descriptor_set_learn_amax, value); }
  /// A positive factor on amax. Default: 1.
  Builder& scale_amax(float factor) { return set(qdq_descriptor_set_scale_amax, factor); }
  /// What calibration observes. Default: CalibMethod::Max.
  Builder& calib_method(CalibMethod method) { return set(qdq_descriptor_set_calib_method, detail::number(method)); }
  /// Whether integers start at 0, for data without negative values. Default: false.
  Builder& is_unsigned(bool value) { return set(qdq_descriptor_set_unsigned, value); }
  /// Whether the lowest integer is the negative of the highest. Default: false.
  Builder& narrow_range(bool value) { return set(qdq_descriptor_set_narrow_range, value); }
  /// Whose arithmetic fake quantization follows. Default: Mode::Reference.
  Builder& mode(Mode mode) { return set(qdq_descriptor_set_mode, detail::number(mode)); }

  /// The descriptor, or the error of the first field that cannot be or of fields that do not go together.
  [[nodiscard]] Result<Descriptor> build() {
    set(qdq_descriptor_validate);
    return detail::Builder<Builder, Descriptor>::build();
  }
};

inline Descriptor::Builder Descriptor::make() { return Builder(Descriptor()); }
inline Descriptor::Builder Descriptor::make(Predefined which) { return Builder(predefined(which)); }
inline Descriptor::Builder Descriptor::edit() const { return Builder(clone()); }

}  // namespace qdq

#endif
