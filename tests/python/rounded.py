"""Runs models in half precision as their types say.

ONNX Runtime's CPU computes most operators in float32 and drops its own Casts between them, so that 16-bit tensors
neither round nor overflow. It also fuses Q/DQ with scales that it has rounded. The functions here make the twin of a
model in float32 with a Cast to the 16-bit type and back behind every tensor that has it, and run that without
optimisations.
"""
import numpy
import onnx
import onnx.inliner
import onnxruntime
from onnx import AttributeProto, TensorProto, helper, numpy_helper

HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
# Attributes that state an element type.
STATED = ("to", "dtype", "output_dtype", "output_datatype", "precision")


def _widen(tensor):
    if tensor.data_type in HALVES:
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float32), name))


def _widen_type(kind):
    if kind.HasField("sequence_type"):
        _widen_type(kind.sequence_type.elem_type)
    elif kind.tensor_type.elem_type in HALVES:
        kind.tensor_type.elem_type = TensorProto.FLOAT


def _kinds(graph):
    """Returns the stated or inferred element type of each tensor of a graph. A sequence has none."""
    kinds = {info.name: info.type.tensor_type.elem_type for info in (*graph.value_info, *graph.input, *graph.output)}
    return kinds | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _twin_of_graph(graph):
    kinds, nodes = _kinds(graph), []
    for tensor in graph.initializer:
        _widen(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen(attribute.t)
            if attribute.type == AttributeProto.GRAPH:
                _twin_of_graph(attribute.g)
            if attribute.name in STATED and attribute.i in HALVES:
                attribute.i = TensorProto.FLOAT
        nodes.append(node)
        if node.op_type == "Constant":
            continue
        for index, name in enumerate(node.output):
            if kinds.get(name) in HALVES:
                exact, half = f"{name}/exact", f"{name}/half"
                node.output[index] = exact
                nodes.append(helper.make_node("Cast", [exact], [half], to=kinds[name]))
                nodes.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    for info in (*graph.input, *graph.output):
        _widen_type(info.type)


def inferred(model, strict=False):
    """Returns a model with the types of its tensors, without functions."""
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    return onnx.shape_inference.infer_shapes(model, strict_mode=strict, data_prop=strict)


def twin(model):
    """Returns the float32 twin of a model, which rounds every 16-bit tensor."""
    model = inferred(model)
    _twin_of_graph(model.graph)
    return model


def session(model):
    """Opens the twin of a model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    model = twin(model).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(path, data, batch):
    """Runs a model on arrays by input name, a batch at a time. Returns the outputs: arrays by output name."""
    running = session(onnx.load(str(path)))
    halves = {info.name for info in running.get_inputs() if info.type == "tensor(float)"}
    names = [output.name for output in running.get_outputs()]
    total = len(next(iter(data.values())))
    parts = []
    for start in range(0, total - total % batch, batch):
        feed = {key: array[start : start + batch] for key, array in data.items()}
        feed = {key: array.astype(numpy.float32) if key in halves else array for key, array in feed.items()}
        parts.append(running.run(names, feed))
    return {name: numpy.concatenate([numpy.atleast_1d(part[i]) for part in parts]) for i, name in enumerate(names)}
