"""Graphs that are hard to convert to half precision for their form. Those of the unit tests of NVIDIA's AutoCast are
among them, built anew."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import (
    FLOAT, RUNS, body, branch, case, cast, constant, every, graph, info, node, random, stored, turns, variant, weight,
)

#: A Cast of float32 to float32 in the file stays, and becomes one of float16 to float16.
IDLE = "changes nothing"


def chain(opset=20, ir=10):
    """A product, an Add and a Relu."""
    nodes = [node("MatMul", "x w", "product"), node("Add", "product b", "sum"), node("Relu", "sum", "y")]
    return graph(nodes, {"x": [1, 5]}, {"y": [1, 3]}, {"w": weight(5, 3), "b": random(1, 3)}, opset, ir_version=ir)


variant("chain", chain, half="product sum y", casts=2)
variant("chain_half_io", chain, half="product sum y", casts=0, options="--fp16 --half-io")
variant("chain_bf16", chain, half="product sum y", casts=2, options="--bf16", least=35)
variant("chain_bf16_half_io", chain, half="product sum y", casts=0, options="--bf16 --half-io", least=35)
variant("chain_kept", chain, float32="product sum", half="y", options="--fp16 --float32 product --float32 sum")
variant("chain_kept_half_io", chain, float32="product sum", half="y", casts=2,
        options="--fp16 --half-io --float32 product --float32 sum")
variant("chain_no_data", chain, half="product sum y", casts=2, data=False, says="although nothing is known of their values")


def convolutional(opset):
    """A small network in the operators of an old or new opset."""
    clip = node("Clip", "relu", "clip", max=6.0) if opset < 11 else node("Clip", "relu - six", "clip")
    nodes = [
        node("Conv", "x w b", "conv", pads=[1] * 4), node("BatchNormalization", "conv scale shift mean variance",
                                                          "norm"),
        node("Relu", "norm", "relu"), clip, node("MaxPool", "clip", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", "pool", "average"), node("Flatten", "average", "flat"),
        node("Gemm", "flat v c", "scores", alpha=0.5), node("Softmax", "scores", "y", axis=1),
    ]
    weights = {"w": weight(8, 3, 3, 3), "b": random(8), "scale": random(8, mean=2), "shift": random(8),
               "mean": random(8),
               "variance": np.abs(random(8)) + 1, "v": weight(8, 10), "c": random(10)}
    weights |= {"six": FLOAT(6)} if opset >= 11 else {}
    return graph(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 10]}, weights, opset, ir_version=max(4, min(10, opset - 7)))


for version in [7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 20, 21, 22]:
    variant(f"opset_{version}", convolutional, version, half="conv norm relu clip pool flat scores y")


@case(half="product sum y", casts=2)
def weights_are_inputs():
    """IR version 3, in which every stored tensor is an input as well."""
    model, feeds = chain(8, 3)
    model.graph.input.extend([info("w", [5, 3]), info("b", [1, 3])])
    return model, {"x": feeds["x"]}


@case()
def one_weight_is_an_input():
    """A stored tensor that a caller may replace."""
    model, feeds = chain()
    model.graph.input.append(info("w", [5, 3]))
    return model, {"x": feeds["x"]}


@case(half="conv", float32="y")
def is_inf_13():
    return is_inf(13)


@case(half="conv y", options="--fp16 --opset 20")
def is_inf_20():
    return is_inf(20)


def is_inf(opset):
    """An operator that takes float32 alone up to opset 19."""
    nodes = [node("Conv", "x w", "conv"), node("IsInf", "conv", "y")]
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": ([1, 4, 4, 4], T.BOOL)}, {"w": weight(4, 3, 3, 3)}, opset)


@case(data=False, inferred=False)
def topk_beyond_the_axis():
    """A TopK that asks for more than there is, which inference refuses and some exporters write."""
    nodes = [node("Add", "x w", "sum"), node("TopK", "sum k", "values indices", axis=1), cast("indices", "y", T.FLOAT)]
    return graph(nodes, {"x": [1, 3]}, {"y": [1, 5]}, {"w": random(1, 3), "k": np.int64([5])})


@case(half="second one three", float32="first two", options="--fp16 --float32 first --float32 two")
def read_from_both_sides():
    return shared()


@case(half="second", float32="one two three")
def too_large_constant():
    return shared(70000.0)


def shared(scale=1.0):
    """An input, products and a constant with several readers each."""
    nodes = [node("MatMul", "x w", "first"), node("MatMul", "x v", "second"), node("Add", "first c", "one"),
             node("Add", "second c", "two"), node("Add", "first c", "three")]
    weights = {"w": weight(5, 3), "v": weight(5, 3), "c": random(1, 3) * FLOAT(scale)}
    return graph(nodes, {"x": [1, 5]}, {name: [1, 3] for name in ["one", "two", "three"]}, weights)


@case(half="first second one two three")
def several_readers():
    return shared()


@case(says="nothing is left", runtime="onnxruntime")
def ends_in_a_cast_pair():
    """A pair that an exporter wrote to round its output."""
    return graph([cast("x", "rounded", T.FLOAT16), cast("rounded", "y", T.FLOAT)], {"x": [2]}, {"y": [2]})


def pair_inside():
    """Casts to float16 and back between two products of a float32 model."""
    nodes = [node("MatMul", "x w", "first"), cast("first", "narrow", T.FLOAT16), cast("narrow", "wide", T.FLOAT),
             node("MatMul", "wide w", "second"), node("Add", "second wide", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4)})


variant("pair_inside", pair_inside, half="first second y")
variant("pair_inside_kept", pair_inside, half="first", float32="second y", options="--fp16 --float32 second --float32 y")


@case(half="sum", limits=[IDLE])
def ends_in_an_idle_cast():
    nodes = [node("Add", "x w", "sum"), cast("sum", "y", T.FLOAT)]
    return graph(nodes, {"x": [3, 4]}, {"y": [3, 4]}, {"w": random(3, 4)})


@case(half="sum")
def chains_of_casts():
    nodes = [cast("x", "a", T.FLOAT), cast("a", "b", T.FLOAT), cast("b", "c", T.FLOAT), node("Add", "c w", "sum"),
             cast("sum", "d", T.FLOAT16), cast("d", "e", T.FLOAT16), cast("e", "y", T.FLOAT16)]
    return graph(nodes, {"x": [3, 4]}, {"y": ([3, 4], T.FLOAT16)}, {"w": random(3, 4)})


@case(half="y", casts=4)
def output_in_both_types():
    """An output that is an output in float16 too."""
    nodes = [node("Add", "x w", "sum"), node("Mul", "sum w", "y"), cast("sum", "z", T.FLOAT16)]
    return graph(nodes, {"x": [3, 4]}, {"sum": [3, 4], "y": [3, 4], "z": ([3, 4], T.FLOAT16)}, {"w": random(3, 4)})


def read_on():
    """Outputs that other nodes read on."""
    nodes = [node("Add", "x w", "a"), node("Mul", "v a", "b"), node("Sigmoid", "b", "c"), node("Add", "a c", "d")]
    return graph(nodes, {"x": [3, 4], "v": [3, 4]}, {name: [3, 4] for name in "abcd"}, {"w": random(3, 4)})


variant("outputs_read_on", read_on, half="a b c d", casts=6)
variant("outputs_read_on_half_io", read_on, half="a b c d", casts=0, options="--fp16 --half-io")
variant("outputs_read_on_by_both", read_on, half="b c", float32="a d", options="--fp16 --float32 a --float32 d")
variant("outputs_read_on_by_both_half_io", read_on, half="b c", float32="a d",
        options="--fp16 --half-io --float32 a --float32 d")


@case(float32="curve boxes", half="y", runtime="onnxruntime")
def float32_alone():
    """Operators that ONNX defines for float32 alone, beside a Resize."""
    nodes = [node("Celu", "x", "curve"), node("Resize", "curve - sizes", "y", mode="linear"),
             node("NonMaxSuppression", "corners scores most overlap", "boxes")]
    corners = np.sort(random(RUNS, 1, 5, 4), axis=-1)
    weights = {"sizes": FLOAT([1, 1, 2, 2]), "most": np.int64([3]), "overlap": FLOAT([0.5])}
    return graph(nodes, {"x": [1, 2, 4, 4], "corners": [1, 5, 4], "scores": [1, 1, 5]},
                 {"y": [1, 2, 8, 8], "boxes": ([None, 3], T.INT64)}, weights, feeds={"corners": corners})


def empty_constant():
    """An empty constant beside data."""
    nodes = [constant("nothing", np.zeros(0, FLOAT)), node("Concat", "x nothing", "all", axis=0),
             node("Relu", "all", "y")]
    return graph(nodes, {"x": [2]}, {"y": [2]})


variant("empty_constant", empty_constant, half="all y")
variant("empty_constant_kept", empty_constant, half="y", float32="all", options="--fp16 --float32 all")


def empty_input():
    """An input without elements."""
    nodes = [node("Concat", "x nothing", "all", axis=1), node("Relu", "all", "y")]
    return graph(nodes, {"x": [2, 1], "nothing": [2, 0]}, {"y": [2, 1]},
                 feeds={"nothing": np.zeros((RUNS, 2, 0), FLOAT)})


variant("empty_input", empty_input, half="all y")
variant("empty_input_half_io", empty_input, half="all y", casts=0, options="--fp16 --half-io")


@case(half="one two three four y")
def constant_nodes():
    """Constants in nodes, in each of the attributes that hold them."""
    nodes = [
        constant("scalar", FLOAT(2.5)), constant("array", random(2, 3)),
        h.make_node("Constant", [], ["number"], name="number", value_float=0.3),
        h.make_node("Constant", [], ["numbers"], name="numbers", value_floats=[0.1, 0.2, 0.7]),
        node("Add", "x scalar", "one"), node("Mul", "x array", "two"), node("Mul", "one number", "three"),
        node("Add", "two numbers", "four"), node("Mean", "three four", "y"),
    ]
    return graph(nodes, {"x": [2, 3]}, {"y": [2, 3]})


@case(half="one", float32="two y", options="--fp16 --float32 two --float32 y")
def constant_node_for_both_sides():
    nodes = [constant("c", random(2, 3)), h.make_node("Constant", [], ["n"], name="n", value_float=0.3),
             node("Add", "x c", "one"), node("Mul", "one n", "half"), node("Mul", "half c", "two"),
             node("Add", "two n", "y")]
    return graph(nodes, {"x": [2, 3]}, {"y": [2, 3]})


@case(half="some all", limits=[IDLE])
def cast_beside_a_reader():
    nodes = [node("Concat", "a b", "some", axis=1), node("Concat", "some c", "all", axis=1), cast("some", "y", T.FLOAT)]
    return graph(nodes, {"a": [1, 2, 4, 4], "b": [1, 3, 4, 4], "c": [1, 4, 4, 4]},
                 {"y": [1, 5, 4, 4], "all": [1, 9, 4, 4]})


def input_cast_to_output():
    nodes = [constant("c", random(2, 3)), node("Add", "x c", "one"), node("Add", "one c", "y"),
             cast("x", "same", T.FLOAT)]
    return graph(nodes, {"x": [2, 3]}, {"same": [2, 3], "y": [2, 3]})


variant("input_cast_to_output", input_cast_to_output, half="one y", limits=[IDLE])
variant("input_cast_to_output_half_io", input_cast_to_output, half="one y", options="--fp16 --half-io")


@case(half="y z")
def input_is_output():
    """An input that is an output too, and a stored tensor that is one."""
    nodes = [node("Add", "x c", "y"), node("Identity", "x", "z")]
    return graph(nodes, {"x": [2, 3]}, {"x": [2, 3], "y": [2, 3], "z": [2, 3], "c": [2, 3]}, {"c": random(2, 3)})


variant("input_is_output_half_io", input_is_output, options="--fp16 --half-io")


def resized(opset, form):
    """An enlargement in the forms of each opset."""
    wanted = {
        "scales": ("sum scales", {"scales": FLOAT([1, 1, 2, 2])}), "roi": ("sum roi scales", {
            "scales": FLOAT([1, 1, 2, 2]), "roi": np.zeros(0, FLOAT)}),
        "sizes": ("sum - - sizes", {"sizes": np.int64([1, 3, 16, 16])}), "attribute": ("sum", {}),
        "given": ("sum roi scales", {"ones": FLOAT([0, 0, 1, 1]), "roi": np.zeros(0, FLOAT)}),
        "node": ("sum - scales", {}), "crop": ("sum roi scales", {
            "scales": FLOAT([1, 1, 2, 2]), "roi": FLOAT([0, 0, 0.1, 0.2, 1, 1, 0.7, 0.9])}),
    }
    inputs, weights = wanted[form]
    op = "Upsample" if opset < 10 else "Resize"
    attributes = {"scales": [1.0, 1.0, 2.0, 2.0]} if form == "attribute" else {}
    if form == "crop":
        attributes["coordinate_transformation_mode"] = "tf_crop_and_resize"
    before = [node("Add", "given ones", "scales")] if form == "given" else []
    before += [constant("scales", FLOAT([1, 1, 2, 2]))] if form == "node" else []
    nodes = [*before, node("Add", "x c", "sum"), node(op, inputs, "big", mode="linear" if opset > 10 else "nearest",
                                                      **attributes),
             node("Relu", "big", "y")]
    given = {"given": [4]} if form == "given" else {}
    return graph(nodes, {"x": [1, 3, 8, 8], **given}, {"y": [1, 3, None, None]}, {"c": random(1, 3, 8, 8), **weights},
                 opset,
                 feeds={"given": every(FLOAT([1, 1, 1, 1]))} if given else None, ir_version=8)


for version, shape in [(7, "attribute"), (9, "scales"), (10, "scales"), (11, "roi"), (13, "roi"), (13, "crop"),
                       (13, "sizes"),
                       (19, "sizes"), (19, "node"), (20, "roi"), (20, "given")]:
    variant(f"resize_{version}_{shape}", resized, version, shape, half="sum big y",
            float32="scales" if shape == "given" else "", **({"runtime": "onnxruntime"} if shape == "crop" else {}))


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


@case()
def if_states_outer_types():
    """Branches that state the type of an outer tensor."""
    def side():
        made = branch([node("Identity", "h", "o")], "o", [2, 4])
        made.value_info.append(info("h", [2, 4]))
        return made
    return chosen([node("Add", "x w", "h")], side(), side(), {"x": [2, 4]}, {"y": [2, 4]}, {"w": random(2, 4)},
                  [node("Add", "chosen h", "y")])


@case()
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


@case()
def if_captures_the_input():
    side = lambda: branch([node("Gemm", "x v b", "o")], "o", [1, 3], {"v": weight(4, 3), "b": random(3)})
    return chosen([], side(), side(), {"x": [1, 4]}, {"chosen": [1, 3]})


variant("if_captures_the_input_half_io", if_captures_the_input, options="--fp16 --half-io")


@case()
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


@case()
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


@case()
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


@case()
def loop_in_if():
    loop = body([node("MatMul", "s w", "p"), node("Tanh", "p", "next"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]}, {"on": ([], T.BOOL), "next": [2, 4]})
    then = branch([node("Loop", "trips yes h", "o", body=loop)], "o", [2, 4])
    other = branch([node("MatMul", "h v", "o")], "o", [2, 4], {"v": weight(4, 4)})
    return chosen([node("MatMul", "x w", "h")], then, other, {"x": [2, 4]}, {"y": [2, 4]},
                  {"w": weight(4, 4), "trips": np.int64(3), "yes": np.bool_(True)}, [node("MatMul", "chosen w", "y")])


@case(runtime="onnxruntime")
def scanned():
    """A Scan with a state, a scanned tensor of half precision and a capture."""
    step = body([node("MatMul", "s w", "p"), node("Add", "p part", "q"), node("Tanh", "q", "next"),
                 node("Identity", "next", "each")],
                {"s": [1, 4], "part": [1, 4]}, {"next": [1, 4], "each": [1, 4]})
    nodes = [node("MatMul", "x w", "h"), node("Scan", "start h", "last all", body=step, num_scan_inputs=1),
             node("MatMul", "all w", "y")]
    return graph(nodes, {"x": [5, 1, 4]}, {"y": [5, 1, 4]}, {"w": weight(4, 4), "start": np.zeros((1, 4), FLOAT)})


@case(half="scaled y")
def compared_with_a_constant():
    nodes = [node("Mul", "x w", "scaled"), constant("c", FLOAT([0.5] * 4)), node("Greater", "scaled c", "y")]
    return graph(nodes, {"x": [4]}, {"y": ([4], T.BOOL)}, {"w": np.ones(4, FLOAT)},
                 feeds={"x": np.round(random(RUNS, 4) * 8).astype(FLOAT) / 4})


@case(says="nothing is left", data=False)
def without_inputs():
    """A model without inputs, whose only float32 is a constant before a Cast."""
    nodes = [constant("c", FLOAT([1, 2])), cast("c", "d", T.FLOAT16), node("Identity", "d", "y")]
    return graph(nodes, {}, {"y": ([2], T.FLOAT16)}, opset=19)


@case(data=False, half="row", float32="plugin", limits=[IDLE])
def plugin():
    """An operator of which nothing is known, beside some whose results have other ranks."""
    nodes = [node("GatherND", "x indices", "row", batch_dims=1), node("Gather", "v zero", "first"),
             cast("first", "scalar", T.FLOAT),
             node("Unsqueeze", "v axes", "column"), h.make_node("Unknown", ["row"], ["plugin"], name="plugin",
                                                                domain="own.plugins"),
             node("Add", "plugin row", "y")]
    weights = {"indices": np.int64([[3]]), "zero": np.int64(0), "axes": np.int64([0])}
    return graph(nodes, {"x": [1, 4, 2], "v": [4]}, {"y": [1, 2], "scalar": [], "column": [1, 4]}, weights, 19,
                 domains=["own.plugins"])


@case(half="product y", float32="curve", runtime="onnxruntime")
def contributed():
    """An operator of ONNX Runtime's own domain."""
    nodes = [node("MatMul", "x w", "product"), h.make_node("Gelu", ["product"], ["curve"], name="curve",
                                                           domain="com.microsoft"),
             node("MatMul", "curve w", "y")]
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, {"w": weight(8, 8)}, domains=["com.microsoft"])


