import fc from "fast-check";
import { expect, it } from "vitest";
import { rowsAtRanks } from "../../../src/capture/live/ranking.ts";

it("gives the rows that a full sort would, whatever the values and the part that is asked for", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 300 }), fc.nat(320), fc.nat(60), (values, offset, count) => {
      const compare = (a: number, b: number): number => values[a]! - values[b]! || a - b;
      const rows = values.map((_, row) => row);
      const each = (visit: (row: number) => void): void => {
        for (const row of rows) visit(row);
      };
      const sorted = rows.toSorted(compare).slice(offset, offset + count);
      expect(rowsAtRanks(each, values.length, compare, offset, count)).toEqual(sorted);
    }),
  );
});

it("compares little more than once a row near the top of a long table", () => {
  const rows = 200_000;
  let compared = 0;
  const value = (row: number): number => (row * 7919) % 1_000_003;
  const each = (visit: (row: number) => void): void => {
    for (let row = 0; row < rows; row++) visit(row);
  };
  const compare = (a: number, b: number): number => {
    compared++;
    return value(b) - value(a);
  };
  expect(rowsAtRanks(each, rows, compare, 0, 30)).toHaveLength(30);
  expect(compared).toBeLessThan(rows * 1.2);
});
