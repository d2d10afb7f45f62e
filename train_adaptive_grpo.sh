#!/bin/sh
# Trains by a recipe without a window; installs what is missing first. Works from any folder.
#
#   ./train_adaptive_grpo.sh recipes/adaptive_grpo.yaml --max_steps 50
#
# `--help` lists the rest. On Windows: npm run -s train -- RECIPE …
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if ! command -v node >/dev/null 2>&1; then
  echo "Node is missing: install Node 18 or newer (https://nodejs.org)." >&2
  exit 1
fi
exec node "$here/scripts/bootstrap.mjs" train "$@"
