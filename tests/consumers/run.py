#!/usr/bin/env python3
"""Builds and installs qdq by its CMake package, and builds and runs small programs against it in every supported
way.

Cargo's output is that of `cargo test`, so nothing is compiled twice. Prints a line for every case. Exits with 1 if
one failed.

usage: run.py [WORD...]: runs only cases with such a word in their names
"""

import os
import re
import shutil
import subprocess
import sys
import time

import tensorrt_trees
from commands import HERE, ROOT, TARGET, WORK, Failure, check, cmake, run

BUILD = WORK / "build"
PREFIX = WORK / "installed tree"
VERSION = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
SONAME = "libqdq.so." + (VERSION.rsplit(".", 1)[0] if VERSION.startswith("0.") else VERSION.split(".")[0])

WARNINGS = "-Wall -Wextra -Wpedantic -Werror"
# The features of the dependencies are those of the build that contains the tests.
CARGO = ["-DQDQ_CARGO_PROFILE=dev", "-DQDQ_CARGO_FLAGS=--locked;--test;suite"]
# The features by their default, as `cargo test` has them: a list of the same ones would be another build, of library and tests.
# A project that takes only the library gets it from the same build. `the library alone` tests what it would leave out.
AS_TESTED = [*CARGO, "-DQDQ_CARGO_FEATURES=default"]
# The crates that only one feature needs.
CRATES = {"embedded-runtime": ["rten"], "images": ["image", "qdq-resize"], "onnxruntime": ["ort"], "tool": ["clap", "indicatif"]}


def cmake_project(name, programs=("consumer",), options=(), build=None):
    """Builds a project anew and runs its programs."""
    build = build or WORK / name
    shutil.rmtree(build, ignore_errors=True)
    cmake(HERE / name, build, f"-DCMAKE_C_FLAGS={WARNINGS}", f"-DCMAKE_CXX_FLAGS={WARNINGS}", *options)
    for program in programs:
        answers(build / program)
    return build


def answers(program, **environment):
    said = run(program, **environment).strip()
    check(said == f"qdq {VERSION}", f"{program} said '{said}'")


def found_in(prefix):
    # Only this prefix is searched, so that no installed qdq is found instead.
    return f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"


# The installed files.

EXPECTED = f"""
bin/qdq
include/qdq/qdq.h
lib/cmake/qdq/FindTensorRT.cmake
lib/cmake/qdq/qdqConfig.cmake
lib/cmake/qdq/qdqConfigVersion.cmake
lib/cmake/qdq/qdqTargets.cmake
lib/cmake/qdq/qdqTensorRT.cmake
lib/libqdq.a
lib/libqdq.so
lib/{SONAME}
lib/libqdq.so.{VERSION}
lib/pkgconfig/qdq.pc
share/bash-completion/completions/qdq
share/doc/qdq/CHANGELOG.md
share/doc/qdq/LICENSE
share/doc/qdq/README.md
share/doc/qdq/THIRD_PARTY_LICENSES.txt
share/fish/vendor_completions.d/qdq.fish
share/man/man1/qdq.1
share/zsh/site-functions/_qdq
""".split()


# The paths that differ in Debian.
DEBIAN = {
    "share/doc/qdq/LICENSE": "share/doc/qdq/copyright",
    "share/zsh/site-functions/_qdq": "share/zsh/vendor-completions/_qdq",
}


def check_tree(prefix, moved={}):
    """Checks that every file is there, and no other."""
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}
    found = {path for path in found if not re.fullmatch(r"share/man/man1/qdq-[a-z-]+\.1", path)}
    # The reference is there if `make reference` ran before.
    found = {path for path in found if not path.startswith("share/doc/qdq/reference/")}
    headers = {f"include/{path.relative_to(ROOT / 'cpp')}" for path in (ROOT / "cpp").rglob("*.hpp")}
    documents = {f"share/doc/qdq/{path.relative_to(ROOT)}" for folder in ("docs", "examples")
                 for path in (ROOT / folder).rglob("*") if path.is_file()}
    expected = {moved.get(path, path) for path in [*EXPECTED, *headers, *documents]}
    check(found == expected, "missing:", expected - found, "not expected:", found - expected)
    check(os.readlink(prefix / "lib/libqdq.so") == SONAME, "libqdq.so is no link to", SONAME)
    check(os.readlink(prefix / "lib" / SONAME) == f"libqdq.so.{VERSION}", SONAME, "is no link to the full version")


