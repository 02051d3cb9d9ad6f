#!/usr/bin/env python3
"""Quantizes test models in every format and builds their engines with TensorRT-RTX on the CPU.

usage: formats.py FOLDER [--write | --check] [NAME...]

FOLDER comes from make_models.py. Each model is quantized by the tool with the rest in float16, compared with the float
model, and built for SM 8.9 and 12.0. Every convolution and product that the plan quantizes must run in its format, and
the engine of products alone must shrink as its weights do, and run each product of int8 weights as one kernel. What the
tool writes passes onnx.checker, and ONNX Runtime computes from the form with a float32 rest as the embedded runtime does. --write writes the table into FORMATS.md, --check compares
what the table says of kernels; accuracy may differ by half a decibel.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))

import engine_types  # noqa: E402
import evaluate  # noqa: E402
import rtx  # noqa: E402
from builder import Builder  # noqa: E402

QDQ = ROOT / "target/debug/qdq"
TABLE = ROOT / "tests/trt_rtx/FORMATS.md"
FORMATS = ("float16", "int8", "fp8", "int8-weights", "int4-weights")
MODELS = ("transformer", "transformer_256", "vision_transformer", "digits", "products")
# The formats that both libraries build: 8-bit floats from SM 8.9 on.
TARGETS = (89, 120)
# The least SQNR in dB of any model.
LEAST = {"float16": 55, "int8": 29, "fp8": 19, "int8-weights": 34, "int4-weights": 12}
# The largest difference in dB between the two runtimes.
APART = 0.5
# The largest size of the engine of products alone, against that in float16.
LARGEST = {"int8": 0.6, "fp8": 0.6, "int8-weights": 0.6, "int4-weights": 0.35}
TITLE = """# Formats in TensorRT-RTX

Made by `formats.py --write`: TensorRT-RTX 1.7 on a CPU, for SM 8.9, with the rest of each model in float16
(`--fp16 --target rtx`). "Runs as" counts the convolutions and products by what their kernels read; the kernels for SM 12.0
are the same. A product whose weight has a format of weights and that runs as float16 has its weight dequantized by a kernel
before it, as where TensorRT-RTX joins a product with a residual Add. SQNR is that of the whole model against float32, the
lowest of its outputs, on data that calibration has not seen.

