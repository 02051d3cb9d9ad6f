"""If, Loop and Scan: their conditions, their captures and their states."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import FLOAT, RUNS, body, branch, case, cast, graph, info, node, random, turns, variant, weight


def chosen(nodes, then, other, inputs, outputs, weights=None, after=(), opset=20, **more):
    """A model with an If."""
    choice = node("If", "is_first", "chosen", then_branch=then, else_branch=other)
    return graph([*nodes, choice, *after], {**inputs, "is_first": ([], T.BOOL)}, outputs, weights, opset,
                 feeds={"is_first": turns(), **more.pop("feeds", {})}, **more)


def if_of_constants():
    """Branches that add stored tensors, and an output that is read on."""
    side = lambda: branch([node("Add", "v b", "o")], "o", [2, 4], {"v": random(2, 4), "b": random(2, 4)})
    return chosen([node("Add", "x w", "before")], side(), side(), {"x": [2, 3]},
                  {"chosen": [2, 4], "y": [2, 4], "before": [2, 3]},
                  {"w": random(2, 3), "c": random(2, 4)}, [node("Add", "chosen c", "y")])


variant("if_of_constants", if_of_constants, half="before y")
variant("if_of_constants_half_io", if_of_constants, half="before y", options="--fp16 --half-io")
variant("if_of_constants_bf16", if_of_constants, half="before y", options="--bf16", least=35)


@case(float32="chosen", half="h y")
def if_states_outer_types():
    """Branches that state the type of an outer tensor."""
    def side():
        made = branch([node("Identity", "h", "o")], "o", [2, 4])
        made.value_info.append(info("h", [2, 4]))
        return made
    return chosen([node("Add", "x w", "h")], side(), side(), {"x": [2, 4]}, {"y": [2, 4]}, {"w": random(2, 4)},
                  [node("Add", "chosen h", "y")])


@case(float32="chosen", half="y")
def if_with_half_constants():
    """Branches whose constants are float16 already."""
    side = lambda: branch([node("Add", "v b", "s"), cast("s", "o", T.FLOAT)], "o", [2, 4],
                          {"v": random(2, 4).astype(np.float16), "b": random(2, 4).astype(np.float16)})
    return chosen([], side(), side(), {"x": [2, 4]}, {"y": [2, 4]}, {"w": random(2, 4)}, [node("Add", "chosen w", "y")])


def if_captures():
    """Branches with a product of an outer tensor that half precision computes."""
    side = lambda: branch([node("Gemm", "h v b", "o")], "o", [1, 3], {"v": weight(4, 3), "b": random(3)})
    return chosen([node("MatMul", "x w", "h")], side(), side(), {"x": [1, 4]}, {"y": [1, 3]},
                  {"w": weight(4, 4), "c": random(1, 3)},
                  [node("Add", "chosen c", "y")])


variant("if_captures", if_captures, half="h y")
variant("if_captures_half_io", if_captures, half="h y", options="--fp16 --half-io")


@case(float32="chosen", half="o")
def if_captures_the_input():
    side = lambda: branch([node("Gemm", "x v b", "o")], "o", [1, 3], {"v": weight(4, 3), "b": random(3)})
    return chosen([], side(), side(), {"x": [1, 4]}, {"chosen": [1, 3]})


variant("if_captures_the_input_half_io", if_captures_the_input, float32="chosen", half="o", options="--fp16 --half-io")


@case(float32="chosen", half="h y")
def if_captures_a_constant():
    """A constant that a branch and half precision both read."""
    side = lambda op: branch([node(op, "h w", "o")], "o", [4, 4])
    return chosen([node("MatMul", "x w", "h")], side("Add"), side("Sub"), {"x": [4, 4]}, {"y": [4, 4]},
                  {"w": weight(4, 4)},
                  [node("MatMul", "chosen w", "y")])


@case(half="y")
def if_resizes():
    side = lambda mode: branch([node("Resize", "x roi scales", "o", mode=mode)], "o", [1, 3, 16, 16],
                               {"roi": np.zeros(0, FLOAT), "scales": FLOAT([1, 1, 2, 2])})
    return chosen([], side("nearest"), side("linear"), {"x": [1, 3, 8, 8]}, {"y": [1, 3, 16, 16]}, None,
                  [node("Relu", "chosen", "y")])


@case(float32="chosen y", half="o")
def if_after_if():
    """A branch that captures the result of another If."""
    first = lambda: branch([node("Gemm", "x w", "o")], "o", [1, 3], {"w": weight(4, 3)})
    second = lambda: branch([node("Gemm", "chosen w", "o")], "o", [1, 3], {"w": weight(3, 3)})
    again = node("If", "is_first", "y", then_branch=second(), else_branch=second())
    return chosen([], first(), first(), {"x": [1, 4]}, {"y": [1, 3]}, None, [again])


@case(says="nothing is left")
def if_in_if():
    """An inner branch that captures a tensor of the branch around it."""
    deep = lambda op: branch([node(op, "s c", "o")], "o", [1], {"c": random(1)})
    side = lambda: branch([node("Add", "a b", "s"), node("If", "is_second", "t", then_branch=deep("Add"),
                                                         else_branch=deep("Mul"))],
                          "t", [1], {"a": random(1), "b": random(1)})
    return chosen([], side(), side(), {"is_second": ([], T.BOOL)}, {"chosen": [1]},
                  feeds={"is_second": np.resize([True, True, False], RUNS)})


@case(says="nothing is left")
def if_without_names():
    """Branches whose nodes have no names."""
    def side():
        made = branch([node("Add", "a b", "s"), node("Add", "x c", "t"), node("Add", "s t", "o")], "o", [1],
                      {"a": random(1), "b": random(1), "c": random(1)})
        for one in made.node:
            one.name = ""
        return made
    return chosen([], side(), side(), {"x": [1]}, {"chosen": [1]})


@case(float32="one last", half="h y")
def if_with_idle_outputs():
    """An If and a Loop with outputs that nothing reads."""
    side = lambda: body([node("Mul", "h a", "o"), node("Add", "h a", "p")], {}, {"o": [2, 4], "p": [2, 4]},
                        {"a": random(2, 4)})
    choice = node("If", "is_first", "one two", then_branch=side(), else_branch=side())
    loop = body([node("Mul", "s h", "next"), node("Add", "s h", "each"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]},
                {"on": ([], T.BOOL), "next": [2, 4], "each": [2, 4]})
    nodes = [node("Add", "x w", "h"), choice, node("Loop", "trips yes one", "last all", body=loop),
             node("Relu", "last", "y")]
    return graph(nodes, {"x": [2, 4], "is_first": ([], T.BOOL)}, {"y": [2, 4]},
                 {"w": random(2, 4), "trips": np.int64(3), "yes": np.bool_(True)}, feeds={"is_first": turns()})


def looped(half_io=False):
    """A Loop whose body captures a tensor of half precision, and whose state starts from one."""
    loop = body([node("Add", "s h", "t"), node("Mul", "t w", "next"), node("Identity", "next", "each"),
                 node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [1, 3]},
                {"on": ([], T.BOOL), "next": [1, 3], "each": [1, 3]})
    nodes = [node("Mul", "x w", "h"), node("Relu", "h", "start"),
             node("Loop", "trips yes start", "last all", body=loop),
             node("Add", "last w", "y"), node("Mul", "all w", "z")]
    return graph(nodes, {"x": [1, 3], "trips": ([], T.INT64), "yes": ([], T.BOOL)}, {"y": [1, 3], "z": [None, 1, 3]},
                 {"w": random(1, 3)}, 20, feeds={"trips": np.resize(np.int64([1, 3]), RUNS),
                                                 "yes": np.resize([True], RUNS)})


variant("loop_captures", looped, half="h start y z")
variant("loop_captures_half_io", looped, half="h start y z", options="--fp16 --half-io")
variant("loop_captures_bf16", looped, half="h start y z", options="--bf16", least=30)


@case(float32="chosen", half="h p next y")
def loop_in_if():
    loop = body([node("MatMul", "s w", "p"), node("Tanh", "p", "next"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]}, {"on": ([], T.BOOL), "next": [2, 4]})
    then = branch([node("Loop", "trips yes h", "o", body=loop)], "o", [2, 4])
    other = branch([node("MatMul", "h v", "o")], "o", [2, 4], {"v": weight(4, 4)})
    return chosen([node("MatMul", "x w", "h")], then, other, {"x": [2, 4]}, {"y": [2, 4]},
                  {"w": weight(4, 4), "trips": np.int64(3), "yes": np.bool_(True)}, [node("MatMul", "chosen w", "y")])


@case(float32="last", half="h p q next each y", runtime="onnxruntime")
def scanned():
    """A Scan with a state, a scanned tensor of half precision and a capture."""
    step = body([node("MatMul", "s w", "p"), node("Add", "p part", "q"), node("Tanh", "q", "next"),
                 node("Identity", "next", "each")],
                {"s": [1, 4], "part": [1, 4]}, {"next": [1, 4], "each": [1, 4]})
    nodes = [node("MatMul", "x w", "h"), node("Scan", "start h", "last all", body=step, num_scan_inputs=1),
             node("MatMul", "all w", "y")]
    return graph(nodes, {"x": [5, 1, 4]}, {"y": [5, 1, 4]}, {"w": weight(4, 4), "start": np.zeros((1, 4), FLOAT)})


@case(half="product y", runtime="onnxruntime")
def loop_of_sequences():
    """A Loop that collects its results in a sequence."""
    loop = body([node("MatMul", "h w", "p"), node("SequenceInsert", "s p", "next"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL)}, {"on": ([], T.BOOL)})
    loop.input.append(h.make_tensor_sequence_value_info("s", T.FLOAT, None))
    loop.output.append(h.make_tensor_sequence_value_info("next", T.FLOAT, None))
    nodes = [node("MatMul", "x w", "h"), node("SequenceEmpty", "", "none", dtype=T.FLOAT),
             node("Loop", "trips yes none", "all", body=loop),
             node("ConcatFromSequence", "all", "joined", axis=0), node("MatMul", "joined w", "product"),
             node("Relu", "product", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [None, 4]}, {"w": weight(4, 4), "trips": np.int64(3),
                                                          "yes": np.bool_(True)})


@case(half="h y")
def deep_captures():
    """An If in the body of a Loop, neither with a product, that capture a tensor and a constant of half precision."""
    deep = lambda op: branch([node(op, "s h", "d"), node("Mul", "d w", "e")], "e", [2, 4])
    loop = body([node("Less", "i one", "is"), node("If", "is", "next", then_branch=deep("Add"),
                                                   else_branch=deep("Sub")), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]}, {"on": ([], T.BOOL), "next": [2, 4]})
    nodes = [node("Mul", "x w", "h"), node("Loop", "trips yes x", "last", body=loop), node("Add", "last w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": random(2, 4), "trips": np.int64(3), "yes": np.bool_(True),
                                                       "one": np.int64(1)})


variant("deep_captures_half_io", deep_captures, half="h y", options="--fp16 --half-io")


@case(half="y")
def loop_starts_from_the_input():
    """A Loop whose state starts from an input of the model."""
    loop = body([node("Add", "s s", "next"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]},
                {"on": ([], T.BOOL), "next": [2, 4]})
    nodes = [node("Loop", "trips yes x", "last", body=loop), node("Mul", "last x", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "last": [2, 4]}, {"trips": np.int64(2), "yes": np.bool_(True)})


variant("loop_starts_from_the_input_half_io", loop_starts_from_the_input, half="y", options="--fp16 --half-io")
