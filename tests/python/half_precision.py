#!/usr/bin/env python3
"""Writes the test models in half precision, with and without Q/DQ, and judges them.

usage: half_precision.py FOLDER [--qdq BINARY] [--models NAME,...]

FOLDER comes from make_models.py. Every model has four forms: float32, half precision, Q/DQ with the rest in float32,
and Q/DQ with the rest in half precision. For each model: onnx.checker takes all forms with shape inference; half
precision alone has an SQNR of 50 dB; the rest in half precision costs at most 0.3 dB of the SQNR that Q/DQ has, but
for the models in LOSES_MORE, and at most 0.3 dB on average over all models; what NVIDIA's Model Optimizer reaches is
reached (PEER); a second cast changes nothing; TensorRT-RTX builds all forms, and in half precision no float32 tensor
of 1 KiB or more moves that no rule names. Every 16-bit tensor is really rounded: see rounded.py.
The last line is `N passed, N failed`.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx

import evaluate
import half_judge
import rounded
import rtx
from compare_with_peer import onnxruntime_library

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEAST_DB = 50
# What the rest in half precision may cost, for each model and on average.
LOST_DB = 0.3
# Models that may lose more, with the most. The steps are rounded to 16 bits, and 0.5% of the integers fall to the other
# side. Over other weights and data (half_seeds.py) all but `large`, which takes too long, lose nothing beyond the error
# of the mean, 0.1 to 0.2 dB; one draw differs by 0.4 to 0.8.
LOSES_MORE = {"mobilenet": 0.8, "detector": 0.5, "large": 0.5, "opset9_bn": 1.0, "gemm_variants": 0.7, "transformer": 0.9}
# The least SQNR in dB and the most KiB: those of Model Optimizer 0.47 with its float16 rest.
PEER = {"transformer_256": (25.1, 8_713), "transformer_1024": (32.2, 38_921), "cnn_128": (19.4, 76_096)}
SM = 89
SMALL = 1024
# The most that an engine with half precision may move of what it moves with the rest in float32.
MOST_SHARE = {"transformer_256": 0.70, "transformer_1024": 0.45, "cnn_128": 0.68}
# What a second cast of a model says.
NOTHING_LEFT = "nothing is left to convert"


def tool(binary, *arguments):
    """Runs the tool. Returns its JSON, or raises its message."""
    run = subprocess.run([binary, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=300,
                         env={**os.environ, "QDQ_ONNXRUNTIME": str(onnxruntime_library())})
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    return json.loads(run.stdout)


def write_forms(binary, folder, entry, out):
    """Writes the forms. Returns their paths by name, and the tool's results."""
    model, data = folder / entry["model"], folder / entry["calibration"]
    target = ["--target", "rtx"] if entry["rtx"] else []
    runtime = ["--runtime", "embedded" if entry["embedded"] else "onnxruntime"]
    forms = {name: out / f"{name}.onnx" for name in ("half", "qdq", "qdq_half")}
    results = {
        "half": tool(binary, "cast", model, "--fp16", "-d", data, "-o", forms["half"], *runtime),
        "qdq": tool(binary, "quantize", model, "-d", data, "-o", forms["qdq"], *runtime, *target),
        "qdq_half": tool(binary, "quantize", model, "--fp16", "-d", data, "-o", forms["qdq_half"], *runtime, *target),
    }
    return forms, results


def sqnrs(folder, entry, forms):
    """Returns the mean SQNR of the outputs of each form."""
    with numpy.load(folder / entry["test"]) as file:
        data = dict(file)
    wanted = evaluate.run(folder / entry["model"], data, entry["batch"])
    found = {name: rounded.run(path, data, entry["batch"]) for name, path in forms.items()}
    return {name: evaluate.compare(wanted, outputs)["sqnr"] for name, outputs in found.items()}


def check_accuracy(name, found):
    problems = []
    if not found["half"] >= LEAST_DB:
        problems.append(f"half precision has an SQNR of {found['half']:.1f} dB, less than {LEAST_DB}")
    least, _ = PEER.get(name, (0, 0))
    if not found["qdq_half"] >= least:
        problems.append(f"the rest in half precision leaves {found['qdq_half']:.1f} dB, less than {least}")
    if not lost(found) <= LOSES_MORE.get(name, LOST_DB):
        problems.append(f"the rest in half precision costs {lost(found):.2f} dB of {found['qdq']:.2f}")
    return problems


def lost(found):
    return found["qdq"] - found["qdq_half"]


def float32_layers(path, judged):
    """Returns the nodes of a written model that compute in float32, those of them that a rule names, and whether the model
    has subgraphs. A rule names a node that stays in float32, a Cast beside one or at a border of the model, and what is
    inside a subgraph that is not judged, whose types stay."""
    model = onnx.load(path)
    scopes = [graph for graph, _ in half_judge.scopes(model.graph)]
    wide = {name for name, kinds in half_judge.computes(model).items() if onnx.TensorProto.FLOAT in kinds}
    stay = [node for node in model.graph.node if judged.get(node.name) == "f32" or half_judge.inner(node)]
    tensors = {name for node in stay for name in (*node.input, *node.output)}
    tensors |= {value.name for value in (*model.graph.input, *model.graph.output)}
    tensors |= {name for graph in scopes[1:] for node in graph.node for name in node.input}
    named = {node.name for node in stay}
    named |= {node.name for graph in scopes[1:] for node in graph.node if node.name not in judged}
    named |= {node.name for node in half_judge.casts(model.graph) if tensors & {*node.input, *node.output}}
    return wide, named, len(scopes) > 1


