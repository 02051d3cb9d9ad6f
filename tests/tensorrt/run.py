#!/usr/bin/env python3
"""The tests of the C++ layer over TensorRT, without TensorRT and without a GPU.

Programs are compiled against the headers of every version (`tests/tensorrt_headers.py`); the stand-ins among them run.

usage: run.py [FOLDER of libqdq, target/debug by default]
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import native  # noqa: E402
import networks  # noqa: E402
from native import ROOT, SANITIZE, WARNINGS, Failure, compilers, run  # noqa: E402
from tensorrt_headers import CALIBRATORS, STANDIN, STANDINS, VERSIONS, headers  # noqa: E402

CXX = ["-std=c++17", *WARNINGS]
C = ["-std=gnu11", *WARNINGS, f"-I{STANDIN / 'cuda'}"]
FAKE_CUDA = [HERE / "fake_device.c", HERE / "fake_cuda.c"]
FAKE_CUDART = [HERE / "fake_device.c", HERE / "fake_cudart.c"]


def main():
    suite = native.Suite("tensorrt", sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug")

    # What the other tests stand on.
    suite.cases([signatures(compiler, version) for compiler in compilers("g++", "clang++") for version in VERSIONS])
    suite.cases([calibrators(suite, compiler, version)
                 for compiler in compilers("g++", "clang++") for version in CALIBRATORS])
    suite.cases([stand_in(suite, compiler, version)
                 for compiler in compilers("g++", "clang++") for version in STANDINS])
    suite.cases([fake_cuda(suite, compiler, flags, label)
                 for compiler in compilers("gcc", "clang") for flags, label in [([], "plain"), (SANITIZE, "sanitized")]])
    suite.case("fake CUDA, exported functions", lambda: exports(suite))

    # Networks, engines, libraries, and that all headers compile.
    suite.cases(networks.cases(suite))

    suite.end()


def signatures(compiler, version):
    return f"signatures, {version}, {compiler}", lambda: compiles(compiler, version, HERE / "signatures.cpp")


def compiles(compiler, version, source, *options):
    run(compiler, *CXX, "-fsyntax-only", *headers(version), *options, source)


def calibrators(suite, compiler, version):
    def test():
        run(program(suite, compiler, version, f"vtable-{version}-{compiler}", HERE / "vtable.cpp"))

    return f"calibrators' virtual functions, {version}, {compiler}", test


def stand_in(suite, compiler, version):
    def test():
        run(program(suite, compiler, version, f"standin-{version}-{compiler}", HERE / "standin_test.cpp",
                    STANDIN / "library.cpp", *SANITIZE))

    return f"stand-in, {version}, {compiler}", test


def program(suite, compiler, version, name, *sources):
    """A program that needs nothing of qdq."""
    built = suite.work / name
    run(compiler, *CXX, "-g", *headers(version), *sources, "-o", built)
    return built


def library(suite, name, sources, compiler="gcc", flags=(), folder="fake"):
    """A fake of CUDA's library of that name, in a folder that a program can be given as its LD_LIBRARY_PATH."""
    built = suite.work / folder / name
    built.parent.mkdir(exist_ok=True)
    run(compiler, *C, "-g", "-fPIC", "-fvisibility=hidden", "-shared", f"-Wl,-soname,{name}", *flags, *sources,
        "-o", built, "-lpthread")
    return built


def fake_cuda(suite, compiler, flags, label):
    def test():
        both = library(suite, "libboth.so", [*FAKE_CUDA, HERE / "fake_cudart.c"], compiler, flags, f"{compiler}-{label}")
        built = both.parent / "fake_cuda_test"
        run(compiler, *C, "-g", *flags, HERE / "fake_cuda_test.c", "-o", built, "-ldl")
        run(built, both)

    return f"fake CUDA, {compiler}, {label}", test


def exports(suite):
    """The fake driver has the versioned names that a driver has, and not those that only its header knows."""
    names = exported(library(suite, "libcuda.so.1", FAKE_CUDA))
    missing = {"cuInit", "cuMemAlloc_v2", "cuCtxPushCurrent_v2", "fake_cuda_report"} - names
    extra = {name for name in names if not name.startswith(("cu", "fake_cuda_"))} | names & {"cuMemAlloc", "cudaMalloc"}
    if missing or extra:
        raise Failure(f"libcuda.so.1 lacks {missing} and has {extra}")
    names = exported(library(suite, "libcudart.so.12", FAKE_CUDART))
    if "cudaMalloc" not in names or "cuInit" in names:
        raise Failure(f"libcudart.so.12 exports {names}")


def exported(built):
    return {line.split()[-1] for line in run("nm", "-D", "--defined-only", built).splitlines()}


main()
