#!/usr/bin/env python3
"""Measures what the rest in half precision costs the test models on average, over other weights and data.

usage: half_seeds.py FOLDER [--qdq BINARY] [--models NAME,...] [--seeds N]

FOLDER comes from make_models.py. Rounding the steps to 16 bits moves 0.5% of a weight's integers, so that the SQNR of one
model changes by chance. The mean over some seeds shows what the precision itself costs: it may be LOST_DB of half_precision.py,
and three times its own standard error. The last line is `N passed, N failed`.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

import numpy
import onnx

import evaluate
import rounded
from builder import Builder
from half_precision import HALF_ALREADY, LOST_DB, ROOT, tool
from models import MODELS, convolutional, forms, sequence  # noqa: F401  (registers the models)

# Models that take minutes a seed.
SLOW = ("cnn_128", "large", "transformer_256", "transformer_1024", "external_data")


def lost(binary, entry, seed):
    """Returns the dB that the rest in half precision costs a model with the weights and data of a seed."""
    Builder.seed = seed
    made = MODELS[entry["name"]]()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        onnx.save(made.onnx, scratch / "model.onnx")
        numpy.savez(scratch / "data.npz", **made.calibration)
        options = ["-d", scratch / "data.npz", "--runtime", "embedded" if made.embedded else "onnxruntime"]
        options += ["--target", "rtx"] if made.rtx else []
        wanted, found = evaluate.run(scratch / "model.onnx", made.test, entry["batch"]), []
        for more in ([], ["--fp16"]):
            tool(binary, "quantize", scratch / "model.onnx", *more, *options, "-o", scratch / "out.onnx")
            outputs = rounded.run(scratch / "out.onnx", made.test, entry["batch"])
            found.append(evaluate.compare(wanted, outputs)["sqnr"])
    return found[0] - found[1]


def main():
    """Prints a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", str(ROOT / "target/debug/qdq")))
    parser.add_argument("--models", default="")
    parser.add_argument("--seeds", type=int, default=16)
    arguments = parser.parse_args()
    chosen = set(filter(None, arguments.models.split(",")))
    entries = json.loads((arguments.folder / "manifest.json").read_text())
    passed = failed = 0
    for entry in entries:
        name = entry["name"]
        if name in HALF_ALREADY or (name not in chosen if chosen else name in SLOW):
            continue
        costs = [lost(arguments.qdq, entry, seed) for seed in range(1, arguments.seeds + 1)]
        mean, spread = numpy.mean(costs), numpy.std(costs, ddof=1)
        error = spread / len(costs) ** 0.5
        ok = mean <= LOST_DB + 3 * error
        passed, failed = passed + ok, failed + (not ok)
        print(f"{'ok  ' if ok else 'FAIL'} {name:20} {mean:5.2f} dB, standard error {error:.2f}, one draw {spread:.2f}",
              flush=True)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
