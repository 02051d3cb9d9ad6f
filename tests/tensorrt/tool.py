#!/usr/bin/env python3
"""Builds engines of the test models with TensorRT-RTX from the shell: `qdq quantize --engine` and `qdq engine`.

usage: tool.py FOLDER

FOLDER comes from make_models.py. The tool is built with the Cargo feature `tensorrt`, against the headers of TensorRT-RTX.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import onnx

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from engines import in_float, native, onnxruntime_library, rtx  # noqa: E402
from tensorrt_headers import headers  # noqa: E402

CARGO = os.environ.get("CARGO", "cargo")
RECOVERY = ["--equalize", "--learned-rounding", "--bias-correction"]
RECOVERED = ("residual_cnn", "mobilenet", "unet", "gemm_variants", "vision_transformer")
FOLDER = native.ROOT / "target" / "tensorrt"
TOOL = FOLDER / "debug" / "qdq"
# With an example, the features of the dependencies are those of the tests, so that none is compiled again.
BUILD = ["build", "--quiet", "--locked", "--bin", "qdq", "--example", "pipeline"]


def build():
    """Builds the tool with the feature, in a folder of its own: in that of the tests each of the two would compile the
    library anew, and with it the tests."""
    take_dependencies(native.ROOT / "target" / "debug", FOLDER / "debug")
    include = os.pathsep.join(folder for folder in headers("rtx-1.7") if folder != "-isystem")
    run(CARGO, *BUILD, "--features", "tensorrt", "--target-dir", FOLDER, cwd=native.ROOT, QDQ_TENSORRT_INCLUDE=include)
    run(CARGO, *BUILD, cwd=native.ROOT)


def take_dependencies(source, folder):
    """Gives a build folder the dependencies that another one has compiled: libraries as links, which cargo replaces and
    never changes, the rest as copies. Cargo decides itself whether they are up to date."""
    of_qdq = re.compile(r"(lib)?qdq[-.][0-9a-z]*(\.\w+)?")
    for path in (path for part in ("deps", "build", ".fingerprint") for path in (source / part).rglob("*")):
        inside = path.relative_to(source)
        is_library = inside.parts[0] == "deps" and path.suffix in (".rlib", ".rmeta", ".so")
        if of_qdq.fullmatch(inside.parts[1]) or not path.is_file() or inside.parts[0] == "deps" and not is_library:
            continue
        taken = folder / inside
        taken.parent.mkdir(parents=True, exist_ok=True)
        taken.unlink(missing_ok=True)
        (os.link if is_library else shutil.copy2)(path, taken)


def run(*command, fails=None, only_stdout=False, cwd=None, **environment):
    """Runs a command and returns its output. With `fails`, it must fail and print that."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, errors="replace",
                          env={**os.environ, **environment}, timeout=900)
    said = done.stdout + done.stderr
    if fails is None and done.returncode != 0:
        raise native.Failure(f"exit status {done.returncode} of {' '.join(map(str, command))}:\n{said}")
    if fails is not None and (done.returncode != 2 or fails not in said):
        raise native.Failure(f"exit status {done.returncode} instead of 2 with '{fails}':\n{said}")
    return done.stdout if only_stdout else said


def shapes(model):
    """Returns options for every input: 1, 2 and 4 for the sizes that the model leaves open."""
    graph = onnx.load(model, load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    options = []
    for tensor in graph.input:
        if tensor.name in constants:
            continue
        dims = tensor.type.tensor_type.shape.dim
        ends = ["x".join(str(d.dim_value or size) for d in dims) for size in (1, 2, 4)]
        options += ["--shapes", f"{tensor.name}={':'.join(ends)}"]
    return options


def given(folder, entry):
    """Returns the model's path, the build options of its engine, the runtime that calibrates it, and the
    environment."""
    environment = {"QDQ_ONNXRUNTIME": str(onnxruntime_library()), "QDQ_TENSORRT": str(rtx.libraries()[0].parent)}
    path = folder / entry["model"]
    options = ["--compute-capability", "8.6", *shapes(path)]
    return path, options, ["--runtime", "embedded" if entry["embedded"] else "onnxruntime"], environment


def model(folder, entry):
    """Runs `qdq quantize --engine`, then `qdq engine` with its file, and with the float model and the cache."""
    path, options, runtime, environment = given(folder, entry)
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch)
        said = run(TOOL, "quantize", path, "-d", folder / entry["calibration"], "-o", out / "qdq.onnx",
                   "--cache", out / "cache", "--engine", out / "first", *runtime, *options, **environment)
        shown(said, run(TOOL, "cost", out / "first", **environment), "kernels of ")
        said = run(TOOL, "engine", out / "qdq.onnx", "-o", out / "second", "--against", out / "first", *options, **environment)
        shown(said, run(TOOL, "cost", out / "second", "--against", out / "first", **environment), "1.00")
        run(TOOL, "engine", path, "--ranges", out / "cache", "-o", out / "third", *options, **environment)
        problems = [f"{name} engine: {problem}" for name in ("first", "second", "third")
                    for problem in in_float(out / name, folder, entry)]
    if problems:
        raise native.Failure("\n".join(problems))


