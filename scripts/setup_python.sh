#!/bin/sh
# Creates a Python environment in the folder given and writes FOLDER/.ready when it is complete.
# usage: setup_python.sh FOLDER REQUIREMENTS
set -eu
folder=$1 requirements=$2

fail() {
    printf 'error: %s\n' "$@" >&2
    exit 1
}

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "$requirements needs Python 3.11 or newer (ONNX Runtime 1.32 does), and none was found." \
    "Install one. For the tests QDQ_PYTHON may name an interpreter that has tests/python/requirements.txt."

rm -rf "$folder"
"$python" -m venv "$folder" || fail "$python cannot create a virtual environment in $folder." \
    "On Debian and Ubuntu: apt-get install python3-venv. For the tests QDQ_PYTHON may name an interpreter that has" \
    "tests/python/requirements.txt."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$requirements" || fail "pip could not install $requirements into $folder (see above)."
touch "$folder/.ready"
