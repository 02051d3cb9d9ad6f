// The digits task: trained in float, calibrated to 8 and 4 bits by four methods, fine-tuned, exported. usage:
// digits FLOAT.onnx DATA OUT SEED. Writes OUT/NAME.onnx and its predictions for the test images,
// OUT/NAME.txt.
#include "check.hpp"

#include <chrono>
#include <fstream>
#include <iomanip>

namespace {

struct NetImpl : torch::nn::Module {
  Tensor forward(Tensor x) {
    x = torch::relu(bn1->forward(conv1->forward(x)));
    x = torch::relu(bn2->forward(conv2->forward(x)));
    x = pool->forward(x);
    x = torch::relu(bn3->forward(conv3->forward(x)));
    x = torch::relu(bn4->forward(conv4->forward(x)));
    return fc->forward(x.flatten(1));
  }
  nn::Conv2d conv(const char* name, std::int64_t from) {
    return register_module(name, nn::Conv2d(nn::Conv2dOptions(from, 6, 3).padding(1).bias(false)));
  }
  nn::BatchNorm2d norm(const char* name) { return register_module(name, nn::BatchNorm2d(6)); }

  nn::Conv2d conv1 = conv("conv1", 1), conv2 = conv("conv2", 6), conv3 = conv("conv3", 6), conv4 = conv("conv4", 6);
  nn::BatchNorm2d bn1 = norm("bn1"), bn2 = norm("bn2"), bn3 = norm("bn3"), bn4 = norm("bn4");
  nn::MaxPool2d pool = register_module("pool", nn::MaxPool2d(2));
  nn::Linear fc = register_module("fc", nn::Linear(6 * 4 * 4, 10));
};
TORCH_MODULE(Net);

struct Data {
  Tensor images, labels;
};

Data read(const std::string& onnx, const std::string& folder, const std::string& name) {
  const auto model = qdq::Model::open(onnx).value();
  auto batches = qdq::Batches::open(model.inputs().value(), folder + "/" + name + ".npz").value();
  std::vector<Tensor> images;
  while (auto batch = batches.next().value()) images.push_back(nn::to_tensor((*batch).at(0).tensor));
  const auto labels = qdq::Array::read_npy(folder + "/" + name + "_labels.npy").value();
  return {torch::cat(images), nn::to_tensor(labels.view())};
}

Tensor predict(Net& net, const Tensor& images) {
  const torch::NoGradGuard no_grad;
  net->eval();
  return net->forward(images).argmax(1);
}

double accuracy(Net& net, const Data& data) {
  return 100 * predict(net, data.images).eq(data.labels).to(torch::kDouble).mean().item<double>();
}

/// Steps of SGD with momentum and weight decay; `set_rate` sets the learning rate of a step.
void train(Net& net, const Data& data, std::uint64_t steps,
           const std::function<void(torch::optim::Optimizer&, std::uint64_t)>& set_rate) {
  const std::int64_t batch = 64;
  const auto groups = nn::parameter_groups(*net);
  const auto options = [](double decay) {
    return std::make_unique<torch::optim::SGDOptions>(torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(decay));
  };
  std::vector<torch::optim::OptimizerParamGroup> learned;
  learned.emplace_back(groups.weights, options(5e-4));
  if (!groups.ranges.empty()) learned.emplace_back(groups.ranges, options(0));
  torch::optim::SGD optimizer(learned, *options(0));
  net->train();
  Tensor order;
  const auto per_epoch = data.images.size(0) / batch;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto at = static_cast<std::int64_t>(step) % per_epoch;
    if (at == 0) order = torch::randperm(data.images.size(0));
    set_rate(optimizer, step);
    const auto rows = order.narrow(0, at * batch, batch);
    optimizer.zero_grad();
    torch::nn::functional::cross_entropy(net->forward(data.images.index_select(0, rows)), data.labels.index_select(0, rows))
        .backward();
    optimizer.step();
  }
}

/// Makes a quantized network with the weights of a float one. With `learn`, training moves the ranges of its
/// activations.
Net quantized(Net& floats, std::uint32_t weight_bits, std::uint32_t input_bits, bool learn = false) {
  const auto input = [&] {
    return qdq::Descriptor::make()
        .num_bits(input_bits)
        .calib_method(qdq::CalibMethod::Histogram)
        .learn_amax(learn)
        .build()
        .value();
  };
  nn::Conv2dImpl::set_default_input(input());
  nn::LinearImpl::set_default_input(input());
  std::stringstream file;
  torch::save(floats, file);
  Net net;
  torch::load(net, file);
  for (const auto& named : nn::quantizers(*net, "*.weight_quantizer")) named.quantizer->set_integers(weight_bits);
  // A maximum selects quantized values, so its result is already on their grid.
  nn::disable(*net, "pool.*");
  return net;
}

void calibrate(Net& net, const Tensor& images, qdq::RangeMethod method) {
  net->eval();
  {
    const torch::NoGradGuard no_grad;
    const nn::Observe observe(*net, "*.input_quantizer");
    net->forward(images);
  }
  nn::calibrate_weights(*net, method);
  nn::load_calib_amax(*net, method, false);
}

