#!/bin/sh
# Compares the layout of all C and C++ with .clang-format; with --write, applies it. Versions of clang-format differ, so only
# that of scripts/tools/format.txt is used: CLANG_FORMAT names it, else it is in target/tools/format, in which `make fmt` installs it.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed -n 's/^clang-format==//p' scripts/tools/format.txt)
program=${CLANG_FORMAT:-target/tools/format/bin/clang-format}

found=$("$program" --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p') || true
if [ "$found" != "$wanted" ]; then
    echo "skipped: the layout of C and C++, since $program is ${found:-missing}, and $wanted is what counts" >&2
    exit 0
fi
case ${1:-} in
    --write) set -- -i ;;
    *) set -- --dry-run -Werror ;;
esac
git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs "$program" "$@"
