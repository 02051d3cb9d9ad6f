// The common parts of the quantized modules.
#ifndef QDQ_TORCH_MODULE_HPP
#define QDQ_TORCH_MODULE_HPP

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <qdq/torch/tensor_quantizer.hpp>

namespace qdq::nn {

/// All other names of torch::nn, so that a program with `namespace nn = qdq::nn;` finds all of them.
using namespace torch::nn;  // NOLINT: the using directive is the purpose of this namespace.

/// The quantization of a module. Unset fields have the default of the module's class.
struct QuantOptions {
  SharedDescriptor input_descriptor, weight_descriptor;

  /// Sets the quantization of the input.
  QuantOptions& input(Descriptor descriptor) {
    input_descriptor = share(std::move(descriptor));
    return *this;
  }
  /// Sets the quantization of weights.
  QuantOptions& weight(Descriptor descriptor) {
    weight_descriptor = share(std::move(descriptor));
    return *this;
  }
};

namespace detail {

inline std::atomic<bool>& quantizes() {
  static std::atomic<bool> on{true};
  return on;
}

/// Returns the override of the switch while this thread builds a copy: whether its modules quantize, as those
/// of the copied module do. Nothing at other times.
inline std::optional<bool>& quantizes_copy() {
  static thread_local std::optional<bool> on;
  return on;
}

class BuildsCopy {
 public:
  explicit BuildsCopy(bool quantized) : before_(quantizes_copy()) { quantizes_copy() = quantized; }
  ~BuildsCopy() { quantizes_copy() = before_; }
  BuildsCopy(const BuildsCopy&) = delete;
  BuildsCopy& operator=(const BuildsCopy&) = delete;

 private:
  std::optional<bool> before_;
};

}  // namespace detail

/// Sets whether modules of this namespace that are built from now on quantize. If not, they are the modules
/// of torch::nn, with the same parameters and nothing else.
inline void set_quantized(bool on) noexcept { detail::quantizes() = on; }
/// Returns whether modules that are built now quantize. Default: true.
[[nodiscard]] inline bool is_quantized() noexcept { return detail::quantizes_copy().value_or(detail::quantizes()); }

/// Makes float modules for the lifetime of the object.
class FloatModules {
 public:
  FloatModules() : before_(is_quantized()) { set_quantized(false); }
  ~FloatModules() { set_quantized(before_); }
  FloatModules(const FloatModules&) = delete;
  FloatModules& operator=(const FloatModules&) = delete;

 private:
  bool before_;
};

namespace detail {

/// A quantized site of a module: its quantizers and, if it has weights, their value and the name of the
/// parameter.
struct Site {
  std::shared_ptr<TensorQuantizerImpl> input, weight;
  torch::Tensor value;
  std::string parameter;
};

/// The interface by which tree walks find the quantized sites of a module.
struct Quantizes {
  virtual ~Quantizes() = default;
  /// Returns the sites of the module; none for a module that was built in float.
  [[nodiscard]] virtual std::vector<Site> sites() const = 0;
};

inline SharedDescriptor predefined(Predefined which) { return share(Descriptor::predefined(which).value()); }

/// Returns the default quantization of activations: 8 bits and one range, from a histogram, which every
/// method can evaluate.
inline SharedDescriptor default_input() {
  return share(Descriptor::make(Predefined::PerTensor8Bit).calib_method(CalibMethod::Histogram).build().value());
}

/// A module of torch's with quantizers as children. `Base` is torch's class, `Options` its options.
///
/// Children are found by name, because a copied module holds exactly its registered children.
template <typename Derived, typename Base, typename Options>
class Quantized : public Base, public Quantizes {
 public:
  explicit Quantized(const Options& made_of, const QuantOptions& quant = QuantOptions()) : Base(made_of), made_of_(made_of) {
    if (!is_quantized()) return;
    const auto& defaults = default_options();
    described_.input_descriptor = quant.input_descriptor ? quant.input_descriptor : defaults.input_descriptor;
    described_.weight_descriptor = quant.weight_descriptor ? quant.weight_descriptor : defaults.weight_descriptor;
    static_cast<Derived*>(this)->add_quantizers();
  }
  /// Takes the arguments of torch's options: nn::Conv2d(1, 8, 3).
  template <typename First, typename... Rest,
            typename = std::enable_if_t<std::is_constructible_v<Options, First, Rest...> &&
                                        !std::is_base_of_v<torch::nn::Module, std::decay_t<First>> &&
                                        !std::is_same_v<Options, std::decay_t<First>>>>
  explicit Quantized(First&& first, Rest&&... rest)
      : Quantized(Options(std::forward<First>(first), std::forward<Rest>(rest)...)) {}

  /// Sets the descriptor of inputs for modules of this class that are built from now on without a descriptor
  /// of their own. No other thread may build modules at the same time.
  static void set_default_input(Descriptor descriptor) { default_options().input(std::move(descriptor)); }
  /// Sets the descriptor of weights in the same way.
  static void set_default_weight(Descriptor descriptor) { default_options().weight(std::move(descriptor)); }

