"""Measures the error of each quantized layer of a written model from the files alone. The layer with its Quantize
and Dequantize is cut out of the quantized model and run on the float model's inputs of that layer.

usage: layer_errors.py FLOAT DATA (EQUALIZED QUANTIZED)...

EQUALIZED is the float model from which QUANTIZED was made: FLOAT, or FLOAT with scaled channels. Prints a line of
JSON for each such pair: the mean square of each layer's error by its output's name, in the units of FLOAT.
"""
import json
import sys

import numpy
import onnx
from onnx import helper
from onnxruntime import InferenceSession, SessionOptions

import evaluate

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def run(model, outputs, feeds):
    options = evaluate.exact(SessionOptions())
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(outputs, session.run(outputs, feeds)))


def loaded(path):
    """Reads a model. Its Constant nodes become initializers."""
    model = onnx.load(path)
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    for node in constants:
        value = onnx.TensorProto()
        value.CopyFrom(helper.get_node_attr_value(node, "value"))
        value.name = node.output[0]
        model.graph.initializer.append(value)
        model.graph.node.remove(node)
    return model


def computed(model, names, feeds):
    """Returns the values of a model under these names."""
    wanted = onnx.ModelProto()
    wanted.CopyFrom(model)
    known = {output.name for output in model.graph.output}
    wanted.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    given = {tensor.name for tensor in model.graph.input}
    values = run(wanted, [name for name in names if name not in given], feeds)
    return {**values, **{name: feeds[name] for name in names if name in given}}


def islands(quantized):
    """Lists the layers of a quantized model with their nodes: (input, output, nodes)."""
    graph = quantized.graph
    stored = {tensor.name for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.node:
        before = [producers.get(name) for name in node.input[:2]]
        if node.op_type not in PRODUCTS or any(one is None or one.op_type != "DequantizeLinear" for one in before):
            continue
        weights = [one for one in before if one.input[0] in stored]
        data = [one for one in before if one not in weights]
        if len(weights) != 1:
            continue
        quantize = producers[data[0].input[0]]
        nodes = [quantize, data[0], weights[0], node]
        behind = readers.get(node.output[0], [])
        if node.op_type == "MatMul" and len(behind) == 1 and behind[0].op_type == "Add" and stored & set(behind[0].input):
            nodes.append(behind[0])
        found.append((quantize.input[0], nodes[-1].output[0], nodes))
    return found


def cut(quantized, found):
    """Returns a model of the islands alone. Its inputs and outputs have the names of the tensors, after in: and
    out:."""
    nodes, inputs, outputs = [], set(), []
    for at, (source, result, members) in enumerate(found):
        inner = {name: f"{at}:{name}" for node in members for name in node.output}
        inner |= {source: f"in:{source}", result: f"out:{result}"}
        for node in members:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = f"{at}:{node.name}"
            copy.input[:] = [inner.get(name, name) for name in node.input]
            copy.output[:] = [inner[name] for name in node.output]
            nodes.append(copy)
        inputs.add(f"in:{source}")
        outputs.append(f"out:{result}")
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(nodes, "islands", [value(name) for name in sorted(inputs)],
                              [onnx.ValueInfoProto(name=name) for name in outputs],
                              [tensor for tensor in quantized.graph.initializer if tensor.name in used])
    model = helper.make_model(graph, opset_imports=quantized.opset_import, ir_version=quantized.ir_version)
    return model, outputs


def unit(expected, scaled):
    """Returns the factors that convert scaled channels, on axis 1 or the last one, to those of the float model."""
    if expected.ndim < 2 or expected.size == 0:
        return 1.0
    found = [along(expected, scaled, axis) for axis in (1, expected.ndim - 1)]
    exact = [factors for factors in found if numpy.array_equal(expected, (factors * scaled).astype(expected.dtype))]
    return (exact or found)[0]


def along(expected, scaled, axis):
    rows = lambda values: numpy.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    largest = numpy.abs(rows(expected)).argmax(axis=1)[:, None]
    one, other = (numpy.take_along_axis(rows(values), largest, 1)[:, 0].astype(float) for values in (expected, scaled))
    ratio = numpy.where((one != 0) & (other != 0), one / numpy.where(other == 0, 1, other), 1.0)
    exponent = numpy.log2(numpy.abs(ratio))
    is_scale = numpy.abs(exponent - numpy.round(exponent)) < 1e-3
    factors = numpy.where(is_scale, 2.0 ** numpy.round(exponent), 1.0)
    return factors.reshape(-1, *[1] * (expected.ndim - 1 - axis))


def main(float_path, data_path, *pairs):
    original = loaded(float_path)
    feeds = dict(numpy.load(data_path))
    for equalized, quantized in zip(pairs[::2], pairs[1::2]):
        equalized, quantized = loaded(equalized), loaded(quantized)
        found = islands(quantized)
        results = [result for _, result, _ in found]
        expected = computed(original, results, feeds)
        scaled = computed(equalized, results + [source for source, _, _ in found], feeds)
        model, outputs = cut(quantized, found)
        written = run(model, outputs, {f"in:{source}": scaled[source] for source, _, _ in found})
        errors = {}
        for name in results:
            off = expected[name].astype(float) - unit(expected[name], scaled[name]) * written[f"out:{name}"].astype(float)
            errors[name] = float((off ** 2).mean())
        print(json.dumps(errors))


main(*sys.argv[1:])
