#!/usr/bin/env python3
"""Builds INT8 engines on an NVIDIA GPU, runs them, and compares their results with ONNX Runtime.

usage: gpu.py check                    whether there is a GPU; exit status 1 and the reason if there is none
       gpu.py prepare FOLDER MODELS    compiles the programs and collects their files in FOLDER
       gpu.py run FOLDER               runs them; needs nothing but Python, so that FOLDER can be moved to another machine

MODELS comes from make_models.py. QDQ_TENSORRT_INCLUDE names folders with headers of TensorRT 8.5 to 10, QDQ_TENSORRT folders
with libraries, each separated by ':'. Libraries are also searched in FOLDER/tensorrt-*, in the system's folders, and in the
folders of Python packages. For headers of 8.5 the Python package `tensorrt` 8.5.1.7 is downloaded, which contains the
library. Its ONNX parser needs cuDNN and cuBLAS, which the package does not contain. Without a parser only digits runs,
whose network is made layer by layer. Headers of TensorRT 11 and RTX are always there. The library of RTX is that of the
tests' environment.
"""

import ctypes
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ("residual_cnn", "mobilenet", "unet", "vision_transformer")
# Layer normalization needs a version after 8.5.
SINCE = {"vision_transformer": (8, 6)}
CALIBRATORS = ("entropy2", "entropy", "minmax", "legacy", "handed", "dynamic")
WITHOUT_CALIBRATORS = ("qdq", "network")
WHEEL = "tensorrt==8.5.1.7"
IN_WHEEL = ("libnvinfer.so.8", "libnvinfer_builder_resource.so.8.5.1")
# The GPUs for which a library builds engines, by compute capability.
RTX_GPUS = {(7, 5), (8, 6), (8, 9), (12, 0)}
NEWEST_GPU = {8: (9, 0)}


