import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchesOf } from "../../../src/capture/source/batches.ts";
import { type CapturedPacket, openCapture } from "../../../src/capture/source/open-capture.ts";
import { enhanced, iface, option, pcap, section } from "../format/build.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tapscope-open-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(bytes: Buffer): string {
  const path = join(directory, "x");
  writeFileSync(path, bytes);
  return path;
}

const many = pcap(
  Array.from({ length: 40_000 }, (_, index) => ({ fraction: index, data: Buffer.alloc(60, index & 255) })),
);

describe("openCapture", () => {
  it.each([
    ["plain", many],
    ["compressed", gzipSync(many)],
  ])("yields every packet of a %s file in order, its own bytes in each", async (_, bytes) => {
    let expected = 0;
    const reading = openCapture(write(bytes));
    for (;;) {
      const { value, done } = await reading.next();
      if (done) {
        expect(value).toMatchObject({ status: "ok", packets: 40_000 });
        break;
      }
      expect(value.length).toBeLessThanOrEqual(1000);
      for (const { ns, data } of value) {
        if (ns !== 1_700_000_000_000_000_000n + BigInt(expected) * 1000n || data[0] !== (expected & 255)) {
          throw new Error(`packet ${expected} is another one`);
        }
        expected++;
      }
    }
    expect(expected).toBe(40_000);
  });

  it("tells interface and direction", async () => {
    const outbound = option(2, Buffer.from([2, 0, 0, 0]));
    const file = Buffer.concat([
      section(),
      iface(),
      iface({ linktype: 101 }),
      enhanced({ interfaceId: 1, data: Buffer.from("abc"), origLen: 9, options: outbound }),
    ]);
    const packets: CapturedPacket[] = [];
    for await (const batch of openCapture(write(file))) packets.push(...batch);
    expect(packets).toEqual([
      { ns: 0n, data: Buffer.from("abc"), origLen: 9, linktype: 101, interfaceId: 1, direction: "out" },
    ]);
  });

  it("can be left early, and throws what is wrong", async () => {
    for await (const batch of openCapture(write(many))) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    await expect(openCapture(join(directory, "none")).next()).rejects.toThrow("no such file");
  });
});

describe("batchesOf", () => {
  it("holds the reader back until its items have been taken", async () => {
    let emitted = 0;
    const reading = batchesOf<number, string>(async (emit, { pause }) => {
      for (let i = 0; i < 10; i++) {
        emit(i);
        emitted++;
        await pause();
      }
      return "end";
    });
    for (let i = 0; i < 10; i++) {
      expect((await reading.next()).value).toEqual([i]);
      expect(emitted).toBe(i + 1);
    }
    expect(await reading.next()).toEqual({ value: "end", done: true });
  });

  it("waits for the reader when the consumer leaves", async () => {
    let ended = false;
    const reading = batchesOf<number, void>(async (emit, { pause, signal }) => {
      while (!signal.aborted) {
        emit(1);
        await pause();
      }
      ended = true;
    });
    await reading.next();
    await reading.return();
    expect(ended).toBe(true);
  });
});