@case(half="sum y")
def metadata():
    """Documentation, metadata, and outputs without sizes."""
    nodes = [node("Add", "x w", "sum"), node("Relu", "sum", "y")]
    model, feeds = graph(nodes, {"x": [2, 3]}, {"y": [None, None]}, {"w": random(2, 3)}, 19)
    model.graph.output[0].doc_string = "of any size"
    model.graph.input[0].doc_string = "two rows"
    model.doc_string, model.producer_name, model.producer_version, model.domain = "a test", "a hand", "3", "own"
    model.model_version = 7
    h.set_model_props(model, {"author": "nobody", "stride": "32"})
    return model, feeds


@case(half="product turned all y")
def open_dimensions():
    """Dimensions that only a run decides."""
    nodes = [node("MatMul", "x w", "product"), node("Transpose", "z", "turned"),
             node("Concat", "product turned", "all", axis=0),
             node("Size", "all", "size"), node("Div", "size four", "rows"), node("Unsqueeze", "rows zero", "rows_1"),
             node("Unsqueeze", "four zero", "four_1"), node("Concat", "rows_1 four_1", "shape", axis=0),
             node("Reshape", "all shape", "y")]
    weights = {"w": weight(4, 8), "four": np.int64(4), "zero": np.int64([0])}
    return graph(nodes, {"x": [None, 4], "z": [8, "rows"]}, {"y": [None, 4]}, weights, 20)


