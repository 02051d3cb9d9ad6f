"""Small models that need preparation before any other step: prepare_models.py FOLDER

Writes NAME.onnx and its samples NAME.npz. For models with functions it also writes the first sample's output,
NAME.expected.npy.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

RANDOM = np.random.default_rng(15)


def random(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def stored(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs.split(" "), outputs.split(), **attributes)


def model(nodes, weights, inputs=(("x", T.FLOAT, ("N", 3, 8, 8)),), opset=17, functions=(), domains=()):
    graph = h.make_graph(
        nodes,
        "g",
        [h.make_tensor_value_info(*info) for info in inputs],
        [h.make_tensor_value_info("y", T.FLOAT, None)],
        [stored(name, value) for name, value in weights.items()],
    )
    imports = [h.make_opsetid("", opset)] if opset else []
    imports += [h.make_opsetid(domain, 1) for domain in domains]
    return h.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8)


def resize_opset10():
    """Sampling of opset 10, which is no default mode of a later version."""
    nodes = [node("Conv", "x w", "a"), node("Resize", "a s", "r", mode="linear"), node("Conv", "r v", "y")]
    weights = {"w": random(4, 3, 3, 3), "s": np.float32([1, 1, 2, 2]), "v": random(2, 4, 3, 3)}
    return model(nodes, weights, opset=10)


def unsorted():
    """A result of converters to 16 bits: casts at the end, also in subgraphs."""
    def branch(name, op):
        nodes = [node(op, f"{name}_early", f"{name}"), node("Add", "b_half b_half", f"{name}_early")]
        return h.make_graph(nodes, name, [], [h.make_tensor_value_info(name, T.FLOAT, None)])

    nodes = [
        node("Conv", "r v", "c"),
        node("Relu", "a", "r"),
        node("Conv", "x w", "a"),
        node("If", "is_large", "y", then_branch=branch("yes", "Relu"), else_branch=branch("no", "Neg")),
        node("ReduceSum", "c", "sum", keepdims=0),
        node("Greater", "sum zero", "is_large"),
        node("Mul", "c half", "b_half"),
    ]
    half, zero = np.float32(0.5), np.float32(0)
    return model(nodes, {"w": random(4, 3, 3, 3), "v": random(2, 4, 3, 3), "half": half, "zero": zero})


def one_name_for_two_sizes():
    return model([node("Add", "x x", "y")], {}, inputs=[("x", T.FLOAT, ("N", 3, "size", "size"))])


def computed_weights():
    """Weights in every form that exporters leave to the runtime, each read by a convolution."""
    size = np.int64([4, 4, 3, 3])
    weights = {
        "packed": random(4, 6, 3, 3),
        "halves": np.int64([3, 3]),
        "starts": np.int64([1]),
        "ends": np.int64([2**63 - 1]),
        "axis": np.int64([0]),
        "large": random(5, 4, 3, 3),
        "row": random(1, 4, 1, 1),
        "expanded": size,
        "left": random(2, 4, 3, 3),
        "right": random(2, 4, 3, 3),
        "flat": random(144),
        "one": np.int64([4]),
        "all": np.int64([3]),
        "integers": np.int8(RANDOM.integers(-127, 128, (4, 4, 3, 3))),
        "step": np.float32(0.01),
        "wide": random(4, 4, 3, 3).astype(np.float64),
        "gain": random(4, 1, 1, 1),
    }
    nodes = [
        node("Split", "packed halves", "w0 unused", axis=1),
        node("Conv", "x w0", "c0", pads=[1] * 4),
        node("Slice", "large starts ends axis", "w1"),
        node("Conv", "c0 w1", "c1", pads=[1] * 4),
        node("Expand", "row expanded", "spread"),
        node("Mul", "spread w1", "w2"),
        node("Conv", "c1 w2", "c2", pads=[1] * 4),
        node("Concat", "left right", "w3", axis=0),
        node("Conv", "c2 w3", "c3", pads=[1] * 4),
        node("Concat", "one one all all", "shape", axis=0),
        node("Reshape", "flat shape", "w4"),
        node("Conv", "c3 w4", "c4", pads=[1] * 4),
        h.make_node("ConstantOfShape", ["expanded"], ["w5"], value=h.make_tensor("v", T.FLOAT, [1], [0.125])),
        node("Conv", "c4 w5", "c5", pads=[1] * 4),
        node("DequantizeLinear", "integers step", "half_done"),
        node("Mul", "half_done gain", "w6"),
        node("Conv", "c5 w6", "c6", pads=[1] * 4),
        node("Cast", "wide", "narrow", to=T.FLOAT),
        node("ReduceL2", "narrow", "length", axes=[1, 2, 3]),
        node("Div", "narrow length", "w7"),
        node("Conv", "c6 w7", "y", pads=[1] * 4),
    ]
    return model(nodes, weights)


def computed_weights_half():
    """The same in 16 bits, which the embedded runtime does not support."""
    nodes = [
        node("Cast", "x", "h", to=T.FLOAT16),
        node("ReduceL2", "v", "length", axes=[1, 2, 3]),
        node("Div", "v length", "d"),
        node("Mul", "g d", "w"),
        node("Conv", "h w", "c"),
        node("Cast", "c", "y", to=T.FLOAT),
    ]
    half = np.float16
    return model(nodes, {"v": random(4, 3, 3, 3).astype(half), "g": random(4, 1, 1, 1).astype(half)})


def random_weight():
    """No constant: every run has another value."""
    nodes = [h.make_node("RandomNormal", [], ["w"], shape=[4, 3, 3, 3], seed=1.0), node("Conv", "x w", "y")]
    return model(nodes, {})


def huge_weight():
    """A file of a few bytes that requests terabytes."""
    nodes = [
        node("ConstantOfShape", "size", "w"),
        node("ReduceSum", "w", "sum", keepdims=0),
        node("Mul", "x sum", "y"),
    ]
    return model(nodes, {"size": np.int64([1 << 20, 1 << 20])})


def huge_product():
    """The same as the weight of a product."""
    nodes = [node("ConstantOfShape", "size", "w"), node("MatMul", "x w", "y")]
    return model(nodes, {"size": np.int64([8, 1 << 30])})


def computed_further():
    """Weights by operators that compute more than a form: gathered, mixed, through two kernels, and one with dropout
    in training only."""
    weights = {
        "bank": random(5, 3, 3, 3), "places": np.int64([[4], [0], [2], [1]]),
        "mix": random(4, 4), "base": random(4, 4, 3, 3),
        "kernels": random(4, 4, 3, 3), "point": random(4, 4, 1, 1),
        "kept": random(4, 4, 3, 3), "half": np.float32(0.5),
    }
    nodes = [
        node("GatherND", "bank places", "w0"),
        node("Conv", "x w0", "c0"),
        node("Einsum", "mix base", "w1", equation="om,m...->o..."),
        node("Conv", "c0 w1", "c1", pads=[1] * 4),
        node("Conv", "kernels point", "w2"),
        node("Conv", "c1 w2", "c2", pads=[1] * 4),
        node("Dropout", "kept half", "w3"),
        node("Conv", "c2 w3", "y"),
    ]
    return model(nodes, weights)


def loop(name, start, body, kind, shape):
    """Two iterations of `body` over one value: of constants only, and not computed before the run."""
    inside = h.make_graph(
        [node("Identity", "go", "go_on"), *body], "body",
        [h.make_tensor_value_info(*info) for info in (("at", T.INT64, []), ("go", T.BOOL, []), ("before", kind, shape))],
        [h.make_tensor_value_info("go_on", T.BOOL, []), h.make_tensor_value_info("after", kind, shape)],
    )
    return node("Loop", f"rounds yes {start}", name, body=inside)


def uncomputed():
    """Weights of constants only by operators that qdq does not compute, and a product with one after a form."""
    weights = {
        "rounds": np.int64(2), "yes": np.bool_(True), "start": random(4, 3, 3, 3), "packed": random(8, 4, 1, 1),
        "halves": np.int64([4, 4]), "second": np.int64(1), "square": random(6, 6),
    }
    nodes = [
        loop("w0", "start", [node("Add", "before before", "after")], T.FLOAT, [4, 3, 3, 3]),
        node("Conv", "x w0", "c0"),
        node("SplitToSequence", "packed halves", "parts", axis=0),
        node("SequenceAt", "parts second", "w1"),
        node("Conv", "c0 w1", "c1"),
        loop("turned", "square", [node("Neg", "before", "after")], T.FLOAT, [6, 6]),
        node("Transpose", "turned", "w2", perm=[1, 0]),
        node("MatMul", "c1 w2", "y"),
    ]
    return model(nodes, weights)


def uncomputed_condition():
    """A branch that always runs, which only a run reveals."""
    def branch(name, size):
        weight = stored(f"{name}_w", random(4, 3, size, size))
        nodes = [node("Conv", f"x {name}_w", name, pads=[size // 2] * 4)]
        return h.make_graph(nodes, name, [], [h.make_tensor_value_info(name, T.FLOAT, None)], [weight])

    nodes = [
        loop("c", "yes", [node("Not", "before", "after")], T.BOOL, []),
        node("If", "c", "y", then_branch=branch("a", 1), else_branch=branch("b", 3)),
    ]
    return model(nodes, {"rounds": np.int64(2), "yes": np.bool_(True)})


def function(domain, name, inputs, outputs, nodes, attributes=(), defaults=(), opset=17, domains=()):
    imports = [h.make_opsetid("", opset)] + [h.make_opsetid(other, 1) for other in domains]
    found = h.make_function(domain, name, inputs, outputs, nodes, imports, attributes, list(defaults))
    return found


def referring(op, inputs, outputs, **references):
    """A node whose attributes refer to those of its function."""
    found = node(op, inputs, outputs)
    for name, (reference, kind) in references.items():
        attribute = found.attribute.add()
        attribute.name, attribute.ref_attr_name, attribute.type = name, reference, kind
    return found


INT, INTS, FLOAT = onnx.AttributeProto.INT, onnx.AttributeProto.INTS, onnx.AttributeProto.FLOAT


def functions():
    """Functions in functions and in subgraphs, with attributes by reference and by default, conflicting names, an
    output that is an input, and a missing optional input."""
    block = function(
        "own", "Block", ["X", "W", "B"], ["Y", "seen"],
        [
            referring("Conv", "X W B", "t", pads=("pads", INTS)),
            referring("LeakyRelu", "t", "Y", alpha=("slope", FLOAT)),
            node("Identity", "X", "seen"),
        ],
        attributes=["pads"], defaults=[h.make_attribute("slope", 0.25)],
    )
    pair = function(
        "own", "Pair", ["X", "V", "W"], ["Y", "X"],
        [
            h.make_node("Block", ["X", "V"], ["t"], domain="own", name="first", pads=[1] * 4),
            h.make_node("Block", ["t", "W", ""], ["Y", ""], domain="own", pads=[0] * 4, slope=0.5),
        ],
        domains=["own"],
    )
    branch = [
        h.make_graph(
            [h.make_node("Block", ["t", "u"], [name], domain="own", pads=pads)],
            name, [], [h.make_tensor_value_info(name, T.FLOAT, None)],
        )
        for name, pads in (("yes", [0] * 4), ("no", [0] * 4))
    ]
    nodes = [
        h.make_node("Pair", ["x", "v", "w"], ["t", "again"], domain="own", name="pair"),
        node("ReduceSum", "again", "sum", keepdims=0),
        node("Greater", "sum zero", "is_large"),
        node("If", "is_large", "y", then_branch=branch[0], else_branch=branch[1]),
    ]
    weights = {
        "v": random(4, 3, 3, 3), "w": random(4, 4, 3, 3), "u": random(2, 4, 3, 3), "zero": np.float32(0),
    }
    return model(nodes, weights, functions=[block, pair], domains=["own"])


def plain(make, found):
    """Returns the flat nodes of a model with functions. The choice of the If has no effect."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    if make is not functions:
        nodes = [
            node("Conv", "x w", "c"),
            node("Flatten", "c", "flat"),
            node("Softmax", "flat", "even", axis=1),
            node("Shape", "c", "shape"),
            node("Reshape", "even shape", "s"),
            node("Identity", "s", "y") if make is function_alone else node("Softmax", "s", "y", axis=1),
        ]
        return model(nodes, weights)
    return model(
        [
            node("Conv", "x v", "a", pads=[1] * 4),
            node("LeakyRelu", "a", "b", alpha=0.25),
            node("Conv", "b w", "c"),
            node("LeakyRelu", "c", "d", alpha=0.5),
            node("Conv", "d u", "e"),
            node("LeakyRelu", "e", "y", alpha=0.25),
        ],
        weights,
    )


