#!/usr/bin/env bash
# setup.sh LEVEL…: brings every outside part that a level needs, and says so, a line for each; silent when all is
# there. Levels: wasm (build the filter), demo, lint, fuzz, test, soak, bench, bench-core (a part of it), all (but
# soak and bench).
#
# Parts land in ${REGISTRY_AUTH_CACHE:-${XDG_CACHE_HOME:-~/.cache}/envoy-registry-auth}, outside the checkout and under
# names with their version, so that a second clone builds nothing twice:
#   bin/envoy-1.40.0  bin/registry-3.1.1  bin/crane-0.22.1  bin/oras-1.3.6  bin/cargo-deny-0.20.2  bin/go-patterns
#   bin/crd-check  bin/wasm-opt  crds-1.31.4-1.9.1  docker-plugins …
# System packages are installed by apt-get, if their programs are missing. versions.env has all versions.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"

demo_packages=(curl openssl docker-registry skopeo)
test_packages=("${demo_packages[@]}" podman iptables docker.io busybox slapd ldap-utils postgresql mariadb-server sqlite3
  apache2-utils samba samba-dsdb-modules samba-vfs-modules samba-ad-provision)

# The parts in two lanes, which run side by side: what compiles for minutes, and the rest. First come, first built:
# what most things wait for stands first.
fetched=() compiled=()
fetch() { fetched+=("$*"); }
compile() { compiled+=("$*"); }

level() {
  case $1 in
    wasm)
      fetch wasm.sh
      fetch binaryen.sh
      ;;
    demo)
      fetch envoy.sh "$ENVOY"
      fetch debian.sh "${demo_packages[@]}"
      level wasm
      ;;
    test)
      fetch envoy.sh "$ENVOY"
      fetch debian.sh "${test_packages[@]}"
      level wasm
      fetch envoy.sh "$ENVOY_OLD"
      fetch envoy.sh "$ENVOY_1_37"
      fetch envoy.sh "$ENVOY_1_39"
      fetch docker_plugins.sh
      fetch secantusdb.sh
      compile go.sh "registry-$REGISTRY" "$REGISTRY"
      fetch crds.sh
      compile own_go.sh go_patterns
      compile own_go.sh crd_check
      compile go.sh crane "$CRANE"
      compile go.sh oras "$ORAS"
      compile go.sh "registry-$REGISTRY_OLD" "$REGISTRY_OLD"
      ;;
    soak)
      level test
      level fuzz
      fetch kubectl.sh
      fetch debian.sh openssl
      compile own_go.sh ferretdb
      compile go.sh "etcd-$ETCD" "$ETCD"
      compile go.sh "kube-apiserver-$KUBE_APISERVER" "$KUBE_APISERVER"
      ;;
    bench)
      fetch envoy.sh "$ENVOY"
      fetch envoy.sh "$ENVOY_OLD"
      fetch debian.sh wrk openssl slapd ldap-utils postgresql mariadb-server sqlite3
      level wasm
      compile oha.sh
      level bench-core
      ;;
    bench-core)
      fetch debian.sh valgrind
      compile gungraun.sh
      ;;
    lint)
      level wasm
      fetch cargo_deny.sh
      ;;
    fuzz)
      # libFuzzer is C++, and rustc brings no compiler for it.
      fetch debian.sh g++
      ;;
    all)
      level test
      level lint
      level fuzz
      ;;
    *)
      echo "error: there is no level \`$1\`; levels are wasm, demo, lint, fuzz, test, soak, bench, bench-core and all" >&2
      exit 2
      ;;
  esac
}

if (($# == 0)); then set -- all; fi
for wanted in "$@"; do level "$wanted"; done

# Ask every part first: the usual answer is that nothing is missing, and then nothing is said.
missing=
still_missing() {
  local -n lane=$1
  local kept=() command name
  for command in "${lane[@]}"; do
    # shellcheck disable=SC2086 # a script and its words
    set -- $command
    if ! name=$(ASK=1 "$here/$1" "${@:2}"); then
      kept+=("$command")
      missing+=", ${name:-$command}"
    fi
  done
  lane=("${kept[@]}")
}
still_missing fetched
still_missing compiled
if [[ -z $missing ]]; then exit 0; fi
echo "setup: missing: ${missing#, }; getting them${compiled[0]:+ (a Go program takes minutes to build)}"

# A part that fails does not stop the others: what they bring is kept, and all faults are seen at once.
run_lane() {
  local command failed=0
  for command in "$@"; do
    # shellcheck disable=SC2086
    set -- $command
    "$here/$1" "${@:2}" || failed=1
  done
  return "$failed"
}

# With `set -m` a lane is a process group, so that an interrupt ends it with all it started; a plain background job
# would ignore the interrupt and go on.
set -m
lanes=()
trap 'for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null || true; done; exit 130' INT TERM
run_lane "${fetched[@]}" </dev/null & lanes+=($!)
run_lane "${compiled[@]}" </dev/null & lanes+=($!)
code=0
for lane in "${lanes[@]}"; do wait "$lane" || code=1; done
exit "$code"
