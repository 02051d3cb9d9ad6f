// The kernels of TensorRT engines and the bytes that they move.
#ifndef QDQ_ENGINE_COST_HPP
#define QDQ_ENGINE_COST_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <qdq/buffer.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/items.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/findings.hpp>
#include <qdq/span.hpp>

namespace qdq {

/// The kernels of a TensorRT engine, and the bytes of activations that they read and write. Immutable.
///
/// Bytes are not time: the figures compare two engines of one network, such as FP16 beside INT8, on a machine
/// without a GPU. Constants and tensors of fewer than 256 elements are left out. A size that is decided at
/// run time counts as 1. A kernel in a loop or a branch counts once.
class EngineCost : public detail::Handle<qdq_engine_cost, qdq_engine_cost_free> {
 public:
  /// A kernel of an engine.
  struct Kernel {
    std::string_view name;  ///< Valid until the object is freed.
    std::string_view kind;  ///< TensorRT's word for it.
    std::uint64_t read;     ///< The bytes of activations that it reads.
    std::uint64_t written;  ///< The bytes of activations that it writes.
    /// The ONNX nodes that it computes; none if the engine does not name them.
    detail::Items<std::string_view, qdq_engine_cost> layers;
  };

  /// The bytes of one element type that all kernels together move.
  struct Moved {
    std::string_view type;  ///< Such as "i8" or "f16".
    std::uint64_t read;     ///< The bytes that kernels read.
    std::uint64_t written;  ///< The bytes that kernels write.
  };

  using Handle::Handle;

  /// Reads an engine from its file. An engine of another version than TensorRT-RTX 1.4 to 1.7 gives no
  /// kernels and a finding.
  [[nodiscard]] static Result<EngineCost> load(const std::string& path) {
    return detail::make<EngineCost>(qdq_engine_cost_load, path.c_str());
  }
  /// Does the same with the bytes of the file.
  [[nodiscard]] static Result<EngineCost> from_bytes(Bytes bytes) {
    return detail::make<EngineCost>(qdq_engine_cost_from_bytes, bytes.data(), bytes.size());
  }
  /// Reads the text of IEngineInspector::getEngineInformation() in the format kJSON. `builder` names the
  /// program that built the engine. See qdq::trt::engine_cost().
  [[nodiscard]] static Result<EngineCost> from_layers(std::string_view builder, std::string_view json) {
    return detail::make<EngineCost>(qdq_engine_cost_from_layers, detail::Text(builder).c(), detail::Text(json).c());
  }

  /// Returns the findings about the figures: an unknown plan, sizes that are decided at run time, loops.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_engine_cost_findings, c()); }
  /// Compares the engine with another engine of the same network. The findings have a warning if this one
  /// computes in INT8 and moves more bytes.
  [[nodiscard]] Result<Findings> compare(const EngineCost& other) const {
    return detail::make<Findings>(qdq_engine_cost_compare, c(), other.c());
  }
  /// Returns the kernels as JSON.
  [[nodiscard]] Result<Buffer> to_json() const { return detail::make<Buffer>(qdq_engine_cost_to_json, c()); }
  /// Returns the kernels as a table for people, with one line for all kernels of the same types.
  [[nodiscard]] Result<Buffer> to_text() const { return detail::make<Buffer>(qdq_engine_cost_to_text, c()); }

  /// Returns the program that built the engine, such as "TensorRT-RTX 1.7.1".
  [[nodiscard]] std::string_view builder() const& noexcept { return detail::view(qdq_engine_cost_builder(c())); }
  void builder() const&& = delete;
  /// Returns whether qdq can read the plan of the engine. If not, there are no kernels.
  [[nodiscard]] bool is_known() const noexcept { return qdq_engine_cost_is_known(c()); }
  /// Returns the bytes of activations that all kernels read and write.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return qdq_engine_cost_bytes(c()); }
  /// Returns the bytes by element type.
  [[nodiscard]] detail::Items<Moved, qdq_engine_cost> moved() const& {
    return {c(), qdq_engine_cost_type_count(c()), [](const qdq_engine_cost* cost, std::size_t, std::size_t index) {
              return Moved{detail::view(qdq_engine_cost_type_at(cost, index)), qdq_engine_cost_type_read(cost, index),
                           qdq_engine_cost_type_written(cost, index)};
            }};
  }
  void moved() const&& = delete;
  /// Returns the kernels in the order of the engine.
  [[nodiscard]] detail::Items<Kernel, qdq_engine_cost> kernels() const& { return {c(), qdq_engine_cost_count(c()), kernel}; }
  void kernels() const&& = delete;

 private:
  static std::string_view layer(const qdq_engine_cost* cost, std::size_t kernel, std::size_t index) {
    return detail::view(qdq_engine_cost_layer_at(cost, kernel, index));
  }
  static Kernel kernel(const qdq_engine_cost* cost, std::size_t, std::size_t index) {
    return {detail::view(qdq_engine_cost_name(cost, index)),
            detail::view(qdq_engine_cost_kind(cost, index)),
            qdq_engine_cost_read(cost, index),
            qdq_engine_cost_written(cost, index),
            {cost, qdq_engine_cost_layer_count(cost, index), layer, index}};
  }
};

}  // namespace qdq

#endif
