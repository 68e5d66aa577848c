/** A thousand mutated images: none may hang, write outside its destination, fail unexplained, or take much memory. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { extract } from "../../../src/bro/disk/extract/extract.ts";
import { TapscopeError } from "../../../src/core/errors.ts";
import { convert, debugfs, makeFilesystem, makeFolder, makePartitioned, pseudoRandom, tsvLog } from "./images.ts";

const SEED = Number(process.env.TAPSCOPE_FUZZ_SEED ?? 1);
const ROUNDS = 1000;
const folder = makeFolder();
const at = (name: string) => join(folder, name);
const bases: { name: string; data: Buffer; parts: readonly (readonly [number, number])[] }[] = [];

/** Mulberry32: small, seedable. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

beforeAll(() => {
  const tree = at("tree");
  mkdirSync(join(tree, "d/e"), { recursive: true });
  for (let i = 0; i < 40; i++) writeFileSync(join(tree, `d/${"long-name-".repeat(5)}${i}.log`), tsvLog("conn", i));
  writeFileSync(join(tree, "d/e/big.bin"), pseudoRandom(150_000));
  writeFileSync(join(tree, "tiny.log"), "x");
  symlinkSync("/etc/passwd", join(tree, "link"));
  const make = (name: string, mke2fs: readonly string[]) => {
    const image = makeFilesystem(at(name), tree, { megabytes: 3, mke2fs: ["-b", "1024", "-N", "128", ...mke2fs] });
    return image;
  };
  const journalled = make("journal.raw", ["-J", "size=1"]);
  // A journal with something in it: the root directory's block and a revoked one (debugfs's jo, jw, jc).
  const rootBlock = Number(
    /\d+/.exec(
      debugfs(journalled, ["blocks /"])
        .split("\n")
        .find((line) => /^\d/.test(line)) ?? "600",
    )![0],
  );
  const data = readFileSync(journalled).subarray(rootBlock * 1024, rootBlock * 1024 + 1024);
  writeFileSync(at("block"), data);
  debugfs(journalled, ["jo -c", `jw -b ${rootBlock} ${at("block")}`, "jw -r 900", "jc"]);
  make("plain.raw", ["-O", "^metadata_csum,^has_journal"]);
  make("map.raw", ["-t", "ext2"]);
  make("inline.raw", ["-O", "inline_data,^has_journal", "-I", "256"]);
  convert(at("plain.raw"), at("comp.qcow2"), "qcow2", ["-c", "-o", "cluster_size=4096"]);
  convert(journalled, at("journal.qcow2"), "qcow2", ["-o", "cluster_size=4096"]);
  const disk = makePartitioned(at("mbr.raw"), 4, "label: dos\n2048,,5\n4096,,83\n");
  makeFilesystem(disk, tree, {
    megabytes: 4,
    offset: 4096 * 512,
    mke2fs: ["-b", "1024", "-O", "^has_journal,^metadata_csum"],
  });
  for (const name of ["journal.raw", "plain.raw", "map.raw", "inline.raw", "comp.qcow2", "journal.qcow2", "mbr.raw"]) {
    bases.push({ name, data: readFileSync(at(name)), parts: usedParts(readFileSync(at(name))) });
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

/** Where an image is not all zeros: mutations elsewhere change nothing. */
function usedParts(data: Buffer): [number, number][] {
  const parts: [number, number][] = [];
  for (let at = 0; at < data.length; at += 512) {
    const end = Math.min(data.length, at + 512);
    if (data.subarray(at, end).some((byte) => byte !== 0)) parts.push([at, end]);
  }
  return parts;
}

function mutate(
  base: Buffer,
  parts: readonly (readonly [number, number])[],
  random: (below: number) => number,
): Buffer {
  const data = Buffer.from(base);
  const spot = () => {
    // Every other mutation hits the first 8 KiB: headers, tables, superblock, descriptors.
    const [from, to] = parts[random(2) === 0 ? Math.min(parts.length - 1, random(16)) : random(parts.length)]!;
    return from + random(to - from);
  };
  for (let n = 1 + random(12); n > 0; n--) {
    const kind = random(6);
    const where = Math.min(spot(), data.length - 8);
    if (kind === 0) data[where]! ^= 1 << random(8);
    else if (kind === 1) data[where] = random(256);
    else if (kind === 2) data.writeUInt32LE([0, 1, 0x7fffffff, 0xffffffff, 12, 2][random(6)]!, where & ~3);
    else if (kind === 3) data.copy(data, where, spot(), spot() + random(1024));
    else if (kind === 4) data.fill([0, 0xff][random(2)]!, where, where + random(256));
    else data.writeUInt16LE([0, 1, 8, 0xffff, 0xf30a, 0x8001][random(6)]!, where & ~1);
  }
  return random(10) === 0 ? data.subarray(0, 512 + random(data.length - 512)) : data;
}

describe("mutated images", () => {
  it(`end in a result or a clear error, within bounds: ${ROUNDS} images, seed ${SEED} (TAPSCOPE_FUZZ_SEED)`, async () => {
    const random = makeRandom(SEED);
    const outcome = { extracted: 0, refused: 0 };
    const sandbox = at("sandbox");
    mkdirSync(sandbox);
    const entries = readdirSync(folder).sort();
    const startMemory = process.memoryUsage.rss();
    let slowest = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const base = bases[random(bases.length)]!;
      const image = at(`sandbox/image.${base.name.split(".")[1]}`);
      writeFileSync(image, mutate(base.data, base.parts, random));
      const began = performance.now();
      try {
        await extract([image], join(sandbox, "out"), { links: random(2) === 0 ? "safe" : "none" });
        outcome.extracted++;
      } catch (error) {
        if (!(error instanceof TapscopeError))
          throw new Error(`round ${round} (seed ${SEED}, ${base.name}): ${(error as Error).stack}`);
        outcome.refused++;
      }
      slowest = Math.max(slowest, performance.now() - began);
      rmSync(image);
      expect(readdirSync(sandbox).filter((name) => name !== "out")).toEqual([]);
      rmSync(join(sandbox, "out"), { recursive: true, force: true });
    }
    expect(readdirSync(folder).sort()).toEqual(entries);
    expect(outcome.extracted).toBeGreaterThan(200);
    expect(outcome.refused).toBeGreaterThan(20);
    // A hang, not a speed: the machine may be busy.
    expect(slowest).toBeLessThan(30_000);
    expect(process.memoryUsage.rss() - startMemory).toBeLessThan(600e6);
  }, 600_000);
});
