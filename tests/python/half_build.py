"""The small words that cases of half precision are written with."""

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

RANDOM = np.random.default_rng(17)
FLOAT = np.float32
RUNS = 6
CASES = {}
LOWEST = np.finfo(FLOAT).min
#: A factor for each of four rows.
DECADES = FLOAT([1, 1e-2, 1e-4, 1e-6]).reshape(1, 4, 1)
#: A Cast of float32 to float32 in the file stays, and becomes one of float16 to float16.
IDLE = "changes nothing"


def case(float32="", half="", least=50, options="--fp16", verb="cast", limits=(), **more):
    """Registers a case. `float32` and `half` name nodes by their precision, `casts` counts the Casts of the model,
    `data` says whether there is any, `says` is a part of the tool's result, `least` the least SQNR in dB, `floor` what
    a known limit may not fall below, `verb` the
    verb of the tool, and `limits` parts of the problems that qdq is known to have with it."""
    unknown = more.keys() - {"casts", "data", "floor", "inferred", "int8", "plain", "runtime", "says"}
    assert not unknown, f"no case knows {unknown}"
    def register(build):
        CASES[build.__name__] = build, {
            "float32": float32.split(), "half": half.split(), "least": least, "verb": verb, "limits": limits,
            "options": options.split(), **more}
        return build
    return register


def variant(name, build, *arguments, **expected):
    """Registers a case that is another one with other arguments."""
    def made():
        return build(*arguments)
    made.__name__ = name
    return case(**expected)(made)


def random(*shape, scale=1.0, mean=0.0):
    return (RANDOM.standard_normal(shape) * scale + mean).astype(FLOAT)


def uniform(*shape, low=0.0, high=1.0):
    """Returns numbers between two bounds, the same in every run of this script."""
    parts = np.abs(np.modf(np.sin(np.arange(np.prod(shape)) * 12.9898) * 43758.5453)[0])
    return (parts * (high - low) + low).astype(FLOAT).reshape(shape)


def weight(*shape):
    fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return random(*shape, scale=float(np.sqrt(1 / fan)))


def stored(name, value):
    value = np.asarray(value)
    return numpy_helper.from_array(value.astype(FLOAT) if value.dtype == np.float64 else value, name)


def node(op, inputs, outputs, **attributes):
    """Makes a node that is called as its first output. `-` is an input or output that is absent."""
    inputs, outputs = (["" if name == "-" else name for name in names.split()]
                       for names in [inputs, outputs])
    return h.make_node(op, inputs, outputs, name=outputs[0], **attributes)


def cast(before, after, kind):
    return node("Cast", before, after, to=kind)


def constant(name, value):
    return h.make_node("Constant", [], [name], name=name, value=stored(name, value))


def info(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def typed(name, declared):
    """Describes a tensor: a shape, or a shape and a type."""
    shape, kind = declared if isinstance(declared, tuple) else (declared, T.FLOAT)
    return info(name, shape, kind)


def body(nodes, inputs, outputs, weights=None):
    """Makes a subgraph."""
    values = [[typed(name, declared) for name, declared in side.items()] for side in [inputs, outputs]]
    return h.make_graph(nodes, "body", *values, [stored(name, value) for name, value in (weights or {}).items()])


def branch(nodes, output, shape, weights=None):
    return body(nodes, {}, {output: shape}, weights)


def graph(nodes, inputs, outputs, weights=None, opset=17, feeds=None, **more):
    """Makes a model and its feeds: normal numbers, unless `feeds` has others. Every feed has its run in front."""
    made = body(nodes, inputs, outputs, weights)
    made.name = "g"
    imports = [h.make_opsetid("", opset), *(h.make_opsetid(domain, 1) for domain in more.pop("domains", []))]
    model = h.make_model(made, opset_imports=imports, **{"ir_version": 10, **more})
    feeds = dict(feeds or {})
    for value in made.input:
        shape = [dim.dim_value or 4 for dim in value.type.tensor_type.shape.dim]
        if value.name not in feeds and value.type.tensor_type.elem_type in {T.FLOAT, T.DOUBLE, T.FLOAT16}:
            kind = h.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            feeds[value.name] = random(RUNS, *shape).astype(kind)
    return model, feeds


def every(value):
    """Repeats a value for every run."""
    return np.stack([np.asarray(value)] * RUNS)


def turns():
    """Returns a condition that is true in every second run."""
    return np.resize([True, False], RUNS)


def save(folder, build):
    model, feeds = build()
    onnx.checker.check_model(model)
    onnx.save(model, folder / f"{build.__name__}.onnx")
    np.savez(folder / f"{build.__name__}.npz", **feeds)
