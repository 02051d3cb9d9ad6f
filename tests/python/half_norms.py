"""Norms and variances: as operators of their own, and written out in others."""

import numpy as np

from half_build import DECADES, FLOAT, RUNS, case, graph, node, random, uniform, variant, weight


def norm(epsilon=1e-5, power=2.0, scale=1.0, centre=True, axis=-1):
    """A layer normalization that is written out, between two products."""
    nodes = [node("MatMul", "x w", "product"), node("ReduceMean", "product", "mean", axes=[axis]),
             node("Sub", "product mean", "centred")]
    nodes = nodes if centre else nodes[:1]
    value = "centred" if centre else "product"
    nodes += [node("Pow", f"{value} two", "square"), node("ReduceMean", "square", "variance", axes=[axis]),
              node("Add", "variance epsilon", "safe"), node("Sqrt", "safe", "root"),
              node("Div", f"{value} root", "normal"),
              node("Mul", "normal gain", "gained"), node("Add", "gained shift", "shifted"),
              node("MatMul", "shifted v", "y")]
    weights = {"w": weight(64, 64), "v": weight(64, 32), "two": FLOAT(power), "epsilon": FLOAT(epsilon),
               "gain": random(64, mean=1, scale=0.1),
               "shift": random(64, scale=0.1)}
    return graph(nodes, {"x": [4, 64]}, {"y": [4, 32]}, weights, feeds={"x": random(RUNS, 4, 64, scale=scale)})


variant("norm_1e5", norm, half="product gained shifted y")
variant("norm_1e8", norm, 1e-8, float32="safe root")
variant("norm_1e12_of_small", norm, 1e-12, 2.0, 3e-5, float32="square variance safe root")
variant("norm_of_large", norm, 1e-5, 2.0, 300.0, float32="square variance", half="shifted y")
variant("norm_of_cubes", norm, 1e-5, 3.0, 1.0, False, float32="safe root", half="product square normal y", least=20)
variant("norm_of_squares", norm, 1e-6, 2.0, 1.0, False, float32="safe root")
variant("norm_of_rows", norm, 1e-5, 2.0, 1.0, True, -2, float32="safe root", half="product square normal y")


@case(float32="norm")
def variance_of_a_batch():
    """Variances of 1e-9 in a batch normalization."""
    nodes = [node("Conv", "x w", "conv"), node("BatchNormalization", "conv scale shift mean variance", "norm",
                                               epsilon=1e-12),
             node("Conv", "norm v", "y")]
    weights = {"w": weight(8, 3, 3, 3), "v": weight(4, 8, 1, 1), "scale": random(8), "shift": random(8),
               "mean": random(8, scale=1e-5),
               "variance": uniform(8, low=5e-10, high=2e-9)}
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 4, 4, 4]}, weights,
                 feeds={"x": random(RUNS, 1, 3, 6, 6, scale=1e-5)})


def instance(scale):
    """An instance normalization of small values."""
    nodes = [node("Conv", "x w", "conv"), node("InstanceNormalization", "conv scale shift", "norm", epsilon=1e-16),
             node("Conv", "norm v", "y")]
    weights = {"w": weight(8, 3, 3, 3), "v": weight(4, 8, 1, 1), "scale": random(8), "shift": random(8)}
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 4, 4, 4]}, weights,
                 feeds={"x": random(RUNS, 1, 3, 6, 6, scale=scale)})


def layer(scale):
    """A layer normalization of small values."""
    nodes = [node("MatMul", "x w", "product"), node("LayerNormalization", "product gain shift", "norm", epsilon=1e-16),
             node("MatMul", "norm v", "y")]
    weights = {"w": weight(32, 32), "v": weight(32, 8), "gain": random(32), "shift": random(32)}
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, weights, feeds={"x": random(RUNS, 4, 32, scale=scale)})


variant("instance_of_variance_1e9", instance, 3e-5, float32="norm", half="conv y")
variant("instance_of_variance_1e11", instance, 3e-6, float32="norm")
variant("layer_of_variance_1e9", layer, 3e-5, float32="product norm", half="y")
variant("layer_of_variance_1e11", layer, 3e-6, float32="norm")


@case(float32="mean variance", least=45)
def variance_by_moments():
    """The mean of squares less the square of the mean."""
    nodes = [node("MatMul", "x w", "product"), node("Add", "product far", "values"),
             node("ReduceMean", "values", "mean", axes=[-1]),
             node("Mul", "values values", "squares"), node("ReduceMean", "squares", "moment", axes=[-1]),
             node("Mul", "mean mean", "square"),
             node("Sub", "moment square", "variance"), node("Add", "variance epsilon", "safe"),
             node("Sqrt", "safe", "root"),
             node("Sub", "values mean", "centred"), node("Div", "centred root", "y")]
    weights = {"w": weight(64, 64), "far": FLOAT(20), "epsilon": FLOAT(1e-5)}
    return graph(nodes, {"x": [4, 64]}, {"y": [4, 64]}, weights)


@case(float32="squares sum", half="y")
def squared_norms():
    """Squared norms of 3e5, whose root divides the rows."""
    nodes = [node("Mul", "x x", "squares"), node("ReduceSum", "squares axes", "sum"), node("Sqrt", "sum", "root"),
             node("Div", "x root", "unit"),
             node("MatMul", "unit w", "y")]
    return graph(nodes, {"x": [4, 128]}, {"y": [4, 16]}, {"w": weight(128, 16), "axes": np.int64([-1])},
                 feeds={"x": random(RUNS, 4, 128, scale=48)})


@case(float32="sum")
def squared_norms_in_one():
    nodes = [node("ReduceSumSquare", "x", "sum", axes=[-1]), node("Sqrt", "sum", "root"), node("Div", "x root", "y")]
    return graph(nodes, {"x": [4, 128]}, {"y": [4, 128]}, feeds={"x": random(RUNS, 4, 128, scale=48)})


