#!/usr/bin/env python3
"""Writes the test models with their calibration and test data.

usage: make_models.py FOLDER

For each model FOLDER has NAME.onnx, NAME.calib.npz and NAME.test.npz (arrays named like the inputs, samples along
the first axis), and manifest.json has the expected results. The same input gives the same bytes.
"""
import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

from models import MODELS, convolutional, forms, sequence  # noqa: F401  (registers the models)

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def write(folder, name, made):
    """Writes one model and its data, checks that it is valid and runs, and returns its line of the manifest."""
    path = folder / f"{name}.onnx"
    if made.external:
        (folder / made.external).unlink(missing_ok=True)
    onnx.save(made.onnx, path)
    onnx.checker.check_model(path, full_check=True)
    numpy.savez(folder / f"{name}.calib.npz", **made.calibration)
    numpy.savez(folder / f"{name}.test.npz", **made.test)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = 1 if session.get_inputs()[0].shape[0] == 1 else 4
    outputs = session.run(None, {key: array[:batch] for key, array in made.test.items()})
    if not all(numpy.isfinite(output).all() and output.std() > 0 for output in outputs):
        raise ValueError(f"{name}: outputs are not finite or constant")
    nodes = made.onnx.graph.node
    return {
        "name": name,
        "model": path.name,
        "external": made.external,
        "calibration": f"{name}.calib.npz",
        "test": f"{name}.test.npz",
        "opset": made.onnx.opset_import[0].version,
        "batch": batch,
        "inputs": {key: list(array.shape[1:]) for key, array in made.test.items()},
        "products": {op: n for op in PRODUCTS if (n := sum(node.op_type == op for node in nodes))},
        "float_nodes": made.float_nodes,
        "embedded": made.embedded,
        "rtx": made.rtx,
    }


def main(folder):
    """Writes every model and the manifest."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = [write(folder, name, make()) for name, make in MODELS.items()]
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(manifest)} models in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
