#!/usr/bin/env python3
"""Measures which forms of Q/DQ TensorRT-RTX really runs in INT8: builds one small model per form and prints a table.

usage: findings.py [--write | --check]

--write writes the table into FINDINGS.md, --check fails if it differs from the existing one. The last line of FINDINGS.md
is a digest of all that the table depends on, and of the table: as long as it holds, --check measures nothing, unless
QDQ_MEASURE=anew.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import sys
import tempfile

import onnx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import engine_types
import measured
import rtx
from builder import Builder
from forms import CASES


def model_of(title, fill):
    b = Builder(title)
    nodes = fill(b)
    used = {x for n in b.nodes for x in n.input}
    stated = {output.name for output in b.outputs}
    for n in b.nodes:
        for x in n.output:
            if x not in used | stated:
                b.outputs.append(onnx.ValueInfoProto(name=x))
    model = onnx.helper.make_model(b.graph(), opset_imports=[onnx.helper.make_opsetid("", b.opset)], ir_version=b.ir)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model, nodes


def short(operation):
    """Returns an operation with its first input's type: pointwise kernels are `pw`, all others keep their name."""
    kind = "pw" if operation.kind == "function" else "fusion" if operation.kind == "runtime_fusion" else operation.kind
    types = {"float": "f32", "half": "f16"}
    inputs = sorted(set(operation.inputs)) if kind == "pw" else operation.inputs[:1]
    return f"{kind}({'+'.join(types.get(x, x) for x in inputs)}→{'+'.join(types.get(x, x) for x in operation.outputs)})"


def verdict(title):
    """Returns whether each node that the case names runs in INT8, and the operations of the engine in order."""
    model, nodes = model_of(title, CASES[title])
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        engine = rtx.build(file.name)
    if not engine.built:
        errors = [line for line in engine.log.splitlines() if "error" in line or "parser" in line]
        return "refused", (errors or [engine.log])[0]
    results = []
    for node in nodes:
        operations = engine.of_node(node)
        results.append("gone" if not operations else
                       "INT8" if all(o.is_int8 for o in operations) else "**float**")
    shown = " ".join(short(o) for o in engine.operations if o.inputs)
    return ", ".join(results[:1] if len(set(results)) == 1 else results), shown


def table():
    """Returns the lines of the table, in the order of the cases."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rows = [f"| {title} | {' | '.join(row)} |" for title, row in zip(CASES, pool.map(verdict, CASES))]
    return "\n".join(["| form | runs as | operations |", "|---|---|---|", *rows, ""])


def digest(rows):
    """Returns the last line of FINDINGS.md with that table: a digest of the models, of what builds and reads their engines, and
    of the table."""
    parts = [*(model_of(title, fill)[0].SerializeToString(deterministic=True) for title, fill in CASES.items()),
             *(pathlib.Path(file).read_bytes() for file in (__file__, rtx.__file__, engine_types.__file__, rtx.SOURCE)),
             measured.version(rtx.LIBRARIES).encode(), rows.encode()]
    return f"<!-- measured: {hashlib.sha256(b''.join(b'%d ' % len(part) + part for part in parts)).hexdigest()} -->\n"


def main(mode=""):
    """Prints, writes or checks the table."""
    document = pathlib.Path(__file__).with_name("FINDINGS.md")
    head, mark, rest = document.read_text().partition("## Table\n\n")
    kept, _, _ = rest.partition("\n<!-- measured")
    if mode == "--check" and os.environ.get("QDQ_MEASURE") != "anew" and rest == f"{kept}\n{digest(kept)}":
        print(f"FINDINGS.md was measured with these {len(CASES)} forms of Q/DQ and this TensorRT-RTX")
        return 0
    found = table()
    if mode == "--write":
        document.write_text(f"{head}{mark}{found}\n{digest(found)}")
    elif mode == "--check":
        differing = [line for line in found.splitlines() if line not in kept.splitlines()]
        print("\n".join(differing) or f"all {len(CASES)} forms of Q/DQ run as FINDINGS.md says")
        return 1 if differing else 0
    else:
        print(found, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
