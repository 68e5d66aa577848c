#!/usr/bin/env bash
# bootstrap.sh demo|demo-vms|test|check: makes sure that what the named job needs is installed, and installs nothing else.
#   demo   the packages `tapscope demo` runs, npm packages, a build
#   demo-vms  these, and those of `tapscope demo --vms`
#   test   these, and what the tests run (QEMU, tmux, tshark, …)
#   check  only npm packages
# It says what it will install before it does, uses sudo when not root, and starts no system service (install-packages.sh).
set -eEuo pipefail
cd "$(dirname "$0")/.."
job=${1:?usage: bootstrap.sh demo|demo-vms|test|check}
say() { printf 'bootstrap: %s\n' "$*" >&2; }
trap 'say "ended at line $LINENO: $BASH_COMMAND"' ERR

# A line a tool: the command (or /path) that shows it is there, and the packages that bring it in Debian (and Ubuntu), in Fedora
# and in Arch Linux. For what the program itself runs, src/core/programs.ts has the same Debian names (a test compares them).
demo_tools='
ovs-vsctl openvswitch-switch openvswitch openvswitch
ovs-vswitchd openvswitch-switch openvswitch openvswitch
ovsdb-server openvswitch-common openvswitch openvswitch
ovsdb-tool openvswitch-common openvswitch openvswitch
tcpdump tcpdump tcpdump tcpdump
ip iproute2 iproute iproute2
ping iputils-ping iputils iputils
dnsmasq dnsmasq-base dnsmasq dnsmasq
nsenter util-linux util-linux util-linux
unshare util-linux util-linux util-linux
setpriv util-linux util-linux util-linux
flock util-linux util-linux util-linux
mount mount util-linux util-linux
newuidmap uidmap shadow-utils shadow
newgidmap uidmap shadow-utils shadow'
vm_tools='
ethtool ethtool ethtool ethtool
qemu-img qemu-utils qemu-img qemu-img
qemu-system-x86_64 qemu-system-x86 qemu-system-x86-core qemu-system-x86
mke2fs e2fsprogs e2fsprogs e2fsprogs
sfdisk fdisk util-linux util-linux
busybox busybox-static busybox busybox
cpio cpio cpio cpio
xz xz-utils xz xz
blkid util-linux util-linux util-linux'
test_tools='
g++ g++ gcc-c++ gcc
make make make make
python3 python3 python3 python
/usr/include/pcap/pcap.h libpcap-dev libpcap-devel libpcap
tmux tmux tmux tmux
tcpreplay tcpreplay tcpreplay tcpreplay
nft nftables nftables nftables
tshark tshark wireshark-cli wireshark-cli
nfcapd nfdump nfdump nfdump
nfacctd pmacct pmacct pmacct
nats-server nats-server nats-server nats-server
promtool promtool,prometheus prometheus prometheus
capinfos wireshark-common wireshark-cli wireshark-cli
bro-cut bro-aux zeek zeek
zstd zstd zstd zstd
lz4 lz4 lz4 lz4
qemu-nbd qemu-utils qemu-img qemu-img
sgdisk gdisk gdisk gptfdisk
cryptsetup cryptsetup-bin cryptsetup cryptsetup
ar binutils binutils binutils
udhcpc udhcpc busybox busybox
sysctl procps procps-ng procps-ng
openssl openssl openssl openssl
runuser util-linux util-linux util-linux
useradd passwd shadow-utils shadow'

PATH=$PATH:/usr/sbin:/sbin

