#!/usr/bin/env python3
"""Measures and compares whole processes: calibrations of qdq, plain runs, the peers, and the tool's own files.

usage: run.py FOLDER --qdq BINARY --modelopt PYTHON [--pytorch-quantization FOLDER] [--model NAME...] [--threads N...] [--repeats N]

FOLDER comes from models.py and gets results.json. Every figure is the fastest of its repeats, which take turns. The peers run half as
often. A process gets as many processors as it has threads.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ("resnet50", "mobilenetv2", "vit_b16")
RUNTIMES = ("onnxruntime", "embedded")
RUNS = ("plain", "planned", "every")


def built(benchmark):
    """Returns the program of a benchmark, and compiles it if needed."""
    command = [os.environ.get("CARGO", "cargo"), "bench", "--quiet", "--bench", benchmark, "--no-run", "--message-format", "json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [json.loads(line) for line in said.splitlines()]
    return next(one["executable"] for one in found if one.get("executable") and one["target"]["name"] == benchmark)


def measure(command, threads, environment=None):
    """Returns the seconds in the last line that the process prints, and its peak of memory in MiB."""
    processors = set(sorted(os.sched_getaffinity(0))[:threads])
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})},
                               preexec_fn=lambda: os.sched_setaffinity(0, processors))
    said, wrong = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: {wrong[-2000:]}")
    return float(said.split("\n")[-2].split()[0]), usage.ru_maxrss / 1024


def whole(arguments, model, threads):
    """Returns every calibration of one model: its name, the fastest seconds and the peak of memory."""
    library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
    path, images = arguments.folder / f"{model}.onnx", arguments.folder / "images.npz"
    found = {}

    def note(name, figures):
        seconds, peak = found.get(name, (float("inf"), 0.0))
        found[name] = min(seconds, figures[0]), max(peak, figures[1])

    with tempfile.TemporaryDirectory() as scratch:
        peers = {"quantize_static": [sys.executable, HERE / "peer.py", "onnxruntime"],
                 "Model Optimizer": [arguments.modelopt, HERE / "peer.py", "modelopt"]}
        for repeat in range(arguments.repeats):
            for runtime in RUNTIMES:
                for run in RUNS:
                    command = [arguments.whole, run, runtime, threads, path, images]
                    note(f"{runtime} {run}", measure(command, threads, {"QDQ_ONNXRUNTIME": str(library)}))
            if repeat % 2 == 0:
                for name, command in peers.items():
                    note(name, measure([*command, path, images, pathlib.Path(scratch) / "out.onnx"], threads))
    for name, (seconds, peak) in found.items():
        print(f"{model:12} {threads} {name:20} {seconds:8.3f} s {peak:8.1f} MiB", flush=True)
    return found


def fastest(repeats, action):
    """Returns the seconds of the fastest of some runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def tool(arguments):
    """Returns the time that the tool needs for a model of 100 MB, the time to copy that model, and the time to start."""
    model = arguments.folder / "resnet50.onnx"
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        scratch = pathlib.Path(scratch)

        def qdq(*command):
            subprocess.run([arguments.qdq, *command], check=True, capture_output=True)

        def copy():
            shutil.copyfile(model, scratch / "copy.onnx")
            with open(scratch / "copy.onnx", "rb+") as file:
                os.fsync(file.fileno())

        ranges = scratch / "ranges.json"
        qdq("calibrate", model, "-d", arguments.folder / "images.npz", "--limit", "1", "--ranges", ranges)
        found = {"copy, synced": [], "apply": [], "start": []}
        for _ in range(2 * arguments.repeats):
            found["copy, synced"].append(fastest(1, copy))
            found["apply"].append(fastest(1, lambda: qdq("apply", model, "--ranges", ranges, "-o", scratch / "qdq.onnx")))
            found["start"].append(fastest(5, lambda: qdq("--version")))
    found = {name: min(times) for name, times in found.items()}
    for name, seconds in found.items():
        print(f"{name:20} {seconds * 1000:8.1f} ms", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", required=True, help="the tool, built with --release")
    parser.add_argument("--modelopt", required=True, help="a Python that has benches/peers/requirements.txt")
    parser.add_argument("--pytorch-quantization", type=pathlib.Path, help="its sources, for searches.py")
    parser.add_argument("--model", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=4)
    arguments = parser.parse_args()
    arguments.whole = built("whole")
    results = {"tool": tool(arguments), "whole": []}
    if arguments.pytorch_quantization:
        library = pathlib.Path(arguments.qdq).with_name("libqdq.so")
        command = [arguments.modelopt, HERE / "searches.py", arguments.pytorch_quantization, library]
        results["searches"] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for model in arguments.model:
        for threads in arguments.threads:
            found = whole(arguments, model, threads)
            results["whole"].append({"model": model, "threads": threads, "runs": found})
            (arguments.folder / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
