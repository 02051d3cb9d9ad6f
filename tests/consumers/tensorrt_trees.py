"""Tests FindTensorRT.cmake with artificial trees of every form in which TensorRT is distributed, and with its real
headers.

These cases need neither qdq nor cargo's output, except for the crate with the real headers.
"""

import shutil
import sys

from commands import HERE, ROOT, WORK, check, run

sys.path.insert(0, str(ROOT / "tests"))

import tensorrt_headers  # noqa: E402

TREES = WORK / "tensorrt trees"

# The form of the versions: numbers, and from 11 on the name of a macro.
NUMBERS = """#define NV_TENSORRT_MAJOR {0} //!< TensorRT major version.
#define NV_TENSORRT_MINOR {1} //!< TensorRT minor version.
#define NV_TENSORRT_PATCH {2} //!< TensorRT patch version.
"""
NAMES = """#define TRT_MAJOR_{3} {0}
#define TRT_MINOR_{3} {1}
#define TRT_PATCH_{3} {2}
#define NV_TENSORRT_MAJOR TRT_MAJOR_{3} //!< TensorRT major version.
#define NV_TENSORRT_MINOR TRT_MINOR_{3} //!< TensorRT minor version.
#define NV_TENSORRT_PATCH TRT_PATCH_{3} //!< TensorRT patch version.
"""
FUNCTIONS = {"nvinfer": "getInferLibVersion", "tensorrt_rtx": "getInferLibVersion", "nvonnxparser": "getNvOnnxParserVersion",
             "tensorrt_onnxparser_rtx": "getNvOnnxParserVersion", "nvinfer_plugin": "getPluginVersion"}


def headers(folder, version, rtx=False):
    folder.mkdir(parents=True)
    numbers = version.split(".")
    form = NAMES if rtx or int(numbers[0]) > 10 else NUMBERS
    (folder / "NvInferVersion.h").write_text(form.format(*numbers, "RTX" if rtx else "ENTERPRISE"))
    (folder / "NvInfer.h").write_text('#include "NvInferVersion.h"\nextern "C" int getInferLibVersion() noexcept;\n')
    (folder / "NvOnnxParser.h").write_text('extern "C" int getNvOnnxParserVersion() noexcept;\n')


def libraries(folder, version, names, links=True):
    """Makes libraries that return the major version of TensorRT, with the links that a development package has."""
    folder.mkdir(parents=True)
    major = version.split(".")[0]
    for name in names:
        file = f"lib{name}.so.{major}"
        source = WORK / f"{name}.cpp"
        source.write_text(f'extern "C" int {FUNCTIONS[name]}() noexcept {{ return {major}; }}\n')
        real = folder / (f"lib{name}.so.{version}" if links else file)
        run("c++", "-shared", "-fPIC", f"-Wl,-soname,{file}", source, "-o", real)
        if links:
            (folder / file).symlink_to(real.name)
            (folder / f"lib{name}.so").symlink_to(file)


def archive(name, version, names=("nvinfer", "nvonnxparser"), rtx=False):
    tree = TREES / name
    shutil.rmtree(tree, ignore_errors=True)
    headers(tree / "include", version, rtx)
    libraries(tree / "lib", version, names)
    return tree


def python_package(name, version, package="tensorrt_libs", names=("nvinfer", "nvonnxparser")):
    tree = TREES / name
    shutil.rmtree(tree, ignore_errors=True)
    folder = tree / "lib/python3.11/site-packages" / package
    libraries(folder, version, names, links=False)
    return tree, folder


def find(*options, components="", fails=None, environment={}):
    """Returns what the project found. With `fails`, checks that it found nothing and printed that text."""
    build = TREES / "build"
    shutil.rmtree(build, ignore_errors=True)
    options = [*options, f"-DMODULE={ROOT / 'cmake'}", f"-DCOMPONENTS={components}",
               # Nothing installed on this machine is searched.
               "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"]
    said = run("cmake", "-S", HERE / "find_tensorrt", "-B", build, "-G", "Ninja", *options, **environment)
    found = dict(line.split("=", 1) for line in (build / "found.txt").read_text().splitlines())
    check((found["found"] != "TRUE") == (fails is not None), "found:", found, "\n", said)
    if fails is not None:
        # cmake wraps the lines of a message.
        check(fails in " ".join(said.split()), f"the message lacks '{fails}':\n{said}")
    return found


def check_found(found, version, targets, rtx="FALSE"):
    check((found["version"], found["targets"], found["rtx"]) == (version, targets, rtx), "found:", found)


def program(version, major):
    """Returns the program that the project links against the libraries that it found."""
    build = TREES / "build"
    run("cmake", "--build", build)
    said = run(build / "consumer").strip()
    check(said == f"{version} {major} {major}", "it said", said)


