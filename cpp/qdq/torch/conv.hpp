// Convolutions with a quantized input and weight.
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

/// Calls torch's convolution, with any number of dimensions, with or without a batch axis.
template <std::size_t D>
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                       const torch::nn::detail::ConvNdOptions<D>& options, std::vector<std::int64_t> padding,
                       bool transposed, std::vector<std::int64_t> output_padding) {
  const bool batched = x.dim() == static_cast<std::int64_t>(D) + 2;
  const auto out = torch::convolution(batched ? x : x.unsqueeze(0), weight, bias, options.stride(), padding,
                                      options.dilation(), transposed, output_padding, options.groups());
  return batched ? out : out.squeeze(0);
}

/// Returns the padding before and behind every axis, the last axis first, as torch::nn::functional::pad()
/// takes it. torch's own list has the axes of 'same' in the other order.
template <std::size_t D>
std::vector<std::int64_t> padding_of(const torch::nn::detail::ConvNdOptions<D>& options) {
  std::vector<std::int64_t> found;
  for (std::size_t i = D; i-- > 0;) {
    const auto take = [&](const auto& padding) {
      using Padding = std::decay_t<decltype(padding)>;
      std::int64_t before = 0, behind = 0;
      if constexpr (std::is_same_v<Padding, torch::ExpandingArray<D>>) {
        before = behind = (*padding)[i];
      } else if constexpr (std::is_same_v<Padding, torch::enumtype::kSame>) {
        const auto both = (*options.dilation())[i] * ((*options.kernel_size())[i] - 1);
        before = both / 2;
        behind = both - before;
      }
      found.push_back(before);
      found.push_back(behind);
    };
    visit(take, options.padding());
  }
  return found;
}

/// Returns the padding that a convolution does itself: zeros, as many before as behind.
template <std::size_t D>
std::vector<std::int64_t> symmetric(const std::vector<std::int64_t>& ends) {
  std::vector<std::int64_t> found(D);
  for (std::size_t i = 0; i < D; ++i) found[i] = ends[2 * (D - 1 - i)];
  return found;
}

template <std::size_t D, typename Derived, typename Base, typename Options>
class QuantizedConv : public QuantizedWeight<Derived, Base, Options> {
 public:
  using QuantizedWeight<Derived, Base, Options>::QuantizedWeight;

  torch::Tensor compute(const torch::Tensor& input) {
    auto quantize_input = this->input_quantizer(), quantize_weight = this->weight_quantizer();
    if (quantize_input.is_empty()) return Base::forward(input);
    auto x = quantize_input(input);
    const auto ends = padding_of<D>(this->options);
    auto padding = symmetric<D>(ends);
    bool even = true;
    for (std::size_t i = 0; i < D; ++i) even = even && ends[2 * i] == ends[2 * i + 1];
    // Padding comes after quantization: the values that it repeats are already quantized.
    const auto pad = [&](const auto& mode) {
      using Mode = std::decay_t<decltype(mode)>;
      constexpr bool zeros = std::is_same_v<Mode, torch::enumtype::kZeros>;
      if (zeros && even) return;
      auto arguments = torch::nn::functional::PadFuncOptions(ends);
      if constexpr (!zeros) arguments.mode(mode);
      x = torch::nn::functional::pad(x, arguments);
      padding.assign(D, 0);
    };
    visit(pad, this->options.padding_mode());
    return convolve<D>(x, quantize_weight(this->weight), this->bias, this->options, padding, false,
                       std::vector<std::int64_t>(D, 0));
  }
  static SharedDescriptor default_weight() { return predefined(Predefined::ConvWeightPerChannel); }
};

template <std::size_t D, typename Derived, typename Base, typename Options>
class QuantizedConvTranspose : public QuantizedWeight<Derived, Base, Options> {
 public:
  using QuantizedWeight<Derived, Base, Options>::QuantizedWeight;

