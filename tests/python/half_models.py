"""Models with 16-bit floating-point numbers, for the tests of the runtimes.

half_models.py make FOLDER writes them, with inputs and the outputs of ONNX's reference as NAME.npz, widened to f32.
half_models.py check FOLDER has ONNX check every twin in it.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

HALF = np.float16


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), name=f"n_{outputs.split()[0]}", **attributes)


def infos(kinds):
    return [h.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in kinds.items()]


def tensors(weights):
    return [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]


def model(nodes, inputs, outputs, weights=None, opset=17, functions=()):
    graph = h.make_graph(nodes, "g", infos(inputs), infos(outputs), tensors(weights or {}))
    imports = [h.make_opsetid("", opset), *([h.make_opsetid("own", 1)] if functions else [])]
    return h.make_model(graph, opset_imports=imports, ir_version=9, functions=list(functions))


def hard():
    """Numbers whose squares overflow, lie halfway between two f16, are subnormal or become 0."""
    rng = np.random.default_rng(5)
    some = rng.standard_normal(50) * 10.0 ** rng.integers(-4, 3, 50)
    return np.concatenate([[300, -300, 255.9, 1e-4, -2e-4, 6e-8, 0, 1.0009765625, 65504, 0.1], some]).astype(HALF)


def elementwise():
    """Products, sums and quotients, each of which f16 rounds."""
    nodes = [
        node("Mul", "x x", "square"),
        node("Constant", "", "third", value=numpy_helper.from_array(HALF(1 / 3))),
        node("Add", "square third", "shifted"),
        node("Div", "x shifted", "ratio"),
        node("Clip", "square least most", "clipped"),
        node("Cast", "clipped", "whole", to=T.INT32),
        node("Sqrt", "square", "root"),
    ]
    outputs = {name: (T.FLOAT16, [60]) for name in ("square", "shifted", "ratio", "root")}
    outputs["whole"] = (T.INT32, [60])
    weights = {"least": HALF(0), "most": HALF(2001)}
    return model(nodes, {"x": (T.FLOAT16, [60])}, outputs, weights), {"x": hard()}


def nested():
    """Rounding inside a Loop, whose state has 16 bits, and in the branches of an If."""
    body = h.make_graph(
        [node("Mul", "state factor", "next"), node("Identity", "go", "go_on")],
        "body",
        infos({"i": (T.INT64, []), "go": (T.BOOL, []), "state": (T.FLOAT16, [60])}),
        infos({"go_on": (T.BOOL, []), "next": (T.FLOAT16, [60])}),
    )
    branch = lambda op, name: h.make_graph(
        [node(op, f"looped third_{name}", f"o_{name}")], name, [], infos({f"o_{name}": (T.FLOAT16, [60])}),
        tensors({f"third_{name}": HALF(1 / 3)}))
    nodes = [
        node("Loop", "count yes x", "looped", body=body),
        node("If", "flag", "y", then_branch=branch("Mul", "then"), else_branch=branch("Add", "else")),
    ]
    weights = {"count": np.int64(4), "yes": np.bool_(True), "factor": HALF(1.1)}
    inputs = {"x": (T.FLOAT16, [60]), "flag": (T.BOOL, [])}
    return model(nodes, inputs, {"y": (T.FLOAT16, [60])}, weights), {"x": hard() / HALF(2), "flag": np.bool_(True)}


def types():
    """Types in every place that states one: functions, attributes, sequences, stated types."""
    function = h.make_function(
        "own", "Scaled", ["v"], ["scaled"],
        [
            node("Constant", "", "quarter", value=numpy_helper.from_array(HALF(0.3))),
            node("Mul", "v quarter", "scaled"),
        ],
        [h.make_opsetid("", 17)],
    )
    nodes = [
        h.make_node("Scaled", ["x"], ["s"], name="call", domain="own"),
        node("ConstantOfShape", "shape", "filled", value=numpy_helper.from_array(np.array([0.7], HALF))),
        node("Range", "from to step", "counted"),
        node("EyeLike", "matrix", "eye", dtype=T.FLOAT16),
        node("Cast", "integers", "cast", to=T.FLOAT16),
        node("CastLike", "integers x", "like"),
        node("SequenceConstruct", "s filled", "sequence"),
        node("SequenceAt", "sequence one", "second"),
        node("Add", "second counted", "a"),
        node("Add", "a cast", "b"),
        node("Max", "b like", "c"),
        node("MatMul", "c eye", "d"),
        node("Add", "d s", "y"),
        node("Cast", "y", "wide", to=T.FLOAT),
    ]
    weights = {
        "shape": np.array([4]), "from": HALF(0), "to": HALF(4), "step": HALF(1), "one": np.int64(1),
        "matrix": np.zeros((4, 4), np.int32), "integers": np.array([1, 2049, -3, 7], np.int32),
    }
    proto = model(
        nodes, {"x": (T.FLOAT16, [4])}, {"y": (T.FLOAT16, [4]), "wide": (T.FLOAT, [4])}, weights,
        functions=[function])
    stated = infos({name: (T.FLOAT16, [4]) for name in ("s", "filled", "a", "b", "c", "d")})
    proto.graph.value_info.extend(stated)
    proto.graph.value_info.append(
        h.make_value_info("sequence", h.make_sequence_type_proto(h.make_tensor_type_proto(T.FLOAT16, None))))
    return proto, {"x": np.array([1, -2, 3.3, 0.01], HALF)}


def quantized():
    """Q/DQ with scales of the data's type, as opset 19 has them."""
    nodes = [
        node("QuantizeLinear", "x step zero", "q"),
        node("DequantizeLinear", "q step zero", "d"),
        node("DequantizeLinear", "w steps", "v", axis=1),
        node("MatMul", "d v", "y"),
    ]
    rng = np.random.default_rng(6)
    weights = {
        "step": HALF(0.03), "zero": np.int8(0), "w": rng.integers(-127, 128, (8, 3), dtype=np.int8),
        "steps": np.array([0.01, 0.002, 6.1035e-5], HALF),
    }
    inputs, outputs = {"x": (T.FLOAT16, [2, 8])}, {"y": (T.FLOAT16, [2, 3]), "d": (T.FLOAT16, [2, 8])}
    return model(nodes, inputs, outputs, weights, 19), {"x": rng.standard_normal((2, 8)).astype(HALF)}


