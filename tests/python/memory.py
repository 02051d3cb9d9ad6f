#!/usr/bin/env python3
"""Calibrates the largest test model with 40 and with 400 batches and holds the peaks of memory against each other.

usage: memory.py FOLDER [--qdq BINARY]

FOLDER comes from make_models.py. The longer run's peak may be 10% above the shorter one's on both runtimes: nothing
may be kept from batch to batch. One batch of input alone, the least that could be kept, would add 17 MiB to about 60
or 105. A batch is inferred while the previous one is observed, so peaks differ by 5 MiB between runs, for any number
of batches. The last line is `N passed, N failed`.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]


def peak(binary, model, data, batches, runtime):
    """Returns the largest resident set in KiB of a calibration with that many batches of one sample."""
    library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "calibrate", model, "-d", data, "--limit", str(batches), "--batch-size", "1", "--threads",
                   "1", "--runtime", runtime, "--stats", pathlib.Path(out) / "stats", "--quiet"]
        command += ["--onnxruntime", library] if runtime == "onnxruntime" else []
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"qdq exited with {process.returncode}")
    return usage.ru_maxrss


def main():
    """Measures each runtime. The smaller of two runs counts, because allocators differ between runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", ROOT / "target/debug/qdq"))
    arguments = parser.parse_args()
    failed = 0
    runtimes = ("embedded", "onnxruntime")
    few, many = 40, 400
    with tempfile.TemporaryDirectory() as made:
        data = pathlib.Path(made) / "data.npz"
        samples = numpy.load(arguments.folder / "large.calib.npz")
        numpy.savez(data, **{name: numpy.resize(values, (many, *values.shape[1:])) for name, values in samples.items()})
        for runtime in runtimes:
            short, long = (min(peak(arguments.qdq, arguments.folder / "large.onnx", data, batches, runtime)
                               for _ in range(2)) for batches in (few, many))
            ok = long <= 1.1 * short
            failed += not ok
            print(f"{'ok  ' if ok else 'FAIL'} {runtime:12} {few} batches {short / 1024:.1f} MiB, "
                  f"{many} batches {long / 1024:.1f} MiB")
    print(f"{len(runtimes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
