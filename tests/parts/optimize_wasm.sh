#!/usr/bin/env bash
# optimize_wasm.sh FROM TO: a module as the compiler left it, smaller by wasm-opt where there is one. TO is replaced
# in one step.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
from=$1 to=$2

if [[ -x $cache/bin/wasm-opt ]]; then
  # -O2, not -Os: half a percent larger. A function that has one caller stays one where it is large: put into one
  # another, they grow to a hundred kilobytes, for which V8's compiler takes tens of megabytes. What the compiler
  # makes use of, by name, and nothing beyond it.
  "$cache/bin/wasm-opt" -O2 --one-caller-inline-max-function-size=200 --strip-debug --strip-producers \
    --enable-bulk-memory --enable-multivalue \
    --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    "$from" -o "$to.new"
else
  cp "$from" "$to.new"
fi
mv -f "$to.new" "$to"
