// The quantization of one tensor.
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

/// The quantization of one tensor: format, sign, range, and which elements share an amax. By default signed
/// 8-bit integers with one amax for the tensor.
///
///     auto descriptor = qdq::Descriptor::make().num_bits(4).axis({0}).build();
class Descriptor : public detail::Handle<qdq_descriptor, qdq_descriptor_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// Makes a descriptor with the default fields.
  Descriptor() : Handle(qdq_descriptor_new()) {}

  /// Starts with the default fields.
  [[nodiscard]] static Builder make();
  /// Starts with the fields of a predefined descriptor.
  [[nodiscard]] static Builder make(Predefined which);
  /// Starts with the fields of this descriptor.
  [[nodiscard]] Builder edit() const;

  /// Returns one of the predefined descriptors.
  [[nodiscard]] static Result<Descriptor> predefined(Predefined which) {
    return detail::make<Descriptor>(qdq_descriptor_predefined, detail::number(which));
  }
  /// Reads a descriptor from the JSON text that to_json() writes. Missing fields have their default; unknown
  /// fields are an error.
  [[nodiscard]] static Result<Descriptor> from_json(std::string_view json) {
    return detail::make<Descriptor>(qdq_descriptor_from_json, detail::Text(json).c());
  }
  /// Returns the descriptor as a JSON text with every field.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_descriptor_to_json, c()); }
  /// Returns an independent descriptor with the same fields.
  [[nodiscard]] Result<Descriptor> clone() const { return detail::make<Descriptor>(qdq_descriptor_clone, c()); }
  /// Checks whether the fields are consistent. Returns an error if they are not.
  [[nodiscard]] Result<void> validate() const { return detail::call(qdq_descriptor_validate, c()); }

  /// Returns the number of bits of the integers; 0 for e4m3.
  [[nodiscard]] std::uint32_t num_bits() const noexcept { return qdq_descriptor_num_bits(c()); }
  /// Returns whether the format is the 8-bit float e4m3.
  [[nodiscard]] bool is_e4m3() const noexcept { return qdq_descriptor_is_e4m3(c()); }
  /// Returns the name for messages; empty if there is none. Valid until the descriptor is freed.
  [[nodiscard]] std::string_view name() const& noexcept { return detail::view(qdq_descriptor_name(c())); }
  void name() const&& = delete;
  /// Returns whether a quantizer dequantizes its result, and so gives floats.
  [[nodiscard]] bool fake_quant() const noexcept { return qdq_descriptor_fake_quant(c()); }
  /// Returns the axes that keep an amax of their own, as they were set; none for one amax for the tensor.
  [[nodiscard]] std::vector<std::int32_t> axis() const {
    std::vector<std::int32_t> axes(qdq_descriptor_axis_count(c()));
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = qdq_descriptor_axis_at(c(), i);
    return axes;
  }
  /// Returns the size of the blocks that share an amax; 0 without blocks.
  [[nodiscard]] std::size_t block_size() const noexcept { return qdq_descriptor_block_size(c()); }
  /// Returns the axis along which blocks are formed, as it was set; 0 without blocks.
  [[nodiscard]] std::int32_t block_axis() const noexcept { return qdq_descriptor_block_axis(c()); }
  /// Returns the fixed amax; nothing if there is none.
  [[nodiscard]] Result<std::optional<Array>> amax() const { return detail::make_if_any<Array>(qdq_descriptor_amax, c()); }
  /// Returns whether training learns amax.
  [[nodiscard]] bool learn_amax() const noexcept { return qdq_descriptor_learn_amax(c()); }
  /// Returns the factor of amax.
  [[nodiscard]] float scale_amax() const noexcept { return qdq_descriptor_scale_amax(c()); }
  /// Returns the statistics that calibration gathers.
  [[nodiscard]] CalibMethod calib_method() const noexcept {
    return static_cast<CalibMethod>(qdq_descriptor_calib_method(c()));
  }
  /// Returns whether integers start at 0.
  [[nodiscard]] bool is_unsigned() const noexcept { return qdq_descriptor_unsigned(c()); }
  /// Returns whether the lowest integer is the negative of the highest.
  [[nodiscard]] bool narrow_range() const noexcept { return qdq_descriptor_narrow_range(c()); }
  /// Returns the arithmetic of fake quantization.
  [[nodiscard]] Mode mode() const noexcept { return static_cast<Mode>(qdq_descriptor_mode(c())); }
};

/// Sets fields in any order. build() checks whether they are consistent.
class Descriptor::Builder : public detail::Builder<Builder, Descriptor> {
 public:
  using detail::Builder<Builder, Descriptor>::Builder;

  /// Sets the format to integers of 2 to 16 bits. Default: 8.
  Builder& num_bits(std::uint32_t bits) { return set(qdq_descriptor_set_num_bits, bits); }
  /// Sets the format to the 8-bit float e4m3 instead of integers.
  Builder& e4m3() { return set(qdq_descriptor_set_e4m3); }
  /// Sets the name for messages; empty for none.
  Builder& name(std::string_view name) { return set(qdq_descriptor_set_name, detail::Text(name).or_null()); }
  /// Sets whether a quantizer dequantizes its result, and so gives floats. Default: true.
  Builder& fake_quant(bool value) { return set(qdq_descriptor_set_fake_quant, value); }
  /// Sets the axes that keep an amax of their own. Negative axes count from the last.
  Builder& axis(Span<const std::int32_t> axes) {
    return set(qdq_descriptor_set_axis, axes.empty() ? nullptr : axes.data(), axes.size());
  }
  /// Lets blocks of `size` neighbours along `axis` share an amax; every other axis is kept. A size of 0 turns
  /// blocks off.
  Builder& block(std::int32_t axis, std::size_t size) { return set(qdq_descriptor_set_block, axis, size); }
  /// Sets a fixed amax for the tensor.
  Builder& amax(float value) { return amax(TensorView(&value, {})); }
  /// Sets a fixed amax whose shape groups the data: size 1 in every axis that shares it. It is copied.
  Builder& amax(const TensorView& values) { return set(qdq_descriptor_set_amax, values.c()); }
  /// Removes a fixed amax: ranges are calibrated or dynamic again, which is the default.
  Builder& no_amax() { return set(qdq_descriptor_set_amax, nullptr); }
  /// Sets whether training learns amax. Default: false.
  Builder& learn_amax(bool value) { return set(qdq_descriptor_set_learn_amax, value); }
  /// Sets a positive factor of amax. Default: 1.
  Builder& scale_amax(float factor) { return set(qdq_descriptor_set_scale_amax, factor); }
  /// Sets the statistics that calibration gathers. Default: CalibMethod::Max.
  Builder& calib_method(CalibMethod method) { return set(qdq_descriptor_set_calib_method, detail::number(method)); }
  /// Sets whether integers start at 0, for data without negative values. Default: false.
  Builder& is_unsigned(bool value) { return set(qdq_descriptor_set_unsigned, value); }
  /// Sets whether the lowest integer is the negative of the highest. Default: false.
  Builder& narrow_range(bool value) { return set(qdq_descriptor_set_narrow_range, value); }
  /// Sets the arithmetic of fake quantization. Default: Mode::Reference.
  Builder& mode(Mode mode) { return set(qdq_descriptor_set_mode, detail::number(mode)); }

  /// Returns the descriptor, or the error of the first invalid field or of inconsistent fields.
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
