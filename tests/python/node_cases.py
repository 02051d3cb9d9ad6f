"""Writes ONNX's own test case of every operator: node_cases.py FOLDER.

A case is NAME.onnx and NAME.npz, which has the inputs and the expected outputs under `in.` and `out.` and their
names. Arrays of 16-bit floating-point numbers are saved as float32. Cases with other than numeric tensors are left out.
A complete folder stays unchanged.
"""

import sys
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

HALVES = {np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)}
NUMERIC = {np.dtype(name) for name in "f4 f8 i1 u1 i2 u2 i4 u4 i8 u8 ?".split()} | HALVES


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    complete = folder / f"complete-{onnx.__version__}-with-halves"
    if complete.exists():
        return
    for case in collect_testcases(None):
        if case.kind != "node" or case.model is None or not case.data_sets:
            continue
        inputs, outputs = case.data_sets[0]
        arrays = {}
        for prefix, infos, values in [("in", case.model.graph.input, inputs), ("out", case.model.graph.output, outputs)]:
            for info, value in zip(infos, values, strict=False):
                arrays[f"{prefix}.{info.name}"] = value
        arrays = {name: np.asarray(value) if np.isscalar(value) else value for name, value in arrays.items()}
        if all(isinstance(value, np.ndarray) and value.dtype in NUMERIC for value in arrays.values()):
            onnx.save(case.model, folder / f"{case.name}.onnx")
            wide = lambda value: value.astype(np.float32) if value.dtype in HALVES else value
            np.savez(folder / f"{case.name}.npz", **{name: wide(value) for name, value in arrays.items()})
    complete.touch()


main()
