"""A model with everything that a file can contain, and the proof that an edit leaves the rest unchanged.

    python lossless.py make FOLDER    writes everything.onnx, and sparse.onnx with data past 2 GiB in sparse.data
    python lossless.py check FOLDER   compares everything.edited.onnx with everything.onnx but for the edit
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

UNKNOWN = 1000
FAR = 2**31 + 8192


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def unknown(message, number):
    """Adds fields that no version of ONNX defines, of every wire type."""
    tag = lambda field, kind: varint((UNKNOWN + field) << 3 | kind)
    content = f"unknown {number}".encode()
    message.MergeFromString(
        tag(0, 0) + varint(number) + tag(1, 1) + bytes(8) + tag(2, 2) + varint(len(content)) + content
        + tag(3, 5) + b"\x01\x02\x03\x04"
    )


def everything():
    weight = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "w")
    weight.doc_string = "weights"
    typed = helper.make_tensor("typed", TensorProto.FLOAT16, [2], [1.5, -2.0])
    text = helper.make_tensor("text", TensorProto.STRING, [2], [b"a", b"\xff\xfe"])
    packed = helper.make_tensor("packed", TensorProto.INT4, [3], [1, -2, 3])
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "s"),
        numpy_helper.from_array(np.array([0, 3], np.int64), "s_indices"),
        [4],
    )
    branch = lambda name: helper.make_graph(
        [helper.make_node("Identity", ["h"], [name], name=f"{name}_node")], name, [],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.array([1], np.int64), f"{name}_unused")],
    )
    then_branch, else_branch = branch("t"), branch("e")
    unknown(then_branch.node[0], 1)
    unknown(then_branch, 2)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product", doc_string="the product"),
        helper.make_node("If", ["flag"], ["i"], name="if", then_branch=then_branch, else_branch=else_branch),
        helper.make_node("Twice", ["i"], ["y"], domain="local", name="call"),
        helper.make_node("Constant", [], ["k"], sparse_value=sparse),
        helper.make_node("Constant", [], ["l"], value_strings=["a", "b"]),
    ]
    unknown(nodes[0], 3)
    unknown(nodes[1].attribute[0], 4)
    nodes[0].metadata_props.add(key="origin", value="here")
    nodes[0].device_configurations.add(configuration_id="pair").sharding_spec.add(tensor_name="w", device=[0, 1])
    graph = helper.make_graph(
        nodes, "everything",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2], "the input"),
            helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weight, typed, text, packed], "a graph", [helper.make_tensor_value_info("h", TensorProto.FLOAT, ["n", 3])],
        [sparse],
    )
    graph.quantization_annotation.add(tensor_name="h").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="w")
    graph.metadata_props.add(key="graph", value="entry")
    graph.input[0].type.denotation = "IMAGE"
    graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    unknown(graph, 5)
    unknown(graph.initializer[0], 6)
    unknown(graph.input[0].type.tensor_type.shape.dim[0], 7)
    unknown(graph.input[0].type, 8)
    body = [helper.make_node("Add", ["a", "a"], ["b"], name="add")]
    function = helper.make_function("local", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 17)], ["unused"])
    unknown(function, 9)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    model = helper.make_model(
        graph, opset_imports=imports, ir_version=10, functions=[function], producer_name="maker",
        producer_version="1.2", domain="org.example", model_version=7, doc_string="a model",
    )
    model.metadata_props.add(key="author", value="somebody")
    model.configuration.add(name="pair", num_devices=2, device=["a", "b"])
    training = model.training_info.add()
    training.algorithm.CopyFrom(helper.make_graph([helper.make_node("Neg", ["w"], ["n"])], "step", [], []))
    training.update_binding.add(key="w", value="n")
    unknown(training, 10)
    unknown(model.opset_import[0], 11)
    unknown(model, 12)
    return model


def far_away():
    """A weight beyond 2 GiB, and one of 2 GiB, in a sparse file that uses no disk space."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": "sparse.data", "offset": FAR, "length": 16}.items():
        tensor.external_data.add(key=key, value=str(value))
    huge = TensorProto(name="h", data_type=TensorProto.UINT8, dims=[2**31], data_location=TensorProto.EXTERNAL)
    huge.external_data.add(key="location", value="sparse.data")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "far",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])], [tensor, huge],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def make(folder):
    model = everything()
    (folder / "everything.onnx").write_bytes(model.SerializeToString())
    (folder / "sparse.onnx").write_bytes(far_away().SerializeToString())
    with open(folder / "sparse.data", "wb") as data:
        data.seek(FAR)
        data.write(np.arange(4, dtype=np.float32).tobytes())


def check(folder):
    """Reverts the edit, then compares every byte."""
    before = onnx.load_model_from_string((folder / "everything.onnx").read_bytes())
    after = onnx.load_model_from_string((folder / "everything.edited.onnx").read_bytes())
    [entry] = [entry for entry in after.metadata_props if entry.key == "edited"]
    after.metadata_props.remove(entry)
    [added] = [node for node in after.graph.node if node.name == "added"]
    assert [node.name for node in after.graph.node][:3] == ["product", "added", "if"]
    after.graph.node.remove(added)
    for branch in after.graph.node[1].attribute:
        assert branch.g.node[0].input[0] == "h_added"
        branch.g.node[0].input[0] = "h"
    [stored] = [tensor for tensor in after.graph.initializer if tensor.name == "new"]
    assert numpy_helper.to_array(stored).tolist() == [1, 2, 3]
    after.graph.initializer.remove(stored)
    assert after.SerializeToString() == before.SerializeToString()


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