def functions_of_older_opset():
    """A function with opset 11, in which Softmax has another meaning, in a model of 17."""
    head = function(
        "own", "Head", ["X", "W"], ["Y"],
        [node("Conv", "X W", "c"), node("Softmax", "c", "Y"), h.make_node("Unsqueeze", ["Y"], ["unused"], axes=[0])],
        opset=11,
    )
    nodes = [h.make_node("Head", ["x", "w"], ["s"], domain="own"), node("Softmax", "s", "y", axis=1)]
    return model(nodes, {"w": random(4, 3, 3, 3)}, functions=[head], domains=["own"])


def function_alone():
    """A main graph without an operator of ONNX's own, and without its import."""
    found = functions_of_older_opset()
    del found.graph.node[1:]
    found.graph.output[0].name = "s"
    del found.opset_import[0]
    return found


def recursion():
    ping = function("own", "Ping", ["X"], ["Y"], [h.make_node("Pong", ["X"], ["Y"], domain="own")], domains=["own"])
    pong = function("own", "Pong", ["X"], ["Y"], [h.make_node("Ping", ["X"], ["Y"], domain="own")], domains=["own"])
    return model([h.make_node("Ping", ["x"], ["y"], domain="own")], {}, functions=[ping, pong], domains=["own"])


def self_reference():
    """A graph as the default of a function's attribute, with a node that refers to that very attribute."""
    truth = h.make_node("Constant", [], ["yes"], value=stored("yes", np.bool_(True)))
    GRAPH = onnx.AttributeProto.GRAPH
    inside = referring("If", "yes", "deep", then_branch=("body", GRAPH), else_branch=("body", GRAPH))
    body = h.make_graph([truth, inside], "body", [], [h.make_tensor_value_info("deep", T.FLOAT, None)])
    call = referring("If", "yes", "Y", then_branch=("body", GRAPH), else_branch=("body", GRAPH))
    endless = function("own", "Endless", ["X"], ["Y"], [truth, call], defaults=[h.make_attribute("body", body)])
    return model([h.make_node("Endless", ["x"], ["y"], domain="own")], {}, functions=[endless], domains=["own"])


