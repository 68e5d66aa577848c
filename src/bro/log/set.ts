/**
 * Logs as people have them: files, and folders with rotated, compressed and dated logs in them (`2026-11-23/conn.10:00:00-…log.gz`,
 * `current/conn.log`). A folder is one stream for each kind of log, in the order of time.
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { isLogName } from "../format/names.ts";
import { fileInput, type LogInput, pipeInput } from "./input.ts";
import { type PeekedLog, peekLog } from "./peek.ts";

const MAX_DEPTH = 16;
const MAX_FILES = 1_000_000;

/** Something of a folder that cannot be read, and why. */
export type Complaint = (sentence: string) => void;

/** The logs that paths stand for: a file is taken as it is, of a folder what is named like a log, at any depth. @throws TapscopeError `E_LOG_OPEN` */
export async function findLogs(paths: readonly string[], complain: Complaint): Promise<LogInput[]> {
  const found: LogInput[] = [];
  for (const path of paths) {
    if (path === "-") found.push(fileInput("-", null));
    else {
      const facts = await stat(path).catch((error: NodeJS.ErrnoException) => {
        throw new TapscopeError("E_LOG_OPEN", `cannot open ${path}: ${reason(error)}`, { cause: error });
      });
      if (facts.isDirectory()) await walk(path, 0, new Set(), found, complain);
      else found.push(facts.isFile() ? fileInput(path, facts.size) : pipeInput(path));
    }
  }
  return found;
}

function reason(error: NodeJS.ErrnoException): string {
  return error.code === "ENOENT" ? "no such file" : error.code === "EACCES" ? "permission denied" : messageOf(error);
}

/** Whether a path is a folder, or a file that is a Zeek log by its content. */
export async function isLog(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  if (facts?.isDirectory()) return true;
  if (!facts?.isFile()) return false;
  const { format } = await peekLog(fileInput(path, facts.size));
  return format === "tsv" || format === "json";
}

async function walk(
  folder: string,
  depth: number,
  seen: Set<string>,
  found: LogInput[],
  complain: Complaint,
): Promise<void> {
  try {
    // `current` is a link to a folder where zeekctl runs.
    const real = await realpath(folder);
    if (seen.has(real)) return;
    seen.add(real);
    const names = (await readdir(folder)).sort();
    for (const name of names) {
      const path = join(folder, name);
      const facts = await stat(path).catch(() => null);
      if (facts?.isDirectory()) {
        if (depth < MAX_DEPTH) await walk(path, depth + 1, seen, found, complain);
        else complain(`${path} was left out: folders nest too deeply`);
      } else if (facts?.isFile() && isLogName(name)) {
        if (found.length >= MAX_FILES) return complain(`${path} was left out: too many files`);
        found.push(fileInput(path, facts.size));
      }
    }
  } catch (error) {
    complain(`cannot read ${folder}: ${messageOf(error)}`);
  }
}

/** Logs of one kind, in the order of time. */
export interface LogKind {
  readonly kind: string;
  readonly logs: readonly PeekedLog[];
}

/**
 * Logs by their kind, each in the order of time: by `#open` where all have it, else by their first rows, else by name.
 * What is not a Zeek log is left out.
 * @param complain is told of what cannot be read; the others go on
 */
export async function groupLogs(
  inputs: readonly LogInput[],
  complain: Complaint,
  signal?: AbortSignal,
): Promise<LogKind[]> {
  const kinds = new Map<string, PeekedLog[]>();
  for (const input of inputs) {
    if (signal?.aborted) break;
    try {
      const peeked = await peekLog(input, signal);
      if (peeked.format === "other") continue;
      const logs = kinds.get(peeked.kind);
      if (logs) logs.push(peeked);
      else kinds.set(peeked.kind, [peeked]);
    } catch (error) {
      if (!(error instanceof TapscopeError) || inputs.length === 1) throw error;
      complain(error.message);
    }
  }
  return [...kinds].map(([kind, logs]) => ({ kind, logs: inOrder(logs) })).sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

export function inOrder(logs: readonly PeekedLog[]): PeekedLog[] {
  const key = (["openUs", "firstUs"] as const).find((name) => logs.every((log) => !Number.isNaN(log[name])));
  return [...logs].sort(
    (a, b) =>
      (key === undefined ? 0 : a[key] - b[key]) ||
      (a.input.name < b.input.name ? -1 : a.input.name > b.input.name ? 1 : 0),
  );
}
