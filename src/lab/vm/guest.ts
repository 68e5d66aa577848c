/**
 * What runs inside a lab's virtual machine, as busybox shell scripts. The kernel's command line says who it is (`tapscope.name=A
 * tapscope.ip=10.0.0.1/24 tapscope.disk=/dev/vda`); after set-up it says `<name> READY` on its serial console and gives a shell there.
 */

/** Ends a machine's boot on its console. */
export const READY = "tapscope guest READY";

/** PID 1. busybox prefers its own applets to PATH: the real mke2fs and others are named by their path. */
export const GUEST_INIT = `#!/bin/busybox sh
export PATH=/bin:/sbin HOME=/
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmpfs /tmp
dmesg -n 1
for turn in 1 2; do for module in /modules/*.ko; do insmod $module; done; done 2>/dev/null
for word in $(cat /proc/cmdline); do
  case $word in
    tapscope.name=*) name=\${word#*=} ;;
    tapscope.ip=*) ip=\${word#*=} ;;
    tapscope.disk=*) disk=\${word#*=} ;;
    tapscope.project=*) project=\${word#*=} ;;
  esac
done
hostname $name
ip link set lo up
for turn in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/eth0 ] && break; usleep 100000; done
[ -z "$ip" ] || ip address add $ip dev eth0
ip link set eth0 up
[ -z "$disk" ] || make-bro $disk || { echo "could not mount $disk at /bro"; poweroff -f; }
if [ -n "$project" ]; then
  # As Zeek's manual asks: the kernel is not to merge segments before they are counted.
  /sbin/ethtool -K eth0 gro off
  mount -t ext4 -o ro $project /project || { echo "could not mount the project's disk"; poweroff -f; }
  mount -t proc proc /project/proc; mount -t devtmpfs dev /project/dev; mount -t tmpfs tmpfs /project/tmp
fi
stty -F /dev/ttyS0 -echo -onlcr
echo "${READY}" > /dev/ttyS0
while true; do setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'; done
`;

/** Commands of the guest besides busybox's. */
export const GUEST_COMMANDS: Readonly<Record<string, string>> = {
  // As minimega's Bro VM does: one partition, ext4, mounted at /bro. Unlike there, a disk that holds a filesystem keeps it.
  "make-bro": `#!/bin/sh
part=$1"1"
if ! [ -e $part ]; then
  echo ',,83' | /sbin/sfdisk -q $1 >/dev/null || exit 1
  for turn in 1 2 3 4 5; do [ -e $part ] && break; usleep 200000; done
fi
# A partition without a filesystem has a PARTUUID at least: blkid alone is content with that.
[ -n "$(/sbin/blkid -s TYPE -o value $part)" ] || /sbin/mke2fs -q -F -t ext4 $part || exit 1
mount -t ext4 $part /bro
`,
  // The project inside the guest, with the Node of the host.
  tapscope: `#!/bin/sh
exec chroot /project /bin/node /tapscope/dist/cli/main.js "$@"
`,
  // What stands in for Zeek: the project's own engine. "engine start [BPF of frames to leave out]", "engine count" (rows so far).
  engine: `#!/bin/sh
case $1 in
  start)
    /sbin/tcpdump -i eth0 -U -B 8192 -w - \${2:+not ($2)} 2>/tmp/engine.words | /sbin/tapscope flows --follow --format zeek - >/bro/conn.log 2>/tmp/engine.err &
    while sleep 1; do sync; done &
    for turn in $(seq 1 600); do grep -q 'listening on' /tmp/engine.words && [ -s /bro/conn.log ] && exit 0; usleep 100000; done
    cat /tmp/engine.words /tmp/engine.err; exit 1 ;;
  count) grep -vc '^#' /bro/conn.log || true ;;
esac
`,
  // How many frames come: "frames start <BPF>", "frames count", which ends it.
  frames: `#!/bin/sh
case $1 in
  start)
    /sbin/tcpdump -i eth0 -U -w /tmp/frames.pcap "$2" 2>/tmp/frames.words &
    for turn in $(seq 1 100); do grep -q 'listening on' /tmp/frames.words && exit 0; usleep 100000; done
    cat /tmp/frames.words; exit 1 ;;
  count) usleep 1500000; killall -INT tcpdump; usleep 500000; /sbin/tcpdump -r /tmp/frames.pcap 2>/dev/null | wc -l ;;
esac
`,
};
