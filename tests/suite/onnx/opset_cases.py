"""Small models at old opsets, and the proof that their conversions compute the same.

    python opset_cases.py make FOLDER      writes NAME.onnx with inputs NAME.npz
    python opset_cases.py check FOLDER     compares every NAME.toOPSET.onnx with NAME.onnx
    python opset_cases.py refused FOLDER   writes models that have no equal, with a part of the message
    python opset_cases.py tables TABLE.RS  compares qdq's tables with the definitions of the onnx package
"""

import pathlib
import re
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IR = {7: 3, 8: 3, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9}

random = np.random.default_rng(5)


def normal(*shape, dtype=np.float32):
    return random.standard_normal(shape).astype(dtype)


X = normal(2, 3, 4, 6)
IMAGE = normal(1, 2, 5, 7)
VECTOR = normal(2, 12)
POSITIVE = np.abs(normal(2, 3, 4)) + np.float32(0.1)

# Name, opset, operator, inputs, attributes, number of outputs, initializers by input position.
CASES = []


def case(name, opsets, op, inputs, outputs=1, weights=(), **attributes):
    for opset in opsets:
        CASES.append((f"{name}_{opset}", opset, op, inputs, outputs, weights, attributes))


case("squeeze", (7, 11), "Squeeze", [normal(1, 3, 1, 4)], axes=[0, 2])
case("squeeze_all", (7, 11), "Squeeze", [normal(1, 3, 1, 4)])
case("squeeze_negative", (11,), "Squeeze", [normal(1, 3, 1, 4)], axes=[-2])
case("unsqueeze", (7, 11), "Unsqueeze", [VECTOR], axes=[0, 3])
case("reduce_sum", (7, 11), "ReduceSum", [X], axes=[1, 2], keepdims=0)
case("reduce_sum_all", (7, 11), "ReduceSum", [X])
for reduction in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"):
    case(f"reduce_{reduction.lower()}", (7, 11, 13), f"Reduce{reduction}", [POSITIVE], axes=[1], keepdims=1)
    case(f"reduce_{reduction.lower()}_all", (12,), f"Reduce{reduction}", [POSITIVE], keepdims=0)
case("split", (7, 11), "Split", [VECTOR], outputs=2, axis=1, split=[5, 7])
case("split_equal", (7, 11, 13), "Split", [VECTOR], outputs=3, axis=1)
case("slice", (7, 9), "Slice", [X], axes=[1, 3], starts=[1, -4], ends=[3, 1000])
case("slice_leading", (7, 9), "Slice", [X], starts=[0, 1], ends=[1, 3])
case("top_k", (7, 9), "TopK", [VECTOR], outputs=2, k=3, axis=1)
case("pad", (7, 10), "Pad", [X], pads=[0, 0, 1, 2, 0, 0, 3, 0], value=1.5)
case("pad_zero", (7, 10), "Pad", [X], pads=[0, 0, 1, 2, 0, 0, 3, 0])
case("pad_reflect", (7, 10), "Pad", [X], pads=[0, 0, 1, 2, 0, 0, 2, 0], mode="reflect")
case("pad_half", (7, 10), "Pad", [normal(2, 3, dtype=np.float16)], pads=[0, 1, 0, 1], value=-2.0)
case("clip", (7, 10), "Clip", [X], min=-0.5, max=0.25)
case("clip_max", (7, 10), "Clip", [X], max=0.25)
case("clip_open", (7, 10), "Clip", [X])
case("clip_half", (7, 10), "Clip", [normal(3, 4, dtype=np.float16)], min=-0.5)
case("dropout", (7, 10, 11), "Dropout", [X], ratio=0.3)
case("dropout_mask", (7, 10), "Dropout", [X], outputs=-2, ratio=0.3)
STATISTICS = [np.abs(normal(3)) + np.float32(0.5) for _ in range(4)]
WEIGHTS = (1, 2, 3, 4)
case("batch", (7, 9, 12), "BatchNormalization", [X, *STATISTICS], weights=WEIGHTS, epsilon=1e-3)
case("batch_spatial", (7, 8), "BatchNormalization", [X, *STATISTICS], weights=WEIGHTS, spatial=1)
for family in ("Softmax", "LogSoftmax", "Hardmax"):
    name = family.lower()
    case(f"{name}_matrix", (7, 11, 12), family, [VECTOR])
    case(f"{name}_pixels", (7, 11), family, [normal(2, 5, 1, 1)], axis=1)
    case(f"{name}_flattened", (7, 11, 12), family, [X])
    case(f"{name}_first", (7, 11), family, [X], axis=0)
    case(f"{name}_last", (7, 11), family, [X], axis=3)
    case(f"{name}_negative", (11, 12), family, [X], axis=-1)
    case(f"{name}_negative_flattened", (11, 12), family, [X], axis=-2)
