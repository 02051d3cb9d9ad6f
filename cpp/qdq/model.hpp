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
#include <qdq/findings.hpp>
#include <qdq/graph.hpp>
#include <qdq/plan.hpp>
#include <qdq/policy.hpp>
#include <qdq/quantize_options.hpp>
#include <qdq/ranges.hpp>
#include <qdq/precision_options.hpp>
#include <qdq/precision_plan.hpp>
#include <qdq/recover_options.hpp>
#include <qdq/run_options.hpp>
#include <qdq/span.hpp>
#include <qdq/specs.hpp>
#include <qdq/stats.hpp>
#include <qdq/tensor_view.hpp>
#include <qdq/texts.hpp>

namespace qdq {

struct Halved;
struct Recovered;
struct ChosenRanges;

/// An ONNX model. All content of the file is preserved.
///
/// Weights stay in the mapped file. The file must not be changed in place while the model is alive; it may be
/// replaced by renaming another file.
class Model : public detail::Handle<qdq_model, qdq_model_free> {
 public:
  using Handle::Handle;

  /// Opens a model file. External data is read from the folder of the file.
  [[nodiscard]] static Result<Model> open(const std::string& path) {
    return detail::make<Model>(qdq_model_open, path.c_str());
  }
  /// Reads a model from the content of a model file. The content is copied. Such a model has no folder and
  /// therefore no external data.
  [[nodiscard]] static Result<Model> from_bytes(Bytes bytes) {
    return detail::make<Model>(qdq_model_from_bytes, bytes.data(), bytes.size());
  }
  /// Writes the model to a file, completely or not at all. Above 2 GiB, weights go into `<name>.data` beside
  /// the file.
  [[nodiscard]] Result<void> save(const std::string& path) const { return detail::call(qdq_model_save, c(), path.c_str()); }
  /// Writes the model to a file with a limit for the size of the file.
  ///
  /// If the file would have more than `max_file` bytes (2 GiB at most), weights of `min_external` bytes or
  /// more go into `<name>.data`. Returns the paths of the written files, the model first.
  [[nodiscard]] Result<Texts> save_external(const std::string& path, std::uint32_t max_file,
                                            std::size_t min_external) const {
    return detail::make<Texts>(qdq_model_save_external, c(), path.c_str(), max_file, min_external);
  }
  /// Returns the content of the model's file, up to 2 GiB, with external data inside.
  [[nodiscard]] Result<Buffer> to_bytes() const { return detail::make<Buffer>(qdq_model_to_bytes, c()); }

  /// Returns the version of ONNX's own operators (the opset); 0 if the model imports none.
  [[nodiscard]] std::int64_t opset() const noexcept { return qdq_model_opset(c()); }
  /// Returns the version of the file format.
  [[nodiscard]] std::int64_t ir_version() const noexcept { return qdq_model_ir_version(c()); }
  /// Returns the findings of quantize() or recover() about the model that it made, such as weights that keep
  /// one scale per channel although the target is TensorRT-RTX. cast() keeps them; files do not hold them.
  [[nodiscard]] Result<Findings> findings() const { return detail::make<Findings>(qdq_model_findings, c()); }
  /// Rewrites the model for a higher opset. Planning does this by itself if it is necessary.
  ///
  /// Returns the nodes whose form changed, named as in messages. After an error the model is unchanged. Plans
  /// that were made before do not fit the model any more.
  [[nodiscard]] Result<Texts> raise_opset(std::int64_t opset) {
    return detail::make<Texts>(qdq_model_raise_opset, c(), opset);
  }

