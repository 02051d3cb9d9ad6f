#!/usr/bin/env python3
"""Writes the float ONNX model of the network in digits.cpp. Initializers have its parameters' names: float_model.py
OUT"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONVS = {1: (6, 1, 3, 3), 2: (6, 6, 3, 3), 3: (6, 6, 3, 3), 4: (6, 6, 3, 3)}
NORM = ("weight", "bias", "running_mean", "running_var")


def main():
    shapes = {f"conv{at}.weight": shape for at, shape in CONVS.items()}
    shapes |= {f"bn{at}.{part}": (6,) for at in CONVS for part in NORM}
    shapes |= {"fc.weight": (10, 96), "fc.bias": (10,)}
    # NaN reveals an initializer that was not replaced.
    initializers = [numpy_helper.from_array(np.full(shape, np.nan, np.float32), name) for name, shape in shapes.items()]

    def conv(at, source):
        norm = [f"bn{at}.{part}" for part in NORM]
        return [helper.make_node("Conv", [source, f"conv{at}.weight"], [f"conv{at}_out"], f"/conv{at}/Conv", pads=[1] * 4),
                helper.make_node("BatchNormalization", [f"conv{at}_out", *norm], [f"bn{at}_out"], f"/bn{at}/BatchNormalization"),
                helper.make_node("Relu", [f"bn{at}_out"], [f"conv{at}_relu"], f"/relu{at}/Relu")]

    nodes = [*conv(1, "input"), *conv(2, "conv1_relu"),
             helper.make_node("MaxPool", ["conv2_relu"], ["pooled"], "/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
             *conv(3, "pooled"), *conv(4, "conv3_relu"), helper.make_node("Flatten", ["conv4_relu"], ["flat"], "/Flatten"),
             helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["logits"], "/fc/Gemm", transB=1)]
    graph = helper.make_graph(nodes, "digits", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
