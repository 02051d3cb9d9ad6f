#!/usr/bin/env python3
"""Checks the models of formats.cpp with the onnx package: check_formats.py FOLDER

They are valid, their weights dequantize to what the quantizers computed, and the reference evaluator computes the
network's results.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator


def dequantized(model, node):
    """Returns what a DequantizeLinear of a stored tensor computes."""
    stored = [value for value in model.graph.initializer if value.name in node.input]
    result = helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "weight", [], [result], stored)
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return ReferenceEvaluator(alone).run(None, {})[0]


def check(path, x):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opset = model.opset_import[0].version
    # The evaluator has no older pairs, which compute the same.
    model.opset_import[0].version = max(opset, 19)
    stored = {value.name for value in model.graph.initializer}
    weights = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in stored]
    if not weights:
        sys.exit(f"{path.name} has no stored weight")
    for node in weights:
        found = dequantized(model, node)
        file = path.with_name(f"{path.stem}.{node.input[0].removesuffix('_quantized')}")
        expected = np.fromfile(file, np.float32).reshape(found.shape)
        error = np.abs(found - expected)
        # q * (amax / M) and q / (M / amax) round in different places, unless the step is a power of two.
        limit = 0 if path.stem.endswith("exact") else 3 * np.finfo(np.float32).eps * np.abs(expected)
        if not np.all(error <= limit):
            sys.exit(f"{path.name}: {file.name} differs by {error.max()}")
    (result,) = ReferenceEvaluator(model).run(None, {"x": x})
    expected = np.fromfile(path.with_name(f"{path.stem}.y"), np.float32).reshape(result.shape)
    error = np.abs(result - expected).max()
    if error > 1e-4 * (1 + np.abs(expected).max()):
        sys.exit(f"{path.name}: the reference evaluator differs by {error}")
    print(f"{path.name}: {len(weights)} weights, opset {opset}, results differ by {error:.1e}")


def main():
    folder = Path(sys.argv[1])
    x = np.fromfile(folder / "x", np.float32).reshape(8, 3, 8, 8)
    models = sorted(folder.glob("*.onnx"))
    if len(models) < 10:
        sys.exit(f"{folder} has {len(models)} models")
    for path in models:
        check(path, x)


if __name__ == "__main__":
    main()