SCALES = np.array([1, 1, 2, 3], np.float32)
UNEVEN = np.array([1, 1, 1.6, 2.3], np.float32)
SMALLER = np.array([1, 1, 0.6, 0.7], np.float32)
for mode in ("nearest", "linear"):
    case(f"upsample_{mode}", (7, 8), "Upsample", [IMAGE], mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
    case(f"upsample_{mode}_input", (9,), "Upsample", [IMAGE, SCALES], weights=(1,), mode=mode)
    case(f"upsample_{mode}_uneven", (9,), "Upsample", [IMAGE, UNEVEN], weights=(1,), mode=mode)
    case(f"upsample_{mode}_computed", (9,), "Upsample", [IMAGE, SCALES], mode=mode)
    case(f"resize_{mode}", (10,), "Resize", [IMAGE, SCALES], weights=(1,), mode=mode)
    case(f"resize_{mode}_uneven", (10,), "Resize", [IMAGE, UNEVEN], weights=(1,), mode=mode)
    case(f"resize_{mode}_smaller", (10,), "Resize", [IMAGE, SMALLER], weights=(1,), mode=mode)
case("resize_linear_computed", (10,), "Resize", [IMAGE, UNEVEN], mode="linear")
NO_REGION = np.array([], np.float32)
for coordinates in ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"):
    case(
        f"resize_{coordinates}", (11, 13), "Resize", [IMAGE, NO_REGION, UNEVEN], weights=(1, 2),
        mode="linear", coordinate_transformation_mode=coordinates,
    )
case(
    "resize_tensorflow", (11,), "Resize", [IMAGE, NO_REGION, UNEVEN], weights=(1, 2),
    mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor",
)
INDICES = np.array([[0, 2, 1], [1, 0, 2]], np.int64)
case("scatter", (9, 10), "Scatter", [normal(3, 3), INDICES, normal(2, 3)], axis=0)
BOXES = np.array([[0, 0, 3, 4], [1, 1, 4, 4]], np.float32)
case("roi_align", (10, 13), "RoiAlign", [IMAGE, BOXES, np.zeros(2, np.int64)], output_height=2, output_width=3)
GRID = random.uniform(-1, 1, (1, 3, 4, 2)).astype(np.float32)
for mode in ("bilinear", "bicubic", "nearest"):
    case(f"grid_{mode}", (16,), "GridSample", [IMAGE, GRID], mode=mode)
case("grid_default", (16,), "GridSample", [IMAGE, GRID])
case("dft", (17, 19), "DFT", [normal(1, 6, 5, 1)], axis=2)
case("dft_default", (17,), "DFT", [normal(1, 6, 5, 1)])
case("group", (18, 20), "GroupNormalization", [normal(2, 6, 4), normal(2), normal(2)], num_groups=2)

# Operators whose new versions only add.
KERNEL = normal(4, 3, 3, 3)
case("conv", (7, 10, 11), "Conv", [X, KERNEL], weights=(1,), pads=[1, 1, 1, 1])
case("conv_same", (7, 11), "Conv", [X, KERNEL], weights=(1,), auto_pad="SAME_UPPER", strides=[2, 2])
case("deconv", (7, 11), "ConvTranspose", [X, normal(3, 2, 3, 3)], weights=(1,), strides=[2, 2])
case("gemm", (7, 9, 11), "Gemm", [VECTOR, normal(4, 12), normal(4)], weights=(1, 2), transB=1, alpha=0.5)
case("matmul", (7, 9), "MatMul", [VECTOR, normal(12, 3)])
case("max_pool", (7, 8, 10, 11), "MaxPool", [X], kernel_shape=[2, 3], strides=[2, 2])
case("average_pool", (7, 10, 11), "AveragePool", [X], kernel_shape=[2, 3], strides=[2, 2], pads=[0, 1, 0, 1])
case("average_pool_ceil", (10, 11), "AveragePool", [X], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
case(
    "average_pool_padded", (10, 11), "AveragePool", [X], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1,
    count_include_pad=1, pads=[1, 1, 1, 1],
)
case("lp_pool", (7, 11), "LpPool", [X], kernel_shape=[2, 2], p=2)
case("flatten", (7, 9, 11), "Flatten", [X], axis=2)
case("concat", (7, 11), "Concat", [VECTOR, VECTOR], axis=1)
case("transpose", (7, 12), "Transpose", [X], perm=[0, 2, 3, 1])
case("cast", (7, 9), "Cast", [X], to=TensorProto.INT32)
case("arg_max", (7, 11, 12), "ArgMax", [VECTOR], axis=1)
case("depth_to_space", (7, 11), "DepthToSpace", [normal(1, 8, 2, 3)], blocksize=2)
case("instance", (7, 12), "InstanceNormalization", [X, normal(3), normal(3)])
case("prelu", (7, 9), "PRelu", [X, normal(3, 1, 1)])
case("expand", (8, 12), "Expand", [normal(3, 1), np.array([2, 3, 4], np.int64)])
case("gather", (7, 11), "Gather", [VECTOR, np.array([0, 1], np.int64)], axis=1)
case("leaky", (7, 12), "LeakyRelu", [X], alpha=0.2)
case("sum", (7, 8), "Sum", [VECTOR, VECTOR, VECTOR])
case("max", (8, 12), "Max", [VECTOR, normal(12)])
case("pow", (7, 12), "Pow", [POSITIVE, np.array(2, np.float32)])
case("where", (9,), "Where", [VECTOR > 0, VECTOR, -VECTOR])
case(
    "lstm", (7, 12), "LSTM", [normal(5, 2, 3), normal(1, 16, 3), normal(1, 16, 4)], outputs=3, weights=(1, 2),
    hidden_size=4,
)
case("quantize", (10, 12), "QuantizeLinear", [X, np.array(0.1, np.float32), np.array(3, np.uint8)])
case(
    "dequantize", (10, 12), "DequantizeLinear",
    [np.arange(12, dtype=np.uint8), np.array(0.1, np.float32), np.array(3, np.uint8)],
)
case("reshape", (7, 13), "Reshape", [VECTOR, np.array([0, 3, -1], np.int64)], weights=(1,))
case("shape", (7, 13), "Shape", [X])
case("cum_sum", (11,), "CumSum", [VECTOR, np.array(1, np.int64)])
case("one_hot", (9,), "OneHot", [np.array([0, 2], np.int64), np.array(3, np.int64), np.array([0, 1], np.float32)])
case("lrn", (7,), "LRN", [X], size=3)


def info(name, value):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def single(name, opset, op, inputs, outputs, weights, attributes):
    """Returns a model of one operator. With negative `outputs`, that many are computed and one is returned."""
    names = [f"in{position}" for position in range(len(inputs))]
    results = [f"out{position}" for position in range(abs(outputs))]
    node = helper.make_node(op, names, results, name=name, **attributes)
    stored = [numpy_helper.from_array(inputs[position], names[position]) for position in weights]
    # Before IR version 4, weights are also inputs.
    listed = [p for p in range(len(inputs)) if p not in weights or IR[opset] < 4]
    graph = helper.make_graph(
        [node], name, [info(names[p], inputs[p]) for p in listed],
        [helper.make_empty_tensor_value_info(result) for result in results[: outputs if outputs > 0 else 1]],
        stored,
    )
    model = model_of(graph, opset)
    fed = {names[p]: inputs[p] for p in range(len(inputs)) if p not in weights}
    # The definitions at old opsets do not all infer types and shapes.
    computed = [info(output.name, value) for output, value in zip(model.graph.output, run(model, fed))]
    del model.graph.output[:]
    model.graph.output.extend(computed)
    return model, fed


def model_of(graph, opset, **options):
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR[opset], **options
    )


def unknown_shapes():
    """Softmax over several axes of a tensor of unknown shape."""
    nodes = [
        helper.make_node("Reshape", ["x", "target"], ["shaped"], name="reshape"),
        helper.make_node("Softmax", ["shaped"], ["y"], name="softmax", axis=1),
    ]
    target = np.array([2, 3, 4], np.int64)
    graph = helper.make_graph(
        nodes, "unknown",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("target", TensorProto.INT64, ["rank"]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c"])],
    )
    return model_of(graph, 9), {"x": normal(24), "target": target}


def branches():
    """Both branches of an If, with a captured tensor and a nested If, and a Loop."""

    def branch(name, scale):
        nodes = [
            helper.make_node("Squeeze", ["outer"], [f"{name}_s"], axes=[0]),
            helper.make_node("Softmax", [f"{name}_s"], [f"{name}_m"], axis=0),
            helper.make_node("Mul", [f"{name}_m", f"{name}_scale"], [f"{name}_y"]),
        ]
        y = helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, ["r", "c"])
        weight = numpy_helper.from_array(np.array(scale, np.float32), f"{name}_scale")
        return helper.make_graph(nodes, name, [], [y], [weight])

    body = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["state"], ["wide"], axes=[0]),
            helper.make_node("ReduceSum", ["wide"], ["next"], axes=[0], keepdims=0),
            helper.make_node("Identity", ["going"], ["still"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["r", "c"]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["r", "c"]),
        ],
    )
    inner = helper.make_node("If", ["flag"], ["inner"], then_branch=branch("c", 3), else_branch=branch("d", 4))
    inner_y = helper.make_tensor_value_info("inner", TensorProto.FLOAT, ["r", "c"])
    nodes = [
        helper.make_node("Relu", ["x"], ["outer"]),
        helper.make_node(
            "If", ["flag"], ["chosen"], name="if", then_branch=branch("a", 2),
            else_branch=helper.make_graph([inner], "b", [], [inner_y]),
        ),
        helper.make_node("Loop", ["count", "", "chosen"], ["y"], name="loop", body=body),
    ]
    graph = helper.make_graph(
        nodes, "branches",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4]),
            helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["r", "c"])],
        [numpy_helper.from_array(np.array(3, np.int64), "count")],
    )
    return model_of(graph, 11), {"x": normal(1, 3, 4), "flag": np.array(False)}


