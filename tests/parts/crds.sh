#!/usr/bin/env bash
# crds.sh: the custom resource definitions of Istio, Envoy Gateway and the Gateway API, out of Go modules, as
# $cache/crds-ISTIO_API-ENVOY_GATEWAY/*.yaml. What a module holds is known by its sum in crds.sum.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
folder=$cache/crds-$ISTIO_API-$ENVOY_GATEWAY

present() { [[ -d $folder ]]; }
begin "custom resource definitions" "go mod download istio.io/api@v$ISTIO_API github.com/envoyproxy/gateway@v$ENVOY_GATEWAY"

command -v go >/dev/null || refuse 'there is no `go` on the PATH'
export GOWORK=off GOTOOLCHAIN=local
# No module is the main one here.
cd "$work"

# take MODULE VERSION: the folder of the module, in Go's own cache.
take() {
  local answer sum
  ran="go mod download $1@v$2"
  answer=$(go mod download -json "$1@v$2")
  ran=
  sum=$(sed -n 's/^\t"Sum": "\(.*\)",$/\1/p' <<<"$answer")
  grep -qxF "$1 v$2 $sum" "$here/crds.sum" || refuse "tests/parts/crds.sum does not have \`$1 v$2 $sum\`"
  module=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$answer")
}

mkdir crds
take istio.io/api "$ISTIO_API"
run cp "$module/kubernetes/customresourcedefinitions.gen.yaml" crds/istio.yaml
take github.com/envoyproxy/gateway "$ENVOY_GATEWAY"
run cp "$module"/charts/gateway-helm/charts/crds/crds/gatewayapi-crds.yaml \
  "$module"/charts/gateway-helm/charts/crds/crds/generated/*.yaml crds/
chmod 644 crds/*
mv crds "$folder"
rm -rf "$work"
say "taken in $SECONDS s"
