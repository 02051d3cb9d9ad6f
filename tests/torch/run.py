#!/usr/bin/env python3
"""Builds and runs the tests of the LibTorch layer: run.py [--seeds N] [FOLDER OF LIBQDQ]

LibTorch is that of scripts/setup_libtorch.sh. Without it, everything is skipped and the reason printed. `--seeds`
sets the number of runs of the digits task, each with other random numbers.
"""

import argparse
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from native import DIGITS, Failure, ROOT, Suite, run  # noqa: E402

TESTS = ROOT / "tests" / "torch"
GOLDEN = ROOT / "tests" / "data" / "golden"
STRICT = ["-Wall", "-Wextra", "-Wshadow", "-Werror",
          # A statement that must throw returns nothing to use.
          "-Wno-unused-result"]


class Torch:
    """An installed LibTorch."""

    def __init__(self, prefix):
        prefix = Path(prefix)
        include = prefix / "include"
        # The compiler always searches /usr/include, which must come last.
        folders = [folder for folder in (include, include / "torch" / "csrc" / "api" / "include") if folder != Path("/usr/include")]
        self.include = [option for folder in folders for option in ("-isystem", folder)]
        libraries = [path for path in (prefix / "lib", *sorted(prefix.glob("lib/*-linux-gnu"))) if
                     (path / "libtorch.so").exists()]
        if not libraries:
            raise Failure(f"{prefix} has no lib/libtorch.so")
        folder = libraries[0]
        # The headers themselves state whether they need a newer C++.
        wants_20 = "202002L" in (include / "torch" / "csrc" / "api" / "include" / "torch" / "all.h").read_text()
        self.standard = "-std=c++20" if wants_20 else "-std=c++17"
        self.link = [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-Wl,-rpath-link,{folder}", "-ltorch", "-ltorch_cpu", "-lc10"]


def find_torch():
    """Returns LibTorch, or the reason why there is none."""
    found = subprocess.run([ROOT / "scripts" / "setup_libtorch.sh"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if found.returncode != 0:
        return None, found.stderr.strip().splitlines()[-1] if found.stderr.strip() else "setup_libtorch.sh failed"
    return Torch(found.stdout.strip()), None


def unpack_golden(folder):
    """Writes the golden arrays as files, and the cases as lines of words."""
    with zipfile.ZipFile(GOLDEN / "arrays.npz") as archive:
        archive.extractall(folder)
    cases = json.loads((GOLDEN / "cases.json").read_text())
    for section in ("quant", "affine"):
        lines = (" ".join(f"{key}={value}" for key, value in case.items() if key != "msg") for case in cases[section])
        (folder / f"{section}.txt").write_text("\n".join(lines) + "\n")


class Programs:
    def __init__(self, suite, torch):
        self.suite, self.torch = suite, torch
        self.options = [torch.standard, "-O1", *STRICT, f"-I{ROOT / 'include'}", f"-I{ROOT / 'cpp'}", *torch.include]
        # The headers of LibTorch take most of the time: they are compiled once for all programs.
        header = suite.work / "check.hpp"
        run("g++", *self.options, "-x", "c++-header", TESTS / "check.hpp", "-o", f"{header}.gch")
        self.options = [f"-I{suite.work}", *self.options]

    def build(self, name, source=None, shared=True):
        program = self.suite.work / name
        include = ["-Winvalid-pch", "-include", "check.hpp"] if shared else []
        run("g++", *self.options, *include, source or TESTS / f"{name}.cpp", "-o", program,
            f"-L{self.suite.work}", "-lqdq", f"-Wl,-rpath,{self.suite.work}", *self.torch.link, "-lpthread")
        return program


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", nargs="?", default=ROOT / "target" / "debug")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", help="only the cases that start with this")
    options = parser.parse_args()
    torch, reason = find_torch()
    if torch is None:
        print(f"skipped: the LibTorch layer is not tested: {reason}")
        return
    suite = Suite("torch", options.library)
    golden = suite.work / "golden"
    golden.mkdir()
    unpack_golden(golden)
    programs = Programs(suite, torch)

    def test(name, *arguments):
        print(run(programs.build(name), *arguments), end="")

    def digits(seed):
        out = suite.out(f"digits{seed}")
        run(sys.executable, TESTS / "float_model.py", out / "float.onnx")
        print(run(programs.build(f"digits{seed}", TESTS / "digits.cpp"), out / "float.onnx", DIGITS, out, seed), end="")
        for name in ("w8", "w4"):
            print(run(sys.executable, TESTS / "compare.py", out / f"{name}.onnx", out / f"{name}.txt"), end="")

    def saved():
        """No machine of the tests has a GPU: the file of a GPU differs only in the device of its tensors."""
        out = suite.out("saved")
        file, of_gpu = out / "net.pt", out / "net_of_gpu.pt"
        program = programs.build("saved")
        run(program, "write", file)
        places = 0
        with zipfile.ZipFile(file) as host, zipfile.ZipFile(of_gpu, "w") as gpu:
            for record in host.namelist():
                content = host.read(record)
                if record.endswith("data.pkl"):
                    places += content.count(b"X\x03\0\0\0cpu")
                    content = content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
                gpu.writestr(record, content)
        if places == 0:
            raise Failure(f"{file} does not say where its tensors lie")
        print(run(program, "read", file, of_gpu), end="")

    def export():
        out = suite.out("export")
        run(sys.executable, TESTS / "export_model.py", out / "float.onnx")
        test("export", out / "float.onnx", out / "quantized.onnx")

    def formats():
        out = suite.out("formats")
        run(sys.executable, TESTS / "export_model.py", out / "float.onnx", "formats")
        test("formats", out / "float.onnx", out)
        (out / "float.onnx").unlink()
        print(run(sys.executable, TESTS / "check_formats.py", out), end="")

    def example():
        """Runs the original program, and the same in the other namespace."""
        before, after = (ROOT / "examples" / "torch" / f"{name}.cpp" for name in ("before", "after"))
        changed = [(old, new) for old, new in zip(before.read_text().splitlines(), after.read_text().splitlines(), strict=True)
                   if old != new]
        if changed != [("#include <torch/torch.h>", "#include <qdq/torch.hpp>"),
                       ("namespace nn = torch::nn;", "namespace nn = qdq::nn;")]:
            raise Failure(f"the programs differ in {changed}")
        said = [run(programs.build(source.stem, source, shared=False)) for source in (before, after)]
        if said[0] == said[1]:
            raise Failure("quantization changes nothing")
        print(*said, sep="", end="")

    cases = [("example", example), ("functions", lambda: test("functions", golden)), ("quantizer", lambda: test("quantizer")),
             ("modules", lambda: test("modules")), ("trees", lambda: test("trees")), ("saved", saved), ("export", export), ("formats", formats)]
    cases += [(f"digits, seed {seed}", lambda seed=seed: digits(seed)) for seed in range(1, options.seeds + 1)]
    if shutil.which("clang++"):
        cases.append(("clang++", lambda: run("clang++", *programs.options, "-fsyntax-only", "-include", TESTS / "check.hpp",
                                             TESTS / "modules.cpp")))
    else:
        suite.skip("clang++", "it is not installed")
    suite.cases([case for case in cases if not options.only or case[0].startswith(options.only)])
    suite.end()


if __name__ == "__main__":
    main()
