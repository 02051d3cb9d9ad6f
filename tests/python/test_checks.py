#!/usr/bin/env python3
"""Breaks a good Q/DQ model in one way after another and expects the checks to name each fault. Also checks that
measurements are repeated if anything changes that they depend on.

The last line is `N passed, N failed`.
"""
import os
import pathlib
import sys
import tempfile
from unittest import mock

import numpy
import onnx
from onnx import numpy_helper

import evaluate
import measured
import rounded
import structure
from builder import Builder


def pair(quantized):
    """Returns a MatMul and an Add, in float or as Q/DQ."""
    b = Builder("checks")
    x = b.input("x", ["N", 8])
    weight = b.normal(8, 4)
    if quantized:
        scale, zero = b.constant("x_scale", numpy.float32(0.02)), b.constant("x_zero", numpy.int8(0))
        x = b.node("QuantizeLinear", [x, scale, zero], name="quantize")
        x = b.node("DequantizeLinear", [x, scale, zero], name="dequantize")
        scales = (numpy.abs(weight).max(0) / 127).astype(numpy.float32)
        stored = b.constant("weight", numpy.rint(weight / scales).astype(numpy.int8))
        w = b.node("DequantizeLinear", [stored, b.constant("scales", scales),
                                        b.constant("zeros", numpy.zeros(4, numpy.int8))], name="weights", axis=1)
    else:
        w = b.constant("weight", weight)
    b.output(b.node("MatMul", [x, w], name="product", outputs=["y"]), ["N", 4])
    return b.model()


def replace(model, name, array):
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(numpy.asarray(array), name))


def node(model, name):
    return next(n for n in model.graph.node if n.name == name)


def bypass(model):
    """Makes the product read its input directly, so that the Q/DQ before it has no reader."""
    node(model, "product").input[0] = "x"


def wrong_axis(model):
    """Puts scales along the axis that the product sums over."""
    replace(model, "scales", numpy.full(8, 0.01, numpy.float32))
    replace(model, "zeros", numpy.zeros(8, numpy.int8))
    node(model, "weights").attribute[0].i = 0


def quantized_twice(model):
    twin = onnx.helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["twin"], name="twin")
    model.graph.node.insert(0, twin)
    node(model, "dequantize").input[0] = "twin"
    model.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["quantize:0", "x_scale", "x_zero"], ["again"]))


def renamed(model):
    model.graph.output[0].name = node(model, "product").output[0] = "z"


def unread(model):
    model.graph.initializer.append(numpy_helper.from_array(numpy.zeros(1, numpy.float32), "stray"))


FAULTS = {
    "scale of shape [1]": (lambda m: replace(m, "x_scale", numpy.float32([0.02])), "has shape [1]"),
    "scale of zero": (lambda m: replace(m, "x_scale", numpy.float32(0)), "not finite and positive"),
    "infinite scale": (lambda m: replace(m, "scales", numpy.float32([1, 1, numpy.inf, 1])), "not finite and positive"),
    "zero point of 3": (lambda m: replace(m, "x_zero", numpy.int8(3)), "zero point"),
    "uint8": (lambda m: replace(m, "x_zero", numpy.uint8(0)), "zero point"),
    "wrong axis": (wrong_axis, "expected 1"),
    "wrong number of scales": (lambda m: replace(m, "scales", numpy.full(3, 0.01, numpy.float32)), "3 scales"),
    "Q/DQ that nothing reads": (bypass, "nothing reads its output"),
    "one tensor quantized twice": (quantized_twice, "quantized twice"),
    "output renamed": (renamed, "inputs or outputs differ"),
    "constant that nothing reads": (unread, "nothing reads the constant stray"),
}


def sound(folder):
    """Checks that the good model has no problems, its product is quantized, and it is close to the float model."""
    report = structure.check(folder / "float.onnx", folder / "good.onnx")
    data = {"x": numpy.random.default_rng(1).normal(0, 1, (16, 8)).astype(numpy.float32)}
    figures = evaluate.compare(*(evaluate.run(folder / name, data, 4) for name in ("float.onnx", "good.onnx")))
    return [] if not report.problems and report.products[0].quantized and figures["sqnr"] > 30 else [report, figures]


def memory(folder):
    """Checks measured.py by the number of its measurements after each change."""
    file, calls = folder / "data", []

    def ask(*depends, lasts=True, **environment):
        with mock.patch.dict(os.environ, environment), mock.patch.object(measured, "FOLDER", folder / "kept"):
            measured.kept([file, *depends], lambda: calls.append(1) or len(calls), lambda found: lasts)
        return len(calls)

    with mock.patch.dict(os.environ):
        os.environ.pop("QDQ_MEASURE", None)
        file.write_text("a")
        counts = [ask("1.0"), ask("1.0"), ask("1.1"), ask("1.1", QDQ_MEASURE="anew"), ask("1.1")]
        file.write_text("b")
        counts += [ask("1.1"), ask("1.1"), ask("failed", lasts=False), ask("failed", lasts=False)]
    return [] if counts == [1, 1, 2, 3, 3, 4, 4, 5, 6] else counts


def rounding(folder):
    """Checks that rounded.py rounds 16-bit tensors, and lets them overflow."""
    b = Builder("rounding", opset=19)
    x = b.input("x", ["N", 4])
    half = b.node("Cast", [x], name="half", to=onnx.TensorProto.FLOAT16)
    twice = b.node("Add", [half, half], name="twice")
    b.output(b.node("Cast", [twice], name="wide", outputs=["y"], to=onnx.TensorProto.FLOAT), ["N", 4])
    onnx.save(b.model(), folder / "rounding.onnx")
    values = numpy.float32([[0.1, 1e-8, 40000, 2049]])
    found = rounded.run(folder / "rounding.onnx", {"x": values}, 1)["y"]
    with numpy.errstate(over="ignore"):
        expected = (values.astype(numpy.float16) * numpy.float16(2)).astype(numpy.float32)
    return [] if numpy.array_equal(found, expected) else [found, expected]


def main():
    """Runs every case. The status is 1 if one failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        onnx.save(pair(False), folder / "float.onnx")
        onnx.save(pair(True), folder / "good.onnx")
        wrong = sound(folder)
        if wrong:
            failed += 1
            print(f"FAIL the good model: {wrong}")
        wrong = rounding(folder)
        if wrong:
            failed += 1
            print(f"FAIL rounding to 16 bits: {wrong}")
        wrong = memory(folder)
        if wrong:
            failed += 1
            print(f"FAIL what is kept of measurements: {wrong}")
        for title, (spoil, expected) in FAULTS.items():
            model = pair(True)
            spoil(model)
            onnx.save(model, folder / "spoilt.onnx")
            problems = structure.check(folder / "float.onnx", folder / "spoilt.onnx").problems
            if not any(expected in problem for problem in problems):
                failed += 1
                print(f"FAIL {title}: expected '{expected}', found {problems}")
    print(f"{len(FAULTS) + 3 - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
