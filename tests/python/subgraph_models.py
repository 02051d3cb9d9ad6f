"""Small models with convolutions and products inside If, Loop and Scan: subgraph_models.py make FOLDER

Writes NAME.onnx and its samples NAME.npz, with a sample for each branch. subgraph_models.py check FOLDER checks
NAME.qdq.onnx with ONNX's checker and ONNX Runtime and prints its distance from the float model in dB.
subgraph_models.py borders FOLDER prints the outputs of Dequantize nodes and the integers of weights that other
graphs than their own read.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

from evaluate import exact

RANDOM = np.random.default_rng(5)
FLOAT, HALF = np.float32, np.float16
IMAGE = ["N", 3, 8, 8]


def random(*shape, kind=FLOAT):
    fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return (RANDOM.standard_normal(shape) * np.sqrt(2 / fan)).astype(kind)


def stored(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), name=outputs.split()[0], **attributes)


def info(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def constant(name, value):
    return h.make_node("Constant", [], [name], value=stored(name, value))


def conv(x, w, y, **attributes):
    return node("Conv", f"{x} {w}", y, pads=[1] * 4, **attributes)


def branch(nodes, output, weights=None, kind=T.FLOAT, rank=4):
    weights = [stored(name, value) for name, value in (weights or {}).items()]
    return h.make_graph(nodes, output, [], [info(output, [None] * rank, kind)], weights)


def flat(nodes, output, weights=None):
    return branch(nodes, output, weights, rank=2)


def model(nodes, weights, inputs=(("x", IMAGE),), opset=17, kind=T.FLOAT, **more):
    graph = h.make_graph(nodes, "g", [info(name, shape, kind) for name, shape in inputs],
                         [info("y", [None] * len(inputs[0][1]), kind)],
                         [stored(name, value) for name, value in weights.items()])
    imports = [h.make_opsetid("", opset), *(h.make_opsetid(domain, 1) for domain in more.pop("domains", []))]
    return h.make_model(graph, opset_imports=imports, ir_version=8, **more)


def deciding(kind=FLOAT):
    """Returns whether the mean of the samples is positive."""
    return [node("ReduceMean", "x", "mean", keepdims=0), node("Greater", "mean zero", "is_bright")], {"zero": kind(0)}


def both():
    """Layers in both branches under the same names, over a shared input; weights stored in every way."""
    def side(channels):
        return [conv("h", "w", "t"), node("Relu", "t", "r"), conv("r", "u", "o")], channels

    (bright, _), (dark, _) = side(6), side(5)
    decide, weights = deciding()
    choice = node(
        "If", "is_bright", "chosen",
        then_branch=branch(bright, "o", {"w": random(6, 4, 3, 3), "u": random(4, 6, 3, 3)}),
        else_branch=branch([constant("w", random(5, 4, 3, 3)), constant("u", random(4, 5, 3, 3)), *dark], "o"),
    )
    nodes = [*decide, conv("x", "first", "c"), node("Relu", "c", "h"), choice, conv("chosen", "last", "y")]
    return model(nodes, {**weights, "first": random(4, 3, 3, 3), "last": random(2, 4, 3, 3)})


def given_pair():
    """A branch that returns another tool's quantization of an outer tensor, in a form that TensorRT refuses."""
    decide, weights = deciding()
    pair = [node("QuantizeLinear", "h step shift", "q"), node("DequantizeLinear", "q step shift", "o")]
    choice = node(
        "If", "is_bright", "chosen",
        then_branch=branch([conv("h", "w", "t"), node("Relu", "t", "o")], "o", {"w": random(4, 4, 3, 3)}),
        else_branch=branch(pair, "o", {"step": np.float32(0.05), "shift": np.uint8(3)}),
    )
    nodes = [*decide, conv("x", "first", "c"), node("Relu", "c", "h"), choice, conv("chosen", "last", "y")]
    return model(nodes, {**weights, "first": random(4, 3, 3, 3), "last": random(2, 4, 3, 3)})


def crossing():
    """Branches that read another tool's quantization: the DQ of the activation and the integers of the weight are
    outside."""
    decide, weights = deciding()
    kernel = random(4, 4, 3, 3)
    step = np.abs(kernel).max() / 127
    side = lambda last: branch([
        node("DequantizeLinear", "w_quantized w_step w_zero", "w"), conv("dequantized", "w", "t"), node(last, "t", "o")], "o")
    choice = node("If", "is_bright", "chosen", then_branch=side("Relu"), else_branch=side("Neg"))
    nodes = [
        *decide, conv("x", "first", "c"), node("Relu", "c", "h"), node("QuantizeLinear", "h h_step w_zero", "h_quantized"),
        node("DequantizeLinear", "h_quantized h_step w_zero", "dequantized"), choice, conv("chosen", "last", "y"),
    ]
    weights |= {"first": random(4, 3, 3, 3), "last": random(2, 4, 3, 3), "h_step": FLOAT(0.1), "w_step": FLOAT(step),
                "w_zero": np.int8(0), "w_quantized": np.rint(kernel / step).astype(np.int8)}
    return model(nodes, weights)