def functions():
    """A model function with operators that change."""
    body = [
        helper.make_node("Unsqueeze", ["a"], ["wide"], axes=[0]),
        helper.make_node("Softmax", ["wide"], ["b"], axis=1),
    ]
    function = helper.make_function("local", "Wide", ["a"], ["b"], body, [helper.make_opsetid("", 12)])
    graph = helper.make_graph(
        [helper.make_node("Wide", ["x"], ["y"], domain="local", name="call")], "functions",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4])],
    )
    imports = [helper.make_opsetid("", 12), helper.make_opsetid("local", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8, functions=[function])
    return model, {"x": normal(3, 4)}


def make(folder):
    cases = {name: single(name, *rest) for name, *rest in CASES}
    cases |= {"unknown_shapes": unknown_shapes(), "branches": branches(), "functions": functions()}
    for name, (model, inputs) in cases.items():
        onnx.save(model, folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", **inputs)
    print(len(cases))


def plain(nodes, opset, inputs=("x",), ir_version=None, **options):
    """Returns a model of nodes that read and write tensors of unknown sizes. It need not run."""
    stated = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "m"])
    graph = helper.make_graph(nodes, "plain", [stated(name) for name in inputs], [stated(nodes[-1].output[0])])
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("other", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version or 7, **options)


