#!/usr/bin/env bash
# own_go.sh FOLDER: our own Go program in FOLDER (beside this script), built as $cache/bin/NAME-HASH with the hash of its
# sources, and linked as $cache/bin/NAME, where NAME is the folder's with `-` for `_`.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
folder=$1
name=${folder//_/-}
cd "$here/$folder"
hash=$(find . -type f \( -name '*.go' -o -name go.mod -o -name go.sum \) -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c 1-16)

present() { [[ -x $cache/bin/$name-$hash && $(readlink "$cache/bin/$name") == "$name-$hash" ]]; }
begin "$name" "cd tests/parts/$folder && go build -o $cache/bin/$name-$hash . (needs Go 1.26)"

command -v go >/dev/null || refuse 'there is no `go` on the PATH'
export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=readonly
run go build -trimpath -o "$work/program" .
mv -f "$work/program" "$cache/bin/$name-$hash"
link_program "$name-$hash" "$name"
say "built in $SECONDS s"
