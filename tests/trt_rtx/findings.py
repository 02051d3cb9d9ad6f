#!/usr/bin/env python3
"""Finds out which forms of Q/DQ TensorRT-RTX really runs in INT8: builds one small model per form and prints a table.

usage: findings.py [--write | --check]

--write puts the table into FINDINGS.md, --check fails when it differs from the one that is there.
"""
import concurrent.futures
import pathlib
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import rtx
from builder import Builder

F16 = TensorProto.FLOAT16
CASES = {}


def case(title):
    """Registers a function that fills a Builder and returns the names of the nodes to look at."""
    def register(fill):
        CASES[title] = fill
        return fill
    return register


def scale(b, value=0.02, kind=numpy.float32):
    return b.constant("scale", numpy.array(value, kind))


def q(b, x, s, zero=True, axis=None):
    inputs = [x, s] + ([b.constant("zero", numpy.zeros(_shape(b, s), numpy.int8))] if zero else [])
    return b.node("QuantizeLinear", inputs, **({} if axis is None else {"axis": axis}))


def dq(b, x, s, zero=True, axis=None):
    inputs = [x, s] + ([b.constant("zero", numpy.zeros(_shape(b, s), numpy.int8))] if zero else [])
    return b.node("DequantizeLinear", inputs, **({} if axis is None else {"axis": axis}))


def ints(b, *values):
    return b.constant("ints", numpy.array(values, numpy.int64))


def _shape(b, name):
    return next(list(t.dims) for t in b.constants if t.name == name)


def activation(b, x, value=0.02):
    """x through Q and DQ with a 0-D scale."""
    s = scale(b, value)
    return dq(b, q(b, x, s), s)


def weight(b, array, axis=None):
    """An INT8 weight and its DQ, per tensor or along an axis."""
    keep = tuple(i for i in range(array.ndim) if i != axis)
    amax = numpy.abs(array).max() if axis is None else numpy.abs(array).max(keep)
    s = numpy.asarray(amax / 127, numpy.float32)
    shape = [1] * array.ndim
    if axis is not None:
        shape[axis] = -1
    stored = numpy.clip(numpy.rint(array / (s if axis is None else s.reshape(shape))), -128, 127).astype(numpy.int8)
    return dq(b, b.constant("weight", stored), b.constant("scale", s), axis=axis)


def model_of(title, fill):
    b = Builder(title)
    nodes = fill(b)
    used = {x for n in b.nodes for x in n.input}
    for n in b.nodes:
        for x in n.output:
            if x not in used:
                b.outputs.append(onnx.ValueInfoProto(name=x))
    model = onnx.helper.make_model(b.graph(), opset_imports=[onnx.helper.make_opsetid("", b.opset)], ir_version=b.ir)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model, nodes


# Convolutions.


def conv_case(title, x_shape, w_shape, axis=0, op="Conv", then=None, **attributes):
    def fill(b):
        x = b.input("x", x_shape)
        w = weight(b, b.normal(*w_shape), axis)
        y = b.node(op, [activation(b, x), w], **attributes)
        if then:
            then(b, y)
        return [b.nodes[-1 if not then else [n.op_type for n in b.nodes].index(op)].name]
    CASES[title] = fill


IMAGE = [2, 32, 16, 16]
conv_case("Conv 32→32, per-channel axis 0", IMAGE, [32, 32, 3, 3])
conv_case("Conv 32→32, per-tensor weights", IMAGE, [32, 32, 3, 3], None)
conv_case("Conv 1→32 channels", [2, 1, 16, 16], [32, 1, 3, 3])
conv_case("Conv 3→32 channels", [2, 3, 16, 16], [32, 3, 3, 3])
conv_case("Conv 8→8 channels", [2, 8, 16, 16], [8, 8, 3, 3])
conv_case("Conv 32→10 channels, 1x1", IMAGE, [10, 32, 1, 1])
conv_case("Conv 5→7 channels", [2, 5, 16, 16], [7, 5, 3, 3])
conv_case("Conv depthwise (group 32)", IMAGE, [32, 1, 3, 3], group=32)
conv_case("Conv depthwise (group 6)", [2, 6, 16, 16], [6, 1, 3, 3], group=6)
conv_case("Conv grouped (group 4)", IMAGE, [32, 8, 3, 3], group=4)
conv_case("Conv 1-D 32→32", [2, 32, 64], [32, 32, 3])
conv_case("Conv 3-D 32→32", [2, 32, 8, 8, 8], [32, 32, 3, 3, 3])
conv_case("Conv dilated 2", IMAGE, [32, 32, 3, 3], dilations=[2, 2])
for axis in (None, 0, 1):
    label = "per-tensor" if axis is None else f"axis {axis}"
    conv_case(f"ConvTranspose 2x2 stride 2 32→16, {label}", IMAGE, [32, 16, 2, 2], axis, "ConvTranspose",
              strides=[2, 2])
    conv_case(f"ConvTranspose 2x2 stride 2 32→32, group 4, {label}", IMAGE, [32, 8, 2, 2], axis, "ConvTranspose",
              strides=[2, 2], group=4)
