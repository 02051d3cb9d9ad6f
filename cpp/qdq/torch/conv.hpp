// Convolutions whose input and weight are quantized.
#ifndef QDQ_TORCH_CONV_HPP
#define QDQ_TORCH_CONV_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <qdq/torch/module.hpp>

namespace qdq::nn {
namespace detail {

/// The call that torch makes of its convolutions, of any number of dimensions; without a batch axis too.
template <std::size_t D>
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                       const torch::nn::detail::ConvNdOptions<D>& options, std::vector<std::int64_t> padding, bool transposed,
                       std::vector<std::int64_t> output_padding) {
  const bool batched = x.dim() == static_cast<std::int64_t>(D) + 2;
  const auto out = torch::convolution(batched ? x : x.unsqueeze(0), weight, bias, options.stride(), padding, options.dilation(),
                                      transposed, output_padding, options.groups());
  return batched ? out : out.squeeze(0);
}

/// Explicit padding where there is any; 'same' and 'valid' are not.
template <std::size_t D>
std::vector<std::int64_t> explicit_padding(const torch::nn::detail::ConvNdOptions<D>& options) {
  std::vector<std::int64_t> found(D, 0);
  const auto take = [&](const auto& padding) {
    if constexpr (std::is_same_v<std::decay_t<decltype(padding)>, torch::ExpandingArray<D>>) {
      found.assign(padding->begin(), padding->end());
    }
  };
  visit(take, options.padding());
  return found;
}

template <std::size_t D, typename Derived, typename Base, typename Options>
class QuantizedConv : public QuantizedWeight<Derived, Base, Options> {
 public:
  using QuantizedWeight<Derived, Base, Options>::QuantizedWeight;

  torch::Tensor forward(const torch::Tensor& input) {
    auto quantize_input = this->input_quantizer(), quantize_weight = this->weight_quantizer();
    if (quantize_input.is_empty()) return Base::forward(input);
    auto x = quantize_input(input);
    auto padding = explicit_padding<D>(this->options);
    // Padding comes after quantization: what it repeats is quantized already.
    const auto pad = [&](auto&& mode) {
      x = torch::nn::functional::pad(x, torch::nn::functional::PadFuncOptions(this->_reversed_padding_repeated_twice).mode(mode));
      padding.assign(D, 0);
    };
    const auto by_mode = [&](const auto& mode) {
      using Mode = std::decay_t<decltype(mode)>;
      if constexpr (std::is_same_v<Mode, torch::enumtype::kZeros>) {
        const auto& both = this->_reversed_padding_repeated_twice;
        std::vector<std::int64_t> twice;
        for (std::size_t i = D; i-- > 0;) twice.insert(twice.end(), 2, padding[i]);
        // Only 'same' is not what the explicit padding says.
        if (both != twice) pad(torch::kConstant);
      } else {
        pad(mode);
      }
    };
    visit(by_mode, this->options.padding_mode());
    return convolve<D>(x, quantize_weight(this->weight), this->bias, this->options, padding, false, std::vector<std::int64_t>(D, 0));
  }
  static SharedDescriptor default_weight() { return predefined(Predefined::ConvWeightPerChannel); }
};

template <std::size_t D, typename Derived, typename Base, typename Options>
class QuantizedConvTranspose : public QuantizedWeight<Derived, Base, Options> {
 public:
  using QuantizedWeight<Derived, Base, Options>::QuantizedWeight;

  torch::Tensor forward(const torch::Tensor& input, const Optional<torch::IntArrayRef>& output_size = {}) {
    auto quantize_input = this->input_quantizer(), quantize_weight = this->weight_quantizer();
    if (quantize_input.is_empty()) return Base::forward(input, output_size);
    const auto x = quantize_input(input);
    const auto padding = explicit_padding<D>(this->options);
    return convolve<D>(x, quantize_weight(this->weight), this->bias, this->options, padding, true, output_padding(x, padding, output_size));
  }
  static SharedDescriptor default_weight() { return predefined(Predefined::ConvTransposeWeightPerChannel); }

 private:
  /// That of the options, or what is missing to the size that is asked for.
  std::vector<std::int64_t> output_padding(const torch::Tensor& x, const std::vector<std::int64_t>& padding,
                                           const Optional<torch::IntArrayRef>& output_size) const {
    const auto& options = this->options;
    std::vector<std::int64_t> found(options.output_padding()->begin(), options.output_padding()->end());
    if (!output_size) return found;
    if (output_size->size() < D) {
      fail(Status::Shape, "output_size has " + std::to_string(output_size->size()) + " axes", "give the size of every spatial axis");
    }
    for (std::size_t i = 0; i < D; ++i) {
      const auto axis = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(D);
      const auto smallest = (x.size(axis) - 1) * (*options.stride())[i] - 2 * padding[i] +
                            (*options.dilation())[i] * ((*options.kernel_size())[i] - 1) + 1;
      const auto wanted = (*output_size)[output_size->size() - D + i];
      if (wanted < smallest || wanted >= smallest + (*options.stride())[i]) {
        fail(Status::Shape, "no output of size " + std::to_string(wanted) + " comes of this input",
             "ask for " + std::to_string(smallest) + " to " + std::to_string(smallest + (*options.stride())[i] - 1));
      }
      found[i] = wanted - smallest;
    }
    return found;
  }
};

}  // namespace detail

#define QDQ_NN_CONV(Name, Family, D)                                                                                      \
  /** torch::nn::Name with a quantized input and weight: same options, then QuantOptions. */                              \
  class Name##Impl : public detail::Family<D, Name##Impl, torch::nn::Name##Impl, torch::nn::Name##Options> {               \
   public:                                                                                                                \
    using Family::Family;                                                                                                 \
  };                                                                                                                      \
  TORCH_MODULE(Name)

QDQ_NN_CONV(Conv1d, QuantizedConv, 1);
QDQ_NN_CONV(Conv2d, QuantizedConv, 2);
QDQ_NN_CONV(Conv3d, QuantizedConv, 3);
QDQ_NN_CONV(ConvTranspose1d, QuantizedConvTranspose, 1);
QDQ_NN_CONV(ConvTranspose2d, QuantizedConvTranspose, 2);
QDQ_NN_CONV(ConvTranspose3d, QuantizedConvTranspose, 3);
#undef QDQ_NN_CONV

}  // namespace qdq::nn

#endif
