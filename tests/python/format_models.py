"""Models with e4m3, integers of 4 and 16 bits, and blocks: format_models.py FOLDER

Writes NAME.onnx and NAME.npz, with the input `x` and the expected outputs, which NumPy computes in float32 from the
definitions of ONNX.
"""

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

E4M3 = ml_dtypes.float8_e4m3fn
LIMITS = {
    E4M3: (T.FLOAT8E4M3FN, -448, 448),
    ml_dtypes.int4: (T.INT4, -8, 7),
    ml_dtypes.uint4: (T.UINT4, 0, 15),
    np.int8: (T.INT8, -128, 127),
    np.int16: (T.INT16, -32768, 32767),
    np.uint16: (T.UINT16, 0, 65535),
}
FLOATS = {T.FLOAT: np.float32, T.FLOAT16: np.float16, T.BFLOAT16: ml_dtypes.bfloat16}
RANDOM = np.random.default_rng(18)


def spread(scale, shape, axis, block):
    """One scale for every element of a shape."""
    scale = np.asarray(scale).astype(np.float32)
    if scale.ndim == 0:
        return scale
    if not block:
        return scale.reshape([-1 if at == axis % len(shape) else 1 for at in range(len(shape))])
    return np.take(np.repeat(scale, block, axis), range(shape[axis]), axis)


def quantized(x, scale, kind, zero=0.0, axis=1, block=0):
    """QuantizeLinear by its definition, as float32."""
    steps = np.asarray(x).astype(np.float32) / spread(scale, x.shape, axis, block)
    _, least, most = LIMITS[kind]
    if kind is E4M3:
        return np.clip(steps, least, most).astype(E4M3).astype(np.float32)
    return np.clip(np.rint(steps) + spread(zero, x.shape, axis, block), least, most)


def dequantized(q, scale, zero=0.0, axis=1, block=0):
    shape = q.shape
    return (q.astype(np.float32) - spread(zero, shape, axis, block)) * spread(scale, shape, axis, block)


class Build:
    """A graph in the making. Constants are stored by name."""

    def __init__(self, opset, element=T.FLOAT):
        self.opset, self.element, self.nodes, self.tensors, self.outputs = opset, element, [], [], {}

    def store(self, name, array):
        self.tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def scales(self, name, *shape):
        """Stores scales, and returns them as the model's type rounds them."""
        scale = RANDOM.uniform(0.05, 0.4, shape).astype(FLOATS[self.element])
        self.store(name, scale)
        return scale.astype(np.float32)

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))

    def save(self, folder, file, x, given=None, other=None):
        """`given` is the type of the input, `other` are the element types of outputs that are not the model's."""
        types = {output: (other or {}).get(output, self.element) for output in self.outputs}
        open_shape = lambda output: [None] * np.ndim(self.outputs[output])
        infos = [helper.make_tensor_value_info(name, kind, open_shape(name)) for name, kind in types.items()]
        x_info = helper.make_tensor_value_info("x", given or self.element, x.shape)
        graph = helper.make_graph(self.nodes, "g", [x_info], infos, self.tensors)
        ir = 9 if self.opset < 21 else 10
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=ir)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, folder / f"{file}.onnx")
        arrays = {"x": x, **self.outputs}
        np.savez(folder / f"{file}.npz", **{key: np.asarray(value).astype(np.float32) for key, value in arrays.items()})
        return model


def numbers(*shape):
    return (RANDOM.standard_normal(shape) * 3).astype(np.float32)


def held(x, element):
    """The values that the model's type holds, as float32."""
    return x.astype(FLOATS[element]).astype(np.float32)


def pairs_of_e4m3(folder, element, name):
    """Activations per tensor, beyond what e4m3 holds, and weights per column."""
    build, x, w = Build(19, element), held(numbers(4, 6), element), numbers(6, 5)
    x[0, 0] = 1000.0
    step = build.scales("step")
    columns = build.scales("columns", 5)
    build.store("zero", np.zeros((), E4M3))
    codes = quantized(w, columns, E4M3).astype(E4M3)
    build.store("codes", codes)
    build.add("QuantizeLinear", ["x", "step", "zero"], "q")
    build.add("DequantizeLinear", ["q", "step", "zero"], "held")
    build.add("DequantizeLinear", ["codes", "columns"], "weight", axis=1)
    build.add("MatMul", ["held", "weight"], "product")
    values = held(dequantized(quantized(x, step, E4M3), step), element)
    weight = held(dequantized(codes, columns), element)
    build.outputs = {"held": values, "product": values @ weight}
    return build.save(folder, name, x)


