/** Images read through qemu-nbd that are cut or locked: what qemu would read as zeros, and what it says only after it has begun. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { extract } from "../../../src/bro/disk/extract/extract.ts";
import { openDisk } from "../../../src/bro/disk/open.ts";
import { luksTool } from "./images.ts";

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
const folder = mkdtempSync(join(tmpdir(), "tapscope-qemu-nbd-"));
const at = (name: string) => join(folder, name);
const tool = (...[file, ...args]: string[]) => execFileSync(file!, args, { env, stdio: "pipe" });
/** No zeros in it: what qemu makes up would show. */
const CONTENT = Buffer.alloc(1_000_000, "0123456789abcdef\n");
const FILES = ["a.log", "b.log", "c.log", "d.log"];

beforeAll(() => {
  mkdirSync(at("source/bro"), { recursive: true });
  for (const name of FILES) writeFileSync(at(`source/bro/${name}`), CONTENT);
  writeFileSync(at("disk.raw"), "");
  truncateSync(at("disk.raw"), 24 << 20);
  tool("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", at("source"), at("disk.raw"));
  const convert = (...options: string[]) => tool("qemu-img", "convert", "-q", ...options);
  convert("-O", "qcow2", "-o", "extended_l2=on,cluster_size=32k", at("disk.raw"), at("disk.qcow2"));
  convert("-O", "vmdk", at("disk.raw"), at("disk.vmdk"));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cut(name: string, share: number): string {
  const whole = readFileSync(at(name));
  writeFileSync(at(`cut-${name}`), whole.subarray(0, Math.floor(whole.length * share)));
  return at(`cut-${name}`);
}

it.each(["disk.qcow2", "disk.vmdk"])("extracts a whole %s without a word", async (name) => {
  const { reports } = await extract([at(name)], at(`whole-${name}`));
  expect(reports[0]).toMatchObject({ method: "qemu-nbd", damaged: false, warnings: [], incomplete: [] });
  for (const file of FILES) expect(readFileSync(at(`whole-${name}/${file}`)).equals(CONTENT)).toBe(true);
});

it.each(["disk.qcow2", "disk.vmdk"])(
  "names the files that a cut %s no longer holds, and stands no zeros in",
  async (name) => {
    const { reports } = await extract([cut(name, 0.5)], at(`half-${name}`));
    const [report] = reports;
    expect(report).toMatchObject({ method: "qemu-nbd", damaged: true });
    expect(report!.warnings.join()).toMatch(/is cut: \d+ bytes of the disk are not in it/);
    expect(report!.incomplete.length).toBeGreaterThan(0);
    for (const file of FILES) {
      if (report!.incomplete.includes(file))
        expect(statSync(at(`half-${name}/${file}`), { throwIfNoEntry: false })).toBeUndefined();
      else expect(readFileSync(at(`half-${name}/${file}`)).equals(CONTENT)).toBe(true);
    }
  },
);

it("says that an image is cut, not that it is empty, when its mapping tables are gone", async () => {
  const header = 32 << 10;
  writeFileSync(at("head.qcow2"), readFileSync(at("disk.qcow2")).subarray(0, header + 1000));
  await expect(openDisk(at("head.qcow2"))).rejects.toThrow(/cut/);
});

it("says that the passphrase is wrong, however early the server hangs up", { timeout: 60_000 }, async () => {
  writeFileSync(at("key"), "right");
  writeFileSync(at("wrong"), "wrong");
  const secret = ["--object", `secret,id=s,file=${at("key")}`];
  const create = ["qemu-img", "create", "-q", "-f", "luks", ...secret, "-o", "key-secret=s,iter-time=10"];
  luksTool([...create, at("disk.luks"), "1M"]);
  for (let i = 0; i < 3; i++) {
    await expect(openDisk(at("disk.luks"), { keyFile: at("wrong") })).rejects.toMatchObject({
      code: "E_DISK_KEY_WRONG",
    });
  }
});

it("reads two disks at once, each its own", async () => {
  await using first = await openDisk(at("disk.vmdk"));
  await expect(openDisk(at("disk.luks"), { keyFile: at("key") })).rejects.toMatchObject({ code: "E_FS_UNKNOWN" });
  await using second = await openDisk(at("disk.qcow2"));
  expect([first.tree.type, second.tree.type]).toEqual(["ext4", "ext4"]);
});
