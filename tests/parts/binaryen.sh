#!/usr/bin/env bash
# wasm-opt as $cache/bin/wasm-opt, from Debian's package `binaryen` of the release in the making, unpacked and not
# installed: the one of Debian 12 is older than what today's compilers write. The release moves, so no version is asked
# for. Where there is no apt-get the module is built without it, and is larger.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

present() { [[ -x $cache/bin/wasm-opt ]] || ! command -v apt-get >/dev/null; }
begin 'wasm-opt' "unpack a release of binaryen (120 or newer) and link its bin/wasm-opt as $cache/bin/wasm-opt"

# With the C and C++ libraries that it was built for: those of the machine may be older.
unpack_from_suite "$DEBIAN_NEXT" binaryen libc6 libstdc++6 libgcc-s1
rm -rf "$cache/binaryen"
mv -T "$work/root" "$cache/binaryen"
loader=$(find "$cache/binaryen" -name 'ld-linux-*.so.*' | head -n 1)
libraries=$(find "$cache/binaryen" -name '*.so*' -printf '%h\n' | sort -u | paste -s -d :)
printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' "$loader" "$libraries" "$cache/binaryen/usr/bin/wasm-opt" \
  >"$work/wasm-opt"
version=$(sh "$work/wasm-opt" --version)
install_program "$work/wasm-opt" wasm-opt
say "unpacked $version in $SECONDS s"
