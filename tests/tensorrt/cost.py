#!/usr/bin/env python3
"""Compares what `qdq cost` reads in engines of TensorRT-RTX with figures that were counted apart from it.

usage: cost.py FOLDER

FOLDER comes from make_models.py. The engines of the models are built on the CPU, and those of the digits model in
INT8 too. `costs.json` has the figures of the library's version: kernels, and bytes by type, read and written. A new
version of the library needs new figures, and a look at its plans before.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "python")]

import engine_types  # noqa: E402
import measured  # noqa: E402
import native  # noqa: E402
import rtx  # noqa: E402

FIGURES = HERE / "costs.json"
QDQ = native.ROOT / "target" / "debug" / "qdq"
DIGITS = native.ROOT / "tests" / "data" / "digits"
WORDS = {"float": "f32", "half": "f16", "int8": "i8"}


def cost(engine, *options, fails=0):
    """Runs `qdq cost` and returns its JSON."""
    run = subprocess.run([QDQ, "cost", engine, "--json", *options], capture_output=True, text=True, check=False)
    if run.returncode != fails:
        raise native.Failure(f"exit status {run.returncode}: {run.stderr}")
    return json.loads(run.stdout) if run.returncode == 0 else run.stderr


def build(model, engine):
    """Builds an engine for dynamic sizes from 1 over 2 to 4."""
    native.run(rtx._tool(), *rtx.libraries(), rtx.SM, model, engine, 1, 2, 4)


def figures(found):
    """Returns the figures of an engine in the form of costs.json."""
    moved = {one["type"]: [one["read"], one["written"]] for one in found["moved"]}
    return {"kernels": len(found["kernels"]), "moved": moved}


def same_types(engine, found):
    """Compares the types of convolutions and products with those that engine_types.py reads in the same plan, except
    for operands that are small or constant, which `qdq cost` leaves out."""
    theirs = [operation for operation in engine_types.operations(engine.read_bytes()) if operation.is_matrix and operation.layers]
    for kernel in found["kernels"]:
        matches = [operation for operation in theirs if operation.layers == kernel["layers"]]
        types = {WORDS.get(kind, kind) for operation in matches for kind in operation.inputs + operation.outputs}
        if matches and not {one["type"] for one in kernel["reads"] + kernel["writes"]} <= types:
            raise native.Failure(f"{kernel} has other types than {list(map(str, matches))}")


def check(name, model, expected):
    with tempfile.TemporaryDirectory() as scratch:
        engine = pathlib.Path(scratch) / "engine"
        build(model, engine)
        found = cost(engine)
        same_types(engine, found)
        if figures(found) != expected:
            raise native.Failure(f"{name}: {figures(found)} instead of {expected}")


def int8(expected):
    """Checks that the INT8 engine of digits moves what was counted, and that it is compared with the float engine."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch)
        native.run(QDQ, "quantize", DIGITS / "model.onnx", "-d", DIGITS / "calib.npz", "-o", out / "qdq.onnx")
        for model, engine in ((DIGITS / "model.onnx", "float"), (out / "qdq.onnx", "int8")):
            build(model, out / engine)
        found = cost(out / "int8", "--against", out / "float")
        if figures(found) != expected:
            raise native.Failure(f"digits, int8: {figures(found)} instead of {expected}")
        ratio = found["bytes"] / cost(out / "float")["bytes"]
        if found["against"]["ratio"] != ratio:
            raise native.Failure(f"{found['against']['ratio']} instead of {ratio}")
        warned = [finding for finding in found["findings"] if finding["severity"] == "warning"]
        if (ratio > 1) != bool(warned):
            raise native.Failure(f"ratio {ratio}, but {warned}")
        whole = (out / "int8").read_bytes()
        (out / "cut").write_bytes(whole[:4096])
        if "the engine's plan is damaged" not in cost(out / "cut", fails=2):
            raise native.Failure("the damage was not told")


def main(arguments):
    folder = pathlib.Path(arguments[0])
    known = json.loads(FIGURES.read_text())
    version = measured.versions(rtx.LIBRARIES)[0]
    if version != known["library"]:
        sys.exit(f"costs.json is of {known['library']}, not of {version}: look at the plans and count again")
    rtx.prepare()
    jobs = [(name, lambda n=name: check(n, folder / f"{n}.onnx", known["engines"][n])) for name in known["engines"]]
    jobs.append(("digits, int8", lambda: int8(known["digits_int8"])))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (name, _), problem in zip(jobs, pool.map(lambda job: attempt(job[1]), jobs)):
            failed += bool(problem)
            print(f"FAILED  {name}\n{problem}" if problem else f"ok      {name}", flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return failed > 0


def attempt(job):
    try:
        return job()
    except native.Failure as failure:
        return str(failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
