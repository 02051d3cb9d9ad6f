"""Models with one bad layer for the tests of sensitivity and of budgets, each with data in an .npz beside it.

usage: search_models.py FOLDER

In each model the layer `bad` is ruined by INT8, and all others are harmless. The float networks compute about the same.
"""
import sys
from pathlib import Path

import numpy
import onnx
from builder import Builder

CHANNELS, SIZE, SAMPLES = 8, 8, 24


def network(folder, name, before, after):
    """Writes convolutions in a row. Input channel 0 of `bad` is multiplied by `before`, and its weights by `after`."""
    b = Builder(name)
    x = b.input("x", ["n", 3, SIZE, SIZE])
    first = b.normal(CHANNELS, 3, 3, 3, fan=27)
    bad = b.normal(CHANNELS, CHANNELS, 3, 3, fan=72)
    first[0] *= before
    bad[:, 0] *= after
    y = b.node("Conv", [x, b.constant("w0", first)], name="first", pads=[1] * 4)
    y = b.node("Relu", [y])
    y = b.node("Conv", [y, b.constant("w1", bad)], name="bad", pads=[1] * 4)
    y = b.node("Relu", [y])
    for at in range(3):
        weight = b.constant(f"w{at + 2}", b.normal(CHANNELS, CHANNELS, 3, 3, fan=36))
        y = b.node("Relu", [b.node("Conv", [y, weight], name=f"good{at}", pads=[1] * 4)])
    b.output(y, ["n", CHANNELS, SIZE, SIZE])
    b.inputs[0].type.tensor_type.shape.dim[0].dim_param = "n"
    model = b.model()
    onnx.checker.check_model(model)
    onnx.save(model, folder / f"{name}.onnx")
    x = b.random.normal(size=(SAMPLES, 3, SIZE, SIZE)).astype(numpy.float32)
    numpy.savez(folder / f"{name}.npz", x=x)


def main():
    folder = Path(sys.argv[1])
    network(folder, "outlier_channel", 1000, 1 / 1000)
    network(folder, "few_bits", 1 / 64, 64)
    network(folder, "harmless", 1, 1)


if __name__ == "__main__":
    main()
