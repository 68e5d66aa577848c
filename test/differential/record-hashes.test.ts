/**
 * The records of every fixture and corpus file, in each format and with each option that changes what is counted, and the totals: byte for
 * byte what the meter in JavaScript gave before the engine took its place (record-hashes.json: "json csv zeek totals", a variant that is
 * not named gave what `plain` did). What differs on purpose is listed with its reason in record-differences.json.
 *
 * After a deliberate change: `RECORD_DIFFERENCES=<reason's key> npx vitest run test/differential/record-hashes.test.ts` adds what is new.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type MeterOptions, meterCapture, openMeter } from "../../src/capture/meter.ts";
import { TapscopeError } from "../../src/core/errors.ts";
import type { FlowMeter } from "../../src/engine/host/meter.ts";
import { RECORD_FORMATS, type RecordFormatName } from "../../src/engine/host/record-formats.ts";
import { FIELDS } from "../../src/engine/tables/fields.ts";
import { corpusLack, corpusPath } from "./corpus.ts";

type Variant = "plain" | "dedup" | "inner" | "vlan" | "checksums";

const VARIANTS: Readonly<Record<Variant, MeterOptions>> = {
  plain: {},
  dedup: { dedup: true },
  inner: { inner: true },
  vlan: { vlanKey: true },
  checksums: { verifyChecksums: true },
};
const FORMATS = ["json", "csv", "zeek"] as const satisfies readonly RecordFormatName[];
/** Fields that JSON and CSV have had only since: the last ones. They are left out here. */
const NEW_FIELDS = ["offload_csum", "orig_cut_bytes", "resp_cut_bytes"].filter((name) =>
  FIELDS.some((field) => field.name === name),
);
const OUTPUTS = [...FORMATS, "totals"] as const;

/** Of each file and variant the hashes of its outputs. */
type Hashes = Readonly<Record<string, Partial<Record<Variant, string>>>>;

interface Difference {
  readonly reason: string;
  /** By file, then `variant output`: the hash that is right now. */
  readonly files: Record<string, Record<string, string>>;
}

const here = (name: string) => join(import.meta.dirname, name);
const recorded = JSON.parse(readFileSync(here("record-hashes.json"), "utf8")) as Hashes;
const differences = JSON.parse(readFileSync(here("record-differences.json"), "utf8")) as Record<string, Difference>;

const shortHash = (hash: ReturnType<typeof createHash>) => hash.digest("hex").slice(0, 10);

/** A piece of records without the fields that are new; records are whole lines. */
function asBefore(format: RecordFormatName, text: string): string {
  if (NEW_FIELDS.length === 0) return text;
  if (format === "json") return text.replace(new RegExp(`,"(${NEW_FIELDS.join("|")})":[^,}]*`, "g"), "");
  return format === "csv" ? text.replace(new RegExp(`(,[^,\\n"]*){${NEW_FIELDS.length}}$`, "gm"), "") : text;
}

async function hashesOf(path: string, options: MeterOptions): Promise<string[]> {
  const hashes = FORMATS.map((format) => {
    // The time of writing is the one thing that changes.
    const header = RECORD_FORMATS[format].header().replace(/^#open\t.*\n/m, "");
    return createHash("sha256").update(asBefore(format, header));
  });
  let current = 0;
  const meter: FlowMeter = openMeter({
    ...options,
    estimateDuplicates: true,
    onRecords: (bytes) => hashes[current]!.update(asBefore(FORMATS[current]!, Buffer.from(bytes).toString())),
    onEnd: (row) => {
      for (current = 0; current < FORMATS.length; current++) {
        meter.startRecords(FORMATS[current]!);
        meter.writeRecord(row);
        meter.flushRecords();
      }
    },
  });
  try {
    await meterCapture(meter, path);
  } catch (error) {
    if (!(error instanceof TapscopeError)) throw error;
  }
  meter.finish();
  const totals = [
    meter.packets,
    meter.bytes,
    meter.connections,
    meter.notIpByName(),
    meter.malformed,
    meter.unsupported,
    meter.duplicates,
    meter.evicted,
    meter.fragments,
    meter.connectionsByProtocol(),
  ];
  return [...hashes, createHash("sha256").update(JSON.stringify(totals))].map(shortHash);
}

/** The reason for which an output has this hash now, undefined when there is none. */
function reasonFor(file: string, key: string, hash: string): string | undefined {
  return Object.keys(differences).find((name) => differences[name]!.files[file]?.[key] === hash);
}

async function compare(files: readonly string[], pathOf: (file: string) => string): Promise<void> {
  const adding = process.env.RECORD_DIFFERENCES;
  const unexplained: string[] = [];
  let same = 0;
  let explained = 0;
  for (const file of files) {
    const path = pathOf(file);
    if (!existsSync(path)) continue;
    for (const [variant, options] of Object.entries(VARIANTS) as [Variant, MeterOptions][]) {
      const before = (recorded[file]![variant] ?? recorded[file]!.plain)!.split(" ");
      for (const [i, hash] of (await hashesOf(path, options)).entries()) {
        const key = `${variant} ${OUTPUTS[i]}`;
        if (hash === before[i]) same++;
        else if (reasonFor(file, key, hash)) explained++;
        else if (adding) {
          const difference = differences[adding]!;
          difference.files[file] ??= {};
          difference.files[file][key] = hash;
        } else unexplained.push(`${file}: ${key}`);
      }
    }
  }
  if (adding) writeFileSync(here("record-differences.json"), `${JSON.stringify(differences, null, 1)}\n`);
  console.log(`${same} outputs as before, ${explained} changed on purpose`);
  expect(unexplained).toEqual([]);
  expect(same).toBeGreaterThan(files.length);
}

const isFixture = (file: string) => file.startsWith("fixtures/");

describe("records and totals", () => {
  it("of the fixtures are what they were", { timeout: 120_000 }, async () => {
    await compare(Object.keys(recorded).filter(isFixture), (file) => here(`../../${file}`));
  });

  it("of the corpus are what they were", { timeout: 900_000 }, async (ctx) => {
    if (corpusLack) ctx.skip(corpusLack);
    await compare(
      Object.keys(recorded).filter((file) => !isFixture(file)),
      corpusPath,
    );
  });

  it("have a reason for each difference, and no reason without one", () => {
    for (const [name, { reason, files }] of Object.entries(differences)) {
      expect(reason.length, name).toBeGreaterThan(20);
      expect(Object.keys(files).length, name).toBeGreaterThan(0);
    }
  });
});
