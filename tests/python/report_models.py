#!/usr/bin/env python3
"""Writes small models with a planted fault each, with data, and a deep one, for the tests of reports.

usage: report_models.py FOLDER [NAME ...]

NAME.onnx and NAME.npz. The faults: outlier (one channel 1000 times the others), far (single values 5000 times the rest),
flat (an input that hardly changes), dead (output channels of zeros), broken (the logarithm of 0). "deep" has 300 convolutions with names as exporters make them.
"""
import pathlib
import sys

import numpy
import onnx

from builder import Builder

SHAPE = ["N", 8, 8, 8]
SAMPLES = 16
LAYERS = 300


def samples(builder, count=SAMPLES):
    return builder.random.normal(0.0, 1.0, (count, *SHAPE[1:])).astype(numpy.float32)


def convolution(builder, x, weight, name="guilty"):
    return builder.node("Conv", [x, builder.constant("weight", weight)], name=name, kernel_shape=[1, 1])


def small(name, change, count=SAMPLES):
    """Returns one convolution and its data. `change` gets the weight and the data."""
    b = Builder(name)
    x, weight, data = b.input("x", SHAPE), b.normal(8, 8, 1, 1), samples(b, count)
    change(weight, data)
    b.output(convolution(b, x, weight), SHAPE)
    return b.model(), data


def outlier():
    def change(weight, data):
        data[:, 3] *= 1000
        weight[:, 3] /= 1e5
    return small("outlier", change)


def far():
    # The weight does not see the large values: they are the same in all channels. They are fewer than one in 10,000.
    def change(weight, data):
        data[0, :, 0, 0] = 5000.0
        weight -= weight.mean(1, keepdims=True)
    return small("far", change, 25 * SAMPLES)


def flat():
    def change(weight, data):
        data *= 0.001
        data += 10.0
        weight -= weight.mean(1, keepdims=True)
    return small("flat", change)


def dead():
    def change(weight, data):
        data[:, 3] *= 1000
        weight[:, 3] /= 1e5
        weight[[1, 5]] = 0.0
    return small("dead", change)


def broken():
    b = Builder("broken")
    x, data = b.input("x", SHAPE), samples(b)
    data[:, 0, 0, 0] = 0.001
    logarithm = b.node("Log", [b.node("Relu", [convolution(b, x, b.normal(8, 8, 1, 1))])], name="logarithm")
    b.output(convolution(b, logarithm, b.normal(8, 8, 1, 1), "after"), SHAPE)
    return b.model(), data


def deep():
    b = Builder("deep")
    x = b.input("x", SHAPE)
    for at in range(LAYERS):
        stem = f"/backbone/stage_{at // 75}/blocks.{at}/conv_block"
        y = convolution(b, x, b.normal(8, 8, 1, 1), f"{stem}/conv/Conv")
        y = b.node("Relu", [y], name=f"{stem}/act/Relu")
        half = b.node("Mul", [y, b.constant("half", numpy.float32(0.7))], name=f"{stem}/scale/Mul")
        x = half if at % 2 else b.node("Add", [half, x], name=f"{stem}/residual/Add")
    b.output(x, SHAPE)
    return b.model(), samples(b)[:4]


MODELS = {"outlier": outlier, "far": far, "flat": flat, "dead": dead, "broken": broken, "deep": deep}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or MODELS:
        model, data = MODELS[name]()
        onnx.save(model, folder / f"{name}.onnx")
        numpy.savez(folder / f"{name}.npz", x=data)


if __name__ == "__main__":
    main()
