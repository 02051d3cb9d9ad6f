"""Judges models in half precision by their form, and by the outputs that rounded.py gives them."""

from collections import Counter

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from rounded import HALVES, inferred, session

HALF = set(HALVES)
FLOATS = HALF | {T.FLOAT, T.DOUBLE}


def inner(node):
    """Lists the subgraphs of a node."""
    graphs = [graph for attribute in node.attribute for graph in [attribute.g, *attribute.graphs]]
    return [graph for graph in graphs if graph.node or graph.output]


def element(kind):
    """Returns the element type of a tensor, a sequence or an optional; None if nothing states it."""
    for field in ["sequence_type", "optional_type"]:
        if kind.HasField(field):
            return element(getattr(kind, field).elem_type)
    return kind.tensor_type.elem_type or None


def scopes(graph, outer=None):
    """Lists a graph and its subgraphs, each with the element types of the tensors that its nodes can read."""
    types = dict(outer or {})
    stated = [*graph.input, *graph.output, *graph.value_info]
    types |= {value.name: element(value.type) for value in stated if element(value.type)}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    yield graph, types
    for node in graph.node:
        for below in inner(node):
            yield from scopes(below, types)


def run(model, feeds):
    """Runs the twin of a model on feeds, each a dictionary of arrays. Returns the outputs of each run."""
    running = session(model)
    halves = {value.name: element(value.type) for value in model.graph.input if element(value.type) in HALF}
    outputs = []
    for feed in feeds:
        given = {value.name: np.asarray(feed[value.name]) for value in running.get_inputs() if value.name in feed}
        for name in given.keys() & halves.keys():
            given[name] = given[name].astype(h.tensor_dtype_to_np_dtype(halves[name])).astype(np.float32)
        outputs.append([np.concatenate([np.ravel(part) for part in found]) if isinstance(found, list) else found
                        for found in running.run(None, given)])
    return outputs


def sqnr(expected, found):
    """Returns the least SQNR of all outputs in dB; -inf if a value is finite in one model only."""
    least = np.inf
    for index in range(len(expected[0])):
        x, y = (np.concatenate([np.ravel(run[index]).astype(np.float64) for run in runs]) for runs in [expected, found])
        kept = np.isfinite(x)
        if not np.array_equal(kept, np.isfinite(y)) or not np.array_equal(x[~kept], y[~kept], equal_nan=True):
            return -np.inf
        energy, noise = (x[kept] ** 2).sum(), ((x[kept] - y[kept]) ** 2).sum()
        if noise > 0:
            least = min(least, 10 * np.log10(energy / noise) if energy > 0 else -np.inf)
    return float(least)


def computes(model):
    """Returns the element types in which each named node computes: those of its outputs, or else of its inputs."""
    found = {}
    for graph, types in scopes(inferred(model, strict=True).graph):
        for node in graph.node:
            for names in [node.output, node.input]:
                kinds = {types.get(name) for name in names if name} & FLOATS
                if kinds:
                    found[node.name] = kinds
                    break
    return found


def stated(values):
    return [(value.name, value.type.SerializeToString(), value.doc_string) for value in values]


def kept(source, cast, is_half_io):
    """Lists what a cast model lost of its source."""
    for field in ["producer_name", "producer_version", "domain", "model_version", "doc_string"]:
        if getattr(source, field) != getattr(cast, field):
            yield f"{field} is another"
    before, after = ({(one.key, one.value) for one in model.metadata_props} for model in [source, cast])
    if not before <= after:
        yield "metadata is lost"
    if source.graph.name != cast.graph.name:
        yield "the graph has another name"
    if {(one.domain, one.name) for one in source.functions} != {(one.domain, one.name) for one in cast.functions}:
        yield "functions are lost"
    if not {one.domain for one in source.opset_import} <= {one.domain for one in cast.opset_import}:
        yield "a domain is lost"
    # A stored tensor may be an input as well, which newer versions of ONNX do not need.
    given = {tensor.name for tensor in source.graph.initializer}
    for what in ["input", "output"]:
        before, after = ([value for value in getattr(model.graph,
                                                     what) if value.name not in given] for model in [source, cast])
        names = [value.name for value in before] == [value.name for value in after]
        if not names or not is_half_io and stated(before) != stated(after):
            yield f"the {what}s are others"
        wide = [value.name for value in after if is_half_io and element(value.type) == T.FLOAT]
        yield from (f"the {what} '{name}' stays in float32" for name in wide)


def casts(graph):
    return [node for node in graph.node if node.op_type == "Cast"]


def target(node):
    return next(attribute.i for attribute in node.attribute if attribute.name == "to")


def waste(source, cast):
    """Lists Casts and constants of a cast model that nobody needs, unless its source had them."""
    old = {output for graph, _ in scopes(source.graph) for node in graph.node for output in node.output}
    idle = initializers(source) - {name for graph, _ in scopes(source.graph) for node in graph.node for name in node.input}
    before, after = (Counter(node.name for graph,
                             _ in scopes(model.graph) for node in graph.node) for model in [source, cast])
    yield from (f"{count} nodes are called '{name}'" for name,
                count in after.items() if not name or count > max(1, before[name]))
    for graph, types in scopes(inferred(cast, strict=True).graph):
        read = {name for below, _ in scopes(graph) for node in below.node for name in node.input}
        read |= {value.name for below, _ in scopes(graph) for value in below.output}
        made = {node.output[0]: node for node in casts(graph)}
        stored = {tensor.name for tensor in graph.initializer}
        stored |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
        twice = Counter((node.input[0], target(node)) for node in casts(graph) if node.output[0] not in old)
        yield from (f"'{name}' is cast {count} times" for (name, _), count in twice.items() if count > 1)
        for node in casts(graph):
            output, before = node.output[0], made.get(node.input[0])
            if output not in read:
                yield f"nothing reads the Cast '{output}'"
            if output in old:
                continue
            if types.get(node.input[0]) == target(node):
                yield f"the Cast '{output}' changes nothing"
            if before is not None and types.get(before.input[0]) == target(node) and target(node) in HALF:
                yield f"the Casts to '{before.output[0]}' and '{output}' cancel"
            if node.input[0] in stored and target(node) in HALF:
                yield f"the constant '{node.input[0]}' is cast"
        unread = {tensor.name for tensor in graph.initializer} - read - idle
        yield from (f"nothing reads the constant '{name}'" for name in sorted(unread))


def reads_int8(model):
    """Tells for each node of the main graph whether all of its first two inputs come from a Dequantize, or some, or
    none."""
    pairs = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    moved = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type in {"Cast", "Transpose",
                                                                                            "Reshape"}}
    found = {}
    for node in model.graph.node:
        inputs = [name if name in pairs else moved.get(name, name) for name in node.input[:2]]
        count = sum(name in pairs for name in inputs)
        found[node.name] = "none" if count == 0 else "all" if count == len(inputs) else "some"
    return found


def initializers(model):
    return {tensor.name for graph, _ in scopes(model.graph) for tensor in graph.initializer}
