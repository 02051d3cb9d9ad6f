"""The properties of every Q/DQ model, for all networks: checked on the file, without running it."""
from dataclasses import dataclass, field

import numpy
import onnx
from onnx import TensorProto, numpy_helper

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Operators that TensorRT moves a DequantizeLinear through.
SHAPE_OPS = ("Identity", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather",
             "Expand", "DepthToSpace", "MaxPool")
KINDS = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}


def label(node):
    """Returns a node's name, or TensorRT's name for it if it has none."""
    return node.name or f"node_of_{node.output[0]}"


def captured(node):
    """Lists the names that a node's subgraphs use."""
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from inner.input
                yield from captured(inner)
            yield from (output.name for output in graph.output)


class Graph:
    """The main graph of a model with producers, consumers and constants by tensor name."""

    def __init__(self, path):
        self.model = onnx.load(path)
        graph = self.model.graph
        self.nodes = list(graph.node)
        self.outputs = {output.name for output in graph.output}
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.producer, self.consumers = {}, {}
        for node in self.nodes:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = node.attribute[0].t
            self.producer.update({name: node for name in node.output if name})
            for name in {*node.input, *captured(node)}:
                self.consumers.setdefault(name, []).append(node)

    def array(self, name):
        """Returns the value of a constant, None for anything else."""
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def origin(self, name):
        """Returns the DequantizeLinear that feeds a tensor through shape operators, and the nodes in between."""
        between = []
        while name in self.producer and self.producer[name].op_type in SHAPE_OPS:
            between.append(self.producer[name])
            name = between[-1].input[0]
        node = self.producer.get(name)
        return (node, between) if node is not None and node.op_type == "DequantizeLinear" else (None, between)

    def skip_casts(self, name):
        """Returns the tensor before a chain of Casts, which surround Q/DQ in float16 models."""
        while name in self.producer and self.producer[name].op_type == "Cast":
            name = self.producer[name].input[0]
        return name


@dataclass
class Product:
    """A convolution or matrix product, and whether each of its two operands comes from a DequantizeLinear."""

    name: str
    op: str
    fed: tuple

    @property
    def quantized(self):
        """Whether both operands are quantized."""
        return all(self.fed)


@dataclass
class Report:
    """The products of a model, and all problems of its Q/DQ."""

    products: list = field(default_factory=list)
    problems: list = field(default_factory=list)


def attribute(node, name, default):
    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def kept_axis(node, operand, rank):
    """Returns the kept axis of a weight in its product: the axis for per-channel scales."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return None
    if node.op_type == "Gemm":
        transposed = attribute(node, "transB" if operand else "transA", 0)
        return int(not transposed) if operand else int(transposed)
    return rank - 1 if operand else rank - 2


def check_scale(graph, node, report):
    """Checks a Q or DQ: constant, finite, positive scale; zero point absent or INT8 zero."""
    scale = graph.array(node.input[1])
    if scale is None:
        report.problems.append(f"{label(node)}: the scale is not a constant")
        return
    if not (numpy.isfinite(scale.astype(numpy.float64)).all() and (scale > 0).all()):
        report.problems.append(f"{label(node)}: a scale is not finite and positive: {scale.min()} to {scale.max()}")
    if len(node.input) > 2 and node.input[2]:
        zero = graph.array(node.input[2])
        if zero is None or zero.dtype != numpy.int8 or zero.any() or zero.shape != scale.shape:
            report.problems.append(f"{label(node)}: the zero point is not INT8 zero of the scale's shape")
    elif node.op_type == "QuantizeLinear" and attribute(node, "output_dtype", 0) != TensorProto.INT8:
        report.problems.append(f"{label(node)}: without a zero point this quantizes to uint8")


def check_activation(graph, node, report):
    """Checks a QuantizeLinear of an activation: 0-D scale, its DQs equal, quantized once."""
    if graph.array(graph.skip_casts(node.input[0])) is not None:
        return
    scale = graph.array(node.input[1])
    if scale is not None and scale.ndim:
        report.problems.append(f"{label(node)}: an activation's scale has shape {list(scale.shape)}, not []")
    for reader in graph.consumers.get(node.output[0], []):
        other = graph.array(reader.input[1]) if reader.op_type == "DequantizeLinear" else None
        if other is None or scale is None or not numpy.array_equal(other, scale):
            report.problems.append(f"{label(node)}: {label(reader)} does not undo it with the same scale")
    twins = [n for n in graph.consumers[node.input[0]] if n.op_type == "QuantizeLinear" and n is not node]
    if any(numpy.array_equal(graph.array(twin.input[1]), scale) for twin in twins):
        report.problems.append(f"{label(node)}: its input is quantized twice with one scale")


def check_axis(graph, node, operand, report):
    """Checks the per-channel scales of a weight: one per channel, along the product's kept axis."""
    source, between = graph.origin(node.input[operand])
    scale = graph.array(source.input[1]) if source is not None else None
    if scale is None or scale.size == 1:
        return
    stored = graph.producer.get(source.input[0])
    weight = graph.array(stored.input[0] if stored is not None and stored.op_type == "QuantizeLinear"
                         else source.input[0])
    axis = attribute(source, "axis", 1)
    if weight is None:
        report.problems.append(f"{label(node)}: an activation has {scale.size} scales")
        return
    axis += weight.ndim if axis < 0 else 0
    if weight.shape[axis] != scale.size:
        report.problems.append(f"{label(node)}: {scale.size} scales along axis {axis} of a weight {weight.shape}")
    rank = weight.ndim
    for step in reversed(between):
        if step.op_type == "Transpose":
            axis = list(attribute(step, "perm", list(range(rank))[::-1])).index(axis)
        elif step.op_type != "Identity":
            return
    expected = kept_axis(node, operand, rank)
    if expected is not None and axis != expected:
        report.problems.append(f"{label(node)}: scales lie along axis {axis}, expected {expected}")


def signature(model):
    initializers = {tensor.name for tensor in model.graph.initializer}
    return [[(v.name, v.type.tensor_type.elem_type, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
             for v in values if v.name not in initializers] for values in (model.graph.input, model.graph.output)]


def check(float_path, quantized_path):
    """Returns the Report of a Q/DQ model that was made from a float model."""
    report = Report()
    try:
        onnx.checker.check_model(quantized_path, full_check=True)
    except Exception as error:  # the checker raises several types
        report.problems.append(f"onnx.checker: {error}")
    graph = Graph(quantized_path)
    if signature(onnx.load(float_path, load_external_data=False)) != signature(graph.model):
        report.problems.append("the inputs or outputs differ from the float model's")
    report.problems += [f"{label(node)} has no name" for node in graph.nodes if not node.name]
    names = [node.name for node in graph.nodes if node.name]
    report.problems += [f"two nodes are called {name}" for name in {n for n in names if names.count(n) > 1}]
    used = {*graph.consumers, *graph.outputs}
    for node in graph.nodes:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            check_scale(graph, node, report)
            if not set(node.output) & used:
                report.problems.append(f"{label(node)}: nothing reads its output")
        if node.op_type == "QuantizeLinear":
            check_activation(graph, node, report)
        if node.op_type in PRODUCTS:
            fed = tuple(graph.origin(graph.skip_casts(name))[0] is not None for name in node.input[:2])
            report.products.append(Product(label(node), node.op_type, fed))
            for operand in (0, 1):
                check_axis(graph, node, operand, report)
    before = {t.name for t in onnx.load(float_path, load_external_data=False).graph.initializer}
    unread = {t.name for t in graph.model.graph.initializer} - used - before
    report.problems += [f"nothing reads the constant {name}" for name in sorted(unread)]
    return report
