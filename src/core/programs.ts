/** The outside programs tapscope runs, what for, and the Debian package that carries each (as `dpkg -S` says; a test asks it). */

export interface Program {
  readonly name: string;
  /** Completes "needed for …". */
  readonly use: string;
  readonly debianPackage: string;
  /** Nothing but what is named in `use` misses it: `doctor` does not call its absence wrong. */
  readonly optional?: true;
  /** Root can do without it. */
  readonly userOnly?: true;
}

const program = (name: string, debianPackage: string, use: string, more: Partial<Program> = {}): Program => ({
  name,
  use,
  debianPackage,
  ...more,
});

export const PROGRAMS: readonly Program[] = [
  program("ovs-vsctl", "openvswitch-switch", "changing a switch"),
  program("tcpdump", "tcpdump", "capturing"),
  program("ip", "iproute2", "network devices"),
  program("setpriv", "util-linux", "programs that end with tapscope"),
  program("nsenter", "util-linux", "entering a lab"),
  program("unshare", "util-linux", "starting a lab"),
  program("flock", "util-linux", "starting a lab"),
  program("mount", "mount", "starting a lab"),
  program("newuidmap", "uidmap", "starting a lab without root", { userOnly: true }),
  program("newgidmap", "uidmap", "starting a lab without root", { userOnly: true }),
  program("ovsdb-tool", "openvswitch-common", "a lab's switch"),
  program("ovsdb-server", "openvswitch-common", "a lab's switch"),
  program("ovs-vswitchd", "openvswitch-switch", "a lab's switch"),
  program("ping", "iputils-ping", "verify --ping, and the demo's traffic"),
  program("dnsmasq", "dnsmasq-base", "the demo's traffic"),
  program("qemu-nbd", "qemu-utils", "disk images other than raw and qcow2", { optional: true }),
  program("qemu-img", "qemu-utils", "disk images other than raw and qcow2", { optional: true }),
  program("qemu-system-x86_64", "qemu-system-x86", "virtual machines in a lab", { optional: true }),
  program("busybox", "busybox-static", "virtual machines in a lab", { optional: true }),
  program("cpio", "cpio", "virtual machines in a lab", { optional: true }),
  program("mke2fs", "e2fsprogs", "virtual machines in a lab", { optional: true }),
  program("sfdisk", "fdisk", "virtual machines in a lab", { optional: true }),
  program("blkid", "util-linux", "virtual machines in a lab", { optional: true }),
  program("ethtool", "ethtool", "virtual machines in a lab", { optional: true }),
];

/** What brings a program, as an error's hint. */
export function installHint(name: string): string {
  const known = PROGRAMS.find((entry) => entry.name === name);
  return known ? `apt-get install ${known.debianPackage}` : `install ${name}`;
}

/** The Debian packages that bring programs, each once. */
export function packagesOf(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => PROGRAMS.find((entry) => entry.name === name)?.debianPackage ?? name))];
}
