#!/usr/bin/env python3
"""The same example in Rust, C and C++ prints the same and writes the same files, and what the README shows works.

usage: examples.py [FOLDER of libqdq, target/debug by default]
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import native  # noqa: E402
from native import DIGITS, ROOT, WARNINGS, Failure, run  # noqa: E402

# The README's C is the middle of a function.
BEFORE = """#include <qdq/qdq.h>
#include <stdio.h>
int main(void) {
  qdq_error *error = NULL;
  qdq_model *model = NULL, *quantized = NULL;
  qdq_specs *inputs = NULL;
  qdq_plan *plan = NULL;
  qdq_batches *batches = NULL;
  qdq_stats *stats = NULL;
  qdq_ranges *ranges = NULL;
"""
AFTER = """
  int failed = error != NULL;
  qdq_error_free(&error), qdq_model_free(&model), qdq_model_free(&quantized), qdq_specs_free(&inputs);
  qdq_plan_free(&plan), qdq_batches_free(&batches), qdq_stats_free(&stats), qdq_ranges_free(&ranges);
  return failed;
}
"""
FILES = ["model.cache", "model.json", "model.qdq.onnx"]


def main():
    library = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "debug"
    suite = native.Suite("examples-of-c", library)
    programs = {"rust": library / "examples" / "pipeline"}
    programs["c"] = suite.compile("gcc", [ROOT / "examples/c/main.c"], "-std=c99", *WARNINGS, name="c")
    programs["c++"] = suite.compile("g++", [ROOT / "examples/cpp/main.cpp"], "-std=c++17", *WARNINGS,
                                    f"-I{ROOT / 'cpp'}", name="cpp")
    results = {}

    def runs(language):
        out = suite.out(language)
        text = run(programs[language], DIGITS / "model.onnx", out)
        results[language] = (text, [(name, (out / name).read_bytes()) for name in FILES])
        if "integers -7 -1 1 7, scale 3.50\n" not in text or "quantized 4 of 9 nodes\n" not in text:
            raise Failure(text)
        if results[language] != results["rust"]:
            raise Failure(f"it prints or writes something else than in Rust:\n{text}")

    for language in programs:
        suite.case(language, lambda language=language: runs(language))

    readme = (ROOT / "README.md").read_text()

    def shown(language, extension, compiler, options, before="", after=""):
        # What follows in C++ is about TensorRT: tests/tensorrt/examples.py.
        body = re.findall(rf"```{language}\n(.*?)```", readme, re.S)[0]
        source = suite.work / f"readme.{extension}"
        source.write_text(before + body + after)
        program = suite.compile(compiler, [source], *options, *WARNINGS, name=f"readme-{language}")
        out = suite.out(f"readme-{language}")
        shutil.copy(DIGITS / "model.onnx", out)
        shutil.copy(DIGITS / "calib.npz", out / "calibration.npz")
        ran = subprocess.run([program], cwd=out, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if ran.returncode != 0 or not (out / "model.qdq.onnx").exists():
            raise Failure(ran.stdout)

    suite.case("the README's C", lambda: shown("c", "c", "gcc", ["-std=c99"], BEFORE, AFTER))
    suite.case("the README's C++", lambda: shown("cpp", "cpp", "g++", ["-std=c++17", f"-I{ROOT / 'cpp'}"]))
    suite.end()


main()
