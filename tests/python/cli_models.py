"""Writes the small models that the tests of the command-line tool need beside digits: cli_models.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


def model(nodes, inputs, outputs, weights=()):
    infos = [[h.make_tensor_value_info(*info) for info in group] for group in (inputs, outputs)]
    stored = [numpy_helper.from_array(values, name) for name, values in weights]
    graph = h.make_graph(nodes, "g", *infos, stored)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def tokens():
    """Numbers of rows of a table, whose entries go through a product."""
    random = np.random.default_rng(1)
    weights = [
        ("table", random.standard_normal((10, 4), np.float32)),
        ("weight", random.standard_normal((4, 3), np.float32)),
    ]
    nodes = [
        h.make_node("Gather", ["table", "ids"], ["rows"], name="rows"),
        h.make_node("MatMul", ["rows", "weight"], ["y"], name="product"),
    ]
    return model(nodes, [("ids", T.INT64, ["N", 2])], [("y", T.FLOAT, ["N", 2, 3])], weights)


def pool():
    """Nothing that INT8 computes."""
    nodes = [h.make_node("MaxPool", ["input"], ["y"], name="pool", kernel_shape=[2, 2])]
    return model(nodes, [("input", T.FLOAT, ["N", 1, 8, 8])], [("y", T.FLOAT, ["N", 1, 7, 7])])


if __name__ == "__main__":
    for make in (tokens, pool):
        onnx.save(make(), Path(sys.argv[1]) / f"{make.__name__}.onnx")
