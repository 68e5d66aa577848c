import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDisk } from "../../../src/bro/disk/open.ts";
import { logFilesOf, readFile } from "../../../src/bro/disk/walk.ts";
import { convert, fingerprint, listFiles, makeFilesystem, makeFolder, makeSource, pseudoRandom } from "./images.ts";

const folder = makeFolder();
const at = (name: string) => join(folder, name);
let source: { root: string; files: number };

beforeAll(() => {
  source = makeSource(folder);
  convert(makeFilesystem(at("disk.raw"), source.root), at("disk.qcow2"), "qcow2");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }), 60_000);

describe("logFilesOf", () => {
  it("gives every log of a disk with its bytes, holes as zeros, and leaves the image alone", async () => {
    const before = fingerprint(at("disk.qcow2"));
    const found = new Map<string, string>();
    const broken: string[] = [];
    {
      await using disk = await openDisk(at("disk.qcow2"));
      for await (const log of logFilesOf(disk, undefined, { onBroken: (path) => broken.push(path) })) {
        const hash = createHash("sha256");
        let size = 0;
        for await (const chunk of log.chunks()) {
          expect(chunk.length).toBeLessThanOrEqual(1 << 20);
          hash.update(chunk);
          size += chunk.length;
        }
        expect(size).toBe(log.size);
        found.set(log.path.slice(1), hash.digest("hex"));
      }
    }
    const logs = [...listFiles(source.root)]
      .map(([path, hash]) => [Buffer.from(path, "latin1").toString(), hash] as const)
      .filter(([path]) => /\.log(\.|$)/.test(path) && !path.endsWith("stderr.log"));
    expect(logs.length).toBeGreaterThan(8);
    expect(found).toEqual(new Map(logs));
    expect(broken).toEqual([]);
    expect(fingerprint(at("disk.qcow2"))).toBe(before);
  });

  it("looks below a path, and ends when it is aborted", async () => {
    await using disk = await openDisk(at("disk.qcow2"));
    const paths: string[] = [];
    for await (const log of logFilesOf(disk, "/deep")) paths.push(log.path);
    expect(paths).toEqual(["/deep/a/b/c/d/x.log"]);
    const missing = logFilesOf(disk, "/nothing").next();
    await expect(missing).rejects.toMatchObject({ code: "E_DISK_PATH" });
    const { reference } = await disk.resolve("/conn.log");
    const reading = readFile(disk.tree, reference, "/conn.log", AbortSignal.abort(new Error("enough"))).next();
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("readFile", () => {
  it("gives all bytes before the first that cannot be read, and then says where", async () => {
    writeFileSync(at("big.log"), pseudoRandom(6 << 20));
    rmSync(source.root, { recursive: true });
    const tree = makeFolder();
    try {
      writeFileSync(join(tree, "big.log"), readFileSync(at("big.log")));
      makeFilesystem(at("cut.raw"), tree, { megabytes: 16 });
    } finally {
      rmSync(tree, { recursive: true });
    }
    // The end of the image is where the middle of the file lies: found by its own bytes.
    const fd = openSync(at("cut.raw"), "r");
    const image = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, image, 0, image.length, 0);
    closeSync(fd);
    const whole = readFileSync(at("big.log"));
    const middle = image.indexOf(whole.subarray(3_002_368, 3_002_368 + 4096));
    expect(middle).toBeGreaterThan(0);
    truncateSync(at("cut.raw"), middle);
    await using disk = await openDisk(at("cut.raw"));
    const { reference } = await disk.resolve("/big.log");
    const chunks: Buffer[] = [];
    const read = (async () => {
      for await (const chunk of readFile(disk.tree, reference, "/big.log")) chunks.push(chunk);
    })();
    await expect(read).rejects.toThrow("cannot be read from byte 3002368 on");
    expect(Buffer.concat(chunks).equals(whole.subarray(0, 3_002_368))).toBe(true);
  });
});
