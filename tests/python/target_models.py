"""Small models with convolutions whose weights have one scale for TensorRT-RTX, each with data in an .npz beside it.

usage: target_models.py FOLDER
"""
import sys
from pathlib import Path

import numpy
import onnx
from builder import Builder
from onnx import TensorProto, helper

SHAPE = (6, 9, 9)


def weight(b, *shape):
    """Returns weights whose channels differ by a factor of a thousand; channel 2 has only zeros."""
    spread = 10.0 ** b.random.uniform(-1.5, 1.5, shape[0])
    spread[2] = 0
    return (b.normal(*shape) * spread.reshape(-1, *[1] * (len(shape) - 1))).astype(numpy.float32)


def conv(b, x, w, bias=None):
    return b.node("Conv", [x, w] + ([bias] if bias else []), pads=[1] * 4)


def uneven(b, x, make):
    return conv(b, x, make("w", weight(b, 8, 6, 3, 3)), make("b", b.small(8)))


def without_bias(b, x, make):
    return conv(b, x, make("w", weight(b, 8, 6, 3, 3)))


def shared(b, x, make):
    """Two convolutions that share weight and bias, one of them behind the other's activation function."""
    w, bias = make("w", weight(b, 6, 6, 3, 3)), make("b", b.small(6))
    return conv(b, b.node("Relu", [conv(b, x, w, bias)]), w, bias)


def read_twice(b, x, make):
    """A weight that is an operand of something else besides."""
    w = make("w", weight(b, 6, 6, 3, 3))
    return b.node("Mul", [conv(b, x, w), b.node("ReduceMax", [w], keepdims=0)])


def computed_bias(b, x, make):
    """A bias that depends on the input."""
    mean = b.node("Squeeze", [b.node("ReduceMean", [x], axes=[0, 2, 3], keepdims=1),
                              b.constant("axes", numpy.array([0, 2, 3], numpy.int64))])
    return conv(b, x, make("w", weight(b, 6, 6, 3, 3)), mean)


def branch(b, x, make):
    """A convolution in a branch, with its weight outside."""
    w, bias = make("w", weight(b, 6, 6, 3, 3)), make("b", b.small(6))
    mean = b.node("ReduceMean", [x], keepdims=0)
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4)
    inside = [helper.make_node("Conv", [x, w, bias], ["inside"], name="inside_conv", pads=[1] * 4),
              helper.make_node("Relu", [x], ["other"], name="other_relu")]
    branches = {key: helper.make_graph([node], key, [], [value(node.output[0])])
                for key, node in zip(("then_branch", "else_branch"), inside)}
    return b.node("If", [b.node("Less", [mean, make("one", numpy.float32(9))])], **branches)


def huge(b, x, make):
    """Results that half precision could not hold with any one scale."""
    return conv(b, b.node("Mul", [x, make("gain", numpy.float32(1e6))]), make("w", weight(b, 8, 6, 3, 3)))


CASES = (uneven, without_bias, shared, read_twice, computed_bias, branch, huge)


def main(folder):
    folder = Path(folder)
    for fill in CASES:
        for kind in (numpy.float32, numpy.float16):
            if fill in (branch, huge) and kind is numpy.float16:
                continue
            element = helper.np_dtype_to_tensor_dtype(numpy.dtype(kind))
            b = Builder(f"{fill.__name__}{'_half' if kind is numpy.float16 else ''}")
            make = lambda stem, array: b.constant(stem, array.astype(kind))
            y = fill(b, b.input("x", [2, *SHAPE], element), make)
            b.output(b.node("Identity", [y], outputs=["y"]), [2, None, 9, 9], element)
            onnx.save(b.model(), folder / f"{b.name}.onnx")
            data = numpy.maximum(b.random.normal(0.3, 1, (16, *SHAPE)), 0)
            numpy.savez(folder / f"{b.name}.npz", x=data.astype(kind))


if __name__ == "__main__":
    main(*sys.argv[1:])
