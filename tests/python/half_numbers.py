"""Graphs whose numbers are hard to hold in half precision."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import FLOAT, RUNS, case, cast, constant, every, graph, node, random, stored, variant, weight

LOWEST = np.finfo(FLOAT).min


def uniform(*shape, low=0.0, high=1.0):
    turns = np.abs(np.modf(np.sin(np.arange(np.prod(shape)) * 12.9898) * 43758.5453)[0])
    return (turns * (high - low) + low).astype(FLOAT).reshape(shape)


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


INSIDE = "safe root normal"
variant("norm_1e5", norm, half="product gained shifted y")
variant("norm_1e8", norm, 1e-8, float32="safe root")
variant("norm_1e12_of_small", norm, 1e-12, 2.0, 3e-5, float32="square variance safe root")
variant("norm_of_large", norm, 1e-5, 2.0, 300.0, float32="square variance", half="shifted y")
variant("norm_of_cubes", norm, 1e-5, 3.0, 1.0, False, least=20)
variant("norm_of_squares", norm, 1e-6, 2.0, 1.0, False, float32="safe root")
variant("norm_of_rows", norm, 1e-5, 2.0, 1.0, True, -2)


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


variant("instance_of_variance_1e9", instance, 3e-5)
variant("instance_of_variance_1e11", instance, 3e-6, float32="norm")
variant("layer_of_variance_1e9", layer, 3e-5)
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


def attention(form, value=LOWEST, rows=None, also=None):
    """An attention with a mask in one of the forms that exporters write."""
    n = 12
    nodes = [node("MatMul", "x w", "q"), node("MatMul", "x v", "k"), node("Transpose", "k", "t", perm=[0, 2, 1]),
             node("MatMul", "q t", "raw"),
             node("Mul", "raw eighth", "scores")]
    weights = {"w": weight(32, 32), "v": weight(32, 32), "u": weight(32, 32), "eighth": FLOAT(0.18),
               "lowest": FLOAT(value), "one": FLOAT(1)}
    kept = np.tril(np.ones((n, n), bool))
    if rows is not None:
        kept[rows] = False
    inputs, feeds = {"x": [1, n, 32]}, {}
    if form == "where":
        weights["kept"] = kept
        nodes.append(node("Where", "kept scores lowest", "masked"))
    elif form == "where_not":
        inputs["out"], feeds["out"] = ([n, n], T.BOOL), every(~kept)
        nodes.append(node("Where", "out lowest scores", "masked"))
    elif form == "add":
        weights["mask"] = np.where(kept, 0, value).astype(FLOAT)
        nodes.append(node("Add", "scores mask", "masked"))
    else:
        inputs["kept"], feeds["kept"] = ([n, n], T.INT64), every(kept.astype(np.int64))
        nodes += [cast("kept", "ones", T.FLOAT), node("Sub", "one ones", "zeros"), node("Mul", "zeros lowest", "mask"),
                  node("Add", "scores mask", "masked")]
    nodes.append(node("Softmax", "masked", "weights", axis=-1))
    outputs = {"y": [1, n, 32]}
    if also == "softmax":
        nodes += [node("Mul", "raw one", "other"), node("Add", "other mask", "masked_2"),
                  node("Softmax", "masked_2", "weights_2", axis=-1),
                  node("Add", "weights weights_2", "sum")]
    if also == "minimum":
        nodes.append(node("ReduceMin", "masked", "low", axes=[-1], keepdims=0))
        outputs["low"] = [1, n]
    if also == "output":
        outputs["masked"] = [1, n, n]
    nodes += [node("MatMul", ("sum" if also == "softmax" else "weights") + " x", "mixed"),
              node("MatMul", "mixed u", "y")]
    return graph(nodes, inputs, outputs, weights, feeds={"x": random(RUNS, 1, n, 32), **feeds})


for form in ["where", "where_not", "add", "mul"]:
    variant(f"mask_{form}", attention, form, half="scores masked weights y")
    variant(f"mask_{form}_1e9", attention, form, -1e9, half="scores masked weights y")
    variant(f"mask_{form}_1e4", attention, form, -1e4, half="scores masked weights y")
    variant(f"mask_{form}_whole_row", attention, form, LOWEST, [3], half="scores weights y")
variant("mask_add_infinity", attention, "add", -np.inf, half="scores masked weights y")
variant("mask_where_infinity", attention, "where", -np.inf, half="scores masked weights y")
variant("mask_of_two", attention, "add", LOWEST, None, "softmax", half="masked masked_2 weights weights_2 y")
variant("mask_of_two_mul", attention, "mul", LOWEST, None, "softmax", half="masked masked_2 weights weights_2 y")
variant("mask_read_elsewhere", attention, "add", LOWEST, None, "minimum", float32="masked low", half="y")
variant("mask_is_output", attention, "where", LOWEST, None, "output", float32="masked", half="y")
variant("mask_add_bf16", attention, "add", half="scores masked weights y", options="--bf16", least=30)


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


@case(least=45, float32="distance")
def distances():
    """Squared distances as a² + b² - 2ab of points that lie close together."""
    nodes = [node("ReduceSumSquare", "a", "aa", axes=[-1]), node("ReduceSumSquare", "b", "bb_column", axes=[-1]),
             node("Transpose", "bb_column", "bb"),
             node("Transpose", "b", "turned"), node("MatMul", "a turned", "ab"), node("Mul", "ab two", "ab_2"),
             node("Add", "aa bb", "sum"),
             node("Sub", "sum ab_2", "distance"), node("Neg", "distance", "near"), node("Softmax", "near", "y")]
    middle = random(1, 1, 16, scale=4)
    return graph(nodes, {"a": [8, 16], "b": [8, 16]}, {"y": [8, 8]}, {"two": FLOAT(2)},
                 feeds={"a": middle + random(RUNS, 8, 16, scale=0.3), "b": middle + random(RUNS, 8, 16, scale=0.3)})


def softmax(high, subtract):
    """A softmax that is written out."""
    value = "less" if subtract else "scores"
    nodes = [node("MatMul", "x w", "scores"), node("ReduceMax", "scores", "largest", axes=[-1]),
             node("Sub", "scores largest", "less")]
    nodes = nodes if subtract else nodes[:1]
    nodes += [node("Exp", value, "power"), node("ReduceSum", "power axes", "sum"), node("Div", "power sum", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 32]}, {"w": weight(32, 32), "axes": np.int64([-1])},
                 feeds={"x": random(RUNS, 4, 32, scale=high)})


variant("softmax_without_maximum", softmax, 4.0, False, float32="power sum", half="scores", least=45)
variant("softmax_without_maximum_small", softmax, 0.5, False)
variant("softmax_with_maximum", softmax, 4.0, True, half="scores largest y", least=45)


def rotary(form):
    """Positions up to 4095 that become angles of a rotary embedding."""
    n, d = 4096, 8
    rate = (10000.0 ** (-np.arange(0, d, 2) / d)).astype(FLOAT)
    weights = {"rate": rate[None], "from": FLOAT(0), "one": FLOAT(1), "axes": np.int64([1]), "to": FLOAT(n),
               "half": np.int64([d // 2, d // 2])}
    nodes, inputs, feeds = [], {"x": [n, d]}, {}
    if form == "range":
        nodes = [node("Range", "from to one", "places"), node("Unsqueeze", "places axes", "column")]
    elif form == "constant":
        weights["column"] = np.arange(n, dtype=FLOAT)[:, None]
    elif form == "cast":
        inputs["ids"], feeds["ids"] = ([n], T.INT64), every(np.arange(n))
        nodes = [cast("ids", "places", T.FLOAT), node("Unsqueeze", "places axes", "column")]
    elif form == "sum":
        inputs["ones"], feeds["ones"] = ([n], T.INT64), every(np.ones(n, np.int64))
        nodes = [cast("ones", "floats", T.FLOAT), node("CumSum", "floats axis", "places"),
                 node("Unsqueeze", "places axes", "column")]
        weights["axis"] = np.int64(0)
    nodes += [node("MatMul", "column rate", "angle"), node("Sin", "angle", "sine"), node("Cos", "angle", "cosine"),
              node("Split", "x half", "left right", axis=1),
              node("Mul", "left cosine", "lc"), node("Mul", "right sine", "rs"), node("Mul", "left sine", "ls"),
              node("Mul", "right cosine", "rc"),
              node("Sub", "lc rs", "one_half"), node("Add", "ls rc", "other_half"),
              node("Concat", "one_half other_half", "y", axis=1)]
    return graph(nodes, inputs, {"y": [n, d]}, weights, feeds={"x": random(2, n, d), **{name: value[:2] for name,
                                                                                        value in feeds.items()}})


for form in ["range", "constant", "cast", "sum"]:
    variant(f"rotary_of_{form}", rotary, form, float32="angle sine cosine", half="lc rs y")


@case(float32="places", half="y")
def positions_that_choose():
    """Positions beyond 2048 that become whole numbers again and choose rows."""
    nodes = [node("Range", "from to one", "places"), node("Mul", "places two", "doubled"),
             node("Mod", "doubled rows", "rest", fmod=1), cast("rest", "ids", T.INT64),
             node("Gather", "table ids", "chosen"), node("Add", "chosen x", "y")]
    weights = {"from": FLOAT(0), "to": FLOAT(3000), "one": FLOAT(1), "two": FLOAT(3), "rows": FLOAT(7),
               "table": random(7, 4)}
    return graph(nodes, {"x": [3000, 4]}, {"y": [3000, 4]}, weights, feeds={"x": random(2, 3000, 4)})


@case(float32="sine", half="y")
def time_of_diffusion():
    """The step of a diffusion, as an input up to 999, that becomes a sinusoidal embedding."""
    rate = np.exp(-np.log(10000) * np.arange(16) / 16).astype(FLOAT)
    nodes = [node("Mul", "t rate", "angle"), node("Sin", "angle", "sine"), node("Cos", "angle", "cosine"),
             node("Concat", "sine cosine", "both", axis=1),
             node("MatMul", "both w", "y")]
    return graph(nodes, {"t": [1, 1]}, {"y": [1, 8]}, {"rate": rate[None], "w": weight(32, 8)},
                 feeds={"t": FLOAT([999, 981, 500, 321, 17, 1]).reshape(RUNS, 1, 1)})


@case(half="raw", float32="", least=50)
def boxes_on_a_grid():
    """Boxes of a detector: logits to coordinates in pixels up to 1280."""
    cells = np.stack(np.meshgrid(np.arange(40), np.arange(40)), -1).reshape(1, 1600, 2).astype(FLOAT)
    nodes = [node("Conv", "x w", "raw"), node("Reshape", "raw shape", "flat"),
             node("Transpose", "flat", "turned", perm=[0, 2, 1]), node("Sigmoid", "turned", "inside"),
             node("Add", "inside cells", "centre"), node("Mul", "centre stride", "y")]
    weights = {"w": weight(2, 3, 1, 1), "shape": np.int64([1, 2, 1600]), "cells": cells, "stride": FLOAT(32)}
    return graph(nodes, {"x": [1, 3, 40, 40]}, {"y": [1, 1600, 2]}, weights)


def paired(step, per_channel=False, dead=None, opset=13):
    """Q/DQ of another tool around a convolution. `dead` is the step of a channel of zeros."""
    kernel = weight(8, 4, 3, 3)
    if dead is not None:
        kernel[2] *= FLOAT(1e-7)
        kernel[5] = 0
    size = np.abs(kernel).max(axis=(1, 2, 3)) if per_channel else np.abs(kernel).max()[None]
    w_step = (size / 127).astype(FLOAT)
    if dead is not None:
        w_step[5] = dead
    divisors = np.maximum(w_step, np.finfo(FLOAT).tiny).reshape(-1, 1, 1, 1)
    whole = np.rint(kernel / divisors).clip(-127, 127).astype(np.int8)
    axis = {"axis": 0} if per_channel else {}
    nodes = [node("Conv", "x v", "before"), node("Mul", "before size", "sized"),
             node("QuantizeLinear", "sized step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step" + (" w_zero" if per_channel else " zero"), "kernel", **axis),
             node("Conv", "dq kernel b", "conv"),
             node("Div", "conv size", "back"), node("Relu", "back", "y")]
    weights = {"v": weight(4, 4, 1, 1), "size": FLOAT(step * 40), "step": FLOAT(step), "zero": np.int8(0),
               "whole": whole,
               "w_step": w_step if per_channel else w_step[0], "b": random(8, scale=step)}
    if per_channel:
        weights["w_zero"] = np.zeros(8, np.int8)
    return graph(nodes, {"x": [1, 4, 8, 8]}, {"y": [1, 8, 6, 6]}, weights, opset)


variant("pairs", paired, 0.02, least=40, half="before q dq kernel conv y")
variant("pairs_opset_19", paired, 0.02, True, None, 19, least=40, half="before q dq kernel conv y")
variant("pairs_opset_21", paired, 0.02, True, None, 21, least=40, half="before q dq kernel conv y")
variant("pairs_with_dead_channels", paired, 0.02, True, np.finfo(FLOAT).tiny, least=40,
        half="before q dq kernel conv y")
variant("pairs_with_steps_of_zero", paired, 0.02, True, 0.0, least=40, half="before q dq kernel conv y")
variant("pairs_of_subnormal_step", paired, 2e-7, float32="q dq", half="before")
variant("pairs_kept_at_13", paired, 0.02, True, least=40, half="before conv y", options="--fp16 --opset 13")


@case(float32="kernel", half="y")
def pairs_of_tiny_weights():
    """One step for a whole weight, which float16 holds as a subnormal number."""
    nodes = [node("DequantizeLinear", "whole w_step", "kernel"), node("MatMul", "x kernel", "product"),
             node("Mul", "product many", "y")]
    weights = {"whole": np.rint(random(16, 8, scale=40)).clip(-127, 127).astype(np.int8), "w_step": FLOAT(3e-6),
               "many": FLOAT(1e4)}
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, weights)


#: A factor for each row.
DECADES = FLOAT([1, 1e-2, 1e-4, 1e-6]).reshape(1, 4, 1)


def logarithm(added, scale):
    """A logarithm of small values, to which a constant was added."""
    nodes = [node("MatMul", "x w", "energy"), node("Add", "energy epsilon", "safe"), node("Log", "safe", "log"),
             node("MatMul", "log v", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"w": np.abs(weight(32, 16)), "v": weight(16, 8),
                                                        "epsilon": FLOAT(added)},
                 feeds={"x": np.abs(random(RUNS, 4, 32)) * FLOAT(scale) * DECADES})


variant("log_1e10", logarithm, 1e-10, 1e-3, float32="energy safe log", half="y")
variant("log_1e10_kept_by_the_user", logarithm, 1e-10, 1e-3, float32="energy safe log", half="y",
        options="--fp16 --float32 log")
variant("log_1e10_of_large", logarithm, 1e-10, 1.0, float32="safe log", half="y")
variant("log_1e2", logarithm, 1e-2, 0.3, half="y")


def clipped_logarithm():
    """A logarithm behind a Clip, and one behind a Max."""
    nodes = [node("MatMul", "x w", "energy"), node("Clip", "energy least", "clip"), node("Log", "clip", "log"),
             node("Max", "energy least", "most"),
             node("Log", "most", "log_2"), node("Add", "log log_2", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 16]}, {"w": np.abs(weight(32, 16)), "least": FLOAT(1e-8)},
                 feeds={"x": np.abs(random(RUNS, 4, 32)) * FLOAT(1e-3) * DECADES})


variant("log_of_clipped", clipped_logarithm, float32="energy clip log most log_2")


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


@case(float32="mean total")
def mean_of_an_image():
    """Means and a sum over 256 x 256 values near 3."""
    nodes = [node("Add", "x w", "values"), node("ReduceMean", "values", "mean", axes=[2, 3]),
             node("ReduceSum", "values axes", "total"),
             node("GlobalAveragePool", "values", "pool"), node("Sub", "values mean", "centred"),
             node("Div", "total area", "again"),
             node("Add", "pool again", "sum"), node("Mul", "centred sum", "y")]
    return graph(nodes, {"x": [1, 2, 256, 256]}, {"y": [1, 2, 256, 256], "mean": [1, 2, 1, 1]},
                 {"w": FLOAT(3), "axes": np.int64([2, 3]), "area": FLOAT(65536)},
                 feeds={"x": random(2, 1, 2, 256, 256, scale=0.5)})


@case(float32="norm")
def instance_of_an_image():
    nodes = [node("Add", "x w", "values"), node("InstanceNormalization", "values scale shift", "norm"),
             node("Relu", "norm", "y")]
    return graph(nodes, {"x": [1, 2, 256, 256]}, {"y": [1, 2, 256, 256]},
                 {"w": FLOAT(30), "scale": random(2), "shift": random(2)},
                 feeds={"x": random(2, 1, 2, 256, 256, scale=4)})


@case(float32="sums", half="y", least=45)
def cumulated():
    """A running sum over 4096 steps."""
    nodes = [node("MatMul", "x w", "steps"), node("CumSum", "steps axis", "sums"), node("Mul", "sums rate", "y")]
    return graph(nodes, {"x": [4096, 4]}, {"y": [4096, 4]}, {"w": weight(4, 4), "axis": np.int64(0),
                                                             "rate": FLOAT(0.01)},
                 feeds={"x": random(2, 4096, 4, mean=0.2)})


@case(float32="scores values index", half="hidden", least=80)
def ties():
    """The largest of scores that differ less than float16 does."""
    nodes = [node("MatMul", "x w", "hidden"), node("Relu", "hidden", "relu"), node("MatMul", "relu v", "scores"),
             node("TopK", "scores k", "values places", axis=-1),
             node("ArgMax", "scores", "index", axis=-1), node("Gather", "table places", "rows"),
             node("Gather", "table index", "row")]
    weights = {"w": weight(16, 16), "v": weight(16, 64) * FLOAT(0.01), "k": np.int64([5]),
               "table": np.arange(64).astype(FLOAT)}
    model, feeds = graph(nodes, {"x": [4, 16]}, {"rows": [4, 5], "row": [4, 1]}, weights)
    return model, feeds


@case(float32="real imaginary", half="y")
def audio():
    """PCM in ±32768 that becomes the logarithm of a mel spectrogram, and then goes through a convolution."""
    size, bands, frames = 64, 8, 16
    angle = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    window = np.hanning(size)
    mel = np.maximum(0, 1 - np.abs(np.arange(size // 2 + 1)[None] / 4 - np.arange(bands)[:, None])) / 40
    nodes = [node("Conv", "pcm cosines", "real", strides=[32]), node("Conv", "pcm sines", "imaginary", strides=[32]),
             node("Mul", "real real", "rr"),
             node("Mul", "imaginary imaginary", "ii"), node("Add", "rr ii", "power"),
             node("MatMul", "mel power", "energy"), node("Add", "energy least", "safe"),
             node("Log", "safe", "log"), node("Mul", "log rate", "scaled"), node("Conv", "scaled w b", "conv"),
             node("Relu", "conv", "y")]
    weights = {"cosines": (np.cos(angle) * window)[:, None].astype(FLOAT),
               "sines": (np.sin(angle) * window)[:, None].astype(FLOAT), "mel": mel[None].astype(FLOAT),
               "least": FLOAT(1e-6), "rate": FLOAT(0.1), "w": weight(6, bands, 3), "b": random(6)}
    times = np.arange(size + 32 * (frames - 1))
    pcm = np.stack([np.clip(32767 * (0.3 + 0.2 * run) * np.sin(times * (0.1 + 0.3 * run)) + 300 * np.sin(times * 1.9),
                            -32768, 32767)
                    for run in range(RUNS)]).astype(FLOAT)
    pcm[0, :200] = 0
    return graph(nodes, {"pcm": [1, 1, len(times)]}, {"y": [1, 6, frames - 2]}, weights,
                 feeds={"pcm": pcm[:, None, None]})


@case(float32="power", least=45)
def exponentials():
    """A softplus that is written out, and boxes whose sizes are exponentials."""
    nodes = [node("MatMul", "x w", "values"), node("Exp", "values", "power"), node("Add", "power one", "more"),
             node("Log", "more", "soft"),
             node("MatMul", "soft v", "y"), node("Mul", "values fifth", "size"), node("Exp", "size", "box"),
             node("Mul", "box anchors", "z")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8], "z": [4, 32]},
                 {"w": weight(32, 32), "v": weight(32, 8), "one": FLOAT(1), "fifth": FLOAT(0.2),
                 "anchors": uniform(32, low=10, high=100)}, feeds={"x": random(RUNS, 4, 32, scale=3.5)})


@case()
def sigmoid_written_out():
    nodes = [node("MatMul", "x w", "values"), node("Neg", "values", "less"), node("Exp", "less", "power"),
             node("Add", "power one", "more"), node("Div", "one more", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 32]}, {"w": weight(32, 32), "one": FLOAT(1)},
                 feeds={"x": random(RUNS, 4, 32, scale=5)})


def gelu(scale):
    """A GELU by tanh, with a third power."""
    nodes = [node("MatMul", "x w", "values"), node("Pow", "values three", "cube"), node("Mul", "cube a", "part"),
             node("Add", "values part", "sum"), node("Mul", "sum b", "inside"),
             node("Tanh", "inside", "tanh"), node("Add", "tanh one", "more"), node("Mul", "values more", "double"),
             node("Mul", "double half", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 32]}, {"w": weight(32, 32), "three": FLOAT(3), "a": FLOAT(0.044715),
                                                         "b": FLOAT(0.79788), "one": FLOAT(1), "half": FLOAT(0.5)},
                 feeds={"x": random(RUNS, 4, 32, scale=scale)})


variant("gelu_of_common", gelu, 1.0, half="values tanh y")
variant("gelu_of_large", gelu, 25.0, float32="cube", half="values y")


@case(float32="safe share", half="y")
def small_divisors():
    """A division by values down to 1e-6."""
    nodes = [node("MatMul", "x w", "small"), node("Abs", "small", "size"), node("Add", "size least", "safe"),
             node("Div", "small safe", "share"), node("MatMul", "share v", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"w": weight(32, 32), "v": weight(32, 8), "least": FLOAT(1e-6)},
                 feeds={"x": random(RUNS, 4, 32, scale=1e-5)})


@case(float32="less", least=45)
def near_differences():
    """A difference of large values that lie close together."""
    nodes = [node("MatMul", "x w", "values"), node("Add", "values far", "a"), node("Slice", "a zero last", "left"),
             node("Slice", "a one end", "right"),
             node("Sub", "right left", "less"), node("MatMul", "less v", "y")]
    far = np.linspace(300, 330, 32).astype(FLOAT)
    return graph(nodes, {"x": [1, 32]}, {"y": [1, 8]}, {"w": weight(32, 32) * FLOAT(0.01), "far": far[None],
                                                        "v": weight(31, 8), "zero": np.int64([0, 0]),
                                                        "one": np.int64([0, 1]),
                 "last": np.int64([1, 31]), "end": np.int64([1, 32])})


@case(float32="y", half="hidden")
def large_logits():
    """Outputs beyond 65504."""
    nodes = [node("MatMul", "x w", "hidden"), node("MatMul", "hidden v", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"w": weight(32, 32), "v": weight(32, 8) * FLOAT(3e5)})


@case(least=60, float32="is")
def categories():
    """Categories in floats, compared one by one."""
    nodes = [node("Equal", "x which", "is"), cast("is", "hot", T.FLOAT), node("MatMul", "hot table", "y")]
    ids = (np.arange(RUNS * 16).reshape(RUNS, 16, 1) * 37 % 5003).astype(FLOAT)
    return graph(nodes, {"x": [16, 1]}, {"y": [16, 4]}, {"which": (np.arange(64) * 37 % 5003).astype(FLOAT)[None],
                                                         "table": random(64, 4)}, feeds={"x": ids})


@case(least=50)
def large_residuals():
    """A residual stream with outliers of thousands, before a layer normalization."""
    scale = np.ones(64, FLOAT)
    scale[7] = 2500
    nodes = [node("MatMul", "x w", "a"), node("Mul", "a scale", "stream"),
             node("LayerNormalization", "stream gain", "norm"), node("MatMul", "norm v", "b"),
             node("Add", "stream b", "more"), node("LayerNormalization", "more gain", "norm_2"),
             node("MatMul", "norm_2 v", "y")]
    return graph(nodes, {"x": [4, 64]}, {"y": [4, 64]}, {"w": weight(64, 64), "v": weight(64, 64), "scale": scale,
                                                         "gain": random(64, mean=1, scale=0.1)})


@case(least=45, float32="seconds")
def seconds_since_1970():
    """A time stamp as an input, less the beginning of its year."""
    nodes = [node("Sub", "t start", "seconds"), node("Div", "seconds day", "days"), node("MatMul", "days w", "y")]
    return graph(nodes, {"t": [4, 1]}, {"y": [4, 4]}, {"start": FLOAT(1.7e9), "day": FLOAT(86400), "w": weight(1, 4)},
                 feeds={"t": (1.7e9 + np.arange(RUNS * 4).reshape(RUNS, 4, 1) * 86400.0 * 9).astype(FLOAT)})


def full_mask(form):
    """A causal mask that the model makes from a shape."""
    nodes = [node("MatMul", "x w", "q"), node("Transpose", "q", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores"),
             node("Shape", "scores", "shape"),
             node("Slice", "shape one three", "square"), node("ConstantOfShape", "square", "full",
                                                              value=stored("v", [LOWEST]))]
    weights = {"w": weight(16, 16), "one": np.int64([1]), "three": np.int64([3]), "diagonal": np.int64(1),
               "zero": FLOAT(0)}
    nodes += [node("Trilu", "full diagonal", "mask", upper=1)]
    if form == "times":
        nodes += [node("Range", "nought n step", "places"), node("Unsqueeze", "places axis", "column"),
                  node("Greater", "places column", "is"), cast("is", "ones", T.FLOAT),
                  node("Mul", "mask ones", "late")]
        weights |= {"nought": np.int64(0), "n": np.int64(8), "step": np.int64(1), "axis": np.int64([1])}
    nodes += [node("Add", "scores " + ("late" if form == "times" else "mask"), "masked"),
              node("Softmax", "masked", "weights", axis=-1), node("MatMul", "weights x", "y")]
    return graph(nodes, {"x": [1, 8, 16]}, {"y": [1, 8, 16]}, weights)


variant("mask_of_a_shape", full_mask, "plain", half="scores y")
variant("mask_of_a_shape_times_zero", full_mask, "times", half="scores y")


def given_mask(form):
    """A mask that the caller gives: in floats of -FLT_MAX, or as 0 and 1."""
    n = 8
    kept = np.tril(np.ones((n, n), FLOAT))
    if form in ["floats", "equal"]:
        kept[5] = 0
    weights = {"w": weight(16, 16), "one": FLOAT(1), "lowest": FLOAT(LOWEST), "zero": FLOAT(0)}
    nodes = [node("MatMul", "x w", "q"), node("Transpose", "q", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores")]
    if form == "floats":
        given = np.where(kept > 0, 0, LOWEST).astype(FLOAT)
        nodes.append(node("Add", "scores m", "masked"))
    elif form == "less_one":
        given, weights["largest"] = kept, FLOAT(-LOWEST)
        nodes += [node("Sub", "m one", "less"), node("Mul", "less largest", "mask"),
                  node("Add", "scores mask", "masked")]
    elif form == "equal":
        given = kept
        nodes += [node("Equal", "m zero", "is"), node("Where", "is lowest scores", "masked")]
    elif form == "where_zero":
        given = kept
        nodes += [node("Sub", "one m", "less"), cast("less", "is", T.BOOL), node("Where", "is lowest less", "mask"),
                  node("Add", "scores mask", "masked")]
    else:
        given = kept
        nodes += [node("Log", "m", "mask"), node("Add", "scores mask", "masked")]
    nodes += [node("Softmax", "masked", "weights", axis=-1), node("MatMul", "weights x", "y")]
    return graph(nodes, {"x": [1, n, 16], "m": [n, n]}, {"y": [1, n, 16]}, weights, feeds={"m": every(given)})


for form in ["floats", "less_one", "equal", "where_zero", "log"]:
    variant(f"mask_given_as_{form}", given_mask, form, half="y")
variant("mask_behind_a_kept_node", given_mask, "equal", float32="masked", half="y", options="--fp16 --float32 masked")


@case(half="y")
def mask_with_a_guard():
    """Rows of infinities, whose softmax is not a number and becomes 0."""
    n = 8
    kept = np.tril(np.ones((n, n), bool))
    kept[2] = False
    nodes = [node("MatMul", "x w", "q"), node("Transpose", "q", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores"),
             node("Where", "kept scores lowest", "masked"),
             node("Softmax", "masked", "weights", axis=-1), node("IsNaN", "weights", "is"),
             node("Where", "is zero weights", "safe"), node("MatMul", "safe x", "y")]
    return graph(nodes, {"x": [1, n, 16]}, {"y": [1, n, 16]},
                 {"w": weight(16, 16), "kept": kept, "lowest": FLOAT(-np.inf), "zero": FLOAT(0)})


@case(float32="filled")
def filler_of_a_minimum():
    """Gaps that are filled with the largest number before a minimum, and with the lowest before a maximum."""
    nodes = [node("MatMul", "x w", "values"), node("Where", "kept values largest", "filled"),
             node("ReduceMin", "filled", "low", axes=[-1]), node("Where", "kept values lowest", "filled_2"),
             node("ReduceMax", "filled_2", "high", axes=[-1]), node("Sub", "high low", "y")]
    kept = np.resize([True, True, False], 16)
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 1]}, {"w": weight(16, 16), "kept": kept, "largest": FLOAT(-LOWEST),
                                                        "lowest": FLOAT(LOWEST)})


@case(float32="masked log", half="values")
def mask_of_a_log_softmax():
    nodes = [node("MatMul", "x w", "values"), node("Where", "kept values lowest", "masked"),
             node("LogSoftmax", "masked", "log", axis=-1), node("Where", "kept log zero", "y")]
    kept = np.resize([True, True, False], 16)
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 16]},
                 {"w": weight(16, 16), "kept": kept, "lowest": FLOAT(LOWEST), "zero": FLOAT(0)})


def large_softmax(op, mean, scale):
    """Logits that are large beside their differences."""
    nodes = [node("MatMul", "x w", "values"), node("Add", "values far", "scores"), node(op, "scores", "share", axis=-1),
             node("MatMul", "share v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16), "v": weight(16, 8), "far": FLOAT(mean)},
                 feeds={"x": random(RUNS, 4, 16, scale=scale)})


variant("softmax_of_large", large_softmax, "Softmax", 1000.0, 1.0, float32="scores share", half="y")
variant("softmax_of_common", large_softmax, "Softmax", 0.0, 4.0, half="scores share y", least=45)
variant("log_softmax_of_large", large_softmax, "LogSoftmax", 1000.0, 1.0, float32="scores share", half="y")


@case(float32="share")
def log_softmax_of_sure():
    """Logarithms of chances down to e^-30, which TensorRT computes as the logarithm of a Softmax."""
    nodes = [node("MatMul", "x w", "scores"), node("LogSoftmax", "scores", "share", axis=-1),
             node("MatMul", "share v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16), "v": weight(16, 8)},
                 feeds={"x": random(RUNS, 4, 16, scale=7)})


@case(float32="share log", half="y")
def log_of_a_softmax():
    nodes = [node("MatMul", "x w", "scores"), node("Softmax", "scores", "share", axis=-1), node("Log", "share", "log"),
             node("MatMul", "log v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16), "v": weight(16, 8)},
                 feeds={"x": random(RUNS, 4, 16, scale=4)})


@case(float32="sum log", half="y")
def logarithm_near_one():
    """log(1 + x) of small x."""
    nodes = [node("MatMul", "x w", "small"), node("Abs", "small", "size"), node("Add", "size one", "sum"),
             node("Log", "sum", "log"), node("Mul", "log many", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 16]}, {"w": weight(16, 16), "one": FLOAT(1), "many": FLOAT(1000)},
                 feeds={"x": random(RUNS, 4, 16, scale=1e-3)})


@case(float32="power less", half="y")
def exponential_less_one():
    """exp(x) - 1 of small x."""
    nodes = [node("MatMul", "x w", "small"), node("Exp", "small", "power"), node("Sub", "power one", "less"),
             node("Mul", "less many", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 16]}, {"w": weight(16, 16), "one": FLOAT(1), "many": FLOAT(1000)},
                 feeds={"x": random(RUNS, 4, 16, scale=1e-3)})


@case(float32="cosine angle")
def angles_of_near_directions():
    """Angles between directions that are nearly the same: acos beside 1."""
    nodes = [node("LpNormalization", "a", "u", axis=-1), node("LpNormalization", "b", "v", axis=-1),
             node("Mul", "u v", "product"), node("ReduceSum", "product axes", "cosine"),
             node("Clip", "cosine low high", "clip"), node("Acos", "clip", "angle"), node("Mul", "angle many", "y")]
    a = random(RUNS, 4, 3)
    return graph(nodes, {"a": [4, 3], "b": [4, 3]}, {"y": [4, 1]},
                 {"axes": np.int64([-1]), "low": FLOAT(-0.9999999), "high": FLOAT(0.9999999), "many": FLOAT(57.3)},
                 feeds={"a": a, "b": a + random(RUNS, 4, 3, scale=0.01)})


@case(float32="up down sum less")
def tanh_by_exponentials():
    nodes = [node("MatMul", "x w", "values"), node("Neg", "values", "minus"), node("Exp", "values", "up"),
             node("Exp", "minus", "down"), node("Sub", "up down", "less"),
             node("Add", "up down", "sum"), node("Div", "less sum", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 16]}, {"w": weight(16, 16)},
                 feeds={"x": random(RUNS, 4, 16, scale=5)})


@case(float32="log")
def logarithm_of_a_sum():
    """ReduceLogSumExp, which TensorRT computes without subtracting the largest value."""
    nodes = [node("MatMul", "x w", "scores"), node("ReduceLogSumExp", "scores", "log", axes=[-1]),
             node("Sub", "scores log", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 16]}, {"w": weight(16, 16)},
                 feeds={"x": random(RUNS, 4, 16, scale=6)})


@case(float32="pool")
def large_average():
    """An average pooling over 32 x 32 values near 300, whose sum float16 does not hold."""
    nodes = [node("Add", "x far", "values"), node("AveragePool", "values", "pool", kernel_shape=[32, 32]),
             node("Relu", "pool", "y")]
    return graph(nodes, {"x": [1, 2, 32, 32]}, {"y": [1, 2, 1, 1]}, {"far": FLOAT(300)},
                 feeds={"x": random(RUNS, 1, 2, 32, 32, scale=9)})


@case(float32="norm unit", runtime="onnxruntime")
def norms_without_variance():
    """A mean-variance normalization of a channel that is nearly constant, and unit rows of zeros."""
    nodes = [node("Mul", "x scale", "values"), node("MeanVarianceNormalization", "values", "norm", axes=[0, 2, 3]),
             node("Conv", "norm v", "y"),
             node("LpNormalization", "values", "unit", axis=1), node("Conv", "unit v", "z")]
    scale = FLOAT([1, 1e-4, 0.5]).reshape(3, 1, 1)
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": [1, 2, 6, 6], "z": [1, 2, 6, 6]},
                 {"scale": scale, "v": weight(2, 3, 1, 1)})


@case(says="nothing is left", runtime="onnxruntime")
def boxes_of_classes():
    """Boxes that are moved by 7680 for each class, so that one suppression serves all classes."""
    nodes = [cast("classes", "ids", T.FLOAT), node("Mul", "ids far", "move"), node("Add", "boxes move", "moved"),
             node("Unsqueeze", "moved axes", "batch"),
             node("NonMaxSuppression", "batch scores most overlap", "kept")]
    corners = np.abs(random(RUNS, 40, 2, scale=200))
    return graph(nodes, {"boxes": [40, 4], "classes": ([40, 1], T.INT64), "scores": [1, 1, 40]},
                 {"kept": ([None, 3], T.INT64)},
                 {"far": FLOAT(7680), "axes": np.int64([0]), "most": np.int64([20]), "overlap": FLOAT([0.5])},
                 feeds={"boxes": np.concatenate([corners, corners + 120], -1),
                        "classes": every(np.arange(40)[:, None] % 20), "scores": np.abs(random(RUNS, 1, 1, 40))})



def bordered(step, opset=19):
    """Pairs at the border of a model: the input is quantized at once, and so is the output."""
    kernel = weight(8, 16)
    nodes = [node("QuantizeLinear", "x step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step w_zero", "w", axis=1),
             node("MatMul", "dq w", "product"), node("QuantizeLinear", "product out_step zero", "q_2"),
             node("DequantizeLinear", "q_2 out_step zero", "y")]
    w_step = (np.abs(kernel).max(0) / 127).astype(FLOAT)
    weights = {"step": FLOAT(step), "zero": np.int8(0), "whole": np.rint(kernel / w_step).astype(np.int8),
               "w_step": w_step, "w_zero": np.zeros(16, np.int8), "out_step": FLOAT(0.03)}
    return graph(nodes, {"x": [4, 8]}, {"y": [4, 16]}, weights, opset)


variant("pairs_at_the_border", bordered, 0.03, half="dq w product", least=35)
variant("pairs_at_the_border_13", bordered, 0.03, 13, half="dq w product", least=35)
variant("pairs_at_the_border_half_io", bordered, 0.03, half="q dq w product y", least=35, options="--fp16 --half-io")


@case(half="conv y", least=30, runtime="onnxruntime")
def pairs_of_onnxruntime():
    """Pairs as ONNX Runtime's quantizer writes them: uint8 with zero points, and a bias in int32."""
    kernel = weight(8, 4, 3, 3)
    w_step = np.abs(kernel).max() / 127
    bias = random(8)
    nodes = [node("QuantizeLinear", "x step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step w_zero", "w"),
             node("DequantizeLinear", "bias b_step b_zero", "b"), node("Conv", "dq w b", "conv"),
             node("Relu", "conv", "relu"), node("QuantizeLinear", "relu step_2 low", "q_2"),
             node("DequantizeLinear", "q_2 step_2 low", "dq_2"), node("GlobalAveragePool", "dq_2", "y")]
    weights = {"step": FLOAT(0.03), "zero": np.uint8(120), "whole": np.rint(kernel / w_step).astype(np.int8),
               "w_step": FLOAT(w_step), "w_zero": np.int8(0),
               "bias": np.rint(bias / (0.03 * w_step)).astype(np.int32), "b_step": FLOAT(0.03 * w_step),
               "b_zero": np.int32(0), "step_2": FLOAT(0.02), "low": np.uint8(0)}
    return graph(nodes, {"x": [1, 4, 8, 8]}, {"y": [1, 8, 1, 1]}, weights)


