#!/usr/bin/env python3
"""The tests of the C++ layer over TensorRT, without TensorRT and without a GPU.

Programs are compiled against the headers of every version (`tests/tensorrt_headers.py`). Those with the stand-ins
also run.

usage: run.py [FOLDER of libqdq, target/debug by default]
"""

import ctypes
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

import must_not_compile  # noqa: E402
import native  # noqa: E402
import networks  # noqa: E402
from native import ROOT, SANITIZE, WARNINGS, Failure, compilers, run  # noqa: E402
from tensorrt_headers import CALIBRATORS, STANDIN, STANDINS, VERSIONS, headers  # noqa: E402

CXX = ["-std=c++17", *WARNINGS]
C = ["-std=gnu11", *WARNINGS, f"-I{STANDIN / 'cuda'}"]
FAKE_CUDA = [HERE / "fake_device.c", HERE / "fake_cuda.c"]
FAKE_CUDART = [HERE / "fake_device.c", HERE / "fake_cudart.c"]
QDQ = ["-Wshadow", "-Wconversion", "-Wsign-conversion", f"-I{ROOT / 'cpp'}", f"-I{ROOT / 'include'}"]
BARE = ["-fno-exceptions", "-fno-rtti"]
CALIBRATION = [HERE / f"{name}.cpp" for name in
               ("calibrators", "calibrator_caches", "calibrator_failures", "device_batch", "dynamic_range")]
# Engines before 8.5 have no tensor names.
GPU = ["8.5", "10.3", "11.4", "rtx-1.7"]
FEEDING = [
    ("g++", "7.2", SANITIZE, "sanitized"),
    ("g++", "8.5", SANITIZE, "sanitized"),
    ("clang++", "10.3", SANITIZE, "sanitized"),
    ("g++", "10.3", ["-std=c++20"], "c++20"),
    ("clang++", "8.5", BARE, "no exceptions, no RTTI"),
]


