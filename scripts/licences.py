#!/usr/bin/env python3
"""Writes THIRD_PARTY_LICENSES.txt: the licences of the crates that are linked into qdq's library and tool.

usage: licences.py [--check]

The crates are those that Cargo.lock lists for every Linux target of qdq, with all features. Crates used only for
building or testing, including macros, are not linked. The texts come from the crates' own sources, each text once.
--check fails if the file differs.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "THIRD_PARTY_LICENSES.txt"
PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
# If a crate offers a choice of licences, the first of these is taken.
PREFERRED = ["Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "Unicode-3.0", "0BSD", "Unlicense"]
TEXTS = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.I)
LINE = "-" * 100
HEAD = """Licences of what is linked into qdq's library and tool
Written by scripts/licences.py from Cargo.lock; qdq itself is under the Apache License 2.0, see LICENSE.

The Rust standard library, by the Rust project's developers, is linked as well, under MIT or Apache-2.0. The code in src/onnx that
reads and writes ONNX files is generated from the schema of ONNX, by the ONNX project's contributors, under Apache-2.0.

"""


def metadata(platform):
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version", "1", "--locked", "--all-features",
               "--filter-platform", platform]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def linked(platform):
    """Lists the third-party packages that qdq links, by name and version."""
    known = metadata(platform)
    packages = {package["id"]: package for package in known["packages"]}
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    ahead = [package["id"] for package in known["packages"] if package["name"] == "qdq"]
    seen = set()
    while ahead:
        identity = ahead.pop()
        macro = any("proc-macro" in target["kind"] for target in packages[identity]["targets"])
        if identity not in seen and not macro:
            seen.add(identity)
            ahead += [dependency["pkg"] for dependency in nodes[identity]["deps"]
                      if any(kind["kind"] is None for kind in dependency["dep_kinds"])]
    return {(packages[identity]["name"], packages[identity]["version"]): packages[identity]
            for identity in seen if packages[identity]["source"]}


def texts(package):
    """Returns the licence texts of a crate: those of the chosen licence, and those required with every licence."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and TEXTS.match(path.name) and path.suffix != ".rs")
    offered = re.split(r" OR |/", package["license"] or "")
    chosen = next((name for name in PREFERRED if name in map(str.strip, offered)), None)
    if chosen and len(offered) > 1:
        word = chosen.split("-")[0].lower()
        own = [path for path in files if word in path.name.lower() or "notice" in path.name.lower()]
        files = own if any(word in path.name.lower() for path in own) else files
    return [path.read_text(errors="replace").replace("\r", "").strip("\n") for path in files]


def document():
    packages = {}
    for platform in PLATFORMS:
        packages |= linked(platform)
    lines, found, without = [HEAD], {}, []
    for (name, version), package in sorted(packages.items()):
        by = ", ".join(re.sub(r" *<[^>]*>", "", author) for author in package["authors"])
        lines.append(f"{name} {version}: {package['license']}{', by ' + by if by else ''}\n")
        all_texts = texts(package)
        for text in all_texts:
            # A different layout is not a different licence.
            found.setdefault(" ".join(text.split()), (text, []))[1].append(f"{name} {version}")
        if not all_texts:
            without.append(f"{name} {version}")
    if without:
        lines.append(f"\nTheir sources hold no text, so that the general one of the licence above holds: {', '.join(without)}.\n")
    for text, names in found.values():
        lines.append(f"\n{LINE}\n{', '.join(names)}\n{LINE}\n\n{text}\n")
    return "".join(lines)


def main():
    text = document()
    if sys.argv[1:] == ["--check"]:
        if not FILE.exists() or FILE.read_text() != text:
            sys.exit(f"{FILE.name} is not what Cargo.lock makes of it; run `make share`")
    else:
        FILE.write_text(text)


if __name__ == "__main__":
    main()
