/** The captures and oracles nobody here wrote, read in place; absent on most machines. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../../shared/corpus");

/** Why there is nothing to compare with, or null. */
export const corpusLack = existsSync(join(root, "conv.tsv")) ? null : "../shared/corpus is not there";

export function corpusPath(path: string): string {
  return join(root, path);
}

/** The rows of a table with a header line. */
export function readTable(path: string): Record<string, string>[] {
  const lines = readFileSync(corpusPath(path), "utf8").split("\n").filter(Boolean);
  const names = lines[0]!.split("\t");
  return lines.slice(1).map((line) => {
    const cells = line.split("\t");
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]));
  });
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(corpusPath(path), "utf8")) as T;
}

/** How many differ in which way, most first: printed with the test's result. */
export function formatClasses(classes: ReadonlyMap<string, number>): string {
  return [...classes]
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
