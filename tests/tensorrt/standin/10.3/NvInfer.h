// The stand-in for TensorRT 10.3's header of this name.
#ifndef STANDIN_NV_INFER_H
#define STANDIN_NV_INFER_H

#include "NvInferVersion.h"

#include "../interface/builder.h"

#endif
