"""Convolutional networks: classifiers, a detector, a U-Net."""
import numpy
import onnx

from builder import Builder
from models import Model, images, model, split


def pictures(b, channels, size, calibration=32, test=16):
    return split(lambda n: {"image": images(b.random, n, channels, size)}, calibration, test)


def residual_block(b, x, inside, outside, stride):
    y = b.node("Relu", [b.conv(x, inside, outside, stride=stride)])
    y = b.conv(y, outside, outside)
    shortcut = x if inside == outside and stride == 1 else b.conv(x, inside, outside, kernel=1, stride=stride)
    return b.node("Relu", [b.node("Add", [y, shortcut])])


def classifier(b, x, inside, classes, batch="N"):
    y = b.node("Flatten", [b.node("GlobalAveragePool", [x])])
    y = b.node("Gemm", [y, b.constant("weight", b.normal(classes, inside)), b.constant("bias", b.small(classes))],
               transB=1)
    return b.output(y, [batch, classes])


@model
def residual_cnn():
    """ResNet-like: stem with MaxPool, identity and downsampling shortcuts, folded BatchNormalization."""
    b = Builder("residual_cnn")
    x = b.node("Relu", [b.conv(b.input("image", ["N", 3, 32, 32]), 3, 16, kernel=7, stride=2)])
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for inside, outside, stride in ((16, 16, 1), (16, 32, 2), (32, 32, 1)):
        x = residual_block(b, x, inside, outside, stride)
    classifier(b, x, 32, 10)
    return Model(b.model(), *pictures(b, 3, 32))


@model
def mobilenet():
    """Inverted residuals with depthwise convolutions and Clip with limits as inputs."""
    b = Builder("mobilenet", opset=13, ir=7)
    low, high = b.constant("low", numpy.float32(0)), b.constant("high", numpy.float32(6))

    def relu6(y):
        return b.node("Clip", [y, low, high])

    x = relu6(b.conv(b.input("image", ["N", 3, 32, 32]), 3, 16, stride=2))
    for inside, outside, stride in ((16, 16, 1), (16, 24, 2), (24, 24, 1)):
        wide = inside * 4
        y = relu6(b.conv(x, inside, wide, kernel=1))
        y = relu6(b.conv(y, wide, wide, stride=stride, group=wide))
        y = b.conv(y, wide, outside, kernel=1)
        x = b.node("Add", [x, y]) if inside == outside and stride == 1 else y
    x = relu6(b.conv(x, 24, 64, kernel=1))
    x = b.node("Flatten", [b.node("ReduceMean", [x], axes=[2, 3], keepdims=1)])
    y = b.node("Gemm", [x, b.constant("weight", b.normal(64, 10, fan=64)), b.constant("bias", b.small(10))])
    b.output(y, ["N", 10])
    return Model(b.model(), *pictures(b, 3, 32))


def ints(b, *values):
    return b.constant("ints", numpy.array(values, numpy.int64))


