"""Tests of networks of the stand-ins, which qdq describes, quantizes and builds, and of libraries that are
opened."""

from pathlib import Path

from native import ROOT, SANITIZE, WARNINGS, compilers, run
from tensorrt_headers import STANDIN, STANDINS, headers

HERE = Path(__file__).resolve().parent
STRICT = ["-std=c++17", *WARNINGS, "-Wshadow", "-Wconversion", "-Wsign-conversion", f"-I{ROOT / 'cpp'}",
          f"-I{ROOT / 'include'}"]
# The results of getInferLibVersion() of the stand-ins, and of libraries that a program may find.
NUMBERS = {"7.2": 7201, "8.5": 8501, "9.3": 9300, "10.3": 100300}
OTHERS = [7203, 8501, 100300, 110400, 10701]


def cases(suite):
    """Lists the cases, the slowest first."""
    found = compilers("g++", "clang++", sanitize=True)
    for number, version in enumerate(STANDINS):
        compiler = found[number % len(found)]
        yield f"networks, {version}, {compiler}", lambda c=compiler, v=version: networks(suite, c, v)


def networks(suite, compiler, version):
    """Compiles all tests as one source: the headers take most of the time."""
    source = suite.work / f"networks-{version}.cpp"
    tests = [*sorted((HERE / "networks").glob("*.cpp")), STANDIN / "library.cpp", ROOT / "tests" / "cpp" / "main.cpp"]
    source.write_text("".join(f'#include "{test}"\n' for test in tests))
    program = suite.compile(compiler, [source], *STRICT, "-g1", *SANITIZE, *headers(version), "-ldl")
    folder = suite.out(source.stem)
    libraries(version, folder)
    run("sh", "-c", 'cd "$0" && "$1" "$2"', folder, program, ROOT / "tests" / "data" / "digits")


def libraries(version, folder):
    """Makes libraries with a part of the functions of TensorRT and its parser, for open.cpp."""
    source = HERE / "networks" / "library.c"
    for number in OTHERS:
        shared(folder / f"version-{number}.so", source, f"-DVERSION={number}")
    shared(folder / "empty.so", source)
    shared(folder / "parser.so", source, "-DPARSER")
    shared(folder / "same.so", source, f"-DVERSION={NUMBERS[version]}", "-DBUILDER")
    run("g++", *STRICT, "-fPIC", "-shared", *headers(version), STANDIN / "library.cpp", "-o", folder / "whole.so")


def shared(built, source, *options):
    run("gcc", "-fPIC", "-shared", *options, source, "-o", built)
