"""Writes the small models that the tests of the runtimes run: runtime_models.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


def tensor(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def model(nodes, inputs, outputs, weights=(), opset=17, functions=(), extra_opsets=()):
    infos = [[h.make_tensor_value_info(*info) for info in group] for group in (inputs, outputs)]
    graph = h.make_graph(nodes, "g", *infos, [tensor(*weight) for weight in weights])
    opsets = [h.make_opsetid("", opset), *extra_opsets]
    return h.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def branch(name, *nodes):
    return h.make_graph(list(nodes), name, [], [h.make_tensor_value_info(nodes[-1].output[0], T.FLOAT, None)])


def control_flow():
    """relu(x) is captured by both branches of an If and by the body of a Loop that adds it three times."""
    body = h.make_graph(
        [
            h.make_node("Add", ["sum_in", "r"], ["sum_out"]),
            h.make_node("Identity", ["go_in"], ["go_out"]),
        ],
        "body",
        [
            h.make_tensor_value_info("i", T.INT64, []),
            h.make_tensor_value_info("go_in", T.BOOL, []),
            h.make_tensor_value_info("sum_in", T.FLOAT, None),
        ],
        [h.make_tensor_value_info("go_out", T.BOOL, []), h.make_tensor_value_info("sum_out", T.FLOAT, None)],
    )
    nodes = [
        h.make_node("Relu", ["x"], ["r"], name="relu"),
        h.make_node(
            "If",
            ["flag"],
            ["chosen"],
            name="if",
            then_branch=branch("then", h.make_node("Neg", ["r"], ["negated"])),
            else_branch=branch("else", h.make_node("Add", ["r", "r"], ["doubled"])),
        ),
        h.make_node("Loop", ["three", "yes", "chosen"], ["summed"], name="loop", body=body),
        h.make_node("Sigmoid", ["summed"], ["y"], name="sigmoid"),
    ]
    weights = [("three", np.int64(3)), ("yes", np.bool_(True))]
    return model(nodes, [("x", T.FLOAT, ["N", 3]), ("flag", T.BOOL, [])], [("y", T.FLOAT, None)], weights)


def tokens():
    """Token ids and a mask. The argmax is an i64 output and a comparison a bool output."""
    nodes = [
        h.make_node("Gather", ["table", "ids"], ["rows"], name="embed"),
        h.make_node("Cast", ["mask"], ["weights"], name="cast", to=T.FLOAT),
        h.make_node("Unsqueeze", ["weights", "last"], ["weights3"], name="unsqueeze"),
        h.make_node("Mul", ["rows", "weights3"], ["masked"], name="mul"),
        h.make_node("ArgMax", ["masked"], ["best"], name="argmax", axis=2, keepdims=0),
        h.make_node("Greater", ["masked", "half"], ["large"], name="greater"),
    ]
    rng = np.random.default_rng(1)
    weights = [
        ("table", rng.random((11, 4), dtype=np.float32)),
        ("last", np.array([2])),
        ("half", np.float32(0.5)),
    ]
    inputs = [("ids", T.INT64, ["N", 5]), ("mask", T.BOOL, ["N", 5])]
    return model(nodes, inputs, [("best", T.INT64, None), ("large", T.BOOL, None), ("masked", T.FLOAT, None)], weights)


def doubles():
    nodes = [h.make_node("Mul", ["x", "x"], ["squared"], name="square"), h.make_node("Neg", ["squared"], ["y"], name="neg")]
    return model(nodes, [("x", T.DOUBLE, [3])], [("y", T.DOUBLE, [3])])


def halves():
    nodes = [h.make_node("Add", ["x", "x"], ["twice"], name="add"), h.make_node("Abs", ["twice"], ["y"], name="abs")]
    return model(nodes, [("x", T.FLOAT16, [3])], [("y", T.FLOAT16, [3])])


def stored_in_halves():
    nodes = [
        h.make_node("Cast", ["w"], ["wide"], name="widen", to=T.FLOAT),
        h.make_node("Mul", ["x", "wide"], ["y"], name="mul"),
    ]
    return model(nodes, [("x", T.FLOAT, [3])], [("y", T.FLOAT, [3])], [("w", np.array([0.1, -2, 6e-8], np.float16))])


def narrowed():
    """bfloat16 inside, between casts: ONNX Runtime computes little else in bfloat16 on a CPU."""
    nodes = [
        h.make_node("Add", ["x", "x"], ["sum"], name="add"),
        h.make_node("Cast", ["sum"], ["twice"], name="narrow", to=T.BFLOAT16),
        h.make_node("Cast", ["twice"], ["y"], name="widen", to=T.FLOAT),
    ]
    return model(nodes, [("x", T.FLOAT, [3])], [("y", T.FLOAT, [3])])


def quantized():
    """A convolution with Q/DQ around it: per-channel int8 weights, and uint8 with a zero point at the end."""
    rng = np.random.default_rng(2)
    weights = rng.integers(-127, 128, (4, 2, 3, 3), dtype=np.int8)
    nodes = [
        h.make_node("QuantizeLinear", ["x", "sx", "zx"], ["xq"], name="q_x"),
        h.make_node("DequantizeLinear", ["xq", "sx", "zx"], ["xd"], name="dq_x"),
        h.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wd"], name="dq_w", axis=0),
        h.make_node("Conv", ["xd", "wd"], ["c"], name="conv", kernel_shape=[3, 3]),
        h.make_node("QuantizeLinear", ["c", "sc", "zc"], ["cq"], name="q_c", axis=1),
        h.make_node("DequantizeLinear", ["cq", "sc", "zc"], ["cd"], name="dq_c", axis=1),
        h.make_node("QuantizeLinear", ["cd", "sy", "zy"], ["yq"], name="q_y"),
        h.make_node("DequantizeLinear", ["yq", "sy", "zy"], ["y"], name="dq_y"),
    ]
    initializers = [
        ("sx", np.float32(1 / 127)),
        ("zx", np.int8(0)),
        ("w", weights),
        ("sw", np.array([0.01, 0.02, 0.003, 0.5], np.float32)),
        ("zw", np.zeros(4, np.int8)),
        ("sc", np.array([0.1, 0.2, 0.03, 1e-12], np.float32)),
        ("zc", np.zeros(4, np.int8)),
        ("sy", np.float32(0.07)),
        ("zy", np.uint8(120)),
    ]
    shape = ["N", 2, 8, 8]
    return model(nodes, [("x", T.FLOAT, shape)], [("y", T.FLOAT, None), ("xq", T.INT8, None)], initializers)


def unsupported():
    nodes = [
        h.make_node("Relu", ["x"], ["r"], name="relu"),
        h.make_node("Det", ["r"], ["y"], name="det"),
    ]
    return model(nodes, [("x", T.FLOAT, [1, 4, 2, 2])], [("y", T.FLOAT, [1, 4])])


def normalized():
    """LRN between other nodes, first with its defaults."""
    nodes = [
        h.make_node("Relu", ["x"], ["r"]),
        h.make_node("LRN", ["r"], ["n"], size=3),
        h.make_node("Neg", ["n"], ["m"]),
        h.make_node("LRN", ["m"], ["y"], name="norm", size=5, alpha=0.5, beta=0.6, bias=2.0),
    ]
    return model(nodes, [("x", T.FLOAT, ["N", 4, 3, 2])], [("y", T.FLOAT, ["N", 4, 3, 2])])


def untyped():
    """Tensors whose types follow from no operator of ONNX: a sequence of a function, and a product of Microsoft's
    domain."""
    opset = h.make_opsetid("", 17)
    halves = h.make_function(
        "local", "Halves", ["t"], ["s"], [h.make_node("SplitToSequence", ["t"], ["s"], axis=1)], [opset]
    )
    nodes = [
        h.make_node("FusedMatMul", ["x", "x"], ["p"], domain="com.microsoft", transB=1),
        h.make_node("Halves", ["p"], ["s"], domain="local"),
        h.make_node("SequenceLength", ["s"], ["y"]),
    ]
    made = model(nodes, [("x", T.FLOAT, [2, 3])], [("y", T.INT64, [])])
    made.functions.append(halves)
    made.opset_import.extend([h.make_opsetid("local", 1), h.make_opsetid("com.microsoft", 1)])
    return made


def passed_through():
    """An input and a constant are outputs, a branch is unused, and a node has two outputs, one of them unused."""
    nodes = [
        h.make_node("Constant", [], ["k"], name="k", value=tensor("", np.float32([1, -5]))),
        h.make_node("Split", ["x"], ["left", "right"], axis=1),
        h.make_node("Neg", ["left"], ["unused"]),
        h.make_node("Abs", ["right"], ["y"]),
    ]
    shape = ["N", 4]
    outputs = [("y", T.FLOAT, None), ("x", T.FLOAT, shape), ("k", T.FLOAT, [2])]
    return model(nodes, [("x", T.FLOAT, shape), ("unread", T.FLOAT, [1])], outputs, opset=13)


def stated_wrongly():
    """The shapes of inner tensors and of the output in the file are true only for a batch of 1."""
    nodes = [h.make_node(op, [a], [b], name=b) for op, a, b in [("Relu", "x", "t0"), ("Neg", "t0", "y"), *[("Abs", "y", f"t{i}") for i in range(1, 9)], ("Neg", "y", "z")]]
    made = model(nodes, [("x", T.FLOAT, ["N", 3])], [("z", T.FLOAT, [1, 3]), ("y", T.FLOAT, [1, 3])])
    made.graph.value_info.append(h.make_tensor_value_info("t0", T.FLOAT, [1, 3]))
    return made


def chain(length=60, width=1 << 15):
    """A deep chain with a wide activation at every node."""
    nodes = [
        h.make_node("Add" if index % 2 else "Sigmoid", [f"t{index}"] + ["one"] * (index % 2), [f"t{index + 1}"], name=f"n{index}")
        for index in range(length)
    ]
    nodes.append(h.make_node("ReduceMean", [f"t{length}"], ["y"], name="mean", axes=[1], keepdims=0))
    return model(nodes, [("t0", T.FLOAT, ["N", width])], [("y", T.FLOAT, None)], [("one", np.float32(1))])


def external(folder, name):
    """Weights in a separate file. int8 weights of odd size come first, so that the floats are unaligned."""
    rng = np.random.default_rng(3)
    nodes = [
        h.make_node("DequantizeLinear", ["w", "s"], ["wd"], name="dq"),
        h.make_node("MatMul", ["x", "wd"], ["h"], name="first"),
        h.make_node("MatMul", ["h", "v"], ["y"], name="second"),
    ]
    weights = [
        ("w", rng.integers(-127, 128, (61, 67), dtype=np.int8)),
        ("s", np.float32(0.01)),
        ("v", rng.standard_normal((67, 40), dtype=np.float32)),
    ]
    made = model(nodes, [("x", T.FLOAT, ["N", 61])], [("y", T.FLOAT, None)], weights)
    onnx.save(
        made,
        folder / name,
        save_as_external_data=True,
        location=name.replace(".onnx", ".bin"),
        size_threshold=100,
    )


def main():
    folder = Path(sys.argv[1])
    made = {
        "control_flow": control_flow(),
        "tokens": tokens(),
        "doubles": doubles(),
        "f16": halves(),
        "bf16": narrowed(),
        "stored_in_halves": stored_in_halves(),
        "quantized": quantized(),
        "unsupported": unsupported(),
        "normalized": normalized(),
        "untyped": untyped(),
        "passed_through": passed_through(),
        "chain": chain(),
        "deep": chain(20_000, 4),
    }
    for name, proto in made.items():
        onnx.save(proto, folder / f"{name}.onnx")
    onnx.save(stated_wrongly(), folder / "stated_wrongly.onnx")
    external(folder, "external.onnx")


main()
