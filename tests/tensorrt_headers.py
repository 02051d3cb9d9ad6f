"""TensorRT's headers by version: the project's own stand-ins, and the real ones that a source crate carries.

No package has the headers of TensorRT 7 to 10, so `tests/tensorrt/standin` declares the part that qdq uses. The
headers of 11.4 and of TensorRT-RTX come with the crate that `tests/trt_rtx/headers` names. It is downloaded and
never built.
"""

import functools
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STANDIN = ROOT / "tests" / "tensorrt" / "standin"
CRATE = ROOT / "tests" / "trt_rtx" / "headers" / "Cargo.toml"

STANDINS = ["7.2", "8.5", "9.3", "10.3"]
REAL = {
    "11.4": "TRT-Enterprise-11.4",
    "rtx-1.3": "TRT-RTX-1.3",
    "rtx-1.4": "TRT-RTX-1.4",
    "rtx-1.5": "TRT-RTX-1.5",
    "rtx-1.6": "TRT-RTX-1.6",
    "rtx-1.7": "TRT-RTX-1.7",
}
VERSIONS = [*STANDINS, *REAL]
# The versions that have calibrators.
CALIBRATORS = STANDINS


@functools.cache
def real():
    """Returns the folder of the real headers: one folder per version, and a cuda_runtime_api.h for all."""
    cargo = os.environ.get("CARGO", "cargo")
    subprocess.run([cargo, "fetch", "--quiet", "--locked", "--manifest-path", CRATE], check=True)
    metadata = subprocess.run(
        [cargo, "metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path", CRATE],
        check=True, capture_output=True, text=True,
    ).stdout
    crate = next(p for p in json.loads(metadata)["packages"] if p["name"] == "trtx-sys")
    return Path(crate["manifest_path"]).parent / "TensorRT-Headers"


def headers(version):
    """Returns the compiler options for TensorRT's headers of a version of `VERSIONS`.

    The warnings of the project's own code apply to the stand-ins, not to the real headers.
    """
    if version in REAL:
        return ["-isystem", str(real() / REAL[version]), "-isystem", str(real())]
    return [f"-I{STANDIN / version}", f"-I{STANDIN / 'cuda'}"]