conv_case("ConvTranspose 4x4 stride 2, depthwise, per-tensor", IMAGE, [32, 1, 4, 4], None, "ConvTranspose",
          strides=[2, 2], pads=[1] * 4, group=32)
conv_case("ConvTranspose 3x3 stride 1, per-tensor", IMAGE, [32, 32, 3, 3], None, "ConvTranspose", pads=[1] * 4)
conv_case("ConvTranspose 3-D, per-tensor", [2, 32, 8, 8, 8], [32, 32, 2, 2, 2], None, "ConvTranspose",
          strides=[2, 2, 2])


def batch_normalization(b, y):
    c = 32
    y = b.node("BatchNormalization", [y, b.constant("gamma", numpy.ones(c, numpy.float32) * 1.5),
                                      b.constant("beta", b.small(c)), b.constant("mean", b.small(c)),
                                      b.constant("var", numpy.abs(b.small(c)) + 1)])
    b.node("Relu", [y])


conv_case("Conv + BatchNormalization (not folded) + Relu, int8 weights", IMAGE, [32, 32, 3, 3], then=batch_normalization)
conv_case("Conv + Relu", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node("Relu", [y]))
conv_case("Conv + Clip(0, 6)", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node(
    "Clip", [y, b.constant("low", numpy.float32(0)), b.constant("high", numpy.float32(6))]))
conv_case("Conv + LeakyRelu", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node("LeakyRelu", [y], alpha=0.1))
conv_case("Conv + Sigmoid·Mul (SiLU)", IMAGE, [32, 32, 3, 3],
          then=lambda b, y: b.node("Mul", [y, b.node("Sigmoid", [y])]))


# Forms of the weights, zero points and scales.


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
    # Without a zero point QuantizeLinear means uint8 for ONNX.
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


# Matrix products.


def matmul_case(title, fill):
    def wrapped(b):
        fill(b)
        return [b.nodes[-1].name]
    CASES[title] = wrapped


TOKENS = [2, 16, 64]
for axis, label in ((1, "axis 1"), (0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul [2,16,64]x[64,32], {label}", lambda b, axis=axis: b.node(
        "MatMul", [activation(b, b.input("x", TOKENS)), weight(b, b.normal(64, 32), axis)]))
matmul_case("MatMul [16,64]x[64,32], axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(64, 32), 1)]))
matmul_case("MatMul [16,20]x[20,10] (not multiples of 16), axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [16, 20])), weight(b, b.normal(20, 10), 1)]))
matmul_case("MatMul [1,64]x[64,32] (one row), axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [1, 64])), weight(b, b.normal(64, 32), 1)]))
for axis, label in ((0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul constant left [32,64]x[2,64,16], {label}", lambda b, axis=axis: b.node(
        "MatMul", [weight(b, b.normal(32, 64), axis), activation(b, b.input("x", [2, 64, 16]))]))
    matmul_case(f"MatMul constant left [32,64]x[64,16], {label}", lambda b, axis=axis: b.node(
        "MatMul", [weight(b, b.normal(32, 64), axis), activation(b, b.input("x", [64, 16]))]))
for axis, label in ((2, "axis 2"), (0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul batched constant [4,16,64]x[4,64,32], {label}", lambda b, axis=axis: b.node(
        "MatMul", [activation(b, b.input("x", [4, 16, 64])), weight(b, b.normal(4, 64, 32, fan=64), axis)]))
matmul_case("MatMul 1-D weight [2,16,64]x[64], per-tensor", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", TOKENS)), weight(b, b.normal(64, fan=64))]))
matmul_case("MatMul two activations [2,4,16,32]x[2,4,32,16]", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [2, 4, 16, 32])), activation(b, b.input("y", [2, 4, 32, 16]))]))
matmul_case("MatMul two activations, Q/DQ on the left only", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [2, 4, 16, 32])), b.input("y", [2, 4, 32, 16])]))
for trans, axis in ((0, 1), (0, 0), (0, None), (1, 0), (1, 1), (1, None)):
    shape = (64, 32) if trans == 0 else (32, 64)
    label = "per-tensor" if axis is None else f"axis {axis}"
    matmul_case(f"Gemm transB={trans}, {label}", lambda b, trans=trans, shape=shape, axis=axis: b.node(
        "Gemm", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(*shape), axis),
                 b.constant("bias", b.small(32))], transB=trans))
