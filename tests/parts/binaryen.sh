#!/usr/bin/env bash
# wasm-opt as $cache/bin/wasm-opt, from Debian's package `binaryen` of the release in the making, unpacked and not
# installed: the one of Debian 12 is older than what today's compilers write. The release moves, so no version is asked
# for. Where there is no apt-get the module is built without it, and is larger.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

present() { [[ -x $cache/bin/wasm-opt ]] || ! command -v apt-get >/dev/null; }
begin 'wasm-opt' "unpack a release of binaryen (120 or newer) and link its bin/wasm-opt as $cache/bin/wasm-opt"

# Package lists of their own: those of the machine stay as they are.
mkdir -p "$work"/{lists/partial,none,get}
sources=/etc/apt/sources.list.d/debian.sources
[[ -f $sources ]] || refuse "there is no $sources that says where Debian's packages come from"
sed -n '/^Types/,/^$/p' "$sources" | sed "/^\$/q; s/^Suites:.*/Suites: $BINARYEN_SUITE/" >"$work/suite.sources"
printf '%s\n' "Dir::Etc::sourcelist \"$work/suite.sources\";" "Dir::Etc::sourceparts \"$work/none\";" \
  "Dir::State::lists \"$work/lists\";" "Dir::Cache \"$work\";" 'APT::Sandbox::User "root";' >"$work/apt.conf"
export APT_CONFIG=$work/apt.conf
run apt-get update -q
cd "$work/get"
# With the C and C++ libraries that it was built for: those of the machine may be older.
run apt-get download -q binaryen libc6 libstdc++6 libgcc-s1
for file in *.deb; do run dpkg -x "$file" "$work/root"; done
rm -rf "$cache/binaryen"
mv -T "$work/root" "$cache/binaryen"
loader=$(find "$cache/binaryen" -name 'ld-linux-*.so.*' | head -n 1)
libraries=$(find "$cache/binaryen" -name '*.so*' -printf '%h\n' | sort -u | paste -s -d :)
printf '#!/bin/sh\nexec %q --library-path %q %q "$@"\n' "$loader" "$libraries" "$cache/binaryen/usr/bin/wasm-opt" \
  >"$work/wasm-opt"
version=$(sh "$work/wasm-opt" --version)
install_program "$work/wasm-opt" wasm-opt
say "unpacked $version in $SECONDS s"
