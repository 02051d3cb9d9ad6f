"""Reads include/qdq/qdq.h: its functions with their documentation, its number sets and its objects."""

import re
from dataclasses import dataclass, field
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "include" / "qdq" / "qdq.h"


@dataclass
class Parameter:
    type: str
    name: str


@dataclass
class Function:
    name: str
    result: str
    parameters: list[Parameter]
    documentation: str

    def may_be_null(self, name: str) -> bool:
        """Whether the documentation allows NULL for the parameter."""
        sentences = re.split(r"(?<=[.;:])\s", self.documentation)
        allowed = re.compile(rf"`{name}`[^.;:]*may be NULL|`{name}` NULL")
        return any(allowed.search(sentence) for sentence in sentences)


@dataclass
class Header:
    functions: list[Function] = field(default_factory=list)
    objects: set[str] = field(default_factory=set)
    enums: set[str] = field(default_factory=set)
    undocumented: list[str] = field(default_factory=list)
    version: int = 0


def parse(text: str | None = None) -> Header:
    header = Header()
    text = HEADER.read_text() if text is None else text
    documentation: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip().startswith("//"):
            documentation.append(line.strip().lstrip("/").strip())
            continue
        words = " ".join(documentation)
        if line.startswith("#define QDQ_") and line != "#define QDQ_QDQ_H":
            name, value = line.split()[1:3]
            note(header, name, words)
            if name == "QDQ_VERSION":
                header.version = int(value)
        elif line.startswith("typedef struct {"):
            while not line.startswith("}"):
                line = next(lines)
            note(header, line, words)
        elif line.startswith("typedef "):
            while not line.endswith(";"):
                line += " " + next(lines).strip()
            note(header, line, words)
            if found := re.fullmatch(r"typedef struct (\w+) \1;", line):
                header.objects.add(found[1])
            elif found := re.fullmatch(r"typedef int32_t (\w+);", line):
                header.enums.add(found[1])
        elif re.match(r"[\w ]+\**\s*\**qdq_\w+\(", line):
            while not line.endswith(";"):
                line += " " + next(lines).strip()
            function = function_of(line, words)
            note(header, function.name, words)
            header.functions.append(function)
        documentation = []
    return header


def note(header: Header, name: str, documentation: str) -> None:
    if not documentation.strip():
        header.undocumented.append(name)


def function_of(line: str, documentation: str) -> Function:
    result, name, arguments = re.fullmatch(r"(.+?)(qdq_\w+)\((.*)\);", line).groups()
    parameters = []
    for argument in [] if arguments == "void" else arguments.split(","):
        type_, parameter = re.fullmatch(r"\s*(.+?)(\w+)", argument).groups()
        parameters.append(Parameter(normal(type_), parameter))
    return Function(name, normal(result), parameters, documentation)


def normal(type_: str) -> str:
    return re.sub(r"\s*\*\s*", "*", type_.strip()).replace("*const*", "*const *").replace("*", " *").replace(" * *", " **").replace("const  *", "const *").strip()
