#!/usr/bin/env bash
# `npm test [-- options of vitest]`: installs what is missing, builds, runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/bootstrap.sh test
exec node node_modules/vitest/vitest.mjs run "$@"
