#!/usr/bin/env python3
"""Quantizes a model with ONNX Runtime's own quantize_static, with the settings that TensorRT needs.

usage: peer_quantize.py MODEL CALIBRATION.npz max|entropy|percentile OUT [BATCH]

Symmetric INT8 activations and weights, per-channel weights as Q + DQ, no quantized bias, one Q/DQ pair per tensor.
Models are first converted to the required opset: 13 for per-channel scales, 19 for float16 scales.
"""
import contextlib
import logging
import os
import pathlib
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

METHODS = {
    "max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class Reader(CalibrationDataReader):
    """Returns the samples of an npz file batch by batch."""

    def __init__(self, path, batch):
        with numpy.load(path) as file:
            data = dict(file)
        total = len(next(iter(data.values())))
        self.batches = iter([{key: array[i : i + batch] for key, array in data.items()}
                             for i in range(0, total - total % batch, batch)])

    def get_next(self):
        """Returns the next batch, None at the end."""
        return next(self.batches, None)


def quantize(model, calibration, method, out, batch=1):
    """Writes the quantized model to `out`."""
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(4)
    loaded = onnx.load(model)
    half = any(v.type.tensor_type.elem_type == TensorProto.FLOAT16 for v in loaded.graph.input)
    opset = 19 if half else 13
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nothing, \
            contextlib.redirect_stdout(nothing):
        if loaded.opset_import[0].version < opset:
            loaded.ir_version = max(loaded.ir_version, 7)
            loaded = onnx.version_converter.convert_version(loaded, opset)
        # quantize_static writes a file beside the model, which two processes would overwrite.
        source = pathlib.Path(folder) / "model.onnx"
        onnx.save(loaded, source)
        quantize_static(
            source, out, Reader(calibration, batch), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, calibrate_method=METHODS[method],
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "AddQDQPairToWeight": True,
                           "QuantizeBias": False, "DedicatedQDQPair": False},
        )


if __name__ == "__main__":
    quantize(*sys.argv[1:5], *map(int, sys.argv[5:]))
