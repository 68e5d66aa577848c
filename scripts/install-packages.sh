#!/usr/bin/env bash
# install-packages.sh <package…>: installs Debian packages, as root, and starts no service that was not there before.
# Packages start their daemons when they are installed. A policy-rc.d that answers 101 ("forbidden") holds that back (Debian
# Policy §9.3.3.1); afterwards Open vSwitch, the only one of ours with a daemon, is kept from starting at the next boot. All other
# units are left as Debian's packages set them. The policy-rc.d bears a marker: what a killed run left is removed by the next
# run of this script (also without packages), and by `tapscope clean`. One of somebody else's is never touched.
set -eEuo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
PATH=$PATH:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
marker='# made by tapscope'
fresh='# openvswitch-switch was not installed before'
wait_s=${TAPSCOPE_APT_WAIT:-600}
say() { printf 'install-packages: %s\n' "$*" >&2; }
trap 'say "ended at line $LINENO: $BASH_COMMAND"' ERR

is_ours() { [ -f $policy ] && grep -qsF "$marker" $policy; }

# Open vSwitch is not started at boot, whether systemd, sysvinit or nothing runs now. Only called when it was not installed before.
keep_from_boot() {
  local unit links
  for unit in openvswitch-switch.service ovs-vswitchd.service ovsdb-server.service ovs-record-hostname.service; do
    # What `systemctl disable` does; deb-systemd-helper does it only when dpkg calls it.
    links=$(find /etc/systemd/system -path "*/*.wants/$unit" -type l -print -delete 2>/dev/null || true)
    [ -z "$links" ] || say "left disabled, not started: $unit"
  done
  [ -e /etc/init.d/openvswitch-switch ] || return 0
  update-rc.d openvswitch-switch disable >/dev/null 2>&1 || say "could not take openvswitch-switch out of /etc/rc?.d"
}

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
  if grep -qF "$fresh" $policy; then keep_from_boot; fi
  rm -f $policy
fi
[ $# -gt 0 ] || exit 0

note=
is_installed openvswitch-switch || note=$fresh
finish() {
  [ -z "$note" ] || keep_from_boot
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
  printf '#!/bin/sh\n%s (scripts/install-packages.sh); it goes when that has ended\n%s\nexit 101\n' "$marker" "$note" > $policy
  chmod 755 $policy
fi

say "apt-get update"
apt_get -qq update || say "apt-get update failed ($(first_error)): going on with the package lists there are"
say "apt-get install --no-install-recommends $*"
if ! apt_get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"; then
  say "could not install $*: $(first_error)"
  say "hint: is this machine online, and are its package sources right (/etc/apt/sources.list*)?"
  exit 1
fi
