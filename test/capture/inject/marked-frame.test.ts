import { expect, it } from "vitest";
import { MARKED_FRAME_LENGTH, markedSequence, writeMarkedFrame } from "../../../src/capture/inject/marked-frame.ts";

const marker = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const source = Uint8Array.from([0x16, 0, 0, 0, 0, 9]);

it("knows its own frames by number, and no others", () => {
  const frame = Buffer.alloc(MARKED_FRAME_LENGTH);
  for (const sequence of [1, 70_000, 0xffffffff]) {
    writeMarkedFrame(frame, source, marker, sequence);
    expect(markedSequence(frame, 0, frame.length, marker)).toBe(sequence);
    expect(
      markedSequence(
        frame,
        0,
        frame.length,
        marker.map((byte) => byte ^ 1),
      ),
    ).toBe(-1);
    expect(markedSequence(frame, 0, 25, marker)).toBe(-1);
  }
  expect(frame[0]! & 3).toBe(2);
  expect([...frame.subarray(6, 12)]).toEqual([...source]);
});
