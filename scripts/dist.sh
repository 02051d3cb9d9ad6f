#!/bin/sh
# Makes the packages of a release in target/dist, a .tar.gz and a .deb, that run on every Linux with glibc 2.28 or newer: zig links
# for that version on every machine. The script unpacks and checks the packages.
# usage: dist.sh [TARGET, by default x86_64-unknown-linux-gnu]
set -eu
cd "$(dirname "$0")/.."
target=${1:-x86_64-unknown-linux-gnu} glibc=2.28
processor=${target%%-*}
tools=$PWD/target/tools/dist/bin out=$PWD/target/dist/$target

skip() {
    echo "skipped: packages for $target, since $1"
    exit 0
}

[ "$(uname -s)" = Linux ] || skip "they are made on Linux"
[ -x "$tools/cargo-zigbuild" ] || skip "pip could not install scripts/tools/dist.txt into target/tools/dist"
libraries=$(rustc --print target-libdir --target "$target")
[ -d "$libraries" ] || skip "its standard library is not installed: rustup target add $target"

# CMake runs cargo; this one links with zig.
mkdir -p "$out"
cat >"$out/cargo" <<END
#!/bin/sh
[ "\$1" = build ] || exec cargo "\$@"
shift
for argument; do
    shift
    [ "\$argument" != $target ] || argument=$target.$glibc
    set -- "\$@" "\$argument"
done
PATH=$tools:\$PATH exec "$tools/cargo-zigbuild" zigbuild "\$@"
END
printf '#!/bin/sh\nexec "%s/python" -m ziglang cc -target %s-linux-gnu.%s "$@"\n' "$tools" "$processor" "$glibc" >"$out/cc"
chmod +x "$out/cargo" "$out/cc"

rm -rf "$out/packages"
set -- -DCMAKE_BUILD_TYPE=Release -DQDQ_CARGO="$out/cargo" -DQDQ_CARGO_TARGET="$target" -DCMAKE_C_COMPILER="$out/cc" \
    -DCMAKE_INSTALL_LIBDIR=lib -DQDQ_GLIBC="$glibc"
[ "$processor" = "$(uname -m)" ] || set -- "$@" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor"
"$tools/cmake" -S . -B "$out/build" "$@"
"$tools/cmake" --build "$out/build"
(cd "$out/build" && "$tools/cpack" -B "$out/packages")
rm -rf "$out/packages/_CPack_Packages"

# The newest glibc symbol that the files of the archive require.
mkdir "$out/packages/unpacked"
tar -xf "$out"/packages/*.tar.gz -C "$out/packages/unpacked" --strip-components 1
for file in "$out"/packages/unpacked/bin/qdq "$out"/packages/unpacked/lib/libqdq.so; do
    newest=$(readelf -V "$file" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    [ -n "$newest" ] || { echo "error: $file asks for no version of glibc, so it was not read rightly" >&2; exit 1; }
    echo "$file: $newest"
    [ "$(printf '%s\n' "$newest" "GLIBC_$glibc" | sort -V | tail -n 1)" = "GLIBC_$glibc" ] || {
        echo "error: $file asks for $newest, and is to run with glibc $glibc" >&2
        exit 1
    }
done
if [ "$processor" = "$(uname -m)" ]; then
    "$out/packages/unpacked/bin/qdq" info
fi
rm -rf "$out/packages/unpacked"
ls -l "$out/packages"
