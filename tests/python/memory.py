#!/usr/bin/env python3
"""Calibrates the largest test model with 8 and with 80 batches and holds the peaks of memory against each other.

usage: memory.py FOLDER [--qdq BINARY]

FOLDER comes from make_models.py. The peaks must be within 5% of each other on both engines: nothing may be kept from
batch to batch. The last line is `N passed, N failed`.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]


def peak(binary, folder, batches, engine):
    """The largest resident set in KiB of a calibration with so many batches of one sample."""
    library = next(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "calibrate", folder / "large.onnx", "-d", folder / "large.calib.npz", "--limit",
                   str(batches), "--batch-size", "1", "--threads", "1", "--runtime", engine, "--onnxruntime", library,
                   "--stats", pathlib.Path(out) / "stats", "--quiet"]
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"qdq exited with {process.returncode}")
    return usage.ru_maxrss


def main():
    """Measures each engine; the smaller of two runs counts, because allocators differ from run to run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", ROOT / "target/debug/qdq"))
    arguments = parser.parse_args()
    failed = 0
    engines = ("embedded", "onnxruntime")
    for engine in engines:
        few, many = (min(peak(arguments.qdq, arguments.folder, batches, engine) for _ in range(2))
                     for batches in (8, 80))
        ok = abs(many - few) <= 0.05 * few
        failed += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {engine:12} 8 batches {few / 1024:.1f} MiB, 80 batches {many / 1024:.1f} MiB")
    print(f"{len(engines) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
