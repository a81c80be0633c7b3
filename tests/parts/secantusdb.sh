#!/usr/bin/env bash
# secantusdb.sh: a server that speaks MongoDB's protocol as $cache/bin/secantusdb-VERSION, from its wheel, in a Python
# environment of its own.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

present() { [[ -x $cache/bin/secantusdb-$SECANTUSDB ]]; }
begin "secantusdb $SECANTUSDB" "python3 -m pip install secantusdb==$SECANTUSDB (needs python3 with venv and pip); its program \
secantusd-py is linked as $cache/bin/secantusdb-$SECANTUSDB"

grep -qF "secantusdb==$SECANTUSDB " "$here/secantusdb.txt" || refuse "secantusdb.txt does not name version $SECANTUSDB"

# An environment cannot be moved once made, so it is made in place; it counts only when the link below names it.
home=$cache/secantusdb/$SECANTUSDB
rm -rf "$home"
run python3 -m venv "$home"
run "$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
  --require-hashes --requirement "$here/secantusdb.txt"
run "$home/bin/secantusd-py" --help
link_program "$home/bin/secantusd-py" "secantusdb-$SECANTUSDB"
say "installed from its wheel in $SECONDS s"
