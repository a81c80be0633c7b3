#!/usr/bin/env bash
# go.sh FOLDER VERSION: the Go program that the module in FOLDER (beside this script) names as its tool, built as
# $cache/bin/NAME-VERSION. Its go.mod must name the same version.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
folder=$1 version=$2
name=${folder%-"$version"}
package=$(sed -n 's/^tool //p' "$here/$folder/go.mod" 2>/dev/null) || package=

present() { [[ -x $cache/bin/$name-$version ]]; }
begin "$name $version" "cd tests/parts/$folder && CGO_ENABLED=0 go build -o $cache/bin/$name-$version $package \
(needs Go 1.26)"

[[ -n $package ]] || refuse "tests/parts/$folder/go.mod, which would name it as its tool, is not there"
command -v go >/dev/null || refuse 'there is no `go` on the PATH'
cd "$here/$folder"
# Only what go.mod and go.sum say counts: not a workspace around the checkout, not another toolchain.
export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=local GOFLAGS=-mod=readonly
ran="go list $package"
pinned=$(go list -f '{{.Module.Version}}' "$package")
[[ $pinned == "v$version" ]] || refuse "versions.env says $version, tests/parts/$folder/go.mod says ${pinned#v}"
run go build -trimpath -ldflags '-s -w' -o "$work/$name" "$package"
install_program "$work/$name" "$name-$version"
say "built in $SECONDS s"
