#!/usr/bin/env bash
# run.sh [--releases "bookworm trixie"] [--users "root admin plain"] [--what "demo check test filter pack"] [--shared "with without"]
# Tries the README's commands on minimal Debian systems: as root, as a user with sudo (admin), as one without (plain); with and without
# ../shared.
# By hand, as root. It prints a table; docs/reference/platforms.md has the last one. Roots are made by debootstrap, once, in
# $TAPSCOPE_BARE (default: /var/tmp/tapscope-bare); the mirror and the proxy are those of this machine's apt, the npm registry is
# that of its npm. What is tried is what is committed.
set -eEuo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
say() { printf 'bare: %s\n' "$*" >&2; }
trap 'say "ended at line $LINENO: $BASH_COMMAND"' ERR
releases='bookworm trixie' users='root admin plain' what='demo check' shareds=with
while [ $# -gt 0 ]; do
  case $1 in
    --releases) releases=$2 ;;
    --users) users=$2 ;;
    --what) what=$2 ;;
    --shared) shareds=$2 ;;
    *) say "unknown option $1"; exit 2 ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || { say "this needs root"; exit 1; }
for tool in debootstrap unshare pivot_root git; do
  command -v $tool >/dev/null || { say "$tool is not installed"; exit 1; }
done
store=${TAPSCOPE_BARE:-/var/tmp/tapscope-bare}
limit=2400 # seconds a command may take

# What the inside needs of this machine's configuration, read from it and kept outside of the project.
settings() { # settings <folder>
  local value
  : > "$1/env"
  for name in http_proxy https_proxy no_proxy; do
    value=${!name:-}
    [ -z "$value" ] || printf 'export %s=%q\n' "$name" "$value" >> "$1/env"
  done
  apt-config dump Acquire::http::Proxy Acquire::https::Proxy Acquire::Check-Valid-Until > "$1/apt.conf"
  # npm's own configuration, whichever file it is in, without this machine's paths; with it the certificates Node is told to trust.
  { cat "$(npm config get userconfig)" "$(npm config get globalconfig)" 2>/dev/null || true; } | grep -vE '^ *(cafile|nodedir|prefix|cache) *=' > "$1/npmrc" || true
  printf 'registry=%s\n' "$(npm config get registry)" >> "$1/npmrc"
  printf 'export npm_config_userconfig=/in/npmrc\n' >> "$1/env"
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    cp "$NODE_EXTRA_CA_CERTS" "$1/ca.crt"
    printf 'export NODE_EXTRA_CA_CERTS=/in/ca.crt\n' >> "$1/env"
  fi
  chmod -R a+rX "$1"
}

# shellcheck disable=SC2016 # apt's own variable
mirror() { apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 '/debian/*$' || echo http://deb.debian.org/debian; }

# A root as one has it who has read the README: Debian's minimal system, Node and npm, a user with sudo and one without.
ensure_root() { # ensure_root <release>
  local release=$1 root=$store/$1 work=$store/making
  [ ! -e "$root.done" ] || return 0
  say "making a root of $release"
  rm -rf "$work"
  mkdir -p "$work/in"
  if [ ! -e "$root.base" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase "$release" "$root" "$(mirror)" > "$store/$release.log" 2>&1 || { say "debootstrap failed: $store/$release.log"; exit 1; }
    touch "$root.base"
  fi
  settings "$work/in"
  # Debian 12's own Node is too old: the README's line.
  # shellcheck disable=SC2016
  "$here/enter.sh" "$root" "$work" '
    set -e
    . /in/env
    cp /in/apt.conf /etc/apt/apt.conf.d/90machine
    apt-get -qq update
    apt-get -qq -y install --no-install-recommends ca-certificates nodejs npm sudo >/dev/null
    for name in admin plain; do useradd --create-home --shell /bin/bash $name; done
    echo "admin ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/bare
    case $(node --version) in v1*) npm install --global node@22 ;; esac
    apt-get clean
  ' >> "$store/$release.log" 2>&1 || { say "the root cannot be made: $store/$release.log"; exit 1; }
  # The overlay's changes become the root.
  cp -a "$work/upper/." "$root/"
  rm -rf "$work"
  touch "$root.done"
}

results=()
try() { # try <release> <user> <with|without> <what>
  local work shared='' started=$SECONDS outcome=ok note log
  work=$(mktemp -d "$store/case-XXXXXX")
  mkdir -p "$work/in"
  settings "$work/in"
  git -c advice.detachedHead=false clone -q "$project" "$work/in/repo"
  cp "$here/inside.sh" "$work/in/"
  [ "$3" = without ] || [ ! -d "$project/../shared" ] || shared=$(cd "$project/../shared" && pwd)
  log=$store/$1-$2-$3-$4.log
  say "$1, $2, $3 ../shared: $4 ($log)"
  timeout $limit "$here/enter.sh" "$store/$1" "$work" "bash /in/inside.sh $2 $4" "$shared" > "$log" 2>&1 < /dev/null || outcome="FAILED ($?)"
  note=$({ grep -aE '^[0-9]+ passed|^bare: left behind: [^n]' "$log" || true; } | tail -n 2 | tr '\n' ' ')
  results+=("| $1 | $2 | $3 | $4 | $outcome | $((SECONDS - started)) s | $note|")
  printf '%s\n' "${results[-1]}" >&2
  rm -rf "$work"
}

for release in $releases; do
  ensure_root "$release"
  for user in $users; do
    for job in $what; do
      # Only the tests look at ../shared.
      for shared in $([ "$job" = test ] && echo "$shareds" || echo without); do try "$release" "$user" "$shared" "$job"; done
    done
  done
done
printf '\n%s\n' "$(date -u +%F), $(git -C "$project" rev-parse --short HEAD):"
printf '| Debian | as | ../shared | tried | result | time | |\n| --- | --- | --- | --- | --- | --- | --- |\n'
printf '%s\n' "${results[@]}"
case ${results[*]} in *FAILED*) exit 1 ;; esac
