"""Writes crates/onnx-proto/src/messages.rs: the messages of ONNX files as Rust types.

Run it in an environment with the package onnx 1.23.2, whose descriptor is the source. buffa-codegen runs in a
temporary cargo project under target/, so that the package does not depend on it.

    python scripts/generate_onnx_proto.py
"""

import pathlib
import subprocess

import onnx
from google.protobuf import descriptor_pb2

ONNX = "1.23.2"
BUFFA = "0.9.2"

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = ROOT / "target" / "onnx-proto"
OUTPUT = ROOT / "crates" / "onnx-proto" / "src" / "messages.rs"

MANIFEST = f"""[package]
name = "onnx-proto"
version = "0.0.0"
edition = "2024"

[[bin]]
name = "onnx-proto"
path = "main.rs"

[dependencies]
buffa = "={BUFFA}"
buffa-codegen = "={BUFFA}"

[workspace]
"""


def descriptor_set() -> bytes:
    files = descriptor_pb2.FileDescriptorSet()
    onnx.onnx_ml_pb2.DESCRIPTOR.CopyToProto(files.file.add())
    return files.SerializeToString()


def main() -> None:
    if onnx.__version__ != ONNX:
        raise SystemExit(f"onnx {onnx.__version__} is installed; install onnx=={ONNX}")
    PROJECT.mkdir(parents=True, exist_ok=True)
    (PROJECT / "Cargo.toml").write_text(MANIFEST)
    (PROJECT / "main.rs").write_text((ROOT / "scripts" / "generate_onnx_proto.rs").read_text())
    (PROJECT / "onnx.desc").write_bytes(descriptor_set())
    run = ["cargo", "run", "--quiet", "--manifest-path", PROJECT / "Cargo.toml", "--"]
    subprocess.run([*run, PROJECT / "onnx.desc", OUTPUT, f"onnx {ONNX}, buffa-codegen {BUFFA}"], check=True)


if __name__ == "__main__":
    main()
