#!/bin/sh
# Trains by a recipe with and without the token-adaptive strategy, over several seeds and at equal
# generated tokens, and says what differs. Installs what is missing first. Works from any folder.
#
#   ./compare_strategies.sh recipes/adaptive_grpo.yaml --seeds 5 --max-steps 50
#
# `--help` lists the rest. On Windows: npm run -s compare -- RECIPE …
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if ! command -v node >/dev/null 2>&1; then
  echo "Node is missing: install Node 18 or newer (https://nodejs.org)." >&2
  exit 1
fi
exec node "$here/scripts/bootstrap.mjs" compare "$@"
