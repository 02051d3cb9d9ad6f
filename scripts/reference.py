#!/usr/bin/env python3
"""Builds the reference of the C and C++ interface with Doxygen: reference.py FOLDER

FOLDER is replaced: what it held is deleted.

A warning is an error, and so is a function of qdq.h without a description in the reference. Without Doxygen the
script reports that and builds nothing.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Fields of a documented struct need no description.
SPEAKS = re.compile(r"warning: Member .*\(variable\) of (struct|class) .* is not documented\.")


def build(folder):
    """Writes html/ and xml/ into the folder and returns the warnings."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = (ROOT / "scripts" / "Doxyfile").read_text()
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    done = subprocess.run(["doxygen", "-"], input=f"{settings}\nPROJECT_NUMBER = {version}\nOUTPUT_DIRECTORY = \"{folder}\"\n", cwd=ROOT,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = [line for line in done.stdout.splitlines() if line.strip() and not SPEAKS.search(line)]
    return said + ([f"doxygen ended with {done.returncode}"] if done.returncode else [])


def described(folder):
    """Lists the functions of qdq.h that have a description."""
    found = set()
    for member in xml.parse(folder / "xml" / "qdq_8h.xml").iter("memberdef"):
        text = "".join("".join(part.itertext()) for name in ("briefdescription", "detaileddescription") for part in member.iter(name))
        if member.get("kind") == "function" and text.strip():
            found.add(member.findtext("name"))
    return found


def declared():
    """Lists the functions that qdq.h declares."""
    header = re.sub(r"//.*", "", (ROOT / "include" / "qdq" / "qdq.h").read_text())
    return set(re.findall(r"^[\w ]+\**\s*\**(qdq_\w+)\(", header, re.MULTILINE))


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which("doxygen"):
        print("skipped: the reference is not built, Doxygen is not installed")
        return
    wrong = build(folder) + [f"the reference does not describe {name}" for name in sorted(declared() - described(folder))]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{folder / 'html' / 'index.html'}: {len(declared())} functions of C")


if __name__ == "__main__":
    main()
