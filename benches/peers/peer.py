#!/usr/bin/env python3
"""Quantizes a model with one peer, and prints the seconds from the opened packages to the written file.

usage: peer.py onnxruntime|modelopt MODEL IMAGES.npz OUT

The method is entropy, as each peer defines it. INT8 is symmetric, weights are per channel, and images run one by one.
"""

import pathlib
import sys
import time

import numpy


def onnxruntime(model, images, out):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "python"))
    import peer_quantize

    return lambda: peer_quantize.quantize(model, images, "entropy", out)


def modelopt(model, images, out):
    from modelopt.onnx.quantization import quantize

    with numpy.load(images) as file:
        data = dict(file)
    return lambda: quantize(model, quantize_mode="int8", calibration_method="entropy", calibration_data=data,
                            calibration_eps=["cpu"], high_precision_dtype="fp32", output_path=out, log_level="ERROR")


if __name__ == "__main__":
    peer = {"onnxruntime": onnxruntime, "modelopt": modelopt}[sys.argv[1]](*sys.argv[2:5])
    start = time.perf_counter()
    peer()
    print(f"{time.perf_counter() - start:.4f}")
