/**
 * Who changed the database: ovsdb-server appends each transaction to its file, and ovs-vsctl and others leave a comment in theirs
 * (ovsdb(5), "Database Formats"; the comment is ovs-vsctl's command line). Only where the file can be read from here.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { pathFromHere, runDirOf, type SwitchTarget } from "../target.ts";

export interface Comment {
  /** Milliseconds of the epoch. */
  readonly timeMs: number;
  readonly text: string;
}

/** Where distributions keep the database, besides the folder of its socket. */
const FOLDERS = ["/etc/openvswitch", "/var/lib/openvswitch"];
const TAIL_BYTES = 256 * 1024;

/** The comments of transactions after a time, oldest first; empty where they cannot be read. */
export function commentsSince(target: SwitchTarget, sinceMs: number): Comment[] {
  const own = runDirOf(target);
  if (own === undefined) return [];
  for (const folder of [own, ...FOLDERS]) {
    const text = readTail(pathFromHere(target.place, join(folder, "conf.db")));
    if (text !== undefined) return parseComments(text).filter(({ timeMs }) => timeMs > sinceMs);
  }
  return [];
}

/** Each record is a line `OVSDB JSON <length> <hash>` and one of JSON. */
export function parseComments(text: string): Comment[] {
  return text.split("\n").flatMap((line): Comment[] => {
    if (!line.startsWith("{") || !line.includes('"_comment"')) return [];
    try {
      const { _date: timeMs, _comment: comment } = JSON.parse(line) as { _date?: unknown; _comment?: unknown };
      return typeof timeMs === "number" && typeof comment === "string" ? [{ timeMs, text: comment }] : [];
    } catch {
      // The first line of the piece that was read is seldom whole.
      return [];
    }
  });
}

function readTail(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const length = Math.min(size, TAIL_BYTES);
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, size - length);
    return bytes.toString("utf8");
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
