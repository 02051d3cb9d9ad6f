"""Compiles C and C++ programs against a built libqdq, and runs them under the memory checkers.

The tests of C (tests/c), of C++ (tests/cpp) and the examples use this module.
"""

import concurrent.futures
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIGITS = ROOT / "tests" / "data" / "digits"
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            # The threads of a pool that runs until the process ends keep their stacks.
            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]
# The default of some distributions' compilers: a shared library is linked only if an earlier file needs it.
AS_NEEDED = "-Wl,--as-needed"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


class Failure(Exception):
    """A failed case, with its description."""


class Suite:
    """Cases that print a line each. The exit status is 1 if one failed."""

    def __init__(self, name, library):
        self.name, self.failed, self.passed, self.skipped = name, 0, 0, 0
        library = Path(library).absolute()
        self.work = library / name
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        shared = library / "libqdq.so"
        if not shared.exists():
            sys.exit(f"{shared} is missing: build it with `cargo build --lib`, or name the folder that holds it")
        for link in ("libqdq.so", soname(shared)):
            (self.work / link).symlink_to(shared)
        self.static = library / "libqdq.a"

    def case(self, name, test):
        start = time.monotonic()
        try:
            test()
        except Failure as failure:
            self.failed += 1
            print(f"FAILED  {name}\n{failure}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {name} ({time.monotonic() - start:.1f} s)", flush=True)

    def cases(self, tests):
        """Runs independent cases, two at a time."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda test: self.case(*test), tests))

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skipped {name}: {reason}", flush=True)

    def compile(self, compiler, sources, *options, name=None):
        """Compiles a program, links it with the shared library, and returns it."""
        sources = [Path(source) for source in sources]
        program = self.work / (name or sources[0].stem)
        silent(run(compiler, AS_NEEDED, f"-I{ROOT / 'include'}", *sources, *options, f"-L{self.work}", "-lqdq",
                   f"-Wl,-rpath,{self.work}", "-lm", "-lpthread", "-o", program))
        return program

    def out(self, name):
        folder = self.work / f"{name}.out"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(self.failed > 0)


def soname(library):
    dynamic = run("readelf", "-d", library)
    return dynamic.split("soname: [")[1].split("]")[0]


def run(*command, fails=None, folder=None, **environment):
    """Runs a command, in a folder, and returns its output. With `fails`, checks that it fails and prints that
    text."""
    command = [str(part) for part in command]
    ran = subprocess.run(command, cwd=folder, env=os.environ | environment, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    if fails is not None:
        if ran.returncode == 0 or fails not in ran.stdout:
            raise Failure(f"{shlex.join(command)} ended with {ran.returncode} and without '{fails}':\n{ran.stdout[-2000:]}")
    elif ran.returncode != 0:
        raise Failure(f"{shlex.join(command)} ended with {ran.returncode}:\n{ran.stdout[-8000:]}")
    return ran.stdout


def silent(said):
    """Fails if a compiler warned about qdq's own headers: a program may use deprecated items, the headers may
    not."""
    if re.search(rf"^{re.escape(str(ROOT / 'cpp'))}\S*: warning", said, re.M):
        raise Failure(said)


def has_valgrind():
    return shutil.which("valgrind") is not None


def compilers(*names, sanitize=False):
    """Lists the installed compilers of these, with `sanitize` only those that can sanitize."""
    return [name for name in names if shutil.which(name) and (not sanitize or sanitizes(name))]


@functools.cache
def sanitizes(compiler):
    """Whether a compiler has the libraries of the sanitizers, which some distributions have in a separate
    package."""
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, *SANITIZE, "-x", "c", "-", "-o", Path(folder) / "empty"]
        tried = subprocess.run(command, input="int main(void) { return 0; }", text=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    return tried.returncode == 0
