#!/usr/bin/env python3
"""Builds engines of the test models with TensorRT-RTX on the CPU through the C++ layer, in every supported way.

usage: engines.py FOLDER [NAME...]

FOLDER comes from make_models.py. The engines are those of the float model with batches, with the rest in float16, with ranges, and with
Quantize and Dequantize inserted into the network that TensorRT's parser makes of it. Each must build, with every
product of a constant weight in INT8. The plan of the network must quantize the same as that of the ONNX model.
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import onnx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "python")]

import engine_types  # noqa: E402
import native  # noqa: E402
import rtx  # noqa: E402
from compare_with_peer import NEVER_INT8, onnxruntime_library  # noqa: E402
from tensorrt_headers import headers  # noqa: E402

LIBRARY = native.ROOT / "target" / "debug"
WAYS = ("batches", "half", "ranges", "network")
PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# TensorRT's parser computes one-dimensional convolutions in two dimensions, on a tensor of its own.
RENAMED = {"lstm": {"ONNXTRT_unsqueezeTensor_output": "signal"}}


def products(path, entry):
    """Lists the names of the nodes that must run in INT8."""
    model = onnx.load(path, load_external_data=False)
    return [node.name for node in model.graph.node
            if node.op_type in PRODUCTS and node.op_type not in NEVER_INT8 and node.name
            and node.name not in entry["float_nodes"]]


def same_plan(name, printed):
    """Lists the differences of the two plans that the program printed."""
    plans = {"model": set(), "network": set()}
    for line in printed.splitlines():
        source, _, what = line.partition(": ")
        plans[source].add(RENAMED.get(name, {}).get(what, what) if source == "network" else what)
    if not plans["model"]:
        return ["the program printed no plan"]
    return [f"only the {source} quantizes {what}" for source, other in (("model", "network"), ("network", "model"))
            for what in sorted(plans[source] - plans[other])]


def judge(program, folder, entry, way):
    """Builds one engine. Returns the list of problems."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = pathlib.Path(scratch) / "engine"
        run = subprocess.run(
            [program, *rtx.libraries(), way, folder / entry["model"], folder / entry["calibration"], engine],
            capture_output=True, text=True, errors="replace", timeout=300,
            env={**os.environ, "QDQ_ONNXRUNTIME": str(onnxruntime_library())})
        if run.returncode != 0:
            return [f"exit status {run.returncode}: {run.stderr.strip()}"]
        problems = same_plan(entry["name"], run.stdout) if way == "network" else []
        return problems + in_float(engine, folder, entry)


def in_float(engine, folder, entry):
    """Lists the products of an engine that should run in INT8 and do not."""
    problems = []
    built = rtx.Engine(True, "", engine_types.operations(engine.read_bytes()))
    for name in products(folder / entry["model"], entry):
        found = built.of_node(name)
        if not found:
            problems.append(f"{name} is not in the engine")
        elif not all(operation.is_int8 for operation in found):
            problems.append(f"{name} runs as {', '.join(map(str, found))}")
    return problems


def main(arguments):
    folder, chosen = pathlib.Path(arguments[0]), set(arguments[1:])
    suite = native.Suite("tensorrt-engines", LIBRARY)
    program = suite.compile("g++", [HERE / "engine.cpp"], "-std=c++17", *native.WARNINGS, f"-I{native.ROOT / 'cpp'}",
                            *headers("rtx-1.7"), "-ldl", name="engine")
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry["rtx"]]
    jobs = [(entry, way) for entry in entries for way in WAYS if not chosen or entry["name"] in chosen]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (entry, way), problems in zip(jobs, pool.map(lambda job: judge(program, folder, *job), jobs)):
            failed += bool(problems)
            print(f"{'FAILED' if problems else 'ok':7} {entry['name']}, {way}", *problems, sep="\n        ")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
