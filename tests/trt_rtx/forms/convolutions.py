"""Convolutions."""
import numpy

from .parts import CASES, IMAGE, activation, weight


def conv_case(title, x_shape, w_shape, axis=0, op="Conv", then=None, **attributes):
    def fill(b):
        x = b.input("x", x_shape)
        w = weight(b, b.normal(*w_shape), axis)
        y = b.node(op, [activation(b, x), w], **attributes)
        if then:
            then(b, y)
        return [b.nodes[-1 if not then else [n.op_type for n in b.nodes].index(op)].name]
    CASES[title] = fill


conv_case("Conv 32→32, per-channel axis 0", IMAGE, [32, 32, 3, 3])
conv_case("Conv 32→32, per-tensor weights", IMAGE, [32, 32, 3, 3], None)
conv_case("Conv 1→32 channels", [2, 1, 16, 16], [32, 1, 3, 3])
conv_case("Conv 3→32 channels", [2, 3, 16, 16], [32, 3, 3, 3])
conv_case("Conv 8→8 channels", [2, 8, 16, 16], [8, 8, 3, 3])
conv_case("Conv 32→10 channels, 1x1", IMAGE, [10, 32, 1, 1])
conv_case("Conv 5→7 channels", [2, 5, 16, 16], [7, 5, 3, 3])
conv_case("Conv depthwise (group 32)", IMAGE, [32, 1, 3, 3], group=32)
conv_case("Conv depthwise (group 6)", [2, 6, 16, 16], [6, 1, 3, 3], group=6)
conv_case("Conv grouped (group 4)", IMAGE, [32, 8, 3, 3], group=4)
conv_case("Conv 1-D 32→32", [2, 32, 64], [32, 32, 3])
conv_case("Conv 3-D 32→32", [2, 32, 8, 8, 8], [32, 32, 3, 3, 3])
conv_case("Conv dilated 2", IMAGE, [32, 32, 3, 3], dilations=[2, 2])
for axis in (None, 0, 1):
    label = "per-tensor" if axis is None else f"axis {axis}"
    conv_case(f"ConvTranspose 2x2 stride 2 32→16, {label}", IMAGE, [32, 16, 2, 2], axis, "ConvTranspose",
              strides=[2, 2])
    conv_case(f"ConvTranspose 2x2 stride 2 32→32, group 4, {label}", IMAGE, [32, 8, 2, 2], axis, "ConvTranspose",
              strides=[2, 2], group=4)
conv_case("ConvTranspose 4x4 stride 2, depthwise, per-tensor", IMAGE, [32, 1, 4, 4], None, "ConvTranspose",
          strides=[2, 2], pads=[1] * 4, group=32)
conv_case("ConvTranspose 3x3 stride 1, per-tensor", IMAGE, [32, 32, 3, 3], None, "ConvTranspose", pads=[1] * 4)
conv_case("ConvTranspose 3-D, per-tensor", [2, 32, 8, 8, 8], [32, 32, 2, 2, 2], None, "ConvTranspose",
          strides=[2, 2, 2])


def batch_normalization(b, y):
    c = 32
    y = b.node("BatchNormalization", [y, b.constant("gamma", numpy.ones(c, numpy.float32) * 1.5),
                                      b.constant("beta", b.small(c)), b.constant("mean", b.small(c)),
                                      b.constant("var", numpy.abs(b.small(c)) + 1)])
    b.node("Relu", [y])


conv_case("Conv + BatchNormalization (not folded) + Relu, int8 weights", IMAGE, [32, 32, 3, 3], then=batch_normalization)
conv_case("Conv + Relu", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node("Relu", [y]))
conv_case("Conv + Clip(0, 6)", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node(
    "Clip", [y, b.constant("low", numpy.float32(0)), b.constant("high", numpy.float32(6))]))
conv_case("Conv + LeakyRelu", IMAGE, [32, 32, 3, 3], then=lambda b, y: b.node("LeakyRelu", [y], alpha=0.1))
conv_case("Conv + Sigmoid·Mul (SiLU)", IMAGE, [32, 32, 3, 3],
          then=lambda b, y: b.node("Mul", [y, b.node("Sigmoid", [y])]))
