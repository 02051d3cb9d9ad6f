"""How the cases of run.py run commands: with cmake and ninja of this Python's environment, and one build folder."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
# Every path has a space in it.
WORK = TARGET / "consumers" / "in a folder"
# The cmake and ninja of this Python's environment precede those of the system.
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# The make that runs this does not share its jobs, which ninja and make would try to take.
os.environ.pop("MAKEFLAGS", None)


class Failure(Exception):
    """A failed case, with its description."""


def check(holds, *message):
    if not holds:
        raise Failure(" ".join(map(str, message)))


def run(*command, **environment):
    """Runs a command and returns its output."""
    command = [str(part) for part in command]
    environment = {key: str(value) for key, value in environment.items()}
    environment = os.environ | {"PATH": PATH, "CARGO_TARGET_DIR": str(TARGET)} | environment
    program = shutil.which(command[0], path=PATH)
    check(program, f"{command[0]} is not installed; `make python` sets up cmake and ninja, the system's packages the rest")
    ran = subprocess.run([program, *command[1:]], env=environment, text=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(ran.returncode == 0, f"{shlex.join(command)} ended with {ran.returncode}:\n{ran.stdout}")
    return ran.stdout


def cmake(source, build, *options):
    run("cmake", "-S", source, "-B", build, "-G", "Ninja", *options)
    run("cmake", "--build", build)
