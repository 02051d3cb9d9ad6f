#!/usr/bin/env python3
"""Compares the range searches of pytorch-quantization and libqdq, in one process on the same histogram.

usage: searches.py PYTORCH_QUANTIZATION LIBQDQ

PYTORCH_QUANTIZATION is the folder tools/pytorch-quantization of NVIDIA's TensorRT repository (a release before its removal).
LIBQDQ is a libqdq.so built with --release. Prints the seconds of both as JSON, and fails if the ranges differ.

The package of pytorch-quantization needs an extension for CUDA. So only its file of searches is opened, with substitutes for the
modules that this file imports, and tensors stay on the CPU.
"""

import ctypes
import importlib.util
import json
import pathlib
import sys
import time
import types

import numpy
import torch

BINS = 2048
TORCH, MSE, ENTROPY = 0, 0, 2
F32 = 73730
REPEATS = {"pytorch-quantization": 3, "qdq": 50}


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("dtype", ctypes.c_int32), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


def fake_tensor_quant(x, amax, num_bits, unsigned):
    level = 2 ** (num_bits - 1 + unsigned) - 1
    scale = level / amax
    return torch.clamp((x * scale).round(), -level, level) / scale


def their_searches(folder):
    """Returns the module with the searches of pytorch-quantization."""
    names = {"": {}, ".calib": {}, ".calib.calibrator": {"_Calibrator": object}, ".nn": {}, ".utils": {},
             ".tensor_quant": {"fake_tensor_quant": fake_tensor_quant, "scaled_e4m3": None}}
    for name, content in names.items():
        module = sys.modules[f"pytorch_quantization{name}"] = types.ModuleType(f"pytorch_quantization{name}")
        module.__dict__.update(content)
    for parent, child in (("", "nn"), ("", "utils")):
        setattr(sys.modules[f"pytorch_quantization{parent}"], child, sys.modules[f"pytorch_quantization.{child}"])
    absl = sys.modules["absl"] = types.ModuleType("absl")
    absl.logging = types.SimpleNamespace(debug=lambda *_: None)
    torch.Tensor.cuda = lambda self: self
    spec = importlib.util.spec_from_file_location("histogram", folder / "pytorch_quantization" / "calib" / "histogram.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Ours:
    """The calibrator of libqdq after one batch."""

    def __init__(self, library, x):
        self.library, self.calibrator = ctypes.CDLL(pathlib.Path(library).resolve()), ctypes.c_void_p()
        self.library.qdq_histogram_calibrator_edges.restype = ctypes.POINTER(ctypes.c_double)
        self.library.qdq_histogram_calibrator_counts.restype = ctypes.POINTER(ctypes.c_uint64)
        shape = (ctypes.c_int64 * 1)(x.size)
        view = Tensor(data=x.ctypes.data, ndim=1, dtype=F32, shape=shape)
        new = self.library.qdq_histogram_calibrator_new
        self.must(new(ctypes.c_size_t(BINS), False, TORCH, ctypes.byref(self.calibrator), None))
        self.must(self.library.qdq_histogram_calibrator_observe(self.calibrator, ctypes.byref(view), None))

    @staticmethod
    def must(status):
        if status:
            raise RuntimeError(f"libqdq answers with status {status}")

    def histogram(self):
        counts = self.library.qdq_histogram_calibrator_counts(self.calibrator)[:BINS]
        edges = self.library.qdq_histogram_calibrator_edges(self.calibrator)[:BINS + 1]
        return numpy.array(counts, numpy.int32), numpy.array(edges, numpy.float32)

    def amax(self, method):
        found = ctypes.c_float()
        percentile = ctypes.c_double(0)
        self.must(self.library.qdq_histogram_calibrator_amax(self.calibrator, method, percentile, 8, False, ctypes.byref(found), None))
        return found.value


def fastest(repeats, action):
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = action()
        best = min(best, time.perf_counter() - start)
    return best, result


def main(folder, library):
    theirs, found = their_searches(pathlib.Path(folder)), []
    torch.set_num_threads(1)
    random = numpy.random.default_rng(0).normal(0, 1, 1 << 20).astype(numpy.float32)
    for data, x in (("normal", random), ("relu", numpy.maximum(random, 0))):
        ours = Ours(library, x)
        counts, edges = ours.histogram()
        for name, method, search in (("entropy", ENTROPY, theirs._compute_amax_entropy), ("mse", MSE, theirs._compute_amax_mse)):
            # The search of pytorch-quantization writes into the counts.
            their_time, wanted = fastest(REPEATS["pytorch-quantization"], lambda: search(counts.copy(), edges, 8, False))
            our_time, amax = fastest(REPEATS["qdq"], lambda: ours.amax(method))
            if abs(amax - wanted.item()) > 1e-6 * amax:
                raise RuntimeError(f"{data}, {name}: qdq finds {amax}, pytorch-quantization {wanted.item()}")
            found.append({"data": data, "search": name, "qdq": our_time, "pytorch-quantization": their_time})
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
