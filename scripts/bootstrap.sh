#!/usr/bin/env bash
# bootstrap.sh demo|test|check: makes sure that what the named job needs is installed, and installs nothing else.
#   demo   the packages `tapscope demo` runs, npm packages, a build
#   test   these, and what the tests run (QEMU, tmux, tshark, …)
#   check  only npm packages
# It says what it will install before it does, uses sudo when not root, and starts no system service.
set -euo pipefail
cd "$(dirname "$0")/.."
job=${1:?usage: bootstrap.sh demo|test|check}
say() { printf 'bootstrap: %s\n' "$*" >&2; }

# A line a tool: the command (or /path) that shows it is there, and the Debian/Ubuntu package that brings it.
demo_tools='
ovs-vsctl openvswitch-switch
ovs-vswitchd openvswitch-switch
ovsdb-server openvswitch-switch
tcpdump tcpdump
ip iproute2
ping iputils-ping
dnsmasq dnsmasq-base
nsenter util-linux
setpriv util-linux
flock util-linux
newuidmap uidmap'
test_tools='
g++ g++
make make
python3 python3
/usr/include/pcap/pcap.h libpcap-dev
tmux tmux
tcpreplay tcpreplay
nft nftables
ethtool ethtool
tshark tshark
capinfos wireshark-common
bro-cut bro-aux
zstd zstd
lz4 lz4
qemu-img qemu-utils
qemu-system-x86_64 qemu-system-x86
mke2fs e2fsprogs
sfdisk fdisk
sgdisk gdisk
cryptsetup cryptsetup-bin
busybox busybox-static
cpio cpio
ar binutils
udhcpc udhcpc
sysctl procps
openssl openssl
runuser util-linux
useradd passwd'

PATH=$PATH:/usr/sbin:/sbin
missing() { # the packages, once each, of the tools on standard input that are not there
  while read -r probe package; do
    [ -n "$probe" ] || continue
    case $probe in
      /*) [ -e "$probe" ] || printf '%s\n' "$package" ;;
      *) command -v "$probe" >/dev/null || printf '%s\n' "$package" ;;
    esac
  done | sort -u
}

# Debian packages start their daemons when they are installed. A policy-rc.d that answers 101 ("forbidden") holds that
# back (Debian Policy §9.3.3.1); afterwards every unit that was not there before is disabled and stopped.
install_packages() {
  local as_root=() units_before policy=/usr/sbin/policy-rc.d
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "these packages are missing and there is no sudo: $*"; say "hint: as root: apt-get install --no-install-recommends $*"; exit 1; }
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || { say "these packages are missing and there is no apt-get: $*"; exit 1; }
  say "installing Debian packages: $*"
  units_before=$(ls /lib/systemd/system /etc/init.d 2>/dev/null | sort)
  local held=
  if [ ! -e $policy ]; then
    held=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >&2
  if [ -n "$held" ]; then "${as_root[@]}" rm -f $policy; trap - EXIT; fi
  if command -v systemctl >/dev/null; then
    comm -13 <(printf '%s\n' "$units_before") <(ls /lib/systemd/system /etc/init.d 2>/dev/null | sort) | while read -r unit; do
      case $unit in
        *@.service | *.wants) ;;
        *.service | *.timer | *.socket)
          if [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ]; then
            "${as_root[@]}" systemctl disable "$unit" >/dev/null 2>&1 && say "left disabled, not started: $unit"
          fi ;;
      esac
    done
  fi
}

ensure_packages() {
  local packages
  packages=$(missing)
  [ -z "$packages" ] || install_packages $packages
}

# The lab's OVS makes tap devices: udev lets everybody open /dev/net/tun (mode 0666), systems without udev do not.
ensure_tun() {
  [ -c /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ] || return 0
  if [ "$(id -u)" = 0 ]; then
    say "letting ordinary users open /dev/net/tun (mode 0666, as udev does)"
    chmod 0666 /dev/net/tun
  elif [ ! -r /dev/net/tun ] || [ ! -w /dev/net/tun ]; then
    say "letting ordinary users open /dev/net/tun (mode 0666, as udev does), with sudo"
    sudo chmod 0666 /dev/net/tun
  fi
}

# npm packages: again only when package-lock.json has changed since they were installed, or cap can be built now and was not.
ensure_npm() {
  local stamp=node_modules/.tapscope-lock want
  want=$(sha256sum package-lock.json | cut -d' ' -f1)
  if [ "$(cat $stamp 2>/dev/null)" != "$want" ]; then
    say "installing npm packages (npm ci)"
    npm ci --no-audit --no-fund --loglevel=error >&2
    printf '%s' "$want" > $stamp
  elif [ "$job" = test ] && ! node -e 'require("cap")' 2>/dev/null; then
    say "building the optional package cap (npm ci)"
    npm ci --no-audit --no-fund --loglevel=error >&2
    printf '%s' "$want" > $stamp
  fi
}

# The build: again only when a source is newer than the last one.
ensure_build() {
  if [ ! -e dist/cli/main.js ] || [ -n "$(find src package.json tsconfig.json tsconfig.build.json -newer dist/cli/main.js -print -quit)" ]; then
    say "building (tsc)"
    rm -rf dist
    npm run --silent build
    touch dist/cli/main.js
  fi
}

case $job in
  demo) ensure_packages <<< "$demo_tools"; ensure_tun; ensure_npm; ensure_build ;;
  test) ensure_packages <<< "$demo_tools$test_tools"; ensure_tun; bash scripts/vm-kernel.sh; ensure_npm; ensure_build ;;
  check) ensure_npm ;;
  *) say "unknown job '$job'"; exit 2 ;;
esac
