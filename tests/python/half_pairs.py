"""Models that have Quantize and Dequantize before they are converted to half precision."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import FLOAT, case, graph, node, random, uniform, variant, weight


def paired(step, per_channel=False, dead=None, opset=13):
    """Q/DQ of another tool around a convolution. `dead` is the step of a channel of zeros."""
    kernel = weight(8, 4, 3, 3)
    if dead is not None:
        kernel[2] *= FLOAT(1e-7)
        kernel[5] = 0
    size = np.abs(kernel).max(axis=(1, 2, 3)) if per_channel else np.abs(kernel).max()[None]
    w_step = (size / 127).astype(FLOAT)
    if dead is not None:
        w_step[5] = dead
    divisors = np.maximum(w_step, np.finfo(FLOAT).tiny).reshape(-1, 1, 1, 1)
    whole = np.rint(kernel / divisors).clip(-127, 127).astype(np.int8)
    axis = {"axis": 0} if per_channel else {}
    nodes = [node("Conv", "x v", "before"), node("Mul", "before size", "sized"),
             node("QuantizeLinear", "sized step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step" + (" w_zero" if per_channel else " zero"), "kernel", **axis),
             node("Conv", "dq kernel b", "conv"),
             node("Div", "conv size", "back"), node("Relu", "back", "y")]
    weights = {"v": weight(4, 4, 1, 1), "size": FLOAT(step * 40), "step": FLOAT(step), "zero": np.int8(0),
               "whole": whole,
               "w_step": w_step if per_channel else w_step[0], "b": random(8, scale=step)}
    if per_channel:
        weights["w_zero"] = np.zeros(8, np.int8)
    return graph(nodes, {"x": [1, 4, 8, 8]}, {"y": [1, 8, 6, 6]}, weights, opset)


variant("pairs", paired, 0.02, least=40, half="before q dq kernel conv y")
variant("pairs_opset_19", paired, 0.02, True, None, 19, least=40, half="before q dq kernel conv y")
variant("pairs_opset_21", paired, 0.02, True, None, 21, least=40, half="before q dq kernel conv y")
variant("pairs_with_dead_channels", paired, 0.02, True, np.finfo(FLOAT).tiny, least=40,
        half="before q dq kernel conv y")
variant("pairs_with_steps_of_zero", paired, 0.02, True, 0.0, least=40, half="before q dq kernel conv y")
variant("pairs_of_subnormal_step", paired, 2e-7, float32="q dq", half="before", says="cannot hold their steps")
variant("pairs_kept_at_13", paired, 0.02, True, least=40, half="before conv y", options="--fp16 --opset 13")


@case(float32="kernel", half="y")
def pairs_of_tiny_weights():
    """One step for a whole weight, which float16 holds as a subnormal number."""
    nodes = [node("DequantizeLinear", "whole w_step", "kernel"), node("MatMul", "x kernel", "product"),
             node("Mul", "product many", "y")]
    weights = {"whole": np.rint(random(16, 8, scale=40)).clip(-127, 127).astype(np.int8), "w_step": FLOAT(3e-6),
               "many": FLOAT(1e4)}
    return graph(nodes, {"x": [4, 16]}, {"y": [4, 8]}, weights)


def bordered(step, opset=19):
    """Pairs at the border of a model: the input is quantized at once, and so is the output."""
    kernel = weight(8, 16)
    nodes = [node("QuantizeLinear", "x step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step w_zero", "w", axis=1),
             node("MatMul", "dq w", "product"), node("QuantizeLinear", "product out_step zero", "q_2"),
             node("DequantizeLinear", "q_2 out_step zero", "y")]
    w_step = (np.abs(kernel).max(0) / 127).astype(FLOAT)
    weights = {"step": FLOAT(step), "zero": np.int8(0), "whole": np.rint(kernel / w_step).astype(np.int8),
               "w_step": w_step, "w_zero": np.zeros(16, np.int8), "out_step": FLOAT(0.03)}
    return graph(nodes, {"x": [4, 8]}, {"y": [4, 16]}, weights, opset)


variant("pairs_at_the_border", bordered, 0.03, half="dq w product", least=35)
variant("pairs_at_the_border_13", bordered, 0.03, 13, half="dq w product", least=35)
variant("pairs_at_the_border_half_io", bordered, 0.03, half="q dq w product y", least=35, options="--fp16 --half-io")


@case(half="conv y", least=30, runtime="onnxruntime", says="and stay so, although TensorRT refuses them")
def pairs_of_onnxruntime():
    """Pairs as ONNX Runtime's quantizer writes them: uint8 with zero points, and a bias in int32."""
    kernel = weight(8, 4, 3, 3)
    w_step = np.abs(kernel).max() / 127
    bias = random(8)
    nodes = [node("QuantizeLinear", "x step zero", "q"), node("DequantizeLinear", "q step zero", "dq"),
             node("DequantizeLinear", "whole w_step w_zero", "w"),
             node("DequantizeLinear", "bias b_step b_zero", "b"), node("Conv", "dq w b", "conv"),
             node("Relu", "conv", "relu"), node("QuantizeLinear", "relu step_2 low", "q_2"),
             node("DequantizeLinear", "q_2 step_2 low", "dq_2"), node("GlobalAveragePool", "dq_2", "y")]
    weights = {"step": FLOAT(0.03), "zero": np.uint8(120), "whole": np.rint(kernel / w_step).astype(np.int8),
               "w_step": FLOAT(w_step), "w_zero": np.int8(0),
               "bias": np.rint(bias / (0.03 * w_step)).astype(np.int32), "b_step": FLOAT(0.03 * w_step),
               "b_zero": np.int32(0), "step_2": FLOAT(0.02), "low": np.uint8(0)}
    return graph(nodes, {"x": [1, 4, 8, 8]}, {"y": [1, 8, 1, 1]}, weights)


@case(half="y", runtime="onnxruntime")
def blocks_of_int4():
    """Weights of four bits with a step for each block."""
    whole = np.rint(random(32, 8, scale=3)).clip(-8, 7)
    nodes = [node("DequantizeLinear", "whole steps", "w", axis=0, block_size=16), node("MatMul", "x w", "product"),
             node("Relu", "product", "y")]
    model, feeds = graph(nodes, {"x": [4, 32]}, {"y": [4, 8]}, {"steps": uniform(2, 8, low=0.01, high=0.05)}, 21)
    model.graph.initializer.append(h.make_tensor("whole", T.INT4, [32, 8], whole.astype(int).ravel().tolist()))
    return model, feeds


@case(half="y")
def pair_of_zeros():
    """A pair of a tensor that is always zero, with the step that a quantizer gives it."""
    nodes = [node("Mul", "x none", "nothing"), node("QuantizeLinear", "nothing step zero", "q"),
             node("DequantizeLinear", "q step zero", "dq"), node("Add", "dq x", "y")]
    return graph(nodes, {"x": [4, 8]}, {"y": [4, 8]}, {"none": FLOAT(0), "step": np.finfo(FLOAT).tiny,
                                                       "zero": np.int8(0)})
