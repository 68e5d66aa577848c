/**
 * A small system on a disk of its own, for tests on kernels of theirs: Node and the project, Open vSwitch, and what they run. Its root
 * is to be mounted read-only. tcpdump is in /opt/tcpdump, so that a PATH without it is a machine without it; env is busybox's.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/core/process.ts";
import { SCHEMA_PATHS } from "../../src/lab/setup.ts";
import { cached } from "../../src/lab/vm/cache.ts";
import { addBusybox, addProgram } from "../../src/lab/vm/programs.ts";
import { addProject, makeDisk } from "../../src/lab/vm/project-disk.ts";
import { root as project } from "../system/support.ts";

const PROGRAMS = [
  ...["bash", "ip", "tc", "ping", "ethtool", "nsenter", "unshare", "setpriv", "flock", "mount", "umount", "ps"],
  ...["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl", "ovs-ofctl", "qemu-nbd", "qemu-img"],
];
const MEGABYTES = 700;

/** The disk, from the cache of lab machines' parts when nothing in it has changed. */
export async function groundDisk(): Promise<string> {
  const key = createHash("sha256").update(import.meta.filename);
  const built = readdirSync(join(project, "dist"), { recursive: true, encoding: "utf8" }).sort();
  const files = [import.meta.filename, process.execPath, ...built.map((file) => join(project, "dist", file))];
  for (const path of files) key.update(`${path} ${statSync(path).mtimeMs} ${statSync(path).size}\n`);
  return await cached("test-ground", key.digest("hex").slice(0, 16), async (path) => {
    const root = `${path}.root`;
    await addProject(root);
    for (const name of PROGRAMS) await addProgram(root, "bin", findProgram(name)!, name);
    await addProgram(root, "opt/tcpdump", findProgram("tcpdump")!, "tcpdump");
    mkdirSync(join(root, "usr/share/openvswitch"), { recursive: true });
    cpSync(SCHEMA_PATHS[0]!, join(root, SCHEMA_PATHS[0]!));
    mkdirSync(join(root, "var"));
    symlinkSync("../run", join(root, "var/run"));
    writeFileSync(join(root, "bin/tapscope"), '#!/bin/sh\nexec node /tapscope/dist/cli/main.js "$@"\n', {
      mode: 0o755,
    });
    await addBusybox(root);
    const users = "root:x:0:0:root:/tmp:/bin/sh\ntcpdump:x:101:101::/:/bin/sh\n";
    writeFileSync(join(root, "etc/passwd"), users);
    writeFileSync(join(root, "etc/group"), "root:x:0:\ntcpdump:x:101:\n");
    await makeDisk(path, root, MEGABYTES);
  });
}

/** A script for `boot` that mounts the ground disk (/dev/vda) as a read-only root and runs `script` there, with bash. */
export function onGround(script: string): string {
  return `mount -t ext4 -o ro /dev/vda /mnt
for dir in tmp run; do mount -t tmpfs tmpfs /mnt/$dir; done
cat > /mnt/tmp/script <<'END OF SCRIPT'
export PATH=/bin:/sbin:/opt/tcpdump HOME=/tmp
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/pts /run/openvswitch
ip link set lo up
# section <name> <command…>: what the command says, and how it ends
echo
section() { echo "== $1"; shift; "$@" 2>&1; echo "-- $?"; }
${script}
echo "== FINISHED"
sleep 60
END OF SCRIPT
umount /proc /sys 2>/dev/null
exec switch_root /mnt /bin/bash /tmp/script
`;
}

/** What a section said, and its exit code. */
export interface Section {
  readonly text: string;
  readonly exitCode: number;
}

/** The sections of a console's text, by their names. */
export function sectionsOf(console: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  for (const [, name, text, exitCode] of console.matchAll(/^== (.+)\n([\s\S]*?)^-- (\d+)$/gm))
    sections.set(name!, { text: text!, exitCode: Number(exitCode) });
  return sections;
}