@case(float32="single")
def double_io():
    """Inputs and outputs in float64."""
    nodes = [cast("x", "single", T.FLOAT), node("MatMul", "single w", "product"), node("Relu", "product", "relu"),
             cast("relu", "y", T.DOUBLE)]
    return graph(nodes, {"x": ([2, 4], T.DOUBLE)}, {"y": ([2, 3], T.DOUBLE)}, {"w": weight(4, 3)})


@case(half="product")
def double_inside():
    """Float64 between float32."""
    nodes = [node("MatMul", "x w", "product"), cast("product", "wide", T.DOUBLE), node("Add", "wide c", "sum"),
             cast("sum", "narrow", T.FLOAT),
             node("Relu", "narrow", "y")]
    model, feeds = graph(nodes, {"x": [2, 4]}, {"y": [2, 3]}, {"w": weight(4, 3)})
    model.graph.initializer.append(h.make_tensor("c", T.DOUBLE, [3], [1.0, 1e-9, 3.0]))
    return model, feeds


@case(half="product y")
def sequences():
    """Tensors that go through sequences."""
    nodes = [node("MatMul", "x w", "product"), node("SequenceConstruct", "product x", "both"),
             node("SequenceAt", "both one", "second"),
             node("ConcatFromSequence", "both", "all", axis=0), node("Add", "second product", "sum"),
             node("Concat", "all sum", "joined", axis=0),
             node("Relu", "joined", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [6, 4]}, {"w": weight(4, 4), "one": np.int64(1)})


