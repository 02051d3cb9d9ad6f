#!/usr/bin/env python3
"""Quantizes models that people ship, from files, in both runtimes by default settings, and prints SQNR and time of each.

usage: real_models.py [--real FOLDER] [--light FOLDER] [--qdq BINARY]

FOLDER of --real holds a folder per model with model.onnx, calib.npz or calib/, and test.npz or test/; REAL below names them.
FOLDER of --light holds light_*.onnx of the onnx package, by default those of this Python: their weights are generated, and
random ones of usual size take their place here. Every convolution and product has to be INT8, and the SQNR of real models
not below FLOOR. The last line is `N passed, N failed`.
"""
import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnx.numpy_helper
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
RUNTIMES = ("embedded", "onnxruntime")
# SQNR of the worst output in dB, 1 dB below the measured one. INT8 ruins ppv5_det because of one convolution.
# One sample at the border between two directions decides the figure of ppv5_cls.
FLOOR = {"centerface": 13.4, "plcmos": 38.0, "ppv5_cls": 25.7, "ppv5_det": -3.3, "silero_half": 12.8}


def run(binary, *arguments, runtime):
    """Returns the JSON that the tool prints."""
    command = [binary, *arguments, "--runtime", runtime, "--json"]
    command += ["--onnxruntime", LIBRARY] if runtime == "onnxruntime" else []
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"qdq {arguments[0]} exited with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def quantized(binary, model, data, out, runtime):
    """Whether all convolutions and products became INT8, and the text to print about it."""
    begin = time.monotonic()
    nodes = run(binary, "quantize", model, "-d", data, "-o", out, runtime=runtime)["nodes"]
    seconds = time.monotonic() - begin
    return nodes["weighted_int8"] == nodes["weighted"] > 0, \
        f"{nodes['weighted_int8']:3} of {nodes['weighted']:3} INT8 {seconds:6.1f} s"


def real(binary, folder, runtime, made):
    """Quantizes one real model and measures it on its test data."""
    data = {name: next(folder.glob(f"{name}*")) for name in ("calib", "test")}
    out = made / "out.onnx"
    ok, text = quantized(binary, folder / "model.onnx", data["calib"], out, runtime)
    outputs = run(binary, "compare", folder / "model.onnx", out, "-d", data["test"], runtime=runtime)["outputs"]
    figures = [output["sqnr_db"] for output in outputs]
    return ok and min(figures) >= FLOOR[folder.name], f"{text}  SQNR {' / '.join(f'{it:.1f}' for it in figures)} dB"


def with_weights(source, made):
    """Returns the model with stored random weights instead of the generated ones, and two samples."""
    model = onnx.load(source)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    random = numpy.random.default_rng(0)
    for node in [node for node in model.graph.node if node.op_type == "ConstantOfShape"]:
        shape = onnx.numpy_helper.to_array(stored[node.input[0]])
        value = onnx.numpy_helper.to_array(node.attribute[0].t)
        if value.dtype == numpy.float32:
            fan_in = max(1, int(numpy.prod(shape[1:])))
            # Weights of one axis are biases and normalization parameters, including variances: small and
            # positive.
            values = random.uniform(0.1, 1, shape) if len(shape) == 1 else random.normal(0, (2 / fan_in) ** 0.5, shape)
            model.graph.initializer.append(onnx.numpy_helper.from_array(values.astype(value.dtype), node.output[0]))
            model.graph.node.remove(node)
    path, data = made / "model.onnx", made / "data.npz"
    onnx.save(model, path)
    feeds = [it for it in model.graph.input if it.name not in stored]
    shapes = {it.name: [dim.dim_value for dim in it.type.tensor_type.shape.dim] for it in feeds}
    numpy.savez(data, **{name: random.normal(0, 1, (2, *shape[1:])).astype("float32") for name, shape in shapes.items()})
    return path, data


def main():
    """Prints a line for each model and runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=pathlib.Path)
    parser.add_argument("--light", type=pathlib.Path, default=pathlib.Path(onnx.__file__).parent / "backend/test/data/light")
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", ROOT / "target/debug/qdq"))
    arguments = parser.parse_args()
    results = []

    def report(name, runtime, measure):
        try:
            ok, text = measure()
        except (RuntimeError, StopIteration) as error:
            ok, text = False, str(error)
        results.append(ok)
        print(f"{'ok  ' if ok else 'FAIL'} {name:20} {runtime:12} {text}", flush=True)

    with tempfile.TemporaryDirectory() as made:
        made = pathlib.Path(made)
        if arguments.real is None or not arguments.real.is_dir():
            print("skipped: the real models, since --real names no folder of them")
        else:
            for name, runtime in itertools.product(FLOOR, RUNTIMES):
                report(name, runtime, lambda: real(arguments.qdq, arguments.real / name, runtime, made))
        for source in sorted(arguments.light.glob("light_*.onnx")):
            model, data = with_weights(source, made)
            for runtime in RUNTIMES:
                report(source.stem, runtime, lambda: quantized(arguments.qdq, model, data, made / "out.onnx", runtime))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
