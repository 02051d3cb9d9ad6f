"""A Mul by one factor per channel before the Q of a layer, as smoothing adds it: behind which operators it is fused."""
import numpy

from .parts import CASES, IMAGE, TOKENS, activation, weight


def gelu(b, x):
    return b.node("Gelu", [x])


def silu(b, x):
    return b.node("Mul", [x, b.node("Sigmoid", [x])])


def hardswish(b, x):
    return b.node("HardSwish", [x])


def normalization(b, x):
    return b.node("LayerNormalization", [x, b.constant("gamma", b.normal(64)), b.constant("beta", b.normal(64))], axis=-1)


def product(b, x):
    return b.node("MatMul", [activation(b, x), weight(b, b.normal(64, 64), 1)], name="before")


def convolution(b, x, name="before"):
    return b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 3, 3), 0)], name=name, pads=[1] * 4)


def factors(b, *shape):
    return b.constant("factors", (2.0 ** b.random.integers(-3, 4, shape)).astype(numpy.float32))


def form(title, shape, before, multiplies, others=0, convolutions=0):
    def fill(b):
        is_image = len(shape) == 4
        b.opset = 20
        x = b.input("x", shape)
        y = before(b, x)
        read = b.node("Mul", [y, factors(b, *([1, 32, 1, 1] if is_image else [64]))]) if multiplies else y
        if is_image:
            convolution(b, read, "layer")
        else:
            b.node("MatMul", [activation(b, read), weight(b, b.normal(64, 32), 1)], name="layer")
        for _ in range(others):
            b.node("Add", [y, x])
        for _ in range(convolutions):
            convolution(b, y, "other")
        return ["layer"]
    CASES[title + (", Mul by channels" if multiplies else "") + ", Q/DQ, " + ("Conv" if len(shape) == 4 else "MatMul")] = fill


for multiplies in [False, True]:
    form("Conv, SiLU", IMAGE, lambda b, x: silu(b, convolution(b, x)), multiplies)
    form("Conv, HardSwish", IMAGE, lambda b, x: hardswish(b, convolution(b, x)), multiplies)
    form("Conv, SiLU, read by an Add too", IMAGE, lambda b, x: silu(b, convolution(b, x)), multiplies, 1)
    form("Conv, SiLU, read in INT8 by another Conv too", IMAGE, lambda b, x: silu(b, convolution(b, x)), multiplies, 0, 1)
    form("MatMul, Gelu", TOKENS, lambda b, x: gelu(b, product(b, x)), multiplies)
    form("LayerNormalization", TOKENS, normalization, multiplies)
    form("GlobalAveragePool", IMAGE, lambda b, x: b.node("GlobalAveragePool", [x]), multiplies)