@case(runtime="onnxruntime")
def split_to_sequence():
    nodes = [node("MatMul", "x w", "product"), node("SplitToSequence", "product", "parts", axis=0),
             node("SequenceEmpty", "", "none", dtype=T.FLOAT),
             node("SequenceAt", "parts zero", "first"), node("SequenceInsert", "none first", "some"),
             node("SequenceAt", "some zero", "again"),
             node("SequenceLength", "parts", "count"), node("Relu", "again", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [None, 4], "count": ([], T.INT64)},
                 {"w": weight(4, 4), "zero": np.int64(0)})


# Functions are inlined, because each of their nodes has its own precision.
@case(limits=["functions are lost"])
def functions():
    """Functions of the model, one that calls another."""
    inner_one = h.make_function("own", "Scale", ["X", "W"], ["Y"], [node("Mul", "X W", "S"), node("Relu", "S", "Y")],
                                [h.make_opsetid("", 17)])
    outer_one = h.make_function("own", "Block", ["X", "W", "V"], ["Y"],
                                [node("MatMul", "X W", "P"), h.make_node("Scale", ["P", "V"], ["Y"], domain="own")],
                                [h.make_opsetid("", 17), h.make_opsetid("own", 1)])
    nodes = [h.make_node("Block", ["x", "w", "v"], ["a"], name="a", domain="own"),
             h.make_node("Block", ["a", "w", "v"], ["y"], name="y", domain="own")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "v": random(4)},
                 functions=[inner_one, outer_one], domains=["own"])


