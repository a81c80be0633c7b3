#!/usr/bin/env bash
# cargo-deny as $cache/bin/cargo-deny-VERSION, built with the dependencies that its authors locked.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version=$CARGO_DENY

present() { [[ -x $cache/bin/cargo-deny-$version ]]; }
begin "cargo-deny $version" "cargo install --locked --version $version --root FOLDER cargo-deny, \
then link FOLDER/bin/cargo-deny as $cache/bin/cargo-deny-$version"

# Away from the checkout: its .cargo/config.toml is not meant for this program.
cd "$work"
export CARGO_TARGET_DIR=$work/target
# Its authors ship it with whole-program optimisation; here it runs for a second, so the minutes are not worth it.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
run cargo install --quiet --locked --version "=$version" --root "$work/root" cargo-deny
install_program "$work/root/bin/cargo-deny" "cargo-deny-$version"
say "built in $SECONDS s"
