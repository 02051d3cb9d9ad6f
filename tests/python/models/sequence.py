"""Transformers and a recurrent network."""
import numpy
from onnx import TensorProto

from builder import Builder
from models import Model, images, model, split


def linear(b, x, inside, outside):
    y = b.node("MatMul", [x, b.constant("weight", b.normal(inside, outside, fan=2 * inside))])
    return b.node("Add", [y, b.constant("bias", b.small(outside))])


def ints(b, *values):
    return b.constant("ints", numpy.array(values, numpy.int64))


def scalar(b, value):
    return b.constant("scalar", numpy.float32(value))


def layer_norm(b, x, width):
    gamma = (1 + b.random.normal(0, 0.1, width)).astype(numpy.float32)
    return b.node("LayerNormalization", [x, b.constant("gamma", gamma), b.constant("beta", b.small(width))], axis=-1)


def heads(b, x, count, width, perm=(0, 2, 1, 3)):
    return b.node("Transpose", [b.node("Reshape", [x, ints(b, 0, 0, count, width // count)])], perm=list(perm))


def erf_gelu(b, x):
    half = b.node("Mul", [x, scalar(b, 0.5)])
    return b.node("Mul", [half, b.node("Add", [b.node("Erf", [b.node("Div", [x, scalar(b, 2**0.5)])]), scalar(b, 1)])])


@model
def transformer():
    """Token ids and a mask, embeddings, two post-norm encoder layers, a pooled classifier; any sequence length."""
    b = Builder("transformer")
    width, vocabulary, longest = 64, 200, 64
    ids = b.input("ids", ["N", "S"], TensorProto.INT64)
    mask = b.input("mask", ["N", "S"], TensorProto.INT64)
    tokens = b.node("Gather", [b.constant("embedding", b.normal(vocabulary, width, fan=2)), ids], axis=0)
    length = b.node("Unsqueeze", [b.node("Gather", [b.node("Shape", [ids]), b.constant("one", numpy.int64(1))]),
                                  ints(b, 0)])
    positions = b.node("Slice", [b.constant("positions", b.normal(1, longest, width, fan=20)), ints(b, 0), length,
                                 ints(b, 1)])
    x = layer_norm(b, b.node("Add", [tokens, positions]), width)
    kept = b.node("Cast", [b.node("Unsqueeze", [mask, ints(b, 1, 2)])], to=TensorProto.FLOAT)
    penalty = b.node("Mul", [b.node("Sub", [scalar(b, 1), kept]), scalar(b, -10000)])
    for _ in range(2):
        query, value = (heads(b, linear(b, x, width, width), 4, width) for _ in range(2))
        key = heads(b, linear(b, x, width, width), 4, width, (0, 2, 3, 1))
        scores = b.node("Div", [b.node("MatMul", [query, key]), scalar(b, 4)])
        weights = b.node("Softmax", [b.node("Add", [scores, penalty])], axis=-1)
        mixed = b.node("Transpose", [b.node("MatMul", [weights, value])], perm=[0, 2, 1, 3])
        mixed = linear(b, b.node("Reshape", [mixed, ints(b, 0, 0, width)]), width, width)
        x = layer_norm(b, b.node("Add", [x, mixed]), width)
        wide = erf_gelu(b, linear(b, x, width, 4 * width))
        x = layer_norm(b, b.node("Add", [x, linear(b, wide, 4 * width, width)]), width)
    b.output(b.node("Identity", [x], name="hidden", outputs=["hidden"]), ["N", "S", width])
    first = b.node("Gather", [x, b.constant("zero", numpy.int64(0))], axis=1)
    weight, bias = b.constant("weight", b.normal(4, width)), b.constant("bias", b.small(4))
    b.node("Gemm", [b.node("Tanh", [first]), weight, bias], name="logits", outputs=["logits"], transB=1)
    b.output("logits", ["N", 4])

    def samples(count):
        lengths = b.random.integers(8, 17, (count, 1))
        kept = (numpy.arange(16) < lengths).astype(numpy.int64)
        return {"ids": b.random.integers(0, vocabulary, (count, 16)) * kept, "mask": kept}

    return Model(b.model(), *split(samples))


@model
def vision_transformer():
    """Patches by convolution, a class token, a pre-norm layer with packed QKV and Split, the Gelu operator (opset 20)."""
    b = Builder("vision_transformer", opset=20, ir=9)
    width = 64
    x = b.input("image", ["N", 3, 32, 32])
    patches = b.node("Conv", [x, b.constant("weight", b.normal(width, 3, 8, 8)), b.constant("bias", b.small(width))],
                     kernel_shape=[8, 8], strides=[8, 8])
    patches = b.node("Transpose", [b.node("Reshape", [patches, ints(b, 0, width, 16)])], perm=[0, 2, 1])
    count = b.node("Slice", [b.node("Shape", [x]), ints(b, 0), ints(b, 1)])
    shape = b.node("Concat", [count, ints(b, 1, width)], axis=0)
    token = b.node("Expand", [b.constant("token", b.normal(1, 1, width, fan=20)), shape])
    x = b.node("Concat", [token, patches], axis=1)
    x = b.node("Add", [x, b.constant("positions", b.normal(1, 17, width, fan=20))])
    packed = b.node("Reshape", [linear(b, layer_norm(b, x, width), width, 3 * width), ints(b, 0, 17, 3, 4, 16)])
    packed = b.node("Transpose", [packed], perm=[2, 0, 3, 1, 4])
    parts = b.node("Split", [packed], outputs=["query", "key", "value"], axis=0, num_outputs=3)
    query, key, value = (b.node("Squeeze", [p, ints(b, 0)]) for p in parts)
    key = b.node("Transpose", [key], perm=[0, 1, 3, 2])
    scores = b.node("MatMul", [b.node("Mul", [query, scalar(b, 0.25)]), key])
    mixed = b.node("MatMul", [b.node("Softmax", [scores], axis=-1), value])
    mixed = b.node("Reshape", [b.node("Transpose", [mixed], perm=[0, 2, 1, 3]), ints(b, 0, 17, width)])
    x = b.node("Add", [x, linear(b, mixed, width, width)])
    wide = b.node("Gelu", [linear(b, layer_norm(b, x, width), width, 4 * width)])
    x = b.node("Add", [x, linear(b, wide, 4 * width, width)])
    first = b.node("Gather", [layer_norm(b, x, width), b.constant("zero", numpy.int64(0))], axis=1)
    b.output(linear(b, first, width, 10), ["N", 10])
    return Model(b.model(), *split(lambda n: {"image": images(b.random, n, 3, 32)}))


def blocks(name, tokens):
    """Two pre-norm encoder layers of width 256 with four heads, over embedded tokens."""
    b = Builder(name)
    width = 256
    x = b.input("embedded", [1, tokens, width])
    in_float = []
    for _ in range(2):
        y = layer_norm(b, x, width)
        query, value = (heads(b, linear(b, y, width, width), 4, width) for _ in range(2))
        key = heads(b, linear(b, y, width, width), 4, width, (0, 2, 3, 1))
        products = [b.fresh(name) for name in ("scores", "context")]
        scores = b.node("Mul", [b.node("MatMul", [query, key], products[0]), scalar(b, 0.125)])
        mixed = b.node("MatMul", [b.node("Softmax", [scores], axis=-1), value], products[1])
        # TensorRT's fused attention is left whole above 512 keys.
        in_float += products if tokens > 512 else []
        mixed = b.node("Reshape", [b.node("Transpose", [mixed], perm=[0, 2, 1, 3]), ints(b, 0, 0, width)])
        x = b.node("Add", [x, linear(b, mixed, width, width)])
        wide = erf_gelu(b, linear(b, layer_norm(b, x, width), width, 4 * width))
        x = b.node("Add", [x, linear(b, wide, 4 * width, width)])
    b.output(linear(b, layer_norm(b, x, width), width, 16), [1, tokens, 16])

    def samples(count):
        return {"embedded": b.random.normal(0, 1, (count, tokens, width)).astype(numpy.float32)}

    return Model(b.model(), *split(samples, 2, 1), float_nodes=in_float)


@model
def transformer_256():
    """As many keys as quantized products of an attention serve."""
    return blocks("transformer_256", 256)


@model
def transformer_1024():
    """More keys than quantized products of an attention serve."""
    return blocks("transformer_1024", 1024)


@model
def lstm():
    """A 1-D convolution, an LSTM over its output, a Gemm on the last state."""
    b = Builder("lstm", opset=14)
    x = b.input("signal", ["N", 8, 32])
    x = b.node("Conv", [x, b.constant("weight", b.normal(32, 8, 3)), b.constant("bias", b.small(32))],
               kernel_shape=[3], pads=[1, 1])
    x = b.node("Transpose", [b.node("Relu", [x])], perm=[2, 0, 1])
    size = 32
    _, last = b.node("LSTM", [x, b.constant("W", b.normal(1, 4 * size, 32, fan=64)),
                              b.constant("R", b.normal(1, 4 * size, size, fan=64)),
                              b.constant("B", b.small(1, 8 * size))], outputs=["states", "last"], hidden_size=size)
    last = b.node("Squeeze", [last, ints(b, 0)])
    y = b.node("Gemm", [last, b.constant("weight", b.normal(10, size)), b.constant("bias", b.small(10))], transB=1)
    b.output(y, ["N", 10])

    def samples(count):
        walk = numpy.cumsum(b.random.normal(0, 0.3, (count, 8, 32)), axis=2)
        return {"signal": (walk - walk.mean(2, keepdims=True)).astype(numpy.float32)}

    return Model(b.model(), *split(samples))