@case()
def names_collide():
    """Tensors and nodes that are called as new ones would be."""
    nodes = [node("MatMul", "x w", "x_f16"), node("Relu", "x_f16", "x_f32"), node("Add", "x_f32 w_f16", "y_f16"),
             node("Mul", "y_f16 x_f16", "x_Cast_f16"), node("Exp", "x_Cast_f16", "y_Cast_f32"),
             node("Sub", "y_Cast_f32 w", "y")]
    return graph(nodes, {"x": [4, 4]}, {"y": [4, 4], "x_f32": [4, 4]}, {"w": weight(4, 4), "w_f16": random(4, 4)})


@case(half="double square all choice y")
def same_tensor_twice():
    nodes = [node("Add", "x x", "double"), node("MatMul", "double double", "square"),
             node("Concat", "square square x", "all", axis=0),
             node("Greater", "all all", "is"), node("Where", "is all all", "choice"),
             node("Max", "choice choice choice", "y")]
    return graph(nodes, {"x": [4, 4]}, {"y": [12, 4]})


@case(half="upper lower y")
def absent_inputs():
    """Inputs and outputs that are left out."""
    nodes = [node("Clip", "x - one", "upper"), node("Clip", "upper one_below", "lower"),
             node("Dropout", "lower", "dropped"),
             node("Unsqueeze", "dropped axes", "deep"), node("LSTM", "deep w r - - start", "- last -", hidden_size=4),
             node("Squeeze", "last", "flat"), node("Resize", "four - - sizes", "y")]
    nodes.insert(-1, node("Unsqueeze", "flat axes_2", "four"))
    weights = {"one": FLOAT(1), "one_below": FLOAT(-1), "axes": np.int64([0]), "axes_2": np.int64([0, 1]),
               "w": weight(1, 16, 4), "r": weight(1, 16, 4),
               "start": np.zeros((1, 3, 4), FLOAT), "sizes": np.int64([1, 1, 6, 8])}
    return graph(nodes, {"x": [3, 4]}, {"y": [1, 1, 6, 8]}, weights)