@case(half="y", runtime="onnxruntime")
def blocks_of_int4():
    """Weights of four bits with a step for each block."""
    whole = np.rint(random(32, 8, scale=3)).clip(-8, 7)
    nodes = [node("DequantizeLinear", "whole steps", "w", axis=0, block_size=16), node("MatMul", "x w", "product"),
             node("Relu", "product", "y")]
    model, feeds = graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"steps": uniform(2, 8, low=0.01, high=0.05)}, 21)
    model.graph.initializer.append(h.make_tensor("whole", T.INT4, [32, 8], whole.astype(int).ravel().tolist()))
    return model, feeds


@case(half="y")
def pair_of_zeros():
    """A pair of a tensor that is always zero, with the step that a quantizer gives it."""
    nodes = [node("Mul", "x none", "nothing"), node("QuantizeLinear", "nothing step zero", "q"),
             node("DequantizeLinear", "q step zero", "dq"), node("Add", "dq x", "y")]
    return graph(nodes, {"x": [4, 8]}, {"y": [4, 8]}, {"none": FLOAT(0), "step": np.finfo(FLOAT).tiny,
                                                       "zero": np.int8(0)})



@case(float32="sum", least=45)
def many_small_parts():
    """A sum over 16384 parts whose steps float16 does not add."""
    nodes = [node("MatMul", "x w", "parts"), node("Abs", "parts", "sizes"),
             node("ReduceSum", "sizes axes", "sum", keepdims=0), node("Div", "sum many", "y")]
    return graph(nodes, {"x": [16384, 4]}, {"y": [4]}, {"w": weight(4, 4), "axes": np.int64([0]), "many": FLOAT(16384)},
                 feeds={"x": random(2, 16384, 4, scale=3)})


