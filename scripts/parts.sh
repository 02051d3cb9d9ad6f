#!/bin/sh
# Compiles the library with each of its parts alone and with none, and tests the errors for missing parts.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
parts="embedded-runtime images onnxruntime recover"
for part in $parts; do
    echo "the library with $part alone"
    "$cargo" clippy --quiet --lib --no-default-features --features "$part" -- -D warnings
done
"$cargo" test --lib --no-default-features -- a_library_without_ | tee target/parts.log
grep -q "^test result: ok. 4 passed" target/parts.log