def gpu():
    """Returns the compute capability of the first GPU, and the reason if there is none."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None, "there is no NVIDIA driver: libcuda.so.1 is not found"
    count, number = ctypes.c_int(), ctypes.c_int()
    if (code := cuda.cuInit(0)) or (code := cuda.cuDeviceGetCount(ctypes.byref(count))):
        return None, f"CUDA's driver does not start: error {code}"
    if count.value == 0:
        return None, "CUDA's driver finds no GPU"
    capability = []
    for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
        cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, 0)
        capability.append(number.value)
    return tuple(capability), None


def version(include):
    """Returns (major, minor) of the headers in a folder."""
    text = (pathlib.Path(include) / "NvInferVersion.h").read_text()
    number = {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)\b", text)}

    def part(name):
        return next(number[key] for key in (f"NV_TENSORRT_{name}", f"TRT_{name}_RTX", f"TRT_{name}_ENTERPRISE") if key in number)

    return part("MAJOR"), part("MINOR")


def prepare(folder, models):
    sys.path[:0] = [str(HERE.parent), str(HERE.parent / "python")]
    import native
    import rtx
    from compare_with_peer import onnxruntime_library
    from tensorrt_headers import headers

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    suite = native.Suite("tensorrt-gpu", native.ROOT / "target" / "debug")
    for link in suite.work.iterdir():
        shutil.copy2(link.resolve(), folder / link.name)
    shutil.copy2(onnxruntime_library(), folder / "libonnxruntime.so")
    gather_models(folder, models)
    (folder / "tensorrt-rtx").mkdir()
    for library in rtx.libraries():
        shutil.copy2(library, folder / "tensorrt-rtx")

    given = [[f"-isystem{include}"] for include in os.environ.get("QDQ_TENSORRT_INCLUDE", "").split(":") if include]
    given += [headers("11.4"), headers("rtx-1.7")]
    programs = []
    for options in given:
        major, minor = version(options[-1].removeprefix("-isystem") if len(options) == 1 else options[1])
        built = suite.compile("g++", [HERE / "gpu" / "gpu.cpp"], "-std=c++17", "-O1", *native.WARNINGS, *options,
                              f"-I{native.ROOT / 'cpp'}", "-Wl,-rpath,$ORIGIN", "-ldl", name=f"gpu-{major}.{minor}")
        shutil.copy2(built, folder)
        programs.append({"program": built.name, "version": [major, minor]})
        if (major, minor) == (8, 5) and not libraries(folder, major):
            download(folder / "tensorrt-8")
    (folder / "programs.json").write_text(json.dumps(programs, indent=1))


def gather_models(folder, models):
    digits = HERE.parent / "data" / "digits"
    shutil.copy2(digits / "model.onnx", folder / "digits.onnx")
    shutil.copy2(digits / "calib.npz", folder / "digits.calib.npz")
    for name in MODELS:
        for end in (".onnx", ".calib.npz"):
            shutil.copy2(models / f"{name}{end}", folder)


def download(folder):
    """Downloads the library of the Python package. The package itself, for Python 3.10, is not installed."""
    folder.mkdir()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                        "--python-version", "3.10", "--implementation", "cp", "--platform", "manylinux_2_17_x86_64",
                        "--dest", scratch, WHEEL], check=True)
        with zipfile.ZipFile(next(pathlib.Path(scratch).glob("*.whl"))) as wheel:
            for name in IN_WHEEL:
                with wheel.open(f"tensorrt/{name}") as packed, open(folder / name, "wb") as out:
                    shutil.copyfileobj(packed, out)


def libraries(folder, major):
    """Returns TensorRT's library and parser of a major version, by path or by name if the system finds them. A
    missing parser is "none"; without a library there is no result."""
    ends = ("libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1") if major < 7 else (
        f"libnvinfer.so.{major}", f"libnvonnxparser.so.{major}")
    places = [pathlib.Path(place) for place in os.environ.get("QDQ_TENSORRT", "").split(":") if place]
    places += sorted(folder.glob("tensorrt-*"))
    for package in ("tensorrt", "tensorrt_libs", "tensorrt_rtx_libs"):
        found = importlib.util.find_spec(package)
        places += [pathlib.Path(found.origin).parent] if found and found.origin else []
    for place in places:
        if (place / ends[0]).exists():
            return place / ends[0], place / ends[1] if (place / ends[1]).exists() else "none"
    return (ends[0], ends[1] if opens(ends[1]) else "none") if opens(ends[0]) else None


def opens(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def unfit(major, capability):
    """Returns the reason why a TensorRT does not support the GPU."""
    if major < 7 and capability not in RTX_GPUS:
        return "TensorRT-RTX builds for GPUs of GeForce and RTX"
    if capability > NEWEST_GPU.get(major, capability):
        return "the GPU is newer than this TensorRT"
    return None


def run(folder):
    capability, reason = gpu()
    if capability is None:
        print(f"skipped: {reason}")
        return False
    failed = passed = 0
    for entry in json.loads((folder / "programs.json").read_text()):
        major, minor = entry["version"]
        name = f"TensorRT{'-RTX' if major < 7 else ''} {major}.{minor}"
        found = libraries(folder, major)
        if not found or unfit(major, capability):
            print(f"skipped {name}: {unfit(major, capability) if found else 'its library is not found'}")
            continue
        ways = (*CALIBRATORS, *WITHOUT_CALIBRATORS) if 7 <= major <= 10 else WITHOUT_CALIBRATORS
        if found[1] == "none":
            print(f"skipped {name}: there is no ONNX parser beside the library; digits alone is built")
            ways = tuple(way for way in ways if way != "qdq")
        for model in ("digits", *(MODELS if found[1] != "none" else ())):
            if 7 <= major and (major, minor) < SINCE.get(model, (0, 0)):
                continue
            for way in ways:
                problem, said = case(folder / entry["program"], found, way, folder, model)
                failed += bool(problem)
                passed += not problem
                print(f"{'FAILED' if problem else 'ok':7} {name}, {model}, {said}", *problem, sep="\n        ", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


def case(program, found, way, folder, model):
    """Runs one program. Returns the lines with problems, and its output."""
    environment = {"QDQ_ONNXRUNTIME": str(folder.resolve() / "libonnxruntime.so")}
    if isinstance(found[0], pathlib.Path):
        # The library opens other libraries by name.
        environment["LD_LIBRARY_PATH"] = f"{found[0].resolve().parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [program.resolve(), *found, way, folder / f"{model}.onnx", folder / f"{model}.calib.npz", f"{scratch}/cache"],
                capture_output=True, text=True, errors="replace", timeout=900, env={**os.environ, **environment})
        except subprocess.TimeoutExpired:
            return ["no end after 15 minutes"], way
    said = done.stdout.strip().replace("\n", "; ") or way
    if done.returncode == 0:
        return [], said
    return [f"exit status {done.returncode}", *done.stderr.strip().splitlines()[-8:]], said


def main(arguments):
    match arguments:
        case ["check"]:
            _, reason = gpu()
            print(f"skipped: {reason}" if reason else "there is a GPU")
            return reason is not None
        case ["prepare", folder, models]:
            prepare(pathlib.Path(folder), pathlib.Path(models))
        case ["run", folder]:
            return run(pathlib.Path(folder))
        case _:
            sys.exit(__doc__)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
