"""Models whose values decide what becomes half precision: small and large ones, positions, sums and differences."""

import numpy as np
from onnx import TensorProto as T

from half_build import DECADES, FLOAT, RUNS, case, cast, every, graph, node, random, uniform, variant, weight


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


@case(float32="power more y", half="values less")
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


@case(half="stream norm more norm_2 y", least=50)
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


@case(least=45, float32="sum")
def difference_of_three():
    """A Sum of three tensors that cancel each other."""
    nodes = [node("MatMul", "x w", "small"), node("Add", "small far", "a"), node("Neg", "far_too", "b"),
             node("Sum", "a b small", "sum"), node("MatMul", "sum v", "y")]
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, {"w": weight(16, 16) * FLOAT(0.1), "v": weight(16, 8),
                                                        "far": FLOAT(300), "far_too": FLOAT([300.01])})


# The plan looks at values, and not at how much of them the weights of a product leave.
@case(half="values edges y", least=45, limits=["dB instead of 45"], floor=8)
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
