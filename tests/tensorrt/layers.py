#!/usr/bin/env python3
"""Builds an engine of quantized layers alone with TensorRT-RTX on the CPU: their products must run in INT8. Then it
runs the program of `make test-gpu` up to the point that needs a GPU.

usage: layers.py
"""

import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "python")]

import engine_types  # noqa: E402
import gpu  # noqa: E402
import native  # noqa: E402
import rtx  # noqa: E402
from compare_with_peer import onnxruntime_library  # noqa: E402
from tensorrt_headers import headers  # noqa: E402

LIBRARY = native.ROOT / "target" / "debug"
# The number of operations of each kind that run in INT8, and in float. The products of queries and keys,
# which read one tensor, become one. Transposed convolutions never run in INT8.
EXPECTED = {"corrltn": [3, 0], "fully_connected": [3, 0], "deconvolution": [0, 1], "maxpool": [1, 0]}


def main(arguments):
    suite = native.Suite("tensorrt-layers", arguments[0] if arguments else LIBRARY)
    program = suite.compile("g++", [HERE / "layers.cpp"], "-std=c++17", *native.WARNINGS, f"-I{native.ROOT / 'cpp'}",
                            *headers("rtx-1.7"), "-ldl", name="layers")

    def test():
        with tempfile.TemporaryDirectory() as scratch:
            engine = pathlib.Path(scratch) / "engine"
            native.run(program, rtx.libraries()[0], engine)
            operations = engine_types.operations(engine.read_bytes())
        found = {kind: [0, 0] for kind in EXPECTED}
        for operation in operations:
            kind = operation.backbone or operation.kind
            if kind in found:
                is_int8 = operation.inputs[0] == "int8" if kind == "maxpool" else operation.is_int8
                found[kind][0 if is_int8 else 1] += 1
        if found != EXPECTED:
            raise native.Failure("\n".join(map(str, operations)))

    suite.case("quantized layers run in INT8", test)
    if gpu.gpu()[0] is None:
        suite.case("make test-gpu without a GPU", lambda: without_gpu(suite))
    else:
        suite.skip("make test-gpu without a GPU", "there is a GPU")
    suite.end()


def without_gpu(suite):
    """Checks that it is skipped with a reason, and that its program builds the engine and ends when it must run
    it."""
    native.run(sys.executable, HERE / "gpu.py", "check", fails="skipped: ")
    program = suite.compile("g++", [HERE / "gpu" / "gpu.cpp"], "-std=c++17", *native.WARNINGS, f"-I{native.ROOT / 'cpp'}",
                            *headers("rtx-1.7"), "-ldl", name="gpu")
    library, parser = rtx.libraries()
    for way, used in (("qdq", parser), ("network", parser), ("network", "none")):
        native.run(program, library, used, way, native.DIGITS / "model.onnx", native.DIGITS / "calib.npz", suite.work / "cache",
                   fails="CUDA", QDQ_ONNXRUNTIME=str(onnxruntime_library()))


if __name__ == "__main__":
    main(sys.argv[1:])
