# Sourced by the scripts beside it: where the cache is, and how a part says that it is there, or why it is not.
#
# A part's script defines `present`, calls `begin`, does its work with `run` in "$work", and ends with `install_program`
# (or a rename of its own) and `say`. What is half done lies in "$work" alone, so an interruption leaves nothing that
# looks complete.
# shellcheck shell=bash
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=versions.env
. "$here/versions.env"
cache=${REGISTRY_AUTH_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or REGISTRY_AUTH_CACHE}/.cache}/envoy-registry-auth}
# The path goes into links, which a relative one would break.
[[ $cache == /* ]] || cache=$PWD/$cache

# begin PART BY_HAND: ends the script at once when the part is there; otherwise takes the part's lock, so that of two
# set-ups one builds and the other waits, and sends all further output to a log.
# With ASK=1 it only answers, by the exit code and the part's name, whether something is to be done.
begin() {
  part=$1 by_hand=$2 ran=
  if present; then exit 0; fi
  if [[ ${ASK:-} == 1 ]]; then
    printf '%s\n' "$part"
    exit 1
  fi
  local name=${part//[^A-Za-z0-9._-]/-}
  log=$cache/log/$name.log work=$cache/work/$name
  mkdir -p "$cache"/{bin,lock,log,work}
  exec 3>&1 4>&2 5>"$cache/lock/$name"
  if ! flock -n 5; then
    say 'another set-up is at it; waiting'
    flock 5
    if present; then exit 0; fi
  fi
  exec >"$log" 2>&1 </dev/null
  trap failed ERR
  rm -rf "$work"
  mkdir -p "$work"
  SECONDS=0
}

# say TEXT: one line for the person who waits.
say() { printf '%s: %s\n' "$part" "$1" >&3; }

# run COMMAND…: runs it, and has it named if it fails.
run() {
  ran=$*
  printf '+ %s\n' "$ran"
  "$@"
  ran=
}

# refuse WHY: fails for a reason that no command gave.
refuse() {
  printf 'error: %s: %s\n  = help: %s\n' "$part" "$1" "$by_hand" >&4
  exit 1
}

# One printf, so that two parts that fail at once do not mix their lines.
failed() {
  local code=$? command=${ran:-$BASH_COMMAND}
  trap - ERR
  # In `x=$(…)` the assignment fails too, and is what gets named.
  if ((BASH_SUBSHELL > 0)); then exit "$code"; fi
  printf 'error: %s: `%s` failed (exit %d)\n%s\n  = help: %s\n  = note: the whole log is %s\n' \
    "$part" "$command" "$code" "$(tail -n 15 "$log" | sed 's/^/  | /')" "$by_hand" "$log" >&4
  exit 1
}

# install_program FILE NAME: the program, complete, under its name.
install_program() {
  chmod 755 "$1"
  mv -f "$1" "$cache/bin/$2"
  rm -rf "$work"
}

# link_program FILE NAME: a link to it under its name, replaced in one step.
link_program() {
  ln -s "$1" "$work/link"
  mv -fT "$work/link" "$cache/bin/$2"
  rm -rf "$work"
}

# unpack_from_suite SUITE PACKAGE…: Debian packages of another release than the machine's, unpacked into $work/root and
# not installed. Releases in the making move, so no version is asked for. The package lists are of their own: those of
# the machine stay as they are.
unpack_from_suite() {
  local suite=$1 sources=/etc/apt/sources.list.d/debian.sources file
  shift
  command -v apt-get >/dev/null || refuse 'there is no `apt-get` to get it with'
  [[ -f $sources ]] || refuse "there is no $sources that says where Debian's packages come from"
  mkdir -p "$work"/{lists/partial,none,get}
  sed -n '/^Types/,/^$/p' "$sources" | sed "/^\$/q; s/^Suites:.*/Suites: $suite/" >"$work/suite.sources"
  printf '%s\n' "Dir::Etc::sourcelist \"$work/suite.sources\";" "Dir::Etc::sourceparts \"$work/none\";" \
    "Dir::State::lists \"$work/lists\";" "Dir::Cache \"$work\";" 'APT::Sandbox::User "root";' >"$work/apt.conf"
  export APT_CONFIG=$work/apt.conf
  run apt-get update -q
  pushd "$work/get" >/dev/null
  run apt-get download -q "$@"
  for file in *.deb; do run dpkg -x "$file" "$work/root"; done
  popd >/dev/null
}
