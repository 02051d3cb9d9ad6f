// Calibration of a whole network.
#ifndef QDQ_TORCH_CALIBRATE_HPP
#define QDQ_TORCH_CALIBRATE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <qdq/torch/module.hpp>
#include <qdq/weights.hpp>

namespace qdq::nn {

/// A quantizer of a network, and its name, such as "conv1.input_quantizer".
struct NamedQuantizer {
  std::string name;
  std::shared_ptr<TensorQuantizerImpl> quantizer;
};

/// Returns the quantizers of a network whose name matches the pattern: `*` matches any text, `?` one
/// character. Without a pattern, it returns all of them.
[[nodiscard]] inline std::vector<NamedQuantizer> quantizers(const torch::nn::Module& model, std::string_view pattern = "*");

namespace detail {

inline bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return matches(pattern.substr(1), name) || (!name.empty() && matches(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && matches(pattern.substr(1), name.substr(1));
}

/// Returns the quantizers whose name matches. Fails if there are none.
inline std::vector<NamedQuantizer> matching(const torch::nn::Module& model, std::string_view pattern) {
  auto found = quantizers(model, pattern);
  if (found.empty()) {
    fail(Status::InvalidArgument, "no quantizer is called '" + std::string(pattern) + "'",
         "print the model for the names, and build it while is_quantized()");
  }
  return found;
}

/// Returns the quantized sites of all modules of a network, each with the name of its module.
inline std::vector<std::pair<std::string, Site>> sites(const torch::nn::Module& model) {
  std::vector<std::pair<std::string, Site>> found;
  const auto add = [&](const std::string& name, const torch::nn::Module& module) {
    const auto* quantizes = dynamic_cast<const Quantizes*>(&module);
    if (quantizes == nullptr) return;
    for (auto& site : quantizes->sites()) found.emplace_back(name, std::move(site));
  };
  add("", model);
  for (const auto& module : model.named_modules("", false)) add(module.key(), *module.value());
  return found;
}

}  // namespace detail

inline std::vector<NamedQuantizer> quantizers(const torch::nn::Module& model, std::string_view pattern) {
  std::vector<NamedQuantizer> found;
  for (const auto& module : model.named_modules("", false)) {
    const auto quantizer = std::dynamic_pointer_cast<TensorQuantizerImpl>(module.value());
    if (quantizer && detail::matches(pattern, module.key())) found.push_back({module.key(), quantizer});
  }
  return found;
}

/// Turns on the quantizers that match. Returns their number; none is an error.
inline std::size_t enable(const torch::nn::Module& model, std::string_view pattern = "*") {
  const auto found = detail::matching(model, pattern);
  for (const auto& [name, quantizer] : found) quantizer->set_disabled(false);
  return found.size();
}
/// Turns off the quantizers that match: their data passes unchanged. Returns their number; none is an error.
inline std::size_t disable(const torch::nn::Module& model, std::string_view pattern = "*") {
  const auto found = detail::matching(model, pattern);
  for (const auto& [name, quantizer] : found) quantizer->set_disabled(true);
  return found.size();
}

/// Lets the matching quantizers of a network observe instead of quantize, for the lifetime of the object. Its
/// destructor restores their switches.
///
///     {
///       nn::Observe observe(*model);
///       for (auto& batch : loader) model->forward(batch);
///     }
///     nn::load_calib_amax(*model, qdq::Method::Entropy);
class Observe {
 public:
  /// Switches the quantizers of a model to observing. `pattern` selects them by name.
  explicit Observe(const torch::nn::Module& model, std::string_view pattern = "*") {
    for (auto& [name, quantizer] : detail::matching(model, pattern)) {
      before_.push_back({quantizer, quantizer->is_quantizing(), quantizer->is_calibrating()});
      quantizer->set_quantizing(false);
      quantizer->set_calibrating(true);
    }
  }
  ~Observe() {
    for (const auto& [quantizer, quantizing, calibrating] : before_) {
      quantizer->set_quantizing(quantizing);
      quantizer->set_calibrating(calibrating);
    }
  }
  Observe(const Observe&) = delete;
  Observe& operator=(const Observe&) = delete;