matmul_case("Gemm transA=1 transB=1, axis 0", lambda b: b.node(
    "Gemm", [activation(b, b.input("x", [64, 16])), weight(b, b.normal(32, 64), 0), b.constant("bias", b.small(32))],
    transA=1, transB=1))
matmul_case("Gemm alpha=0.5 beta=2, axis 0", lambda b: b.node(
    "Gemm", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(32, 64), 0), b.constant("bias", b.small(32))],
    transB=1, alpha=0.5, beta=2.0))
matmul_case("Gemm constant left, axis 0", lambda b: b.node(
    "Gemm", [weight(b, b.normal(32, 64), 0), activation(b, b.input("x", [64, 16]))]))


def attention(with_qdq):
    def fill(b):
        queries, keys, values = (b.input(n, [2, 4, 16, 32]) for n in "qkv")
        mark = (lambda x: activation(b, x)) if with_qdq else (lambda x: x)
        scores = b.node("MatMul", [mark(queries), mark(b.node("Transpose", [keys], perm=[0, 1, 3, 2]))])
        scores = b.node("Div", [scores, b.constant("root", numpy.float32(5.65))])
        soft = b.node("Softmax", [scores], axis=-1)
        b.node("MatMul", [activation(b, soft, 1 / 127) if with_qdq else soft, mark(values)])
        return ["matmul", "matmul_1"]
    return fill


CASES["attention QK^T and PV with Q/DQ on all four operands"] = attention(True)


@case("attention, K's Q/DQ before its Transpose")
def _(b):
    queries, keys, values = (b.input(n, [2, 4, 16, 32]) for n in "qkv")
    k = b.node("Transpose", [activation(b, keys)], perm=[0, 1, 3, 2])
    soft = b.node("Softmax", [b.node("MatMul", [activation(b, queries), k])], axis=-1)
    b.node("MatMul", [activation(b, soft, 1 / 127), activation(b, values)])
    return ["matmul", "matmul_1"]


def packed(title, axis, before, after):
    """Queries, keys and values from one product, split behind it; Q/DQ before the Split, behind it, or both."""
    def fill(b):
        def mark(x, wanted, value=0.02):
            return activation(b, x, value) if wanted else x

        y = b.node("MatMul", [activation(b, b.input("x", [2, 17, 64])), weight(b, b.normal(64, 192, fan=128), axis)])
        y = mark(b.node("Add", [y, b.constant("bias", b.small(192))]), before)
        parts = b.node("Split", [y, ints(b, 64, 64, 64)], outputs=["query", "key", "value"], axis=2)
        q, k, v = (b.node("Transpose", [b.node("Reshape", [p, ints(b, 0, 17, 4, 16)])], perm=[0, 2, 1, 3])
                   for p in parts)
        k = b.node("Transpose", [k], perm=[0, 1, 3, 2])
        soft = b.node("Softmax", [b.node("MatMul", [mark(q, after), mark(k, after)])], axis=-1)
        b.node("MatMul", [mark(soft, before or after, 1 / 127), mark(v, after)])
        return ["matmul", "matmul_1", "matmul_2"]
    CASES[f"packed QKV, {title}"] = fill


for axis, label in ((1, "per-channel weights"), (None, "per-tensor weights")):
    packed(f"{label}, attention in float", axis, False, False)
    packed(f"{label}, Q/DQ behind the Split", axis, False, True)
    packed(f"{label}, Q/DQ before the Split", axis, True, False)
    packed(f"{label}, Q/DQ before and behind the Split", axis, True, True)


# What lies between two convolutions.


def between(title, middle, wide=32):
    def fill(b):
        x = b.input("x", IMAGE)
        first = b.node("Relu", [b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])])
        y = middle(b, first, x)
        last = b.node("Conv", [y, weight(b, b.normal(32, wide, 1, 1), 0)])
        b.node("Relu", [last])
        return [n.name for n in b.nodes if n.op_type == "Conv"]
    CASES[title] = fill