def check_library(library):
    """Checks that the shared library has its name, and exports only what the header declares."""
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", library))
    check(soname and soname[1] == SONAME, "the SONAME of", library, "is", soname and soname[1], "instead of", SONAME)
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    exported = {line.split()[-1].split("@")[0] for line in lines}
    header = re.sub(r"//.*", "", (ROOT / "include/qdq/qdq.h").read_text())
    declared = set(re.findall(r"\b(qdq_\w+)\(", header))
    check(exported == declared, "exported but not in qdq.h:", exported - declared,
          "in qdq.h but not exported:", declared - exported)


def check_native_libraries():
    """Checks that the system libraries of the package are those that rustc states for a static library of qdq."""
    empty = WORK / "empty.rs"
    empty.write_text("pub use qdq;\n")
    debug = TARGET / "debug"
    said = run("rustc", "--edition", "2024", "--crate-type", "staticlib", "--print", "native-static-libs",
               "--extern", f"qdq={debug / 'libqdq.rlib'}", "-L", f"dependency={debug / 'deps'}",
               "--out-dir", WORK, empty)
    expected = set(re.search(r"native-static-libs: (.*)", said)[1].split())
    pc = (PREFIX / "lib/pkgconfig/qdq.pc").read_text()
    stated = set(re.search(r"^Libs.private: (.*)", pc, re.M)[1].split())
    check(stated == expected, "QDQ_NATIVE_LIBRARIES in CMakeLists.txt:", stated, "rustc says:", expected)


def check_destdir():
    stage = WORK / "stage"
    run("cmake", "--install", BUILD, "--prefix", "/opt/qdq", DESTDIR=stage)
    check_tree(stage / "opt/qdq")
    cmake_project("find_package_c", options=found_in(stage / "opt/qdq"), build=WORK / "staged")


# The ways of use.


def refuses_another_minor_version():
    # 0.0 is older. By every rule but that of the same minor version it is compatible.
    text = (HERE / "find_package_c/CMakeLists.txt").read_text()
    folder = WORK / "refused"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(text.replace("find_package(qdq 0.1 ", "find_package(qdq 0.0 "))
    try:
        run("cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", *found_in(PREFIX))
    except Failure as refusal:
        check("version: " + VERSION in str(refusal), "refused for another reason:", refusal)
    else:
        raise Failure("a program that wants 0.0 got", VERSION)


def component_tensorrt():
    """Checks that the component exists only with TensorRT's headers, and that the target then has their folder."""
    options = [*found_in(PREFIX), "-DQDQ_COMPONENTS=tensorrt"]
    tree = tensorrt_trees.archive("beside qdq", "8.5.1")
    build = cmake_project("tensorrt", options=[*options, f"-DTensorRT_ROOT={tree}"])
    check(str(tree / "include") in (build / "build.ninja").read_text().replace("$ ", " "), "the headers' folder is not used")
    check("The component tensorrt needs" in fails(lambda: cmake_project("tensorrt", options=options)), "another message")


def component_torch():
    """Checks that the component exists only with LibTorch, and that the target then links it."""
    found = subprocess.run([ROOT / "scripts" / "setup_libtorch.sh"], text=True, capture_output=True)
    options = [f"-DCMAKE_PREFIX_PATH={PREFIX}"]
    refused = fails(lambda: cmake_project("torch", options=[*options, "-DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON"]))
    check("The component torch needs LibTorch" in " ".join(refused.split()), "another message:", refused)
    if found.returncode != 0:
        return found.stderr.strip().splitlines()[-1]
    cmake_project("torch", options=[f"-DCMAKE_PREFIX_PATH={PREFIX};{found.stdout.strip()}"])
    return None