def weights_in_blocks(folder, element, kind, name, has_zero=False, zero=None):
    """Blocks that do not divide an axis of odd length, and an odd number of elements. `zero` is that of all blocks."""
    build, x, w = Build(21, element), held(numbers(4, 7), element), numbers(7, 3)
    scale = build.scales("scale", 2, 3)
    zero = RANDOM.integers(0, 5, (2, 3)).astype(kind) if has_zero else np.full((2, 3), zero or 0).astype(kind)
    has_zero = has_zero or zero.any()
    q = quantized(w, scale, kind, zero, 0, 4).astype(kind)
    build.store("q", q)
    build.store("zero", zero)
    build.add("DequantizeLinear", ["q", "scale", "zero"] if has_zero else ["q", "scale"], "w", axis=0, block_size=4)
    build.add("MatMul", ["x", "w"], "product")
    weight = held(dequantized(q, scale, zero, 0, 4), element)
    build.outputs = {"product": x @ weight}
    return build.save(folder, name, x)


def activations_in_blocks(folder, kind, name, zero=None):
    """A pair whose scales are blocks of the data, with `output_dtype` in place of a zero point."""
    build, x = Build(21), numbers(5, 6)
    scale = build.scales("scale", 5, 2)
    attributes = {"axis": -1, "block_size": 4}
    inputs = ["x", "scale"]
    if zero is None:
        build.add("QuantizeLinear", inputs, "q", output_dtype=LIMITS[kind][0], **attributes)
        build.add("DequantizeLinear", ["q", "scale"], "y", **attributes)
    else:
        build.store("zero", zero.astype(kind))
        build.add("QuantizeLinear", [*inputs, "zero"], "q", **attributes)
        build.add("DequantizeLinear", ["q", "scale", "zero"], "y", **attributes)
    zero = np.zeros((5, 2)) if zero is None else zero
    build.outputs = {"y": dequantized(quantized(x, scale, kind, zero, 1, 4), scale, zero, 1, 4)}
    build.save(folder, name, x)


def pair(folder, kind, name):
    """A pair per column, with zero points."""
    build, x = Build(21), numbers(5, 6) * 20
    scale = build.scales("scale", 6)
    zero = RANDOM.integers(0, 7, 6)
    build.store("zero", zero.astype(kind))
    build.add("QuantizeLinear", ["x", "scale", "zero"], "q")
    build.add("DequantizeLinear", ["q", "scale", "zero"], "y")
    build.outputs = {"y": dequantized(quantized(x, scale, kind, zero), scale, zero)}
    build.save(folder, name, x)


def moved(folder, kind, name):
    """Quantized tensors that are moved before they are dequantized: constants, and computed ones."""
    build, x, w = Build(21), numbers(6, 4), numbers(6, 7)
    scale, step = build.scales("scale"), build.scales("step")
    q = quantized(w, scale, kind).astype(kind)
    build.store("q", q)
    build.store("zero", np.zeros((), kind))
    build.store("shape", np.array([7, 2, 3]))
    build.add("Transpose", ["q"], "turned")
    build.add("Reshape", ["turned", "shape"], "cut")
    build.add("DequantizeLinear", ["cut", "scale"], "w")
    build.add("QuantizeLinear", ["x", "step", "zero"], "steps")
    build.add("Transpose", ["steps"], "turned_steps")
    build.add("DequantizeLinear", ["turned_steps", "step", "zero"], "y")
    weight = dequantized(q, scale).T.reshape(7, 2, 3)
    build.outputs = {"w": weight, "y": dequantized(quantized(x, step, kind), step).T}
    build.save(folder, name, x)


def quantized_weights(folder, name):
    """Weights that are stored in float32 and quantized by the model."""
    build, x, w = Build(21), numbers(3, 6), numbers(6, 5)
    scale = build.scales("scale", 5)
    build.store("float", w)
    build.add("QuantizeLinear", ["float", "scale"], "q", axis=1, output_dtype=T.FLOAT8E4M3FN)
    build.add("DequantizeLinear", ["q", "scale"], "w", axis=1)
    build.add("MatMul", ["x", "w"], "product")
    build.outputs = {"product": x @ dequantized(quantized(w, scale, E4M3), scale)}
    build.save(folder, name, x)


