#!/usr/bin/env python3
"""Quantizes models with convolutions and products inside If, Loop and Scan by the tool and builds engines of them.

usage: subgraphs.py

Every product that the tool reports as quantized must run in INT8. Models of which TensorRT builds no engine in float
are left out.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "python")]

import native  # noqa: E402
import rtx  # noqa: E402
import subgraph_models  # noqa: E402
from compare_with_peer import onnxruntime_library  # noqa: E402

def judge(folder, name, weights):
    """Lists the problems of the engine of a model."""
    model, quantized = folder / f"{name}.onnx", folder / f"{name}.{weights}.onnx"
    run = subprocess.run(
        [native.ROOT / "target/debug/qdq", "quantize", model, "-d", model.with_suffix(".npz"), "-o", quantized, "--json",
         "--batch-size", "1", "--weights", weights, "--runtime", "onnxruntime"],
        capture_output=True, text=True, env={**os.environ, "QDQ_ONNXRUNTIME": str(onnxruntime_library())})
    if run.returncode != 0:
        return [run.stderr.strip()]
    nodes = json.loads(run.stdout)["nodes"]
    engine = rtx.build(quantized)
    if not engine.built:
        return [engine.log.strip()] if rtx.build(model).built else []
    products = [operation for operation in engine.operations if operation.is_matrix]
    in_float = [operation for operation in products if not operation.is_int8]
    expected = nodes["weighted"] - nodes["weighted_int8"] + (name == "branch_in_scan")
    is_right = len(in_float) <= expected and len(products) - len(in_float) >= nodes["weighted_int8"]
    return [] if is_right else [f"{len(in_float)} of {len(products)} run in float, not {expected}"]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        subgraph_models.make(folder)
        for build in subgraph_models.MADE:
            for weights in ("int8", "float"):
                problems = judge(folder, build.__name__, weights)
                failed += bool(problems)
                print(f"{'FAILED' if problems else 'ok':7} {build.__name__}, {weights}", *problems, sep="\n        ")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
