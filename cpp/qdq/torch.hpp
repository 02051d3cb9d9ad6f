// Quantization for LibTorch: functions that autograd knows, modules that take the place of torch::nn,
// calibration, training and the way to an ONNX model. Version 1.13 and newer.
//
//     namespace nn = qdq::nn;  // in place of torch::nn
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
// What differs from pytorch-quantization's modules: MaxPool and InstanceNorm follow the switch too, which
// initialize() leaves in float; a residual sum is a module, nn::Add; the weights of LSTMs are calibrated like
// all others; and what was saved loads onto the device that is asked for, torch::load(model, file,
// torch::kCPU), not always onto a GPU. What is not quantized there is not here either: nn::GRU and nn::RNN
// are torch's, and proj_size of an LSTM is an error.
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