@case(half="y", float32="gram")
def covariance():
    """Products of 1024 rows with themselves, whose result float16 does not hold."""
    nodes = [node("Transpose", "x", "t"), node("MatMul", "t x", "gram"), node("Div", "gram many", "mean"),
             node("MatMul", "mean w", "y")]
    return graph(nodes, {"x": [1024, 8]}, {"y": [8, 4]}, {"many": FLOAT(1024), "w": weight(8, 4)},
                 feeds={"x": random(2, 1024, 8, scale=9)})


@case(float32="power sum", half="scores", least=45)
def softmax_of_low():
    """A softmax that is written out, of scores near -25: its powers are smaller than float16 holds."""
    nodes = [node("MatMul", "x w", "scores"), node("Sub", "scores far", "low"), node("Exp", "low", "power"),
             node("ReduceSum", "power axes", "sum"), node("Div", "power sum", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 32]}, {"w": weight(32, 32), "axes": np.int64([-1]), "far": FLOAT(25)},
                 feeds={"x": random(RUNS, 4, 32)})


@case(float32="steps angle sine", half="y")
def time_in_thousands():
    """The time of a diffusion in 0 to 1, which becomes a step of 0 to 1000 and then an angle."""
    rate = np.exp(-np.log(10000) * np.arange(16) / 16).astype(FLOAT)
    nodes = [node("Mul", "t thousand", "steps"), node("Mul", "steps rate", "angle"), node("Sin", "angle", "sine"),
             node("MatMul", "sine w", "y")]
    return graph(nodes, {"t": [8, 1]}, {"y": [8, 8]}, {"thousand": FLOAT(1000), "rate": rate[None], "w": weight(16, 8)},
                 feeds={"t": uniform(RUNS, 8, 1)})


