#!/usr/bin/env python3
"""Holds peaks of memory against each other, and against the size of a model.

usage: memory.py FOLDER [--qdq BINARY]

FOLDER comes from make_models.py. The largest test model is calibrated with 40 and with 400 batches. The longer run's peak may
be 15% above the shorter one's on both runtimes: nothing may be kept from batch to batch. One batch of input alone, the least
that could be kept, would add 17 MiB to about 60 or 105. A batch is inferred while the previous one is observed, so peaks differ
by 5 MiB between runs, for any number of batches.

A model of 100 MB, with its weights inside and in a file beside it, is cast and quantized in half precision. The peak may be
three times its size, the mapped file included. The last line is `N passed, N failed`.
"""
import argparse
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]


# The most copies of a model's file that its conversion may hold.
MOST_COPIES = 3


# The system counts the peak of a process that starts another one as a peak of that one too. The process that starts the
# command must be small, then, and this one has numpy.
LAUNCHER = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def peak(command):
    """Returns the largest resident set of a command in KiB."""
    done = subprocess.run([sys.executable, "-S", "-c", LAUNCHER, *map(str, command)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {done.returncode}")
    return int(done.stdout.split()[-1])


def write_batches(source, count, out):
    """Writes that many samples."""
    with numpy.load(source) as file:
        numpy.savez(out, **{name: numpy.resize(file[name], (count, *file[name].shape[1:])) for name in file})


def of_batches(binary, model, data, batches, runtime):
    """Returns the peak of a calibration with that many batches of one sample."""
    library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "calibrate", model, "-d", data, "--limit", batches, "--batch-size", "1", "--threads", "1", "--runtime",
                   runtime, "--stats", pathlib.Path(out) / "stats", "--quiet"]
        return peak(command + (["--onnxruntime", library] if runtime == "onnxruntime" else []))


def check_batches(binary, folder, made):
    """Measures each runtime. The smaller of two runs counts, because allocators differ between runs."""
    few, many = 40, 400
    data = made / "data.npz"
    write_batches(folder / "large.calib.npz", many, data)
    for runtime in ("embedded", "onnxruntime"):
        short, long = (min(of_batches(binary, folder / "large.onnx", data, batches, runtime) for _ in range(2))
                       for batches in (few, many))
        yield long <= 1.15 * short, (f"{runtime:12} {few} batches {short / 1024:.1f} MiB, "
                                    f"{many} batches {long / 1024:.1f} MiB")


def write_100_mb(folder):
    """Writes six products of 2048 x 2048, and data."""
    width, count = 2048, 6
    random = numpy.random.default_rng(0)
    nodes, weights = [], []
    for index in range(count):
        weight = random.standard_normal((width, width), dtype=numpy.float32) / numpy.float32(width**0.5)
        weights.append(numpy_helper.from_array(weight, f"weight_{index}"))
        before = f"x_{index}" if index else "x"
        nodes += [helper.make_node("MatMul", [before, f"weight_{index}"], [f"product_{index}"], name=f"product_{index}"),
                  helper.make_node("Relu", [f"product_{index}"], [f"x_{index + 1}"], name=f"relu_{index}")]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]) for name in ("x", f"x_{count}")]
    model = helper.make_model(helper.make_graph(nodes, "products", ends[:1], ends[1:], weights),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "inside.onnx")
    onnx.save(model, folder / "beside.onnx", save_as_external_data=True, location="beside.data")
    numpy.savez(folder / "data.npz", x=random.standard_normal((4, width), dtype=numpy.float32))


def check_copies(binary, made):
    """Measures conversions of a large model."""
    write_100_mb(made)
    size = (made / "inside.onnx").stat().st_size
    for form in ("inside", "beside"):
        for command in (["cast", "--fp16"], ["cast", "--fp16", "-d", made / "data.npz"],
                        ["quantize", "--fp16", "-d", made / "data.npz"]):
            name, *options = command
            found = 1024 * peak([binary, name, made / f"{form}.onnx", *options, "-o", made / "out.onnx", "--quiet"]) / size
            shown = " ".join([name, *(option for option in options if isinstance(option, str))])
            yield found <= MOST_COPIES, f"{shown:19} weights {form}: {found:.2f} times {size / 1e6:.0f} MB"


def main():
    """Measures everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", ROOT / "target/debug/qdq"))
    arguments = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        checks = (check_batches(arguments.qdq, arguments.folder, made), check_copies(arguments.qdq, made))
        for ok, text in itertools.chain(*checks):
            passed, failed = passed + ok, failed + (not ok)
            print(f"{'ok  ' if ok else 'FAIL'} {text}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
