"""The parts of the forms of Q/DQ."""
import numpy
from onnx import TensorProto

F16 = TensorProto.FLOAT16
IMAGE = [2, 32, 16, 16]
TOKENS = [2, 16, 64]
CASES = {}


def case(title):
    """Registers a function that fills a Builder and returns the names of the nodes to check."""
    def register(fill):
        CASES[title] = fill
        return fill
    return register


def scale(b, value=0.02, kind=numpy.float32):
    return b.constant("scale", numpy.array(value, kind))


def q(b, x, s, zero=True, axis=None):
    inputs = [x, s] + ([b.constant("zero", numpy.zeros(_shape(b, s), numpy.int8))] if zero else [])
    return b.node("QuantizeLinear", inputs, **({} if axis is None else {"axis": axis}))


def dq(b, x, s, zero=True, axis=None):
    inputs = [x, s] + ([b.constant("zero", numpy.zeros(_shape(b, s), numpy.int8))] if zero else [])
    return b.node("DequantizeLinear", inputs, **({} if axis is None else {"axis": axis}))


def ints(b, *values):
    return b.constant("ints", numpy.array(values, numpy.int64))


def _shape(b, name):
    return next(list(t.dims) for t in b.constants if t.name == name)


def activation(b, x, value=0.02):
    """Adds Q and DQ with a 0-D scale to x."""
    s = scale(b, value)
    return dq(b, q(b, x, s), s)


def weight(b, array, axis=None):
    """Adds an INT8 weight and its DQ, per tensor or along an axis."""
    keep = tuple(i for i in range(array.ndim) if i != axis)
    amax = numpy.abs(array).max() if axis is None else numpy.abs(array).max(keep)
    s = numpy.asarray(amax / 127, numpy.float32)
    shape = [1] * array.ndim
    if axis is not None:
        shape[axis] = -1
    stored = numpy.clip(numpy.rint(array / (s if axis is None else s.reshape(shape))), -128, 127).astype(numpy.int8)
    return dq(b, b.constant("weight", stored), b.constant("scale", s), axis=axis)
