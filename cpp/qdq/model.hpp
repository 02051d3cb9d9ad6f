// ONNX models.
#ifndef QDQ_MODEL_HPP
#define QDQ_MODEL_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <qdq/array.hpp>
#include <qdq/batches.hpp>
#include <qdq/buffer.hpp>
#include <qdq/comparison.hpp>
#include <qdq/detail/call.hpp>
#include <qdq/detail/text.hpp>
#include <qdq/graph.hpp>
#include <qdq/plan.hpp>
#include <qdq/policy.hpp>
#include <qdq/quantize_options.hpp>
#include <qdq/ranges.hpp>
#include <qdq/recover_options.hpp>
#include <qdq/run_options.hpp>
#include <qdq/span.hpp>
#include <qdq/specs.hpp>
#include <qdq/stats.hpp>
#include <qdq/tensor_view.hpp>
#include <qdq/texts.hpp>

namespace qdq {

struct Recovered;

/// An ONNX model. Nothing of the file is lost. Weights stay in the mapped file, which must not be changed in
/// place while the model lives; replacing it by renaming is fine.
class Model : public detail::Handle<qdq_model, qdq_model_free> {
 public:
  using Handle::Handle;

  /// Opens a file. External data is looked for in the file's own folder.
  [[nodiscard]] static Result<Model> open(const std::string& path) {
    return detail::make<Model>(qdq_model_open, path.c_str());
  }
  /// A model from the content of such a file, which is copied. It has no folder and so no external data.
  [[nodiscard]] static Result<Model> from_bytes(Bytes bytes) {
    return detail::make<Model>(qdq_model_from_bytes, bytes.data(), bytes.size());
  }
  /// Writes a file, whole or not at all. Above 2 GiB weights go into `<name>.data` beside it.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_model_save, c(), path.c_str()); }
  /// Writes a file, with weights of `min_external` bytes or more in `<name>.data` where it would have more
  /// than `max_file`, which is 2 GiB at most. Returns the paths of the files written, the model first.
  [[nodiscard]] Result<Texts> save_external(const std::string& path, std::uint32_t max_file,
                                            std::size_t min_external) const {
    return detail::make<Texts>(qdq_model_save_external, c(), path.c_str(), max_file, min_external);
  }
  /// The content of the model's file, up to 2 GiB, with external data inside.
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_model_to_bytes, c()); }

  /// The version of ONNX's own operators; 0 where the model imports none.
  [[nodiscard]] std::int64_t opset() const noexcept { return qdq_model_opset(c()); }
  /// The version of the file format.
  [[nodiscard]] std::int64_t ir_version() const noexcept { return qdq_model_ir_version(c()); }
  /// Rewrites the model for a higher version of ONNX's operators, which planning does by itself where it is
  /// needed. Plans that were made before do not fit the model any more. Returns the nodes that took another
  /// form, as messages name them. After an error the model is as it was.
  [[nodiscard]] Result<Texts> raise_opset(std::int64_t opset) {
    return detail::make<Texts>(qdq_model_raise_opset, c(), opset);
  }

  /// The value of a stored tensor or of a Constant node of the main graph; nothing where `name` is neither.
  [[nodiscard]] Result<std::optional<Array>> get_constant(std::string_view name) const {
    return detail::make_if_any<Array>(qdq_model_get_constant, c(), detail::Text(name).c());
  }
  /// The text that the model's metadata has for `key`, where there is one.
  [[nodiscard]] Result<std::optional<Buffer>> get_metadata(std::string_view key) const {
    return detail::make_if_any<Buffer>(qdq_model_get_metadata, c(), detail::Text(key).c());
  }
  /// Sets that text. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> set_metadata(std::string_view key, std::string_view value) {
    return detail::call(qdq_model_set_metadata, c(), detail::Text(key).c(), detail::Text(value).c());
  }

  /// Replaces the values of the stored tensor `name`, of which type and shape stay: the weights that training
  /// has found. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> set_initializer(std::string_view name, const TensorView& value) {
    return detail::call(qdq_model_set_initializer, c(), detail::Text(name).c(), value.c());
  }

  /// Lets input `input` of the first node called `node` read what it reads clipped to `min` to `max`: what
  /// training with a learned range computed. Needs opset 11. Plans that were made before do not fit the model
  /// any more.
  [[nodiscard]] Result<void> clip_input(std::string_view node, std::size_t input, float min, float max) {
    return detail::call(qdq_model_clip_input, c(), detail::Text(node).c(), input, min, max);
  }

  /// Fixes the value of an input, which is copied: nobody feeds it any more, and what follows from it is
  /// decided when the model is planned, such as which branch of an If runs. A quantized model has the input
  /// no more where nothing reads it once that is decided, which the plan's findings tell; its metadata keeps
  /// the value (`qdq.fixed_input.NAME`, such as `i64[] 16000`), and compare() refuses another one. One number
  /// fits every shape that holds exactly one. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> fix_input(std::string_view name, const TensorView& value) {
    return detail::call(qdq_model_fix_input, c(), detail::Text(name).c(), value.c());
  }
  /// States another shape of an input than the model does, for runs; qdq::dynamic stands for a size decided
  /// at run time. A model that is saved keeps what it declares. Plans that were made before do not fit the
  /// model any more.
  [[nodiscard]] Result<void> set_input_shape(std::string_view name, Span<const std::int64_t> shape) {
    return detail::call(qdq_model_set_input_shape, c(), detail::Text(name).c(), static_cast<std::int32_t>(shape.size()),
                        shape.data());
  }

  /// The inputs that the caller must feed, without those that are fixed.
  [[nodiscard]] Result<Specs> inputs() const { return detail::make<Specs>(qdq_model_inputs, c()); }
  /// The outputs.
  [[nodiscard]] Result<Specs> outputs() const { return detail::make<Specs>(qdq_model_outputs, c()); }
  /// The model as a neutral graph: the numbers of a plan of the model are its numbers.
  [[nodiscard]] Result<Graph> graph() const { return detail::make<Graph>(qdq_model_graph, c()); }

  /// Decides what of the model is quantized.
  [[nodiscard]] Result<Plan> plan(const Policy& policy = Policy()) const {
    return detail::make<Plan>(qdq_model_plan, c(), policy.c(), nullptr);
  }
  /// The same by an existing calibration: a node that needs a range that is not there stays in float.
  [[nodiscard]] Result<Plan> plan(const Policy& policy, const Ranges& ranges) const {
    return detail::make<Plan>(qdq_model_plan, c(), policy.c(), ranges.c());
  }

  /// Runs the model over all batches and gathers statistics of the tensors that the plan quantizes and, with
  /// `every_activation`, of all others too, which a calibration cache needs.
  [[nodiscard]] Result<Stats> calibrate(const Plan& plan, Batches& batches, bool every_activation = false,
                                        const RunOptions& options = RunOptions()) const {
    return detail::make<Stats>(qdq_model_calibrate, c(), plan.c(), batches.c(), every_activation, options.c());
  }

  /// The model with Quantize and Dequantize where the plan says, by the ranges: a model of its own.
  [[nodiscard]] Result<Model> quantize(const Plan& plan, const Ranges& ranges,
                                       const QuantizeOptions& options = QuantizeOptions()) const {
    return detail::make<Model>(qdq_model_quantize, c(), plan.c(), ranges.c(), options.c());
  }

  /// The same with the methods that the options name, which recover accuracy on the data: no layer gets a
  /// larger mean squared error of its output than by plain rounding. The data is read several times, so
  /// `open` is a function that returns Result<Batches> and opens it from its beginning. `method` is that of
  /// the ranges. An error that `open` returns comes out of this function; so does an Exception that it
  /// throws.
  template <typename Open>
  [[nodiscard]] Result<Recovered> recover(const Plan& plan, const Ranges& ranges, RangeMethod method, Open&& open,
                                          const RecoverOptions& options, const RunOptions& run_options = RunOptions()) const;

  /// Runs this model and its quantized form over all batches and measures how far apart they are; with
  /// `every_activation` on every activation that both have, not only on the outputs. Only what is compared is
  /// run. Outputs that hold no tensor of numbers or lie behind an operator that no runtime knows, such as a
  /// plugin of TensorRT, are left out with a warning; where no floating-point output is left, the nearest
  /// floating-point tensors that the outputs are computed from are compared as well.
  [[nodiscard]] Result<Comparison> compare(const Model& quantized, Batches& batches, bool every_activation = false,
                                           const RunOptions& options = RunOptions()) const {
    return detail::make<Comparison>(qdq_model_compare, c(), quantized.c(), batches.c(), every_activation, nullptr,
                                    std::size_t{0}, options.c());
  }
  /// The same with the right class of each sample.
  [[nodiscard]] Result<Comparison> compare(const Model& quantized, Batches& batches, bool every_activation,
                                           Span<const std::int64_t> labels, const RunOptions& options = RunOptions()) const {
    return detail::make<Comparison>(qdq_model_compare, c(), quantized.c(), batches.c(), every_activation, labels.data(),
                                    labels.size(), options.c());
  }
  /// The same for some outputs only, or for other tensors that both models compute: any range of names, of
  /// which the first is the one that `labels` belong to, where there are any.
  template <typename Outputs>
  [[nodiscard]] Result<Comparison> compare_outputs(const Model& quantized, Batches& batches, const Outputs& outputs,
                                                   bool every_activation = false, Span<const std::int64_t> labels = {},
                                                   const RunOptions& options = RunOptions()) const {
    const detail::Texts texts(outputs);
    return detail::make<Comparison>(qdq_model_compare_outputs, c(), quantized.c(), batches.c(), texts.c(), texts.size(),
                                    every_activation, labels.size() > 0 ? labels.data() : nullptr, labels.size(),
                                    options.c());
  }
};

/// A quantized model and what was done for its accuracy.
struct Recovered {
  Model model;    ///< With Quantize and Dequantize.
  Buffer report;  ///< What each method changed of each layer, as JSON; see qdq_model_recover().
};

template <typename Open>
Result<Recovered> Model::recover(const Plan& plan, const Ranges& ranges, RangeMethod method, Open&& open,
                                 const RecoverOptions& options, const RunOptions& run_options) const {
  using Function = std::remove_reference_t<Open>;
  qdq_buffer* report = nullptr;
  auto model = detail::make<Model>(qdq_model_recover, c(), plan.c(), ranges.c(), detail::number(method.method),
                                   method.percentile, detail::open_again<Function>,
                                   const_cast<void*>(static_cast<const void*>(&open)), options.c(), run_options.c(),
                                   &report);
  Buffer changes(report);
  if (!model) return std::move(model).error();
  return Recovered{std::move(model).value(), std::move(changes)};
}

}  // namespace qdq

#endif