def shown(built, read, part):
    """Checks that a build prints the kernels of its engine as `qdq cost` does, with a line about all that has `part`."""
    table = [line for line in read.splitlines() if line and not line.startswith("qdq:")]
    missing = [line for line in table if line not in built.splitlines()]
    if missing or not any("kernels" in line and part in line for line in table):
        raise native.Failure(f"the build printed\n{built}\nand `qdq cost`\n{read}")


def recovered(folder, entry, bits):
    """Checks that weights of fewer bits, int8 with wider steps, stay in INT8 with all methods of recovery."""
    path, options, runtime, environment = given(folder, entry)
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch)
        run(TOOL, "quantize", path, "-d", folder / entry["calibration"], "-o", out / "qdq.onnx", "--weight-bits", bits,
            *RECOVERY, "--engine", out / "engine", *runtime, *options, **environment)
        problems = in_float(out / "engine", folder, entry) + integers(out / "qdq.onnx", out / "engine", bits)
    if problems:
        raise native.Failure("\n".join(problems))


def integers(model, engine, bits):
    """Lists problems of the stored weights. TensorRT-RTX keeps their integers unchanged, channels last. Those of the
    first and the last layer may be padded."""
    graph, built = onnx.load(model).graph, engine.read_bytes()
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    stored = [node.input[0] for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in values]
    low, high = -2 ** (bits - 1), 2 ** (bits - 1) - 1
    problems = [f"{name} is {values[name].dtype} from {values[name].min()} to {values[name].max()}" for name in stored
                if values[name].dtype != "int8" or values[name].min() < low or values[name].max() > high]
    last = lambda value: value.transpose(0, *range(2, value.ndim), 1) if value.ndim > 2 else value
    kept = [name for name in stored if any(form.tobytes() in built for form in (values[name], last(values[name])))]
    if 2 * len(kept) < len(stored) or not stored:
        problems.append(f"of {stored} the engine keeps only {kept}")
    return problems


def refusals(folder):
    """Checks requests that are refused, and that they leave no files."""
    path, library = folder / "residual_cnn.onnx", rtx.libraries()[0].parent
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "engine"
        given = ["--compute-capability", "8.6", *shapes(path)]
        build = [TOOL, "engine", path, "-o", out, "--tensorrt", library]
        run(*build, "--compute-capability", "8.6", fails="'image' has a shape that is decided at run time")
        run(*build, "--compute-capability", "9.0", *shapes(path), fails="does not build for one of the compute capabilities")
        run(*build, "--compute-capability", "8.6", "--shapes", "none=1x3x32x32", fails="shapes for 'none', which is no input of the network")
        run(*build, *given, "--against", out.with_name("none"), fails="cannot read")
        run(*build, *given, "--against", HERE / "tool.py", fails="is no engine of TensorRT")
        # Half precision casts the model for RTX, which has no flag for it.
        moved = json.loads(run(*build, *given, "--fp16", "--json", only_stdout=True))["cost"]["moved"]
        if "f16" not in [one["type"] for one in moved]:
            raise native.Failure(f"an engine in half precision moves {moved}")
        out.unlink()
        written = out.with_name("qdq.onnx")
        said = run(TOOL, "quantize", path, "-d", folder / "residual_cnn.calib.npz", "-o", written, "--engine", out, "--fp16",
                   "--tensorrt", library, *given, "--json", only_stdout=True)
        moved = json.loads(said)["cost"]["moved"]
        if not {"i8", "f16"} <= {one["type"] for one in moved}:
            raise native.Failure(f"a quantized engine in half precision moves {moved}")
        out.unlink(), written.unlink()
        run(*build, *given, "--opset", "19", fails="--opset changes nothing")
        run(*build, *given, "--timing-cache", out.with_name("times"), fails="keeps no timing cache")
        run(TOOL, "engine", path, "-o", out, "--tensorrt", scratch, *given, fails="there are no libtensorrt_rtx.so.1")
        run(TOOL, "engine", HERE / "tool.py", "-o", out, "--tensorrt", library, *given, fails="tool.py")
        run(native.ROOT / "target" / "debug" / "qdq", "engine", path, "-o", out, fails="this qdq was built without TensorRT")
        left = list(pathlib.Path(scratch).iterdir())
    if left:
        raise native.Failure(f"left behind: {left}")


def main(arguments):
    folder = pathlib.Path(arguments[0])
    build()
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry["rtx"]]
    jobs = [(entry["name"], model, folder, entry) for entry in entries] + [("refusals", refusals, folder)]
    jobs += [(f"{entry['name']}, recovered, {bits} bits", recovered, folder, entry, bits)
             for entry in entries if entry["name"] in RECOVERED for bits in (4, 8)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (name, *_), problem in zip(jobs, pool.map(attempt, jobs)):
            failed += bool(problem)
            print(f"FAILED  {name}\n{problem}" if problem else f"ok      {name}", flush=True)
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return failed > 0


def attempt(job):
    _, function, *arguments = job
    try:
        return function(*arguments)
    except native.Failure as failure:
        return str(failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