def unit(form, epsilon=1e-12, zero=True):
    """Rows divided by their length, with an epsilon against rows of zeros."""
    nodes = [node("MatMul", "x w", "rows"), node("ReduceSumSquare", "rows", "sum", axes=[-1]),
             node("ReduceL2", "rows", "length", axes=[-1])]
    nodes = [one for one in nodes if one.output[0] != ("sum" if form == "max" else "length")]
    if form == "max":
        nodes += [node("Max", "length epsilon", "safe"), node("Div", "rows safe", "unit")]
    elif form == "clip":
        nodes += [node("Sqrt", "sum", "length"), node("Clip", "length epsilon", "safe"),
                  node("Div", "rows safe", "unit")]
    elif form == "add":
        nodes += [node("Add", "sum epsilon", "safe"), node("Sqrt", "safe", "length"),
                  node("Div", "rows length", "unit")]
    elif form == "reciprocal":
        nodes += [node("Add", "sum epsilon", "safe"), node("Sqrt", "safe", "length"),
                  node("Reciprocal", "length", "rate"), node("Mul", "rows rate", "unit")]
    else:
        nodes += [node("Add", "sum epsilon", "safe"), node("Pow", "safe power", "rate"),
                  node("Mul", "rows rate", "unit")]
    nodes.append(node("MatMul", "unit v", "y"))
    rows = random(RUNS, 4, 32)
    if zero:
        rows[:, 1] = 0
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"w": weight(32, 32), "v": weight(32, 8),
                                                        "epsilon": FLOAT(epsilon), "power": FLOAT(-0.5)}
                 if form == "pow" else {"w": weight(32, 32), "v": weight(32, 8), "epsilon": FLOAT(epsilon)},
                 feeds={"x": rows})


for form in ["max", "clip", "add", "reciprocal", "pow"]:
    variant(f"unit_{form}", unit, form, float32="safe", half="y")


@case(float32="norm")
def instance_of_an_image():
    nodes = [node("Add", "x w", "values"), node("InstanceNormalization", "values scale shift", "norm"),
             node("Relu", "norm", "y")]
    return graph(nodes, {"x": [1, 2, 256, 256]}, {"y": [1, 2, 256, 256]},
                 {"w": FLOAT(30), "scale": random(2), "shift": random(2)},
                 feeds={"x": random(2, 1, 2, 256, 256, scale=4)})


@case(float32="norm unit", runtime="onnxruntime")
def norms_without_variance():
    """A mean-variance normalization of a channel that is nearly constant, and unit rows of zeros."""
    nodes = [node("Mul", "x scale", "values"), node("MeanVarianceNormalization", "values", "norm", axes=[0, 2, 3]),
             node("Conv", "norm v", "y"),
             node("LpNormalization", "values", "unit", axis=1), node("Conv", "unit v", "z")]
    scale = FLOAT([1, 1e-4, 0.5]).reshape(3, 1, 1)
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 2, 6, 6], "z": [1, 2, 6, 6]},
                 {"scale": scale, "v": weight(2, 3, 1, 1)})


@case(float32="conv norm", least=45)
def uneven_channels():
    """A convolution whose channels differ by six decades, before a batch normalization that makes them alike."""
    sizes = FLOAT([1, 1e-2, 1e-4, 1e-6])
    nodes = [node("Conv", "x w", "conv"), node("BatchNormalization", "conv scale shift mean variance", "norm",
                                               epsilon=1e-16), node("Conv", "norm v", "y")]
    weights = {"w": weight(4, 3, 3, 3) * sizes.reshape(-1, 1, 1, 1), "v": weight(4, 4, 1, 1),
               "scale": np.ones(4, FLOAT), "shift": np.zeros(4, FLOAT), "mean": np.zeros(4, FLOAT),
               "variance": sizes**2}
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 4, 4, 4]}, weights)


@case(float32="norm", least=45)
def uneven_instances():
    """An instance normalization of channels that differ by six decades."""
    sizes = FLOAT([1, 1e-2, 1e-4, 1e-6])
    nodes = [node("Conv", "x w", "conv"), node("InstanceNormalization", "conv scale shift", "norm", epsilon=1e-16),
             node("Conv", "norm v", "y")]
    weights = {"w": weight(4, 3, 3, 3) * sizes.reshape(-1, 1, 1, 1), "v": weight(4, 4, 1, 1),
               "scale": np.ones(4, FLOAT), "shift": np.zeros(4, FLOAT)}
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 4, 4, 4]}, weights)


def uneven_rows(op):
    """Rows that differ by six decades, and are all brought to the same size."""
    norm_of = {"layer": [node("LayerNormalization", "rows gain", "norm", epsilon=1e-16)],
               "length": [node("ReduceL2", "rows", "length", axes=[-1]), node("Div", "rows length", "norm")]}[op]
    weights = {"w": weight(32, 32), "v": weight(32, 8)} | ({"gain": random(32, mean=1,
                                                                           scale=0.1)} if op == "layer" else {})
    return graph([node("MatMul", "x w", "rows"), *norm_of, node("MatMul", "norm v", "y")], {"x": [4, 32]},
                 {"y": [4, 8]}, weights, feeds={"x": random(RUNS, 4, 32) * DECADES})


variant("uneven_rows_of_a_layer", uneven_rows, "layer", float32="rows norm", half="y", least=45)
# The plan takes a Div for no norm, though the divisor is made of the dividend.
variant("uneven_rows_of_a_length", uneven_rows, "length", float32="length norm", half="y", least=45,
        limits=["dB instead of 45"], floor=30)