POOL = dict(kernel_shape=[2, 2], strides=[2, 2])
between("Conv, Q/DQ, Conv", lambda b, y, x: activation(b, y))
between("Conv, MaxPool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("MaxPool", [y], **POOL)))
between("Conv, Q/DQ, MaxPool, Q/DQ same scale, Conv",
        lambda b, y, x: activation(b, b.node("MaxPool", [activation(b, y)], **POOL)))
between("Conv, Q/DQ, MaxPool, Conv", lambda b, y, x: b.node("MaxPool", [activation(b, y)], **POOL))
between("Conv, AveragePool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("AveragePool", [y], **POOL)))
between("Conv, Q/DQ, AveragePool, Q/DQ, Conv",
        lambda b, y, x: activation(b, b.node("AveragePool", [activation(b, y)], **POOL), 0.015))
between("Conv, GlobalAveragePool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("GlobalAveragePool", [y])))
between("Conv, Q/DQ, GlobalAveragePool, Q/DQ, Conv",
        lambda b, y, x: activation(b, b.node("GlobalAveragePool", [activation(b, y)]), 0.015))


def resize(b, y):
    return b.node("Resize", [y, "", b.constant("scales", numpy.array([1, 1, 2, 2], numpy.float32))], mode="nearest",
                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")


between("Conv, Resize nearest, Q/DQ, Conv", lambda b, y, x: activation(b, resize(b, y)))
between("Conv, Q/DQ, Resize nearest, Q/DQ same scale, Conv", lambda b, y, x: activation(b, resize(b, activation(b, y))))
between("Conv, Q/DQ, Resize nearest, Conv", lambda b, y, x: resize(b, activation(b, y)))


def branch(b, x):
    return b.node("Relu", [b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])])


def concat(b, y, x, before, after):
    parts = [activation(b, p, s) if s else p for p, s in zip((y, branch(b, x)), before)]
    joined = b.node("Concat", parts, axis=1)
    return activation(b, joined, after) if after else joined


between("two Convs, Concat, Q/DQ, Conv", lambda b, y, x: concat(b, y, x, (0, 0), 0.02), 64)
between("two Convs, Q/DQ same scale, Concat, Q/DQ same scale, Conv",
        lambda b, y, x: concat(b, y, x, (0.02, 0.02), 0.02), 64)
between("two Convs, Q/DQ same scale, Concat, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.02), 0), 64)
between("two Convs, Q/DQ unequal scales, Concat, Q/DQ, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.01), 0.02), 64)
between("two Convs, Q/DQ unequal scales, Concat, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.01), 0), 64)


def residual(b, y, x, shortcut, main, other):
    right = b.node("Conv", [activation(b, y), weight(b, b.normal(32, 32, 1, 1), 0)])
    left = {"identity": y, "conv": b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])
            if other == "conv" else y}[other]
    left = activation(b, left) if shortcut else left
    right = activation(b, right) if main else right
    return activation(b, b.node("Relu", [b.node("Add", [left, right])]), 0.03)


for other in ("identity", "conv"):
    for shortcut, main, label in ((False, False, "none"), (True, False, "on the shortcut"), (True, True, "on both")):
        between(f"residual Add ({other} shortcut), Q/DQ {label}",
                lambda b, y, x, s=shortcut, m=main, o=other: residual(b, y, x, s, m, o))
between("residual Add (identity shortcut that shares the Conv's Q/DQ)", lambda b, y, x: (lambda a: activation(
    b, b.node("Relu", [b.node("Add", [a, b.node("Conv", [a, weight(b, b.normal(32, 32, 1, 1), 0)])])]), 0.03))(
    activation(b, y)))


# What may stand between a DQ and the product that should run in INT8.


def behind(title, step, shape, outside):
    def fill(b):
        y = step(b, activation(b, b.input("x", shape)))
        b.node("MatMul", [y, weight(b, b.normal(outside, 32), 1)])
        return ["matmul"]
    CASES[f"Q/DQ, {title}, MatMul"] = fill


behind("Identity", lambda b, y: b.node("Identity", [y]), [16, 64], 64)
behind("Reshape", lambda b, y: b.node("Reshape", [y, ints(b, 32, 64)]), [16, 128], 64)
behind("Transpose", lambda b, y: b.node("Transpose", [y], perm=[1, 0]), [64, 16], 64)
behind("Flatten", lambda b, y: b.node("Flatten", [y]), [16, 4, 4, 4], 64)
behind("Unsqueeze", lambda b, y: b.node("Unsqueeze", [y, ints(b, 0)]), [16, 64], 64)
behind("Slice", lambda b, y: b.node("Slice", [y, ints(b, 0), ints(b, 64), ints(b, 1)]), [16, 96], 64)
behind("Split", lambda b, y: b.node("Split", [y, ints(b, 64, 32)], outputs=["left", "right"], axis=1)[0], [16, 96], 64)
behind("Gather", lambda b, y: b.node("Gather", [y, ints(b, 1)], axis=1), [16, 4, 64], 64)
behind("Expand", lambda b, y: b.node("Expand", [y, ints(b, 4, 16, 64)]), [1, 16, 64], 64)
behind("Pad", lambda b, y: b.node("Pad", [y, ints(b, 0, 0, 0, 4)]), [16, 60], 64)
behind("DepthToSpace", lambda b, y: b.node("DepthToSpace", [y], blocksize=2), [1, 16, 32, 32], 64)
behind("Relu", lambda b, y: b.node("Relu", [y]), [16, 64], 64)
behind("MaxPool", lambda b, y: b.node("MaxPool", [y], kernel_shape=[1, 2], strides=[1, 2]), [2, 4, 16, 128], 64)
behind("Cast to float16 and back", lambda b, y: b.node("Cast", [b.node("Cast", [y], to=F16)], to=1), [16, 64], 64)


# 16-bit floats.


def half(b, array, axis, kind):
    keep = tuple(i for i in range(array.ndim) if i != axis)
    s = (numpy.abs(array).max(keep) / 127).astype(kind)
    stored = b.constant("w", numpy.rint(array / s.astype(numpy.float32).reshape(-1, 1, 1, 1)).clip(-127, 127).astype(
        numpy.int8))
    return dq(b, stored, b.constant("scale", s), axis=axis)


@case("float16: Cast to float, Q, DQ, Cast to float16 (opset 17)")
def _(b):
    x = b.input("x", IMAGE, F16)
    cast = lambda t, to: b.node("Cast", [t], to=to)
    a = cast(activation(b, cast(x, TensorProto.FLOAT)), F16)
    y = b.node("Conv", [a, cast(weight(b, b.normal(32, 32, 3, 3), 0), F16), b.constant(
        "bias", b.small(32).astype(numpy.float16))])
    b.node("Relu", [y])
    return ["conv"]


@case("float16: float16 scales (opset 19)")
def _(b):
    b.opset, b.ir = 19, 9
    x = b.input("x", IMAGE, F16)
    s = scale(b, 0.02, numpy.float16)
    y = b.node("Conv", [dq(b, q(b, x, s), s), half(b, b.normal(32, 32, 3, 3), 0, numpy.float16),
                        b.constant("bias", b.small(32).astype(numpy.float16))])
    b.node("Relu", [y])
    return ["conv"]


@case("float16: float16 scales (opset 21)")
def _(b):
    nodes = CASES["float16: float16 scales (opset 19)"](b)
    b.opset, b.ir = 21, 10
    return nodes


def half_gemm(b, casts):
    w = b.normal(32, 64)
    s = (numpy.abs(w).max(1) / 127).astype(numpy.float32 if casts else numpy.float16)
    stored = b.constant("w", numpy.rint(w / s.astype(numpy.float32)[:, None]).clip(-127, 127).astype(numpy.int8))
    x = b.input("x", [16, 64], F16)
    if casts:
        cast = lambda t, to: b.node("Cast", [t], to=to)
        a = cast(activation(b, cast(x, TensorProto.FLOAT)), F16)
        w = cast(dq(b, stored, b.constant("scale", s), axis=0), F16)
    else:
        b.opset, b.ir = 19, 9
        t = scale(b, 0.02, numpy.float16)
        a, w = dq(b, q(b, x, t), t), dq(b, stored, b.constant("scale", s), axis=0)
    b.node("Gemm", [a, w, b.constant("bias", b.small(32).astype(numpy.float16))], transB=1)
    return ["gemm"]


CASES["float16 Gemm: Cast to float, Q, DQ, Cast to float16 (opset 17)"] = lambda b: half_gemm(b, True)
CASES["float16 Gemm: float16 scales (opset 19)"] = lambda b: half_gemm(b, False)


@case("float16: float32 Conv between Casts")
def _(b):
    x = b.input("x", IMAGE, F16)
    a = activation(b, b.node("Cast", [x], to=TensorProto.FLOAT))
    y = b.node("Conv", [a, weight(b, b.normal(32, 32, 3, 3), 0), b.constant("bias", b.small(32))])
    b.node("Cast", [b.node("Relu", [y])], to=F16)
    return ["conv"]


# Einsum that is a product, as exporters write attention and projections of several heads.


def einsum_case(title, equation, x_shape, other, axis=None):
    """`other` is a weight's array, or the shape of a second activation."""
    def fill(b):
        x = activation(b, b.input("x", x_shape))
        y = activation(b, b.input("y", other)) if isinstance(other, list) else weight(b, other(b), axis)
        b.node("Einsum", [x, y], equation=equation)
        return ["einsum"]
    CASES[title] = fill


einsum_case("Einsum bik,bkj->bij, two activations", "bik,bkj->bij", [2, 16, 32], [2, 32, 16])
einsum_case("Einsum bhik,bhjk->bhij, two activations", "bhik,bhjk->bhij", [2, 4, 16, 32], [2, 4, 16, 32])
einsum_case("Einsum bik,kj->bij, weight per-tensor", "bik,kj->bij", [2, 16, 64], lambda b: b.normal(64, 32))
einsum_case("Einsum bik,kj->bij, weight axis 1", "bik,kj->bij", [2, 16, 64], lambda b: b.normal(64, 32), 1)
einsum_case("Einsum btd,dhk->bthk, weight per-tensor", "btd,dhk->bthk", [2, 16, 64], lambda b: b.normal(64, 4, 16))
einsum_case("Einsum btd,dhk->bthk, weight axis 2", "btd,dhk->bthk", [2, 16, 64], lambda b: b.normal(64, 4, 16), 2)
einsum_case("Einsum bthk,hkd->btd, weight axis 2", "bthk,hkd->btd", [2, 16, 4, 16], lambda b: b.normal(4, 16, 64), 2)
einsum_case("Einsum bhjk,hik->bhij, weight axis 1", "bhjk,hik->bhij", [2, 4, 16, 32], lambda b: b.normal(4, 16, 32), 1)
einsum_case("Einsum ik,jk->ij, weight axis 0", "ik,jk->ij", [16, 64], lambda b: b.normal(32, 64), 0)


def short(operation):
    """An operation with its first input's type: pointwise kernels are `pw`, everything else keeps its name."""
    kind = "pw" if operation.kind == "function" else "fusion" if operation.kind == "runtime_fusion" else operation.kind
    types = {"float": "f32", "half": "f16"}
    inputs = sorted(set(operation.inputs)) if kind == "pw" else operation.inputs[:1]
    return f"{kind}({'+'.join(types.get(x, x) for x in inputs)}→{'+'.join(types.get(x, x) for x in operation.outputs)})"


def verdict(title):
    """Whether each node that the case names runs in INT8, and the operations of the engine in order."""
    model, nodes = model_of(title, CASES[title])
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        engine = rtx.build(file.name)
    if not engine.built:
        errors = [line for line in engine.log.splitlines() if "error" in line or "parser" in line]
        return "refused", (errors or [engine.log])[0]
    results = []
    for node in nodes:
        operations = engine.of_node(node)
        results.append("gone" if not operations else
                       "INT8" if all(o.is_int8 for o in operations) else "**float**")
    shown = " ".join(short(o) for o in engine.operations if o.inputs)
    return ", ".join(results[:1] if len(set(results)) == 1 else results), shown


def table():
    """The lines of the table, in the order of the cases."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rows = [f"| {title} | {' | '.join(row)} |" for title, row in zip(CASES, pool.map(verdict, CASES))]
    return "\n".join(["| form | runs as | operations |", "|---|---|---|", *rows, ""])


def main(mode=""):
    """Prints, writes or checks the table."""
    document = pathlib.Path(__file__).with_name("FINDINGS.md")
    head, mark, kept = document.read_text().partition("## Table\n\n")
    found = table()
    if mode == "--write":
        document.write_text(head + mark + found)
    elif mode == "--check":
        differing = [line for line in found.splitlines() if line not in kept.splitlines()]
        print("\n".join(differing) or f"all {len(CASES)} forms of Q/DQ run as FINDINGS.md says")
        return 1 if differing else 0
    else:
        print(found, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