@case(half="y z")
def numbers_of_shapes():
    """Floats that a ConstantOfShape, a Range, an EyeLike and Casts of integers and booleans make."""
    nodes = [node("Shape", "x", "shape"), node("ConstantOfShape", "shape", "fill", value=stored("v", FLOAT([0.3]))),
             node("Add", "x fill", "a"), node("Range", "zero eight one", "count"), node("Mul", "a count", "b"),
             cast("shape", "sizes", T.FLOAT), node("Gather", "sizes index", "size"), node("Div", "b size", "c"),
             node("Greater", "c nothing", "is"), cast("is", "mask", T.FLOAT), node("Mul", "c mask", "y"),
             node("EyeLike", "x", "eye"), node("Add", "eye y", "z")]
    weights = {"zero": FLOAT(0), "eight": FLOAT(8), "one": FLOAT(1), "index": np.int64(1), "nothing": FLOAT(0)}
    return graph(nodes, {"x": [8, 8]}, {"y": [8, 8], "z": [8, 8]}, weights)


@case(float32="noise like uniform", runtime="onnxruntime")
def random_operators():
    nodes = [node("RandomNormal", "", "noise", shape=[4, 4], seed=3.0), node("RandomNormalLike", "x", "like", seed=4.0),
             node("RandomUniform", "", "uniform", shape=[4], seed=5.0), node("Add", "x noise", "a"),
             node("Mul", "a like", "b"),
             node("Sub", "b uniform", "y")]
    return graph(nodes, {"x": [4, 4]}, {"y": [4, 4]})


@case(least=60, half="third", float32="scaled whole")
def cast_to_integers():
    """Integers made of floats, which find their places in a table."""
    nodes = [node("Mul", "x thousand", "scaled"), cast("scaled", "whole", T.INT64), node("Gather", "table whole", "y"),
             node("Mul", "x x", "third")]
    return graph(nodes, {"x": [64]}, {"y": [64], "third": [64]},
                 {"thousand": FLOAT(1000.0), "table": np.arange(1001).astype(FLOAT) % 7},
                 feeds={"x": RANDOM_UNIT})


RANDOM_UNIT = np.abs(np.sin(np.arange(RUNS * 64).reshape(RUNS, 64) * 1.7)).astype(FLOAT)


@case(half="y")
def cast_of_integers():
    """Integers and booleans that become floats."""
    nodes = [cast("i", "a", T.FLOAT), node("Mul", "a w", "b"), cast("i", "c", T.FLOAT), node("Add", "b c", "y")]
    return graph(nodes, {"i": ([4], T.INT32)}, {"y": [4]}, {"w": random(4)},
                 feeds={"i": np.resize(np.int32([1, 2, 3, 40]), (RUNS, 4))})


def guarded(kind=T.FLOAT16):
    """A model in 16 bits, in which an exporter kept a norm in float32."""
    to = h.tensor_dtype_to_np_dtype(kind)
    nodes = [node("MatMul", "x w", "product"), cast("product", "wide", T.FLOAT), node("Pow", "wide two", "square"),
             node("ReduceMean", "square", "mean", axes=[-1]), node("Add", "mean eps", "safe"),
             node("Sqrt", "safe", "root"),
             node("Div", "wide root", "normal"), cast("normal", "narrow", kind), node("MatMul", "narrow w", "y")]
    model, _ = graph(nodes, {"x": ([2, 8], kind)}, {"y": ([2, 8], kind)}, {"two": FLOAT(2), "eps": FLOAT(1e-6)}, 17,
                     feeds={"x": random(RUNS, 2, 8)})
    model.graph.initializer.append(stored("w", weight(8, 8).astype(to)))
    return model, {"x": random(RUNS, 2, 8).astype(np.float16)}


variant("guarded_norm", guarded, says="nothing is left", runtime="onnxruntime")


@case(half="first second y", runtime="onnxruntime")
def half_input():
    """A float32 model whose input is float16."""
    nodes = [cast("x", "wide", T.FLOAT), node("MatMul", "wide w", "first"), node("Relu", "first", "second"),
             node("MatMul", "second w", "y")]
    model, _ = graph(nodes, {"x": ([2, 8], T.FLOAT16)}, {"y": [2, 8]}, {"w": weight(8, 8)})
    return model, {"x": random(RUNS, 2, 8).astype(np.float16)}


@case(float32="square mean safe root normal", half="first second y", runtime="onnxruntime")
def guarded_norm_in_float32():
    """A float32 model with a norm between a Cast up and a Cast down, behind float16."""
    nodes = [node("MatMul", "x w", "first"), cast("first", "narrow", T.FLOAT16), node("Relu", "narrow", "second"),
             cast("second", "wide", T.FLOAT),
             node("Pow", "wide two", "square"), node("ReduceMean", "square", "mean", axes=[-1]),
             node("Add", "mean eps", "safe"),
             node("Sqrt", "safe", "root"), node("Div", "wide root", "normal"), cast("normal", "narrow_2", T.FLOAT16),
             cast("narrow_2", "wide_2", T.FLOAT),
             node("MatMul", "wide_2 w", "y")]
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, {"w": weight(8, 8), "two": FLOAT(2), "eps": FLOAT(1e-6)})


