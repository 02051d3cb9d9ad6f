// The inputs or outputs of a network.
#ifndef QDQ_SPECS_HPP
#define QDQ_SPECS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <qdq/detail/builder.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/numbers.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// An input or output of a network, as far as it is known.
struct Spec {
  std::string_view name;
  DType dtype;
  std::optional<std::vector<std::int64_t>> shape;  ///< May contain qdq::dynamic; nothing if the rank is unknown.
  std::vector<std::string_view> dims;              ///< The names of the dimensions, empty if they have none.
};

/// The names, types and shapes of a network's inputs or outputs. Names are valid until the list is freed.
///
///     auto inputs = qdq::Specs::make().add("image", qdq::DType::F32, {qdq::dynamic, 3, 224, 224}).build();
class Specs : public detail::Handle<qdq_specs, qdq_specs_free> {
 public:
  class Builder;

  using Handle::Handle;
  /// The range type behind begin() and end().
  using Items = detail::Items<Spec, qdq_specs>;

  /// Starts an empty list, for a network that is not an ONNX model.
  [[nodiscard]] static Builder make();

  /// Returns the number of tensors.
  [[nodiscard]] std::size_t size() const noexcept { return qdq_specs_count(c()); }
  /// Returns the tensor at `index`, which must be below size().
  [[nodiscard]] Spec at(std::size_t index) const& { return items().at(index); }
  void at(std::size_t index) const&& = delete;
  /// Starts a loop over all tensors.
  [[nodiscard]] Items::iterator begin() const& { return items().begin(); }
  void begin() const&& = delete;
  /// Returns the end of that loop.
  [[nodiscard]] Items::iterator end() const& { return items().end(); }
  void end() const&& = delete;

 private:
  static Spec spec(const qdq_specs* specs, std::size_t, std::size_t index) {
    Spec out{detail::view(qdq_specs_name(specs, index)), static_cast<DType>(qdq_specs_dtype(specs, index)), {}, {}};
    if (const std::int32_t ndim = qdq_specs_ndim(specs, index); ndim >= 0) {
      out.shape.emplace();
      for (std::size_t axis = 0; axis < static_cast<std::size_t>(ndim); ++axis) {
        out.shape->push_back(qdq_specs_size(specs, index, axis));
        out.dims.push_back(detail::view(qdq_specs_dim_name(specs, index, axis)));
      }
    }
    return out;
  }
  Items items() const { return {c(), size(), spec}; }
};

/// Adds tensors one by one.
class Specs::Builder : public detail::Builder<Builder, Specs> {
 public:
  using detail::Builder<Builder, Specs>::Builder;

  /// Adds a tensor of unknown rank.
  Builder& add(std::string_view name, DType dtype = DType::Unknown) {
    return set(qdq_specs_add, detail::Text(name).c(), detail::number(dtype), -1, nullptr);
  }
  /// Adds a tensor with a shape; qdq::dynamic is a size that is decided at run time.
  Builder& add(std::string_view name, DType dtype, Span<const std::int64_t> shape) {
    return set(qdq_specs_add, detail::Text(name).c(), detail::number(dtype), static_cast<std::int32_t>(shape.size()),
               shape.data());
  }
  /// Names the dimension of tensor `index`, from 0, along `axis`, whose size is decided at run time.
  /// Dimensions with the same name are equal. An empty name removes the name.
  Builder& name_dim(std::size_t index, std::size_t axis, std::string_view name) {
    return set(qdq_specs_name_dim, index, axis, detail::Text(name).or_null());
  }
};

inline Specs::Builder Specs::make() { return Builder(Specs(qdq_specs_new())); }

}  // namespace qdq

#endif
