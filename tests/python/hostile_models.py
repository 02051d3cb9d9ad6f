"""Small valid models that are hard to quantize: hostile_models.py make FOLDER | check FOLDER

`make` writes NAME.onnx and its samples NAME.npz. `check` checks every NAME.FORM.onnx that was made of them:
onnx.checker passes, no unused constant is left, and ONNX Runtime gives nearly the float model's outputs with and
without its optimisations.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

import evaluate

RANDOM = np.random.default_rng(7)
CUSTOM = h.make_opsetid("com.microsoft", 1)


def weight(*shape, kind=np.float32):
    return RANDOM.standard_normal(shape).astype(kind)


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), **attributes)


def constant(name, value):
    return h.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def conv(inputs, output):
    attributes = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
    return node("Conv", inputs, output, **attributes)


def model(nodes, x=("N", 8), kind=T.FLOAT, out=T.FLOAT, weights=(), more=(), opset=17, ir=8, listed=False):
    """Returns a model of input x and output y. `more` are further outputs, and the weights are `listed` as inputs
    too."""
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights]
    inputs = [h.make_tensor_value_info("x", kind, x)]
    if listed:
        inputs += [h.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in stored]
    outputs = [h.make_tensor_value_info(name, out, None) for name in ("y", *more)]
    graph = h.make_graph(nodes, "g", inputs, outputs, stored)
    return h.make_model(graph, opset_imports=[h.make_opsetid("", opset), CUSTOM], ir_version=ir)


def choice(tensor, output, kind):
    """Returns an If whose branches capture `tensor`. Nothing else gives the type of its output."""
    branches = {
        f"{side}_branch": h.make_graph([node(op, tensor, side)], side, [], [h.make_tensor_value_info(side, kind, None)])
        for side, op in (("then", "Abs"), ("else", "Neg"))
    }
    return [constant("yes", np.bool_(True)), node("If", "yes", output, **branches)]


def gelu(inputs, output):
    return h.make_node("Gelu", [inputs], [output], domain="com.microsoft")


def image(nodes, **options):
    return model(nodes, x=("N", 3, 8, 8), **options)


HALF = {"kind": T.FLOAT16, "out": T.FLOAT16}
HALF_CONVS = {"weights": [("w", weight(4, 3, 3, 3, kind=np.float16)), ("v", weight(4, 4, 3, 3, kind=np.float16))], **HALF}
CONVS = [conv("s w", "a"), node("Relu", "a", "b"), conv("b v", "y")]
SQUARE = [("w", weight(8, 8))]
RESHAPED = [node("Unsqueeze", "w axes", "u"), node("MatMul", "x u", "y")]

MODELS = {
    "constant_node": lambda: model([node("Relu", "x", "r"), constant("w", weight(8, 8)), node("MatMul", "r w", "y")]),
    "rank_3_weight": lambda: model([node("MatMul", "x w", "y")], x=("N", 4, 8), weights=[("w", weight(1, 8, 6))]),
    "weight_is_output": lambda: model([node("MatMul", "x w", "y")], weights=SQUARE, more=["w"]),
    "form_is_output": lambda: model(
        [node("Transpose", "w", "t"), node("MatMul", "x t", "y")], weights=SQUARE, more=["t"]
    ),
    "input_is_output": lambda: model([node("MatMul", "x w", "y")], weights=SQUARE, more=["x"]),
    "form_in_subgraph": lambda: model(
        [node("Transpose", "w", "t"), *choice("t", "s", T.FLOAT), node("MatMul", "x t", "a"), node("MatMul", "a s", "y")],
        weights=SQUARE,
    ),
    "form_read_in_float": lambda: model(
        [constant("w", weight(64)), constant("shape", [8, 8]), node("Reshape", "w shape", "r"),
         node("Transpose", "r", "t"), node("MatMul", "x t", "a"), node("Mul", "a t", "y")], x=(8, 8)
    ),
    "form_with_parameter": lambda: model(
        RESHAPED, x=("N", 4, 8), weights=[*SQUARE, ("axes", np.array([0]))]
    ),
    "form_with_constant_node": lambda: model([constant("axes", [0]), *RESHAPED], x=("N", 4, 8), weights=SQUARE),
    "shared_on_two_axes": lambda: model(
        [node("MatMul", "x w", "a"), node("Gemm", "a w", "b", transB=1), node("Transpose", "w", "t"),
         node("MatMul", "b t", "y")], weights=SQUARE
    ),
    "integer_weight": lambda: model(
        [node("Cast", "w", "f", to=T.FLOAT), node("MatMul", "x f", "y")], weights=[("w", RANDOM.integers(-9, 9, (8, 8)))]
    ),
    "weight_through_integers": lambda: model(
        [node("Cast", "w", "i", to=T.INT32), node("Cast", "i", "f", to=T.FLOAT), node("MatMul", "x f", "y")],
        weights=[("w", 5 * weight(8, 8))],
    ),
    "empty_weight": lambda: model(
        [constant("shape", [8, 0]), node("Reshape", "w shape", "r", allowzero=1), node("MatMul", "x r", "e"),
         node("Concat", "e x", "c", axis=1), node("MatMul", "c v", "y")],
        weights=[("w", weight(0, 8)), ("v", weight(8, 8))],
    ),
    "weights_listed_as_inputs": lambda: image(
        [conv("x w b", "y")], weights=[("w", weight(4, 3, 3, 3)), ("b", weight(4))], opset=9, ir=3, listed=True
    ),
    "same_tensor_twice": lambda: model([node("MatMul", "x x", "y")], x=("N", 8, 8)),
    "taken_names": lambda: model(
        [node("Relu", "x", "x_quantized"), node("MatMul", "x_quantized qdq_zero_point", "x_dequantized"),
         node("MatMul", "x_dequantized w_quantized", "y")],
        weights=[("qdq_zero_point", weight(8, 8)), ("w_quantized", weight(8, 8))],
    ),
    "half_behind_if": lambda: image([*choice("x", "s", T.FLOAT16), *CONVS], **HALF_CONVS),
    "half_behind_custom": lambda: image([gelu("x", "s"), *CONVS], **HALF_CONVS),
    "half_product_behind_custom": lambda: model(
        [gelu("x", "s"), gelu("s", "t"), node("MatMul", "s t", "a"), node("Softmax", "a", "y")], x=("N", 8, 8), **HALF
    ),
    "double_behind_if": lambda: model(
        [node("Cast", "x", "d", to=T.DOUBLE), *choice("d", "s", T.DOUBLE), node("MatMul", "s s", "a"),
         node("Cast", "a", "f", to=T.FLOAT), node("MatMul", "f w", "y")], x=("N", 8, 8), weights=SQUARE
    ),
    "bare_attributes": lambda: image(
        [node("Conv", "x w", "a"), node("MaxPool", "a", "p", kernel_shape=[2, 2]),
         node("ConvTranspose", "p v", "t"), node("AveragePool", "t", "y", kernel_shape=[2, 2])],
        weights=[("w", weight(4, 3, 3, 3)), ("v", weight(4, 5, 2, 2))],
    ),
    "half_scales": lambda: half_scales([]),
    "half_small": lambda: half_scales([constant("small", np.float16(2e-4)), node("Mul", "b small", "c")]),
}


def half_scales(between):
    """float16 at an opset with scales of this type. The first channel of w is so small that its own step is subnormal."""
    random = np.random.default_rng(8)
    w, v = (random.standard_normal((4, channels, 3, 3)).astype(np.float16) for channels in (3, 4))
    w[0] *= np.float16(1e-4)
    nodes = [conv("x w", "a"), node("Relu", "a", "b"), *between, conv("c v" if between else "b v", "y")]
    return image(nodes, weights=[("w", w), ("v", v)], opset=19, ir=9, **HALF)


def run(path, feed, level, exact=False):
    options = onnxruntime.SessionOptions()
    if exact:
        evaluate.exact(options)
    options.graph_optimization_level = level
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def make(folder):
    for name, build in MODELS.items():
        made = build()
        path = folder / f"{name}.onnx"
        onnx.save(made, path)
        dims = [dim.dim_value or 8 for dim in made.graph.input[0].type.tensor_type.shape.dim]
        kind = h.tensor_dtype_to_np_dtype(made.graph.input[0].type.tensor_type.elem_type)
        samples = weight(*dims, kind=kind)
        np.savez(folder / f"{name}.npz", x=samples)
        # Adds the ranks of the outputs, which the checker requires.
        for output, value in zip(made.graph.output, run(path, {"x": samples}, onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)):
            dims = [h.make_tensor_value_info("", T.FLOAT, [f"{output.name}_{axis}" for axis in range(value.ndim)])]
            output.type.tensor_type.shape.CopyFrom(dims[0].type.tensor_type.shape)
        onnx.checker.check_model(made)
        onnx.save(made, path)


def unread(graph):
    read = {output.name for output in graph.output}

    def visit(inner):
        for item in inner.node:
            read.update(item.input)
            for attribute in item.attribute:
                if attribute.HasField("g"):
                    visit(attribute.g)
                    read.update(output.name for output in attribute.g.output)

    visit(graph)
    stored = [tensor.name for tensor in graph.initializer]
    stored += [item.output[0] for item in graph.node if item.op_type == "Constant"]
    return [name for name in stored if name not in read]


def problem(float_path, path, samples):
    quantized = onnx.load(path)
    onnx.checker.check_model(quantized, full_check=True)
    if left := unread(quantized.graph):
        return f"nothing reads {left}"
    levels = onnxruntime.GraphOptimizationLevel
    reference = run(float_path, samples, levels.ORT_DISABLE_ALL)
    for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL):
        # Fused, each model must only run. Its accuracy is judged with kernels that do not saturate.
        results = run(path, samples, level)
        if evaluate.saturates():
            results = run(path, samples, level, exact=True)
        for wanted, got in zip(reference, results):
            if evaluate.sqnr(wanted, got) < 25:
                return f"{evaluate.sqnr(wanted, got):.1f} dB at {level}"
    return None


def check(folder):
    failed = 0
    for path in sorted(folder.glob("*.*.onnx")):
        name = path.name.split(".")[0]
        with np.load(folder / f"{name}.npz") as file:
            samples = dict(file)
        try:
            found = problem(folder / f"{name}.onnx", path, samples)
        except Exception as error:
            found = str(error)
        if found:
            failed += 1
            print(f"{path.name}: {found}")
    return failed


if __name__ == "__main__":
    onnxruntime.set_default_logger_severity(4)
    task = {"make": make, "check": check}[sys.argv[1]]
    sys.exit(1 if task(Path(sys.argv[2])) else 0)
