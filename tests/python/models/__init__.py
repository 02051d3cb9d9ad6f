"""Small models with the structures that people deploy, random weights of realistic size, and data to calibrate
on."""
from dataclasses import dataclass, field

import numpy

MODELS = {}


@dataclass
class Model:
    """A finished model: the ONNX model, its calibration and test arrays by input name, and the expected results."""

    onnx: object
    calibration: dict
    test: dict
    # Whether TensorRT-RTX builds the float model.
    rtx: bool = True
    # Whether the embedded runtime runs it.
    embedded: bool = True
    # Convolutions and matrix products that need not be quantized, by node name.
    float_nodes: list = field(default_factory=list)
    # The external data file of the model.
    external: str = ""


def model(make):
    """Registers a function that makes a Model under the function's name."""
    MODELS[make.__name__] = make
    return make


def images(random, count, channels, size):
    """Returns smooth random pictures with some noise, with zero mean and unit deviation: [count, channels, size,
    size]."""
    coarse = random.normal(0.0, 1.0, (count, channels, size // 4, size // 4))
    smooth = coarse.repeat(4, axis=2).repeat(4, axis=3)
    return (smooth + random.normal(0.0, 0.3, smooth.shape)).astype(numpy.float32)


def split(make, calibration=32, test=16):
    """Returns calibration and test arrays. `make` returns arrays by input name for a number of samples."""
    return make(calibration), make(test)
