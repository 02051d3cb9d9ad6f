"""16-bit floats."""
import numpy
from onnx import TensorProto

from .parts import CASES, F16, IMAGE, case, scale, q, dq, activation, weight


def half(b, array, axis, kind):
    keep = tuple(i for i in range(array.ndim) if i != axis)
    s = (numpy.abs(array).max(keep) / 127).astype(kind)
    stored = b.constant("w", numpy.rint(array / s.astype(numpy.float32).reshape(-1, 1, 1, 1)).clip(-127, 127).astype(
        numpy.int8))
    return dq(b, stored, b.constant("scale", s), axis=axis)


@case("float16: Cast to float, Q, DQ, Cast to float16 (opset 17)")
def _(b):
    x = b.input("x", IMAGE, F16)
    cast = lambda t, to: b.node("Cast", [t], to=to)
    a = cast(activation(b, cast(x, TensorProto.FLOAT)), F16)
    y = b.node("Conv", [a, cast(weight(b, b.normal(32, 32, 3, 3), 0), F16), b.constant(
        "bias", b.small(32).astype(numpy.float16))])
    b.node("Relu", [y])
    return ["conv"]


@case("float16: float16 scales (opset 19)")
def _(b):
    b.opset, b.ir = 19, 9
    x = b.input("x", IMAGE, F16)
    s = scale(b, 0.02, numpy.float16)
    y = b.node("Conv", [dq(b, q(b, x, s), s), half(b, b.normal(32, 32, 3, 3), 0, numpy.float16),
                        b.constant("bias", b.small(32).astype(numpy.float16))])
    b.node("Relu", [y])
    return ["conv"]


@case("float16: one float16 scale, and the scales of channels before the bias (opset 19)")
def _(b):
    b.opset, b.ir = 19, 9
    x = b.input("x", IMAGE, F16)
    s = scale(b, 0.02, numpy.float16)
    stored = b.constant("w", numpy.rint(b.normal(32, 32, 3, 3) * 300).clip(-127, 127).astype(numpy.int8))
    y = b.node("Conv", [dq(b, q(b, x, s), s), dq(b, stored, scale(b, 0.0078125, numpy.float16))])
    factor, bias = (b.constant(name, b.small(1, 32, 1, 1).astype(numpy.float16)) for name in ("factor", "bias"))
    b.node("Relu", [b.node("Add", [b.node("Mul", [y, factor]), bias])])
    return ["conv"]


@case("float16: float16 scales (opset 21)")
def _(b):
    nodes = CASES["float16: float16 scales (opset 19)"](b)
    b.opset, b.ir = 21, 10
    return nodes


def half_gemm(b, casts):
    w = b.normal(32, 64)
    s = (numpy.abs(w).max(1) / 127).astype(numpy.float32 if casts else numpy.float16)
    stored = b.constant("w", numpy.rint(w / s.astype(numpy.float32)[:, None]).clip(-127, 127).astype(numpy.int8))
    x = b.input("x", [16, 64], F16)
    if casts:
        cast = lambda t, to: b.node("Cast", [t], to=to)
        a = cast(activation(b, cast(x, TensorProto.FLOAT)), F16)
        w = cast(dq(b, stored, b.constant("scale", s), axis=0), F16)
    else:
        b.opset, b.ir = 19, 9
        t = scale(b, 0.02, numpy.float16)
        a, w = dq(b, q(b, x, t), t), dq(b, stored, b.constant("scale", s), axis=0)
    b.node("Gemm", [a, w, b.constant("bias", b.small(32).astype(numpy.float16))], transB=1)
    return ["gemm"]


CASES["float16 Gemm: Cast to float, Q, DQ, Cast to float16 (opset 17)"] = lambda b: half_gemm(b, True)
CASES["float16 Gemm: float16 scales (opset 19)"] = lambda b: half_gemm(b, False)


@case("float16: float32 Conv between Casts")
def _(b):
    x = b.input("x", IMAGE, F16)
    a = activation(b, b.node("Cast", [x], to=TensorProto.FLOAT))
    y = b.node("Conv", [a, weight(b, b.normal(32, 32, 3, 3), 0), b.constant("bias", b.small(32))])
    b.node("Cast", [b.node("Relu", [y])], to=F16)
    return ["conv"]
