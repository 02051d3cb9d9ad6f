"""An attention over any number of tokens, with samples of two lengths, and the same with a whole attention as one
operator.

usage: attention_models.py FOLDER
"""
import sys
from pathlib import Path

import numpy
import onnx
from builder import Builder
from models.sequence import heads, linear, scalar

WIDTH = 32


def projections(b):
    x = b.input("x", [1, "S", WIDTH])
    return [linear(b, x, WIDTH, WIDTH) for _ in range(3)]


def finish(b, mixed, folder, name):
    b.output(linear(b, mixed, WIDTH, 8), [1, "S", 8])
    model = b.model()
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / f"{name}.onnx")


def main(folder):
    folder = Path(folder)
    b = Builder("open")
    query, key, value = projections(b)
    query, value = (heads(b, x, 4, WIDTH) for x in (query, value))
    key = heads(b, key, 4, WIDTH, (0, 2, 3, 1))
    scores = b.node("Mul", [b.node("MatMul", [query, key], name="scores"), scalar(b, 8**-0.5)])
    weights = b.node("Softmax", [scores], outputs=["probabilities"], axis=-1)
    mixed = b.node("Transpose", [b.node("MatMul", [weights, value], name="context")], perm=[0, 2, 1, 3])
    shape = b.constant("shape", numpy.array([0, 0, WIDTH], numpy.int64))
    finish(b, b.node("Reshape", [mixed, shape]), folder, "open")
    for length in (16, 520):
        x = b.random.normal(0, 1, (1, length, WIDTH)).astype(numpy.float32)
        numpy.savez(folder / f"{length}.npz", x=x)
    b = Builder("fused", opset=23, ir=11)
    finish(b, b.node("Attention", projections(b), q_num_heads=4, kv_num_heads=4), folder, "fused")


if __name__ == "__main__":
    main(*sys.argv[1:])
