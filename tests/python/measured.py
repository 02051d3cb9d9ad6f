"""What was measured of other people's pinned programs, kept in target/measured under all that it depends on.

With QDQ_MEASURE=anew nothing that was kept is used, as in `make test-all`.
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
    """The versions of Python packages, of Python, and what this processor can do, by which kernels are chosen."""
    flags = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("flags", "Features"))]
    return [*(f"{name} {importlib.metadata.version(name)}" for name in packages), platform.python_version(),
            platform.machine(), *flags[:1]]


def model(path):
    """What an ONNX model consists of: its file and those that its tensors lie in."""
    path = pathlib.Path(path)
    tensors = onnx.external_data_helper._get_all_tensors(onnx.load(path, load_external_data=False))
    beside = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
    return [path, *(path.parent / name for name in sorted(beside))]


def kept(depends, measure, lasts=lambda found: True):
    """What `measure` gives, or gave with the same things: files by their content (paths), and whatever JSON can hold. What does not
    last is measured again the next time."""
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
    # Whole or absent, as processes measure side by side.
    with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as file:
        file.write(pickle.dumps(found))
    pathlib.Path(file.name).replace(place)
    return found
