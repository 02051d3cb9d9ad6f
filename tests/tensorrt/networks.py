"""The tests of <qdq/tensorrt.hpp>: that it compiles against every version, and what it does to networks of the stand-ins."""

from pathlib import Path

from native import ROOT, SANITIZE, WARNINGS, compilers, run
from tensorrt_headers import REAL, STANDIN, STANDINS, VERSIONS, headers

HERE = Path(__file__).resolve().parent
HEADERS = ROOT / "cpp" / "qdq"
STRICT = ["-std=c++17", *WARNINGS, "-Wshadow", "-Wconversion", f"-I{ROOT / 'cpp'}", f"-I{ROOT / 'include'}"]
# What getInferLibVersion() of the stand-ins returns, and of libraries that a program may meet.
NUMBERS = {"7.2": 7201, "8.5": 8501, "10.3": 100300}
OTHERS = [7203, 8501, 100300, 110400, 10701]
# Between others that differ no more; one compiler suffices.
ALIKE = ["rtx-1.4", "rtx-1.5", "rtx-1.6"]
# In how many parts, of which two are compiled at a time, all headers are compiled.
PARTS = 2
BARE = ["-fno-exceptions", "-fno-rtti"]


def cases(suite):
    """The longest first."""
    found = compilers("g++", "clang++")
    for version, compiler in zip(STANDINS, [found[-1], found[0], found[-1]]):
        yield f"networks, {version}, {compiler}", lambda c=compiler, v=version: networks(suite, c, v)
    for compiler in found:
        for version in VERSIONS:
            if compiler != found[-1] and version in ALIKE:
                continue
            # Each compiler takes what the other leaves: with exceptions here, without them there.
            bare = BARE if (compiler == found[0]) == (version in REAL) else []
            form = ", no exceptions, no RTTI" if bare else ""
            yield (f"all headers, {version}, {compiler}{form}",
                   lambda c=compiler, v=version, b=bare: headers_together(suite, c, v, b))
    for part in range(PARTS):
        yield f"headers by themselves, part {part + 1}", lambda p=part: headers_alone(suite, found[-1], p)


def headers_together(suite, compiler, version, options):
    source = suite.work / "umbrella.cpp"
    if not source.exists():
        source.write_text("#include <qdq/tensorrt.hpp>\n" * 2)
    run(compiler, *STRICT, *options, "-fsyntax-only", *headers(version), source)


def headers_alone(suite, compiler, part):
    """What a header includes depends on no version: one says whether it includes enough, that which has the most."""
    for header in sorted((HEADERS / "tensorrt").rglob("*.hpp"))[part::PARTS]:
        source = suite.work / f"alone-{part}.cpp"
        source.write_text(f"#include <{header.relative_to(HEADERS.parent)}>\n")
        run(compiler, *STRICT, "-fsyntax-only", *headers("10.3"), source)


def networks(suite, compiler, version):
    """All tests as one source: most of the time goes into the headers."""
    source = suite.work / f"networks-{version}.cpp"
    tests = [*sorted((HERE / "networks").glob("*.cpp")), STANDIN / "library.cpp", ROOT / "tests" / "cpp" / "main.cpp"]
    source.write_text("".join(f'#include "{test}"\n' for test in tests))
    program = suite.compile(compiler, [source], *STRICT, "-g1", *SANITIZE, *headers(version), "-ldl")
    folder = suite.out(source.stem)
    libraries(version, folder)
    run("sh", "-c", 'cd "$0" && "$1" "$2"', folder, program, ROOT / "tests" / "data" / "digits")


def libraries(version, folder):
    """Libraries that have a part of what TensorRT's and its parser's have, for open.cpp."""
    source = HERE / "networks" / "library.c"
    for number in OTHERS:
        shared(folder / f"version-{number}.so", source, f"-DVERSION={number}")
    shared(folder / "empty.so", source)
    shared(folder / "parser.so", source, "-DPARSER")
    shared(folder / "same.so", source, f"-DVERSION={NUMBERS[version]}", "-DBUILDER")
    run("g++", *STRICT, "-fPIC", "-shared", *headers(version), STANDIN / "library.cpp", "-o", folder / "whole.so")


def shared(built, source, *options):
    run("gcc", "-fPIC", "-shared", *options, source, "-o", built)
