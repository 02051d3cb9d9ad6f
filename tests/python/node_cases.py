"""Writes ONNX's own test case of every operator: node_cases.py FOLDER.

A case is NAME.onnx and NAME.npz, which has the inputs and the expected outputs under `in.` and `out.` and their
names. Arrays of 16-bit and e4m3 floating-point numbers are saved as float32, 4-bit integers as 8-bit ones. Cases with
other than numeric tensors are left out, and those of types that qdq does not compute with: e5m2, e4m3 with one zero,
e8m0, 4-bit floats and 2-bit integers, which no format of TensorRT has that qdq writes. A complete folder stays unchanged.
"""

import sys
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

# The types that NumPy's files do not have, with those that hold the same numbers.
SAVED_AS = {
    np.dtype(np.float16): np.float32,
    np.dtype(ml_dtypes.bfloat16): np.float32,
    np.dtype(ml_dtypes.float8_e4m3fn): np.float32,
    np.dtype(ml_dtypes.int4): np.int8,
    np.dtype(ml_dtypes.uint4): np.uint8,
}
NUMERIC = {np.dtype(name) for name in "f4 f8 i1 u1 i2 u2 i4 u4 i8 u8 ?".split()} | SAVED_AS.keys()


def array_of(value):
    """The cases have tensors of ONNX where NumPy itself lacks the type."""
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    return np.asarray(value) if np.isscalar(value) else value


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    complete = folder / f"complete-{onnx.__version__}-with-formats"
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
        arrays = {name: array_of(value) for name, value in arrays.items()}
        if all(isinstance(value, np.ndarray) and value.dtype in NUMERIC for value in arrays.values()):
            onnx.save(case.model, folder / f"{case.name}.onnx")
            saved = {name: value.astype(SAVED_AS.get(value.dtype, value.dtype)) for name, value in arrays.items()}
            np.savez(folder / f"{case.name}.npz", **saved)
    complete.touch()


main()