def refused(folder):
    node = helper.make_node
    statistics = ["x", "scale", "bias", "mean", "variance"]
    body = helper.make_graph([node("Identity", ["a"], ["b"])], "body", [], [])
    squeeze = node("Squeeze", ["a"], ["b"])
    squeeze.attribute.add(name="axes", ref_attr_name="where", type=onnx.AttributeProto.INTS)
    function = helper.make_function("other", "Narrow", ["a"], ["b"], [squeeze], [helper.make_opsetid("", 12)], ["where"])
    models = {
        "'spatial'": plain([node("BatchNormalization", statistics, ["y"], spatial=0)], 7, statistics),
        "training mode": plain([node("BatchNormalization", statistics, ["y", "m", "v"])], 9, statistics),
        "mask": plain([node("Dropout", ["x"], ["d", "mask"]), node("Mul", ["d", "mask"], ["y"])], 9),
        "batch axis": plain([node("Scan", ["", "x"], ["y"], body=body, num_scan_inputs=1)], 8),
        "scales are computed": plain([node("Resize", ["x", "s"], ["y"])], 10, ("x", "s")),
        "another smaller": plain(
            [node("Constant", [], ["s"], value=numpy_helper.from_array(np.array([2, 0.5], np.float32))),
             node("Resize", ["x", "s"], ["y"])], 10,
        ),
        "element type": plain([node("Own", ["x"], ["z"], domain="other"), node("Clip", ["z"], ["y"], min=0.0)], 10),
        "tf_half_pixel_for_nn": plain(
            [node("Resize", ["x", "r", "s"], ["y"], mode="linear",
                  coordinate_transformation_mode="tf_half_pixel_for_nn")], 11, ("x", "r", "s"),
        ),
        "does not know ImageScaler": plain([node("ImageScaler", ["x"], ["y"], name="scaler", scale=2.0)], 9),
        "too old": plain([node("Relu", ["x"], ["y"])], 6),
        "argument 'where'": plain(
            [node("Narrow", ["x"], ["y"], domain="other", where=[0])], 12, ir_version=8, functions=[function]
        ),
    }
    for number, (message, model) in enumerate(models.items()):
        onnx.save(model, folder / f"{number}.onnx")
        (folder / f"{number}.txt").write_text(message)


