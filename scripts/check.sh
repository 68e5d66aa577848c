#!/usr/bin/env bash
# `npm run check`: lint and format, types, and the tests of the project itself (import graph, generated docs, fixtures' manifest).
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/bootstrap.sh check
node_modules/.bin/biome ci --error-on-warnings .
node_modules/.bin/tsc -p tsconfig.json --noEmit
exec node node_modules/vitest/vitest.mjs run --project project "$@"
