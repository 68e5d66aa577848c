/** What the user has chosen, kept for the next time: `tapscope/tui.json` in the XDG configuration folder. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { type ColumnId, columnsOf } from "./columns.ts";
import type { Preferences } from "./model.ts";

/** XDG Base Directory Specification: a path that is not absolute is ignored. */
export function preferencesPath(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.XDG_CONFIG_HOME;
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), ".config");
  return join(base, "tapscope", "tui.json");
}

/** What is kept there; undefined where there is nothing, or nothing that makes sense. */
export function readPreferences(path: string): Preferences | undefined {
  try {
    const { columns } = JSON.parse(readFileSync(path, "utf8")) as { columns?: unknown };
    if (!Array.isArray(columns)) return undefined;
    const known = columnsOf(columns.map(String)).map(({ id }) => id);
    return known.length === 0 ? undefined : { columns: known };
  } catch {
    return undefined;
  }
}

/** Keeps it; where that cannot be done, it is only not remembered. */
export function writePreferences(path: string, columns: readonly ColumnId[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${JSON.stringify({ columns })}\n`);
  } catch {
    // A folder that is read-only: the next start has the usual columns.
  }
}
