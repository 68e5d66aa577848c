/**
 * tapscope on a machine that has little: no IPv6, no FUSE, no tcpdump, a read-only root, busybox for what is not named in ground-disk.ts;
 * but a kernel with nbd, for `bro extract --method kernel-nbd`. One boot runs everything; the tests look at what it said.
 */
import { mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { debugfs, makeFilesystem, makeFolder, makePartitioned, sha256, tool, tsvLog } from "../bro/disk/images.ts";
import { describeUnless } from "../describe-unless.ts";
import { boot } from "./boot.ts";
import { groundDisk, onGround, type Section, sectionsOf } from "./ground-disk.ts";
import { partsOrWhyNot } from "./support.ts";

const parts = await partsOrWhyNot();
const folder = makeFolder();

const SCRIPT = `
export PATH=/bin:/sbin
cat /dev/vdb > /tmp/disk.qcow2
left() { echo "$(grep -c tapscope /proc/mounts) $(ls -d /sys/block/nbd*/pid 2>/dev/null | wc -l) $(ls /tmp/tapscope-0/disk 2>/dev/null | wc -l)"; }
section has sh -c 'ls /dev/fuse /proc/sys/net/ipv6; which tcpdump; touch /x'
section kernel-nbd tapscope bro extract --json --method kernel-nbd /tmp/disk.qcow2 /tmp/out
section sums sh -c 'cd /tmp/out; sha256sum *.log; sha256sum /tmp/disk.qcow2'
section left left
tapscope bro extract --method kernel-nbd /tmp/disk.qcow2 /tmp/killed > /tmp/killed.txt 2>&1 &
for i in $(seq 1 2000); do grep -q tapscope-0 /proc/mounts && break; usleep 10000; done
killall -9 node; wait
section killed left
tapscope bro ls /tmp/disk.qcow2 > /tmp/ls.txt 2>&1
section native tapscope bro extract /tmp/disk.qcow2 /tmp/after
sleep 1
section swept left

section lab tapscope lab up
section ping tapscope lab exec a ping -c 2 -i 0.2 10.0.0.2
section status tapscope lab status
section mirror tapscope mirror create mega_tap0 mega_tap2
tapscope lab exec a ping -i 0.2 10.0.0.2 >/dev/null & ping=$!
section capture tapscope --json capture mega_tap2 -w /tmp/c.pcapng --count 6 --duration 60s
kill $ping
section verify tapscope verify mega_tap2 --ping 10.0.0.2 --count 2
section doctor tapscope doctor
section down tapscope lab down
`;

describeUnless(
  "why" in parts ? parts.why : null,
  "a machine without IPv6, FUSE and tcpdump, its root read-only",
  () => {
    let said: ReadonlyMap<string, Section>;
    let all = "";
    let image = "";
    const section = (name: string): Section => {
      const found = said.get(name);
      if (!found) throw new Error(`the VM said nothing of '${name}':\n${all.slice(-4000)}`);
      return found;
    };

    beforeAll(async () => {
      const disk = makeDisk();
      image = sha256(disk);
      const drives = [await groundDisk(), disk].map((file) => ({ file, format: "raw" as const, readOnly: true }));
      const options = { drives, seconds: 400, modules: ["nbd", "tun"], words: ["ipv6.disable=1"] };
      await using vm = await boot(folder, onGround(SCRIPT), options);
      await vm.until("== FINISHED", 390);
      all = vm.console();
      said = sectionsOf(all);
    }, 420_000);
    afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

    it("is such a machine", () => {
      const { text } = section("has");
      expect(text).toContain("/dev/fuse: No such file");
      expect(text).toContain("/proc/sys/net/ipv6: No such file");
      expect(text).toContain("touch: /x: Read-only file system");
      expect(text).not.toMatch(/^\/.*tcpdump$/m);
    });

    it("extracts by --method kernel-nbd from a mount that it takes away again, and leaves image and devices as they were", () => {
      const { text, exitCode } = section("kernel-nbd");
      expect(exitCode, text).toBe(0);
      expect(text).toContain('"method":"kernel-nbd"');
      expect(text).toContain('"journal":"replayed"');
      expect(section("sums").text).toContain(`${sha256(join(folder, "tree/conn.log"))}  conn.log`);
      expect(section("sums").text).toContain(`${image}  /tmp/disk.qcow2`);
      expect(section("left").text).toBe("0 0 0\n");
    });

    it("takes away what a killed run left, and extracts without any of the kernel's help", () => {
      expect(section("killed").text).toMatch(/^1 /);
      expect(section("native").exitCode).toBe(0);
      expect(section("swept").text).toBe("0 0 0\n");
    });

    it("has a lab, whose hosts reach each other by IPv4", () => {
      expect(section("lab")).toMatchObject({ exitCode: 0, text: expect.stringContaining("is up") });
      expect(section("ping")).toMatchObject({ exitCode: 0, text: expect.stringContaining("2 received") });
      expect(section("status").text).not.toContain("WRONG");
      expect(section("down").exitCode).toBe(0);
    });

    it("mirrors and captures without tcpdump, and says where it cannot do without", () => {
      expect(section("mirror")).toMatchObject({ exitCode: 0 });
      const { text, exitCode } = section("capture");
      expect(exitCode, text).toBe(0);
      expect(JSON.parse(text.split("\n").find((line) => line.startsWith("{"))!)).toMatchObject({ packets: 6 });
      expect(section("verify")).toMatchObject({ exitCode: 1, text: expect.stringMatching(/tcpdump.* not installed/) });
      expect(section("verify").text).toContain("apt-get install tcpdump");
      expect(section("doctor").text).toMatch(/tcpdump.*not installed/);
    });
  },
);

/** A partitioned qcow2 disk whose journal needs recovery; its size a multiple of what a disk's is. */
function makeDisk(): string {
  mkdirSync(join(folder, "tree"));
  writeFileSync(join(folder, "tree/conn.log"), tsvLog("conn", 5000));
  const partition = makeFilesystem(join(folder, "partition.raw"), join(folder, "tree"), { megabytes: 16 });
  writeFileSync(join(folder, "block"), "journalled");
  debugfs(partition, ["jo -c", `jw -b 3000 ${join(folder, "block")}`, "jc"]);
  const raw = makePartitioned(join(folder, "disk.raw"), 18, "label: dos\n2048,32768,83\n");
  tool(["dd", `if=${partition}`, `of=${raw}`, "bs=1M", "seek=1", "conv=notrunc", "status=none"]);
  const disk = join(folder, "disk.qcow2");
  tool(["qemu-img", "convert", "-O", "qcow2", raw, disk]);
  truncateSync(disk, Math.ceil(statSync(disk).size / 512) * 512);
  return disk;
}
