"""Small models for the tests of recovery: one layer each (layer_*), layers with uneven channels between them (pair_*),
with uneven input channels that what stands before can scale (awq_*), or with channels that no layer can scale
(smooth_*), each with data in an .npz beside it.

usage: recover_models.py FOLDER
"""
import sys
from pathlib import Path

import numpy
import onnx
from builder import Builder

SAMPLES = 24


def data(random, *shape):
    """Returns inputs like the outputs of an activation function: with a mean, and with correlated channels."""
    common = random.normal(size=(SAMPLES, *[1] * len(shape)))
    return numpy.maximum(0.4 + common + 0.6 * random.normal(size=(SAMPLES, *shape)), 0).astype(numpy.float32)


def write(folder, builder, x, y, shape, as_nodes=False):
    builder.inputs[0].type.tensor_type.shape.dim[0].dim_param = "n"
    model = builder.model()
    if as_nodes:
        constants = [onnx.helper.make_node("Constant", [], [value.name], value=value) for value in model.graph.initializer]
        nodes = [*constants, *model.graph.node]
        del model.graph.initializer[:], model.graph.node[:]
        model.graph.node.extend(nodes)
    info = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(info)
    onnx.save(model, folder / f"{builder.name}.onnx")
    numpy.savez(folder / f"{builder.name}.npz", **{x: data(builder.random, *shape)})


