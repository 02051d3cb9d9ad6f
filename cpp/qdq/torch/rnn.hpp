// LSTMs with quantized inputs and weights.
#ifndef QDQ_TORCH_RNN_HPP
#define QDQ_TORCH_RNN_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <qdq/torch/module.hpp>

namespace qdq::nn {
namespace detail {

/// Computes one step of an LSTM. The concatenated [x, h] is quantized here; `weight` is [W_ih, W_hh] and
/// already quantized.
inline std::tuple<torch::Tensor, torch::Tensor> lstm_step(const torch::Tensor& x, const torch::Tensor& h,
                                                          const torch::Tensor& c, TensorQuantizer& quantize_input,
                                                          const torch::Tensor& weight, const torch::Tensor& bias) {
  const auto joined = quantize_input(torch::cat({x, h}, 1));
  const auto gates = torch::nn::functional::linear(joined, weight, bias).chunk(4, 1);
  const auto next = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
  return {gates[3].sigmoid() * next.tanh(), next};
}

inline SharedDescriptor lstm_weight() { return predefined(Predefined::LinearWeightPerRow); }

}  // namespace detail

/// torch::nn::LSTMCell with quantized [x, h] and [W_ih, W_hh], each concatenated. The weight has a range per
/// row. It takes the same options, then QuantOptions.
class LSTMCellImpl : public detail::Quantized<LSTMCellImpl, torch::nn::LSTMCellImpl, torch::nn::LSTMCellOptions> {
 public:
  /// The states h and c; nothing means zeros.
  using Hidden = detail::Optional<std::tuple<torch::Tensor, torch::Tensor>>;
  using Quantized::Quantized;

  /// Computes one step and returns the states after it.
  std::tuple<torch::Tensor, torch::Tensor> forward(const torch::Tensor& input, Hidden hidden = {}) {
    auto quantize_input = input_quantizer(), quantize_weight = weight_quantizer();
    if (quantize_input.is_empty()) return torch::nn::LSTMCellImpl::forward(input, hidden);
    const bool batched = input.dim() == 2;
    const auto with_batch = [&](const torch::Tensor& x) { return batched ? x : x.unsqueeze(0); };
    const auto x = with_batch(input);
    const auto zeros = torch::zeros({x.size(0), options.hidden_size()}, x.options());
    const auto h = hidden ? with_batch(std::get<0>(*hidden)) : zeros;
    const auto c = hidden ? with_batch(std::get<1>(*hidden)) : zeros;
    const auto bias = options.bias() ? bias_ih + bias_hh : torch::Tensor();
    auto [out, next] = detail::lstm_step(x, h, c, quantize_input, quantize_weight(joined_weight()), bias);
    return batched ? std::make_tuple(out, next) : std::make_tuple(out.squeeze(0), next.squeeze(0));
  }
  /// Returns the default quantization of weights.
  static SharedDescriptor default_weight() { return detail::lstm_weight(); }
  /// Adds the quantizers as children.
  void add_quantizers() {
    add_quantizer("input_quantizer", described().input_descriptor);
    add_quantizer("weight_quantizer", described().weight_descriptor);
  }
  /// Returns the quantized weights, each with its quantizer.
  [[nodiscard]] std::vector<detail::Site> sites() const override {
    const auto input = input_quantizer();
    if (input.is_empty()) return {};
    return {{input.ptr(), weight_quantizer().ptr(), joined_weight(), std::string()}};
  }

 private:
  [[nodiscard]] torch::Tensor joined_weight() const { return torch::cat({weight_ih, weight_hh}, 1); }
};
TORCH_MODULE(LSTMCell);

/// torch::nn::LSTM with quantized [x, h] and [W_ih, W_hh], each concatenated, per layer and direction.
///
/// The quantizers are called input_quantizer_l0, weight_quantizer_l0, those of the reverse direction
/// input_quantizer_l0_reverse and so on. It takes the same options, then QuantOptions. proj_size and packed
/// sequences are errors.
class LSTMImpl : public detail::Quantized<LSTMImpl, torch::nn::LSTMImpl, torch::nn::LSTMOptions> {
 public:
  /// The states h and c; nothing means zeros.
  using Hidden = detail::Optional<std::tuple<torch::Tensor, torch::Tensor>>;
  using Quantized::Quantized;