  /// Returns the value of an initializer or of a Constant node of the main graph; nothing if `name` is
  /// neither.
  [[nodiscard]] Result<std::optional<Array>> get_constant(std::string_view name) const {
    return detail::make_if_any<Array>(qdq_model_get_constant, c(), detail::Text(name).c());
  }
  /// Returns the text that the model's metadata has for `key`; nothing if there is none.
  [[nodiscard]] Result<std::optional<Buffer>> get_metadata(std::string_view key) const {
    return detail::make_if_any<Buffer>(qdq_model_get_metadata, c(), detail::Text(key).c());
  }
  /// Sets the text that the model's metadata has for `key`. Plans that were made before do not fit the model
  /// any more.
  [[nodiscard]] Result<void> set_metadata(std::string_view key, std::string_view value) {
    return detail::call(qdq_model_set_metadata, c(), detail::Text(key).c(), detail::Text(value).c());
  }

  /// Replaces the values of the initializer `name`, for example by trained weights. Type and shape must stay
  /// the same. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> set_initializer(std::string_view name, const TensorView& value) {
    return detail::call(qdq_model_set_initializer, c(), detail::Text(name).c(), value.c());
  }

  /// Clips the tensor that input `input` of the first node called `node` reads, to `min` to `max`, as
  /// training with a learned range did.
  ///
  /// Needs opset 11. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> clip_input(std::string_view node, std::size_t input, float min, float max) {
    return detail::call(qdq_model_clip_input, c(), detail::Text(node).c(), input, min, max);
  }

  /// Fixes the value of an input. The value is copied, and the input is not fed any more.
  ///
  /// Planning evaluates everything that depends only on fixed inputs, such as which branch of an If runs. If
  /// nothing reads the input after that, a quantized model no longer has it; the plan's findings report this.
  /// The metadata of the quantized model keeps the value (`qdq.fixed_input.NAME`, such as `i64[] 16000`), and
  /// compare() refuses another value. A single number fits every shape that holds exactly one element. Plans
  /// that were made before do not fit the model any more.
  [[nodiscard]] Result<void> fix_input(std::string_view name, const TensorView& value) {
    return detail::call(qdq_model_fix_input, c(), detail::Text(name).c(), value.c());
  }
  /// Overrides the declared shape of an input, for runs; qdq::dynamic is a size that is decided at run time.
  ///
  /// A saved model keeps the declared shape. Plans that were made before do not fit the model any more.
  [[nodiscard]] Result<void> set_input_shape(std::string_view name, Span<const std::int64_t> shape) {
    return detail::call(qdq_model_set_input_shape, c(), detail::Text(name).c(), static_cast<std::int32_t>(shape.size()),
                        shape.data());
  }

  /// Returns the inputs that the caller must feed. Fixed inputs are not among them.
  [[nodiscard]] Result<Specs> inputs() const { return detail::make<Specs>(qdq_model_inputs, c()); }
  /// Returns the outputs.
  [[nodiscard]] Result<Specs> outputs() const { return detail::make<Specs>(qdq_model_outputs, c()); }
  /// Returns the model as a neutral graph. Plans of the model use the same numbers of nodes and tensors.
  [[nodiscard]] Result<Graph> graph() const { return detail::make<Graph>(qdq_model_graph, c()); }

  /// Decides which parts of the model are quantized.
  [[nodiscard]] Result<Plan> plan(const Policy& policy = Policy()) const {
    return detail::make<Plan>(qdq_model_plan, c(), policy.c(), nullptr);
  }
  /// Plans with an existing calibration: a node stays in float if a range that it needs is missing.
  [[nodiscard]] Result<Plan> plan(const Policy& policy, const Ranges& ranges) const {
    return detail::make<Plan>(qdq_model_plan, c(), policy.c(), ranges.c());
  }

  /// Runs the model over all batches and gathers statistics of the tensors that the plan quantizes.
  ///
  /// With `every_activation` it gathers statistics of all other activations as well, which a calibration
  /// cache needs.
  [[nodiscard]] Result<Stats> calibrate(const Plan& plan, Batches& batches, bool every_activation = false,
                                        const RunOptions& options = RunOptions()) const {
    return detail::make<Stats>(qdq_model_calibrate, c(), plan.c(), batches.c(), every_activation, options.c());
  }

  /// Returns a new model with Quantize and Dequantize at the places of the plan, with scales from the ranges.
  [[nodiscard]] Result<Model> quantize(const Plan& plan, const Ranges& ranges,
                                       const QuantizeOptions& options = QuantizeOptions()) const {
    return detail::make<Model>(qdq_model_quantize, c(), plan.c(), ranges.c(), options.c());
  }

  /// Quantizes as quantize() does, and recovers accuracy on the data by the methods in the options. No layer
  /// gets a larger mean squared error of its output than by plain rounding.
  ///
  /// The data is read several times: `open` is a function that opens it from its beginning and returns
  /// Result<Batches>. `method` is the method that computed the ranges. An error that `open` returns, or an
  /// Exception that it throws, is returned by this function.
  template <typename Open>
  [[nodiscard]] Result<Recovered> recover(const Plan& plan, const Ranges& ranges, RangeMethod method, Open&& open,
                                          const RecoverOptions& options, const RunOptions& run_options = RunOptions()) const;

  /// Measures what each quantized layer of the plan costs alone, as JSON; see qdq_model_sensitivity().
  ///
  /// `stats` are those of calibrate() for this plan, and `method` computes the ranges from them. At most
  /// `samples` samples are measured, evenly spread over the data. The data is read once; `open` is as in
  /// recover().
  template <typename Open>
  [[nodiscard]] Result<Buffer> sensitivity(const Plan& plan, const Stats& stats, RangeMethod method, Open&& open,
                                           std::size_t samples = 32, const QuantizeOptions& options = QuantizeOptions(),
                                           const RunOptions& run_options = RunOptions()) const;

  /// Chooses the range of each tensor among those of all methods and steps between them, by what they cost on
  /// the data; see qdq_model_choose_ranges().
  ///
  /// `stats` are those of calibrate() for this plan. At most `samples` samples choose, and as many others
  /// judge. The data is read once; `open` is as in recover().
  template <typename Open>
  [[nodiscard]] Result<ChosenRanges> choose_ranges(const Plan& plan, const Stats& stats, Open&& open,
                                                   std::size_t samples = 32,
                                                   const QuantizeOptions& options = QuantizeOptions(),
                                                   const RunOptions& run_options = RunOptions()) const;

  /// Returns a new model in which everything that can be computes in half precision: a float model, or one
  /// with Quantize and Dequantize, such as the result of quantize().
  ///
  /// `stats` are statistics of the float model with every activation. They decide which tensors fit into 16
  /// bits; without them, operators whose result depends on the size of values stay in f32. `ranges` stand for
  /// statistics that are missing. Inputs and outputs keep their types unless the options say otherwise.
  [[nodiscard]] Result<Halved> cast(const PrecisionOptions& options, const Stats& stats, const Ranges& ranges) const;
  /// Does the same by statistics alone.
  [[nodiscard]] Result<Halved> cast(const PrecisionOptions& options, const Stats& stats) const;
  /// Does the same by ranges alone.
  [[nodiscard]] Result<Halved> cast(const PrecisionOptions& options, const Ranges& ranges) const;
  /// Does the same without any knowledge of the values.
  [[nodiscard]] Result<Halved> cast(const PrecisionOptions& options = PrecisionOptions()) const;

  /// Runs this model and its quantized form over all batches and measures how far apart they are.
  ///
  /// With `every_activation` it compares every activation that both models have, not only the outputs. Only
  /// nodes that the compared tensors need are run. Outputs are left out with a warning if they hold no tensor
  /// of numbers, or if they depend on an operator that no runtime knows, such as a plugin of TensorRT. If no
  /// floating-point output is left, the nearest floating-point tensors that the outputs are computed from are
  /// compared as well. Tensors of f16 and bf16 are rounded to their type behind each node, as on a device.
  /// The models may have different floating-point types.
  [[nodiscard]] Result<Comparison> compare(const Model& quantized, Batches& batches, bool every_activation = false,
                                           const RunOptions& options = RunOptions()) const {
    return detail::make<Comparison>(qdq_model_compare, c(), quantized.c(), batches.c(), every_activation, nullptr,
                                    std::size_t{0}, options.c());
  }
  /// Does the same with the correct class of each sample in `labels`.
  [[nodiscard]] Result<Comparison> compare(const Model& quantized, Batches& batches, bool every_activation,
                                           Span<const std::int64_t> labels, const RunOptions& options = RunOptions()) const {
    return detail::make<Comparison>(qdq_model_compare, c(), quantized.c(), batches.c(), every_activation, labels.data(),
                                    labels.size(), options.c());
  }
  /// Does the same for some outputs only, or for other tensors that both models compute. `outputs` is any
  /// range of names. `labels`, if there are any, belong to the first one.
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

