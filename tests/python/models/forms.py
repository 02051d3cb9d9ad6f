"""Forms of models by exporters: an old opset, subgraphs, shared and wrapped weights, float16."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from builder import Builder
from models import Model, images, model, split


def ints(b, *values):
    return b.constant("ints", numpy.array(values, numpy.int64))


@model
def opset9_bn():
    """Opset 9, IR 3: BatchNormalization unfolded, weights among the inputs, and the attribute forms of that time."""
    b = Builder("opset9_bn", opset=9, ir=3)

    def block(x, inside, outside, stride=1):
        weight = b.constant("weight", b.normal(outside, inside, 3, 3))
        y = b.node("Conv", [x, weight], kernel_shape=[3, 3], strides=[stride] * 2, pads=[1] * 4)
        parts = [(1 + b.random.normal(0, 0.1, outside)), b.random.normal(0, 0.1, outside),
                 b.random.normal(0, 0.1, outside), numpy.abs(1 + b.random.normal(0, 0.1, outside))]
        names = [b.constant(n, p.astype(numpy.float32)) for n, p in zip(("gamma", "beta", "mean", "var"), parts)]
        return b.node("Relu", [b.node("BatchNormalization", [y, *names], epsilon=1e-5)])

    x = b.node("Pad", [b.input("image", ["N", 3, 16, 16])], pads=[0, 0, 2, 2, 0, 0, 2, 2], mode="reflect")
    fine = block(x, 3, 16)
    coarse = block(fine, 16, 16, stride=2)
    scales = b.constant("scales", numpy.array([1, 1, 2, 2], numpy.float32))
    up = b.node("Upsample", [coarse, scales], mode="nearest")
    x = block(b.node("Concat", [fine, up], axis=1), 32, 24)
    x = b.node("Clip", [x], min=0.0, max=4.0)
    x = b.node("Slice", [x], starts=[1, 1], ends=[19, 19], axes=[2, 3])
    x = b.node("Squeeze", [b.node("Squeeze", [b.node("GlobalAveragePool", [x])], axes=[3])], axes=[2])
    x = b.node("Dropout", [x], ratio=0.5)
    y = b.node("Gemm", [x, b.constant("weight", b.normal(10, 24)), b.constant("bias", b.small(10))], transB=1)
    b.output(b.node("Unsqueeze", [y], name="logits", outputs=["logits"], axes=[1]), ["N", 1, 10])
    for tensor in list(b.constants):
        b.input(tensor.name, list(tensor.dims), tensor.data_type)
    return Model(b.model(), *split(lambda n: {"image": images(b.random, n, 3, 16)}))


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@model
def control_flow():
    """If and Loop whose bodies capture outer tensors, between convolutions."""
    b = Builder("control_flow", opset=16)
    shape = ["N", 16, 16, 16]
    features = b.node("Relu", [b.conv(b.input("image", ["N", 3, 16, 16]), 3, 16)])
    gain = b.constant("gain", numpy.float32(0.5))
    offset = b.constant("offset", b.small(1, 16, 1, 1))
    level = b.node("ReduceMean", [features], keepdims=0)
    bright = b.node("Greater", [level, b.constant("threshold", numpy.float32(0.4))])
    branches = {
        "then_branch": helper.make_node("Mul", [features, gain], ["dimmed"], name="dim"),
        "else_branch": helper.make_node("Add", [features, offset], ["lifted"], name="lift"),
    }
    x = b.node("If", [bright], **{
        key: helper.make_graph([node], key, [], [value(node.output[0], shape)]) for key, node in branches.items()})
    body = helper.make_graph(
        [helper.make_node("Mul", ["carried", gain], ["halved"], name="halve"),
         helper.make_node("Add", ["halved", features], ["next"], name="accumulate"),
         helper.make_node("Identity", ["again"], ["go_on"], name="go_on")],
        "body", [value("step", [], TensorProto.INT64), value("again", [], TensorProto.BOOL), value("carried", shape)],
        [value("go_on", [], TensorProto.BOOL), value("next", shape)])
    trips, always = b.constant("trips", numpy.int64(3)), b.constant("always", numpy.bool_(True))
    x = b.node("Loop", [trips, always, x], body=body)
    x = b.node("Relu", [b.conv(x, 16, 16, stride=2)])
    b.output(b.conv(x, 16, 4, kernel=1), ["N", 4, 8, 8])
    return Model(b.model(), *split(lambda n: {"image": images(b.random, n, 3, 16)}))


@model
def shared_weights():
    """One weight in two convolutions; weights through Identity, Reshape, Cast, Transpose and in Constant nodes."""
    b = Builder("shared_weights", opset=17)
    image = b.input("image", ["N", 16, 16, 16])
    ids = b.input("ids", ["N", 8], TensorProto.INT64)

    def conv(x, weight):
        return b.node("Relu", [b.node("Conv", [x, weight], kernel_shape=[3, 3], pads=[1] * 4)])

    def as_constant(array):
        return b.node("Constant", [], value=numpy_helper.from_array(array))

    shared = b.constant("shared", b.normal(16, 16, 3, 3))
    x = conv(conv(image, shared), b.node("Identity", [shared]))
    x = conv(x, as_constant(b.normal(16, 16, 3, 3)))
    flat = b.constant("flat", b.normal(16, 144))
    x = conv(x, b.node("Reshape", [flat, ints(b, 16, 16, 3, 3)]))
    half = b.constant("half", b.normal(16, 16, 3, 3).astype(numpy.float16))
    x = conv(x, b.node("Cast", [half], to=TensorProto.FLOAT))
    pooled = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    pooled = b.node("MatMul", [pooled, b.node("Transpose", [as_constant(b.normal(32, 16))], perm=[1, 0])])
    embedding = b.constant("embedding", b.normal(40, 32, fan=2))
    words = b.node("Add", [b.node("Gather", [embedding, ids]), b.node("Unsqueeze", [pooled, ints(b, 1)])])
    mixed = b.node("Relu", [b.node("MatMul", [words, b.constant("mix", b.normal(32, 32))])])
    logits = b.node("MatMul", [mixed, b.node("Transpose", [embedding], perm=[1, 0])])
    b.output(logits, ["N", 8, 40])
    return Model(b.model(), *split(
        lambda n: {"image": images(b.random, n, 16, 16), "ids": b.random.integers(0, 40, (n, 8))}))


@model
def gemm_variants():
    """Gemm with transA, alpha and beta; MatMul with its constant on the left, in 3-D and in 1-D."""
    b = Builder("gemm_variants", opset=13, ir=7)
    x = b.node("Transpose", [b.input("features", ["N", 32])], perm=[1, 0])
    x = b.node("Relu", [b.node("Gemm", [x, b.constant("weight", b.normal(32, 48, fan=32)),
                                        b.constant("bias", b.small(48))], transA=1)])
    x = b.node("Relu", [b.node("Gemm", [x, b.constant("weight", b.normal(64, 48)), b.constant("bias", b.small(64))],
                               transB=1, alpha=0.5, beta=2.0)])
    x = b.node("MatMul", [b.constant("left", b.normal(48, 64)), b.node("Unsqueeze", [x, ints(b, 2)])])
    x = b.node("Relu", [b.node("Squeeze", [x, ints(b, 2)])])
    x = b.node("MatMul", [b.node("Unsqueeze", [x, ints(b, 0)]), b.constant("stack", b.normal(4, 48, 32, fan=48))])
    x = b.node("Relu", [b.node("ReduceMean", [x], axes=[0], keepdims=0)])
    b.output(b.node("MatMul", [x, b.constant("vector", b.normal(32, fan=32))], name="score", outputs=["score"]), ["N"])
    b.output(b.node("Gemm", [x, b.constant("weight", b.normal(32, 10, fan=32))], name="logits", outputs=["logits"]),
             ["N", 10])
    samples = lambda n: {"features": b.random.normal(0, 1, (n, 32)).astype(numpy.float32)}
    return Model(b.model(), *split(samples))


@model
def float16():
    """Conv and Gemm in float16, inputs and outputs too."""
    b = Builder("float16", opset=17)
    x = b.node("Relu", [b.conv(b.input("image", ["N", 3, 16, 16], TensorProto.FLOAT16), 3, 16)])
    x = b.node("Relu", [b.conv(x, 16, 32, stride=2)])
    x = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    y = b.node("Gemm", [x, b.constant("weight", b.normal(10, 32)), b.constant("bias", b.small(10))], transB=1)
    b.output(y, ["N", 10], TensorProto.FLOAT16)
    b.constants = [numpy_helper.from_array(numpy_helper.to_array(t).astype(numpy.float16), t.name)
                   for t in b.constants]
    return Model(b.model(), *split(lambda n: {"image": images(b.random, n, 3, 16).astype(numpy.float16)}),
                 embedded=False)
