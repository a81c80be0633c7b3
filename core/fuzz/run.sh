#!/usr/bin/env bash
# run.sh SECONDS [TARGET…]: gives each target, or those named, that long with libFuzzer, two at a time, and says what
# became of it. `make fuzz` and `make fuzz-check` call it.
#
# What was found to reach something new is kept in target/fuzz/corpus, and the next run begins with it; an input that
# breaks a promise is kept in target/fuzz/broken.
set -euo pipefail
seconds=${1:?usage: run.sh SECONDS [TARGET…]}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
out=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz

if (($# == 0)); then
  for folder in "$here"/seeds/*/; do set -- "$@" "$(basename "$folder")"; done
fi

# Stable rustc has LLVM's pass that lets a fuzzer see what an input reaches, though no option of its own for it. With
# `--target` the flags are for our code and what it links, and not for build scripts.
pass=(level=4 inline-8bit-counters pc-table trace-compares)
flags=-Cpasses=sancov-module
for option in "${pass[@]}"; do flags+=" -Cllvm-args=-sanitizer-coverage-$option"; done
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS=$flags
cargo build --quiet ${CI:+--locked} --profile fuzz --target "$host" -p registry-auth-fuzz --features libfuzzer \
  --bin libfuzzer
program=$(dirname "$out")/$host/fuzz/libfuzzer

# Longer inputs than these no parser takes but that of configurations. The limits are many times what is needed: an
# input that takes seconds, or most of a GiB, is a find.
options=(-max_len=65536 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 "-max_total_time=$seconds")

# Runs one target; its last lines tell what became of it.
fuzz() {
  local target=$1 corpus=$out/corpus/$1 log=$out/log/$1 code=0
  mkdir -p "$corpus" "$out"/{broken,log}
  local words=()
  if [[ -f $here/dictionaries/$target.dict ]]; then words=("-dict=$here/dictionaries/$target.dict"); fi
  "$program" "--target=$target" "${options[@]}" "${words[@]}" "-artifact_prefix=$out/broken/$target-" \
    "$corpus" "$here/seeds/$target" >"$log" 2>&1 </dev/null || code=$?
  local runs reached
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  reached=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
  if ((code == 0)); then
    printf '%-14s %10s runs, %6s places reached, every promise kept\n' "$target" "${runs:-0}" "${reached:-0}"
    return
  fi
  local input said
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  if [[ -z $input ]]; then
    printf '%-14s %10s runs, ended before its time\n  = note: the whole log is %s\n' "$target" "${runs:-0}" "$log"
    return 1
  fi
  said=$(grep -aE -A 3 'panicked at' "$log" | sed '/^stack backtrace/,$d' || true)
  said=${said:-$(grep -a 'ERROR: libFuzzer' "$log" || true)}
  printf '%-14s %10s runs, %6s places reached, BROKEN\n%s\n' "$target" "${runs:-0}" "${reached:-0}" \
    "$(sed 's/^/  | /' <<<"$said")
  = help: cargo run -p registry-auth-fuzz --bin replay $target $input
  = note: the whole log is $log"
  return 1
}

# `wait -n` takes whichever ends first.
failed=0 running=0
trap 'kill $(jobs -p) 2>/dev/null || true; exit 130' INT TERM
for target in "$@"; do
  if ((running == 2)); then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz "$target" &
  running=$((running + 1))
done
while ((running > 0)); do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
