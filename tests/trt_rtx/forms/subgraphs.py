"""Inside If, Loop and Scan: the same in a subgraph, with Q and DQ on either side of its border."""
import numpy
import onnx
from onnx import TensorProto

from .parts import CASES, IMAGE, activation, case, dq, q, scale, weight


def value(name, shape, kind=TensorProto.FLOAT):
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def subgraph(b, fill, inputs=(), outputs=None):
    """Returns a graph with the nodes that `fill` adds and the outputs that it returns."""
    nodes, b.nodes, count = b.nodes, [], len(b.constants)
    found = fill()
    infos = [onnx.ValueInfoProto(name=found)] if outputs is None else outputs(found)
    graph = onnx.helper.make_graph(b.nodes, b.fresh("graph"), list(inputs), infos, b.constants[count:])
    b.nodes = nodes
    del b.constants[count:]
    return graph


def choice(b, x, then, other):
    """Adds an If whose condition depends on the data."""
    bright = b.node("Greater", [b.node("ReduceSum", [x], keepdims=0), b.constant("bound", numpy.float32(0))])
    return b.node("If", [bright], then_branch=subgraph(b, then), else_branch=subgraph(b, other))


def layer(b, x, w, op):
    """Adds a layer of a dequantized input, and its function: a branch with only a Conv has no name in the plan."""
    return b.node("Relu", [b.node(op, [x, w], **({"pads": [1] * 4} if op == "Conv" else {}))])


def if_case(title, op, prepare, weights):
    def fill(b):
        x = b.node("Relu", [b.input("x", IMAGE if op == "Conv" else [16, 32])])
        array, axis = (b.normal(32, 32, 3, 3), 0) if op == "Conv" else (b.normal(32, 32), 1)
        w = weights(b, array, axis)
        x_of = prepare(b, x)
        side = lambda: layer(b, x_of(), w(), op)
        choice(b, x, side, side)
        return [n.name for n in (*b.nodes[-1].attribute[0].g.node, *b.nodes[-1].attribute[1].g.node) if n.op_type == op]
    CASES[f"If, {op} in both branches, {title}"] = fill


def q_outside(b, x):
    s = scale(b)
    y = q(b, x, s)
    return lambda: dq(b, y, s)


def dq_outside(b, x):
    y = activation(b, x)
    return lambda: y


def weight_inside(b, array, axis):
    return lambda: weight(b, array, axis)


def integers_outside(b, array, axis):
    s = b.constant("scale", numpy.abs(array).max((1, 2, 3)) / 127)
    stored = b.constant("weight", numpy.rint(array * 40).clip(-127, 127).astype(numpy.int8))
    return lambda: dq(b, stored, s, False, axis)


def weight_outside(b, array, axis):
    y = weight(b, array, axis)
    return lambda: y


inside = lambda b, x: lambda: activation(b, x)
for op in ("Conv", "MatMul"):
    if_case("Q/DQ inside", op, inside, weight_inside)
    if_case("Q outside, DQ inside", op, q_outside, weight_inside)
    if_case("Q/DQ outside", op, dq_outside, weight_inside)
if_case("DQ of one weight outside", "Conv", q_outside, weight_outside)
if_case("integers of one weight outside, DQ inside", "Conv", q_outside, integers_outside)


@case("If in a branch of an If, Conv, Q/DQ inside")
def _(b):
    x, made = b.input("x", IMAGE), []

    def conv():
        y = layer(b, activation(b, x), weight(b, b.normal(32, 32, 3, 3), 0), "Conv")
        made.extend(n.name for n in b.nodes if n.op_type == "Conv")
        return y
    choice(b, x, lambda: choice(b, x, conv, lambda: b.node("Neg", [x])), lambda: b.node("Relu", [x]))
    return made


def loop_case(title, op, captures=False, trips=None):
    def fill(b):
        shape = IMAGE if op == "Conv" else [16, 32]
        x, made = b.input("x", shape), []
        count = b.constant("trips", numpy.int64(3)) if trips is None else trips(b, x)
        array, axis = (b.normal(32, 32, 3, 3), 0) if op == "Conv" else (b.normal(32, 32), 1)
        outer = activation(b, x) if captures else None

        def body():
            y = layer(b, outer or activation(b, "state"), weight(b, array, axis), op)
            made.extend(n.name for n in b.nodes if n.op_type == op)
            return b.node("Identity", ["go"]), b.node("Add", [y, "state"])
        graph = subgraph(b, body, [value("round", [], 7), value("go", [], 9), value("state", shape)],
                         lambda found: [value(found[0], [], 9), value(found[1], shape)])
        y = b.node("Loop", [count, b.constant("yes", numpy.bool_(True)), x], body=graph)
        b.outputs.append(value(b.node("Relu", [y]), shape))
        return made
    CASES[f"Loop, {op} {title}"] = fill


loop_case("of what it carries, Q/DQ inside", "Conv")
loop_case("of what it carries, Q/DQ inside", "MatMul")
loop_case("of what it captures, Q/DQ outside", "MatMul", True)
loop_case("of what it carries, rounds by the data", "MatMul", trips=lambda b, x: b.node(
    "Cast", [b.node("Abs", [b.node("ReduceMax", [x], keepdims=0)])], to=TensorProto.INT64))


@case("Scan, MatMul of the state and of what is scanned, Q/DQ inside")
def _(b):
    x, start, made = b.input("x", [3, 16, 32]), b.constant("start", b.small(16, 32)), []

    def body():
        parts = [b.node("MatMul", [activation(b, part), weight(b, b.normal(32, 32), 1)]) for part in ("state", "step")]
        made.extend(n.name for n in b.nodes if n.op_type == "MatMul")
        y = b.node("Tanh", [b.node("Add", parts)])
        return y, b.node("Identity", [y])
    graph = subgraph(b, body, [value("state", [16, 32]), value("step", [16, 32])],
                     lambda found: [value(name, [16, 32]) for name in found])
    b.node("Scan", [start, x], outputs=["end", "all"], body=graph, num_scan_inputs=1)
    return made
