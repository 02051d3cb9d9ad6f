"""Single operators and their forms by opset: which of them have half precision."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

from half_build import FLOAT, IDLE, RUNS, case, cast, constant, every, graph, node, random, stored, variant, weight


def convolutional(opset):
    """A small network in the operators of an old or new opset."""
    clip = node("Clip", "relu", "clip", max=6.0) if opset < 11 else node("Clip", "relu - six", "clip")
    nodes = [
        node("Conv", "x w b", "conv", pads=[1] * 4), node("BatchNormalization", "conv scale shift mean variance",
                                                          "norm"),
        node("Relu", "norm", "relu"), clip, node("MaxPool", "clip", "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", "pool", "average"), node("Flatten", "average", "flat"),
        node("Gemm", "flat v c", "scores", alpha=0.5), node("Softmax", "scores", "y", axis=1),
    ]
    weights = {"w": weight(8, 3, 3, 3), "b": random(8), "scale": random(8, mean=2), "shift": random(8),
               "mean": random(8),
               "variance": np.abs(random(8)) + 1, "v": weight(8, 10), "c": random(10)}
    weights |= {"six": FLOAT(6)} if opset >= 11 else {}
    return graph(nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 10]}, weights, opset, ir_version=max(4, min(10, opset - 7)))


for version in [7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 20, 21, 22]:
    variant(f"opset_{version}", convolutional, version, half="conv norm relu clip pool flat scores y")


@case(half="conv", float32="y")
def is_inf_13():
    return is_inf(13)


@case(half="conv y", options="--fp16 --opset 20")
def is_inf_20():
    return is_inf(20)


def is_inf(opset):
    """An operator that takes float32 alone up to opset 19."""
    nodes = [node("Conv", "x w", "conv"), node("IsInf", "conv", "y")]
    return graph(nodes, {"x": [1, 3, 6, 6]}, {"y": ([1, 4, 4, 4], T.BOOL)}, {"w": weight(4, 3, 3, 3)}, opset)


@case(float32="sum values", data=False, inferred=False)
def topk_beyond_the_axis():
    """A TopK that asks for more than there is, which inference refuses and some exporters write."""
    nodes = [node("Add", "x w", "sum"), node("TopK", "sum k", "values indices", axis=1), cast("indices", "y", T.FLOAT)]
    return graph(nodes, {"x": [1, 3]}, {"y": [1, 5]}, {"w": random(1, 3), "k": np.int64([5])})


@case(float32="curve boxes", half="y", runtime="onnxruntime")
def float32_alone():
    """Operators that ONNX defines for float32 alone, beside a Resize."""
    nodes = [node("Celu", "x", "curve"), node("Resize", "curve - sizes", "y", mode="linear"),
             node("NonMaxSuppression", "corners scores most overlap", "boxes")]
    corners = np.sort(random(RUNS, 1, 5, 4), axis=-1)
    weights = {"sizes": FLOAT([1, 1, 2, 2]), "most": np.int64([3]), "overlap": FLOAT([0.5])}
    return graph(nodes, {"x": [1, 2, 4, 4], "corners": [1, 5, 4], "scores": [1, 1, 5]},
                 {"y": [1, 2, 8, 8], "boxes": ([None, 3], T.INT64)}, weights, feeds={"corners": corners})


def resized(opset, form):
    """An enlargement in the forms of each opset."""
    wanted = {
        "scales": ("sum scales", {"scales": FLOAT([1, 1, 2, 2])}), "roi": ("sum roi scales", {
            "scales": FLOAT([1, 1, 2, 2]), "roi": np.zeros(0, FLOAT)}),
        "sizes": ("sum - - sizes", {"sizes": np.int64([1, 3, 16, 16])}), "attribute": ("sum", {}),
        "given": ("sum roi scales", {"ones": FLOAT([0, 0, 1, 1]), "roi": np.zeros(0, FLOAT)}),
        "node": ("sum - scales", {}), "crop": ("sum roi scales", {
            "scales": FLOAT([1, 1, 2, 2]), "roi": FLOAT([0, 0, 0.1, 0.2, 1, 1, 0.7, 0.9])}),
    }
    inputs, weights = wanted[form]
    op = "Upsample" if opset < 10 else "Resize"
    attributes = {"scales": [1.0, 1.0, 2.0, 2.0]} if form == "attribute" else {}
    if form == "crop":
        attributes["coordinate_transformation_mode"] = "tf_crop_and_resize"
    before = [node("Add", "given ones", "scales")] if form == "given" else []
    before += [constant("scales", FLOAT([1, 1, 2, 2]))] if form == "node" else []
    nodes = [*before, node("Add", "x c", "sum"), node(op, inputs, "big", mode="linear" if opset > 10 else "nearest",
                                                      **attributes),
             node("Relu", "big", "y")]
    given = {"given": [4]} if form == "given" else {}
    return graph(nodes, {"x": [1, 3, 8, 8], **given}, {"y": [1, 3, None, None]}, {"c": random(1, 3, 8, 8), **weights},
                 opset,
                 feeds={"given": every(FLOAT([1, 1, 1, 1]))} if given else None, ir_version=8)


for version, shape in [(7, "attribute"), (9, "scales"), (10, "scales"), (11, "roi"), (13, "roi"), (13, "crop"),
                       (13, "sizes"),
                       (19, "sizes"), (19, "node"), (20, "roi"), (20, "given")]:
    variant(f"resize_{version}_{shape}", resized, version, shape, half="sum big y",
            float32="scales" if shape == "given" else "", **({"runtime": "onnxruntime"} if shape == "crop" else {}))


@case(data=False, half="row", float32="plugin", limits=[IDLE])
def plugin():
    """An operator of which nothing is known, beside some whose results have other ranks."""
    nodes = [node("GatherND", "x indices", "row", batch_dims=1), node("Gather", "v zero", "first"),
             cast("first", "scalar", T.FLOAT),
             node("Unsqueeze", "v axes", "column"), h.make_node("Unknown", ["row"], ["plugin"], name="plugin",
                                                                domain="own.plugins"),
             node("Add", "plugin row", "y")]
    weights = {"indices": np.int64([[3]]), "zero": np.int64(0), "axes": np.int64([0])}
    return graph(nodes, {"x": [1, 4, 2], "v": [4]}, {"y": [1, 2], "scalar": [], "column": [1, 4]}, weights, 19,
                 domains=["own.plugins"])


@case(half="product y", float32="curve", runtime="onnxruntime")
def contributed():
    """An operator of ONNX Runtime's own domain."""
    nodes = [node("MatMul", "x w", "product"), h.make_node("Gelu", ["product"], ["curve"], name="curve",
                                                           domain="com.microsoft"),
             node("MatMul", "curve w", "y")]
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, {"w": weight(8, 8)}, domains=["com.microsoft"])


