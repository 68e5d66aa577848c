import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { Frame } from "../../../src/capture/frame.ts";
import { Spool } from "../../../src/verify/match/spool.ts";

const scratch = mkdtempSync(join(tmpdir(), "tapscope-test-spool-"));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

function fill(spool: Spool, count: number): void {
  const frame = new Frame();
  frame.data = Buffer.alloc(1500, 7);
  frame.linktype = 1;
  for (let i = 0; i < count; i++) {
    frame.sec = i;
    frame.caplen = 60 + (i % 1400);
    frame.origLen = frame.caplen;
    spool.write(frame);
  }
  spool.endWriting();
}

function readBack(spool: Spool): number {
  let count = 0;
  while (
    spool.read((frame) => {
      expect(frame.sec).toBe(count);
      expect(frame.caplen).toBe(60 + (count % 1400));
      count++;
    })
  );
  return count;
}

it("gives back every frame, and has no name while it does", () => {
  vi.stubEnv("TMPDIR", scratch);
  using spool = new Spool(null);
  expect(readdirSync(scratch)).toEqual([]);
  fill(spool, 3000);
  expect(readBack(spool)).toBe(3000);
});

it("gives back nothing when nothing was written", () => {
  using spool = new Spool(null);
  spool.endWriting();
  expect(readBack(spool)).toBe(0);
});