def pair_alone():
    """A product after branches without one. They contain a quantization by another tool that TensorRT refuses."""
    decide, weights = deciding()
    pair = [node("QuantizeLinear", "x step shift", "q"), node("DequantizeLinear", "q step shift", "o")]
    choice = node(
        "If", "is_bright", "chosen", then_branch=branch(pair, "o", {"step": FLOAT(0.05), "shift": np.uint8(100)}),
        else_branch=branch([node("Neg", "x", "o")], "o"))
    return model([*decide, choice, conv("chosen", "last", "y")], {**weights, "last": random(2, 3, 3, 3)})


def half():
    """The same in float16."""
    decide, weights = deciding(HALF)
    side = lambda: branch([conv("h", "w", "o")], "o", {"w": random(4, 4, 3, 3, kind=HALF)}, T.FLOAT16)
    choice = node("If", "is_bright", "y", then_branch=side(), else_branch=side())
    return model([*decide, node("Relu", "x", "h"), choice], weights, [("x", ["N", 4, 8, 8])], kind=T.FLOAT16)


def outer_weight():
    """A weight of the main graph that both branches and the main graph read."""
    decide, weights = deciding()
    side = lambda last: branch([conv("h", "shared", "t"), node(last, "t", "o")], "o")
    choice = node("If", "is_bright", "chosen", then_branch=side("Relu"), else_branch=side("Neg"))
    nodes = [*decide, conv("x", "first", "h"), choice, conv("chosen", "shared", "y")]
    return model(nodes, {**weights, "first": random(4, 3, 3, 3), "shared": random(4, 4, 3, 3)})


def deep():
    """An If in a branch of an If, weights that both read, and a function that a branch calls."""
    decide, weights = deciding()
    inner = node(
        "If", "is_large", "deep",
        then_branch=branch([conv("s", "v", "o")], "o"),
        else_branch=branch([node("Block", "s shared", "o", domain="own")], "o"),
    )
    bright = [node("ReduceMax", "x", "largest", keepdims=0), node("Greater", "largest bound", "is_large"),
              conv("x", "w", "t"), conv("t", "v", "s"), inner]
    bright = branch(bright, "deep", {"w": random(4, 3, 3, 3), "v": random(4, 4, 3, 3), "bound": FLOAT(4.2)})
    dark = branch([conv("x", "first", "o")], "o")
    block = h.make_function("own", "Block", ["X", "W"], ["Y"], [
        node("Relu", "X", "R"), h.make_node("Conv", ["R", "W"], ["Y"], pads=[1] * 4)], [h.make_opsetid("", 17)])
    nodes = [*decide, node("If", "is_bright", "y", then_branch=bright, else_branch=dark)]
    weights |= {"first": random(4, 3, 3, 3), "shared": random(4, 4, 3, 3)}
    return model(nodes, weights, functions=[block], domains=["own"])


def bare():
    """A branch that only returns a stored tensor, and one that returns an outer tensor."""
    decide, weights = deciding()
    bright = branch([conv("x", "w", "o")], "o", {"w": random(4, 3, 3, 3)})
    first = node("If", "is_bright", "some", then_branch=bright, else_branch=branch([], "k", {"k": random(1, 4, 8, 8)}))
    dark = branch([conv("some", "w", "o")], "o", {"w": random(4, 4, 3, 3)})
    second = node("If", "is_bright", "y", then_branch=branch([node("Identity", "some", "o")], "o"), else_branch=dark)
    return model([*decide, first, second], weights)


def older():
    """Opset 9, which qdq raises."""
    nodes = [
        node("ReduceMean", "x", "mean", keepdims=0), node("Greater", "mean zero", "is_bright"),
        node("If", "is_bright", "chosen",
             then_branch=branch([conv("x", "w", "o")], "o", {"w": random(4, 3, 3, 3)}),
             else_branch=branch([conv("x", "w", "t"), node("Clip", "t", "o", max=1.0)], "o", {"w": random(4, 3, 3, 3)})),
        conv("chosen", "last", "y"),
    ]
    return model(nodes, {"zero": FLOAT(0), "last": random(2, 4, 3, 3)}, opset=9)


