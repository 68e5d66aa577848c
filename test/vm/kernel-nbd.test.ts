/** `--method kernel-nbd` in a VM whose kernel has nbd: Node, qemu-nbd and the built program come on a disk of their own. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { findProgram } from "../../src/core/process.ts";
import { addBusybox, addProgram } from "../../src/lab/vm/programs.ts";
import { addProject, makeDisk as makeDiskOf } from "../../src/lab/vm/project-disk.ts";
import { debugfs, makeFilesystem, makeFolder, makePartitioned, sha256, tool, tsvLog } from "../bro/disk/images.ts";
import { describeUnless } from "../describe-unless.ts";
import { boot } from "./boot.ts";
import { partsOrWhyNot } from "./support.ts";

const folder = makeFolder();
const parts = await partsOrWhyNot();
const lack = "why" in parts ? parts.why : null;

describeUnless(lack, "bro extract --method kernel-nbd", () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  it("copies from a mount that it takes away again, and leaves image, mounts and devices as they were", async () => {
    const disk = makeDisk();
    const before = sha256(disk);
    const program = "node /tapscope/dist/cli/main.js bro";
    const script = `mount -t ext4 -o ro /dev/vda /mnt || echo NO TOOLS
mount -t tmpfs tmpfs /mnt/tmp; mount -t proc proc /mnt/proc; mount -t sysfs sys /mnt/sys; mount -t devtmpfs dev /mnt/dev
run() { chroot /mnt /bin/sh -c "export PATH=/bin HOME=/tmp; $1"; }
run 'cp /disk.qcow2 /tmp/disk.qcow2'
run '${program} extract --json --method kernel-nbd /tmp/disk.qcow2 /tmp/out; echo "EXIT $?"'
run 'cd /tmp/out; sha256sum *.log; echo "IMAGE $(sha256sum /tmp/disk.qcow2)"'
echo "LEFT $(grep -c tapscope /proc/mounts) $(ls -d /sys/block/nbd*/pid 2>/dev/null | wc -l) $(ls /mnt/tmp/tapscope-0/disk | wc -l)"
run '${program} extract --method kernel-nbd /tmp/disk.qcow2 /tmp/killed > /tmp/killed.txt 2>&1 & for i in $(seq 1 2000); do grep -q tapscope-0 /proc/mounts && break; usleep 10000; done; killall -9 node; wait'
echo "KILLED $(grep -c tapscope /proc/mounts)"
run '${program} ls /tmp/disk.qcow2 > /tmp/ls.txt 2>&1; ${program} extract /tmp/disk.qcow2 /tmp/after; echo "EXIT $?"'
sleep 1
echo "SWEPT $(grep -c tapscope /proc/mounts) $(ls -d /sys/block/nbd*/pid 2>/dev/null | wc -l) $(ls /mnt/tmp/tapscope-0/disk | wc -l)"
echo FINISHED`;
    await using vm = await boot(folder, script, {
      drives: [{ file: await makeTools(disk), format: "raw", readOnly: true }],
      seconds: 280,
      modules: ["nbd"],
    });
    await vm.until("FINISHED", 270);
    const said = vm.console();
    expect(said).toContain("EXIT 0");
    expect(said).toContain('"method":"kernel-nbd"');
    expect(said).toContain('"journal":"replayed"');
    expect(said).toContain(`${sha256(join(folder, "tree/conn.log"))}  conn.log`);
    expect(said).toContain(`IMAGE ${before}`);
    expect(said).toContain("LEFT 0 0 0");
    expect(said).toContain("KILLED 1");
    expect(said).toContain("SWEPT 0 0 0");
  }, 300_000);
});

/** A partitioned qcow2 disk whose journal needs recovery. */
function makeDisk(): string {
  mkdirSync(join(folder, "tree"));
  writeFileSync(join(folder, "tree/conn.log"), tsvLog("conn", 5000));
  const partition = makeFilesystem(join(folder, "partition.raw"), join(folder, "tree"), { megabytes: 16 });
  writeFileSync(join(folder, "block"), "journalled");
  debugfs(partition, ["jo -c", `jw -b 3000 ${join(folder, "block")}`, "jc"]);
  const raw = makePartitioned(join(folder, "disk.raw"), 18, "label: dos\n2048,32768,83\n");
  tool(["dd", `if=${partition}`, `of=${raw}`, "bs=1M", "seek=1", "conv=notrunc", "status=none"]);
  tool(["qemu-img", "convert", "-O", "qcow2", raw, join(folder, "disk.qcow2")]);
  return join(folder, "disk.qcow2");
}

/** A filesystem with Node, the program, and what it runs. */
async function makeTools(disk: string): Promise<string> {
  const root = join(folder, "tools");
  await addProject(root);
  for (const name of ["qemu-nbd", "qemu-img", "setpriv", "mount", "umount"])
    await addProgram(root, "bin", findProgram(name)!, name);
  await addBusybox(root);
  cpSync(disk, join(root, "disk.qcow2"));
  await makeDiskOf(join(folder, "tools.raw"), root, 512);
  return join(folder, "tools.raw");
}