def an_archive():
    tree = archive("TensorRT-8.5.1.7", "8.5.1", ["nvinfer", "nvonnxparser", "nvinfer_plugin"])
    found = find(f"-DTensorRT_ROOT={tree}", components="nvinfer;nvonnxparser")
    check_found(found, "8.5.1", "headers;nvinfer;nvonnxparser;nvinfer_plugin")
    program("8.5.1", 8)
    check_found(find(f"-DTENSORRT_ROOT={tree}"), "8.5.1", "headers;nvinfer;nvonnxparser;nvinfer_plugin")
    check_found(find("-DVERSION=8.4", environment={"TENSORRT_ROOT": tree}), "8.5.1",
                "headers;nvinfer;nvonnxparser;nvinfer_plugin")
    find(f"-DTensorRT_ROOT={tree}", "-DVERSION=10", fails='required is at least "10"')
    find(f"-DTensorRT_ROOT={tree}", components="parser", fails="There is no component parser")
    find(f"-DTensorRT_ROOT={tree}", components="rtx", fails="not TensorRT-RTX's")


def macros_for_numbers():
    tree = archive("TensorRT-11.4.0.106", "11.4.0", ["nvinfer"])
    check_found(find(f"-DTensorRT_ROOT={tree}", "-DOPTIONAL_COMPONENTS=nvonnxparser"), "11.4.0", "headers;nvinfer")
    find(f"-DTensorRT_ROOT={tree}", components="nvinfer;nvonnxparser", fails="missing: TensorRT_NVONNXPARSER_LIBRARY")


def system_packages():
    tree = TREES / "usr"
    architecture = run("c++", "-print-multiarch").strip()
    headers(tree / "include" / architecture, "10.3.0")
    libraries(tree / "lib" / architecture, "10.3.0", ["nvinfer", "nvonnxparser"])
    for option in [f"-DCMAKE_PREFIX_PATH={tree}", f"-DTensorRT_ROOT={tree}"]:
        check_found(find(option), "10.3.0", "headers;nvinfer;nvonnxparser")
        program("10.3.0", 10)


def a_python_package():
    tree, folder = python_package("an environment", "10.3.0")
    for root in (tree, folder.parent, folder):
        found = find(f"-DTensorRT_ROOT={root}", components="libraries")
        check_found(found, "10", "nvinfer;nvonnxparser")
    find(f"-DTensorRT_ROOT={tree}", fails="ask for the component libraries")
    include = archive("headers for it", "10.3.0") / "include"
    check_found(find(f"-DTensorRT_ROOT={tree}", f"-DTensorRT_INCLUDE_DIR={include}"), "10.3.0",
                "headers;nvinfer;nvonnxparser")
    program("10.3.0", 10)
    # The headers decide on the major version.
    headers(TREES / "older headers", "8.6.1")
    find(f"-DTensorRT_ROOT={tree}", f"-DTensorRT_INCLUDE_DIR={TREES / 'older headers'}", fails="no library for them")


def rtx():
    tree = archive("TensorRT-RTX-1.7.1.116", "1.7.1", ["tensorrt_rtx", "tensorrt_onnxparser_rtx"], rtx=True)
    for components in ("", "rtx", "rtx;nvinfer;nvonnxparser"):
        check_found(find(f"-DTensorRT_ROOT={tree}", components=components), "1.7.1", "headers;nvinfer;nvonnxparser", "TRUE")
    program("1.7.1", 1)
    find(f"-DTensorRT_ROOT={tree}", "-DVERSION=8", fails='required is at least "8"')
    tree, _ = python_package("an environment of RTX", "1.7.1", "tensorrt_rtx_libs", ["tensorrt_rtx", "tensorrt_onnxparser_rtx"])
    check_found(find(f"-DTensorRT_ROOT={tree}", components="rtx;libraries"), "1", "nvinfer;nvonnxparser", "TRUE")


def headers_only():
    tree = TREES / "headers only"
    headers(tree / "include", "8.6.1")
    check_found(find(f"-DTensorRT_ROOT={tree}", components="headers"), "8.6.1", "headers")
    find(f"-DTensorRT_ROOT={tree}", fails="The component headers asks for headers only")
    find(fails="Set TensorRT_ROOT to where TensorRT is unpacked")
    (tree / "include/NvInferVersion.h").write_text("#define NV_TENSORRT_MAJOR\n")
    find(f"-DTensorRT_ROOT={tree}", components="headers", fails="NvInferVersion.h states no version")


def real_headers():
    for version, rtx in [("11.4", "FALSE"), ("rtx-1.3", "TRUE"), ("rtx-1.7", "TRUE")]:
        folder = tensorrt_headers.real() / tensorrt_headers.REAL[version]
        found = find(f"-DTensorRT_ROOT={folder}", components="headers")
        check(found["version"].startswith(version.removeprefix("rtx-") + ".") and found["rtx"] == rtx, "found:", found)
        # The crate has CUDA's header beside the folders of TensorRT's.
        check(found["includes"] == f"{folder};{folder.parent}", "includes:", found)


CASES = [
    ("find TensorRT, an archive", an_archive),
    ("find TensorRT, macros for numbers", macros_for_numbers),
    ("find TensorRT, the system's packages", system_packages),
    ("find TensorRT, a Python package", a_python_package),
    ("find TensorRT, TensorRT-RTX", rtx),
    ("find TensorRT, headers only", headers_only),
    ("find TensorRT, the real headers", real_headers),
]
