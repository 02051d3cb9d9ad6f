#!/bin/sh
# Prints the prefix of LibTorch for the tests, the folder with include/torch and lib: QDQ_TORCH if it is set, else Debian's
# libtorch-dev. CI (CI=true) installs that as root; other systems are not changed. Without LibTorch the script fails, and the
# last line on stderr is the reason.
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

remedy="Install Debian's libtorch-dev, or set QDQ_TORCH to the prefix of a LibTorch."
[ "${CI:-}" = true ] || fail "there is no LibTorch. $remedy"
command -v apt-get >/dev/null 2>&1 || fail "there is no LibTorch, and no apt-get to install it with. $remedy"
[ "$(id -u)" = 0 ] || fail "there is no LibTorch, and only root can install it. $remedy"
apt-get update --quiet=2 >&2
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends libtorch-dev >&2
found /usr
fail "apt-get could not install libtorch-dev. $remedy"