@case(float32="single")
def double_io():
    """Inputs and outputs in float64."""
    nodes = [cast("x", "single", T.FLOAT), node("MatMul", "single w", "product"), node("Relu", "product", "relu"),
             cast("relu", "y", T.DOUBLE)]
    return graph(nodes, {"x": ([2, 4], T.DOUBLE)}, {"y": ([2, 3], T.DOUBLE)}, {"w": weight(4, 3)})


@case(half="product")
def double_inside():
    """Float64 between float32."""
    nodes = [node("MatMul", "x w", "product"), cast("product", "wide", T.DOUBLE), node("Add", "wide c", "sum"),
             cast("sum", "narrow", T.FLOAT),
             node("Relu", "narrow", "y")]
    model, feeds = graph(nodes, {"x": [2, 4]}, {"y": [2, 3]}, {"w": weight(4, 3)})
    model.graph.initializer.append(h.make_tensor("c", T.DOUBLE, [3], [1.0, 1e-9, 3.0]))
    return model, feeds


@case(half="product y")
def sequences():
    """Tensors that go through sequences."""
    nodes = [node("MatMul", "x w", "product"), node("SequenceConstruct", "product x", "both"),
             node("SequenceAt", "both one", "second"),
             node("ConcatFromSequence", "both", "all", axis=0), node("Add", "second product", "sum"),
             node("Concat", "all sum", "joined", axis=0),
             node("Relu", "joined", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [6, 4]}, {"w": weight(4, 4), "one": np.int64(1)})


@case(float32="parts again", half="product y", runtime="onnxruntime")
def split_to_sequence():
    nodes = [node("MatMul", "x w", "product"), node("SplitToSequence", "product", "parts", axis=0),
             node("SequenceEmpty", "", "none", dtype=T.FLOAT),
             node("SequenceAt", "parts zero", "first"), node("SequenceInsert", "none first", "some"),
             node("SequenceAt", "some zero", "again"),
             node("SequenceLength", "parts", "count"), node("Relu", "again", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [None, 4], "count": ([], T.INT64)},
                 {"w": weight(4, 4), "zero": np.int64(0)})


