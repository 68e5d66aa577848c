/** The record of an extraction: one JSON object a line for every file, folder, link and device, taken or not. */
import { closeSync, writeSync } from "node:fs";
import type { LogSummary } from "../log-scan.ts";
import { pathKeys, pathText } from "../names.ts";
import type { FileNode } from "../tree.ts";

export interface Skipped {
  readonly path: string;
  readonly why: string;
}

/** What the manifest says of a thing beside what the filesystem says. */
export interface ManifestFacts {
  readonly sha256?: string | null;
  /** Its path below the destination, where that is not its own. */
  readonly storedAs?: Buffer;
  readonly hardlinkOf?: Buffer;
  readonly target?: Buffer;
  /** A safe link that was made. */
  readonly made?: boolean;
  /** Why it is not (or not wholly) there. */
  readonly why?: string;
  /** Byte ranges [offset, length] that could not be read; they are holes in what is stored. */
  readonly missing?: readonly (readonly [number, number])[];
  readonly warnings?: readonly string[];
  readonly log?: LogSummary;
}

/** Skipped things are listed up to here, */
const LISTED = 10_000;
/** and written to the manifest up to here: only a hostile disk has more. */
const WRITTEN = 100_000;
const FLUSH_BYTES = 64 * 1024;

/** Writes lines as they come; keeps only the list of what was skipped, up to a limit. */
export class Manifest {
  readonly skipped: Skipped[] = [];
  /** How many were skipped, listed or not. */
  skippedCount = 0;
  /** Something is missing because the disk is damaged or hostile, not because links and devices are left out. */
  damaged = false;
  readonly #fd: number;
  #pending = "";
  #open = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  add(path: Buffer, node: FileNode | null, facts: ManifestFacts): void {
    const line = {
      ...pathKeys(path),
      type: node?.type ?? null,
      ...(node && {
        size: node.size,
        mtime_ns: node.mtimeNs.toString(),
        ctime_ns: node.ctimeNs.toString(),
        mode: node.mode.toString(8).padStart(4, "0"),
        uid: node.uid,
        gid: node.gid,
        links: node.links,
      }),
      ...(facts.sha256 !== undefined && { sha256: facts.sha256 }),
      ...(facts.storedAs && pathKeys(facts.storedAs, "stored_as")),
      ...(facts.hardlinkOf && pathKeys(facts.hardlinkOf, "hardlink_of")),
      ...(facts.target && pathKeys(facts.target, "target")),
      ...(facts.made && { made: true }),
      ...(facts.why !== undefined && { why: facts.why }),
      ...(facts.missing && facts.missing.length > 0 && { missing: facts.missing }),
      ...(facts.warnings && facts.warnings.length > 0 && { warnings: facts.warnings }),
      ...(facts.log && { log: logKeys(facts.log) }),
    };
    this.#pending += `${JSON.stringify(line)}\n`;
    if (this.#pending.length > FLUSH_BYTES) this.#flush();
  }

  /** Records a thing that is not extracted, or not wholly. `harmless`: by design (a link, a device), not by damage. */
  skip(path: Buffer, node: FileNode | null, why: string, facts: ManifestFacts & { harmless?: boolean } = {}): void {
    this.skippedCount++;
    if (!facts.harmless) this.damaged = true;
    if (this.skipped.length < LISTED) this.skipped.push({ path: pathText(path), why });
    if (this.skippedCount <= WRITTEN) this.add(path, node, { ...facts, why });
  }

  close(): void {
    const unlisted = this.skippedCount - WRITTEN;
    if (unlisted > 0) this.add(Buffer.from(""), null, { why: `${unlisted} more were skipped and are not listed` });
    this.#flush();
    this.abandon();
  }

  /** Closes it as it is: the run has failed. */
  abandon(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending);
    this.#pending = "";
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
  }
}

/** A log's summary with the keys of `bro extract --json`. Times are seconds since the epoch. */
export function logKeys(log: LogSummary): Record<string, unknown> {
  const seconds = (us: number | null) => (us === null ? null : us / 1e6);
  return { kind: log.kind, rows: log.rows, first: seconds(log.firstUs), last: seconds(log.lastUs), damage: log.damage };
}
