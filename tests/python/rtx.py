#!/usr/bin/env python3
"""Builds TensorRT-RTX engines from ONNX models on a machine without a GPU.

usage: rtx.py MODEL...

Prints for each model whether TensorRT-RTX builds it, its error message if not, and the types on which the
convolutions and matrix products run. The build tool is compiled once, into `target/trt_rtx`. The libraries come from
the Python package tensorrt_rtx_cu12_libs, the headers from the source crate that `tests/trt_rtx/headers` names.
"""
import functools
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import engine_types
import measured

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import tensorrt_headers  # noqa: E402

SOURCE = ROOT / "tests/trt_rtx/build_engine.cpp"
LIBRARIES = "tensorrt_rtx_cu12_libs"
SM = 86


@dataclass
class Engine:
    """The result of a build: whether TensorRT built the model, its output, and the operations of the engine."""

    built: bool
    log: str
    operations: list

    def of_node(self, node):
        """Lists the convolutions and matrix products of an ONNX node. For one in a branch, the If follows its
        name."""
        is_it = lambda layer: layer == node or layer.startswith(f"{node} | ")
        return [op for op in self.operations if op.is_matrix and any(map(is_it, op.layers))]


@functools.cache
def _tool():
    """Returns the path of the compiled build tool. Compiles it if it is missing or older than its source."""
    tool = ROOT / "target/trt_rtx/build_engine"
    if not tool.exists() or tool.stat().st_mtime < SOURCE.stat().st_mtime:
        tool.parent.mkdir(parents=True, exist_ok=True)
        # Processes and threads may compile at the same time: each writes its own file, and the last one
        # stays.
        fresh = pathlib.Path(tempfile.mkdtemp(dir=tool.parent)) / tool.name
        subprocess.run(
            [os.environ.get("CXX", "c++"), "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror",
             *tensorrt_headers.headers("rtx-1.7"), SOURCE, "-o", fresh, "-ldl"],
            check=True,
        )
        fresh.replace(tool)
        fresh.parent.rmdir()
    return tool


def prepare():
    """Compiles the build tool and finds the libraries, so that missing parts are reported before the first build."""
    _tool()
    libraries()


@functools.cache
def libraries():
    package = importlib.util.find_spec("tensorrt_rtx_libs")
    if package is None:
        raise RuntimeError(f"the Python package {LIBRARIES} is missing: run `make python`")
    folder = pathlib.Path(package.origin).parent
    return folder / "libtensorrt_rtx.so.1", folder / "libtensorrt_onnxparser_rtx.so.1"


def build(model, shapes=(1, 2, 4), sm=SM):
    """Returns the engine of a model file. `shapes` is the (min, opt, max) of every dynamic dimension. An engine that
    was built of the same bytes is not built again: see measured.py."""
    depends = [*measured.model(model), *map(pathlib.Path, (__file__, engine_types.__file__)), SOURCE, tensorrt_headers.CRATE, shapes, sm,
               measured.versions(LIBRARIES)]
    status, log, operations = measured.kept(depends, lambda: _build(model, shapes, sm), lambda found: found[0] >= 0)
    return Engine(status == 0, log, operations)


def _build(model, shapes, sm):
    """Returns the tool's exit status (below 0 if a signal ended it), its output, and the operations of the
    engine."""
    with tempfile.TemporaryDirectory() as folder:
        engine = pathlib.Path(folder) / "engine"
        run = subprocess.run(
            [_tool(), *libraries(), str(sm), model, engine, *map(str, shapes)],
            capture_output=True, text=True, errors="replace", timeout=300,
        )
        if run.returncode not in (0, 1) and run.returncode >= 0:
            raise RuntimeError(f"build_engine {model}: {run.stderr.strip()}")
        operations = engine_types.operations(engine.read_bytes()) if run.returncode == 0 else []
        return run.returncode, run.stderr, operations


def build_to(model, engine, shapes=(1, 2, 4), sm=SM):
    """Builds an engine into a file. Returns nothing, or TensorRT's messages if it refuses the model."""
    command = [_tool(), *libraries(), str(sm), model, engine, *map(str, shapes)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    return "" if run.returncode == 0 else run.stderr.strip() or f"exit status {run.returncode}"


def main(models):
    """Prints the result for each model."""
    for model in models:
        engine = build(model)
        print(f"{model}: {'built' if engine.built else 'REFUSED'}")
        for operation in engine.operations:
            print(f"  {operation}  <- {' '.join(operation.layers)}")
        if engine.log:
            print("  " + engine.log.strip().replace("\n", "\n  "))


if __name__ == "__main__":
    main(sys.argv[1:])
