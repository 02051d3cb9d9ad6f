"""Attentions, their masks, and the Softmax behind them."""

import numpy as np
from onnx import TensorProto as T

from half_build import FLOAT, LOWEST, RUNS, case, cast, every, graph, node, random, stored, variant, weight


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
variant("softmax_without_maximum_small", softmax, 0.5, False, half="scores power sum y")
variant("softmax_with_maximum", softmax, 4.0, True, half="scores largest y", least=45)


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


@case(float32="power sum", half="scores", least=45)
def softmax_of_low():
    """A softmax that is written out, of scores near -25: its powers are smaller than float16 holds."""
    nodes = [node("MatMul", "x w", "scores"), node("Sub", "scores far", "low"), node("Exp", "low", "power"),
             node("ReduceSum", "power axes", "sum"), node("Div", "power sum", "y")]
    return graph(nodes, {"x": [4, 32]}, {"y": [4, 32]}, {"w": weight(32, 32), "axes": np.int64([-1]), "far": FLOAT(25)},
                 feeds={"x": random(RUNS, 4, 32)})
