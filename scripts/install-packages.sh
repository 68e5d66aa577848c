#!/usr/bin/env bash
# install-packages.sh <package…>: installs Debian packages, as root, and starts no service that was not there before.
# Packages start their daemons when they are installed. A policy-rc.d that answers 101 ("forbidden") holds that back (Debian
# Policy §9.3.3.1); afterwards the daemons of the packages that were not installed before are kept from starting at the next boot. All other
# units are left as Debian's packages set them. The policy-rc.d bears a marker: what a killed run left is removed by the next
# run of this script (also without packages), and by `tapscope clean`. One of somebody else's is never touched.
set -eEuo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
PATH=$PATH:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
marker='# made by tapscope'
fresh='# not installed before: '
# The packages of bootstrap.sh that start a daemon.
daemons='openvswitch-switch nats-server nfdump pmacct prometheus'
wait_s=${TAPSCOPE_APT_WAIT:-600}
say() { printf 'install-packages: %s\n' "$*" >&2; }
trap 'say "ended at line $LINENO: $BASH_COMMAND"' ERR

is_ours() { [ -f $policy ] && grep -qsF "$marker" $policy; }

# keep_from_boot <package…>: their daemons are not started at boot, whether systemd, sysvinit or nothing runs now. Only for packages that
# were not installed before.
keep_from_boot() {
  local package file name links
  for package in "$@"; do
    while read -r file; do
      name=${file##*/}
      case $file in
        */systemd/system/*.service | */systemd/system/*.timer | */systemd/system/*.socket)
          # What `systemctl disable` does; deb-systemd-helper does it only when dpkg calls it.
          links=$(find /etc/systemd/system -path "*/*.wants/$name" -type l -print -delete 2>/dev/null || true)
          [ -z "$links" ] || say "left disabled, not started: $name"
          ;;
        /etc/init.d/*) update-rc.d "$name" disable >/dev/null 2>&1 || say "could not take $name out of /etc/rc?.d" ;;
      esac
    done < <(dpkg-query -L "$package" 2>/dev/null || true)
  done
}

# What a marked policy-rc.d says was not installed when it was made.
fresh_packages() { sed -n "s/^$fresh//p" $policy; }

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# apt_get <words…>: as apt-get, but waits for another process that has apt's locks, and says so. Its last words are in $apt_words.
apt_get() {
  local deadline=$((SECONDS + wait_s)) wait_option=() told=
  while ! apt_words=$(apt-get "${wait_option[@]}" "$@" 2>&1 >&3 </dev/null); do
    case $apt_words in *'Could not get lock'* | *'Unable to lock'* | *'Unable to acquire the dpkg'*) ;; *) return 1 ;; esac
    [ $SECONDS -lt $deadline ] || { say "apt was locked for $wait_s s: giving up"; return 1; }
    if [ -z "$told" ]; then
      say "apt is in use by another process: waiting for it, up to $wait_s s ($(first_error))"
      told=yes
      wait_option=(-o "DPkg::Lock::Timeout=$wait_s")
    fi
    sleep 2 # the lock of the package lists has no time limit of apt's own
  done
}

first_error() { printf '%s\n' "$apt_words" | sed -n 's/^E: //p' | head -n 1; }

exec 3>&2
[ "$(id -u)" = 0 ] || { say "this needs root"; exit 1; }
# One at a time. The lock is on the folder itself, so that nothing is left; apt and what it runs hold it too.
exec 9</usr/sbin
if ! flock -n 9; then
  say "another process installs packages for tapscope: waiting for it, up to $wait_s s"
  flock -w "$wait_s" 9 || { say "it has not ended: giving up"; exit 1; }
fi
if is_ours; then
  say "removing $policy, which a killed run left"
  # shellcheck disable=SC2046 # a list of words
  keep_from_boot $(fresh_packages)
  rm -f $policy
fi
[ $# -gt 0 ] || exit 0

new=
for package in $daemons; do
  case " $* " in *"$package"*) is_installed "$package" || new="$new $package" ;; esac
done
finish() {
  # shellcheck disable=SC2086 # a list of words
  keep_from_boot $new
  if is_ours; then rm -f $policy; fi
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -e $policy ]; then
  answer=0
  "$policy" openvswitch-switch start >/dev/null 2>&1 || answer=$?
  [ $answer = 101 ] || say "note: this machine has a $policy of its own, which lets services start"
else
  printf '#!/bin/sh\n%s (scripts/install-packages.sh); it goes when that has ended\n%s\nexit 101\n' "$marker" "$fresh$new" > $policy
  chmod 755 $policy
fi

say "apt-get update"
apt_get -qq update || say "apt-get update failed ($(first_error)): going on with the package lists there are"
# `a,b` is whichever of the two this release has.
packages=()
for package in "$@"; do
  for name in ${package//,/ }; do
    if [ "$name" = "$package" ] || [ -n "$(apt-cache madison "$name" 2>/dev/null)" ]; then break; fi
  done
  packages+=("$name")
done
set -- "${packages[@]}"
say "apt-get install --no-install-recommends $*"
if ! apt_get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"; then
  say "could not install $*: $(first_error)"
  say "hint: is this machine online, and are its package sources right (/etc/apt/sources.list*)?"
  exit 1
fi