  std::shared_ptr<torch::nn::Module> clone(const Optional<torch::Device>& device = {}) const override {
    const torch::NoGradGuard no_grad;
    const BuildsCopy as_this(!this->children().empty());
    const auto copy = std::make_shared<Derived>(made_of_, described_);
    // The children keep their switches and statistics.
    for (const auto& child : this->named_children()) copy->replace_module(child.key(), child.value()->clone(device));
    const auto put = [&](torch::Tensor& to, const torch::Tensor& from) {
      to.set_data(device ? from.detach().to(*device, from.scalar_type(), false, true) : from.detach().clone());
      to.set_requires_grad(from.requires_grad());
    };
    auto parameters = copy->named_parameters(false);
    for (const auto& parameter : this->named_parameters(false)) put(parameters[parameter.key()], parameter.value());
    auto buffers = copy->named_buffers(false);
    for (const auto& buffer : this->named_buffers(false)) put(buffers[buffer.key()], buffer.value());
    copy->train(this->is_training());
    return copy;
  }

  /// Loads as torch does. A file of the float model has no quantizers; the quantizers of this module are
  /// unchanged then.
  void load(torch::serialize::InputArchive& archive) override {
    for (auto& parameter : this->named_parameters(false)) archive.read(parameter.key(), parameter.value());
    for (auto& buffer : this->named_buffers(false)) archive.read(buffer.key(), buffer.value(), true);
    for (const auto& child : this->named_children()) {
      torch::serialize::InputArchive saved;
      if (archive.try_read(child.key(), saved)) child.value()->load(saved);
    }
  }

  void pretty_print(std::ostream& stream) const override {
    std::ostringstream text;
    Base::pretty_print(text);
    const auto printed = text.str();
    // Most of torch's modules print their own name; the recurrent ones print the name of the derived class.
    std::string right = "torch::nn::", wrong = "qdq::nn::";
    if (!this->children().empty()) std::swap(right, wrong);
    stream << (printed.rfind(wrong, 0) == 0 ? right + printed.substr(wrong.size()) : printed);
  }

  /// Returns the quantizer of the input; empty if the module was built in float.
  [[nodiscard]] TensorQuantizer input_quantizer() const { return quantizer("input_quantizer"); }
  /// Returns the quantizer of the weight; empty if the module was built in float or has no weight to
  /// quantize.
  [[nodiscard]] TensorQuantizer weight_quantizer() const { return quantizer("weight_quantizer"); }

 protected:
  void add_quantizer(const std::string& name, const SharedDescriptor& descriptor) {
    this->register_module(name, std::make_shared<TensorQuantizerImpl>(descriptor));
  }
  [[nodiscard]] const QuantOptions& described() const noexcept { return described_; }
  [[nodiscard]] TensorQuantizer quantizer(const std::string& name) const {
    const auto children = this->named_children();
    const auto* found = children.find(name);
    return found == nullptr ? TensorQuantizer(nullptr)
                            : TensorQuantizer(std::dynamic_pointer_cast<TensorQuantizerImpl>(*found));
  }

 private:
  static QuantOptions& default_options() {
    static QuantOptions options{default_input(), Derived::default_weight()};
    return options;
  }

  Options made_of_;
  QuantOptions described_;
};

/// The additions of modules with one weight: both quantizers.
template <typename Derived, typename Base, typename Options>
class QuantizedWeight : public Quantized<Derived, Base, Options> {
 public:
  using Quantized<Derived, Base, Options>::Quantized;

  void add_quantizers() {
    this->add_quantizer("input_quantizer", this->described().input_descriptor);
    this->add_quantizer("weight_quantizer", this->described().weight_descriptor);
  }
  [[nodiscard]] std::vector<Site> sites() const override {
    const auto input = this->input_quantizer();
    if (input.is_empty()) return {};
    return {{input.ptr(), this->weight_quantizer().ptr(), this->weight, "weight"}};
  }
};

/// The additions of modules that quantize their input only.
template <typename Derived, typename Base, typename Options>
class QuantizedInput : public Quantized<Derived, Base, Options> {
 public:
  using Quantized<Derived, Base, Options>::Quantized;

  torch::Tensor compute(const torch::Tensor& input) { return Base::forward(quantized(input)); }
  torch::Tensor quantized(const torch::Tensor& input) const {
    auto quantize = this->input_quantizer();
    return quantize.is_empty() ? input : quantize(input);
  }
  static SharedDescriptor default_weight() { return nullptr; }
  void add_quantizers() { this->add_quantizer("input_quantizer", this->described().input_descriptor); }
  [[nodiscard]] std::vector<Site> sites() const override {
    const auto input = this->input_quantizer();
    if (input.is_empty()) return {};
    return {{input.ptr(), nullptr, torch::Tensor(), std::string()}};
  }
};

}  // namespace detail
}  // namespace qdq::nn

#endif
