"""Writes the small models that the tests of the command-line tool need beside digits: cli_models.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper


def model(nodes, inputs, outputs, weights=()):
    infos = [[h.make_tensor_value_info(*info) for info in group] for group in (inputs, outputs)]
    stored = [numpy_helper.from_array(values, name) for name, values in weights]
    graph = h.make_graph(nodes, "g", *infos, stored)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def tokens():
    """Indices into a table, whose entries feed a product."""
    random = np.random.default_rng(1)
    weights = [
        ("table", random.standard_normal((10, 4), np.float32)),
        ("weight", random.standard_normal((4, 3), np.float32)),
    ]
    nodes = [
        h.make_node("Gather", ["table", "ids"], ["rows"], name="rows"),
        h.make_node("MatMul", ["rows", "weight"], ["y"], name="product"),
    ]
    return model(nodes, [("ids", T.INT64, ["N", 2])], [("y", T.FLOAT, ["N", 2, 3])], weights)


def pool():
    """A model without anything that INT8 computes."""
    nodes = [h.make_node("MaxPool", ["input"], ["y"], name="pool", kernel_shape=[2, 2])]
    return model(nodes, [("input", T.FLOAT, ["N", 1, 8, 8])], [("y", T.FLOAT, ["N", 1, 7, 7])])


def in_tens(before=(), name="x"):
    """Two products with the fixed batch size 10, after `before`, which makes `name` of x."""
    random = np.random.default_rng(2)
    weights = [(name, random.standard_normal((10, 10), np.float32)) for name in ("first", "second")]
    nodes = [
        *before,
        h.make_node("MatMul", [name, "first"], ["a"], name="a"),
        h.make_node("Relu", ["a"], ["r"], name="r"),
        h.make_node("MatMul", ["r", "second"], ["y"], name="y"),
    ]
    return model(nodes, [("x", T.FLOAT, [10, 10])], [("y", T.FLOAT, [10, 10])], weights)


def crossed():
    """A model with samples along the second axis, although the first is as long as the batch."""
    return in_tens([h.make_node("Transpose", ["x"], ["t"], perm=[1, 0])], "t")


def centred():
    """A model in which each sample depends on all others."""
    mean = h.make_node("ReduceMean", ["x"], ["m"], axes=[0])
    return in_tens([mean, h.make_node("Sub", ["x", "m"], ["d"])], "d")


def plugin_between():
    """Two convolutions with an operator between them that only TensorRT supports."""
    random = np.random.default_rng(2)
    weights = [(name, random.standard_normal((4, channels, 3, 3), np.float32)) for name, channels in (("v", 1), ("w", 4))]
    nodes = [
        h.make_node("Conv", ["input", "v"], ["a"], name="before", pads=[1, 1, 1, 1]),
        h.make_node("Swirl", ["a"], ["b"], name="swirl", domain="TRT"),
        h.make_node("Conv", ["b", "w"], ["y"], name="behind", pads=[1, 1, 1, 1]),
    ]
    made = model(nodes, [("input", T.FLOAT, ["N", 1, 8, 8])], [("y", T.FLOAT, ["N", 4, 8, 8])], weights)
    made.opset_import.append(h.make_opsetid("TRT", 1))
    return made


def plugin_bias():
    """Convolutions, one of which adds an operator that only TensorRT computes. Its input can be calibrated, its
    output cannot."""
    random = np.random.default_rng(2)
    shapes = {"v": (4, 1, 3, 3), "w": (4, 4, 3, 3), "u": (4, 4, 3, 3)}
    weights = [(name, random.standard_normal(shape, np.float32)) for name, shape in shapes.items()]
    nodes = [
        h.make_node("Conv", ["input", "v"], ["a"], name="before", pads=[1, 1, 1, 1]),
        h.make_node("Relu", ["a"], ["r"], name="relu"),
        h.make_node("Swirl", ["r"], ["b"], name="swirl", domain="TRT"),
        h.make_node("Conv", ["r", "w", "b"], ["y"], name="behind", pads=[1, 1, 1, 1]),
        h.make_node("Conv", ["r", "u"], ["c"], name="beside", pads=[1, 1, 1, 1]),
        h.make_node("Add", ["c", "y"], ["z"], name="add"),
    ]
    made = model(nodes, [("input", T.FLOAT, ["N", 1, 8, 8])], [("z", T.FLOAT, ["N", 4, 8, 8])], weights)
    made.opset_import.append(h.make_opsetid("TRT", 1))
    return made


def head(*last):
    """A product that gives three numbers per image, and the operators that make the output of them."""
    weights = [
        ("weight", np.random.default_rng(3).standard_normal((64, 3), np.float32)),
        ("flat", np.int64([-1, 64])),
    ]
    nodes = [
        h.make_node("Reshape", ["input", "flat"], ["row"], name="reshape"),
        h.make_node("MatMul", ["row", "weight"], ["h" if last else "y"], name="product"),
        *last,
    ]
    return model(nodes, [("input", T.FLOAT, ["N", 1, 8, 8])], [("y", T.FLOAT, ["N", 3])], weights)


def regression():
    """Three numbers that are no class scores."""
    return head()


def probabilities():
    """The probabilities of three classes."""
    return head(h.make_node("Softmax", ["h"], ["y"], name="softmax", axis=1))


def shifted():
    """An activation that another tool has quantized with a zero point, and a weight in float."""
    random = np.random.default_rng(3)
    weights = [("s", np.array(0.03, np.float32)), ("z", np.array(5, np.int8)), ("w", random.standard_normal((8, 4), np.float32))]
    nodes = [
        h.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="q"),
        h.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], name="d"),
        h.make_node("MatMul", ["d", "w"], ["y"], name="y"),
    ]
    return model(nodes, [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def asymmetric():
    """The default result of ONNX Runtime's quantizer: activations of uint8, one of them an output, one weight whose
    values fit int8 around its zero points and one whose values do not, and biases of int32."""
    random = np.random.default_rng(6)
    weights, nodes = [], []

    def store(name, value):
        weights.append((name, np.asarray(value)))
        return name

    def dequantized(name, values, scale, zero, **attributes):
        inputs = [store(f"{name}_q", values), store(f"{name}_s", np.float32(scale)), store(f"{name}_z", zero)]
        nodes.append(h.make_node("DequantizeLinear", inputs, [name], name=f"{name}_dq", **attributes))
        return name

    def pair(name, scale, zero, output=None):
        s, z = store(f"{name}_s", np.float32(scale)), store(f"{name}_z", np.uint8(zero))
        nodes.append(h.make_node("QuantizeLinear", [name, s, z], [f"{name}_q"], name=f"{name}_q"))
        nodes.append(h.make_node("DequantizeLinear", [f"{name}_q", s, z], [output or f"{name}_d"], name=f"{name}_dq"))
        return output or f"{name}_d"

    exact = random.integers(20, 236, (8, 16)).astype(np.uint8)
    first = dequantized("v", exact, np.full(16, 0.01), np.full(16, 128, np.uint8), axis=1)
    nodes.append(h.make_node("MatMul", [pair("x", 0.03, 110), first], ["a"], name="first"))
    bias = dequantized("b", random.integers(-999, 999, 16).astype(np.int32), 3e-4, np.int32(0))
    # The Relu is left out: the pair clips the same values.
    nodes.append(h.make_node("Add", ["a", bias], ["r"], name="add"))
    wide = random.integers(0, 256, (16, 4)).astype(np.uint8)
    wide[0, 0], wide[1, 0] = 0, 255
    second = dequantized("w", wide, 0.01, np.uint8(90))
    nodes.append(h.make_node("MatMul", [pair("r", 0.02, 0), second], ["e"], name="second"))
    pair("e", 0.2, 128, "y")
    return model(nodes, [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def finished():
    """A model that another tool has quantized as TensorRT requires, except for a bias of int32."""
    random = np.random.default_rng(9)
    weights = [("x_s", np.array(0.02, np.float32)), ("zero", np.array(0, np.int8)), ("w_s", np.array(0.01, np.float32)),
               ("w_q", random.integers(-127, 128, (8, 4)).astype(np.int8)), ("b_s", np.array(2e-4, np.float32)),
               ("b_q", random.integers(-999, 999, 4).astype(np.int32)), ("b_z", np.array(0, np.int32))]
    nodes = [
        h.make_node("QuantizeLinear", ["x", "x_s", "zero"], ["q"], name="q"),
        h.make_node("DequantizeLinear", ["q", "x_s", "zero"], ["d"], name="d"),
        h.make_node("DequantizeLinear", ["w_q", "w_s", "zero"], ["w"], name="w"),
        h.make_node("DequantizeLinear", ["b_q", "b_s", "b_z"], ["b"], name="b"),
        h.make_node("Gemm", ["d", "w", "b"], ["y"], name="y"),
    ]
    return model(nodes, [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def microsoft(make):
    """A model whose Q/DQ are in Microsoft's domain."""
    made = make()
    for node in made.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = "com.microsoft"
    made.opset_import.append(h.make_opsetid("com.microsoft", 1))
    return made


