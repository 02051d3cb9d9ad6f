#!/bin/sh
# Prints the prefix of LibTorch for the tests, the folder with include/torch and lib: QDQ_TORCH where it is set, else Debian's
# libtorch-dev, which is installed where that is possible. Where there is none it fails, and the last line on stderr says why.
set -u

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

found() {
    if [ -f "$1/include/torch/csrc/api/include/torch/torch.h" ]; then
        printf '%s\n' "$1"
        exit 0
    fi
}

if [ -n "${QDQ_TORCH:-}" ]; then
    found "$QDQ_TORCH"
    fail "QDQ_TORCH=$QDQ_TORCH has no include/torch/csrc/api/include/torch/torch.h; name the prefix of a LibTorch."
fi
found /usr

remedy="Set QDQ_TORCH to the prefix of a LibTorch."
command -v apt-get >/dev/null 2>&1 || fail "there is no LibTorch, and no apt-get to install it with. $remedy"
if [ "$(id -u)" = 0 ]; then
    root=
else
    root="sudo -n"
    $root true 2>/dev/null || fail "LibTorch is not installed, and only root can: apt-get install libtorch-dev. $remedy"
fi
$root apt-get update --quiet=2 >&2
$root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends libtorch-dev >&2
found /usr
fail "apt-get could not install libtorch-dev. $remedy"
