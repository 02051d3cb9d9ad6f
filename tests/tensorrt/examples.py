#!/usr/bin/env python3
"""Checks that the examples over TensorRT work, and that the guides show their code.

Examples of calibrators run over the stand-ins of TensorRT 8.5 and 10.3 with a fake GPU. The others are compiled
against TensorRT 11.4 and build engines with TensorRT-RTX, which needs no GPU for that.

usage: examples.py [--again] [FOLDER of libqdq and of qdq, target/debug by default]

With --again only the programs are built and run, by g++ if there is no clang++, in addition to a run with clang++.
"""

import concurrent.futures
import difflib
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "python")]

import engine_types  # noqa: E402
import native  # noqa: E402
import rtx  # noqa: E402
from native import DIGITS, ROOT, WARNINGS, Failure, run  # noqa: E402
from tensorrt_headers import STANDIN, headers  # noqa: E402

EXAMPLES = ROOT / "examples" / "tensorrt"
GUIDE = ROOT / "docs" / "migration.md"
MODEL = DIGITS / "model.onnx"
# Programs with their own calibrators use items that are deprecated in TensorRT 10. qdq's headers must not.
CXX = ["-std=c++17", *WARNINGS, "-Wno-error=deprecated-declarations", f"-I{ROOT / 'cpp'}"]
# The compiler that takes half the time, if it is installed.
COMPILER = native.compilers("clang++", "g++")[0]
HAVE_CALIBRATORS = ["8.5", "10.3"]
README_BEFORE = """#include <qdq/tensorrt.hpp>
void shown(nvinfer1::INetworkDefinition* network, nvinfer1::IBuilderConfig* config, nvinfer1::ILogger& logger);
void shown([[maybe_unused]] nvinfer1::INetworkDefinition* network, [[maybe_unused]] nvinfer1::IBuilderConfig* config,
           [[maybe_unused]] nvinfer1::ILogger& logger) {
"""
# A line in the stand-in's build result for a layer that quantizes an activation.
QUANTIZE = "/Relu_output_0_QuantizeLinear"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--again"]
    library = Path(arguments[0]) if arguments else ROOT / "target" / "debug"
    suite = native.Suite("tensorrt-examples", library)
    tests = Tests(suite, library / "qdq")
    suite.cases([*(tests.calibrators(version) for version in HAVE_CALIBRATORS),
                 *(tests.quantize(version) for version in HAVE_CALIBRATORS),
                 ("TensorRT 11's program, on 10.3", tests.kept_calibrator),
                 ("Quantize and Dequantize in a network, RTX", tests.qdq_network),
                 ("an engine in one call, RTX", tests.engine),
                 ("TensorRT 11's program, RTX", tests.kept_calibrator_on_rtx)])
    if "--again" in sys.argv:
        suite.end()
    # g++ compiles these in every run.
    suite.cases([("the README's C++", tests.readme),
                 *(tests.compiles(name, "11.4")
                   for name in ("qdq_network.cpp", "engine.cpp", "migration/after_tensorrt11.cpp", "api_network.cpp")),
                 *(tests.compiles("api_network.cpp", version) for version in ("8.5", "10.3", "rtx-1.7"))])
    guide = GUIDE.read_text()
    suite.case("the guide's C++ and differences", lambda: shown_is_real(guide))
    suite.case("the guide's commands", lambda: tests.commands(guide))
    suite.end()


