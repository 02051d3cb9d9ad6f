#!/usr/bin/env python3
"""Writes networks of the shapes of ResNet-50, MobileNetV2 and ViT-B/16, with random weights, and 32 images for them.

usage: models.py FOLDER

Only the shapes matter for time and memory. Batch normalization is folded into the convolutions, as exporters do it.
"""

import pathlib
import sys

import numpy
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from builder import Builder  # noqa: E402
from models.sequence import erf_gelu, heads, layer_norm, linear  # noqa: E402

IMAGES = 32


def classify(b, x, width):
    x = b.node("Flatten", [b.node("GlobalAveragePool", [x])], axis=1)
    weight, bias = b.constant("weight", b.normal(1000, width)), b.constant("bias", b.small(1000))
    b.node("Gemm", [x, weight, bias], name="logits", outputs=["logits"], transB=1)
    b.output("logits", ["N", 1000])


def resnet50():
    b = Builder("resnet50")
    x = b.node("Relu", [b.conv(b.input("image", ["N", 3, 224, 224]), 3, 64, 7, 2)])
    x = b.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    inside = 64
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = first if block == 0 else 1
            y = b.node("Relu", [b.conv(x, inside, width, 1)])
            y = b.node("Relu", [b.conv(y, width, width, 3, stride)])
            y = b.conv(y, width, 4 * width, 1)
            x = b.conv(x, inside, 4 * width, 1, stride) if block == 0 else x
            x = b.node("Relu", [b.node("Add", [x, y])])
            inside = 4 * width
    classify(b, x, inside)
    return b.model()


def mobilenetv2():
    b = Builder("mobilenetv2")

    def relu6(x):
        return b.node("Clip", [x, b.constant("zero", numpy.float32(0)), b.constant("six", numpy.float32(6))])

    x = relu6(b.conv(b.input("image", ["N", 3, 224, 224]), 3, 32, 3, 2))
    inside = 32
    for factor, outside, blocks, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(blocks):
            stride, wide = first if block == 0 else 1, inside * factor
            y = relu6(b.conv(x, inside, wide, 1)) if factor > 1 else x
            y = b.conv(relu6(b.conv(y, wide, wide, 3, stride, group=wide)), wide, outside, 1)
            x = b.node("Add", [x, y]) if stride == 1 and inside == outside else y
            inside = outside
    classify(b, relu6(b.conv(x, inside, 1280, 1)), 1280)
    return b.model()


def vit_b16():
    b = Builder("vit_b16", opset=17)
    width, count = 768, 12
    patches = b.node("Conv", [b.input("image", [1, 3, 224, 224]), b.constant("weight", b.normal(width, 3, 16, 16)),
                              b.constant("bias", b.small(width))], kernel_shape=[16, 16], strides=[16, 16])
    x = b.node("Transpose", [b.node("Reshape", [patches, b.constant("ints", numpy.array([1, width, 196]))])], perm=[0, 2, 1])
    x = b.node("Concat", [b.constant("token", b.small(1, 1, width)), x], axis=1)
    x = b.node("Add", [x, b.constant("positions", b.small(1, 197, width))])
    for _ in range(12):
        y = layer_norm(b, x, width)
        query, value = (heads(b, linear(b, y, width, width), count, width) for _ in range(2))
        key = heads(b, linear(b, y, width, width), count, width, (0, 2, 3, 1))
        scores = b.node("Div", [b.node("MatMul", [query, key]), b.constant("scalar", numpy.float32(8))])
        mixed = b.node("MatMul", [b.node("Softmax", [scores], axis=-1), value])
        mixed = b.node("Reshape", [b.node("Transpose", [mixed], perm=[0, 2, 1, 3]),
                                   b.constant("ints", numpy.array([1, 197, width]))])
        x = b.node("Add", [x, linear(b, mixed, width, width)])
        y = erf_gelu(b, linear(b, layer_norm(b, x, width), width, 4 * width))
        x = b.node("Add", [x, linear(b, y, 4 * width, width)])
    first = b.node("Gather", [layer_norm(b, x, width), b.constant("zero", numpy.int64(0))], axis=1)
    weight, bias = b.constant("weight", b.normal(1000, width)), b.constant("bias", b.small(1000))
    b.node("Gemm", [first, weight, bias], name="logits", outputs=["logits"], transB=1)
    b.output("logits", [1, 1000])
    return b.model()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for make in (resnet50, mobilenetv2, vit_b16):
        onnx.save(make(), folder / f"{make.__name__}.onnx")
    images = numpy.random.default_rng(0).normal(0, 1, (IMAGES, 3, 224, 224)).astype(numpy.float32)
    numpy.savez(folder / "images.npz", image=images)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
