#!/usr/bin/env python3
"""Runs a quantized digits model in ONNX Runtime and compares its classes for the test images: compare.py MODEL
CLASSES.txt"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import evaluate  # noqa: E402

DIGITS = Path(__file__).resolve().parents[1] / "data" / "digits"


def main():
    model, classes = sys.argv[1:]
    operators = [node.op_type for node in onnx.load(model).graph.node]
    # Five layers, each with a quantized input and a stored weight.
    if operators.count("QuantizeLinear") != 5 or operators.count("DequantizeLinear") != 10:
        sys.exit(f"{model} has the operators {operators}")
    options = evaluate.exact(onnxruntime.SessionOptions())
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input": np.load(DIGITS / "test.npz")["input"]})
    expected = np.loadtxt(classes, dtype=np.int64)
    same = 100 * np.mean(logits.argmax(1) == expected)
    print(f"{Path(model).name}: {same:.1f}% of the classes are those of ONNX Runtime")
    if same < 99.5:
        sys.exit("fewer than 99.5%")


if __name__ == "__main__":
    main()
