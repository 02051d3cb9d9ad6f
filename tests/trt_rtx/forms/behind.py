"""The operators between a DQ and the product that should run in INT8."""
from .parts import CASES, F16, ints, activation, weight


def behind(title, step, shape, outside):
    def fill(b):
        y = step(b, activation(b, b.input("x", shape)))
        b.node("MatMul", [y, weight(b, b.normal(outside, 32), 1)])
        return ["matmul"]
    CASES[f"Q/DQ, {title}, MatMul"] = fill


behind("Identity", lambda b, y: b.node("Identity", [y]), [16, 64], 64)
behind("Reshape", lambda b, y: b.node("Reshape", [y, ints(b, 32, 64)]), [16, 128], 64)
behind("Transpose", lambda b, y: b.node("Transpose", [y], perm=[1, 0]), [64, 16], 64)
behind("Flatten", lambda b, y: b.node("Flatten", [y]), [16, 4, 4, 4], 64)
behind("Unsqueeze", lambda b, y: b.node("Unsqueeze", [y, ints(b, 0)]), [16, 64], 64)
behind("Slice", lambda b, y: b.node("Slice", [y, ints(b, 0), ints(b, 64), ints(b, 1)]), [16, 96], 64)
behind("Split", lambda b, y: b.node("Split", [y, ints(b, 64, 32)], outputs=["left", "right"], axis=1)[0], [16, 96], 64)
behind("Gather", lambda b, y: b.node("Gather", [y, ints(b, 1)], axis=1), [16, 4, 64], 64)
behind("Expand", lambda b, y: b.node("Expand", [y, ints(b, 4, 16, 64)]), [1, 16, 64], 64)
behind("Pad", lambda b, y: b.node("Pad", [y, ints(b, 0, 0, 0, 4)]), [16, 60], 64)
behind("DepthToSpace", lambda b, y: b.node("DepthToSpace", [y], blocksize=2), [1, 16, 32, 32], 64)
behind("Relu", lambda b, y: b.node("Relu", [y]), [16, 64], 64)
behind("MaxPool", lambda b, y: b.node("MaxPool", [y], kernel_shape=[1, 2], strides=[1, 2]), [2, 4, 16, 128], 64)
behind("Cast to float16 and back", lambda b, y: b.node("Cast", [b.node("Cast", [y], to=F16)], to=1), [16, 64], 64)