missing() { # missing <column>: the packages, once each, of the tools on standard input that are not there
  local probe names
  while read -r probe names; do
    [ -n "$probe" ] || continue
    case $probe in
      /*) [ -e "$probe" ] || printf '%s\n' "$names" ;;
      *) command -v "$probe" >/dev/null || printf '%s\n' "$names" ;;
    esac
  done | cut -d' ' -f"$1" | sort -u | tr '\n' ' ' | sed 's/ $//'
}

ensure_packages() { # ensure_packages <lines of tools>
  local packages as_root=()
  packages=$(missing 1 <<< "$1")
  [ -n "$packages" ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "these programs' packages are missing, and this machine has no apt-get: $packages (Debian's names)"
    say "hint: Fedora: dnf install $(missing 2 <<< "$1")"
    say "hint: Arch Linux: pacman -S $(missing 3 <<< "$1")"
    exit 1
  fi
  local hint="hint: as root: bash $PWD/scripts/install-packages.sh $packages   (apt-get update, then apt-get install, without starting a service)"
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "these packages are missing, and there is no sudo: $packages"
      say "$hint"
      exit 1
    fi
    as_root=(sudo)
  fi
  say "installing Debian packages: $packages"
  # shellcheck disable=SC2086 # a list of words
  if ! "${as_root[@]}" bash scripts/install-packages.sh $packages; then
    say "the packages that are needed are not installed"
    # Who has the program may still not be allowed to use it.
    [ "$(id -u)" = 0 ] || say "$hint"
    exit 1
  fi
}

# A run that was killed may have left its policy-rc.d, with which no package starts its service.
sweep_policy() {
  grep -qs '^# made by tapscope' /usr/sbin/policy-rc.d || return 0
  if [ "$(id -u)" = 0 ]; then
    bash scripts/install-packages.sh
  else
    say "a killed run left /usr/sbin/policy-rc.d: removing it, with sudo"
    sudo -n bash scripts/install-packages.sh || say "hint: as root: rm /usr/sbin/policy-rc.d"
  fi
}

# The lab's OVS makes tap devices: udev lets everybody open /dev/net/tun (mode 0666), systems without udev do not.
ensure_tun() {
  [ -c /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ] || return 0
  if [ "$(id -u)" = 0 ]; then
    say "letting ordinary users open /dev/net/tun (mode 0666, as udev does)"
    chmod 0666 /dev/net/tun
  elif [ ! -r /dev/net/tun ] || [ ! -w /dev/net/tun ]; then
    if ! command -v sudo >/dev/null; then
      say "this user may not open /dev/net/tun, which a lab needs, and there is no sudo"
      say "hint: as root: chmod 0666 /dev/net/tun   (the mode that udev gives it)"
      exit 1
    fi
    say "letting ordinary users open /dev/net/tun (mode 0666, as udev does), with sudo"
    sudo chmod 0666 /dev/net/tun || { say "could not: the lab needs it"; exit 1; }
  fi
}

# Node itself: the floor stands in package.json, `"node": ">=20.19"`.
ensure_node() {
  local floor have
  floor=$(sed -n 's/.*"node": ">=\([0-9.]*\)".*/\1/p' package.json)
  for program in node npm; do
    command -v $program >/dev/null || { say "$program is not installed: tapscope needs Node $floor or newer, with npm"; node_hint; exit 1; }
  done
  have=$(node --version)
  if [ "$(printf '%s\n' "$floor" "${have#v}" | sort -V | head -n 1)" != "$floor" ]; then
    say "tapscope needs Node $floor or newer, and this is $have"
    node_hint
    exit 1
  fi
}
node_hint() { say "hint: README.md, \"What it needs\": one line brings it (Debian 12: npm install --global node@22, as root)"; }

npm_ci() {
  say "$1 (npm ci)"
  npm ci --no-audit --no-fund --loglevel=error >&2 || { say "npm ci failed: what it wrote above says why; it needs the npm registry"; exit 1; }
}

# npm packages: again only when package-lock.json or Node has changed since they were installed, or when the optional package
# cap was not built then, and what it takes to build it has come since.
ensure_npm() {
  local stamp=node_modules/.tapscope-lock want builders before
  want="$(sha256sum package-lock.json | cut -d' ' -f1) $(node --version)"
  builders=$(for tool in g++ make python3 /usr/include/pcap/pcap.h; do [ -e "$tool" ] || command -v "$tool" || true; done | tr '\n' ' ')
  before=$(cat $stamp 2>/dev/null || true)
  if [ "${before%%$'\n'*}" != "$want" ]; then
    npm_ci "installing npm packages"
  elif [ "$job" = test ] && [ "$before" != "$want"$'\n'"$builders" ] && ! node -e 'require("cap")' 2>/dev/null; then
    npm_ci "building the optional package cap"
  else
    return 0
  fi
  printf '%s\n%s\n' "$want" "$builders" > $stamp
}

# The build: again only when a source was changed, added or deleted since the last one (stamp.mjs).
ensure_build() {
  if [ ! -e dist/cli/main.js ] || ! node scripts/stamp.mjs; then
    say "building"
    rm -rf dist
    npm run --silent build || { say "the build failed"; exit 1; }
  fi
}

case $job in
  demo | demo-vms)
    ensure_node
    sweep_policy
    [ "$job" = demo ] || demo_tools="$demo_tools$vm_tools"
    ensure_packages "$demo_tools"
    ensure_tun
    ensure_npm
    ensure_build
    ;;
  test)
    ensure_node
    sweep_policy
    ensure_packages "$demo_tools$vm_tools$test_tools"
    ensure_tun
    ensure_npm
    ensure_build
    ;;
  check)
    ensure_node
    ensure_npm
    ;;
  *)
    say "unknown job '$job'"
    exit 2
    ;;
esac
