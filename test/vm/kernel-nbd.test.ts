/** `--method kernel-nbd` in a VM whose kernel has nbd: Node, qemu-nbd and the built program come on a disk of their own. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { debugfs, makeFilesystem, makeFolder, makePartitioned, sha256, tool, tsvLog } from "../bro/disk/images.ts";
import { boot, whyNoVm } from "./boot.ts";

const project = join(import.meta.dirname, "../..");
const folder = makeFolder();
const skip = whyNoVm();

if (skip !== null) it("bro extract --method kernel-nbd", (ctx) => ctx.skip(skip));

describe.skipIf(skip !== null)("bro extract --method kernel-nbd", () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  it("copies from a mount that it takes away again, and leaves image, mounts and devices as they were", async () => {
    const disk = makeDisk();
    const before = sha256(disk);
    const program = "node /app/dist/cli/main.js bro";
    const script = `mount -t ext4 -o ro /dev/vda /mnt || echo NO TOOLS
mount -t tmpfs tmpfs /mnt/tmp; mount -t proc proc /mnt/proc; mount -t sysfs sys /mnt/sys; mount -t devtmpfs dev /mnt/dev
run() { chroot /mnt /bin/sh -c "export PATH=/bin HOME=/tmp LD_LIBRARY_PATH=/lib; $1"; }
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
    await using vm = await boot(folder, script, [{ file: makeTools(disk), format: "raw", readOnly: true }], 280);
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

/** A filesystem with Node, the program, what it runs, and the libraries all these need. */
function makeTools(disk: string): string {
  const root = join(folder, "tools");
  for (const dir of ["bin", "lib", "lib64", "tmp", "proc", "sys", "dev", "app"])
    mkdirSync(join(root, dir), { recursive: true });
  const programs = ["node", "qemu-nbd", "qemu-img", "setpriv", "mount", "umount"];
  for (const name of programs) {
    const path = realpathSync(tool(["sh", "-c", `command -v ${name}`]).trim());
    cpSync(path, join(root, "bin", name));
    for (const match of tool(["ldd", path]).matchAll(/(\/\S+) \(0x/g)) {
      const library = match[1]!;
      const into = library.includes("ld-linux")
        ? join(root, "lib64", library.split("/").at(-1)!)
        : join(root, "lib", library.split("/").at(-1)!);
      cpSync(realpathSync(library), into);
    }
  }
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  for (const name of ["sh", "cp", "sha256sum", "echo", "modprobe", "seq", "ls", "cat"]) {
    tool(["ln", "-sf", "busybox", join(root, "bin", name)]);
  }
  cpSync(join(project, "dist"), join(root, "app/dist"), { recursive: true });
  cpSync(join(project, "package.json"), join(root, "app/package.json"));
  const packages = execFileSync("npm", ["ls", "--all", "--omit=dev", "--omit=optional", "--parseable"], {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  for (const path of packages.split("\n").filter((line) => line.includes("/node_modules/"))) {
    const relative = path.slice(path.indexOf("/node_modules/"));
    mkdirSync(dirname(join(root, "app", relative)), { recursive: true });
    cpSync(path, join(root, "app", relative), { recursive: true, dereference: true });
  }
  cpSync(disk, join(root, "disk.qcow2"));
  return makeFilesystem(join(folder, "tools.raw"), root, { megabytes: 420, mke2fs: ["-O", "^has_journal"] });
}