def casts(folder):
    """Casts to e4m3, with and without saturation, and a result of that type."""
    build, x = Build(19), numbers(3, 4)
    x[0, :3] = [500.0, -1e9, 463.0]
    build.add("Cast", ["x"], "codes", to=T.FLOAT8E4M3FN)
    build.add("Cast", ["codes"], "back", to=T.FLOAT)
    build.add("Cast", ["x"], "open", to=T.FLOAT8E4M3FN, saturate=0)
    build.add("Cast", ["open"], "without", to=T.FLOAT)
    clipped = np.clip(x, -448, 448).astype(E4M3).astype(np.float32)
    build.outputs = {"codes": clipped, "back": clipped, "without": x.astype(E4M3).astype(np.float32)}
    build.save(folder, "casts", x, other={"codes": T.FLOAT8E4M3FN})


def results(folder):
    """Quantized inputs and outputs of the model itself."""
    build, x = Build(21), RANDOM.integers(-8, 8, (3, 5))
    scale = build.scales("scale")
    build.store("zero", np.zeros((), ml_dtypes.uint4))
    build.add("DequantizeLinear", ["x", "scale"], "y")
    build.add("QuantizeLinear", ["y", "scale", "zero"], "q")
    build.outputs = {"y": dequantized(x, scale), "q": np.clip(x, 0, 15)}
    build.save(folder, "results", x, T.INT4, {"q": T.UINT4})


def branches(folder):
    """Weights in blocks and of e4m3 in the branches of an If, stored in the branch and around it."""
    build, x = Build(21), numbers(4, 8)
    scale = build.scales("scale", 2, 3)
    q = quantized(numbers(8, 3), scale, ml_dtypes.int4, 0, 0, 4).astype(ml_dtypes.int4)
    build.store("q", q)
    step = np.float32(0.25)
    codes = quantized(numbers(8, 3), step, E4M3).astype(E4M3)
    build.store("limit", np.float32(0.0))
    build.store("first", np.array([0]))
    build.add("ReduceSum", ["x"], "sum", keepdims=0)
    build.add("Greater", ["sum", "limit"], "positive")

    def branch(name, nodes, stored):
        info = helper.make_tensor_value_info(name, T.FLOAT, [4, 3])
        return helper.make_graph(nodes, name, [], [info], [numpy_helper.from_array(a, n) for n, a in stored.items()])

    blocks = helper.make_node("DequantizeLinear", ["q", "scale"], ["w"], axis=0, block_size=4)
    one = [blocks, helper.make_node("MatMul", ["x", "w"], ["blocks"])]
    floats = helper.make_node("DequantizeLinear", ["codes", "step"], ["w8"])
    two = [floats, helper.make_node("MatMul", ["x", "w8"], ["floats"])]
    node = helper.make_node(
        "If",
        ["positive"],
        ["y"],
        "choice",
        then_branch=branch("blocks", one, {}),
        else_branch=branch("floats", two, {"codes": codes, "step": step}),
    )
    build.nodes.append(node)
    for sign, weight in [(1, dequantized(q, scale, 0.0, 0, 4)), (-1, dequantized(codes, step))]:
        chosen = x * np.sign(x.sum()) * sign
        build.outputs = {"y": chosen @ weight}
        build.save(folder, "then" if sign > 0 else "else", chosen)


