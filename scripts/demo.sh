#!/usr/bin/env bash
# `npm run demo [-- options of tapscope demo]`: installs what is missing, builds, runs the demo (itself without root).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
job=demo
for word in "$@"; do [ "$word" != --vms ] || job=demo-vms; done
bash "$here/bootstrap.sh" $job
exec node "$here/../dist/cli/main.js" demo "$@"