def unnamed(found, precision, path):
    """Lists the kernels that write a float32 tensor of 1 KiB or more that no rule names: every float32 layer of such a
    kernel must be named. TensorRT gives the choice of an If's result no name."""
    judged = {node["name"]: node["type"] for node in precision["nodes"]}
    wide, named, has_subgraphs = float32_layers(path, judged)
    problems = []
    for kernel in found["kernels"]:
        if not any(one["type"] == "f32" and one["bytes"] >= SMALL for one in kernel["writes"]):
            continue
        layers = [layer.split(" | ")[0] for layer in kernel["layers"]]
        float32 = [name for name in layers if name in wide]
        others = [name for name in float32 if name not in named]
        if others or not float32 and (layers or not has_subgraphs):
            problems.append(f"{kernel['name']} writes float32, and no rule names {others or layers}")
    return problems


def check_again(binary, folder, entry, forms):
    """Checks that casting the results again, by the same data, changes nothing."""
    problems, data = [], ["-d", folder / entry["calibration"], "--runtime", "onnxruntime"]
    for name in ("half", "qdq_half"):
        again = forms[name].with_suffix(".again.onnx")
        try:
            tool(binary, "cast", forms[name], "--fp16", *data, "-o", again)
        except RuntimeError as error:
            if NOTHING_LEFT not in str(error):
                problems.append(f"{name}: a second cast fails: {error}")
            continue
        if again.read_bytes() != forms[name].read_bytes():
            problems.append(f"{name}: a second cast changes the model")
    return problems


def check_engines(binary, folder, entry, forms, results):
    """Checks that TensorRT-RTX builds every form, and what the engines move. Returns the KiB of each form, and the
    problems."""
    if not entry["rtx"]:
        return {}, []
    models = {"float32": folder / entry["model"], **forms}
    moved, problems = {}, []
    for name, path in models.items():
        engine = path.parent / f"{name}.engine" if name != "float32" else forms["half"].parent / "float32.engine"
        built = rtx.build_to(path, engine, sm=SM)
        if built:
            problems.append(f"TensorRT-RTX refuses {name}: {built}")
            continue
        found = tool(binary, "cost", engine)
        moved[name] = found["bytes"] / 1024
        if name in ("half", "qdq_half"):
            precision = results[name].get("precision", results[name])
            problems += [f"{name}: {problem}" for problem in unnamed(found, precision, path)]
    share = moved.get("qdq_half", 0) / moved["qdq"] if moved.get("qdq") else 0
    if share > MOST_SHARE.get(entry["name"], 1.0):
        problems.append(f"with half precision the engine moves {share:.2f} of what it moves without")
    _, most = PEER.get(entry["name"], (0, float("inf")))
    if not moved.get("qdq_half", 0) <= most:
        problems.append(f"with half precision the engine moves {moved['qdq_half']:.0f} KiB, more than {most}")
    return moved, problems


def judge(binary, folder, entry):
    """Runs one model. Returns the figures to print, the list of problems, and what half precision costs in dB."""
    if entry["name"] in HALF_ALREADY:
        return judge_half(binary, folder, entry)
    with tempfile.TemporaryDirectory() as scratch:
        forms, results = write_forms(binary, folder, entry, pathlib.Path(scratch))
        for path in forms.values():
            onnx.checker.check_model(str(path), full_check=True)
        found = sqnrs(folder, entry, forms)
        problems = check_accuracy(entry["name"], found) + check_again(binary, folder, entry, forms)
        moved, refused = check_engines(binary, folder, entry, forms, results)
        problems += refused
    counts = results["qdq_half"]["precision"]
    figures = (f"half {found['half']:6.2f} dB, Q/DQ {found['qdq']:6.2f}, with half {found['qdq_half']:6.2f}; "
               f"{counts['int8_nodes']} nodes in INT8, {counts['half_nodes']} in f16, {counts['float32_nodes']} in f32; "
               + ", ".join(f"{kib:.0f}" for kib in moved.values()) + " KiB")
    return figures, problems, lost(found)


# Models that are in half precision as they come.
HALF_ALREADY = ("float16",)


def judge_half(binary, folder, entry):
    """Checks that the tool says that there is nothing to do."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            tool(binary, "cast", folder / entry["model"], "--fp16", "-o", pathlib.Path(scratch) / "half.onnx")
    except RuntimeError as error:
        return "half already", [] if NOTHING_LEFT in str(error) else [str(error)], None
    return "", ["a cast of a model in half precision finds something to do"], None


def attempt(*arguments):
    """Calls `judge` and converts an exception to one more problem."""
    try:
        return judge(*arguments)
    except Exception as error:  # one broken model must not hide the others
        return "", [f"{type(error).__name__}: {error}"], None


def main(arguments):
    """Runs every model. The status is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--qdq", default=os.environ.get("QDQ_BIN", str(ROOT / "target/debug/qdq")))
    parser.add_argument("--models", default="")
    options = parser.parse_args(arguments)
    chosen = set(filter(None, options.models.split(",")))
    entries = json.loads((options.folder / "manifest.json").read_text())
    entries = [entry for entry in entries if not chosen or entry["name"] in chosen]
    rtx.prepare()
    failed, all_lost = 0, []
    work = functools.partial(attempt, options.qdq, options.folder)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for entry, (figures, problems, cost) in zip(entries, pool.map(work, entries)):
            failed += bool(problems)
            all_lost += [] if cost is None else [cost]
            print(f"{'FAIL' if problems else 'ok  '} {entry['name']:20} {figures}", flush=True)
            for problem in problems:
                print(f"       {problem}", flush=True)
    mean = numpy.mean(all_lost) if all_lost else 0
    print(f"the rest in half precision costs {mean:.2f} dB on average")
    if not mean <= LOST_DB:
        failed += 1
        print(f"FAIL more than {LOST_DB} dB")
    print(f"{len(entries) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