def asymmetric_microsoft():
    return microsoft(asymmetric)


def shifted_microsoft():
    return microsoft(shifted)


def half_microsoft():
    """A pair of Microsoft's domain in float16, which ONNX's own operator takes from opset 19 on only."""
    made = microsoft(finished)
    for info in (*made.graph.input, *made.graph.output):
        info.type.tensor_type.elem_type = T.FLOAT16
    for stored in made.graph.initializer:
        if stored.data_type == T.FLOAT:
            stored.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(stored).astype(np.float16), stored.name))
    return made


def halves(kind=T.FLOAT16, opset=19):
    """Two products in half precision."""
    random = np.random.default_rng(12)
    numbers = h.tensor_dtype_to_np_dtype(kind)
    weight = lambda *shape: random.standard_normal(shape).astype(np.float16).astype(numbers)
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["a"], name="a"),
        h.make_node("Relu", ["a"], ["r"], name="r"),
        h.make_node("MatMul", ["r", "v"], ["y"], name="y"),
    ]
    made = model(nodes, [("x", kind, ["N", 8])], [("y", kind, ["N", 4])], [("w", weight(8, 16)), ("v", weight(16, 4))])
    made.opset_import[0].version = opset
    return made


def halves_in_float():
    """The same in float32."""
    return halves(T.FLOAT)