def loop():
    """Products of tensors that a Loop carries and captures, and a result of every iteration."""
    state = ["N", 16]
    body = h.make_graph(
        [
            node("MatMul", "h w", "p"), node("MatMul", "x captured", "q"), node("Add", "p q", "s"),
            node("Tanh", "s", "h_next"), node("Identity", "h_next", "round"), node("Identity", "go", "go_on"),
        ],
        "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("h", state)],
        [info("go_on", [], T.BOOL), info("h_next", state), info("round", state)],
        [stored("w", random(16, 16))],
    )
    nodes = [
        node("Loop", "trips yes x", "last rounds", body=body), node("ReduceMean", "rounds", "mean", axes=[0], keepdims=0),
        node("Add", "last mean", "sum"), node("MatMul", "sum out", "y"),
    ]
    weights = {"trips": np.int64(3), "yes": np.bool_(True), "captured": random(16, 16), "out": random(16, 4)}
    return model(nodes, weights, [("x", state)])


def growing():
    """A Loop that carries a growing tensor, as a decoder does, and returns another tensor of every iteration."""
    body = h.make_graph(
        [
            node("Concat", "past x", "all", axis=0), node("MatMul", "all w", "p"), node("Tanh", "p", "next"),
            node("MatMul", "x u", "q"), node("Identity", "go", "go_on"),
        ],
        "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("past", ["past", 16])],
        [info("go_on", [], T.BOOL), info("next", ["next", 16]), info("q", ["N", 4])],
        [stored("w", random(16, 16)), stored("u", random(16, 4))],
    )
    nodes = [
        node("Loop", "trips yes x", "last rounds", body=body), node("MatMul", "last out", "z"),
        node("ReduceMean", "rounds", "mean", axes=[0], keepdims=0), node("Add", "z mean", "y"),
    ]
    weights = {"trips": np.int64(3), "yes": np.bool_(True), "out": random(16, 4)}
    return model(nodes, weights, [("x", ["N", 16])])


def scan():
    """A recurrent network from plain operators: products of the state and of each step."""
    body = h.make_graph(
        [
            node("MatMul", "h w", "p"), node("MatMul", "step u", "q"), node("Add", "p q", "s"), node("Tanh", "s", "h_next"),
            node("Identity", "h_next", "out"),
        ],
        "body",
        [info("h", [1, 16]), info("step", [1, 8])],
        [info("h_next", [1, 16]), info("out", [1, 16])],
        [stored("w", random(16, 16)), stored("u", random(8, 16))],
    )
    nodes = [
        node("Transpose", "x", "steps", perm=[1, 0, 2]),
        node("Scan", "start steps", "end outs", body=body, num_scan_inputs=1, scan_input_axes=[0], scan_output_axes=[1]),
        node("MatMul", "outs last", "y"),
    ]
    weights = {"start": np.zeros((1, 16), FLOAT), "last": random(16, 4)}
    return model(nodes, weights, [("x", [1, 5, 8])])


def never():
    """A branch that no sample takes, and its tensors that others share."""
    decide = [node("ReduceMax", "x", "largest", keepdims=0), node("Greater", "largest far", "is_broken")]
    rare = [conv("h", "w", "t"), conv("t", "u", "o")]
    choice = node(
        "If", "is_broken", "chosen",
        then_branch=branch(rare, "o", {"w": random(4, 4, 3, 3), "u": random(4, 4, 3, 3)}),
        else_branch=branch([conv("h", "w", "o")], "o", {"w": random(4, 4, 3, 3)}),
    )
    nodes = [*decide, conv("x", "first", "h"), choice, conv("chosen", "last", "y")]
    return model(nodes, {"far": FLOAT(1000), "first": random(4, 3, 3, 3), "last": random(2, 4, 3, 3)})


def branch_in_loop():
    """A branch in the body of a Loop, a Loop in that branch, and a product beside them."""
    deep = h.make_graph(
        [node("MatMul", "d v", "e"), node("Tanh", "e", "d_next"), node("Identity", "on", "on_next")], "deep",
        [info("j", [], T.INT64), info("on", [], T.BOOL), info("d", ["N", 16])],
        [info("on_next", [], T.BOOL), info("d_next", ["N", 16])], [stored("v", random(16, 16))])
    choice = node(
        "If", "is_early", "t",
        then_branch=flat([node("MatMul", "h w", "o"), node("Add", "i one", "more"),
                          node("Loop", "more yes o", "l", body=deep)], "l", {"w": random(16, 16)}),
        else_branch=flat([node("Neg", "h", "o")], "o"),
    )
    body = h.make_graph(
        [node("Less", "i two", "is_early"), choice,
         node("MatMul", "t u", "s"), node("Tanh", "s", "h_next"), node("Identity", "go", "go_on")],
        "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("h", ["N", 16])],
        [info("go_on", [], T.BOOL), info("h_next", ["N", 16])],
        [stored("u", random(16, 16))],
    )
    weights = {"trips": np.int64(3), "yes": np.bool_(True), "one": np.int64(1), "two": np.int64(2)}
    return model([node("Loop", "trips yes x", "y", body=body)], weights, [("x", ["N", 16])])


