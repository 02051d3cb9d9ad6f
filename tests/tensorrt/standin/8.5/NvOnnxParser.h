// The stand-in for TensorRT 8.5's header of this name.
#ifndef STANDIN_NV_ONNX_PARSER_H
#define STANDIN_NV_ONNX_PARSER_H

#include "NvInfer.h"

#include "../interface/onnx_parser.h"

#endif
