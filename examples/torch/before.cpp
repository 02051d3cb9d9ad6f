// Trains a small network on images with a bar in noise, and prints the share of right answers. The bar is
// horizontal or vertical.
#include <torch/torch.h>

#include <cstdint>
#include <iostream>
#include <utility>

namespace nn = torch::nn;

struct NetImpl : nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    x = pool->forward(torch::relu(conv1->forward(x)));
    x = torch::relu(norm->forward(conv2->forward(x)));
    return fc->forward(x.flatten(1));
  }

  nn::Conv2d conv1 = register_module("conv1", nn::Conv2d(nn::Conv2dOptions(1, 8, 3).padding(1)));
  nn::MaxPool2d pool = register_module("pool", nn::MaxPool2d(2));
  nn::Conv2d conv2 = register_module("conv2", nn::Conv2d(nn::Conv2dOptions(8, 8, 3).padding(1).bias(false)));
  nn::BatchNorm2d norm = register_module("norm", nn::BatchNorm2d(8));
  nn::Linear fc = register_module("fc", nn::Linear(8 * 4 * 4, 2));
};
TORCH_MODULE(Net);

/// Draws images of 8 x 8 pixels, and the label 1 for each image with a vertical bar.
std::pair<torch::Tensor, torch::Tensor> draw(std::int64_t count) {
  auto images = 0.5 * torch::randn({count, 1, 8, 8});
  const auto labels = torch::randint(2, {count}, torch::kLong);
  const auto places = torch::randint(8, {count}, torch::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto image = images[i][0];
    const auto place = places[i].item<std::int64_t>();
    (labels[i].item<std::int64_t>() == 1 ? image.select(1, place) : image.select(0, place)) += 1;
  }
  return {images, labels};
}

int main() {
  torch::manual_seed(1);
  Net net;
  torch::optim::Adam optimizer(net->parameters(), 5e-3);
  for (int step = 0; step < 300; ++step) {
    const auto [images, labels] = draw(64);
    optimizer.zero_grad();
    nn::functional::cross_entropy(net->forward(images), labels).backward();
    optimizer.step();
  }
  net->eval();
  const torch::NoGradGuard no_grad;
  const auto [images, labels] = draw(1000);
  const auto logits = net->forward(images);
  const auto right = logits.argmax(1).eq(labels).sum().item<std::int64_t>();
  std::cout << right << " of 1000 are right, loss " << nn::functional::cross_entropy(logits, labels).item<float>() << "\n";
  return right > 900 ? 0 : 1;
}
