"""The operators between two convolutions."""
import numpy

from .parts import CASES, IMAGE, scale, activation, weight


def between(title, middle, wide=32):
    def fill(b):
        x = b.input("x", IMAGE)
        first = b.node("Relu", [b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])])
        y = middle(b, first, x)
        last = b.node("Conv", [y, weight(b, b.normal(32, wide, 1, 1), 0)])
        b.node("Relu", [last])
        return [n.name for n in b.nodes if n.op_type == "Conv"]
    CASES[title] = fill


POOL = dict(kernel_shape=[2, 2], strides=[2, 2])
between("Conv, Q/DQ, Conv", lambda b, y, x: activation(b, y))
between("Conv, MaxPool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("MaxPool", [y], **POOL)))
between("Conv, Q/DQ, MaxPool, Q/DQ same scale, Conv",
        lambda b, y, x: activation(b, b.node("MaxPool", [activation(b, y)], **POOL)))
between("Conv, Q/DQ, MaxPool, Conv", lambda b, y, x: b.node("MaxPool", [activation(b, y)], **POOL))
between("Conv, AveragePool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("AveragePool", [y], **POOL)))
between("Conv, Q/DQ, AveragePool, Q/DQ, Conv",
        lambda b, y, x: activation(b, b.node("AveragePool", [activation(b, y)], **POOL), 0.015))
between("Conv, GlobalAveragePool, Q/DQ, Conv", lambda b, y, x: activation(b, b.node("GlobalAveragePool", [y])))
between("Conv, Q/DQ, GlobalAveragePool, Q/DQ, Conv",
        lambda b, y, x: activation(b, b.node("GlobalAveragePool", [activation(b, y)]), 0.015))


def resize(b, y):
    return b.node("Resize", [y, "", b.constant("scales", numpy.array([1, 1, 2, 2], numpy.float32))], mode="nearest",
                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")


between("Conv, Resize nearest, Q/DQ, Conv", lambda b, y, x: activation(b, resize(b, y)))
between("Conv, Q/DQ, Resize nearest, Q/DQ same scale, Conv", lambda b, y, x: activation(b, resize(b, activation(b, y))))
between("Conv, Q/DQ, Resize nearest, Conv", lambda b, y, x: resize(b, activation(b, y)))


def branch(b, x):
    return b.node("Relu", [b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])])


def concat(b, y, x, before, after):
    parts = [activation(b, p, s) if s else p for p, s in zip((y, branch(b, x)), before)]
    joined = b.node("Concat", parts, axis=1)
    return activation(b, joined, after) if after else joined


between("two Convs, Concat, Q/DQ, Conv", lambda b, y, x: concat(b, y, x, (0, 0), 0.02), 64)
between("two Convs, Q/DQ same scale, Concat, Q/DQ same scale, Conv",
        lambda b, y, x: concat(b, y, x, (0.02, 0.02), 0.02), 64)
between("two Convs, Q/DQ same scale, Concat, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.02), 0), 64)
between("two Convs, Q/DQ unequal scales, Concat, Q/DQ, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.01), 0.02), 64)
between("two Convs, Q/DQ unequal scales, Concat, Conv", lambda b, y, x: concat(b, y, x, (0.02, 0.01), 0), 64)


def residual(b, y, x, shortcut, main, other):
    right = b.node("Conv", [activation(b, y), weight(b, b.normal(32, 32, 1, 1), 0)])
    left = {"identity": y, "conv": b.node("Conv", [activation(b, x), weight(b, b.normal(32, 32, 1, 1), 0)])
            if other == "conv" else y}[other]
    left = activation(b, left) if shortcut else left
    right = activation(b, right) if main else right
    return activation(b, b.node("Relu", [b.node("Add", [left, right])]), 0.03)


for other in ("identity", "conv"):
    for shortcut, main, label in ((False, False, "none"), (True, False, "on the shortcut"), (True, True, "on both")):
        between(f"residual Add ({other} shortcut), Q/DQ {label}",
                lambda b, y, x, s=shortcut, m=main, o=other: residual(b, y, x, s, m, o))
between("residual Add (identity shortcut that shares the Conv's Q/DQ)", lambda b, y, x: (lambda a: activation(
    b, b.node("Relu", [b.node("Add", [a, b.node("Conv", [a, weight(b, b.normal(32, 32, 1, 1), 0)])])]), 0.03))(
    activation(b, y)))