def rate():
    """A detector for two sampling rates: all nodes are in the branches of an If, with one more If inside."""
    def convolution(name, kernel, more=()):
        weight = stored("w", random(4, 3, *kernel))
        nodes = [node("Conv", "x w", "t", pads=[kernel[0] // 2, kernel[1] // 2] * 2), *more]
        out = more[-1].output[0] if more else "t"
        return h.make_graph(nodes, name, [], [h.make_tensor_value_info(out, T.FLOAT, None)], [weight])

    inner = node(
        "If", "yes", "deep",
        then_branch=h.make_graph([node("Conv", "t v", "t_in")], "a", [], [h.make_tensor_value_info("t_in", T.FLOAT, None)]),
        else_branch=h.make_graph([node("Identity", "v", "e")], "b", [], [h.make_tensor_value_info("e", T.FLOAT, None)]),
    )
    more = [h.make_node("Constant", [], ["yes"], value=stored("yes", np.bool_(True))), inner]
    nodes = [
        node("Equal", "sr wanted", "is_wanted"),
        node("If", "is_wanted", "y", then_branch=convolution("high", (3, 3), more), else_branch=convolution("low", (1, 1))),
    ]
    inputs = [("x", T.FLOAT, ("N", 3, 8, 8)), ("sr", T.INT64, ())]
    return model(nodes, {"wanted": np.int64(16000), "v": random(2, 4, 3, 3)}, inputs=inputs)


def rate_used():
    """The rate decides, and the model also computes with it."""
    found = rate()
    found.graph.node[-1].output[0] = "found"
    found.graph.node.extend([node("Cast", "sr", "f", to=T.FLOAT), node("Mul", "found f", "y")])
    return found


def rate_gone():
    """A model for which another tool has already decided the rate."""
    found = rate()
    found.graph.input.pop()
    found.graph.initializer.append(stored("sr", np.int64(16000)))
    return found


def open_size():
    """Sizes that the model leaves open, and a wrong one."""
    return model([node("Conv", "x w", "y")], {"w": random(2, 3, 3, 3)}, inputs=[("x", T.FLOAT, ("N", 3, 0, "W"))])


def main(folder):
    made = [
        resize_opset10, unsorted, one_name_for_two_sizes, computed_weights, computed_weights_half, random_weight,
        huge_weight, huge_product, functions, functions_of_older_opset, function_alone, recursion,
        self_reference, rate, rate_used, rate_gone, open_size, computed_further, uncomputed, uncomputed_condition,
    ]
    for make in made:
        found = make()
        onnx.save(found, folder / f"{make.__name__}.onnx")
        arrays = {}
        for info in found.graph.input:
            if info.type.tensor_type.elem_type != T.FLOAT:
                continue
            sizes = {"N": 16, "size": 8, "W": 10, "": 8}
            shape = [dim.dim_value or sizes[dim.dim_param] for dim in info.type.tensor_type.shape.dim]
            arrays[info.name] = random(*shape)
        np.savez(folder / f"{make.__name__}.npz", **arrays)
        if make.__name__.startswith("function"):
            first = {name: array[:1] for name, array in arrays.items()}
            expected, = ReferenceEvaluator(plain(make, found)).run(None, first)
            np.save(folder / f"{make.__name__}.expected.npy", expected)


main(Path(sys.argv[1]))