 private:
  struct Switches {
    std::shared_ptr<TensorQuantizerImpl> quantizer;
    bool quantizing, calibrating;
  };
  std::vector<Switches> before_;
};

namespace detail {

/// Loads the amax of every quantizer that is not disabled: by Method::Max if it observed maxima, else by
/// `load`.
template <typename Load>
std::size_t load_calib_amax(const torch::nn::Module& model, bool strict, Load&& load) {
  std::size_t loaded = 0;
  for (const auto& [name, quantizer] : quantizers(model)) {
    if (quantizer->is_disabled()) continue;
    const bool maxima = quantizer->descriptor().calib_method() == CalibMethod::Max;
    try {
      if (!(maxima ? quantizer->load_calib_amax(Method::Max, strict) : load(*quantizer))) continue;
      if (quantizer->descriptor().learn_amax()) quantizer->init_learn_amax();
    } catch (const Exception& error) {
      detail::fail(error.status(), name + ": " + std::string(error.error().message()), std::string(error.error().remedy()));
    }
    ++loaded;
  }
  return loaded;
}

}  // namespace detail

/// Sets the amax of every quantizer that is not disabled, from its statistics. Returns how many got an amax.
///
/// A histogram is evaluated by `method`; maxima are used directly. If amax is learned, learning starts from
/// it. If a quantizer has observed nothing, it is an error if `strict`.
inline std::size_t load_calib_amax(const torch::nn::Module& model, RangeMethod method, bool strict = true) {
  return detail::load_calib_amax(model, strict, [&](TensorQuantizerImpl& q) { return q.load_calib_amax(method, strict); });
}
/// Does the same with the options of pytorch-quantization's entropy and mse. Every quantizer that does not
/// observe maxima needs CalibMethod::Compat.
inline std::size_t load_calib_amax(const torch::nn::Module& model, Method method, Search search, bool strict = true) {
  return detail::load_calib_amax(model, strict,
                                 [&](TensorQuantizerImpl& q) { return q.load_calib_amax(method, search, strict); });
}

/// Sets the amax of every quantized weight from its values, times its pre-quantization scale if it has one.
/// Returns the number of weights.
///
/// If the descriptor keeps one axis, there is one amax per channel, by qdq::weights_amax() with any method.
/// If it keeps several axes or has blocks, and for e4m3, maxima are used.
inline std::size_t calibrate_weights(const torch::nn::Module& model, RangeMethod method = Method::Mse) {
  std::size_t done = 0;
  for (const auto& [name, site] : detail::sites(model)) {
    if (!site.weight || site.weight->is_disabled()) continue;
    const auto& descriptor = site.weight->descriptor();
    const auto value = site.weight->scaled(site.value.detach()).cpu().contiguous();
    const auto axes = descriptor.axis();
    torch::Tensor amax;
    if (descriptor.is_e4m3() || descriptor.block_size() != 0 || axes.size() > 1) {
      amax = functional::amax(value, descriptor) / descriptor.scale_amax();
    } else {
      const auto axis = axes.empty() ? no_axis : axes[0];
      amax = to_tensor(weights_amax(view(value), axis, method, descriptor.num_bits(), descriptor.is_unsigned()).value());
      std::vector<std::int64_t> shape(axes.empty() ? 0 : static_cast<std::size_t>(value.dim()), 1);
      if (!axes.empty()) shape[static_cast<std::size_t>(detail::operations::from_first(axis, value))] = -1;
      amax = amax.reshape(shape);
    }
    site.weight->set_amax(amax);
    if (descriptor.learn_amax()) site.weight->init_learn_amax();
    ++done;
  }
  return done;
}

/// Returns a text with a line for every quantizer: its name and its description.
[[nodiscard]] inline std::string summary(const torch::nn::Module& model) {
  const auto all = quantizers(model);
  std::size_t width = 0;
  for (const auto& named : all) width = std::max(width, named.name.size());
  std::string text;
  for (const auto& [name, quantizer] : all) {
    text += name + std::string(width - name.size() + 2, ' ') + quantizer->to_text() + "\n";
  }
  return text;
}

}  // namespace qdq::nn

#endif