  torch::Tensor compute(const torch::Tensor& input, const Optional<torch::IntArrayRef>& output_size) {
    auto quantize_input = this->input_quantizer(), quantize_weight = this->weight_quantizer();
    if (quantize_input.is_empty()) return Base::forward(input, output_size);
    const auto only_zeros = [](const auto& mode) {
      if constexpr (!std::is_same_v<std::decay_t<decltype(mode)>, torch::enumtype::kZeros>) {
        fail(Status::Unsupported, "a transposed convolution pads with zeros only", "leave padding_mode at torch::kZeros");
      }
    };
    visit(only_zeros, this->options.padding_mode());
    const auto x = quantize_input(input);
    const auto padding = symmetric<D>(padding_of<D>(this->options));
    return convolve<D>(x, quantize_weight(this->weight), this->bias, this->options, padding, true,
                       output_padding(x, padding, output_size));
  }
  static SharedDescriptor default_weight() { return predefined(Predefined::ConvTransposeWeightPerChannel); }

 private:
  /// Returns the output padding of the options, or the one that gives the requested size.
  std::vector<std::int64_t> output_padding(const torch::Tensor& x, const std::vector<std::int64_t>& padding,
                                           const Optional<torch::IntArrayRef>& output_size) const {
    const auto& by = this->options;
    std::vector<std::int64_t> found(by.output_padding()->begin(), by.output_padding()->end());
    if (!output_size) return found;
    if (output_size->size() < D) {
      fail(Status::Shape, "output_size has " + std::to_string(output_size->size()) + " axes",
           "give the size of every spatial axis");
    }
    for (std::size_t i = 0; i < D; ++i) {
      const auto axis = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(D);
      const auto smallest = (x.size(axis) - 1) * (*by.stride())[i] - 2 * padding[i] +
                            (*by.dilation())[i] * ((*by.kernel_size())[i] - 1) + 1;
      const auto wanted = (*output_size)[output_size->size() - D + i];
      if (wanted < smallest || wanted >= smallest + (*by.stride())[i]) {
        fail(Status::Shape, "no output of size " + std::to_string(wanted) + " comes of this input",
             "ask for " + std::to_string(smallest) + " to " + std::to_string(smallest + (*by.stride())[i] - 1));
      }
      found[i] = wanted - smallest;
    }
    return found;
  }
};

}  // namespace detail

// torch looks for forward() in the class itself, not in its base classes.
#define QDQ_NN_CONV(Name, Family, D, Parameters, Arguments)                                                               \
  /** torch::nn::Name with a quantized input and weight. It takes the same options, then QuantOptions. */                 \
  class Name##Impl : public detail::Family<D, Name##Impl, torch::nn::Name##Impl, torch::nn::Name##Options> {               \
   public:                                                                                                                \
    using Family::Family;                                                                                                 \
    torch::Tensor forward Parameters { return compute Arguments; }                                                        \
  };                                                                                                                      \
  TORCH_MODULE(Name)
#define QDQ_NN_TRANSPOSE(Name, D)                                                                                         \
  QDQ_NN_CONV(Name, QuantizedConvTranspose, D,                                                                            \
              (const torch::Tensor& input, const detail::Optional<torch::IntArrayRef>& output_size = {}), (input, output_size))

QDQ_NN_CONV(Conv1d, QuantizedConv, 1, (const torch::Tensor& input), (input));
QDQ_NN_CONV(Conv2d, QuantizedConv, 2, (const torch::Tensor& input), (input));
QDQ_NN_CONV(Conv3d, QuantizedConv, 3, (const torch::Tensor& input), (input));
QDQ_NN_TRANSPOSE(ConvTranspose1d, 1);
QDQ_NN_TRANSPOSE(ConvTranspose2d, 2);
QDQ_NN_TRANSPOSE(ConvTranspose3d, 3);
#undef QDQ_NN_TRANSPOSE
#undef QDQ_NN_CONV

}  // namespace qdq::nn

#endif
