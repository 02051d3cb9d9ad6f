"""Cases of half precision with Q/DQ of other formats than int8: e4m3, and 4-bit integers in blocks."""

import ml_dtypes
import numpy as np
from onnx import TensorProto as T

from half_build import FLOAT, case, graph, node, random, variant

E4M3 = ml_dtypes.float8_e4m3fn


def e4m3(step, dead=None, opset=19):
    """A product of activations per tensor and weights per column. `dead` is the step of a column of zeros."""
    weight = random(16, 8, scale=0.3)
    columns = (np.abs(weight).max(axis=0) / 448).astype(FLOAT)
    if dead is not None:
        weight[:, 3] = 0
        columns[3] = dead
    codes = (weight / np.maximum(columns, FLOAT(1e-12))).clip(-448, 448).astype(E4M3)
    nodes = [node("Mul", "x size", "sized"), node("QuantizeLinear", "sized step zero", "q"),
             node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "codes columns", "weight", axis=1), node("MatMul", "dq weight", "product"),
             node("Div", "product size", "y")]
    weights = {"size": FLOAT(step * 100), "step": FLOAT(step), "zero": np.zeros((), E4M3), "codes": codes,
               "columns": columns}
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, weights, opset)


variant("e4m3_pairs", e4m3, 0.02, least=40, half="sized q dq weight product y")
variant("e4m3_pairs_opset_21", e4m3, 0.02, None, 21, least=40, half="sized q dq weight product y")
variant("e4m3_pairs_bf16", e4m3, 0.02, least=25, half="sized q dq weight product y", options="--bf16")
variant("e4m3_with_a_dead_column", e4m3, 0.02, 1e-10, least=40, half="sized q dq weight product y")
variant("e4m3_of_subnormal_step", e4m3, 2e-7, least=35, float32="q dq", half="sized")


def blocks(kind, tiny=None, zero=None, opset=21, energy=0.0, **more):
    """A product whose weight has blocks of 16. `tiny` is the step of a block, whose integers are small or `energy`."""
    weight = random(64, 8, scale=0.3)
    cut = weight.reshape(4, 16, 8)
    least, most = (0, 15) if kind is ml_dtypes.uint4 else (-8, 7)
    steps = (np.abs(cut).max(axis=1) / 7).astype(FLOAT)
    offset = 0 if zero is None else zero
    integers = np.rint(cut / steps[:, None] + offset).clip(least, most)
    if tiny is not None:
        steps[2, 1] = tiny
        integers[2, :, 1] = offset + energy
    names = "integers steps" + ("" if zero is None else " zeros")
    nodes = [node("DequantizeLinear", names, "weight", axis=0, block_size=16, **more),
             node("MatMul", "x weight", "y")]
    weights = {"integers": integers.reshape(64, 8).astype(kind), "steps": steps}
    if zero is not None:
        weights["zeros"] = np.full((4, 8), zero).astype(kind)
    return graph(nodes, {"x": [4, 64]}, {"y": [4, 8]}, weights, opset)


variant("int4_blocks", blocks, ml_dtypes.int4, least=45, half="weight y")
variant("int4_blocks_bf16", blocks, ml_dtypes.int4, least=35, half="weight y", options="--bf16")
variant("int4_blocks_opset_23", blocks, ml_dtypes.int4, None, None, 23, least=45, half="weight y")
variant("int4_blocks_with_a_dead_one", blocks, ml_dtypes.int4, 1e-9, None, 21, 5.0, least=45, half="weight y")
variant("uint4_blocks_around_8", blocks, ml_dtypes.uint4, None, 8, least=45, half="weight y")
variant("uint4_blocks_with_a_dead_one", blocks, ml_dtypes.uint4, 1e-9, 8, least=45, float32="weight")


@case(least=45, half="weight y")
def int4_blocks_that_name_their_type():
    """A Dequantize of opset 23 says itself that its result is float32."""
    return blocks(ml_dtypes.int4, opset=23, output_dtype=T.FLOAT)


@case(float32="weight", half="y")
def int4_blocks_of_tiny_weights():
    """Blocks with steps that float16 holds as subnormal numbers, and all the energy of the weight."""
    nodes = [node("DequantizeLinear", "integers steps", "weight", axis=0, block_size=8),
             node("MatMul", "x weight", "product"), node("Mul", "product many", "y")]
    weights = {"integers": np.rint(random(16, 8, scale=4)).clip(-8, 7).astype(ml_dtypes.int4),
               "steps": np.full((2, 8), 3e-6, FLOAT), "many": FLOAT(1e4)}
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, weights, opset=21)
