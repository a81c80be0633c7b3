#!/usr/bin/env bash
# cargo_wasm.sh COMMAND ARGUMENT…: cargo for wasm32-unknown-unknown, with whichever of the two compilers wasm.sh
# brought. REGISTRY_AUTH_WASM=debian asks for the second.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
target=wasm32-unknown-unknown
sysroot=$(rustc --print sysroot)
command=$1
shift

if [[ ${REGISTRY_AUTH_WASM:-} != debian && -d $sysroot/lib/rustlib/$target/lib ]]; then
  exec cargo "$command" --target "$target" "$@"
fi

web=$cache/rustc-web-$RUSTC_WEB
if [[ ! -d $web ]]; then
  printf 'error: there is no compiler for %s\n  = help: `make setup` brings one\n' "$target" >&2
  exit 1
fi
if [[ $command == clippy ]]; then
  # Clippy is the toolchain's own and cannot read what another compiler made.
  echo 'note: clippy needs the target of rustup; `cargo check` stands in for it' >&2
  command=check arguments=()
  for argument in "$@"; do
    if [[ $argument == -- ]]; then break; fi
    arguments+=("$argument")
  done
  set -- "${arguments[@]}"
fi
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC=$web/usr/bin/rustc LD_LIBRARY_PATH=$web/usr/lib/x86_64-linux-gnu
# Stable compilers build std only when told that they may.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$sysroot/lib/rustlib/$host/bin/rust-lld
exec cargo "$command" -Zbuild-std=std,panic_abort --target "$target" "$@"