variant("guarded_norm_in_float32_forced", guarded_norm_in_float32, half="normal y", options="--fp16 --half normal")


@case(says="nothing is left", runtime="onnxruntime")
def float16_model():
    nodes = [node("Add", "x w", "sum"), node("Relu", "sum", "y")]
    model, _ = graph(nodes, {"x": ([2, 3], T.FLOAT16)}, {"y": ([2, 3], T.FLOAT16)},
                     {"w": random(2, 3).astype(np.float16)})
    return model, {"x": random(RUNS, 2, 3).astype(np.float16)}


variant("float16_model_to_bf16", float16_model, options="--bf16", says="nothing is left", runtime="onnxruntime")


@case(half="first y", float32="square", options="--fp16 --float32 square", runtime="onnxruntime")
def half_island():
    """A Cast pair around a product in a float32 model."""
    nodes = [node("MatMul", "x w", "first"), cast("first", "narrow", T.FLOAT16), node("Relu", "narrow", "relu"),
             cast("relu", "wide", T.FLOAT),
             node("Mul", "wide wide", "square"), node("MatMul", "square w", "y")]
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, {"w": weight(8, 8)})


@case(float32="states", runtime="onnxruntime")
def recurrent():
    nodes = [node("GRU", "x w r", "states last", hidden_size=4), node("Squeeze", "states axes", "flat"),
             node("Relu", "flat", "y")]
    return graph(nodes, {"x": [5, 1, 4]}, {"y": [5, 1, 4]}, {"w": weight(1, 12, 4), "r": weight(1, 12, 4),
                                                             "axes": np.int64([1])})


@case(half="heads y", runtime="onnxruntime")
def fused_attention():
    nodes = [node("Attention", "q k v", "heads", q_num_heads=2, kv_num_heads=2),
             node("RMSNormalization", "heads g", "norm"),
             node("MatMul", "norm w", "y")]
    shape = [1, 6, 16]
    return graph(nodes, {"q": shape, "k": shape, "v": shape}, {"y": shape},
                 {"w": weight(16, 16), "g": random(16, mean=1)}, 23)


@case(runtime="onnxruntime", half="product y")
def integer_product():
    """A product that quantizes its input as it runs, in operators that take float32 alone."""
    nodes = [node("MatMul", "x v", "product"), node("DynamicQuantizeLinear", "product", "q q_step q_zero"),
             node("MatMulInteger", "q w q_zero", "whole"), cast("whole", "float", T.FLOAT),
             node("Mul", "q_step w_step", "step"),
             node("Mul", "float step", "result"), node("MatMul", "result v", "y")]
    weights = {"v": weight(8, 8), "w": np.round(random(8, 8, scale=40)).clip(-127, 127).astype(np.int8),
               "w_step": FLOAT(0.01)}
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, weights)


@case(half="joined y")
def einsum_and_more():
    """Operators beside the common ones."""
    nodes = [node("Einsum", "x w", "product", equation="ij,jk->ik"),
             node("Split", "product", "left right", axis=1, num_outputs=2),
             node("Concat", "right left", "joined", axis=1), node("Trilu", "joined", "upper"),
             node("ScatterND", "upper where what", "changed"),
             node("Pad", "changed pads filler", "padded"), node("Slice", "padded begin end", "part"),
             node("Expand", "part wide", "many"),
             node("PRelu", "many slope", "y")]
    weights = {"w": weight(8, 8), "where": np.int64([[0], [1]]), "what": random(2, 8), "pads": np.int64([1, 0, 0, 0]),
               "filler": FLOAT(0.25),
               "begin": np.int64([0, 0]), "end": np.int64([5, 8]), "wide": np.int64([2, 5, 8]), "slope": random(8)}
    return graph(nodes, {"x": [8, 8]}, {"y": [2, 5, 8]}, weights, 18)


@case(data=False)
def sequence_input():
    """A sequence that the caller gives, and one that goes out."""
    model, _ = graph([node("SequenceAt", "given zero", "first"), node("MatMul", "first w", "product"),
                      node("SequenceInsert", "given product", "more"),
                      node("Relu", "product", "y")], {}, {"y": [None, 4]}, {"w": weight(4, 4), "zero": np.int64(0)})
    model.graph.input.append(h.make_tensor_sequence_value_info("given", T.FLOAT, [2, 4]))
    model.graph.output.append(h.make_tensor_sequence_value_info("more", T.FLOAT, None))
    return model, {}


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


