#!/usr/bin/env bash
# enter.sh <base root> <work folder> <sh script> [<folder>]: runs a script as root of a Debian root, in mount, PID, IPC and UTS namespaces
# of its own. The base is left as it is: changes go into <work folder>, an overlay. The network is the machine's. <work folder>/in is
# /in there, and the folder that may be given is /in/shared.
set -eEuo pipefail
base=$1 work=$2 script=$3 shared=${4:-}
mkdir -p "$work"/{upper,overlay,root,in}
[ -z "$shared" ] || mkdir -p "$work/in/shared"
# shellcheck disable=SC2016 # the inner shell's own variables
inside='
set -e
base=$1 work=$2 script=$3 shared=$4
root=$work/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/overlay" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/in" "$root/.old"
mount --bind "$work/in" "$root/in"
[ -z "$shared" ] || mount --bind -o ro "$shared" "$root/in/shared"
cat /etc/resolv.conf > "$root/etc/resolv.conf"
echo "127.0.0.1 localhost bare" > "$root/etc/hosts"
cd "$root"
pivot_root . .old
umount -l /.old
hostname bare
exec env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$script"
'
exec unshare --mount --pid --ipc --uts --fork --kill-child --propagation private sh -c "$inside" sh "$base" "$work" "$script" "$shared"