void export_it(Net& net, const std::string& onnx, const std::string& out, const Data& test) {
  const auto exported = nn::export_onnx(*net, onnx, out + ".onnx");
  HOLDS(exported.quantized.size() == 5 && exported.left_in_float.size() == 1 && exported.left_in_float[0].module == "pool");
  const auto& ranges = exported.ranges;
  const auto cache = qdq::Cache::load(out + ".onnx.cache").value().to_ranges().value();
  const auto written = qdq::Model::open(out + ".onnx").value();
  const auto numbers = [&](const std::string& name) {
    const auto stored = written.get_constant(name).value();
    if (!stored) throw std::runtime_error("the exported model has no " + name);
    return nn::to_tensor(stored->view()).flatten().to(torch::kDouble);
  };
  for (const auto& [module, input] : std::vector<std::pair<std::string, std::string>>{
           {"conv1", "input"}, {"conv2", "conv1_relu"}, {"conv3", "pooled"}, {"conv4", "conv3_relu"}, {"fc", "flat"}}) {
    const auto amax = nn::quantizers(*net, module + ".input_quantizer").at(0).quantizer->amax_in_use().item<float>();
    HOLDS(ranges.get(input).value() == amax);
    // A learned range may also clip.
    const auto quantized = ranges.has(input + "_clipped") ? input + "_clipped" : input;
    HOLDS(ranges.get(quantized).value() == amax);
    NEAR(numbers(quantized + "_scale"), torch::tensor({amax / 127}, torch::kDouble), 1e-6);
    HOLDS(std::abs(cache.get(input).value() - amax) <= 1e-6f * amax);
    const auto weight = nn::quantizers(*net, module + ".weight_quantizer").at(0).quantizer;
    const auto step = weight->step_size().flatten().to(torch::kDouble);
    NEAR(numbers(module + ".weight_scale"), step, 1e-6);
    const auto rounded = weight->forward(net->named_parameters()[module + ".weight"]);
    const auto integers = numbers(module + ".weight_quantized").reshape({step.size(0), -1});
    NEAR((integers * step.unsqueeze(1)).flatten(), rounded.detach().flatten().to(torch::kDouble), 1e-6);
  }
  std::ofstream file(out + ".txt");
  const auto found = predict(net, test.images);
  for (std::int64_t i = 0; i < found.size(0); ++i) file << found[i].item<std::int64_t>() << "\n";
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 5) return 2;
  const std::string onnx = arguments[1], folder = arguments[2], out = arguments[3];
  torch::manual_seed(std::stoi(arguments[4]));
  // One thread keeps the order of sums, so the result does not depend on the load of the machine.
  torch::set_num_threads(1);
  const auto start = std::chrono::steady_clock::now();
  const auto training = read(onnx, folder, "train"), calibration = read(onnx, folder, "calib"),
             test = read(onnx, folder, "test");
  HOLDS(training.images.size(0) == 1297 && calibration.images.size(0) == 256 && test.images.size(0) == 500);

  const std::uint64_t steps = 1600;
  const double rate = 0.1;
  Net floats = [] {
    const nn::FloatModules plain;
    return Net();
  }();
  train(floats, training, steps, [&](torch::optim::Optimizer& optimizer, std::uint64_t step) {
    const auto done = static_cast<double>(step) / static_cast<double>(steps);
    optimizer.param_groups()[0].options().set_lr(rate * (1 + std::cos(3.14159265358979 * done)) / 2);
  });
  const double in_float = accuracy(floats, test);
  std::cout << std::fixed << std::setprecision(1) << "float " << in_float << "%" << std::endl;

  const std::vector<std::pair<const char*, qdq::RangeMethod>> methods{{"max", qdq::Method::Max},
                                                                      {"entropy", qdq::Method::Entropy},
                                                                      {"percentile", qdq::percentile(99.99)},
                                                                      {"mse", qdq::Method::Mse}};
  double lost4 = 0;
  for (const std::uint32_t bits : {8u, 4u}) {
    for (const auto& [name, method] : methods) {
      auto net = quantized(floats, bits, bits);
      calibrate(net, calibration.images, method);
      const double found = accuracy(net, test);
      std::cout << "int" << bits << " " << name << " " << found << "%" << std::endl;
      // One image is 0.2 points.
      if (bits == 8) HOLDS(found >= in_float - 0.5);
      if (bits == 4) HOLDS(found < in_float);
      if (bits == 4) lost4 += (in_float - found) / static_cast<double>(methods.size());
    }
  }
  HOLDS(lost4 >= 0.5);

  const nn::FineTuning schedule(steps, rate);
  const auto tune = [&](Net& net) {
    train(net, training, schedule.steps(),
          [&](torch::optim::Optimizer& optimizer, std::uint64_t step) { schedule.apply(optimizer, step); });
  };
  auto int4 = quantized(floats, 4, 4, true);
  calibrate(int4, calibration.images, qdq::Method::Mse);
  tune(int4);
  const double trained = accuracy(int4, test);
  std::cout << "int4 trained " << trained << "%" << std::endl;
  HOLDS(trained >= in_float - 1.5);
  HOLDS(in_float - trained < lost4);

  // The formats of the runtime: 8-bit activations with weights of 8 and of 4 bits. One of them has learned
  // ranges.
  for (const std::uint32_t bits : {8u, 4u}) {
    auto net = quantized(floats, bits, 8, bits == 4);
    calibrate(net, calibration.images, qdq::Method::Mse);
    tune(net);
    std::cout << "w" << bits << "a8 trained " << accuracy(net, test) << "%" << std::endl;
    export_it(net, onnx, out + "/w" + std::to_string(bits), test);
  }
  FAILS("no signed 8-bit quantizer", nn::export_onnx(*int4, onnx, out + "/none.onnx"));
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << "in " << seconds << " s" << std::endl;
  return 0;
} catch (const std::exception& error) {
  std::cout << error.what() << std::endl;
  return 1;
}