class Tests:
    def __init__(self, suite, tool):
        self.suite, self.tool = suite, tool
        self.gpu = fake_gpu(suite)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            self.standins = dict(zip(HAVE_CALIBRATORS, pool.map(self.standin, HAVE_CALIBRATORS)))
        data = suite.out("data")
        self.samples = data / "samples.bin"
        numpy.load(DIGITS / "calib.npz")["input"].tofile(self.samples)
        self.ranges, self.cache = data / "ranges.json", data / "old.cache"
        run(tool, "calibrate", MODEL, "-d", DIGITS / "calib.npz", "--ranges", self.ranges, "--cache", self.cache,
            "--tensorrt-version", "8.5.1")

    def standin(self, version):
        """Returns the stand-in of TensorRT and of its parser, compiled once for all programs."""
        built = []
        for name in ("library", "digits_parser"):
            built.append(self.suite.work / f"{name}-{version}.o")
            run(COMPILER, *CXX, "-g", f"-I{ROOT / 'include'}", *headers(version), "-c", STANDIN / f"{name}.cpp",
                "-o", built[-1])
        return built

    def build(self, name, version, *more):
        """Builds a program for that version of TensorRT, over the stand-ins or linked with TensorRT-RTX."""
        source = Path(name) if Path(name).is_absolute() else EXAMPLES / name
        if version in HAVE_CALIBRATORS:
            linked, options = self.standins[version], headers(version)
        else:
            linked, options = [], [*headers(version), f"-I{STANDIN / 'cuda'}"]
            more = [*rtx.libraries(), f"-Wl,-rpath,{rtx.libraries()[0].parent}", *more]
        if "cuda_runtime_api.h" in source.read_text():
            linked = [*linked, self.gpu / "libcudart.so.12"]
        return self.suite.compile(COMPILER, [source, *linked], *CXX, *options, *more, "-ldl",
                                  name=f"{source.stem}-{version}")

    def run(self, program, *arguments):
        """Runs a program over the fake GPU, and checks that it leaves nothing there."""
        report = Path(f"{program}.report")
        report.unlink(missing_ok=True)
        said = run(program, *arguments, LD_LIBRARY_PATH=str(self.gpu), FAKE_CUDA_REPORT=str(report))
        # A program that needs no GPU opens none.
        left = report.read_text() if report.exists() else ""
        if left and ("live allocations: 0," not in left or "errors: 0" not in left):
            raise Failure(f"the program left the GPU like this:\n{left}")
        return said

    def compiles(self, name, version):
        def test():
            native.silent(run("g++", *CXX, "-fsyntax-only", f"-I{ROOT / 'include'}", *headers(version),
                              f"-I{STANDIN / 'cuda'}", EXAMPLES / name))

        return f"{name} compiles, {version}", test

    def quantize(self, version):
        def test():
            program = self.build(HERE / "quantize.cpp", version, ROOT / "tests/cpp/main.cpp")
            run(program, DIGITS.parent, folder=self.suite.out(f"quantize-{version}"), LD_LIBRARY_PATH=str(self.gpu))

        return f"quantize() with calibrators, {version}", test

    def calibrators(self, version):
        def test():
            out = self.suite.out(f"calibrators-{version}")
            for name in ("before", "after_calibrator"):
                program = self.build(f"migration/{name}.cpp", version)
                arguments = [MODEL, self.samples, out / f"{name}.cache", out / f"{name}.engine"]
                self.run(program, *arguments)
                self.run(program, *arguments)
            same(out / "before.cache", out / "after_calibrator.cache")
            same(out / "before.engine", out / "after_calibrator.engine")
            program = self.build("calibrator.cpp", version)
            data = ["--data", DIGITS / "calib.npz", out / "calibrator.cache"]
            expect(self.run(program, MODEL, out / "measured.engine", *data), "has read 8 batches")
            same(out / "before.cache", out / "calibrator.cache")
            expect(self.run(program, MODEL, out / "again.engine", *data), "does not calibrate")
            (out / "list.txt").write_text(f"{DIGITS / 'calib.npz'}\n")
            listed = ["--data", out / "list.txt", out / "listed.cache"]
            expect(self.run(program, MODEL, out / "listed.engine", *listed), "has read 8 batches")
            same(out / "before.cache", out / "listed.cache")
            expect(self.run(program, MODEL, out / "given.engine", "--ranges", self.ranges))
            same(out / "before.engine", out / "given.engine")

        return f"calibrators, before and after, {version}", test

    def kept_calibrator(self):
        """Checks that batches go through the fake GPU, qdq computes ranges, and the second build uses the cache."""
        out = self.suite.out("kept")
        program = self.build("migration/after_tensorrt11.cpp", "10.3")
        arguments = [MODEL, self.samples, out / "model.cache", out / "model.engine"]
        self.run(program, *arguments)
        has_tensors(out / "model.cache", self.cache)
        expect((out / "model.cache").read_text(), "TRT-100300-EntropyCalibration2\n")
        written = (out / "model.engine").read_text()
        expect(written, QUANTIZE)
        (out / "model.engine").unlink()
        run(program, MODEL, "/dev/null", *arguments[2:], LD_LIBRARY_PATH=str(self.gpu))
        if (out / "model.engine").read_text() != written:
            raise Failure("with its cache the program builds another engine")


    def qdq_network(self):
        out = self.suite.out("network")
        program = self.build("qdq_network.cpp", "rtx-1.7")
        for name, ranges in (("ranges", self.ranges), ("cache", self.cache)):
            expect(run(program, MODEL, ranges, out / f"{name}.engine"), "activations 3 (scales 3), weights 3")
            has_int8(out / f"{name}.engine")

    def engine(self):
        engine = self.suite.out("engine") / "model.engine"
        program = self.suite.compile(COMPILER, [EXAMPLES / "engine.cpp"], *CXX, *headers("rtx-1.7"), "-ldl", name="engine")
        run(program, *rtx.libraries(), MODEL, DIGITS / "calib.npz", engine)
        has_int8(engine)

    def kept_calibrator_on_rtx(self):
        out = self.suite.out("kept-rtx")
        program = self.build("migration/after_tensorrt11.cpp", "rtx-1.7")
        self.run(program, MODEL, self.samples, out / "model.cache", out / "model.engine")
        has_int8(out / "model.engine")
        has_tensors(out / "model.cache", self.cache)
        run(program, MODEL, "/dev/null", out / "model.cache", out / "model.engine", LD_LIBRARY_PATH=str(self.gpu))
        has_int8(out / "model.engine")


    def commands(self, guide):
        """Runs every command. Engine commands need a tool with TensorRT, so their options are only compared with the
        help."""
        out = self.suite.out("commands")
        shutil.copy(MODEL, out / "model.onnx")
        shutil.copy(DIGITS / "calib.npz", out / "calibration.npz")
        shutil.copy(self.cache, out / "old.cache")
        lines = [line for _, block in blocks(guide, "sh") for line in block.splitlines()]
        if len(lines) < 5:
            raise Failure(f"only {lines}")
        for line in lines:
            tool, command, *arguments = shlex.split(line)
            if tool != "qdq":
                raise Failure(f"'{line}' is no command of qdq")
            if command == "engine":
                described = run(self.tool, command, "--help")
                expect(described, *(word for word in arguments if word.startswith("-")))
            else:
                run(self.tool.absolute(), command, *arguments, folder=out)
        for written in ("ranges.json", "model.qdq.onnx", "new.cache"):
            if not (out / written).exists():
                raise Failure(f"no command wrote {written}")

    def readme(self):
        """Compiles the README's C++ over TensorRT, as the body of a function that declares its names."""
        shown = [block for _, block in blocks((ROOT / "README.md").read_text(), "cpp") if "qdq::trt::" in block]
        if len(shown) != 2:
            raise Failure(f"{len(shown)} pieces of C++")
        for pieces, version in ((shown, "10.3"), (shown[:1], "rtx-1.7")):
            source = self.suite.work / f"readme-{version}.cpp"
            source.write_text(README_BEFORE + "".join(f"{{\n{piece}}}\n" for piece in pieces) + "}\n")
            self.compiles(source, version)[1]()


