#!/usr/bin/env python3
"""The operations of a TensorRT-RTX engine and the types of the tensors that they run on.

usage: engine_types.py ENGINE...

An engine that libtensorrt_rtx 1.7 serialises contains a text plan: a section `descriptors` with the type of each
tensor and a section `main` with the operations. A convolution is a `corrltn`, a matrix product a `fully_connected`,
attention a function with `gemm` in its name. Each may also be the backbone of a `runtime_fusion`. An operation lists
the ONNX nodes of its origin. So a convolution that really runs in INT8 can be distinguished from one that the
builder silently left in fp32. The format is undocumented, so the library's version is pinned.
"""
import collections
import re
import sys
from dataclasses import dataclass

MATRIX_OPS = {"corrltn", "fully_connected", "deconvolution"}


@dataclass
class Operation:
    """One operation of the plan: its kind, its name, the ONNX nodes of its origin, and its tensors' types."""

    kind: str
    name: str
    backbone: str
    layers: list
    inputs: list
    outputs: list

    @property
    def is_matrix(self):
        """Whether this is a convolution or a matrix product."""
        return self.kind in MATRIX_OPS or bool(self.backbone) or "gemm" in self.name

    @property
    def is_int8(self):
        """Whether both operands are INT8."""
        return self.inputs.count("int8") >= 2

    def __str__(self):
        label = f"{self.kind}({self.name})" if self.kind in ("function", "runtime_fusion") else self.kind
        return f"{label} {'x'.join(self.inputs)}->{','.join(self.outputs)}"


def _names(keys, text):
    for key in keys:
        found = re.search(r"\b" + key + r"=\{([^}\n]*)", text)
        if found:
            return re.findall(r'"([^"]+)"', found.group(1))
    return []


def _tensor_types(declarations):
    types = {}
    for line in re.findall(r"tensor=\{.*", declarations):
        name, kind = re.search(r'name="([^"]+)"', line), re.search(r" type=(\w+)", line)
        if name and kind and kind.group(1) != "bool":
            types[name.group(1)] = kind.group(1)
    return types


def operations(engine):
    """Lists the operations of the main section of every plan in the bytes of an engine, in order."""
    found = []
    for start in (match.start() for match in re.finditer(rb"header \{", engine)):
        text = engine[start:].decode("latin1")
        main = re.search(r"^main \{", text, re.M)
        if not main:
            continue
        types = _tensor_types(text[: main.start()])
        body = text[main.start() : text.find("\n}\n", main.start())]
        for entry in re.split(r"\n(?=  \w+=\{ name)", body)[1:]:
            kind = re.match(r"\s*(\w+)=\{", entry).group(1)
            name = re.search(r'name="?([^"\s]+)', entry)
            backbone = re.search(r"\bbackbone=(\w+)", entry)
            found.append(
                Operation(
                    kind,
                    name.group(1) if name else "",
                    backbone.group(1) if backbone else "",
                    re.findall(r"\[ONNX Layer: ([^\]]*)\]", entry),
                    [types[x] for x in _names(("input_args", "input"), entry) if types.get(x, "int64") != "int64"],
                    [types[x] for x in _names(("output_args", "output"), entry) if x in types],
                )
            )
    return found


def main(paths):
    """Prints the number of each operation with its types."""
    for path in paths:
        with open(path, "rb") as file:
            count = collections.Counter(str(operation) for operation in operations(file.read()))
        print(path)
        for operation, times in count.items():
            print(f"  {times:4} {operation}")


if __name__ == "__main__":
    main(sys.argv[1:])