def quantized_in_branch():
    """The same in a branch of an If."""
    pair = [node("QuantizeLinear", "x step zero", "q"), node("DequantizeLinear", "q step zero", "d")]
    result = infos({"d": (T.FLOAT16, [2, 8])})
    other = h.make_graph([node("Neg", "x", "n")], "else", [], infos({"n": (T.FLOAT16, [2, 8])}))
    nodes = [node("If", "flag", "y", then_branch=h.make_graph(pair, "then", [], result), else_branch=other)]
    inputs = {"x": (T.FLOAT16, [2, 8]), "flag": (T.BOOL, [])}
    x = np.random.default_rng(7).standard_normal((2, 8)).astype(HALF)
    made = model(nodes, inputs, {"y": (T.FLOAT16, [2, 8])}, {"step": HALF(0.03), "zero": np.int8(0)}, 19)
    return made, {"x": x, "flag": np.bool_(True)}


def contributed():
    """An operator of another domain, whose result has the type that its reader gives it."""
    nodes = [h.make_node("Gelu", ["x"], ["s"], name="gelu", domain="com.microsoft"), node("Mul", "s third", "y")]
    made = model(nodes, {"x": (T.FLOAT16, [60])}, {"y": (T.FLOAT16, [60])}, {"third": HALF(1 / 3)})
    made.opset_import.append(h.make_opsetid("com.microsoft", 1))
    return made, None


def narrowing(kind):
    """Casts of f32 in the main graph and in a Loop."""
    body = h.make_graph(
        [node("Cast", "x", "inner", to=kind), node("Cast", "inner", "out", to=T.FLOAT), node("Identity", "go", "go_on")],
        "body", infos({"i": (T.INT64, []), "go": (T.BOOL, [])}),
        infos({"go_on": (T.BOOL, []), "out": (T.FLOAT, ["N"])}),
    )
    nodes = [
        node("Cast", "x", "narrow", to=kind), node("Cast", "narrow", "y", to=T.FLOAT),
        node("Loop", "once yes", "looped", body=body),
    ]
    weights = {"once": np.int64(1), "yes": np.bool_(True)}
    outputs = {"y": (T.FLOAT, ["N"]), "looped": (T.FLOAT, [1, "N"])}
    return model(nodes, {"x": (T.FLOAT, ["N"])}, outputs, weights), None


def squared(kind):
    """x * x * 0.3 in one type."""
    nodes = [node("Mul", "x x", "square"), node("Mul", "square factor", "y")]
    weights = {"factor": np.asarray(0.3, h.tensor_dtype_to_np_dtype(kind))}
    return model(nodes, {"x": (kind, ["N", 3])}, {"y": (kind, ["N", 3])}, weights), None


def bits():
    """The bits of an f16, which f32 does not have."""
    nodes = [node("BitCast", "x", "y", to=T.INT16)]
    return model(nodes, {"x": (T.FLOAT16, [3])}, {"y": (T.INT16, [3])}, opset=26), None


MADE = {
    "elementwise": elementwise, "nested": nested, "types": types, "quantized": quantized, "bits": bits,
    "quantized_in_branch": quantized_in_branch, "contributed": contributed,
    "narrowing_f16": lambda: narrowing(T.FLOAT16), "narrowing_bf16": lambda: narrowing(T.BFLOAT16),
    "squared_f16": lambda: squared(T.FLOAT16), "squared_f32": lambda: squared(T.FLOAT),
}


def make(folder):
    for name, made in MADE.items():
        proto, inputs = made()
        onnx.save(proto, folder / f"{name}.onnx")
        if inputs is not None:
            with np.errstate(all="ignore"):
                results = ReferenceEvaluator(proto).run(None, inputs)
            outputs = zip((info.name for info in proto.graph.output), results)
            arrays = {f"in_{key}": value for key, value in inputs.items()}
            arrays |= {f"out_{key}": np.asarray(value) for key, value in outputs}
            wide = lambda value: value.astype(np.float32) if value.dtype == HALF else value
            np.savez(folder / f"{name}.npz", **{key: wide(value) for key, value in arrays.items()})


def check(folder):
    twins = sorted(folder.glob("*.twin.onnx"))
    for path in twins:
        proto = onnx.load(path)
        onnx.checker.check_model(proto, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
        casts = {output for node in proto.graph.node if node.op_type == "Cast" for output in node.output}
        for info in [*inferred.graph.input, *inferred.graph.output, *inferred.graph.value_info]:
            kind = info.type.tensor_type.elem_type
            assert kind not in (T.FLOAT16, T.BFLOAT16) or info.name in casts, (path, info.name)
    print(len(twins))


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
