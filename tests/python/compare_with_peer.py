#!/usr/bin/env python3
"""Quantizes the test models with qdq and with ONNX Runtime, and compares the results, also with TensorRT-RTX.

usage: compare_with_peer.py FOLDER [--qdq BINARY] [--methods max,entropy,percentile,mse] [--models NAME,...]

FOLDER comes from make_models.py. For every model and method: `qdq quantize` succeeds, its Q/DQ is sound
(structure.py), ONNX Runtime runs it with and without optimisations, its output SQNR is at least the peer's less
0.5 dB, and if TensorRT-RTX builds the float model, it builds the Q/DQ model with every quantized product in INT8. The
peer has no mse, so its max is used; and it fails on float16 with percentile. The last line is `N passed, N failed`.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime

import evaluate
import measured
import peer_quantize
import rtx
import structure

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("max", "entropy", "percentile", "mse")
PEER = {"max": "max", "entropy": "entropy", "percentile": "percentile", "mse": "max"}
TOLERANCE_DB = 0.5
# ONNX Runtime's quantize_static raises an exception for these.
PEER_FAILS = {("float16", "percentile")}
# TensorRT-RTX 1.7 has no INT8 ConvTranspose in any form: see tests/trt_rtx/FINDINGS.md.
NEVER_INT8 = ("ConvTranspose",)


@functools.cache
def test_data(path):
    """Returns the arrays of an npz file."""
    with numpy.load(path) as file:
        return dict(file)


@functools.cache
def reference(model, test, batch):
    """Returns the float model's outputs."""
    return evaluate.run(model, test_data(test), batch)


def onnxruntime_library():
    """Returns the shared library in the Python package."""
    return next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))


def quantize(binary, entry, folder, method, out):
    """Runs `qdq quantize`. Returns its output if it failed."""
    command = [binary, "quantize", folder / entry["model"], "-d", folder / entry["calibration"], "-o", out,
               "--method", method, "--cache", out.with_suffix(".cache"), "--ranges", out.with_suffix(".json"),
               "--runtime", "embedded" if entry["embedded"] else "onnxruntime"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300,
                         env={**os.environ, "QDQ_ONNXRUNTIME": str(onnxruntime_library())})
    return [] if run.returncode == 0 else [f"qdq exited with {run.returncode}: {run.stderr.strip()}"]


def check_products(entry, report):
    """Checks that every product that should be quantized is quantized."""
    left = [p.name for p in report.products if not p.quantized and p.name not in entry["float_nodes"]]
    return [f"not quantized: {', '.join(left)}"] if left else []


def check_engine(entry, out, report):
    """Checks that TensorRT-RTX builds the model and runs its quantized products in INT8."""
    if not entry["rtx"]:
        return []
    engine = rtx.build(out)
    if not engine.built:
        return [f"TensorRT-RTX refuses it: {engine.log.strip()}"]
    problems = []
    for product in report.products:
        operations = engine.of_node(product.name)
        if not operations:
            problems.append(f"TensorRT-RTX: {product.name} is not in the engine")
        elif product.quantized and product.op not in NEVER_INT8 and not all(o.is_int8 for o in operations):
            problems.append(f"TensorRT-RTX: {product.name} runs as {', '.join(map(str, operations))}")
    return problems


def peer_sqnr(folder, entry, method):
    """Returns the SQNR of the peer's model in dB, measured once for the same files and versions."""
    if (entry["name"], method) in PEER_FAILS:
        return -numpy.inf
    model, calibration, test = (folder / entry[key] for key in ("model", "calibration", "test"))

    def measure():
        with tempfile.TemporaryDirectory() as scratch:
            out = pathlib.Path(scratch) / "peer.onnx"
            peer_quantize.quantize(str(model), calibration, PEER[method], str(out), entry["batch"])
            wanted = reference(model, test, entry["batch"])
            return evaluate.compare(wanted, evaluate.run(out, test_data(test), entry["batch"]))["sqnr"]

    depends = [*measured.model(model), calibration, test, PEER[method], entry["batch"],
               *(pathlib.Path(script.__file__) for script in (evaluate, peer_quantize)),
               measured.versions("numpy", "onnx", "onnxruntime")]
    return measured.kept(depends, measure)


def judge(binary, folder, entry, method):
    """Runs one model with one method. Returns the figures to print and the list of problems."""
    test, model = folder / entry["test"], folder / entry["model"]
    wanted = reference(model, test, entry["batch"])
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "qdq.onnx"
        problems = quantize(binary, entry, folder, method, out)
        if problems:
            return "", problems
        report = structure.check(model, out)
        problems += report.problems + check_products(entry, report)
        problems += [f"{path.name} is missing" for path in (out.with_suffix(".cache"), out.with_suffix(".json"))
                     if not path.exists()]
        ours = evaluate.compare(wanted, evaluate.run(out, test_data(test), entry["batch"]))
        fast = evaluate.compare(wanted, evaluate.run(out, test_data(test), entry["batch"], optimised=True))
        theirs = peer_sqnr(folder, entry, method)
        problems += check_engine(entry, out, report)
    figures = f"{ours['sqnr']:6.2f} dB, optimised {fast['sqnr']:6.2f}, peer {theirs:6.2f}"
    if not ours["sqnr"] >= theirs - TOLERANCE_DB:
        problems.append(f"SQNR {ours['sqnr']:.2f} dB is below the peer's {theirs:.2f} less {TOLERANCE_DB}")
    return figures, problems


def attempt(*arguments):
    """Calls `judge` and converts an exception to one more problem."""
    try:
        return judge(*arguments)
    except Exception as error:  # one broken model must not hide the others
        return "", [f"{type(error).__name__}: {error}"]


def main(arguments):
    """Runs every model with every method. The status is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", str(ROOT / "target/debug/qdq")))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--models", default="")
    options = parser.parse_args(arguments)
    entries = json.loads((options.folder / "manifest.json").read_text())
    chosen = set(filter(None, options.models.split(",")))
    unknown = chosen - {entry["name"] for entry in entries}
    if unknown:
        parser.error(f"no such model: {', '.join(unknown)}")
    rtx.prepare()
    jobs = [(options.qdq, options.folder, entry, method) for entry in entries
            if not chosen or entry["name"] in chosen for method in options.methods.split(",")]
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for job, (figures, problems) in zip(jobs, pool.map(attempt, *zip(*jobs))):
            failed += bool(problems)
            print(f"{'FAIL' if problems else 'ok  '} {job[2]['name']:20} {job[3]:10} {figures}", flush=True)
            for problem in problems:
                print(f"       {problem}", flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
