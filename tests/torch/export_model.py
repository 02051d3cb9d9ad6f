#!/usr/bin/env python3
"""Writes the float ONNX model of the network in export.cpp, or in formats.cpp. Initializers have its parameters'
names: export_model.py OUT [formats]"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPES = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "left.weight": (4, 4, 3, 3), "left.bias": (4,),
          "right.weight": (4, 4, 3, 3), "right.bias": (4,), "norm.weight": (4,), "norm.bias": (4,),
          "up.weight": (4, 4, 2, 2), "up.bias": (4,), "fc.weight": (6, 256), "fc.bias": (6,),
          # Nothing reads these: a converter gives an LSTM's weights other names than the network.
          "rnn.weight_ih_l0": (8, 3), "rnn.weight_hh_l0": (8, 2), "rnn.bias_ih_l0": (8,), "rnn.bias_hh_l0": (8,)}
FORMATS = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "fc1.weight": (128, 256), "fc1.bias": (128,),
           "fc2.weight": (6, 128), "fc2.bias": (6,)}


def deep(layer):
    """Returns the other nodes of the network in export.cpp."""
    return [layer("Conv", "left", "relu", pads=[1] * 4), layer("Conv", "right", "relu", pads=[1] * 4),
            helper.make_node("Add", ["left_out", "right_out"], ["sum"], "/Add"),
            helper.make_node("MaxPool", ["sum"], ["pooled"], "/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
            layer("InstanceNormalization", "norm", "pooled"),
            layer("ConvTranspose", "up", "norm_out", strides=[2, 2]),
            helper.make_node("Flatten", ["up_out"], ["flat"], "/Flatten"), layer("Gemm", "fc", "flat", transB=1)]


def main():
    shapes = FORMATS if sys.argv[2:] == ["formats"] else SHAPES
    # NaN reveals an initializer that was not replaced.
    stored = [numpy_helper.from_array(np.full(shape, np.nan, np.float32), name) for name, shape in shapes.items()]

    def layer(op, name, source, **attributes):
        return helper.make_node(op, [source, f"{name}.weight", f"{name}.bias"], [f"{name}_out"], f"/{name}/{op}", **attributes)

    nodes = [layer("Conv", "conv", "x", pads=[1] * 4), helper.make_node("Relu", ["conv_out"], ["relu"], "/Relu")]
    if shapes is FORMATS:
        nodes += [helper.make_node("Flatten", ["relu"], ["flat"], "/Flatten"), layer("Gemm", "fc1", "flat", transB=1),
                  helper.make_node("Relu", ["fc1_out"], ["relu1"], "/Relu_1"), layer("Gemm", "fc2", "relu1", transB=1)]
    else:
        nodes += deep(layer)
    result = nodes[-1].output[0]
    graph = helper.make_graph(nodes, "export", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])],
                              [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["N", 6])], stored)
    # The opset is older than quantization needs, so qdq raises it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
