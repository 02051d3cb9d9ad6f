// From data to the ranges of a whole network.
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

/// A quantizer of a network and its name, such as "conv1.input_quantizer".
struct NamedQuantizer {
  std::string name;
  std::shared_ptr<TensorQuantizerImpl> quantizer;
};

/// The quantizers of a network whose name matches: `*` stands for any text, `?` for one character. Without a
/// pattern all of them.
[[nodiscard]] inline std::vector<NamedQuantizer> quantizers(const torch::nn::Module& model, std::string_view pattern = "*");

namespace detail {

inline bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return matches(pattern.substr(1), name) || (!name.empty() && matches(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && matches(pattern.substr(1), name.substr(1));
}

/// Those that match, of which there must be one.
inline std::vector<NamedQuantizer> matching(const torch::nn::Module& model, std::string_view pattern) {
  auto found = quantizers(model, pattern);
  if (found.empty()) {
    fail(Status::InvalidArgument, "no quantizer is called '" + std::string(pattern) + "'",
         "print the model for the names, and build it while is_quantized()");
  }
  return found;
}

/// The places of the modules of a network, with the name of their module.
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

/// Switches the quantizers on that match. Returns how many; none is an error.
inline std::size_t enable(const torch::nn::Module& model, std::string_view pattern = "*") {
  const auto found = detail::matching(model, pattern);
  for (const auto& [name, quantizer] : found) quantizer->set_disabled(false);
  return found.size();
}
/// Switches the quantizers off that match: their data passes unchanged. Returns how many; none is an error.
inline std::size_t disable(const torch::nn::Module& model, std::string_view pattern = "*") {
  const auto found = detail::matching(model, pattern);
  for (const auto& [name, quantizer] : found) quantizer->set_disabled(true);
  return found.size();
}

/// Lets the quantizers of a network that match observe and not quantize for as long as it lives; then their
/// switches are as before.
///
///     {
///       nn::Observe observe(*model);
///       for (auto& batch : loader) model->forward(batch);
///     }
///     nn::load_calib_amax(*model, qdq::Method::Entropy);
class Observe {
 public:
  /// Switches the quantizers of a model to observing; `pattern` chooses them by name.
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

/// Loads every quantizer that is not disabled: maxima by those, what else was observed by `load`.
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

/// Sets the amax of every quantizer that is not disabled from what it has observed: by `method` where that is
/// a histogram, and where it is maxima by those. Where amax is learned, learning starts from it. Where
/// nothing was observed that is an error if `strict`. Returns how many got an amax.
inline std::size_t load_calib_amax(const torch::nn::Module& model, RangeMethod method, bool strict = true) {
  return detail::load_calib_amax(model, strict, [&](TensorQuantizerImpl& q) { return q.load_calib_amax(method, strict); });
}
/// The same with the options of pytorch-quantization's entropy and mse, which need CalibMethod::Compat
/// wherever it is not maxima.
inline std::size_t load_calib_amax(const torch::nn::Module& model, Method method, Search search, bool strict = true) {
  return detail::load_calib_amax(model, strict,
                                 [&](TensorQuantizerImpl& q) { return q.load_calib_amax(method, search, strict); });
}

/// Sets the amax of every weight that is quantized from its values, times its pre-quantization scale where it
/// has one: one per channel where the descriptor keeps an axis, by qdq::weights_amax() with any method;
/// maxima where it keeps several or has blocks, and for e4m3. Returns how many.
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

/// A line for every quantizer: its name, and what it is and does.
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
