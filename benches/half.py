#!/usr/bin/env python3
"""Measures what a calibration costs more if it also observes what a plan for half precision needs.

usage: half.py FOLDER [--repeats N] [--model MODEL DATA]...

FOLDER comes from tests/python/make_models.py. A calibration (`whole planned`) and one that observes more (`whole half`) of the same
model run in turn, on one thread of the embedded runtime. The ratio is that of the medians; the target is 1.1.
"""
import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))

from run import built, measure  # noqa: E402

TARGET = 1.1


def main():
    """Prints a line for each model, as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--model", nargs=2, action="append", default=[], metavar=("MODEL", "DATA"))
    arguments = parser.parse_args()
    whole = built("whole")
    entries = json.loads((arguments.folder / "manifest.json").read_text())
    models = [(entry["name"], arguments.folder / entry["model"], arguments.folder / entry["calibration"])
              for entry in entries if entry["embedded"]]
    models += [(pathlib.Path(model).parent.name, model, data) for model, data in arguments.model]
    print("| model | calibration | with half precision | ratio |\n|---|---|---|---|")
    for name, model, data in models:
        seconds = {"planned": [], "half": []}
        for _ in range(arguments.repeats):
            for run, found in seconds.items():
                found.append(measure([whole, run, "embedded", 1, model, data], 1)[0])
        plain, half = (statistics.median(found) for found in seconds.values())
        missed = "" if half <= TARGET * plain else " (missed)"
        print(f"| {name} | {plain * 1e3:.1f} ms | {half * 1e3:.1f} ms | {half / plain:.2f}{missed} |", flush=True)


if __name__ == "__main__":
    main()
