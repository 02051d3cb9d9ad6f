"""Graphs of the tests of placement that NVIDIA's Model Optimizer has for INT8, built anew. They are quantized, with
half precision around the layers in INT8."""

import numpy as np
from onnx import TensorProto as T

from half_build import FLOAT, cast, graph, node, random, variant, weight


def placed(name, build, *arguments, int8="", plain="", **more):
    """Registers a graph with the nodes that read INT8 in every data input, and those that read it in none."""
    variant(name, build, *arguments, verb="quantize", int8=int8.split(), plain=plain.split(), **{"least": 25, **more})


def normed(before, after, channels):
    """Returns a batch normalization and its weights."""
    names = [f"{after}_{part}" for part in ["scale", "shift", "mean", "variance"]]
    values = [random(channels, mean=1, scale=0.1), random(channels), random(channels, scale=0.1),
              np.abs(random(channels)) + 0.5]
    return node("BatchNormalization", f"{before} {' '.join(names)}", after), dict(zip(names, values, strict=True))


def conv(before, kernel, after, size=3, **attributes):
    return node("Conv", f"{before} {kernel}", after, pads=[size // 2] * 4, **attributes)


def bias_add():
    """A convolution whose bias is an Add."""
    return graph([conv("x", "w", "conv"), node("Add", "conv b", "y")], {"x": [1, 16, 8, 8]}, {"y": [1, 32, 8, 8]},
                 {"w": weight(32, 16, 3, 3), "b": random(1, 32, 1, 1)}, 13)


def residual(with_conv):
    """A residual block, whose short way is the input or a convolution."""
    first, one = normed("conv", "norm", 16)
    second, two = normed("conv_2", "norm_2", 16)
    short, three = normed("conv_3", "norm_3", 16)
    nodes = [conv("x", "w", "conv"), first, node("Relu", "norm", "relu"), conv("relu", "v", "conv_2"), second]
    nodes += [conv("x", "u", "conv_3"), short] if with_conv else []
    nodes += [node("Add", f"norm_2 {'norm_3' if with_conv else 'x'}", "sum"), node("Relu", "sum", "y")]
    weights = {"w": weight(16, 16, 3, 3), "v": weight(16, 16, 3, 3), **one, **two}
    weights |= {"u": weight(16, 16, 3, 3), **three} if with_conv else {}
    return graph(nodes, {"x": [1, 16, 14, 14]}, {"y": [1, 16, 14, 14]}, weights)


def transposed_residual():
    """A residual block behind a transposed convolution."""
    first, one = normed("conv", "norm", 32)
    second, two = normed("conv_2", "norm_2", 32)
    nodes = [node("ConvTranspose", "x t b", "big", strides=[2, 2]), node("Relu", "big", "relu"),
             conv("relu", "w", "conv"), first,
             node("Relu", "norm", "relu_2"), conv("relu_2", "v", "conv_2"), second, node("Add", "relu norm_2", "sum"),
             node("Relu", "sum", "y")]
    weights = {"t": weight(39, 32, 2, 2), "b": random(32), "w": weight(32, 32, 3, 3), "v": weight(32, 32, 3, 3), **one,
               **two}
    return graph(nodes, {"x": [1, 39, 6, 12]}, {"y": [1, 32, 12, 24]}, weights)


def gated():
    """A convolution with a SiLU that is written out, beside a short way."""
    normal, weights = normed("conv", "norm", 32)
    nodes = [node("Relu", "x", "relu"), conv("relu", "w", "conv"), normal, node("Sigmoid", "norm", "gate"),
             node("Mul", "norm gate", "silu"),
             node("Add", "relu silu", "sum"), node("Relu", "sum", "y")]
    return graph(nodes, {"x": [1, 32, 8, 8]}, {"y": [1, 32, 8, 8]}, {"w": weight(32, 32, 3, 3), **weights})


def pooled(reshaped):
    """A convolution and a pooling, with a Reshape between or without."""
    normal, weights = normed("conv", "norm", 32)
    middle = [node("Reshape", "relu shape", "shaped")] if reshaped else []
    nodes = [conv("x", "w", "conv"), normal, node("Relu", "norm", "relu"), *middle,
             node("MaxPool", "shaped" if reshaped else "relu", "pool", kernel_shape=[2, 2], strides=[2, 2]),
             conv("pool", "v", "y")]
    weights |= {"w": weight(32, 16, 3, 3), "v": weight(16, 32, 3, 3)}
    weights |= {"shape": np.int64([1, 32, 8, 8])} if reshaped else {}
    return graph(nodes, {"x": [1, 16, 8, 8]}, {"y": [1, 16, 4, 4]}, weights)


def watched():
    """A convolution whose results are asked for infinity in float64."""
    nodes = [conv("x", "w", "conv"), cast("conv", "double", T.DOUBLE), node("IsInf", "double", "is"),
             node("Greater", "conv zero", "is_more"),
             node("And", "is is_more", "both"), node("Where", "both conv most", "y")]
    return graph(nodes, {"x": [1, 32, 8, 8]}, {"y": [1, 32, 8, 8]},
                 {"w": weight(32, 32, 3, 3), "zero": FLOAT([0]), "most": FLOAT([10000])}, 13)


def conv_layer_norm():
    """A convolution, and a layer normalization over its channels."""
    nodes = [node("Conv", "x w b", "stem", strides=[4, 4]), node("Transpose", "stem", "last", perm=[0, 2, 3, 1]),
             node("LayerNormalization", "last gain shift", "norm", epsilon=1e-6),
             node("Transpose", "norm", "first", perm=[0, 3, 1, 2]), node("Conv", "first v c", "y")]
    return graph(nodes, {"x": [1, 3, 16, 16]}, {"y": [1, 32, 4, 4]},
                 {"w": weight(32, 3, 4, 4), "b": random(32), "gain": random(32, mean=1, scale=0.1),
                 "shift": random(32, scale=0.1), "v": weight(32, 32, 1, 1), "c": random(32)})


def grouped():
    """Convolutions by channel with kernels of 1 x 1 and 2 x 2."""
    nodes = [conv("x", "w", "conv"), node("Relu", "conv", "relu"),
             node("Resize", "relu - scales", "big", mode="nearest"),
             node("Conv", "big a", "left", group=16, pads=[0, 0, 1, 1]),
             node("Conv", "big b bias", "point", group=16), node("Conv", "point c", "right", group=16,
                                                                 pads=[0, 0, 1, 1]), node("Mul", "left right", "y")]
    return graph(nodes, {"x": [1, 32, 6, 6]}, {"y": [1, 16, 12, 12]},
                 {"w": weight(16, 32, 3, 3), "scales": FLOAT([1, 1, 2, 2]), "a": weight(16, 1, 2, 2),
                 "b": np.zeros((16, 1, 1, 1), FLOAT), "bias": random(16), "c": weight(16, 1, 2, 2)})


def product(rows, inner, columns, stored=True, op="MatMul", **attributes):
    """One product."""
    shape = [columns, inner] if attributes.get("transB") else [inner, columns]
    return graph([node(op, "x w", "y", **attributes)], {"x": [rows, inner], **({} if stored else {"w": shape})},
                 {"y": [rows, columns]},
                 {"w": weight(*shape)} if stored else {})


placed("place_bias_add", bias_add, int8="conv", plain="y")
placed("place_residual", residual, False, int8="conv conv_2")
placed("place_residual_with_conv", residual, True, int8="conv conv_2 conv_3")
placed("place_transposed_residual", transposed_residual, int8="big conv conv_2")
placed("place_gated", gated, int8="conv", plain="gate silu")
placed("place_pooled", pooled, False, int8="conv y")
placed("place_pooled_reshaped", pooled, True, int8="conv y")
placed("place_watched", watched, int8="conv", plain="is_more y")
placed("place_layer_norm", conv_layer_norm, int8="stem y")
placed("place_grouped", grouped, int8="conv left point right")
placed("place_row", product, 1, 32, 64, int8="y")
placed("place_column", product, 32, 64, 1, int8="y")
placed("place_column_given", product, 32, 64, 1, False, int8="y")
placed("place_narrow", product, 32, 64, 8, int8="y")
placed("place_short", product, 32, 8, 64, int8="y")
placed("place_large", product, 128, 256, 64, int8="y")
placed("place_short_gemm", product, 32, 8, 64, True, "Gemm", int8="y")