@case(float32="scaled moved whole")
def buckets():
    """Values that are scaled, moved and rounded down to the number of a row."""
    nodes = [node("Mul", "x many", "scaled"), node("Add", "scaled half", "moved"), node("Floor", "moved", "whole"),
             cast("whole", "ids", T.INT64), node("Gather", "table ids", "y")]
    return graph(nodes, {"x": [64]}, {"y": [64]}, {"many": FLOAT(500), "half": FLOAT(0.5),
                                                   "table": (np.arange(502) * 7 % 11).astype(FLOAT)},
                                                   feeds={"x": uniform(RUNS, 64)})


@case(float32="places wide grid", half="y")
def warped_by_pixels():
    """A grid in pixels and a flow of a network, which become coordinates from -1 to 1."""
    size = 400
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size))[:2], -1)[None, ::16, ::16].astype(FLOAT)
    nodes = [node("Conv", "x w", "flow"), node("Transpose", "flow", "last", perm=[0, 2, 3, 1]),
             node("Add", "last pixels", "places"), node("Mul", "places rate", "wide"),
             node("Sub", "wide one", "grid"), node("GridSample", "image grid", "sampled", align_corners=1),
             node("Relu", "sampled", "y")]
    waves = np.sin(np.arange(size) * 1.3)
    image = every((np.add.outer(waves, waves[::-1]) + 2)[None, None].astype(FLOAT))[:2]
    return graph(nodes, {"x": [1, 2, 25, 25], "image": [1, 1, size, size]}, {"y": [1, 1, 25, 25]},
                 {"w": weight(2, 2, 1, 1), "pixels": pixels, "rate": FLOAT(2 / (size - 1)), "one": FLOAT(1)},
                 feeds={"x": random(2, 1, 2, 25, 25), "image": image})


