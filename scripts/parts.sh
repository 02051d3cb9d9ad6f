#!/bin/sh
# Compiles the library with each of its parts alone and with none, and tests the errors for missing parts.
#
# The feature `tool` changes nothing in the library. With it, most dependencies have the features of the tests' build, so that they
# are not compiled again. The tests of errors run a moment, so that the library is not optimised for them.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
parts="embedded-runtime images onnxruntime recover"
for part in $parts; do
    echo "the library with $part alone"
    "$cargo" clippy --quiet --lib --no-default-features --features "tool,$part" -- -D warnings
done
"$cargo" test --lib --no-default-features --features tool --config profile.dev.package.qdq.opt-level=0 -- a_library_without_ |
    tee target/parts.log
grep -q "^test result: ok. 4 passed" target/parts.log