| model | format | runs as | engine, KiB | SQNR, dB |
|---|---|---|---:|---:|
"""


def products_alone(folder):
    """Makes a model of eight large products, whose engine is mostly weights."""
    b = Builder("products")
    x = b.input("x", [1, 64, 1024])
    for _ in range(8):
        x = b.node("Relu", [b.node("MatMul", [x, b.constant("weight", b.normal(1024, 1024, fan=1024))])])
    b.output(x, [1, 64, 1024])
    onnx.save(b.model(), folder / "products.onnx")
    for kind, count in (("calib", 2), ("test", 1)):
        numpy.savez(folder / f"products.{kind}.npz", x=b.random.normal(size=(count, 64, 1024)).astype(numpy.float32))


def files(name, folder, scratch):
    """Returns the paths of a model, of its calibration data and of its test data."""
    if name == "digits":
        digits = ROOT / "tests/data/digits"
        return digits / "model.onnx", digits / "calib.npz", digits / "test.npz"
    place = scratch if name == "products" else folder
    return place / f"{name}.onnx", place / f"{name}.calib.npz", place / f"{name}.test.npz"


def qdq(*arguments):
    """Runs the tool and returns its JSON."""
    run = subprocess.run([QDQ, *map(str, arguments), "--json", "-q"], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"qdq {' '.join(map(str, arguments))}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def computed(model):
    """Lists the convolutions and products of a model."""
    nodes = onnx.load(model, load_external_data=False).graph.node
    return [node.name for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]


def kind(operations):
    """Says what the kernel of a convolution or product reads."""
    read = [set(operation.inputs) for operation in operations]
    if any(operation.inputs.count("fp8_e4m3") >= 2 for operation in operations):
        return "fp8"
    if any(operation.is_int8 for operation in operations):
        return "int8"
    if any("int4" in types for types in read):
        return "int4-weights"
    return "int8-weights" if any("int8" in types for types in read) else "float16"


def built(model, float_model, sm):
    """Builds an engine. Returns its bytes, and the operations of each convolution and product."""
    with tempfile.NamedTemporaryFile() as file:
        problem = rtx.build_to(model, file.name, sm=sm)
        if problem:
            raise RuntimeError(f"{model.name} for SM {sm}: {problem}")
        engine = pathlib.Path(file.name).read_bytes()
    found = rtx.Engine(True, "", engine_types.operations(engine))
    operations = {name: of_node for name in computed(float_model) if (of_node := found.of_node(name))}
    return len(engine), operations


def is_fused(operations):
    """Whether a product of int8 weights is one kernel with its Dequantize, with float16 in and out. Another kernel may
    add up the parts of the sum."""
    reads_weights = [operation for operation in operations if "int8" in operation.inputs]
    return len(reads_weights) == 1 and "half" in reads_weights[0].inputs and all(
        operation.outputs == ["half"] for operation in operations) and any(
        layer.endswith("DequantizeLinear") for layer in reads_weights[0].layers)


def lowest_sqnr(model, output, test):
    """Returns the lowest SQNR of the outputs in the embedded runtime."""
    outputs = qdq("compare", model, output, "-d", test)["outputs"]
    return min(found["sqnr_db"] for found in outputs if found.get("sqnr_db") is not None)


def problems_of_file(name, form, folder, scratch):
    """Checks the form with a float32 rest: by onnx.checker, and by what ONNX Runtime computes from it."""
    model, calibration, test = files(name, folder, scratch)
    output = scratch / f"{name}.{form}.float32.onnx"
    qdq("quantize", model, "-o", output, "-d", calibration, "--format", form)
    onnx.checker.check_model(str(output), full_check=True)
    data = dict(numpy.load(test))
    first = onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape.dim[0]
    batch = first.dim_value or 1
    expected, found = (evaluate.run(path, data, batch) for path in (model, output))
    theirs = min(evaluate.sqnr(expected[key], found[key]) for key in expected)
    ours = lowest_sqnr(model, output, test)
    return [f"ONNX Runtime: {theirs:.2f} dB, embedded: {ours:.2f} dB"] if abs(theirs - ours) > APART else []


def measured(name, form, folder, scratch):
    """Quantizes, compares and builds one model in one format. Returns a row of the table and the problems."""
    model, calibration, test = files(name, folder, scratch)
    output = scratch / f"{name}.{form}.onnx"
    options = ["--fp16", "-o", output, "-d", calibration]
    planned = {}
    if form == "float16":
        qdq("cast", model, *options)
    else:
        qdq("quantize", model, *options, "--target", "rtx", "--format", form)
        inspected = qdq("inspect", model, "--target", "rtx", "--format", form)
        planned = {node["name"]: node["verdict"] for node in inspected["nodes"]}
    onnx.checker.check_model(str(output), full_check=True)
    sqnr = lowest_sqnr(model, output, test)
    kinds_of = lambda operations: {node: kind(of_node) for node, of_node in operations.items()}
    size, operations = built(output, model, TARGETS[0])
    kinds = kinds_of(operations)
    others = [kinds_of(built(output, model, sm)[1]) for sm in TARGETS[1:]]
    problems = [f"SM {sm} runs other kernels" for sm, other in zip(TARGETS[1:], others) if other != kinds]
    problems += problems_of_file(name, form, folder, scratch) if form != "float16" else []
    problems += [f"{sqnr:.1f} dB instead of {LEAST[form]}"] if sqnr < LEAST[form] else []
    problems += [f"{node} is planned, and no kernel has its name" for node, found in planned.items()
                 if found == form and node not in kinds and node in computed(model)]
    if name == "products" and form == "int8-weights":
        problems += [f"{node} is not one kernel from half to half" for node, of_node in operations.items()
                     if not is_fused(of_node)]
    # TensorRT-RTX dequantizes some weights in a kernel of their own, so only the table says how many.
    problems += [f"{node} runs as {found}, not in {planned[node]}" for node, found in kinds.items()
                 if planned.get(node) == form != found and not form.endswith("weights")]
    counts = collections.Counter(kinds.values())
    shown = ", ".join(f"{counts[one]} {one}" for one in FORMATS if counts[one])
    return (name, form, shown, size, sqnr), problems


def shown(row):
    name, form, kinds, size, sqnr = row
    return f"| {name} | {form} | {kinds} | {size // 1024} | {sqnr:.1f} |"


def differs(row, written):
    """Says how a row differs from the written table."""
    mine = [cell.strip() for cell in shown(row).split("|")]
    theirs = next((line for line in written if line[1:3] == mine[1:3]), None)
    if theirs is None:
        return ["FORMATS.md has no such row"]
    return [f"FORMATS.md says {before}, found {now}" for before, now, slack in
            ((theirs[3], mine[3], 0), (theirs[5], mine[5], 0.5))
            if (before != now if not slack else abs(float(before) - float(now)) > slack)]


def main(arguments):
    folder = pathlib.Path(arguments[0]).resolve()
    options, chosen = [[a for a in arguments[1:] if a.startswith("--") == is_option] for is_option in (True, False)]
    rtx.prepare()
    written = [[cell.strip() for cell in line.split("|")] for line in
               (TABLE.read_text().splitlines() if "--check" in options else [])]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        products_alone(scratch)
        jobs = [(name, form) for name in MODELS if not chosen or name in chosen for form in FORMATS]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda job: measured(*job, folder, scratch), jobs))
    sizes = {(row[0], row[1]): row[3] for row, _ in results}
    failed, lines = 0, []
    for row, problems in results:
        if row[0] == "products" and row[1] in LARGEST:
            share = row[3] / sizes["products", "float16"]
            problems += [f"the engine has {share:.2f} of the size in float16"] if share > LARGEST[row[1]] else []
        if "--check" in options:
            problems += differs(row, written)
        failed += bool(problems)
        lines.append(shown(row))
        print(f"{'FAILED' if problems else 'ok':7} {shown(row)}", *problems, sep="\n        ")
    if "--write" in options and not chosen:
        TABLE.write_text(TITLE + "\n".join(lines) + "\n")
    print(f"{len(results) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
