#!/usr/bin/env bash
# gungraun-runner as $cache/bin/gungraun-runner-VERSION: runs the benches of core under valgrind. It must have the version
# of the library that they are built with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version=$GUNGRAUN

present() { [[ -x $cache/bin/gungraun-runner-$version ]]; }
begin "gungraun-runner $version" "cargo install --locked --version $version --root FOLDER gungraun-runner, \
then link FOLDER/bin/gungraun-runner as $cache/bin/gungraun-runner-$version"

locked=$(sed -n '/^name = "gungraun"$/{n;s/^version = "\(.*\)"$/\1/p}' "$here/../../Cargo.lock")
[[ $locked == "$version" ]] || refuse "versions.env says $version, and Cargo.lock has gungraun $locked"

# Away from the checkout: its .cargo/config.toml is not meant for this program.
cd "$work"
export CARGO_TARGET_DIR=$work/target
# It starts valgrind and reads what that counted: nothing that whole-program optimisation would be worth minutes for.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1
run cargo install --quiet --locked --version "=$version" --root "$work/root" gungraun-runner
install_program "$work/root/bin/gungraun-runner" "gungraun-runner-$version"
say "built in $SECONDS s"