def layer(folder, name, shape, op, weight, bias=None, before=None, add=None, rank=None, **attributes):
    b = Builder(f"layer_{name}")
    x = b.input("x", ["n", *shape])
    at = b.node(before, [x], perm=[1, 0]) if before else x
    inputs = [at, b.constant("weight", b.normal(*weight, fan=int(numpy.prod(weight) // max(weight[0], 1))))]
    inputs += [b.constant("bias", b.small(*bias))] if bias else []
    y = b.node(op, inputs, name="layer", **attributes)
    if add:
        y = b.node("Add", [y, b.constant("added", b.small(*add))])
    b.output(y, ["n"] + [None] * ((rank or len(shape) + 1) - 1))
    write(folder, b, "x", y, shape)


def layers(folder):
    layer(folder, "conv", (6, 9, 7), "Conv", (8, 6, 3, 3), (8,), pads=[1] * 4)
    layer(folder, "strided", (4, 9, 8), "Conv", (5, 4, 3, 2), (5,), pads=[0, 1, 2, 1], strides=[2, 1], dilations=[2, 3])
    layer(folder, "grouped", (6, 7, 7), "Conv", (4, 3, 3, 3), group=2)
    layer(folder, "depthwise", (5, 8, 8), "Conv", (10, 1, 3, 3), (10,), group=5, pads=[1] * 4)
    layer(folder, "same_lower", (3, 8, 7), "Conv", (4, 3, 4, 4), (4,), auto_pad="SAME_LOWER", strides=[2, 2])
    layer(folder, "same_upper", (3, 8, 7), "Conv", (4, 3, 4, 4), (4,), auto_pad="SAME_UPPER", strides=[3, 2])
    layer(folder, "valid", (3, 8, 7), "Conv", (4, 3, 4, 2), (4,), auto_pad="VALID")
    layer(folder, "line", (4, 17), "Conv", (6, 4, 5), (6,), pads=[2, 1])
    layer(folder, "space", (2, 5, 6, 4), "Conv", (3, 2, 2, 3, 2), (3,), pads=[0, 1, 0, 1, 1, 1])
    layer(folder, "transposed", (5, 6, 7), "ConvTranspose", (5, 4, 3, 2), (4,), strides=[2, 3], dilations=[2, 1],
          pads=[1, 0, 0, 1], output_padding=[1, 2])
    layer(folder, "transposed_grouped", (6, 5), "ConvTranspose", (6, 2, 4), (6,), group=3, strides=[2])
    layer(folder, "gemm", (20,), "Gemm", (20, 6), (6,), alpha=0.5, beta=2.0)
    layer(folder, "gemm_transposed", (20,), "Gemm", (6, 20), transB=1)
    layer(folder, "gemm_left", (20,), "Gemm", (20, 6), (1, 6), before="Transpose", transA=1)
    layer(folder, "matmul", (5, 20), "MatMul", (20, 6))
    layer(folder, "matmul_added", (5, 20), "MatMul", (20, 6), add=(6,))
    layer(folder, "vector", (5, 20), "MatMul", (20,), rank=2)


def uneven(b, first, second, axes):
    """Multiplies channels of one weight and divides those of the next. The network computes the same."""
    factors = (2.0 ** b.random.uniform(-4, 4, first.shape[axes[0]])).astype(numpy.float32)
    spread = lambda weight, axis: factors.reshape([-1 if at == axis else 1 for at in range(weight.ndim)])
    return first * spread(first, axes[0]), second / spread(second, axes[1])


def pairs(folder):
    b = Builder("pair_conv")
    x = b.input("x", ["n", 4, 8, 8])
    first, second = uneven(b, b.normal(12, 4, 3, 3), b.normal(8, 12, 3, 3), (0, 1))
    at = b.node("Conv", [x, b.constant("w", first), b.constant("b", b.small(12))], name="first", pads=[1] * 4)
    at = b.node("MaxPool", [b.node("Relu", [at])], kernel_shape=[2, 2], strides=[2, 2])
    at = b.node("Conv", [at, b.constant("w", second), b.constant("b", b.small(8))], name="second", pads=[1] * 4)
    write(folder, b, "x", b.output(at, ["n", 8, 4, 4]), (4, 8, 8))

    b = Builder("pair_depthwise")
    x = b.input("x", ["n", 4, 8, 8])
    first, middle = uneven(b, b.normal(12, 4, 1, 1), b.normal(12, 1, 3, 3), (0, 0))
    middle, last = uneven(b, middle, b.normal(6, 12, 1, 1), (0, 1))
    at = b.node("Conv", [x, b.constant("w", first), b.constant("b", b.small(12))], name="first")
    at = b.node("LeakyRelu", [at], alpha=0.1)
    at = b.node("Conv", [at, b.constant("w", middle)], name="middle", group=12, pads=[1] * 4)
    at = b.node("Conv", [b.node("Relu", [at]), b.constant("w", last)], name="last")
    write(folder, b, "x", b.output(at, ["n", 6, 8, 8]), (4, 8, 8))

    b = Builder("pair_gemm")
    x = b.input("x", ["n", 4, 6, 6])
    first, second = uneven(b, b.normal(10, 4, 3, 3), b.normal(16, 10, 9), (0, 1))
    second, third = uneven(b, second.reshape(16, 90), b.normal(16, 5, fan=16), (0, 0))
    at = b.node("Conv", [x, b.constant("w", first), b.constant("b", b.small(10))], name="first", strides=[2, 2], pads=[1] * 4)
    at = b.node("Flatten", [b.node("Relu", [at])])
    at = b.node("Gemm", [at, b.constant("w", second), b.constant("b", b.small(16))], name="second", transB=1)
    at = b.node("Gemm", [b.node("Relu", [at]), b.constant("w", third)], name="third")
    write(folder, b, "x", b.output(at, ["n", 5]), (4, 6, 6))

    b = Builder("pair_transposed")
    x = b.input("x", ["n", 4, 6, 6])
    first, second = uneven(b, b.normal(4, 10, 2, 2, fan=16), b.normal(10, 6, 2, 2, fan=10), (1, 0))
    at = b.node("ConvTranspose", [x, b.constant("w", first), b.constant("b", b.small(10))], name="first", strides=[2, 2])
    at = b.node("ConvTranspose", [b.node("Relu", [at]), b.constant("w", second)], name="second", strides=[2, 2])
    write(folder, b, "x", b.output(at, ["n", 6, 24, 24]), (4, 6, 6))

    b = Builder("pair_clipped")
    x = b.input("x", ["n", 4, 8, 8])
    first, second = uneven(b, b.normal(12, 4, 3, 3), b.normal(8, 12, 3, 3), (0, 1))
    at = b.node("Conv", [x, b.constant("w", first)], name="first")
    at = b.node("Clip", [at, b.constant("low", numpy.float32(0)), b.constant("high", numpy.float32(6))], name="clip")
    at = b.node("Conv", [at, b.constant("w", second)], name="second")
    write(folder, b, "x", b.output(at, ["n", 8, 4, 4]), (4, 8, 8))


def outliers(b, width):
    """Returns factors of channels, one of 32 four octaves above the others, as in large language models."""
    factors = 2.0 ** b.random.uniform(-1, 1, width)
    factors[::32] *= 16
    return factors.astype(numpy.float32)


def uneven_norm(b, x, width):
    gamma, beta = b.constant("gamma", outliers(b, width)), b.constant("beta", b.small(width))
    return b.node("LayerNormalization", [x, gamma, beta], axis=-1)


def linear(b, x, inside, outside, name):
    y = b.node("MatMul", [x, b.constant("w", b.normal(inside, outside, fan=inside))], name=name)
    return b.node("Add", [y, b.constant("b", b.small(outside))])


def awq(folder):
    # A normalization before two products.
    b = Builder("awq_norm")
    x = b.input("x", ["n", 5, 128])
    at = uneven_norm(b, x, 128)
    at = b.node("Mul", [linear(b, at, 128, 24, "left"), linear(b, at, 128, 24, "right")])
    write(folder, b, "x", b.output(at, ["n", 5, 24]), (5, 128))

    # Factors go through an activation and a bias into a product, and into a single number that is multiplied.
    b = Builder("awq_product")
    x = b.input("x", ["n", 5, 64])
    weight = b.constant("w", b.normal(64, 128, fan=64) * outliers(b, 128))
    at = b.node("Add", [b.constant("b", b.small(128)), b.node("MatMul", [x, weight], name="first")])
    at = linear(b, b.node("Relu", [at]), 128, 24, "second")
    write(folder, b, "x", b.output(at, ["n", 5, 24]), (5, 64))

    b = Builder("awq_gated")
    x = b.input("x", ["n", 128])
    wide = b.node("Mul", [x, b.constant("factors", outliers(b, 128))])
    half = b.node("Mul", [wide, b.constant("half", numpy.float32(0.5))])
    at = b.node("Mul", [b.node("Tanh", [x]), half])
    at = b.node("Gemm", [b.node("Identity", [at]), b.constant("w", b.normal(24, 128))], name="read", transB=1)
    write(folder, b, "x", b.output(at, ["n", 24]), (128,))

    # The residual reads the normalized activation too; the other layer reads an input of the network.
    b = Builder("awq_residual")
    x = b.input("x", ["n", 5, 128])
    at = uneven_norm(b, linear(b, x, 128, 128, "outer"), 128)
    at = b.node("Add", [at, linear(b, at, 128, 128, "inner")])
    write(folder, b, "x", b.output(at, ["n", 5, 128]), (5, 128))


def silu(b, x):
    return b.node("Mul", [x, b.node("Sigmoid", [x])])


def behind(folder, name, between, second=(8, 12, 3, 3), axes=(0, 1), as_nodes=False, computed=False, **attributes):
    """Writes two convolutions with uneven channels, and with `between` from one to the other."""
    b = Builder(f"smooth_{name}")
    x = b.input("x", ["n", 4, 8, 8])
    first, second = uneven(b, b.normal(12, 4, 3, 3), b.normal(*second), axes)
    at = b.node("Conv", [x, b.constant("w", first), b.constant("b", b.small(12))], name="first", pads=[1] * 4)
    at = b.node("Conv", [between(b, at), b.constant("w", second), b.constant("b", b.small(len(second)))], name="second",
                pads=[1] * 4, **attributes)
    if computed:
        half = b.node("Mul", [b.constant("w", b.normal(len(second), len(second), 1, 1)), b.constant("half", numpy.float32(0.5))])
        at = b.node("Conv", [at, half], name="third")
    size = 4 if between is pooled else 8
    write(folder, b, "x", b.output(at, ["n", len(second), size, size]), (4, 8, 8), as_nodes)


def pooled(b, x):
    return b.node("MaxPool", [silu(b, x)], name="pool", kernel_shape=[2, 2], strides=[2, 2])


def normalized(b, x):
    one = lambda low, high: b.constant("norm", b.random.uniform(low, high, 12).astype(numpy.float32))
    return b.node("BatchNormalization", [silu(b, x), one(0.5, 2), one(-0.1, 0.1), one(-0.1, 0.1), one(0.5, 2)], name="norm")


def smooth(folder):
    behind(folder, "silu", silu)
    behind(folder, "stored", silu, as_nodes=True)
    behind(folder, "clip", lambda b, x: b.node("Clip", [x, b.constant("low", numpy.float32(-40))]))
    behind(folder, "depthwise", lambda b, x: b.node("HardSwish", [x]), (12, 1, 3, 3), (0, 0), group=12)
    behind(folder, "computed", silu, computed=True)
    behind(folder, "pooled", pooled)
    # Constants before take the factors: those of a normalization, of a convolution, and a single number.
    behind(folder, "norm", normalized)
    behind(folder, "prelu", lambda b, x: b.node("PRelu", [x, b.constant("slope", numpy.full((12, 1, 1), 0.2, numpy.float32))]))
    behind(folder, "number", lambda b, x: b.node("Mul", [silu(b, x), b.constant("half", numpy.float32(0.5))]))

    # Groups: two for the outputs, each with six of the channels.
    b = Builder("smooth_grouped")
    x = b.input("x", ["n", 4, 8, 8])
    factors = (2.0 ** b.random.uniform(-4, 4, 12)).astype(numpy.float32)
    first, second = b.normal(12, 4, 3, 3) * factors.reshape(12, 1, 1, 1), b.normal(8, 6, 3, 3)
    second[:4] /= factors[:6].reshape(6, 1, 1)
    second[4:] /= factors[6:].reshape(6, 1, 1)
    at = silu(b, b.node("Conv", [x, b.constant("w", first)], name="first", pads=[1] * 4))
    at = b.node("Conv", [at, b.constant("w", second)], name="second", pads=[1] * 4, group=2)
    write(folder, b, "x", b.output(at, ["n", 8, 8, 8]), (4, 8, 8))

    # Two products share the scales, a third has its weight on the left side, and Tanh reads the activation as it is.
    b = Builder("smooth_shared")
    x = b.input("x", ["n", 5, 32])
    at = silu(b, b.node("MatMul", [x, b.constant("w", b.normal(32, 64, fan=32) * outliers(b, 64))], name="first"))
    left, right = (b.node("MatMul", [at, b.constant("w", b.normal(64, 24, fan=64))], name=name) for name in ("left", "right"))
    across = b.node("MatMul", [b.constant("w", b.normal(7, 5)), at], name="across")
    at = b.node("ReduceSum", [b.node("Tanh", [at]), b.constant("axes", numpy.array([-1]))])
    at = b.node("Add", [b.node("Mul", [left, right]), at])
    y = b.output(at, ["n", 5, 24])
    b.output(across, ["n", 7, 64])
    write(folder, b, "x", y, (5, 32))


folder = Path(sys.argv[1])
layers(folder)
pairs(folder)
awq(folder)
smooth(folder)
