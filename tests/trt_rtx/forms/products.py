"""Matrix products."""
import numpy

from .parts import CASES, TOKENS, case, q, ints, activation, weight


def matmul_case(title, fill):
    def wrapped(b):
        fill(b)
        return [b.nodes[-1].name]
    CASES[title] = wrapped


for axis, label in ((1, "axis 1"), (0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul [2,16,64]x[64,32], {label}", lambda b, axis=axis: b.node(
        "MatMul", [activation(b, b.input("x", TOKENS)), weight(b, b.normal(64, 32), axis)]))
matmul_case("MatMul [16,64]x[64,32], axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(64, 32), 1)]))
matmul_case("MatMul [16,20]x[20,10] (not multiples of 16), axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [16, 20])), weight(b, b.normal(20, 10), 1)]))
matmul_case("MatMul [1,64]x[64,32] (one row), axis 1", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [1, 64])), weight(b, b.normal(64, 32), 1)]))
for axis, label in ((0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul constant left [32,64]x[2,64,16], {label}", lambda b, axis=axis: b.node(
        "MatMul", [weight(b, b.normal(32, 64), axis), activation(b, b.input("x", [2, 64, 16]))]))
    matmul_case(f"MatMul constant left [32,64]x[64,16], {label}", lambda b, axis=axis: b.node(
        "MatMul", [weight(b, b.normal(32, 64), axis), activation(b, b.input("x", [64, 16]))]))
for axis, label in ((2, "axis 2"), (0, "axis 0"), (None, "per-tensor")):
    matmul_case(f"MatMul batched constant [4,16,64]x[4,64,32], {label}", lambda b, axis=axis: b.node(
        "MatMul", [activation(b, b.input("x", [4, 16, 64])), weight(b, b.normal(4, 64, 32, fan=64), axis)]))
matmul_case("MatMul 1-D weight [2,16,64]x[64], per-tensor", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", TOKENS)), weight(b, b.normal(64, fan=64))]))
matmul_case("MatMul two activations [2,4,16,32]x[2,4,32,16]", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [2, 4, 16, 32])), activation(b, b.input("y", [2, 4, 32, 16]))]))
matmul_case("MatMul two activations, Q/DQ on the left only", lambda b: b.node(
    "MatMul", [activation(b, b.input("x", [2, 4, 16, 32])), b.input("y", [2, 4, 32, 16])]))
for trans, axis in ((0, 1), (0, 0), (0, None), (1, 0), (1, 1), (1, None)):
    shape = (64, 32) if trans == 0 else (32, 64)
    label = "per-tensor" if axis is None else f"axis {axis}"
    matmul_case(f"Gemm transB={trans}, {label}", lambda b, trans=trans, shape=shape, axis=axis: b.node(
        "Gemm", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(*shape), axis),
                 b.constant("bias", b.small(32))], transB=trans))
matmul_case("Gemm transA=1 transB=1, axis 0", lambda b: b.node(
    "Gemm", [activation(b, b.input("x", [64, 16])), weight(b, b.normal(32, 64), 0), b.constant("bias", b.small(32))],
    transA=1, transB=1))
matmul_case("Gemm alpha=0.5 beta=2, axis 0", lambda b: b.node(
    "Gemm", [activation(b, b.input("x", [16, 64])), weight(b, b.normal(32, 64), 0), b.constant("bias", b.small(32))],
    transB=1, alpha=0.5, beta=2.0))
matmul_case("Gemm constant left, axis 0", lambda b: b.node(
    "Gemm", [weight(b, b.normal(32, 64), 0), activation(b, b.input("x", [64, 16]))]))


def attention(with_qdq):
    def fill(b):
        queries, keys, values = (b.input(n, [2, 4, 16, 32]) for n in "qkv")
        mark = (lambda x: activation(b, x)) if with_qdq else (lambda x: x)
        scores = b.node("MatMul", [mark(queries), mark(b.node("Transpose", [keys], perm=[0, 1, 3, 2]))])
        scores = b.node("Div", [scores, b.constant("root", numpy.float32(5.65))])
        soft = b.node("Softmax", [scores], axis=-1)
        b.node("MatMul", [activation(b, soft, 1 / 127) if with_qdq else soft, mark(values)])
        return ["matmul", "matmul_1"]
    return fill


CASES["attention QK^T and PV with Q/DQ on all four operands"] = attention(True)


@case("attention, K's Q/DQ before its Transpose")
def _(b):
    queries, keys, values = (b.input(n, [2, 4, 16, 32]) for n in "qkv")
    k = b.node("Transpose", [activation(b, keys)], perm=[0, 1, 3, 2])
    soft = b.node("Softmax", [b.node("MatMul", [activation(b, queries), k])], axis=-1)
    b.node("MatMul", [activation(b, soft, 1 / 127), activation(b, values)])
    return ["matmul", "matmul_1"]


def packed(title, axis, before, after):
    """Queries, keys and values from one product, split after it; Q/DQ before the Split, after it, or both."""
    def fill(b):
        def mark(x, wanted, value=0.02):
            return activation(b, x, value) if wanted else x

        y = b.node("MatMul", [activation(b, b.input("x", [2, 17, 64])), weight(b, b.normal(64, 192, fan=128), axis)])
        y = mark(b.node("Add", [y, b.constant("bias", b.small(192))]), before)
        parts = b.node("Split", [y, ints(b, 64, 64, 64)], outputs=["query", "key", "value"], axis=2)
        q, k, v = (b.node("Transpose", [b.node("Reshape", [p, ints(b, 0, 17, 4, 16)])], perm=[0, 2, 1, 3])
                   for p in parts)
        k = b.node("Transpose", [k], perm=[0, 1, 3, 2])
        soft = b.node("Softmax", [b.node("MatMul", [mark(q, after), mark(k, after)])], axis=-1)
        b.node("MatMul", [mark(soft, before or after, 1 / 127), mark(v, after)])
        return ["matmul", "matmul_1", "matmul_2"]
    CASES[f"packed QKV, {title}"] = fill


for axis, label in ((1, "per-channel weights"), (None, "per-tensor weights")):
    packed(f"{label}, attention in float", axis, False, False)
    packed(f"{label}, Q/DQ behind the Split", axis, False, True)
    packed(f"{label}, Q/DQ before the Split", axis, True, False)
    packed(f"{label}, Q/DQ before and behind the Split", axis, True, True)