@case(half="upper lower y")
def absent_inputs():
    """Inputs and outputs that are left out."""
    nodes = [node("Clip", "x - one", "upper"), node("Clip", "upper one_below", "lower"),
             node("Dropout", "lower", "dropped"),
             node("Unsqueeze", "dropped axes", "deep"), node("LSTM", "deep w r - - start", "- last -", hidden_size=4),
             node("Squeeze", "last", "flat"), node("Resize", "four - - sizes", "y")]
    nodes.insert(-1, node("Unsqueeze", "flat axes_2", "four"))
    weights = {"one": FLOAT(1), "one_below": FLOAT(-1), "axes": np.int64([0]), "axes_2": np.int64([0, 1]),
               "w": weight(1, 16, 4), "r": weight(1, 16, 4),
               "start": np.zeros((1, 3, 4), FLOAT), "sizes": np.int64([1, 1, 6, 8])}
    return graph(nodes, {"x": [3, 4]}, {"y": [1, 1, 6, 8]}, weights)


@case(half="y z")
def numbers_of_shapes():
    """Floats that a ConstantOfShape, a Range, an EyeLike and Casts of integers and booleans make."""
    nodes = [node("Shape", "x", "shape"), node("ConstantOfShape", "shape", "fill", value=stored("v", FLOAT([0.3]))),
             node("Add", "x fill", "a"), node("Range", "zero eight one", "count"), node("Mul", "a count", "b"),
             cast("shape", "sizes", T.FLOAT), node("Gather", "sizes index", "size"), node("Div", "b size", "c"),
             node("Greater", "c nothing", "is"), cast("is", "mask", T.FLOAT), node("Mul", "c mask", "y"),
             node("EyeLike", "x", "eye"), node("Add", "eye y", "z")]
    weights = {"zero": FLOAT(0), "eight": FLOAT(8), "one": FLOAT(1), "index": np.int64(1), "nothing": FLOAT(0)}
    return graph(nodes, {"x": [8, 8]}, {"y": [8, 8], "z": [8, 8]}, weights)


@case(float32="noise like uniform", runtime="onnxruntime")
def random_operators():
    nodes = [node("RandomNormal", "", "noise", shape=[4, 4], seed=3.0), node("RandomNormalLike", "x", "like", seed=4.0),
             node("RandomUniform", "", "uniform", shape=[4], seed=5.0), node("Add", "x noise", "a"),
             node("Mul", "a like", "b"),
             node("Sub", "b uniform", "y")]
    return graph(nodes, {"x": [4, 4]}, {"y": [4, 4]})


@case(float32="states", runtime="onnxruntime")
def recurrent():
    nodes = [node("GRU", "x w r", "states last", hidden_size=4), node("Squeeze", "states axes", "flat"),
             node("Relu", "flat", "y")]
    return graph(nodes, {"x": [5, 1, 4]}, {"y": [5, 1, 4]}, {"w": weight(1, 12, 4), "r": weight(1, 12, 4),
                                                             "axes": np.int64([1])})


@case(half="heads y", runtime="onnxruntime")
def fused_attention():
    nodes = [node("Attention", "q k v", "heads", q_num_heads=2, kv_num_heads=2),
             node("RMSNormalization", "heads g", "norm"),
             node("MatMul", "norm w", "y")]
    shape = [1, 6, 16]
    return graph(nodes, {"q": shape, "k": shape, "v": shape}, {"y": shape},
                 {"w": weight(16, 16), "g": random(16, mean=1)}, 23)


@case(runtime="onnxruntime", half="product y")
def integer_product():
    """A product that quantizes its input as it runs, in operators that take float32 alone."""
    nodes = [node("MatMul", "x v", "product"), node("DynamicQuantizeLinear", "product", "q q_step q_zero"),
             node("MatMulInteger", "q w q_zero", "whole"), cast("whole", "float", T.FLOAT),
             node("Mul", "q_step w_step", "step"),
             node("Mul", "float step", "result"), node("MatMul", "result v", "y")]
    weights = {"v": weight(8, 8), "w": np.round(random(8, 8, scale=40)).clip(-127, 127).astype(np.int8),
               "w_step": FLOAT(0.01)}
    return graph(nodes, {"x": [2, 8]}, {"y": [2, 8]}, weights)


