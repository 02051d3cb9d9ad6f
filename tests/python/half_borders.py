"""Models whose tensors have readers of several kinds: Casts to other types, Shape, subgraphs, outputs of the model."""

import numpy as np
from onnx import TensorProto as T

from half_build import FLOAT, LOWEST, RUNS, branch, case, cast, every, graph, node, random, variant, weight


@case(float32="wide", half="y")
def widened_for_a_shape():
    """A float16 input that is cast to float32, whose size something reads as well."""
    nodes = [cast("x", "wide", T.FLOAT), node("MatMul", "wide w", "y"), node("Shape", "wide", "size"),
             node("Add", "size one", "s")]
    return graph(nodes, {"x": ([4, 16], T.FLOAT16)}, {"y": [4, 8], "s": ([2], T.INT64)},
                 {"w": weight(16, 8), "one": np.int64([1])})


@case(float32="sum", options="--fp16 --half-io --float32 sum", least=45)
def counted_output():
    """An output of the model that is cast to integers as well: what the integers count is not rounded before."""
    nodes = [node("Add", "x far", "sum"), cast("sum", "count", T.INT64), node("Identity", "sum", "y")]
    return graph(nodes, {"x": [8]}, {"y": [8], "count": ([8], T.INT64)}, {"far": FLOAT(3000)},
                 feeds={"x": every(FLOAT([0, 1, 2, 3, 4, 5, 6, 7]))})


@case(half="y")
def counted_constant():
    """A constant that a product reads, and a Cast to integers: 1.9999 is 1, and its float16 is 2."""
    nodes = [node("Mul", "x k", "y"), cast("k", "whole", T.INT64), node("Add", "whole one", "s")]
    return graph(nodes, {"x": [3]}, {"y": [3], "s": ([3], T.INT64)},
                 {"k": FLOAT([1.9999, 2.9999, 3.9999]), "one": np.int64([1, 1, 1])})


def given_constants():
    """Constants that are outputs of the model: read by nothing else, by a product, and by a Cast to integers."""
    nodes = [node("Mul", "x k", "y"), cast("counted", "whole", T.INT64), node("Add", "whole one", "s")]
    return graph(nodes, {"x": [3]}, {"y": [3], "alone": [2], "k": [3], "counted": [3], "s": ([3], T.INT64)},
                 {"alone": FLOAT([0.1, 3]), "k": FLOAT([1.5, 2.5, 3.3]), "counted": FLOAT([1.9999, 2.9999, 3.9999]),
                  "one": np.int64([1, 1, 1])})


variant("given_constants", given_constants, half="y")
variant("given_constants_half_io", given_constants, half="y", options="--fp16 --half-io")


def masked(extra=(), between=(), weights=None, outputs=None):
    n = 8
    kept = np.tril(np.ones((n, n), bool))
    last = between[-1].output[0] if between else "masked"
    nodes = [node("MatMul", "x w", "q"), node("Transpose", "q", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores"),
             node("Where", "kept scores lowest", "masked"), *between,
             node("Softmax", last, "weights", axis=-1), node("MatMul", "weights x", "y"), *extra]
    return graph(nodes, {"x": [1, n, 16]}, {"y": [1, n, 16], **(outputs or {})},
                 {"w": weight(16, 16), "kept": kept, "lowest": FLOAT(LOWEST), **(weights or {})})


@case(half="y")
def mask_times_little():
    """A mask that is multiplied by 1e-4 before its Softmax: the lowest number of float16 would still count there."""
    return masked(between=[node("Mul", "masked little", "cooled")], weights={"little": FLOAT(1e-4)})


@case(half="y")
def mask_in_a_branch():
    """A mask that the branch of an If gives out: there it keeps its value."""
    branches = {"then_branch": branch([node("Identity", "lowest", "a")], "a", []),
                "else_branch": branch([node("Neg", "lowest", "b")], "b", [])}
    return masked(extra=[node("If", "always", "given", **branches)], weights={"always": np.bool_(True)},
                  outputs={"given": []})


@case(half="q")
def mask_that_is_computed():
    """A mask of numbers that the model multiplies from constants: no file stores them."""
    n = 8
    kept = np.tril(np.ones((n, n), FLOAT))
    nodes = [node("Sub", "one kept", "hidden"), node("Mul", "hidden lowest", "mask"), node("MatMul", "x w", "q"),
             node("Transpose", "q", "t", perm=[0, 2, 1]), node("MatMul", "q t", "scores"),
             node("Add", "scores mask", "masked"), node("Softmax", "masked", "weights", axis=-1),
             node("MatMul", "weights x", "y")]
    return graph(nodes, {"x": [1, n, 16]}, {"y": [1, n, 16]},
                 {"w": weight(16, 16), "kept": kept, "one": FLOAT(1), "lowest": FLOAT(LOWEST)})


def dead_channel(zero=None, outputs=None, extra=()):
    """A product whose weight has a channel of tiny step."""
    steps = np.full(8, 0.02, FLOAT)
    steps[1] = 1e-9
    integers = np.clip(np.rint(random(16, 8) * 40), -127, 127).astype(np.int8)
    if zero is not None:
        integers[:, 1] = zero[1]
    names = "integers steps" + (" zero" if zero is not None else "")
    nodes = [node("DequantizeLinear", names, "weight", axis=1), node("MatMul", "x weight", "y"), *extra]
    weights = {"integers": integers, "steps": steps, **({} if zero is None else {"zero": zero})}
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8], **(outputs or {})}, weights, opset=19)


@case(half="y")
def integers_that_are_an_output():
    """The integers of a weight, one of whose steps float16 raises, are an output of the model too."""
    return dead_channel(outputs={"integers": ([16, 8], T.INT8)})


@case(float32="weight", half="y", least=45)
def integers_around_another_zero():
    """A weight with zero points: the dead channel's integers are all its zero."""
    zero = np.zeros(8, np.int8)
    zero[1] = -128
    return dead_channel(zero=zero)


@case(least=40, half="z", float32="scaled", runtime="onnxruntime")
def integers_of_sixteen_bits():
    """Dequantized 16-bit integers that reach beyond float16."""
    integers = np.int16([30000, -30000, 100, 7])
    nodes = [node("DequantizeLinear", "integers step", "large"), node("Mul", "large x", "scaled"),
             node("Mul", "scaled little", "y"), node("Neg", "x", "z")]
    return graph(nodes, {"x": [4]}, {"y": [4], "z": [4]}, {"integers": integers, "step": FLOAT(4), "little": FLOAT(1e-5)}, opset=21,
                 feeds={"x": random(RUNS, 4, mean=2)})