def branch_in_scan(beside=True):
    """A product in a branch inside the body of a Scan, beside one that is outside."""
    choice = node("If", "is_bright", "t", then_branch=flat([node("MatMul", "h w", "o")], "o", {"w": random(16, 16)}),
                  else_branch=flat([node("Neg", "h", "o")], "o"))
    body = h.make_graph(
        [node("ReduceMean", "step", "mean", keepdims=0), node("Greater", "mean zero", "is_bright"), choice,
         node("Add", "t step", "s"), node("MatMul", "s u", "r") if beside else node("Neg", "s", "r"),
         node("Tanh", "r", "h_next"), node("Identity", "h_next", "out")],
        "body",
        [info("h", [1, 16]), info("step", [1, 16])], [info("h_next", [1, 16]), info("out", [1, 16])],
        [stored("u", random(16, 16))],
    )
    nodes = [node("Transpose", "x", "steps", perm=[1, 0, 2]),
             node("Scan", "start steps", "end y", body=body, num_scan_inputs=1)]
    return model(nodes, {"start": np.zeros((1, 16), FLOAT), "zero": FLOAT(0)}, [("x", [1, 3, 16])])


def hidden():
    """A model with only such a product."""
    return branch_in_scan(False)


def loop_in_branch():
    """A Loop in a branch."""
    body = h.make_graph(
        [node("MatMul", "h w", "p"), node("Tanh", "p", "h_next"), node("Identity", "go", "go_on")], "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("h", ["N", 16])],
        [info("go_on", [], T.BOOL), info("h_next", ["N", 16])], [stored("w", random(16, 16))])
    decide, weights = deciding()
    choice = node("If", "is_bright", "chosen", then_branch=flat([node("Loop", "trips yes x", "l", body=body)], "l"),
                  else_branch=flat([node("MatMul", "x v", "o")], "o", {"v": random(16, 16)}))
    weights |= {"trips": np.int64(3), "yes": np.bool_(True), "last": random(16, 4)}
    return model([*decide, choice, node("MatMul", "chosen last", "y")], weights, [("x", ["N", 16])])


MADE = [both, half, outer_weight, deep, bare, older, loop, growing, scan, never, branch_in_loop, branch_in_scan, loop_in_branch,
        given_pair, crossing, pair_alone]
REFUSED = [hidden]


def make(folder):
    for build in [*MADE, *REFUSED]:
        found = build()
        onnx.checker.check_model(found, full_check=True)
        onnx.save(found, folder / f"{build.__name__}.onnx")
        arrays = {}
        for given in found.graph.input:
            shape = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
            shape[0] = 12
            kind = HALF if given.type.tensor_type.elem_type == T.FLOAT16 else FLOAT
            # Every other sample is on the other side of zero, and some are large.
            signs = np.resize([1, -1, 2, -2], 12).reshape(-1, *[1] * (len(shape) - 1))
            arrays[given.name] = (RANDOM.standard_normal(shape) + signs).astype(kind)
        np.savez(folder / f"{build.__name__}.npz", **arrays)


def run(path, arrays):
    options = exact(onnxruntime.SessionOptions())
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    count = len(next(iter(arrays.values())))
    steps = [{name: array[at : at + 1] for name, array in arrays.items()} for at in range(count)]
    return np.concatenate([session.run(None, step)[0].ravel() for step in steps]).astype(np.float64)


def check(folder):
    for build in MADE:
        path = folder / f"{build.__name__}.qdq.onnx"
        onnx.checker.check_model(str(path), full_check=True)
        arrays = dict(np.load(folder / f"{build.__name__}.npz"))
        expected, found = run(folder / f"{build.__name__}.onnx", arrays), run(path, arrays)
        print(build.__name__, 10 * np.log10((expected**2).sum() / ((expected - found) ** 2).sum()))


def crossed(graph, outer=()):
    """Lists Q and DQ outputs that cross a border of subgraphs over which TensorRT does not fuse."""
    dequantized = {output for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    own = {output for node in graph.node for output in node.output} | {tensor.name for tensor in graph.initializer}
    outside = set(outer)
    for node in graph.node:
        yield from (name for name in node.input if name in outside and name not in own)
        if node.op_type == "DequantizeLinear" and "_quantized" not in node.input[0]:
            yield node.input[0]
    stored_integers = {tensor.name for tensor in graph.initializer if "_quantized" in tensor.name}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from crossed(attribute.g, outside | dequantized | stored_integers)


def borders(folder):
    for path in sorted([*folder.glob("*.Int8.onnx"), *folder.glob("*.Float.onnx")]):
        for name in crossed(onnx.load(path).graph):
            print(path.name, name)


if __name__ == "__main__":
    {"make": make, "check": check, "borders": borders}[sys.argv[1]](Path(sys.argv[2]))
