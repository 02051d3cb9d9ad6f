// Quantization for LibTorch 1.13 and newer: functions that autograd knows, modules that replace those of
// torch::nn, calibration, training and the export to an ONNX model.
//
//     namespace nn = qdq::nn;  // instead of torch::nn
//
//     {
//       nn::Observe observe(*model);
//       for (auto& batch : loader) model->forward(batch.data);
//     }
//     nn::load_calib_amax(*model, qdq::Method::Mse);
//     nn::calibrate_weights(*model);
//     …  // train on, see FineTuning
//     nn::export_onnx(*model, "float.onnx", "quantized.onnx");
//
// Differences from pytorch-quantization's modules: MaxPool and InstanceNorm follow the switch too, while
// initialize() leaves them in float. A residual sum is a module, nn::Add. The weights of LSTMs are calibrated
// like all others. A saved network is loaded onto the requested device, torch::load(model, file,
// torch::kCPU), not always onto a GPU. Modules that pytorch-quantization does not quantize are not quantized
// here either: nn::GRU and nn::RNN are torch's own, and proj_size of an LSTM is an error.
//
// Errors are qdq::Exception.
#ifndef QDQ_TORCH_HPP
#define QDQ_TORCH_HPP

#include <qdq/torch/calibrate.hpp>
#include <qdq/torch/conv.hpp>
#include <qdq/torch/export.hpp>
#include <qdq/torch/functional.hpp>
#include <qdq/torch/layers.hpp>
#include <qdq/torch/module.hpp>
#include <qdq/torch/rnn.hpp>
#include <qdq/torch/tensor.hpp>
#include <qdq/torch/tensor_quantizer.hpp>
#include <qdq/torch/train.hpp>

#endif
