#!/usr/bin/env python3
"""Writes the float ONNX model of the network in digits.cpp, its initializers called as the network's parameters: float_model.py OUT"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPES = {"conv1": (8, 1, 3, 3), "conv2": (8, 8, 3, 3), "conv3": (8, 8, 3, 3), "conv4": (8, 8, 3, 3), "fc": (10, 128)}


def main():
    initializers = []
    for name, shape in SHAPES.items():
        # Nobody may mistake what was not replaced.
        initializers.append(numpy_helper.from_array(np.full(shape, np.nan, np.float32), f"{name}.weight"))
        initializers.append(numpy_helper.from_array(np.full(shape[0], np.nan, np.float32), f"{name}.bias"))

    def conv(name, source):
        return [helper.make_node("Conv", [source, f"{name}.weight", f"{name}.bias"], [f"{name}_out"], f"/{name}/Conv", pads=[1] * 4),
                helper.make_node("Relu", [f"{name}_out"], [f"{name}_relu"], f"/{name}/Relu")]

    nodes = [*conv("conv1", "input"), *conv("conv2", "conv1_relu"),
             helper.make_node("MaxPool", ["conv2_relu"], ["pooled"], "/pool/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
             *conv("conv3", "pooled"), *conv("conv4", "conv3_relu"), helper.make_node("Flatten", ["conv4_relu"], ["flat"], "/Flatten"),
             helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["logits"], "/fc/Gemm", transB=1)]
    graph = helper.make_graph(nodes, "digits", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 8, 8])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