def fails(action):
    try:
        action()
    except Failure as failure:
        return str(failure)
    raise Failure("it did not fail")


def the_examples():
    """Checks that the installed examples build, those for TensorRT with its tree, and that cmake names the others."""
    source, build = PREFIX / "share/doc/qdq/examples", WORK / "examples"
    flags = [f"-DCMAKE_C_FLAGS={WARNINGS}", f"-DCMAKE_CXX_FLAGS={WARNINGS}"]
    cmake(source, build, *flags, *found_in(PREFIX))
    outputs = [build / "pipeline_c", build / "pipeline_cpp"]
    printed = []
    for program in outputs:
        out = WORK / f"out of {program.name}"
        out.mkdir()
        printed.append(run(program, ROOT / "tests/data/digits/model.onnx", out))
    check(printed[0] == printed[1] and "quantized 4 of 9 nodes" in printed[0], "the examples print", *printed)
    said = run("cmake", source, build)
    check("Not built: the examples for TensorRT" in said and "LibTorch; set Torch_ROOT" in said, "it says", said)
    tree = tensorrt_trees.archive("for the examples", "8.5.1")
    with_tensorrt = WORK / "examples with TensorRT"
    run("cmake", "-S", source, "-B", with_tensorrt, "-G", "Ninja", f"-DTensorRT_ROOT={tree}", *found_in(PREFIX))
    targets = (with_tensorrt / "build.ninja").read_text()
    for program in ["engine", "api_network", "calibrator", "qdq_network"]:
        check(f"build {program}:" in targets, program, "is not built with TensorRT")


def pkg_config(prefix):
    program = os.environ.get("PKG_CONFIG") or shutil.which("pkg-config") or shutil.which("pkgconf")
    if not program:
        return "pkg-config is not installed"
    out = WORK / "pkg_config"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    run("make", "-C", HERE / "pkg_config", OUT=out, CFLAGS=WARNINGS, CXXFLAGS=WARNINGS, PKG_CONFIG=program,
        PKG_CONFIG_LIBDIR=prefix / "lib/pkgconfig")
    for name in ["shared_c", "shared_cpp", "static_c", "static_cpp"]:
        answers(out / name)
    for name, needed in [("shared_c", True), ("static_c", False)]:
        check((SONAME in run("readelf", "-d", out / name)) == needed, name, "is linked the other way")


def the_moved_tree():
    moved = WORK / "elsewhere" / "in two levels"
    moved.parent.mkdir()
    PREFIX.rename(moved)
    try:
        cmake_project("find_package_c", options=found_in(moved))
        cmake_project("tensorrt", options=found_in(moved))
        pkg_config(moved)
    finally:
        moved.rename(PREFIX)


def the_tool():
    said = run(PREFIX / "bin/qdq", "--version").strip()
    check(said == f"qdq {VERSION}", "it said", said)


def the_library_alone():
    """Checks that a program without a part of the library compiles no crate that only this part needs."""
    tree = ["cargo", "tree", "--manifest-path", ROOT / "Cargo.toml", "--locked", "--prefix", "none", "--edges", "normal,build",
            "--no-default-features", "--features"]
    for part, crates in CRATES.items():
        alone, rest = run(*tree, part), run(*tree, ",".join(CRATES.keys() - {part}))
        for crate in crates:
            check(re.search(rf"^{crate} v", alone, re.M), part, "does not need", crate)
            check(not re.search(rf"^{crate} v", rest, re.M), "without", part, "the library needs", crate)
    build = WORK / "configured"
    run("cmake", "-S", HERE / "fetch_content", "-B", build, "-G", "Ninja", *CARGO)
    commands = (build / "build.ninja").read_text()
    features = "--no-default-features --locked --test suite --features embedded-runtime,images,onnxruntime,recover "
    check(features in commands, "a project without the tool builds:", commands)