  /// Computes all steps. Returns the output, and the states after the last step.
  std::tuple<torch::Tensor, std::tuple<torch::Tensor, torch::Tensor>> forward(const torch::Tensor& input,
                                                                              Hidden hidden = {}) {
    if (children().empty()) return torch::nn::LSTMImpl::forward(input, hidden);
    const bool batched = input.dim() == 3;
    // The time axis first, then the batch axis.
    auto x = batched ? (options.batch_first() ? input.transpose(0, 1) : input) : input.unsqueeze(1);
    const auto zeros = torch::zeros({layers() * directions(), x.size(1), options.hidden_size()}, x.options());
    const auto start = [&](std::size_t which) {
      if (!hidden) return zeros;
      const auto given = which == 0 ? std::get<0>(*hidden) : std::get<1>(*hidden);
      return batched ? given : given.unsqueeze(1);
    };
    const auto h0 = start(0), c0 = start(1);
    std::vector<torch::Tensor> h, c;
    for (std::int64_t layer = 0; layer < layers(); ++layer) {
      std::vector<torch::Tensor> outputs;
      for (std::int64_t direction = 0; direction < directions(); ++direction) {
        const auto at = layer * directions() + direction;
        auto [out, last_h, last_c] = run(x, h0[at], c0[at], layer, direction != 0);
        outputs.push_back(out);
        h.push_back(last_h);
        c.push_back(last_c);
      }
      x = torch::cat(outputs, 2);
      if (layer + 1 < layers()) x = torch::dropout(x, options.dropout(), is_training());
    }
    const auto finish = [&](const std::vector<torch::Tensor>& states) {
      const auto stacked = torch::stack(states);
      return batched ? stacked : stacked.squeeze(1);
    };
    x = batched ? (options.batch_first() ? x.transpose(0, 1) : x) : x.squeeze(1);
    return {x, {finish(h), finish(c)}};
  }
  /// Computes packed sequences in a float module. A module that quantizes fails.
  std::tuple<torch::nn::utils::rnn::PackedSequence, std::tuple<torch::Tensor, torch::Tensor>> forward_with_packed_input(
      const torch::nn::utils::rnn::PackedSequence& packed, Hidden hidden = {}) {
    if (!children().empty()) {
      detail::fail(Status::Unsupported, "a quantized LSTM takes no packed sequences", "pad them and call forward()");
    }
    return torch::nn::LSTMImpl::forward_with_packed_input(packed, hidden);
  }

  /// Returns the default quantization of weights.
  static SharedDescriptor default_weight() { return detail::lstm_weight(); }
  /// Adds the quantizers as children.
  void add_quantizers() {
    if (options.proj_size() != 0) {
      detail::fail(Status::Unsupported, "a quantized LSTM has no projections", "set proj_size to 0, or build it in float");
    }
    for_all([&](std::int64_t layer, bool reverse) {
      add_quantizer(name("input_quantizer", layer, reverse), described().input_descriptor);
      add_quantizer(name("weight_quantizer", layer, reverse), described().weight_descriptor);
    });
  }
  /// Returns the quantized weights, each with its quantizer.
  [[nodiscard]] std::vector<detail::Site> sites() const override {
    std::vector<detail::Site> found;
    if (children().empty()) return found;
    for_all([&](std::int64_t layer, bool reverse) {
      found.push_back({quantizer(name("input_quantizer", layer, reverse)).ptr(),
                       quantizer(name("weight_quantizer", layer, reverse)).ptr(), joined_weight(layer, reverse),
                       std::string()});
    });
    return found;
  }

 private:
  [[nodiscard]] std::int64_t layers() const { return options.num_layers(); }
  [[nodiscard]] std::int64_t directions() const { return options.bidirectional() ? 2 : 1; }
  static std::string name(const char* what, std::int64_t layer, bool reverse) {
    return std::string(what) + "_l" + std::to_string(layer) + (reverse ? "_reverse" : "");
  }
  template <typename Visit>
  void for_all(Visit&& visit) const {
    for (std::int64_t layer = 0; layer < layers(); ++layer) {
      for (std::int64_t direction = 0; direction < directions(); ++direction) visit(layer, direction != 0);
    }
  }
  [[nodiscard]] torch::Tensor parameter(const char* what, std::int64_t layer, bool reverse) const {
    return named_parameters(false)[name(what, layer, reverse)];
  }
  [[nodiscard]] torch::Tensor joined_weight(std::int64_t layer, bool reverse) const {
    return torch::cat({parameter("weight_ih", layer, reverse), parameter("weight_hh", layer, reverse)}, 1);
  }
  std::tuple<torch::Tensor, torch::Tensor, torch::Tensor> run(const torch::Tensor& x, torch::Tensor h, torch::Tensor c,
                                                              std::int64_t layer, bool reverse) {
    auto quantize_input = quantizer(name("input_quantizer", layer, reverse));
    auto quantize_weight = quantizer(name("weight_quantizer", layer, reverse));
    const auto weight = quantize_weight(joined_weight(layer, reverse));
    const auto bias = options.bias() ? parameter("bias_ih", layer, reverse) + parameter("bias_hh", layer, reverse)
                                     : torch::Tensor();
    std::vector<torch::Tensor> outputs(static_cast<std::size_t>(x.size(0)));
    for (std::int64_t step = 0; step < x.size(0); ++step) {
      const auto time = reverse ? x.size(0) - 1 - step : step;
      std::tie(h, c) = detail::lstm_step(x[time], h, c, quantize_input, weight, bias);
      outputs[static_cast<std::size_t>(time)] = h;
    }
    return {torch::stack(outputs), h, c};
  }
};
TORCH_MODULE(LSTM);

}  // namespace qdq::nn

#endif
