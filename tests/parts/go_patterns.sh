#!/usr/bin/env bash
# Our own Go program in go_patterns/, which tells how Go's regexp and path.Match decide, built as
# $cache/bin/go-patterns-HASH with the hash of its sources, and linked as $cache/bin/go-patterns.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$here/go_patterns"
hash=$(find . -type f \( -name '*.go' -o -name go.mod -o -name go.sum \) -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c 1-16)

present() { [[ -x $cache/bin/go-patterns-$hash && $(readlink "$cache/bin/go-patterns") == "go-patterns-$hash" ]]; }
begin go-patterns "cd tests/parts/go_patterns && go build -o $cache/bin/go-patterns . (needs Go 1.26)"

command -v go >/dev/null || refuse 'there is no `go` on the PATH'
export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=readonly
run go build -trimpath -o "$work/program" .
mv -f "$work/program" "$cache/bin/go-patterns-$hash"
link_program "go-patterns-$hash" go-patterns
say "built in $SECONDS s"
