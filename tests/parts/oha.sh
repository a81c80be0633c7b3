#!/usr/bin/env bash
# oha as $cache/bin/oha-VERSION: load at a given rate, which wrk cannot do. Built with the dependencies that its authors
# locked.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version=$OHA

present() { [[ -x $cache/bin/oha-$version ]]; }
begin "oha $version" "cargo install --locked --version $version --root FOLDER oha, \
then link FOLDER/bin/oha as $cache/bin/oha-$version"

# Away from the checkout: its .cargo/config.toml is not meant for this program.
cd "$work"
export CARGO_TARGET_DIR=$work/target
run cargo install --quiet --locked --version "=$version" --root "$work/root" oha
install_program "$work/root/bin/oha" "oha-$version"
say "built in $SECONDS s"