def halves_older():
    """The same at an opset without scales in half precision."""
    return halves(opset=17)


def table_of_positions():
    """A product, and a second one of constants only, as exporters write tables of positions."""
    random = np.random.default_rng(10)
    weights = [("w", random.standard_normal((8, 4), np.float32)), ("steps", random.standard_normal((1, 3), np.float32)),
               ("waves", random.standard_normal((3, 4), np.float32))]
    nodes = [
        h.make_node("MatMul", ["steps", "waves"], ["positions"], name="table"),
        h.make_node("MatMul", ["x", "w"], ["e"], name="product"),
        h.make_node("Add", ["e", "positions"], ["y"], name="add"),
    ]
    return model(nodes, [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def raw():
    """Pixels of a camera, which the network itself dequantizes, and one more product."""
    random = np.random.default_rng(7)
    weights = [("s", np.array(0.01, np.float32)), ("z", np.array(3, np.int8)), ("w", random.standard_normal((8, 4), np.float32)),
               ("v", random.standard_normal((4, 4), np.float32))]
    nodes = [
        h.make_node("DequantizeLinear", ["x", "s", "z"], ["d"], name="d"),
        h.make_node("MatMul", ["d", "w"], ["a"], name="a"),
        h.make_node("MatMul", ["a", "v"], ["y"], name="y"),
    ]
    return model(nodes, [("x", T.INT8, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def in_a_loop():
    """A product in the body of a Loop."""
    weight = numpy_helper.from_array(np.random.default_rng(8).standard_normal((8, 8), np.float32), "w")
    body = h.make_graph(
        [h.make_node("Identity", ["go"], ["go_on"]), h.make_node("MatMul", ["before", "w"], ["after"], name="product")],
        "body",
        [h.make_tensor_value_info("at", T.INT64, []), h.make_tensor_value_info("go", T.BOOL, []),
         h.make_tensor_value_info("before", T.FLOAT, ["N", 8])],
        [h.make_tensor_value_info("go_on", T.BOOL, []), h.make_tensor_value_info("after", T.FLOAT, ["N", 8])],
        [weight],
    )
    nodes = [h.make_node("Loop", ["rounds", "yes", "x"], ["y"], name="loop", body=body)]
    inputs = [("x", T.FLOAT, ["N", 8]), ("rounds", T.INT64, [])]
    return model(nodes, inputs, [("y", T.FLOAT, ["N", 8])], [("yes", np.array(True))])


def heads():
    """A projection that an exporter wrote as Einsum."""
    random = np.random.default_rng(4)
    weights = [("w", random.standard_normal((8, 4), np.float32)), ("b", random.standard_normal(4, np.float32))]
    nodes = [
        h.make_node("Einsum", ["x", "w"], ["e"], name="e", equation="ni,ij->nj"),
        h.make_node("Add", ["e", "b"], ["y"], name="add"),
    ]
    return model(nodes, [("x", T.FLOAT, ["N", 8])], [("y", T.FLOAT, ["N", 4])], weights)


def doubles():
    """A product in float64, the default type of NumPy's weights."""
    weights = [("w", np.random.default_rng(5).standard_normal((8, 3)))]
    nodes = [h.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    return model(nodes, [("x", T.DOUBLE, ["N", 8])], [("y", T.DOUBLE, ["N", 3])], weights)


def counted():
    """Weights listed among the inputs, as before IR version 4, and an unused one, like the counters of exporters."""
    made = tokens()
    made.ir_version = 3
    made.graph.initializer.append(numpy_helper.from_array(np.array(7, np.int64), "num_batches_tracked"))
    made.graph.input.extend(h.make_tensor_value_info(t.name, t.data_type, t.dims) for t in made.graph.initializer)
    return made


if __name__ == "__main__":
    for make in (tokens, pool, in_tens, crossed, centred, plugin_between, plugin_bias, regression, probabilities, shifted, heads,
                 doubles, counted, asymmetric, finished, table_of_positions, asymmetric_microsoft,
                 shifted_microsoft, half_microsoft, halves, halves_in_float, halves_older, raw,
                 in_a_loop):
        onnx.save(make(), Path(sys.argv[1]) / f"{make.__name__}.onnx")
