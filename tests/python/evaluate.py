#!/usr/bin/env python3
"""Compares quantized models with their float model by ONNX Runtime.

usage: evaluate.py FLOAT.onnx TEST.npz QUANTIZED.onnx... [--labels LABELS.npy] [--batch N]

Prints one JSON object per quantized model: SQNR in dB, cosine and maximum error of each output, top-1 agreement if
the last axis has classes, accuracy with labels, the structural problems of its Q/DQ, and its products. The status is
1 if a model has structural problems.
"""
import argparse
import functools
import json
import pathlib
import platform
import sys
from dataclasses import asdict

import numpy
import onnxruntime

import structure


@functools.cache
def saturates():
    """Whether ONNX Runtime's fused int8 kernels sum in 16 bits here, so that a correct model seems wrong: x86
    without VNNI."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    return "vnni" not in pathlib.Path("/proc/cpuinfo").read_text()


def exact(options):
    """Leaves Quantize and Dequantize unfused if the fused kernels saturate."""
    if saturates():
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    return options


def run(path, data, batch, optimised=False):
    """Runs a model on arrays by input name, a batch at a time. Returns the outputs: arrays by output name."""
    options = exact(onnxruntime.SessionOptions())
    options.log_severity_level = 4
    onnxruntime.set_default_logger_severity(4)
    options.intra_op_num_threads = 1
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    total = len(next(iter(data.values())))
    parts = [session.run(names, {key: array[i : i + batch] for key, array in data.items()})
             for i in range(0, total - total % batch, batch)]
    return {name: numpy.concatenate([numpy.atleast_1d(part[i]) for part in parts]) for i, name in enumerate(names)}


def sqnr(reference, got):
    """Returns the signal-to-quantization-noise ratio in dB: 10 log10(sum reference^2 / sum (reference - got)^2)."""
    reference, got = reference.astype(numpy.float64), got.astype(numpy.float64)
    noise = ((reference - got) ** 2).sum()
    return float(10 * numpy.log10((reference**2).sum() / noise)) if noise else float("inf")


def compare(reference, got):
    """Returns figures for each output, and the mean SQNR of all."""
    outputs = {}
    for name, wanted in reference.items():
        a, b = wanted.astype(numpy.float64).ravel(), got[name].astype(numpy.float64).ravel()
        outputs[name] = {
            "sqnr": sqnr(wanted, got[name]),
            "cosine": float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))),
            "max_error": float(numpy.abs(a - b).max()),
        }
        if wanted.ndim > 1:
            outputs[name]["top1_agreement"] = float((wanted.argmax(-1) == got[name].argmax(-1)).mean())
    return {"sqnr": float(numpy.mean([figures["sqnr"] for figures in outputs.values()])), "outputs": outputs}


def main(arguments):
    """Prints the figures of every quantized model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("float_model")
    parser.add_argument("test")
    parser.add_argument("quantized", nargs="+")
    parser.add_argument("--labels")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args(arguments)
    with numpy.load(options.test) as file:
        data = dict(file)
    reference = run(options.float_model, data, options.batch)
    failed = False
    for path in options.quantized:
        report = structure.check(options.float_model, path)
        got = run(path, data, options.batch)
        result = {"model": path, **compare(reference, got)}
        result["sqnr_optimised"] = compare(reference, run(path, data, options.batch, optimised=True))["sqnr"]
        if options.labels:
            labels = numpy.load(options.labels)
            for key, outputs in (("float_accuracy", reference), ("accuracy", got)):
                first = next(iter(outputs.values()))
                result[key] = float((first.argmax(-1) == labels[: len(first)]).mean())
        result |= asdict(report)
        print(json.dumps(result))
        failed |= bool(report.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
