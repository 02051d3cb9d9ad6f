"""Graphs that are hard to convert to half precision for their form. Those of the unit tests of NVIDIA's AutoCast are
among them, built anew, with half_operators.py and half_subgraphs.py."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import FLOAT, IDLE, RUNS, case, cast, constant, graph, info, node, random, stored, variant, weight


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


@case(half="product sum y", casts=2)
def weights_are_inputs():
    """IR version 3, in which every stored tensor is an input as well."""
    model, feeds = chain(8, 3)
    model.graph.input.extend([info("w", [5, 3]), info("b", [1, 3])])
    return model, {"x": feeds["x"]}


@case(half="product sum y")
def one_weight_is_an_input():
    """A stored tensor that a caller may replace."""
    model, feeds = chain()
    model.graph.input.append(info("w", [5, 3]))
    return model, {"x": feeds["x"]}


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


variant("input_is_output_half_io", input_is_output, half="y z", options="--fp16 --half-io")


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


# Functions are inlined, because each of their nodes has its own precision.
@case(half="a/P a/Y y/P y/Y", limits=["functions are lost"])
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


@case(half="x_f16 x_f32 y_f16 x_Cast_f16 y_Cast_f32 y")
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


@case(half="second y", float32="first", options="--fp16 --float32 first", runtime="onnxruntime")
def kept_tensor_with_its_own_cast():
    """A float32 tensor that float16 nodes read through a Cast of the exporter, and others without one."""
    nodes = [node("MatMul", "x w", "first"), cast("first", "narrow", T.FLOAT16), node("Relu", "narrow", "out"),
             node("Relu", "first", "second"),
             node("MatMul", "second w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "out": ([2, 4], T.FLOAT16), "narrow": ([2, 4], T.FLOAT16)},
                 {"w": weight(4, 4)})


@case(half="y")
def chains_of_constants():
    """A weight that is computed from stored tensors, and constants that both sides read through it."""
    nodes = [node("ReduceL2", "v", "length", axes=[0]), node("Div", "v length", "unit"), node("Mul", "unit g", "w"),
             node("MatMul", "x w", "product"),
             node("Transpose", "w", "turned"), node("MatMul", "product turned", "back"), node("Softmax", "back", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"v": weight(4, 4), "g": random(4, mean=1)})


@case(half="first", float32="second y", casts=2, options="--fp16 --float32 second --float32 third --float32 y")
def one_cast_for_many():
    """A tensor of half precision with several readers in float32."""
    nodes = [node("MatMul", "x w", "first"), node("Add", "first c", "second"), node("Sub", "first second", "third"),
             node("Mul", "first third", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "c": random(4)})
