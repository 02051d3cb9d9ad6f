#!/usr/bin/env python3
"""Checks the examples: the same example in Rust, C and C++ prints the same and writes the same files, the README's
code works, the training example recovers the loss of quantization, and the example of accuracy without training
improves on plain rounding.

usage: examples.py [FOLDER of libqdq, target/debug by default]
"""

import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import native  # noqa: E402
from native import DIGITS, ROOT, WARNINGS, Failure, run  # noqa: E402

# The README's C code is the middle of a function.
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
OPENCV = Path("/usr/include/opencv4")
FILES = ["model.cache", "model.json", "model.qdq.onnx"]
PRINTED = "integers -7 -1 1 7, inverse scale 3.50\namax 0.999, by percentile 0.990\nquantized 4 of 9 nodes\n"


def main():
    library = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "debug"
    suite = native.Suite("examples-of-c", library)
    programs = {"rust": library / "examples" / "pipeline"}
    programs["c"] = suite.compile("gcc", [ROOT / "examples/c/main.c"], "-std=c99", *WARNINGS, name="c")
    programs["c++"] = suite.compile("g++", [ROOT / "examples/cpp/main.cpp"], "-std=c++17", *WARNINGS,
                                    "-Wshadow", "-Wconversion", "-Wsign-conversion", f"-I{ROOT / 'cpp'}", name="cpp")
    results = {}

    def runs(language):
        out = suite.out(language)
        text = run(programs[language], DIGITS / "model.onnx", out)
        results[language] = (text, [(name, (out / name).read_bytes()) for name in FILES])
        if text != PRINTED or {path.name for path in out.iterdir()} != set(FILES):
            raise Failure(f"it prints this, and writes {list(out.iterdir())}:\n{text}")
        if results[language] != results["rust"]:
            raise Failure("it writes something else than in Rust")
        run(programs[language], "none.onnx", out, fails="none.onnx")

    for language in programs:
        suite.case(language, lambda language=language: runs(language))

    # Compiled like a user does it: without optimization it takes three times as long.
    train = suite.compile("gcc", [ROOT / "examples/c/train.c"], "-std=c99", "-O2", *WARNINGS, name="train")

    def trains(seed):
        out = suite.out("train")
        text = run(train, DIGITS, out, seed)
        accuracies = [float(number) for number in re.findall(r"([0-9.]+)%", text)]
        as_float, four_bits, two_bits, trained = accuracies
        if not (as_float >= 90 and four_bits >= as_float - 4 and two_bits <= as_float - 10
                and trained >= max(two_bits + 8, as_float - 4)):
            raise Failure(text)
        ranges = {name: tensor["amax"] for name, tensor in
                  json.loads((out / "trained.json").read_text())["tensors"].items()}
        header, *lines = (out / "trained.cache").read_text().splitlines()
        scales = {name: struct.unpack(">f", bytes.fromhex(number))[0] for name, number in
                  (line.split(": ") for line in lines)}
        if header != "TRT-100300-EntropyCalibration2" or list(ranges) != ["image", "hidden"] or any(
                abs(scales[name] * 127 - amax) > 1e-6 * amax for name, amax in ranges.items()):
            raise Failure(f"{ranges} {scales}")

    for seed in range(1, 6):
        suite.case(f"quantization-aware training in C, seed {seed}", lambda seed=seed: trains(seed))

    # Run like `make demo-accuracy`, on two networks. Measured with all three methods: 4.3 and 10.3 dB at 4
    # bits.
    def gains():
        text = run(library / "examples" / "accuracy", f"digits={DIGITS}", f"residual_cnn={ROOT / 'target/models/residual_cnn'}")
        rows = {tuple(line.split()[:2]): re.findall(r"-?\d+\.\d+ \(([-+]\d+\.\d+)\)", line) for line in text.splitlines()}
        for (model, bits), least in {("digits", "int4"): 3, ("residual_cnn", "int4"): 8, ("digits", "int8"): 0.3,
                                     ("residual_cnn", "int8"): 0.3}.items():
            _, rounding, bias, every = map(float, rows[model, bits])
            if every < least or bits == "int4" and (rounding < 0.5 or bias < 0.4):
                raise Failure(text)

    suite.case("what recovers accuracy gains over plain rounding", gains)

    readme = (ROOT / "README.md").read_text()

    def shown(language, extension, compiler, options, before="", after=""):
        # C++ code without a main is about TensorRT: tests/tensorrt/examples.py.
        blocks = re.findall(rf"```{language}\n(.*?)```", readme, re.S)
        body = next(block for block in blocks if before or "int main" in block)
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

    def loop():
        out = suite.out("inference-loop")
        program = suite.compile("gcc", [ROOT / "examples/c/inference_loop.c"], "-std=c99", *WARNINGS, name="inference_loop")
        text = run(program, out / "loop.cache")
        names = [line.split(":")[0] for line in (out / "loop.cache").read_text().splitlines()[1:]]
        # The pixels are sixteenths. The range is the one near 1 for which each pixel is a whole number of
        # steps.
        if sorted(names) != ["hidden", "image"] or not re.search(r"^image 1\.134$", text, re.M):
            raise Failure(f"{text}\n{names}")

    suite.case("an inference loop in C", loop)

    def excerpts():
        program = (ROOT / "examples/c/inference_loop.c").read_text()
        for block in re.findall(r"```c\n(.*?)```", (ROOT / "docs/inference-loop.md").read_text(), re.S):
            if block not in program:
                raise Failure(f"not in the program:\n{block}")

    suite.case("docs/inference-loop.md shows that program", excerpts)

    def preprocessing():
        source = suite.work / "opencv.cpp"
        source.write_text(re.findall(r"```cpp\n(.*?)```", (ROOT / "docs/data.md").read_text(), re.S)[0])
        native.run("g++", "-std=c++17", *WARNINGS, f"-I{ROOT / 'cpp'}", f"-I{ROOT / 'include'}", "-isystem", OPENCV,
                   "-fsyntax-only", source)

    if OPENCV.is_dir():
        suite.case("docs/data.md's preprocessing by OpenCV compiles", preprocessing)
    else:
        print("skipped: docs/data.md's preprocessing, since there are no headers of OpenCV")
    suite.end()


main()
