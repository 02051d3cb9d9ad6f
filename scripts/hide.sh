#!/bin/sh
# Runs a command as on a machine that lacks some programs: they are not on its PATH.
#
# usage: hide.sh PATTERN… -- COMMAND…     hide.sh 'clang*' 'valgrind*' -- make native
set -euf
hidden=$1
shift
while [ "$1" != -- ]; do
    hidden="$hidden|$1"
    shift
done
shift

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
IFS=:
for folder in $PATH; do
    set +f
    for program in "$folder"/*; do
        name=${program##*/}
        eval "case \$name in $hidden) continue ;; esac"
        # The first of a name is the one that a shell finds.
        if [ -x "$program" ] && [ ! -e "$programs/$name" ]; then
            ln -s "$program" "$programs/$name"
        fi
    done
done
unset IFS
PATH=$programs "$@"
