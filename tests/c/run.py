#!/usr/bin/env python3
"""The tests of the C interface, as programs: under AddressSanitizer and UndefinedBehaviorSanitizer, and under Valgrind.

usage: run.py [FOLDER of libqdq, target/debug by default]
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "scripts")]

import header  # noqa: E402
import native  # noqa: E402
import reference  # noqa: E402
from native import DIGITS, ROOT, SANITIZE, VALGRIND, WARNINGS, Failure, run  # noqa: E402

PROGRAMS = ["objects", "callbacks", "dlpack", "threads", "trained"]
# No program uses all good values, and the generated calls spoil some on purpose.
GENERATED = ["-Wno-unused-function", "-Wno-unused-variable", "-Wno-nonnull", f"-I{HERE}"]


def main():
    suite = native.Suite("c", sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "debug")
    suite.case("every function, type and number of the header is documented", documented)
    if shutil.which("doxygen"):
        suite.case("the reference describes every exported function", lambda: described(suite))
    else:
        suite.skip("the reference describes every exported function", "Doxygen is not installed")
    abuse = suite.work / "abuse.c"
    suite.case("calls with spoiled arguments are generated", lambda: run(sys.executable, HERE / "abuse.py", abuse))
    sources = {name: (HERE / f"{name}.c", []) for name in PROGRAMS} | {"abuse": (abuse, GENERATED)}

    def checked(name, flags, wrapper, label):
        source, options = sources[name]

        def test():
            program = suite.compile("gcc", [source], "-std=c11", "-g", *WARNINGS, *options, *flags, name=f"{name}-{label}")
            run(*wrapper, program, DIGITS, suite.out(f"{name}-{label}"))

        return f"{name}, {label}", test

    suite.cases([checked(name, SANITIZE, [], "sanitized") for name in sources])
    # The normal program runs under Valgrind. Without Valgrind it runs by itself. The models in `trained` would take
    # Valgrind ten minutes.
    has_valgrind = native.has_valgrind()
    wrapper, label = (VALGRIND, "valgrind") if has_valgrind else ([], "plain")
    suite.cases([checked(name, [], wrapper, label) for name in sources if name != "trained"])
    for compiler in native.compilers("clang"):
        suite.case(f"objects, {compiler}", lambda: run(
            suite.compile(compiler, [HERE / "objects.c"], "-std=c11", *WARNINGS, name="objects-clang"), DIGITS,
            suite.out("objects-clang")))

    # Prove that the checks can fail.
    leak = suite.compile("gcc", [HERE / "leak.c"], "-g", *SANITIZE, name="leak-sanitized")
    after_free = suite.compile("gcc", [HERE / "after_free.c"], "-g", *SANITIZE, name="after_free-sanitized")
    suite.case("the sanitizer sees a leak", lambda: run(leak, fails="LeakSanitizer: detected memory leaks"))
    suite.case("the sanitizer sees a use after free", lambda: run(after_free, fails="heap-use-after-free"))
    if has_valgrind:
        leak = suite.compile("gcc", [HERE / "leak.c"], "-g", name="leak")
        after_free = suite.compile("gcc", [HERE / "after_free.c"], "-g", name="after_free")
        suite.case("valgrind sees a leak", lambda: run(*VALGRIND, leak, fails="definitely lost"))
        suite.case("valgrind sees a use after free", lambda: run(*VALGRIND, after_free, fails="Invalid read"))
    else:
        suite.skip("valgrind", "it is not installed")
    suite.end()


def documented():
    found = header.parse()
    if found.undocumented or len(found.functions) < 200:
        raise Failure(f"without documentation: {found.undocumented}, of {len(found.functions)} functions")
    # Prove that the check can fail.
    if header.parse("int32_t qdq_thing_do(void);\n#define QDQ_X 1\ntypedef struct qdq_y qdq_y;").undocumented != [
        "qdq_thing_do", "QDQ_X", "typedef struct qdq_y qdq_y;"]:
        raise Failure("the check does not see what is not documented")


def described(suite):
    folder = suite.work / "reference"
    if wrong := reference.build(folder):
        raise Failure("\n".join(wrong))
    symbols = run("nm", "-D", "--defined-only", suite.work / "libqdq.so").splitlines()
    exported = {line.split()[-1] for line in symbols if line.split()[-1].startswith("qdq_")}
    found = reference.described(folder)
    if found != exported or len(found) < 200:
        raise Failure(f"in one only: {sorted(found ^ exported)}, of {len(exported)} exported functions")


main()
