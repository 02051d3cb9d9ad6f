"""A network behind a spectrum: as it is, and with the spectrum in the branches of an If that data decides.

usage: front_end_models.py FOLDER
"""
import sys
from pathlib import Path

import numpy
import onnx
from builder import Builder
from onnx import helper

SIZE, HOP, LENGTH = 128, 64, 1024
BINS = SIZE // 2 + 1


def samples(random, count):
    """Returns sounds as they are recorded: power falls with frequency, and some are a hundred times as loud as others."""
    spectrum = random.normal(0, 1, (2, count, LENGTH // 2 + 1)) / (1 + numpy.arange(LENGTH // 2 + 1)) ** 1.5
    spectrum[:, :, 0] = 0
    sound = numpy.fft.irfft(spectrum[0] + 1j * spectrum[1], LENGTH)
    loudness = 10 ** random.uniform(-2, 0, (count, 1))
    return (loudness * sound / sound.std(axis=1, keepdims=True)).astype(numpy.float32)[:, None]


def basis(window):
    """Returns the windowed Fourier basis as kernels of a convolution: cosines, then sines."""
    angles = 2 * numpy.pi * numpy.outer(numpy.arange(BINS), numpy.arange(SIZE)) / SIZE
    return (numpy.concatenate([numpy.cos(angles), -numpy.sin(angles)]) * window)[:, None].astype(numpy.float32)


def magnitudes(b, x, window, name):
    """Adds the nodes of a spectrum's magnitudes."""
    both = b.node("Conv", [x, b.constant("basis", basis(window))], name=name, kernel_shape=[SIZE], strides=[HOP])
    real, imaginary = b.node("Split", [both], outputs=[f"{name}_real", f"{name}_imaginary"], axis=1)
    two = b.constant("two", numpy.float32(2))
    power = b.node("Add", [b.node("Pow", [real, two]), b.node("Mul", [imaginary, imaginary])])
    return b.node("Sqrt", [power])


def layers(b, spectrum, mean):
    """Adds a network that has learned to weigh each frequency by what it usually has."""
    first = b.constant("weight", b.normal(32, BINS, 3) / mean[None, :, None].astype(numpy.float32))
    hidden = b.node("Relu", [b.node("Conv", [spectrum, first], name="reader", kernel_shape=[3])])
    second = b.constant("weight", b.normal(16, 32, 3))
    return b.node("Conv", [hidden, second], name="second", kernel_shape=[3])


def branch(name, window, seed):
    inner = Builder(name, seed=seed)
    inner.output(magnitudes(inner, "x", window, f"basis_{name}"), None)
    # Names of a branch stay apart from those of the other one.
    graph = inner.graph()
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [one if one == "x" else f"{name}/{one}" for one in names]
    for named in (*graph.initializer, *graph.output):
        named.name = f"{name}/{named.name}"
    return graph


def save(b, y, folder):
    b.output(y, ["N", 16, (LENGTH - SIZE) // HOP + 1 - 4])
    model = helper.make_model(b.graph(), opset_imports=[helper.make_opsetid("", b.opset)], producer_name="qdq tests",
                              ir_version=b.ir)
    onnx.checker.check_model(model)
    onnx.save(model, folder / f"{b.name}.onnx")


def main(folder):
    folder = Path(folder)
    random = numpy.random.default_rng(19)
    window = numpy.hanning(SIZE + 1)[:-1]
    calibration = samples(random, 32)
    frames = numpy.lib.stride_tricks.sliding_window_view(calibration[:, 0], SIZE, axis=1)[:, ::HOP]
    mean = numpy.abs(numpy.fft.rfft(frames * window)).mean(axis=(0, 1))
    b = Builder("plain")
    save(b, layers(b, magnitudes(b, b.input("x", ["N", 1, LENGTH]), window, "basis"), mean), folder)
    b = Builder("branch")
    x = b.input("x", ["N", 1, LENGTH])
    loudest = b.node("ReduceMax", [x], keepdims=0)
    is_sound = b.node("Greater", [loudest, b.constant("least", numpy.float32(0.3))])
    chosen = b.node("If", [is_sound], then_branch=branch("loud", window, 1), else_branch=branch("still", window, 2))
    save(b, layers(b, chosen, mean), folder)
    numpy.savez(folder / "calib.npz", x=calibration)
    numpy.savez(folder / "test.npz", x=samples(random, 16))


if __name__ == "__main__":
    main(*sys.argv[1:])