def run(model, inputs):
    source = str(model) if isinstance(model, pathlib.Path) else model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def check(folder):
    compared, failures = 0, []
    for path in sorted(folder.glob("*.to*.onnx")):
        name, to = re.fullmatch(r"(.+)\.to(\d+)\.onnx", path.name).groups()
        try:
            model = onnx.load(path)
            assert model.opset_import[0].version == int(to), "the opset was not raised"
            onnx.checker.check_model(model, full_check=True)
            inputs = dict(np.load(folder / f"{name}.npz"))
            expected, found = run(folder / f"{name}.onnx", inputs), run(path, inputs)
            for before, after in zip(expected, found, strict=True):
                assert before.dtype == after.dtype and before.shape == after.shape, "another type or shape"
                np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-6)
            compared += 1
        except Exception as error:
            # ONNX Runtime has no RoiAlign of opset 22, which only adds bfloat16.
            if "RoiAlign(22)" not in str(error):
                failures.append(f"{path.name}: {str(error).strip()[:600]}")
    print(f"{compared} compared", *failures, sep="\n")
    return compared > 0 and not failures


def tables(path):
    text = path.read_text()
    changes, operators = text.split("OPERATORS: &[&str] = &[")
    changes = {(op, int(version)) for op, version in re.findall(r'\("(\w+)", (\d+), \w+::', changes)}
    operators = set(re.findall(r'"(\w+)"', operators.split("];")[0]))
    history = [s for s in onnx.defs.get_all_schemas_with_history() if s.domain == "" and s.since_version <= 22]
    assert operators == {schema.name for schema in history}, operators ^ {schema.name for schema in history}
    assert changes <= {(schema.name, schema.since_version) for schema in history}
    tested = {(op, version) for _, opset, op, *_ in CASES for changed, version in changes if op == changed and opset < version}
    # Operators that are only refused are tested by the Rust tests.
    assert changes - tested == {("Scan", 9)}, changes - tested
    return True


if __name__ == "__main__":
    action, path = sys.argv[1], pathlib.Path(sys.argv[2])
    result = {"make": make, "check": check, "refused": refused, "tables": tables}[action](path)
    sys.exit(0 if result in (None, True) else 1)
