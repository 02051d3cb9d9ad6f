#!/usr/bin/env python3
"""The same example in Rust, C and C++ prints the same and writes the same files.

usage: examples.py [FOLDER of libqdq, target/debug by default]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import native  # noqa: E402
from native import DIGITS, ROOT, WARNINGS, Failure, run  # noqa: E402

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
    suite.end()


main()
