#!/usr/bin/env bash
# What compiles the filter (cargo_wasm.sh uses it): the target wasm32-unknown-unknown of the toolchain in use, brought
# by rustup; where rustup reaches no server, Debian's own compiler for that target with the sources of its std,
# unpacked into $cache/rustc-web-VERSION. REGISTRY_AUTH_WASM=debian asks for the second way.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$here"
target=wasm32-unknown-unknown
web=$cache/rustc-web-$RUSTC_WEB

by_rustup() { [[ ${REGISTRY_AUTH_WASM:-} != debian ]]; }
rustup_has_it() { [[ -d $(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target/lib ]]; }
present() { [[ -d $web ]] || { by_rustup && rustup_has_it; }; }
begin 'wasm target' "rustup target add $target"

command -v cargo >/dev/null || refuse 'there is no `cargo` on the PATH; Rust comes first, by rustup'
if by_rustup; then
  if timeout 300 rustup target add "$target" && rustup_has_it; then
    rm -rf "$work"
    say "added by rustup in $SECONDS s"
    exit 0
  fi
  say 'rustup could not add it; trying the compiler of the system packages'
fi

command -v apt-get >/dev/null || refuse 'rustup could not add it, and there is no `apt-get` for the other way'
# Downloaded and unpacked, not installed: the toolchain of the machine stays as it is. The last two are what the
# compiler's LLVM is linked with and a machine may lack.
packages=("rustc-web=$RUSTC_WEB.*" "libstd-rust-web-$RUSTC_WEB" "libstd-rust-web-dev=$RUSTC_WEB.*"
  "rust-web-src=$RUSTC_WEB.*" "libllvm$LLVM_WEB" libz3-4 libedit2)
cd "$work"
download() { apt-get download -q -o APT::Sandbox::User=root "${packages[@]}"; }
# Lists may be old or missing; only root can renew them.
if ! download; then
  apt-get update -q || echo 'some package lists could not be fetched'
  run download
fi
for file in *.deb; do run dpkg -x "$file" root; done
run env LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu" "$work/root/usr/bin/rustc" --version
[[ -f root/usr/lib/rustlib/src/rust/library/std/Cargo.toml ]] || refuse 'the sources of std are not among the packages'
# Of the compiler's own sources only those of std are used.
find root/usr/src/rustc-*/ -mindepth 1 -maxdepth 1 ! -name library -exec rm -rf {} +
mv -T root "$web"
rm -rf "$work"
say "unpacked from the system packages in $SECONDS s; the first build takes two minutes more, for its std"
