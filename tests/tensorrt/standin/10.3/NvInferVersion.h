// The version of this folder.
#ifndef STANDIN_NV_INFER_VERSION_H
#define STANDIN_NV_INFER_VERSION_H

#define NV_TENSORRT_MAJOR 10
#define NV_TENSORRT_MINOR 3
#define NV_TENSORRT_PATCH 0
#define NV_TENSORRT_BUILD 26

#endif