def pairs_in_branches(folder):
    """Pairs of each type in the branches of an If, and Casts to e4m3."""
    x = numbers(4, 6) * 40
    x[0, :4] = [1e30, -500.0, 463.9, 1e-3]
    for sign, name in [(1, "pairs_in_then"), (-1, "pairs_in_else")]:
        build = Build(21)
        build.store("limit", np.float32(0.0))
        build.add("ReduceMax", ["x"], "largest", keepdims=0)
        build.store("sign", np.float32(sign))
        build.add("Mul", ["largest", "sign"], "signed")
        build.add("Greater", ["signed", "limit"], "positive")
        kinds = {"e4m3": E4M3, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4, "int16": np.int16, "uint16": np.uint16}
        nodes, names = [], []
        for kind_name, kind in kinds.items():
            build.scales(f"one_{kind_name}")
            build.scales(f"columns_{kind_name}", 6)
            zero = np.zeros(6) if kind in (E4M3, np.int16) else np.arange(6)
            build.store(f"zero_{kind_name}", zero.astype(kind))
            for form, scale in [("one", f"one_{kind_name}"), ("columns", f"columns_{kind_name}")]:
                made, inputs, attributes = f"{form}_{kind_name}_y", [scale], {"output_dtype": LIMITS[kind][0]}
                if form == "columns":
                    inputs, attributes = [scale, f"zero_{kind_name}"], {}
                nodes.append(helper.make_node("QuantizeLinear", ["x", *inputs], [f"{made}_q"], f"{made}_q", **attributes))
                nodes.append(helper.make_node("DequantizeLinear", [f"{made}_q", *inputs], [made], made))
                names.append(made)
        nodes.append(helper.make_node("Concat", names, ["then_all"], "then_all", axis=0))
        casts = []
        for saturate in [0, 1]:
            code, back = f"code_{saturate}", f"back_{saturate}"
            casts.append(helper.make_node("Cast", ["x"], [code], code, to=T.FLOAT8E4M3FN, saturate=saturate))
            casts.append(helper.make_node("Cast", [code], [back], back, to=T.FLOAT))
        casts.append(helper.make_node("Concat", ["back_0", "back_1"], ["else_all"], "else_all", axis=0))

        def body(name, nodes):
            return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, T.FLOAT, [None, 6])])

        then, other = body("then_all", nodes), body("else_all", casts)
        build.nodes.append(helper.make_node("If", ["positive"], ["all"], "all", then_branch=then, else_branch=other))
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in build.tensors}
        parts = []
        for kind_name, kind in kinds.items():
            one, columns, zero = (stored[f"{what}_{kind_name}"] for what in ["one", "columns", "zero"])
            zero = zero.astype(np.float32)
            parts.append(dequantized(quantized(x, one, kind), one))
            parts.append(dequantized(quantized(x, columns, kind, zero), columns, zero))
        clipped = np.clip(x, -448, 448).astype(E4M3).astype(np.float32)
        build.outputs = {"all": np.concatenate(parts if sign > 0 else [x.astype(E4M3).astype(np.float32), clipped])}
        build.save(folder, name, x)


def refused(folder):
    """Models that no runtime may run."""
    model = weights_in_blocks(folder, T.FLOAT, ml_dtypes.int4, "int4_blocks")
    short = onnx.ModelProto()
    short.CopyFrom(model)
    next(tensor for tensor in short.graph.initializer if tensor.name == "q").raw_data = bytes(3)
    onnx.save(short, folder / "cut_short.onnx")
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    wide.graph.node[0].attribute[1].i = 3
    assert wide.graph.node[0].attribute[1].name == "block_size"
    onnx.save(wide, folder / "other_blocks.onnx")


def main(folder):
    pairs_of_e4m3(folder, T.FLOAT, "e4m3")
    pairs_of_e4m3(folder, T.FLOAT16, "e4m3_f16")
    weights_in_blocks(folder, T.FLOAT16, ml_dtypes.int4, "int4_blocks_f16")
    weights_in_blocks(folder, T.FLOAT, ml_dtypes.uint4, "uint4_blocks", has_zero=True)
    weights_in_blocks(folder, T.FLOAT, ml_dtypes.uint4, "uint4_around_8", zero=8)
    weights_in_blocks(folder, T.FLOAT, E4M3, "e4m3_blocks")
    weights_in_blocks(folder, T.FLOAT, np.int8, "int8_blocks", has_zero=True)
    activations_in_blocks(folder, ml_dtypes.int4, "int4_activations")
    activations_in_blocks(folder, E4M3, "e4m3_activations")
    activations_in_blocks(folder, np.uint16, "uint16_activations", RANDOM.integers(0, 9, (5, 2)))
    pair(folder, np.int16, "int16")
    pair(folder, np.uint16, "uint16")
    pair(folder, ml_dtypes.uint4, "uint4")
    for kind, name in [(E4M3, "moved_e4m3"), (ml_dtypes.int4, "moved_int4"), (np.int16, "moved_int16")]:
        moved(folder, kind, name)
    quantized_weights(folder, "quantized_weights")
    casts(folder)
    results(folder)
    branches(folder)
    pairs_in_branches(folder)
    refused(folder)


main(Path(sys.argv[1]))
