#!/bin/sh
# Starts serve, edge or worker with the permissions that its settings ask for, and no others:
#
#     sh functions/deploy/start.sh serve
set -eu
case ${1:-} in
  serve) module=main ;;
  edge | worker) module=$1 ;;
  *) echo "usage: start.sh serve|edge|worker" >&2; exit 2 ;;
esac
permissions=$(deno run --lock=functions/deno.lock --cached-only --quiet --allow-env --allow-read functions/permissions.ts "$1")
# shellcheck disable=SC2086 # one flag a word
exec deno run --lock=functions/deno.lock --cached-only --v8-flags=--heap-growing-percent=50,--max-semi-space-size=4 $permissions "functions/$module.ts"
