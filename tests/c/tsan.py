#!/usr/bin/env python3
"""Two threads of C under ThreadSanitizer, against a libqdq that was built with it; see `make tsan`.

usage: tsan.py FOLDER of libqdq
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import native  # noqa: E402
from native import DIGITS, WARNINGS, run  # noqa: E402


def main():
    suite = native.Suite("tsan", sys.argv[1])
    # The run-time library of the Rust compiler: gcc's own is older and lacks functions that Rust's code
    # calls.
    sysroot = Path(run("rustc", "+nightly", "--print", "sysroot").strip())
    [runtime] = sysroot.glob("lib/rustlib/*/lib/librustc*_rt.tsan.a")
    link = ["-Wl,--whole-archive", runtime, "-Wl,--no-whole-archive", "-rdynamic", "-ldl", "-lrt"]

    def compiled(name):
        instrumented = suite.work / f"{name}.o"
        run("gcc", "-std=c11", "-g", "-fsanitize=thread", *WARNINGS, f"-I{native.ROOT / 'include'}", "-c",
            HERE / f"{name}.c", "-o", instrumented)
        return suite.compile("gcc", [instrumented], *link, name=name)

    for name in ("threads", "callbacks"):
        suite.case(f"{name}, ThreadSanitizer", lambda name=name: run(compiled(name), DIGITS, suite.out(name)))
    suite.case("ThreadSanitizer sees a race", lambda: run(compiled("race"), fails="data race"))
    suite.end()


main()
