/** Disks written by a real kernel in a VM that is killed while it writes, read by tapscope and by e2fsprogs. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { extract } from "../../src/bro/disk/extract/extract.ts";
import {
  convert,
  fingerprint,
  listFiles,
  makeFilesystem,
  makeFolder,
  makePartitioned,
  tool,
} from "../bro/disk/images.ts";
import { describeUnless } from "../describe-unless.ts";
import { boot } from "./boot.ts";
import { partsOrWhyNot } from "./support.ts";

const START = 1 << 20;
const MEGABYTES = 96;
const folder = makeFolder();
const parts = await partsOrWhyNot();
const lack = "why" in parts ? parts.why : null;

/** Rows between two syncs. */
const SYNCED = 50;
/** The disks: what a kernel does by default, what loses little, data in the journal, and a log that is synced now and then. */
const DISKS = [
  { name: "default", options: "rw", sync: false },
  { name: "eager", options: "rw,commit=1,nodelalloc", sync: false },
  { name: "journalled", options: "rw,commit=1,data=journal", sync: false },
  { name: "synced", options: "rw", sync: true },
] as const;

const image = (name: string) => join(folder, `${name}.qcow2`);

/** Writes to each disk: a synced log, then changes that only the journal has, then lines without end. */
function writer(): string {
  const each = DISKS.map(({ options }, i) => {
    const device = `/dev/vd${"abcd"[i]}1`;
    const at = `/mnt/d${i}`;
    return `mkdir -p ${at}; mount -t ext4 -o ${options} ${device} ${at} || echo MOUNT FAILED ${device}
mkdir ${at}/2026-11-23 ${at}/many ${at}/gone
i=0; while [ $i -lt 400 ]; do echo "line $i" > ${at}/many/file-with-a-long-name-$i.log; i=$((i+1)); done
echo "a line" > ${at}/synced.log; echo gone > ${at}/gone/x; sync
printf '\\300\\073\\071\\230 looks like a journal block' > ${at}/magic.bin
mv ${at}/synced.log ${at}/renamed.log; rm -r ${at}/gone; mkdir ${at}/newdir; echo new > ${at}/newdir/f.log; ln -s renamed.log ${at}/link.log`;
  });
  return `${each.join("\n")}
i=0
while true; do
  for d in ${DISKS.map((_, i) => `/mnt/d${i}`).join(" ")}; do
    echo "1763892000.$((100000+i)) C$i 10.0.0.1 10.0.0.2 tcp http 0.1 100 200 SF and some more text to make it long" >> $d/conn.log
    rm -f $d/rotated.$((i-3)).log; echo $i > $d/rotated.$i.log
  done
  i=$((i+1))
  [ $((i % ${SYNCED})) = 0 ] || continue
  ${DISKS.flatMap(({ sync }, i) => (sync ? `sync /mnt/d${i}/conn.log` : [])).join("; ")}
  echo "WROTE $i"
done`;
}

describeUnless(lack, "the disk of a VM that was killed while it wrote", () => {
  /** Rows in each log when the VM was killed, at least. */
  let written = 0;

  beforeAll(async () => {
    for (const { name } of DISKS) {
      const raw = makePartitioned(join(folder, `${name}.raw`), MEGABYTES, `label: dos\n${START / 512},,83\n`);
      makeFilesystem(raw, null, { megabytes: MEGABYTES, offset: START });
      convert(raw, image(name), "qcow2");
      rmSync(raw);
    }
    await using vm = await boot(folder, writer(), {
      drives: DISKS.map(({ name }) => ({ file: image(name), format: "qcow2" })),
      seconds: 240,
    });
    await vm.until("WROTE 700", 200);
    await vm.kill();
    written = Number([...vm.console().matchAll(/WROTE (\d+)/g)].at(-1)![1]);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

  for (const { name } of DISKS) {
    it(`gives what e2fsck's recovery gives, byte for byte, and leaves the image alone (mount options: ${name})`, async () => {
      const before = fingerprint(image(name));
      const { reports } = await extract([image(name)], join(folder, `out-${name}`));
      expect(reports[0]).toMatchObject({ partition: 1, journal: "replayed", damaged: false });
      const partition = cutPartition(image(name));
      // 1: errors were corrected, that is, the journal was replayed.
      tool(["sh", "-c", `e2fsck -E journal_only -y '${partition}'; [ $? -le 1 ]`]);
      const expected = dump(partition, join(folder, `e2fsck-${name}`));
      expect(listFiles(join(folder, `out-${name}`))).toEqual(expected);
      expect(expected.size).toBeGreaterThan(400);
      expect(expected.has("renamed.log")).toBe(true);
      expect(expected.has("synced.log")).toBe(false);
      expect(fingerprint(image(name))).toBe(before);
    });

    it(`gives the tree as it was before its journal with --no-replay (mount options: ${name})`, async () => {
      const { reports } = await extract([image(name)], join(folder, `stale-${name}`), { replay: false });
      expect(reports[0]).toMatchObject({ journal: "ignored" });
      const stale = dump(cutPartition(image(name)), join(folder, `debugfs-${name}`));
      expect(listFiles(join(folder, `stale-${name}`))).toEqual(stale);
    });
  }

  it("shows what each way of writing costs: nothing of what was synced, only the tail with data in the journal", async () => {
    const rows = (name: string) => readFileSync(join(folder, `out-${name}`, "conn.log"), "latin1").split("\n");
    const whole = (line: string) => /^1763892000\.\d+ C\d+ .* long$/.test(line);
    const kept = (name: string) => rows(name).filter(whole).length;
    expect(rows("synced").slice(0, written).every(whole)).toBe(true);
    expect(kept("journalled")).toBeGreaterThan(0);
    expect(rows("journalled").slice(0, -1).every(whole)).toBe(true);
    expect(kept("default")).toBeLessThan(kept("eager"));
    expect(
      readFileSync(join(folder, "out-journalled", "magic.bin"))
        .subarray(0, 4)
        .toString("hex"),
    ).toBe("c03b3998");
  });
});

/** The partition of a qcow2 disk as a raw file. */
function cutPartition(disk: string): string {
  const raw = convert(disk, join(folder, "whole.raw"), "raw");
  const partition = join(folder, "partition.raw");
  rmSync(partition, { force: true });
  tool(["dd", `if=${raw}`, `of=${partition}`, "bs=1M", `skip=${START >> 20}`, "conv=sparse", "status=none"]);
  return partition;
}

/** What debugfs reads from a filesystem (made by us: its names are safe). */
function dump(partition: string, into: string): Map<string, string> {
  mkdirSync(into);
  tool(["debugfs", "-c", "-R", `rdump / ${into}`, partition]);
  return listFiles(into);
}