/// A quantized model, with a report of the methods that recovered its accuracy.
struct Recovered {
  Model model;    ///< The model with Quantize and Dequantize.
  Buffer report;  ///< The changes of each method to each layer, as JSON; see qdq_model_recover().
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

/// Ranges that were chosen tensor by tensor, with a report of the choice.
struct ChosenRanges {
  Ranges ranges;  ///< The ranges.
  Buffer report;  ///< The choice, as JSON; see qdq_model_choose_ranges().
};

template <typename Open>
Result<Buffer> Model::sensitivity(const Plan& plan, const Stats& stats, RangeMethod method, Open&& open, std::size_t samples,
                                  const QuantizeOptions& options, const RunOptions& run_options) const {
  using Function = std::remove_reference_t<Open>;
  return detail::make<Buffer>(qdq_model_sensitivity, c(), plan.c(), stats.c(), detail::number(method.method),
                              method.percentile, samples, detail::open_again<Function>,
                              const_cast<void*>(static_cast<const void*>(&open)), options.c(), run_options.c());
}

template <typename Open>
Result<ChosenRanges> Model::choose_ranges(const Plan& plan, const Stats& stats, Open&& open, std::size_t samples,
                                          const QuantizeOptions& options, const RunOptions& run_options) const {
  using Function = std::remove_reference_t<Open>;
  qdq_buffer* report = nullptr;
  auto ranges = detail::make<Ranges>(qdq_model_choose_ranges, c(), plan.c(), stats.c(), samples,
                                     detail::open_again<Function>, const_cast<void*>(static_cast<const void*>(&open)),
                                     options.c(), run_options.c(), &report);
  Buffer choice(report);
  if (!ranges) return std::move(ranges).error();
  return ChosenRanges{std::move(ranges).value(), std::move(choice)};
}

/// A model in half precision, with the precision of every node.
struct Halved {
  Model model;         ///< The model.
  PrecisionPlan plan;  ///< The precision of every node, with its reason.
};

namespace detail {

inline Result<Halved> cast(const qdq_model* from, const qdq_stats* stats, const qdq_ranges* ranges,
                           const PrecisionOptions& options) {
  qdq_precision_plan* plan = nullptr;
  auto model = make<Model>(qdq_model_cast, from, stats, ranges, options.c(), &plan);
  PrecisionPlan precision(plan);
  if (!model) return std::move(model).error();
  return Halved{std::move(model).value(), std::move(precision)};
}

}  // namespace detail

inline Result<Halved> Model::cast(const PrecisionOptions& options, const Stats& stats, const Ranges& ranges) const {
  return detail::cast(c(), stats.c(), ranges.c(), options);
}
inline Result<Halved> Model::cast(const PrecisionOptions& options, const Stats& stats) const {
  return detail::cast(c(), stats.c(), nullptr, options);
}
inline Result<Halved> Model::cast(const PrecisionOptions& options, const Ranges& ranges) const {
  return detail::cast(c(), nullptr, ranges.c(), options);
}
inline Result<Halved> Model::cast(const PrecisionOptions& options) const {
  return detail::cast(c(), nullptr, nullptr, options);
}

}  // namespace qdq

#endif
