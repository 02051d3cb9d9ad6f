#!/usr/bin/env python3
"""Compiles the headers in every promised way, and runs the C++ tests: run.py [--again] [FOLDER OF LIBQDQ]

With --again it runs only the cases that are compiled otherwise without clang++ on the PATH, in addition to a run with it.
Prints a line for every case. The exit status is 1 if one fails. Needs g++; uses clang and valgrind if
they are installed.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "cpp"
HEADERS = ROOT / "cpp" / "qdq"
# The umbrella headers that need other libraries.
APART = ("tensorrt.hpp", "torch.hpp")
C_HEADER = ROOT / "include" / "qdq" / "qdq.h"
DATA = ROOT / "tests" / "data"
SOURCES = sorted(TESTS.glob("*.cpp"))
INCLUDE = [f"-I{ROOT / 'include'}", f"-I{ROOT / 'cpp'}"]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wsign-conversion", "-Werror"]
NO_EXCEPTIONS = ["-fno-exceptions"]
NO_RTTI = ["-fno-rtti"]
BARE = [*NO_EXCEPTIONS, *NO_RTTI]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
VALGRIND = ["valgrind", "-q", "--error-exitcode=1", "--leak-check=full", "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect"]


class Failed(Exception):
    """A failed case, with its description."""


def run(*command, cwd=None, **environment):
    """Runs a command that must succeed and returns its output."""
    done = attempt(*command, cwd=cwd, **environment)
    if done.returncode != 0:
        raise Failed(f"exit status {done.returncode} of {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def attempt(*command, cwd=None, **environment):
    return subprocess.run(list(map(str, command)), cwd=cwd, env={**os.environ, **environment}, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)


def fails(expected, *command, cwd=None, **environment):
    """Runs a command that must fail with the expected message."""
    done = attempt(*command, cwd=cwd, **environment)
    if done.returncode == 0 or expected not in done.stdout:
        raise Failed(f"exit status {done.returncode}, without {expected!r}:\n{done.stdout}")


class Suite:
    def __init__(self, library, folder, again):
        self.folder, self.again = folder, again
        # All tests as one source: the headers take most of the time.
        self.everything = folder / "everything.cpp"
        self.everything.write_text("".join(f'#include "{path}"\n' for path in SOURCES))
        self.library = link_library(library, folder / "lib")
        # After the sources: some distributions' compilers link a library only if an earlier file needs it.
        self.link = ["-Wl,--as-needed", self.library, f"-Wl,-rpath,{self.library.parent}", "-pthread"]
        self.cxx = [compiler for compiler in ("g++", "clang++") if shutil.which(compiler)]
        self.cc = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]

    def cases(self):
        """Lists name and function of every case, the longest first."""
        other = self.cxx[-1]
        if not self.again:
            # Every source includes all headers, which also proves that several sources can include them.
            yield "tests, g++ c++17", lambda: self.tests("plain", "g++", ["-std=c++17", "-g"], SOURCES)
            yield "tests under the address and undefined behaviour sanitizers", lambda: self.tests(
                "sanitized", "g++", ["-std=c++17", "-g", *SANITIZE], [self.everything], ASAN_OPTIONS="detect_leaks=1")
        yield f"tests, {other} c++20, no exceptions, no RTTI", lambda: self.tests(
            "bare", other, ["-std=c++20", *BARE], [self.everything])
        yield f"every header by itself, {other}", lambda: self.headers_alone(other)
        if self.again:
            return
        yield "the checks find a leak and a use after free", self.checks_can_fail
        yield "the value of an error without exceptions ends the process", self.value_of_an_error
        yield "an ignored error does not compile", self.ignored_error
        yield "a view of a temporary does not compile", self.views_of_temporaries
        yield "every function and number of qdq.h is reachable", self.everything_is_reachable
        for compiler in self.cxx:
            # The headers check only for exceptions, so code that compiles without RTTI also compiles with it.
            for std, options in [("c++17", NO_RTTI), ("c++17", BARE), ("c++20", []), ("c++20", BARE), ("c++2b", []), ("c++2b", BARE)]:
                # The program above is compiled with the same warnings.
                if (compiler, std, options) != (other, "c++20", BARE):
                    name = " ".join([f"tests compile, {compiler} {std}", *options])
                    yield name, lambda c=compiler, s=std, o=options: run(
                        c, f"-std={s}", *STRICT, *o, *INCLUDE, "-fsyntax-only", self.everything)
        for compiler in self.cc:
            yield f"qdq.h as C, {compiler}", lambda c=compiler: self.c_header(c, ["c99", "c11", "c17", "c2x"], "c")
        for compiler in self.cxx:
            # From C++17 on, the tests include it.
            yield f"qdq.h as C++, {compiler}", lambda c=compiler: self.c_header(c, ["c++11", "c++14"], "c++")

    def tests(self, name, compiler, options, sources, **environment):
        work = self.folder / name
        work.mkdir()
        run(compiler, *options, *STRICT, *INCLUDE, *sources, "-o", work / "tests", *self.link)
        # The normal program runs under Valgrind. By itself it would give the same result.
        valgrind = VALGRIND if name == "plain" and shutil.which("valgrind") else []
        run(*valgrind, work / "tests", DATA, cwd=work, **environment)
        run(work / "tests", DATA, "log_functions", cwd=work, QDQ_ISA="none-such", **environment)
        if name == "plain":
            return "under valgrind" if valgrind else "skipped: valgrind is not installed, so these tests did not run under it"
        return None

    def program(self, source, name, *options, include=INCLUDE):
        out = self.folder / name
        run("g++", "-std=c++17", "-g", *options, *STRICT, *include, source, "-o", out, *self.link)
        return out

    def checks_can_fail(self):
        for source, sanitizer, valgrind in (("leak", "detected memory leaks", "definitely lost"),
                                            ("use_after_free", "heap-use-after-free", "Invalid read")):
            path = TESTS / "must_fail" / f"{source}.cpp"
            fails(sanitizer, self.program(path, f"{source}_sanitized", *SANITIZE), ASAN_OPTIONS="detect_leaks=1")
            if shutil.which("valgrind"):
                fails(valgrind, *VALGRIND, self.program(path, source))

    def value_of_an_error(self):
        program = self.program(TESTS / "must_fail" / "value_of_an_error.cpp", "value_of_an_error", *NO_EXCEPTIONS)
        fails("qdq: no range: no value was seen", program)

    def ignored_error(self):
        source = self.folder / "ignored.cpp"
        source.write_text("#include <qdq/qdq.hpp>\nvoid f(qdq::Ranges& ranges) { ranges.set(\"x\", 1.0f); }\n")
        for compiler in self.cxx:
            fails("nodiscard", compiler, "-std=c++17", *STRICT, *INCLUDE, "-fsyntax-only", source)

    def views_of_temporaries(self):
        """Compiles each line of must_fail/views_of_temporaries.txt in its own function. None may compile."""
        lines = (TESTS / "must_fail" / "views_of_temporaries.txt").read_text().splitlines()
        source = self.folder / "views.cpp"
        source.write_text((TESTS / "must_fail" / "views_of_temporaries.hpp").read_text() + "".join(
            f"void f{number}() {{ {line} }}\n" for number, line in enumerate(lines)))
        for compiler in self.cxx:
            said = attempt(compiler, "-std=c++17", *INCLUDE, "-fsyntax-only", "-ferror-limit=0" if "clang" in compiler else "-w",
                           source).stdout
            at = source.read_text().count("\n") - len(lines) + 1
            for number, line in enumerate(lines):
                if not re.search(rf"{re.escape(str(source))}:{at + number}:.*error:.*delete", said):
                    raise Failed(f"{compiler} compiles: {line}\n{said[:2000]}")
        return f"{len(lines)} views"

    def everything_is_reachable(self):
        header = re.sub(r"//.*", "", C_HEADER.read_text())
        names = set(re.findall(r"\b(qdq_\w+)\(", header))
        names |= set(re.findall(r"#define (QDQ_\w+)", header)) - {"QDQ_QDQ_H", "QDQ_VERSION_TEXT"}
        words = {word for path in HEADERS.rglob("*.hpp") for word in re.findall(r"\w+", path.read_text())}
        if missing := sorted(names - words):
            raise Failed("not in cpp/qdq: " + ", ".join(missing))
        umbrella = (HEADERS / "qdq.hpp").read_text()
        for path in HEADERS.glob("*.hpp"):
            if path.name not in ("qdq.hpp", *APART) and f"<qdq/{path.name}>" not in umbrella:
                raise Failed(f"qdq.hpp does not include {path.name}")
        return f"{len(names)} names"

    def headers_alone(self, compiler):
        # The headers for TensorRT and LibTorch need the headers of these.
        names = [path.relative_to(HEADERS.parent) for path in sorted(HEADERS.rglob("*.hpp"))]
        names = [name for name in names if not name.parts[1].startswith(("tensorrt", "torch"))]
        for name in names:
            source = self.folder / f"alone_{compiler}.cpp"
            # The macros that pass errors on belong to the headers only.
            own = "" if name.name == "try.hpp" else "#ifdef QDQ_TRY\n#error QDQ_TRY is left\n#endif\n"
            source.write_text(f"#include <{name}>\n#include <{name}>\n{own}")
            run(compiler, "-std=c++17", *STRICT, *INCLUDE, "-fsyntax-only", source)
        return f"{len(names)} headers"

    def c_header(self, compiler, standards, language):
        source = self.folder / f"header_{compiler}.{'c' if language == 'c' else 'cpp'}"
        source.write_text("#include <qdq/qdq.h>\nint main(void) { return qdq_version() == QDQ_VERSION ? 0 : 1; }\n")
        for std in standards:
            run(compiler, "-x", language, f"-std={std}", *STRICT, INCLUDE[0], "-fsyntax-only", source)
        return ", ".join(standards)


def link_library(folder, into):
    """Links the library under the names that the linker and the loader look for."""
    library = next((path for path in (folder / "libqdq.so", folder / "libqdq.dylib") if path.exists()), None)
    if library is None:
        sys.exit(f"{folder} has no libqdq; run 'cargo build' or give the folder of libqdq")
    into.mkdir()
    names = {library.name}
    if shutil.which("readelf"):
        names |= set(re.findall(r"SONAME.*\[(.*)\]", run("readelf", "-d", library)))
    for name in names:
        (into / name).symlink_to(library.resolve())
    return into / library.name


def report(name, function):
    """Runs a case. Returns its line, and whether it succeeded."""
    start = time.monotonic()
    try:
        note, good = function(), True
    except (Failed, subprocess.TimeoutExpired, OSError) as error:
        note, good = str(error), False
    if not isinstance(note, str) or (good and note.count("\n") > 0):
        note = ""
    if len(note) > 3000:
        note = f"{note[:1500]}\n…\n{note[-1500:]}"
    line = f"{'ok  ' if good else 'FAIL'} {time.monotonic() - start:5.1f} s  {name}"
    return (f"{line}: {note}" if note else line), good


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--again"]
    library = pathlib.Path(arguments[0] if arguments else ROOT / "target" / "debug").resolve()
    start = time.monotonic()
    good = True
    with tempfile.TemporaryDirectory(prefix="qdq-cpp-") as folder:
        suite = Suite(library, pathlib.Path(folder), "--again" in sys.argv)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [pool.submit(report, name, function) for name, function in suite.cases()]
            for job in concurrent.futures.as_completed(jobs):
                line, well = job.result()
                print(line, flush=True)
                good = good and well
    for tool, what in (("clang++", "compiled with clang"), ("valgrind", "run under valgrind")):
        if not shutil.which(tool):
            print(f"skipped: nothing was {what}, which is not installed")
    print(f"{'all good' if good else 'FAILED'} in {time.monotonic() - start:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
