#!/usr/bin/env python3
"""Quantizes and casts networks that ONNX's parser made, with TensorRT-RTX on the CPU. Their engines must move the
same bytes of each type as those of the ONNX models that qdq quantized and cast itself. Where both store quantized
weights, they must be the same.

usage: half_network.py FOLDER

FOLDER comes from make_models.py.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "python")]

import native  # noqa: E402
import rtx  # noqa: E402
from tensorrt_headers import headers  # noqa: E402

TOOL = native.ROOT / "target" / "debug" / "qdq"
MODELS = ["residual_cnn", "mobilenet", "detector", "unet", "opset9_bn", "control_flow", "shared_weights", "gemm_variants",
          "vision_transformer", "transformer_256", "lstm"]
# The compute capability for which half_network.cpp builds: the first with 8-bit floats.
SM = 89
# The options that make each form of an ONNX model.
FORMS = {
    "float16": ["cast", "--fp16"],
    **{f"{name}-float16": ["quantize", "--target", "rtx", "--fp16", "--format", name]
       for name in ("int8", "fp8", "int8-weights", "int4-weights")},
    "mixed-float16": ["quantize", "--target", "rtx", "--fp16", "--format", "int8-weights", "--format-of", "scores*=fp8",
                      "--format-of", "context*=fp8"],
}
# In these forms the weights of networks are float numbers, which TensorRT itself quantizes if there is a pair.
FLOAT_WEIGHTS = ("float16", "int8-float16")
# Engines of the same kernels and weights share 99% of their content; the names of layers differ.
SHARED, CHUNK = 0.97, 64
# The model that gets every form: other formats than int8 are for products.
EVERY_FORM = "transformer_256"


def main(arguments):
    folder = pathlib.Path(arguments[0])
    suite = native.Suite("tensorrt-half-network", native.ROOT / "target" / "debug")
    program = suite.compile("g++", [HERE / "half_network.cpp"], "-std=c++17", *native.WARNINGS, f"-I{native.ROOT / 'cpp'}",
                            *headers("rtx-1.7"), "-ldl", name="half_network")
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry["name"] in MODELS]
    jobs = [(program, folder, entry, form) for entry in entries for form in FORMS
            if entry["name"] == EVERY_FORM or form in ("float16", "int8-float16")]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (_, _, entry, form), problem in zip(jobs, pool.map(attempt, jobs)):
            failed += bool(problem)
            print(f"FAILED  {entry['name']} {form}\n{problem}" if problem else f"ok      {entry['name']} {form}", flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return failed > 0


def attempt(job):
    try:
        return differences(*job)
    except native.Failure as failure:
        return str(failure)


def differences(program, folder, entry, form):
    """Returns the difference between the engines of the network and of the ONNX model, if there is one."""
    model, data = folder / f"{entry['name']}.onnx", folder / entry["calibration"]
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch)
        verb, *options = FORMS[form]
        native.run(TOOL, verb, model, "-d", data, *options, "-o", out / "cast.onnx")
        problem = rtx.build_to(out / "cast.onnx", out / "of_model", (1, 1, 1), SM)
        if problem:
            return problem
        native.run(program, *rtx.libraries(), model, data, form, out / "of_network")
        moved = [moves(out / name) for name in ("of_model", "of_network")]
        shared = share((out / "of_model").read_bytes(), (out / "of_network").read_bytes())
    if form not in FLOAT_WEIGHTS and shared < SHARED:
        return f"only {shared:.1%} of the model's engine is in that of the network: its weights are others"
    return "" if moved[0] == moved[1] else f"the model's engine moves {moved[0]}, that of the network {moved[1]}"


def share(whole, other):
    """Returns the share of an engine's content that is somewhere in another one, by samples."""
    places = range(0, len(whole) - CHUNK, len(whole) // 400)
    return sum(whole[place:place + CHUNK] in other for place in places) / len(places)


def moves(engine):
    """Returns the bytes that an engine reads and writes of each type."""
    cost = subprocess.run([TOOL, "cost", engine, "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return {one["type"]: (one["read"], one["written"]) for one in json.loads(cost)["moved"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