def add_subdirectory():
    """Checks that nothing is built twice, and that the project installs only the shared library of qdq with its
    program."""
    build = cmake_project("add_subdirectory", ["consumer_c", "consumer_cpp"], AS_TESTED)
    again = run("cmake", "--build", build)
    check("Linking" not in again, "a second build linked again:\n", again)
    application = WORK / "application"
    run("cmake", "--install", build, "--prefix", application)
    found = {str(path.relative_to(application)) for path in application.rglob("*") if not path.is_dir()}
    expected = {"bin/consumer_cpp", f"lib/{SONAME}", f"lib/libqdq.so.{VERSION}"}
    check(found == expected, "the project installs", found, "instead of", expected)
    shutil.rmtree(build)
    answers(application / "bin/consumer_cpp")


# Packages.


def archive():
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "TGZ", "-B", WORK / "packages")
    [file] = (WORK / "packages").glob("*.tar.gz")
    root = WORK / "unpacked archive"
    root.mkdir()
    run("tar", "-xf", file, "-C", root)
    [tree] = root.iterdir()
    check_tree(tree)
    cmake_project("find_package_cpp", options=found_in(tree), build=WORK / "from the archive")


def debian_package():
    if not shutil.which("dpkg-deb"):
        return "dpkg-deb is not installed"
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", WORK / "packages")
    [file] = (WORK / "packages").glob("*.deb")
    depends = run("dpkg-deb", "--field", file, "Depends")
    check("libc6" in depends and "libgcc-s1" in depends, "the package depends on", depends)
    root = WORK / "unpacked package"
    run("dpkg-deb", "--extract", file, root)
    check_tree(root / "usr", DEBIAN)
    check_library(root / f"usr/lib/libqdq.so.{VERSION}")
    cmake_project("find_package_cpp", options=found_in(root / "usr"), build=WORK / "from the package")


def build():
    cmake(ROOT, BUILD, *AS_TESTED)


def install():
    run("cmake", "--install", BUILD, "--prefix", PREFIX)
    check_tree(PREFIX)


CASES = [
    ("build", build),
    ("install", install),
    ("the installed tool", the_tool),
    ("symbols and SONAME, as built", lambda: check_library(BUILD / "lib/libqdq.so")),
    ("symbols and SONAME, installed", lambda: check_library(PREFIX / "lib/libqdq.so")),
    ("system libraries of the static library", check_native_libraries),
    ("find_package, C", lambda: cmake_project("find_package_c", options=found_in(PREFIX))),
    ("find_package, C++", lambda: cmake_project("find_package_cpp", options=found_in(PREFIX))),
    ("find_package, static", lambda: cmake_project(
        "find_package_static", ["consumer_c", "consumer_cpp"], found_in(PREFIX))),
    ("find_package, qdq::tensorrt", lambda: cmake_project("tensorrt", options=found_in(PREFIX))),
    ("find_package, component tensorrt", component_tensorrt),
    ("find_package, component torch", component_torch),
    ("the examples", the_examples),
    ("find_package, another version", refuses_another_minor_version),
    ("pkg-config, shared and static", lambda: pkg_config(PREFIX)),
    ("the installed tree, moved", the_moved_tree),
    ("DESTDIR", check_destdir),
    ("the library alone", the_library_alone),
    ("add_subdirectory", add_subdirectory),
    ("FetchContent", lambda: cmake_project("fetch_content", options=AS_TESTED)),
    ("archive", archive),
    ("Debian package", debian_package),
]


def main():
    wanted = [(name, case) for name, case in CASES + tensorrt_trees.CASES if case not in (build, install)
              and (not sys.argv[1:] or any(word in name for word in sys.argv[1:]))]
    # Cases that need no qdq run without building it.
    needs_qdq = any(case in CASES for case in wanted) or not wanted
    chosen = (CASES[:2] if needs_qdq else []) + wanted
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    failed = 0
    for name, case in chosen:
        start = time.monotonic()
        try:
            skipped = case()
            skipped = skipped if isinstance(skipped, str) else None
            said = f"skipped: {skipped}" if skipped else "ok"
        except Failure as failure:
            failed += 1
            said = f"FAILED: {failure}"
        print(f"{name:42} {time.monotonic() - start:5.1f} s  {said}", flush=True)
        if failed and case in (build, install):
            break
    if failed:
        sys.exit(f"{failed} failed; what they left is in {WORK}")
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
