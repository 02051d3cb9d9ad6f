// A calibrated network loads on a machine without a GPU from the file of a machine with one.
//
// usage: saved write FILE, then saved read FILE FILE_OF_A_GPU; see run.py
#include "check.hpp"

static std::string file, of_gpu;

namespace {

nn::Sequential network() {
  const auto learned = [] {
    return qdq::Descriptor::make().learn_amax(true).calib_method(qdq::CalibMethod::Histogram).build().value();
  };
  return nn::Sequential(nn::Conv2d(nn::Conv2dOptions(1, 4, 3), nn::QuantOptions().input(learned())), nn::ReLU(),
                        nn::MaxPool2d(2), nn::Flatten(), nn::Linear(16, 3));
}

void write() {
  auto net = network();
  {
    const nn::Observe observe(*net);
    net->forward(torch::randn({8, 1, 6, 6}));
  }
  nn::load_calib_amax(*net, qdq::Method::Mse);
  nn::calibrate_weights(*net);
  net->ptr<nn::MaxPool2dImpl>(2)->input_quantizer()->set_pre_quant_scale(torch::tensor(0.5f));
  torch::save(net, file);
}

}  // namespace

TEST(a_gpus_file_loads_where_there_is_none) {
  HOLDS(!torch::cuda::is_available());
  auto expected = network(), net = network();
  torch::load(expected, file);
  bool needs_gpu = false;
  try {
    torch::load(net, of_gpu);
  } catch (const std::exception&) {
    needs_gpu = true;
  }
  HOLDS(needs_gpu);
  net = network();
  torch::load(net, of_gpu, torch::kCPU);
  const auto x = torch::randn({4, 1, 6, 6});
  SAME(net->forward(x), expected->forward(x));
  HOLDS(nn::summary(*net) == nn::summary(*expected) && nn::summary(*net).find("dynamic") == std::string::npos);
  for (const auto& buffer : net->buffers()) HOLDS(buffer.device().is_cpu());
  // Training continues.
  net->forward(x).sum().backward();
  for (const auto& parameter : net->parameters()) HOLDS(parameter.device().is_cpu() && parameter.grad().defined());
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  file = arguments[2];
  if (count == 4) {
    of_gpu = arguments[3];
    return run_all();
  }
  write();
  return 0;
}
