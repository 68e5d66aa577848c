/** Rows of text in columns as wide as their widest cell, for people to read. */
import { sanitize } from "../core/text.ts";

/** Lines of a table; cells are made safe for the terminal. Numbers are aligned to the right. */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string[] {
  const cells = rows.map((row) => row.map((cell) => (cell === null ? "-" : sanitize(String(cell)))));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]!.length)),
  );
  const right = headings.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  return [line(headings), ...cells.map(line)];
}

/** A time in a table, UTC, to the second; null where it is unknown or none. */
export function utc(us: number | null): string | null {
  if (us === null) return null;
  const date = new Date(us / 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace("T", " ").slice(0, 19);
}
