// Linear layers, and modules with a quantized input only.
#ifndef QDQ_TORCH_LAYERS_HPP
#define QDQ_TORCH_LAYERS_HPP

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <tuple>

#include <qdq/torch/module.hpp>

namespace qdq::nn {

/// torch::nn::Linear with a quantized input and weight. It takes the same options, then QuantOptions.
class LinearImpl : public detail::QuantizedWeight<LinearImpl, torch::nn::LinearImpl, torch::nn::LinearOptions> {
 public:
  using QuantizedWeight::QuantizedWeight;

  /// Computes the layer on quantized data with quantized weights.
  torch::Tensor forward(const torch::Tensor& input) {
    auto quantize_input = input_quantizer(), quantize_weight = weight_quantizer();
    if (quantize_input.is_empty()) return torch::nn::LinearImpl::forward(input);
    return torch::nn::functional::linear(quantize_input(input), quantize_weight(weight), bias);
  }
  /// Returns the default quantization of weights.
  static SharedDescriptor default_weight() { return detail::predefined(Predefined::LinearWeightPerRow); }
};
TORCH_MODULE(Linear);

namespace detail {

/// torch's InstanceNorm in its functional form. LibTorch does not export the symbols that deriving from its
/// own classes needs.
template <std::size_t D>
class InstanceNormBase : public torch::nn::NormImplBase<D, InstanceNormBase<D>, torch::nn::InstanceNormOptions> {
 public:
  using torch::nn::NormImplBase<D, InstanceNormBase<D>, torch::nn::InstanceNormOptions>::NormImplBase;

  /// Computes the layer on quantized data.
  torch::Tensor forward(const torch::Tensor& input) {
    _check_input_dim(input);
    const bool batched = input.dim() == static_cast<std::int64_t>(D) + 2;
    const auto arguments = torch::nn::functional::InstanceNormFuncOptions()
                               .running_mean(this->running_mean)
                               .running_var(this->running_var)
                               .weight(this->weight)
                               .bias(this->bias)
                               .use_input_stats(this->is_training() || !this->options.track_running_stats())
                               .momentum(this->options.momentum())
                               .eps(this->options.eps());
    const auto out = torch::nn::functional::instance_norm(batched ? input : input.unsqueeze(0), arguments);
    return batched ? out : out.squeeze(0);
  }
  void pretty_print(std::ostream& stream) const override {
    stream << std::boolalpha << "torch::nn::InstanceNorm" << D << "d(" << this->options.num_features()
           << ", eps=" << this->options.eps() << ", momentum=" << this->options.momentum()
           << ", affine=" << this->options.affine() << ", track_running_stats=" << this->options.track_running_stats()
           << ")";
  }

 protected:
  void _check_input_dim(const torch::Tensor& input) override {
    const auto rank = static_cast<std::int64_t>(D) + 2;
    if (input.dim() == rank || input.dim() == rank - 1) return;
    fail(Status::Shape,
         "InstanceNorm of " + std::to_string(D) + " axes takes no tensor of rank " + std::to_string(input.dim()),
         "give batch, channels and those axes");
  }
};

}  // namespace detail

#define QDQ_NN_INPUT(Name, Base) \
  /** torch::nn::Name with a quantized input. It takes the same options, then QuantOptions. */ \
  class Name##Impl : public detail::QuantizedInput<Name##Impl, Base, torch::nn::Name##Options> { \
   public: \
    using QuantizedInput::QuantizedInput; \
    /** Computes the layer on quantized data. */ \
    torch::Tensor forward(const torch::Tensor& input) { return compute(input); } \
  }; \
  TORCH_MODULE(Name)
#define QDQ_NN_MAX_POOL(D) \
  /** torch::nn::MaxPool with a quantized input. It takes the same options, then QuantOptions. */ \
  class MaxPool##D##dImpl \
      : public detail::QuantizedInput<MaxPool##D##dImpl, torch::nn::MaxPool##D##dImpl, torch::nn::MaxPool##D##dOptions> { \
   public: \
    using QuantizedInput::QuantizedInput; \
    /** Computes the layer on quantized data. */ \
    torch::Tensor forward(const torch::Tensor& input) { return compute(input); } \
    /** Returns the output and the position of each element in the input, for MaxUnpool. */ \
    std::tuple<torch::Tensor, torch::Tensor> forward_with_indices(const torch::Tensor& input) { \
      return torch::nn::MaxPool##D##dImpl::forward_with_indices(quantized(input)); \
    } \
  }; \
  TORCH_MODULE(MaxPool##D##d)

QDQ_NN_MAX_POOL(1);
QDQ_NN_MAX_POOL(2);
QDQ_NN_MAX_POOL(3);
QDQ_NN_INPUT(AvgPool1d, torch::nn::AvgPool1dImpl);
QDQ_NN_INPUT(AvgPool2d, torch::nn::AvgPool2dImpl);
QDQ_NN_INPUT(AvgPool3d, torch::nn::AvgPool3dImpl);
QDQ_NN_INPUT(AdaptiveAvgPool1d, torch::nn::AdaptiveAvgPool1dImpl);
QDQ_NN_INPUT(AdaptiveAvgPool2d, torch::nn::AdaptiveAvgPool2dImpl);
QDQ_NN_INPUT(AdaptiveAvgPool3d, torch::nn::AdaptiveAvgPool3dImpl);
QDQ_NN_INPUT(InstanceNorm1d, detail::InstanceNormBase<1>);
QDQ_NN_INPUT(InstanceNorm2d, detail::InstanceNormBase<2>);
QDQ_NN_INPUT(InstanceNorm3d, detail::InstanceNormBase<3>);
#undef QDQ_NN_MAX_POOL
#undef QDQ_NN_INPUT

namespace detail {

struct AddOptions {};

/// The sum: nn::Add without quantizers.
class PlainAdd : public torch::nn::Cloneable<PlainAdd> {
 public:
  explicit PlainAdd(const AddOptions&) {}
  void reset() override {}
};

}  // namespace detail

/// The sum of a residual block, backbone + residual. Only the residual is quantized: the convolution of the
/// backbone adds it while it computes.
class AddImpl : public detail::QuantizedInput<AddImpl, detail::PlainAdd, detail::AddOptions> {
 public:
  /// Makes a sum whose residual is quantized.
  explicit AddImpl(const QuantOptions& quant = QuantOptions()) : AddImpl(detail::AddOptions(), quant) {}
  /// Does the same with the options that all modules have. A sum has no options.
  AddImpl(const detail::AddOptions& none, const QuantOptions& quant = QuantOptions()) : QuantizedInput(none, quant) {}

  /// Returns the sum, with the residual quantized.
  torch::Tensor forward(const torch::Tensor& backbone, const torch::Tensor& residual) {
    auto quantizer = input_quantizer();
    return backbone + (quantizer.is_empty() ? residual : quantizer(residual));
  }
  /// Prints the name of the module, which torch does not have.
  void pretty_print(std::ostream& stream) const override { stream << "qdq::nn::Add"; }
};
TORCH_MODULE(Add);

}  // namespace qdq::nn

#endif