@model
def detector():
    """Two scales with upsampling and Concat, heads by Reshape and Transpose, boxes decoded by Split, Sigmoid, Exp."""
    b = Builder("detector", opset=16)

    def silu(y):
        return b.node("Mul", [y, b.node("Sigmoid", [y])])

    image = b.input("image", [1, 3, 64, 64])
    x = silu(b.conv(image, 3, 16, stride=2))
    x = silu(b.conv(x, 16, 32, stride=2))
    fine = silu(b.conv(x, 32, 32, stride=2))
    coarse = silu(b.conv(fine, 32, 64, stride=2))
    up = b.node("Resize", [silu(b.conv(coarse, 64, 32, kernel=1)), "",
                           b.constant("scales", numpy.array([1, 1, 2, 2], numpy.float32))],
                mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    fine = silu(b.conv(b.node("Concat", [up, fine], axis=1), 64, 32))
    rows = []
    for level, width in ((fine, 32), (coarse, 64)):
        head = b.node("Reshape", [b.conv(level, width, 8, kernel=1), ints(b, 1, 8, -1)])
        rows.append(b.node("Transpose", [head], perm=[0, 2, 1]))
    rows = b.node("Concat", rows, axis=1)
    centre, size, rest = b.node("Split", [rows, ints(b, 2, 2, 4)], outputs=["centre", "size", "rest"], axis=2)
    grid = numpy.concatenate([numpy.stack(numpy.meshgrid(numpy.arange(n), numpy.arange(n)), -1).reshape(1, -1, 2)
                              for n in (8, 4)], axis=1).astype(numpy.float32)
    stride = numpy.concatenate([numpy.full((1, 64, 1), 8), numpy.full((1, 16, 1), 16)], axis=1).astype(numpy.float32)
    stride = b.constant("stride", stride)
    centre = b.node("Mul", [b.node("Add", [b.node("Sigmoid", [centre]), b.constant("grid", grid)]), stride])
    size = b.node("Mul", [b.node("Exp", [size]), stride])
    b.output(b.node("Concat", [centre, size], name="boxes", outputs=["boxes"], axis=2), [1, 80, 4])
    rest = b.node("Sigmoid", [rest])
    objectness = b.node("Slice", [rest, ints(b, 0), ints(b, 1), ints(b, 2)])
    classes = b.node("Slice", [rest, ints(b, 1), ints(b, 4), ints(b, 2)])
    b.output(b.node("Mul", [objectness, classes], name="scores", outputs=["scores"]), [1, 80, 3])
    return Model(b.model(), *pictures(b, 3, 64, 16, 8))


@model
def unet():
    """Encoder and decoder with skip connections; ConvTranspose with one group and with four."""
    b = Builder("unet", opset=15)

    def block(y, inside, outside):
        return b.node("Relu", [b.conv(y, inside, outside)])

    def up(y, inside, outside, group):
        weight = b.constant("weight", b.normal(inside, outside // group, 2, 2, fan=inside // group))
        return b.node("ConvTranspose", [y, weight, b.constant("bias", b.small(outside))], kernel_shape=[2, 2],
                      strides=[2, 2], group=group)

    def down(y):
        return b.node("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])

    first = block(b.input("image", ["N", 3, 32, 32]), 3, 16)
    second = block(down(first), 16, 32)
    bottom = block(down(second), 32, 64)
    y = block(b.node("Concat", [up(bottom, 64, 32, 1), second], axis=1), 64, 32)
    y = block(b.node("Concat", [up(y, 32, 16, 4), first], axis=1), 32, 16)
    y = b.conv(y, 16, 2, kernel=1)
    b.output(b.node("Softmax", [y], name="mask", outputs=["mask"], axis=1), ["N", 2, 32, 32])
    return Model(b.model(), *pictures(b, 3, 32, 16, 8))


@model
def no_names():
    """A small network whose nodes have no names."""
    b = Builder("no_names", opset=11, ir=6)
    x = b.node("Relu", [b.conv(b.input("image", ["N", 3, 16, 16]), 3, 16)])
    x = b.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = residual_block(b, x, 16, 16, 1)
    classifier(b, x, 16, 10)
    finished = b.model()
    for node in finished.graph.node:
        node.ClearField("name")
    return Model(finished, *pictures(b, 3, 16))


@model
def external_data():
    """The same kind of network with its weights in a separate file."""
    b = Builder("external_data")
    x = b.node("Relu", [b.conv(b.input("image", ["N", 3, 16, 16]), 3, 32, stride=2)])
    x = residual_block(b, x, 32, 32, 1)
    classifier(b, x, 32, 10)
    finished = b.model()
    onnx.external_data_helper.convert_model_to_external_data(
        finished, all_tensors_to_one_file=True, location="external_data.data", size_threshold=256)
    return Model(finished, *pictures(b, 3, 16), external="external_data.data")


@model
def large():
    """For the memory test: 15 MB of weights, a few MB of activations, data for 80 batches."""
    b = Builder("large")
    x = b.input("image", ["N", 3, 64, 64])
    inside = 3
    for outside in (64, 128, 256, 384):
        x = b.node("Relu", [b.conv(x, inside, outside, stride=1 if inside == 3 else 2)])
        inside = outside
    x = residual_block(b, x, 384, 384, 2)
    classifier(b, x, 384, 10)
    return Model(b.model(), *pictures(b, 3, 64, 80, 16))


@model
def cnn_128():
    """Residual blocks of 128 channels on pictures of 256x256, behind a stem that divides them by four."""
    b = Builder("cnn_128")
    x = b.node("Relu", [b.conv(b.input("image", [1, 3, 256, 256]), 3, 128, kernel=7, stride=4)])
    for _ in range(4):
        x = residual_block(b, x, 128, 128, 1)
    classifier(b, x, 128, 10, batch=1)
    return Model(b.model(), *pictures(b, 3, 256, 4, 2))