@case(float32="logits scores", half="hidden", least=80)
def ties_behind_a_sigmoid():
    """The best of chances whose logits differ less than float16 does."""
    nodes = [node("MatMul", "x w", "hidden"), node("MatMul", "hidden v", "logits"), node("Sigmoid", "logits", "scores"),
             node("Reshape", "scores flat", "row"),
             node("TopK", "row k", "values places", axis=-1), node("Gather", "table places", "y")]
    return graph(nodes, {"x": [8, 16]}, {"y": [20]}, {"w": weight(16, 16), "v": weight(16, 64), "flat": np.int64([-1]),
                                                      "k": np.int64([20]), "table": np.arange(512).astype(FLOAT)},
                 feeds={"x": random(RUNS, 8, 16)})


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
        limits=["dB instead of 45"])


@case(least=45, float32="sum")
def difference_of_three():
    """A Sum of three tensors that cancel each other."""
    nodes = [node("MatMul", "x w", "small"), node("Add", "small far", "a"), node("Neg", "far_too", "b"),
             node("Sum", "a b small", "sum"), node("MatMul", "sum v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16) * FLOAT(0.1), "v": weight(16, 8),
                                                        "far": FLOAT(300), "far_too": FLOAT([300.01])})


# The plan looks at values, and not at how much of them the weights of a product leave.
@case(least=45, limits=["dB instead of 45"])
def edges_of_large():
    """A filter of differences on values near 300."""
    kernel = np.zeros((1, 1, 3, 3), FLOAT)
    kernel[0, 0, 1] = [-1, 2, -1]
    nodes = [node("Add", "x far", "values"), node("Conv", "values k", "edges"), node("Conv", "edges w", "y")]
    return graph(nodes, {"x": [1, 1, 8, 8]}, {"y": [1, 2, 4, 4]},
                 {"far": FLOAT(300), "k": kernel, "w": weight(2, 1, 3, 3)},
                 feeds={"x": random(RUNS, 1, 1, 8, 8, scale=0.3)})


@case(float32="rate", half="y", least=45)
def roots_of_small():
    """Powers of 1/3 and -1/2 of values down to 1e-7."""
    nodes = [node("MatMul", "x w", "rows"), node("Mul", "rows rows", "small"), node("Pow", "small third", "root"),
             node("Add", "small epsilon", "safe"), node("Pow", "safe minus", "rate"),
             node("Mul", "rows rate", "unit"), node("Add", "root unit", "sum"), node("MatMul", "sum v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16), "third": FLOAT(1 / 3),
                                                        "epsilon": FLOAT(1e-8), "minus": FLOAT(-0.5),
                                                        "v": weight(16, 8)},
                 feeds={"x": random(RUNS, 4, 16, scale=3e-3)})


@case(half="y")
def layer_scale():
    """A residual network whose branches are scaled by 1e-6, as some are before they are trained."""
    nodes = [node("MatMul", "x w", "branch"), node("Mul", "branch gamma", "scale"), node("Add", "x scale", "sum"),
             node("MatMul", "sum v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16), "gamma": np.full(16, 1e-6, FLOAT),
                                                        "v": weight(16, 8)})
