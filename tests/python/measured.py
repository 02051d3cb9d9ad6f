"""Measurements of other people's pinned programs, kept in target/measured under everything that they depend on.

With QDQ_MEASURE=anew no kept measurement is used, as in `make test-all`.
"""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import pickle
import platform
import tempfile

import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "target" / "measured"


def versions(*packages):
    """Returns the versions of Python packages and of Python, and the processor features by which kernels are
    chosen."""
    flags = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))]
    return [*(f"{name} {version(name)}" for name in packages), platform.python_version(), platform.machine(), *flags[:1]]


def version(package):
    """Returns the version of a Python package."""
    return importlib.metadata.version(package)


def model(path):
    """Lists the files of an ONNX model: its own and those of its tensors."""
    path = pathlib.Path(path)
    tensors = onnx.external_data_helper._get_all_tensors(onnx.load(path, load_external_data=False))
    beside = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return [path, *(path.parent / name for name in sorted(beside))]


def kept(depends, measure, lasts=lambda found: True):
    """Returns the result of `measure`, now or earlier with the same dependencies: files by their content (paths),
    and all JSON values. A result that does not last is measured again the next time."""
    digest = hashlib.sha256()
    for part in [pathlib.Path(__file__), *depends]:
        content = part.read_bytes() if isinstance(part, pathlib.Path) else json.dumps(part).encode()
        digest.update(f"{len(content)} ".encode() + content)
    place = FOLDER / digest.hexdigest()
    if os.environ.get("QDQ_MEASURE") != "anew" and place.exists():
        return pickle.loads(place.read_bytes())
    found = measure()
    if not lasts(found):
        return found
    FOLDER.mkdir(parents=True, exist_ok=True)
    # The file is complete or absent, because processes measure at the same time.
    with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as file:
        file.write(pickle.dumps(found))
    pathlib.Path(file.name).replace(place)
    return found