def main():
    suite = native.Suite("tensorrt", sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug")

    # The base of the other tests.
    suite.cases([signatures(compiler, version) for compiler in compilers("g++", "clang++") for version in VERSIONS])
    suite.cases([calibrators(suite, compiler, version)
                 for compiler in compilers("g++", "clang++") for version in CALIBRATORS])
    for compiler in set(compilers("g++", "clang++")) - set(compilers("g++", "clang++", sanitize=True)):
        suite.skip(f"sanitized programs of {compiler}", "its sanitizers are not installed")
    suite.cases([stand_in(suite, compiler, version)
                 for compiler in compilers("g++", "clang++", sanitize=True) for version in STANDINS])
    suite.cases([fake_cuda(suite, compiler, flags, label)
                 for flags, label in [([], "plain"), (SANITIZE, "sanitized")]
                 for compiler in compilers("gcc", "clang", sanitize=flags is SANITIZE)])
    suite.case("fake CUDA, exported functions", lambda: exports(suite))

    # Calibrators.
    library(suite, "libcuda.so.1", FAKE_CUDA, folder="driver")
    library(suite, "libcudart.so.12", FAKE_CUDART, folder="runtime")
    suite.cases([feeding(suite, compiler, version, flags, label) for compiler, version, flags, label in FEEDING
                 if compilers(compiler, sanitize=flags is SANITIZE)])
    suite.cases([together(suite, compiler, version) for compiler in compilers("g++", "clang++") for version in VERSIONS])
    suite.cases([bare(suite, compiler, version) for compiler in compilers("g++", "clang++")
                 for version in ("7.2", "10.3", "rtx-1.7")])
    suite.cases([
        ("every header by itself, 10.3", lambda: alone(suite, "10.3")),
        ("calibrators' tests see leaks and short blocks", lambda: must_fail(suite)),
        ("calibrators, TensorRT opened at run time", lambda: opened(suite)),
    ])
    for mode in ("runtime", "nothing"):
        name = f"device memory by CUDA's {mode}"
        if has_driver():
            suite.skip(name, "this machine has a driver of its own, which is found first")
        else:
            suite.case(name, lambda mode=mode: cuda_libraries(suite, mode))

    found = compilers("g++", "clang++")
    suite.cases([on_gpu(found[number % len(found)], version) for number, version in enumerate(GPU)])

    # Networks, engines, opened libraries.
    suite.cases([*networks.cases(suite), *must_not_compile.cases(suite)])

    suite.end()


def signatures(compiler, version):
    return f"signatures, {version}, {compiler}", lambda: compiles(compiler, version, HERE / "signatures.cpp")


def compiles(compiler, version, source, *options):
    run(compiler, *CXX, "-fsyntax-only", *headers(version), *options, source)


def calibrators(suite, compiler, version):
    def test():
        run(program(suite, compiler, version, f"vtable-{version}-{compiler}", HERE / "vtable.cpp"))

    return f"calibrators' virtual functions, {version}, {compiler}", test


def on_gpu(compiler, version):
    return (f"the program of make test-gpu, {version}, {compiler}",
            lambda: compiles(compiler, version, HERE / "gpu" / "gpu.cpp", *QDQ))


def stand_in(suite, compiler, version):
    def test():
        source = suite.work / f"standin-{version}-{compiler}.cpp"
        source.write_text("".join(f'#include "{part}"\n' for part in (HERE / "standin_test.cpp", STANDIN / "library.cpp")))
        run(program(suite, compiler, version, source.stem, source, *SANITIZE))

    return f"stand-in, {version}, {compiler}", test


def program(suite, compiler, version, name, *sources):
    """A program that needs nothing of qdq."""
    built = suite.work / name
    run(compiler, *CXX, "-g", *headers(version), *sources, "-o", built)
    return built


def linked(suite, compiler, version, name, sources, *options):
    """Builds a program that is linked with qdq."""
    return suite.compile(compiler, sources, *CXX, *QDQ, "-g", *headers(version), *options, "-ldl", name=name)


def feeding(suite, compiler, version, flags, label):
    def test():
        name = f"calibrators-{version}-{compiler}-{label.split()[0]}"
        sources = [*CALIBRATION, ROOT / "tests" / "cpp" / "main.cpp", STANDIN / "library.cpp"]
        if flags is not BARE:
            # All tests are one source: the headers take most of the time. The last shows that several may include them.
            one = suite.work / f"{name}.cpp"
            one.write_text("".join(f'#include "{source}"\n' for source in sources))
            sources = [one]
        built = linked(suite, compiler, version, name, sources, *flags)
        driven(suite, built)

    return f"calibrators, {version}, {compiler}, {label}", test


def driven(suite, built, fails=None):
    """Runs the tests in a separate folder, with the fake driver."""
    run("sh", "-c", 'cd "$1" && exec "$2" "$3"', "sh", suite.out(built.name), built, ROOT / "tests" / "data",
        fails=fails, LD_LIBRARY_PATH=str(suite.work / "driver"))


def must_fail(suite):
    sources = [HERE / "must_fail.cpp", ROOT / "tests" / "cpp" / "main.cpp", STANDIN / "library.cpp"]
    built = linked(suite, "g++", "8.5", "must_fail", sources)
    driven(suite, built, fails="FAILED a_leak_of_device_memory_is_seen")
    driven(suite, built, fails="FAILED a_short_block_is_seen")


def includes():
    folder = ROOT / "cpp" / "qdq" / "tensorrt"
    return [f"#include <{path.relative_to(ROOT / 'cpp')}>\n" for path in sorted(folder.rglob("*.hpp"))]


def together(suite, compiler, version):
    """Runs a user's calibrator, and includes all headers twice after it: TensorRT's headers take most of the
    time."""
    def test():
        source = suite.work / f"together-{version}-{compiler}.cpp"
        source.write_text(f'#include "{HERE / "compat.cpp"}"\n' + "".join(includes() * 2))
        run(suite.compile(compiler, [source], *CXX, *QDQ, *headers(version)))

    return f"a calibrator of the user's and all headers, {version}, {compiler}", test


def bare(suite, compiler, version):
    def test():
        source = suite.work / f"bare-{version}-{compiler}.cpp"
        source.write_text("".join(includes() * 2))
        compiles(compiler, version, source, *QDQ, *BARE)

    return f"all headers, {version}, {compiler}, no exceptions, no RTTI", test


def alone(suite, version):
    """Compiles each header alone. The result hardly depends on version and compiler, so it uses one version and
    the faster compiler."""
    compiler = compilers("g++", "clang++")[-1]
    # clang precompiles a header in less time than it checks it: functions of templates are compiled with all headers.
    how = ["-x", "c++-header", "-o", "/dev/null"] if "clang" in compiler else ["-fsyntax-only"]
    for number, include in enumerate(includes()):
        source = suite.work / f"alone-{version}-{number}.cpp"
        source.write_text(include)
        run(compiler, *CXX, *QDQ, *headers(version), *how, source)


def opened(suite):
    """Checks that no name of TensorRT's library needs linking."""
    built = suite.compile("g++", [HERE / "opened.cpp"], *CXX, *QDQ, *headers("8.5"), "-ldl", name="opened")
    infer = suite.work / "libnvinfer.so.8"
    run("g++", *CXX, "-fPIC", "-shared", *headers("8.5"), STANDIN / "library.cpp", "-o", infer)
    said = run(built, infer)
    if said != "TRT-8501-EntropyCalibration2\nx: 3c010204\n":
        raise Failure(f"it said {said}")
    other = suite.work / "libnvinfer.so.10"
    run("g++", *CXX, "-fPIC", "-shared", *headers("10.3"), STANDIN / "library.cpp", "-o", other)
    run(built, other, fails="the program is compiled for TensorRT 8.5")


def has_driver():
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def cuda_libraries(suite, mode):
    built = suite.work / "cuda_libraries"
    if not built.exists():
        built = suite.compile("g++", [HERE / "cuda_libraries.cpp"], *CXX, *QDQ, *headers("8.5"), *SANITIZE, "-ldl")
    run(built, mode, LD_LIBRARY_PATH=str(suite.work / mode))


def library(suite, name, sources, compiler="gcc", flags=(), folder="fake"):
    """Builds a fake of CUDA's library of that name, in a folder for a program's LD_LIBRARY_PATH."""
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
    """Checks that the fake driver exports the versioned names of a driver, and not those that exist only in its
    header."""
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
