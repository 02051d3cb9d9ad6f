"""Models that are hard to convert to half precision: half_cases.py make FOLDER

Writes NAME.onnx and its feeds NAME.npz, each array with its runs in front, and manifest.json: for every case the
options of the tool, the least SQNR, and the names of nodes by their precision. half_cases.py check FOLDER compares
NAME.cast.onnx with NAME.onnx, and NAME.again.onnx, a second cast, with the first, and prints a line of JSON each.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx

import half_build
import half_judge as judge

# The files that register cases.
FILES = [path.stem for path in sorted(Path(__file__).parent.glob("half_*.py")) if "from half_build import" in path.read_text()]
for file in FILES:
    importlib.import_module(file)


def make(folder):
    manifest = []
    for name, (build, expected) in half_build.CASES.items():
        half_build.RANDOM = np.random.default_rng(sum(name.encode()))
        half_build.save(folder, build)
        manifest.append({"name": name, **expected})
    (folder / "manifest.json").write_text(json.dumps(manifest))


def problems(folder, wanted):
    """Lists the problems of one case, except for its SQNR."""
    path = folder / f"{wanted['name']}.cast.onnx"
    source, cast = onnx.load(folder / f"{wanted['name']}.onnx"), onnx.load(path)
    yield from judge.kept(source, cast, "--half-io" in wanted["options"])
    try:
        onnx.checker.check_model(path, full_check=wanted.get("inferred", True))
        if not wanted.get("inferred", True):
            return
        yield from judge.waste(source, cast)
        computed = judge.computes(cast)
    except Exception as error:  # noqa: BLE001 (any of ONNX's errors is a finding)
        yield f"the checker refuses it: {str(error).strip().splitlines()[-1]}"
        return
    for kind, is_half in [("float32", False), ("half", True)]:
        for name in wanted[kind]:
            found = computed.get(name)
            if found is None:
                yield f"'{name}' is gone"
            elif bool(found & judge.HALF) != is_half:
                yield f"'{name}' is not in {kind}"
    reads = judge.reads_int8(cast)
    for kind, share in [("int8", "all"), ("plain", "none")]:
        others = [name for name in wanted.get(kind, []) if reads.get(name) != share]
        yield from (f"'{name}' reads INT8 in {reads.get(name)}" for name in others)
    count = sum(len(judge.casts(graph)) for graph, _ in judge.scopes(cast.graph))
    if count != wanted.get("casts", count):
        yield f"{count} Casts instead of {wanted['casts']}"
    again = folder / f"{wanted['name']}.again.onnx"
    if again.exists() and again.read_bytes() != path.read_bytes():
        yield "a second cast changes it"


def measured(folder, wanted):
    """Returns the SQNR of the cast model; None without data."""
    if not wanted.get("data", True):
        return None
    arrays = dict(np.load(folder / f"{wanted['name']}.npz"))
    feeds = [{name: array[run] for name, array in arrays.items()} for run in range(len(next(iter(arrays.values()))))]
    models = [onnx.load(folder / f"{wanted['name']}{ending}.onnx") for ending in ["", ".cast"]]
    return judge.sqnr(*(judge.run(model, feeds) for model in models))


def check(folder):
    for wanted in json.loads((folder / "manifest.json").read_text()):
        if not (folder / f"{wanted['name']}.cast.onnx").exists():
            continue
        found, decibels = list(problems(folder, wanted)), None
        try:
            decibels = measured(folder, wanted)
        except Exception as error:  # noqa: BLE001
            found.append(f"it does not run: {str(error).strip().splitlines()[-1][:300]}")
        if decibels is not None and not decibels >= wanted["least"]:
            found.append(f"{decibels:.1f} dB instead of {wanted['least']}")
        # A known limit does not excuse any loss.
        if decibels is not None and not decibels >= wanted.get("floor", -np.inf):
            found.append(f"{decibels:.1f} dB, below the floor of {wanted['floor']}")
        for limit in wanted["limits"]:
            others = [problem for problem in found if limit not in problem]
            found = others if len(others) < len(found) else [*found, f"the limit '{limit}' does not show"]
        decibels = None if decibels is None else str(decibels) if np.isinf(decibels) else round(decibels, 1)
        print(json.dumps({"name": wanted["name"], "sqnr": decibels, "problems": found}))


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
