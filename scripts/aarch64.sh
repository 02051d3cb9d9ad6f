#!/bin/sh
# Checks the kernels of NEON: clippy for the target, and their tests under qemu's user mode. It names the tools
# that this machine lacks.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
target=aarch64-unknown-linux-gnu
if ! rustup target list --installed 2>/dev/null | grep -q "^$target\$"; then
    echo "skipped: the kernels of NEON, since the Rust target $target is not installed (rustup target add $target)"
    exit 0
fi
"$cargo" clippy --lib --target "$target" -- -D warnings
for program in aarch64-linux-gnu-gcc qemu-aarch64; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: running the kernels of NEON, since $program is missing (Debian: gcc-aarch64-linux-gnu, qemu-user)"
        exit 0
    fi
done
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
"$cargo" test --lib --target "$target" -- kernel:: quant::
