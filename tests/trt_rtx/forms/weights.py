"""Forms of the weights, zero points and scales."""
import numpy
from onnx import TensorProto

from .parts import IMAGE, case, scale, q, dq, activation, weight


@case("weights float + Q + DQ, per-channel")
def _(b):
    x, w = b.input("x", IMAGE), b.normal(32, 32, 3, 3)
    s = b.constant("scale", numpy.abs(w).max((1, 2, 3)) / 127)
    b.node("Conv", [activation(b, x), dq(b, q(b, b.constant("w", w), s, axis=0), s, axis=0)])
    return ["conv"]


@case("weights float + Q + DQ through Transpose to a MatMul")
def _(b):
    x, w = b.input("x", [2, 16, 64]), b.normal(32, 64)
    s = b.constant("scale", numpy.abs(w).max(1) / 127)
    t = b.node("Transpose", [dq(b, q(b, b.constant("w", w), s, axis=0), s, axis=0)], perm=[1, 0])
    b.node("MatMul", [activation(b, x), t])
    return ["matmul"]


@case("int8 weights + DQ, then Transpose, to a MatMul")
def _(b):
    x, w = b.input("x", [2, 16, 64]), b.normal(32, 64)
    b.node("MatMul", [activation(b, x), b.node("Transpose", [weight(b, w, 0)], perm=[1, 0])])
    return ["matmul"]


@case("int8 weights + DQ, then Reshape, to a Conv")
def _(b):
    x, w = b.input("x", IMAGE), b.normal(32, 32 * 9)
    r = b.node("Reshape", [weight(b, w, 0), b.constant("shape", numpy.array([32, 32, 3, 3]))])
    b.node("Conv", [activation(b, x), r])
    return ["conv"]


@case("int8 weights + DQ + Identity, to two Convs")
def _(b):
    x = b.input("x", IMAGE)
    w, a = weight(b, b.normal(32, 32, 3, 3), 0), activation(b, x)
    b.node("Conv", [a, w])
    b.node("Conv", [activation(b, b.node("Relu", [x]), 0.01), b.node("Identity", [w])])
    return ["conv", "conv_1"]


@case("float weights + Transpose + Q + DQ, to a MatMul")
def _(b):
    x, w = b.input("x", [2, 16, 64]), b.normal(32, 64)
    t = b.node("Transpose", [b.constant("w", w)], perm=[1, 0])
    s = b.constant("scale", numpy.abs(w).max(1) / 127)
    b.node("MatMul", [activation(b, x), dq(b, q(b, t, s, axis=1), s, axis=1)])
    return ["matmul"]


@case("no zero points at all")
def _(b):
    x, w = b.input("x", IMAGE), b.normal(32, 32, 3, 3)
    s, t = scale(b), b.constant("scale", numpy.abs(w).max((1, 2, 3)) / 127)
    # Without a zero point, QuantizeLinear means uint8 in ONNX.
    stored = b.constant("w", numpy.rint(w * 40).clip(-127, 127).astype(numpy.int8))
    b.node("Conv", [dq(b, q(b, x, s, False), s, False), dq(b, stored, t, False, axis=0)])
    return ["conv"]


@case("no zero point on the DQ of the weights only")
def _(b):
    x, w = b.input("x", IMAGE), b.normal(32, 32, 3, 3)
    t = b.constant("scale", numpy.abs(w).max((1, 2, 3)) / 127)
    stored = b.constant("w", numpy.rint(w * 40).clip(-127, 127).astype(numpy.int8))
    b.node("Conv", [activation(b, x), dq(b, stored, t, False, axis=0)])
    return ["conv"]


@case("opset 21, output_dtype INT8 instead of zero points")
def _(b):
    b.opset, b.ir = 21, 10
    x, w = b.input("x", IMAGE), b.normal(32, 32, 3, 3)
    s, t = scale(b), b.constant("scale", numpy.abs(w).max((1, 2, 3)) / 127)
    stored = b.constant("w", numpy.rint(w * 40).clip(-127, 127).astype(numpy.int8))
    quantized = b.node("QuantizeLinear", [x, s], output_dtype=TensorProto.INT8)
    b.node("Conv", [dq(b, quantized, s, False), dq(b, stored, t, False, axis=0)])
    return ["conv"]


@case("activation scale of shape [1]")
def _(b):
    x = b.input("x", IMAGE)
    b.node("Conv", [activation(b, x, [0.02]), weight(b, b.normal(32, 32, 3, 3), 0)])
    return ["conv"]


@case("weight scale of shape [1], axis 0")
def _(b):
    x, w = b.input("x", IMAGE), b.normal(32, 32, 3, 3)
    stored = b.constant("w", numpy.rint(w * 40).clip(-127, 127).astype(numpy.int8))
    b.node("Conv", [activation(b, x), dq(b, stored, scale(b, [0.025]), axis=0)])
    return ["conv"]


@case("only the activation has Q/DQ")
def _(b):
    b.node("Conv", [activation(b, b.input("x", IMAGE)), b.constant("w", b.normal(32, 32, 3, 3))])
    return ["conv"]


@case("only the weights have DQ")
def _(b):
    b.node("Conv", [b.input("x", IMAGE), weight(b, b.normal(32, 32, 3, 3), 0)])
    return ["conv"]


@case("weights that are a graph input, with Q/DQ on both")
def _(b):
    x, w = b.input("x", IMAGE), b.input("w", [32, 32, 3, 3])
    b.node("Conv", [activation(b, x), activation(b, w)])
    return ["conv"]


@case("bias as float behind Identity")
def _(b):
    x = b.input("x", IMAGE)
    bias = b.node("Identity", [b.constant("bias", b.small(32))])
    b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 3, 3), 0), bias])
    return ["conv"]