@case(half="second y", float32="first", options="--fp16 --float32 first", runtime="onnxruntime")
def kept_tensor_with_its_own_cast():
    """A float32 tensor that float16 nodes read through a Cast of the exporter, and others without one."""
    nodes = [node("MatMul", "x w", "first"), cast("first", "narrow", T.FLOAT16), node("Relu", "narrow", "out"),
             node("Relu", "first", "second"),
             node("MatMul", "second w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "out": ([2, 4], T.FLOAT16), "narrow": ([2, 4], T.FLOAT16)},
                 {"w": weight(4, 4)})



@case(float32="scaled whole", runtime="onnxruntime")
def cast_like():
    """Types that follow those of another tensor."""
    nodes = [node("MatMul", "x w", "product"), node("CastLike", "i product", "float"),
             node("Mul", "product float", "scaled"),
             node("CastLike", "scaled i", "whole"), cast("whole", "again", T.FLOAT), node("Sub", "scaled again", "y")]
    return graph(nodes, {"x": [2, 4], "i": ([2, 4], T.INT32)}, {"y": [2, 4]}, {"w": weight(4, 4)},
                 feeds={"i": np.resize(np.int32([1, 2, 3]), (RUNS, 2, 4))})



@case(half="product relu again y")
def clip_of_every_number():
    """Clips as old exporters wrote a Relu: up to the largest number of float32."""
    nodes = [node("MatMul", "x w", "product"), node("Clip", "product zero largest", "relu"),
             node("Clip", "relu zero infinity", "again"), node("MatMul", "again w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "zero": FLOAT(0),
                                                       "largest": np.finfo(FLOAT).max, "infinity": FLOAT(np.inf)})



@case(half="relu y")
def clip_of_opset_6():
    nodes = [node("MatMul", "x w", "product"), node("Clip", "product", "relu", min=0.0, max=float(np.finfo(FLOAT).max)),
             node("MatMul", "relu w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4)}, 9, ir_version=4)


@case(half="y")
def chains_of_constants():
    """A weight that is computed from stored tensors, and constants that both sides read through it."""
    nodes = [node("ReduceL2", "v", "length", axes=[0]), node("Div", "v length", "unit"), node("Mul", "unit g", "w"),
             node("MatMul", "x w", "product"),
             node("Transpose", "w", "turned"), node("MatMul", "product turned", "back"), node("Softmax", "back", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"v": weight(4, 4), "g": random(4, mean=1)})


@case(half="product y", runtime="onnxruntime")
def optional_tensor():
    nodes = [node("MatMul", "x w", "product"), node("Optional", "product", "maybe"),
             node("OptionalHasElement", "maybe", "has"),
             node("OptionalGetElement", "maybe", "again"), node("Relu", "again", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "has": ([], T.BOOL)}, {"w": weight(4, 4)}, 18)


@case(half="conv y", least=30, runtime="onnxruntime")
def quantized_operators():
    """QLinearConv, whose scales ONNX defines for float32 alone, between float operators."""
    nodes = [node("Conv", "x v", "conv"), node("QuantizeLinear", "conv step zero", "q"),
             node("QLinearConv", "q step zero whole w_step w_zero step zero", "r"),
             node("DequantizeLinear", "r step zero", "float"), node("Relu", "float", "y")]
    weights = {"v": weight(4, 3, 1, 1), "step": FLOAT(0.03), "zero": np.uint8(128),
               "whole": np.rint(random(4, 4, 3, 3, scale=30)).clip(-127, 127).astype(np.int8),
               "w_step": FLOAT(0.004), "w_zero": np.int8(0)}
    return graph(nodes, {"x": [1, 3, 8, 8]}, {"y": [1, 4, 6, 6]}, weights)



@case(half="first", float32="second y", casts=2, options="--fp16 --float32 second --float32 third --float32 y")
def one_cast_for_many():
    """A tensor of half precision with several readers in float32."""
    nodes = [node("MatMul", "x w", "first"), node("Add", "first c", "second"), node("Sub", "first second", "third"),
             node("Mul", "first third", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "c": random(4)})



@case(half="y")
def loop_starts_from_the_input():
    """A Loop whose state starts from an input of the model."""
    loop = body([node("Add", "s s", "next"), node("Identity", "go", "on")],
                {"i": ([], T.INT64), "go": ([], T.BOOL), "s": [2, 4]},
                {"on": ([], T.BOOL), "next": [2, 4]})
    nodes = [node("Loop", "trips yes x", "last", body=loop), node("Mul", "last x", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "last": [2, 4]}, {"trips": np.int64(2), "yes": np.bool_(True)})


variant("loop_starts_from_the_input_half_io", loop_starts_from_the_input, half="y", options="--fp16 --half-io")


@case(half="product", float32="coins", runtime="onnxruntime")
def noise_and_dropout():
    """Operators that say how they draw in an input or an attribute."""
    nodes = [node("MatMul", "x w", "product"), node("Dropout", "product ratio training", "dropped", seed=3),
             node("Bernoulli", "chance", "coins", seed=2.0),
             node("Mul", "dropped coins", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "ratio": FLOAT(0.25),
                                                       "training": np.bool_(True), "chance": FLOAT([[0.5] * 4] * 2)})