@case(half="joined y")
def einsum_and_more():
    """Operators beside the common ones."""
    nodes = [node("Einsum", "x w", "product", equation="ij,jk->ik"),
             node("Split", "product", "left right", axis=1, num_outputs=2),
             node("Concat", "right left", "joined", axis=1), node("Trilu", "joined", "upper"),
             node("ScatterND", "upper where what", "changed"),
             node("Pad", "changed pads filler", "padded"), node("Slice", "padded begin end", "part"),
             node("Expand", "part wide", "many"),
             node("PRelu", "many slope", "y")]
    weights = {"w": weight(8, 8), "where": np.int64([[0], [1]]), "what": random(2, 8), "pads": np.int64([1, 0, 0, 0]),
               "filler": FLOAT(0.25),
               "begin": np.int64([0, 0]), "end": np.int64([5, 8]), "wide": np.int64([2, 5, 8]), "slope": random(8)}
    return graph(nodes, {"x": [8, 8]}, {"y": [2, 5, 8]}, weights, 18)


@case(float32="first more", half="product y", data=False)
def sequence_input():
    """A sequence that the caller gives, and one that goes out."""
    model, _ = graph([node("SequenceAt", "given zero", "first"), node("MatMul", "first w", "product"),
                      node("SequenceInsert", "given product", "more"),
                      node("Relu", "product", "y")], {}, {"y": [None, 4]}, {"w": weight(4, 4), "zero": np.int64(0)})
    model.graph.input.append(h.make_tensor_sequence_value_info("given", T.FLOAT, [2, 4]))
    model.graph.output.append(h.make_tensor_sequence_value_info("more", T.FLOAT, None))
    return model, {}


@case(float32="scaled whole", runtime="onnxruntime")
def cast_like():
    """Types that follow those of another tensor."""
    nodes = [node("MatMul", "x w", "product"), node("CastLike", "i product", "float"),
             node("Mul", "product float", "scaled"),
             node("CastLike", "scaled i", "whole"), cast("whole", "again", T.FLOAT), node("Sub", "scaled again", "y")]
    return graph(nodes, {"x": [2, 4], "i": ([2, 4], T.INT32)}, {"y": [2, 4]}, {"w": weight(4, 4)},
                 feeds={"i": np.resize(np.int32([1, 2, 3]), (RUNS, 2, 4))})


@case(half="product relu again y")
def clip_of_every_number():
    """Clips as old exporters wrote a Relu: up to the largest number of float32."""
    nodes = [node("MatMul", "x w", "product"), node("Clip", "product zero largest", "relu"),
             node("Clip", "relu zero infinity", "again"), node("MatMul", "again w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "zero": FLOAT(0),
                                                       "largest": np.finfo(FLOAT).max, "infinity": FLOAT(np.inf)})


@case(half="relu y")
def clip_of_opset_6():
    nodes = [node("MatMul", "x w", "product"), node("Clip", "product", "relu", min=0.0, max=float(np.finfo(FLOAT).max)),
             node("MatMul", "relu w", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4)}, 9, ir_version=4)


@case(half="product y", runtime="onnxruntime")
def optional_tensor():
    nodes = [node("MatMul", "x w", "product"), node("Optional", "product", "maybe"),
             node("OptionalHasElement", "maybe", "has"),
             node("OptionalGetElement", "maybe", "again"), node("Relu", "again", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4], "has": ([], T.BOOL)}, {"w": weight(4, 4)}, 18)


@case(half="conv y", least=30, runtime="onnxruntime")
def quantized_operators():
    """QLinearConv, whose scales ONNX defines for float32 alone, between float operators."""
    nodes = [node("Conv", "x v", "conv"), node("QuantizeLinear", "conv step zero", "q"),
             node("QLinearConv", "q step zero whole w_step w_zero step zero", "r"),
             node("DequantizeLinear", "r step zero", "float"), node("Relu", "float", "y")]
    weights = {"v": weight(4, 3, 1, 1), "step": FLOAT(0.03), "zero": np.uint8(128),
               "whole": np.rint(random(4, 4, 3, 3, scale=30)).clip(-127, 127).astype(np.int8),
               "w_step": FLOAT(0.004), "w_zero": np.int8(0)}
    return graph(nodes, {"x": [1, 3, 8, 8]}, {"y": [1, 4, 6, 6]}, weights)


@case(half="product", float32="coins", runtime="onnxruntime")
def noise_and_dropout():
    """Operators that say how they draw in an input or an attribute."""
    nodes = [node("MatMul", "x w", "product"), node("Dropout", "product ratio training", "dropped", seed=3),
             node("Bernoulli", "chance", "coins", seed=2.0),
             node("Mul", "dropped coins", "y")]
    return graph(nodes, {"x": [2, 4]}, {"y": [2, 4]}, {"w": weight(4, 4), "ratio": FLOAT(0.25),
                                                       "training": np.bool_(True), "chance": FLOAT([[0.5] * 4] * 2)})
