import { describe, expect, it } from "vitest";
import * as layouts from "../../src/engine/layout/layouts.ts";
import { MAP_END, MEMORY } from "../../src/engine/layout/memory-map.ts";
import { field, overlay, type PlacedField, type Struct, struct } from "../../src/engine/layout/struct.ts";

describe("layouts", () => {
  it("places each field at a multiple of its own size, and none over another", () => {
    for (const { name, fields, size, align } of Object.values<Struct>(layouts)) {
      let end = 0;
      for (const { name: field, type, offset, size: bytes, over } of Object.values<PlacedField>(fields)) {
        if (typeof type === "string") expect(offset % bytes, `${name}.${field}`).toBe(0);
        if (over !== undefined) continue;
        expect(offset, `${name}.${field}`).toBeGreaterThanOrEqual(end);
        end = offset + bytes;
      }
      expect(size % align, name).toBe(0);
      expect(size, name).toBeGreaterThanOrEqual(end);
    }
  });

  it("lets a second view begin where its field does", () => {
    const pair = struct("Pair", "", {
      a: field("u8", ""),
      b: field("u16", ""),
      c: field("u16", ""),
      both: overlay("u32", "b", ""),
    });
    expect(Object.values<PlacedField>(pair.fields).map(({ offset }) => offset)).toEqual([0, 2, 4, 2]);
    expect(pair.size).toBe(8);
  });

  it("keeps what a packet touches of a row in its first five cache lines", () => {
    const { fields, size } = layouts.ROW;
    expect(fields.endpointA.offset % 64).toBe(0);
    expect(fields.notesA.offset).toBe(5 * 64);
    // An odd number of cache lines: rows spread over all sets of a cache.
    expect((size / 64) % 2).toBe(1);
  });
});

describe("the memory map", () => {
  it("places the regions one after another, below 2 GB", () => {
    let end = 0;
    for (const region of MEMORY.values()) {
      expect(region.start, region.name).toBeGreaterThanOrEqual(end);
      end = region.end;
    }
    expect(MAP_END).toBeGreaterThanOrEqual(end);
    expect(MAP_END).toBeLessThan(2 ** 31);
  });
});