def blocks(text, language):
    """Returns fenced blocks of a language: the rest of their first line, and their text."""
    return re.findall(rf"^```{language}\b *(.*)\n((?:.*\n)*?)```$", text, re.M)


def shown_is_real(guide):
    """Checks that every piece of C++ is in an example, and that every difference is the complete one between two
    examples."""
    sources = {path.name: path.read_text() for path in EXAMPLES.rglob("*.cpp")}
    for _, block in blocks(guide, "cpp"):
        if not any(block in source for source in sources.values()):
            raise Failure(f"no example has these lines:\n{block}")
    differences = blocks(guide, "diff")
    if len(differences) != 2:
        raise Failure(f"{len(differences)} differences")
    for names, block in differences:
        before, after = (lines_of(sources[name]) for name in names.split())
        real = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        for sign in "-+":
            shown = "".join(f"{line[1:]}\n" for line in block.splitlines() if line[0] == sign)
            pattern = ".*\n".join(re.escape(part) for part in shown.split("…\n"))
            changed = "".join(f"{line[2:]}\n" for line in real if line[0] == sign)
            if not re.fullmatch(pattern, changed, re.S):
                raise Failure(f"{names}: the lines with {sign} are\n{changed}")


def lines_of(source):
    """Returns the lines that a difference between programs shows: no top comment, no blank lines, no standard
    headers."""
    lines = source[source.index("#include"):].splitlines()
    return [line for line in lines if line and not re.match("#include <[a-z]+>", line)]


def fake_gpu(suite):
    """Makes a folder with one library that is both CUDA's driver and its runtime: they share the memory of a
    device."""
    folder = suite.out("gpu")
    runtime = folder / "libcudart.so.12"
    run("gcc", "-std=gnu11", *WARNINGS, f"-I{STANDIN / 'cuda'}", "-g", "-fPIC", "-fvisibility=hidden", "-shared",
        f"-Wl,-soname,{runtime.name}", *[HERE / f"fake_{part}.c" for part in ("device", "cuda", "cudart")],
        "-o", runtime, "-lpthread")
    (folder / "libcuda.so.1").symlink_to(runtime.name)
    return folder


def expect(text, *parts):
    missing = [part for part in parts if part not in text]
    if missing:
        raise Failure(f"{missing} is not in what was said:\n{text}")


def same(first, second):
    if first.read_bytes() != second.read_bytes():
        raise Failure(f"{first.name} and {second.name} differ")


def has_int8(engine):
    """Checks that the engine runs its convolutions in INT8."""
    operations = [operation for operation in engine_types.operations(engine.read_bytes()) if operation.is_matrix]
    if len(operations) < 3 or not all(operation.is_int8 for operation in operations):
        raise Failure(f"{engine.name} runs {', '.join(map(str, operations)) or 'nothing'}")


def has_tensors(cache, like):
    """Checks that the cache has the same tensor names as another one."""
    names, wanted = ([line.rpartition(": ")[0] for line in path.read_text().splitlines()[1:]] for path in (cache, like))
    if sorted(names) != sorted(wanted):
        raise Failure(f"{cache.name} has {names}, not {wanted}")


main()
