/** Every file of Zeek's own test outputs: logs are read without loss, what is none is answered so. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { jsonType } from "../../../src/bro/log/types.ts";
import { describeUnless } from "../../describe-unless.ts";
import { corpusLack, corpusPath } from "../../differential/corpus.ts";
import { cut, memoryInput, recordsIn } from "./support.ts";

interface Case {
  readonly file: string;
  readonly bytes: Buffer;
  /** Without the lines that Zeek's tests put first. */
  readonly log: Buffer;
}

function cases(): Case[] {
  const folder = corpusPath("zeek-logs");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => statSync(join(folder, file)).isFile())
    .map((file) => {
      const bytes = readFileSync(join(folder, file));
      let start = 0;
      while (bytes.toString("latin1", start, start + 4) === "### ") start = bytes.indexOf(0x0a, start) + 1;
      return { file, bytes, log: bytes.subarray(start) };
    });
}

const hasHeader = ({ log }: Case) => /^#fields./m.test(log.toString("latin1"));
const hasObjects = ({ log }: Case) => log[0] === 0x7b;
const MASKED = /^X+\.X+$/;

describeUnless(corpusLack, "the outputs of Zeek's tests", () => {
  const all = cases();
  const logs = all.filter(hasHeader);
  const objects = all.filter(hasObjects);

  it("are logs where they have a header or JSON rows, and nothing else is one", async () => {
    expect(logs.length).toBeGreaterThan(400);
    expect(objects.length).toBeGreaterThan(5);
    for (const one of all) {
      const { summary } = await recordsIn(memoryInput(one.bytes, basename(one.file)));
      expect([one.file, summary.format]).toEqual([
        one.file,
        hasHeader(one) ? "tsv" : hasObjects(one) ? "json" : "other",
      ]);
    }
  });

  it("give the same bytes when they are written back, whatever chunks they come in", async () => {
    for (const { file, bytes, log } of logs) {
      for (const chunk of [1 << 20, 997]) {
        const { output } = await cut(memoryInput(bytes, file, chunk), { header: "all" });
        expect([file, output.toString("latin1")]).toEqual([file, log.toString("latin1")]);
      }
    }
    for (const { file, bytes, log } of objects) {
      const { output, summary } = await cut(memoryInput(bytes, file, 61), { format: "json" });
      expect([file, output.toString("latin1"), summary.damage]).toEqual([file, log.toString("latin1"), []]);
    }
  });

  it("have all their rows in the records, with a masked time as null and unset fields absent", async () => {
    let masked = 0;
    for (const { file, bytes, log } of logs) {
      const { records, summary } = await recordsIn(memoryInput(bytes, file));
      const lines = log.toString("latin1").split("\n").slice(0, -1);
      const rows = lines.filter((line) => !line.startsWith("#"));
      expect([file, summary.rows, records.length]).toEqual([file, rows.length, rows.length]);
      const headers = lines.filter((line) => line.startsWith("#fields"));
      if (headers.length > 1 || !headers[0]!.includes("\t")) continue;
      const fields = headers[0]!.split("\t").slice(1);
      rows.forEach((row, number) => {
        row.split("\t").forEach((text, i) => {
          const value = records[number]![fields[i]!];
          expect([file, number, fields[i], value === undefined]).toEqual([file, number, fields[i], text === "-"]);
          if (!MASKED.test(text)) expect([file, text, value === null]).toEqual([file, text, false]);
          else {
            masked++;
            expect(value).toBeNull();
          }
        });
      });
    }
    expect(masked).toBeGreaterThan(1000);
  });

  it("give the same records as JSON as they give as TSV", async () => {
    let compared = 0;
    for (const { file, bytes, log } of logs) {
      const types = typesOf(log);
      // A test's own field of type time is a number to whoever knows only JSON.
      if (
        types.some(
          ([name, type]) =>
            /time|interval/.test(type) &&
            !/time|interval/.test(jsonType(name, type.startsWith("vector") ? 0x5b : 0x30)),
        )
      )
        continue;
      if (types.some(([, type]) => type === "double" || type === "string|string")) continue;
      const { output } = await cut(memoryInput(bytes, file), { format: "json" });
      const fromTsv = await recordsIn(memoryInput(bytes, file));
      const fromJson = await recordsIn(memoryInput(output, file));
      expect([file, fromJson.records]).toEqual([file, fromTsv.records]);
      compared += fromTsv.records.length;
    }
    expect(compared).toBeGreaterThan(1000);
  });

  it("have no time or interval in Zeek's own logs that JSON's table of types lacks", () => {
    const own = new Set(["ssh", "test", "other", "ssh-new-default", "ssh.failure", "ssh-uncompressed", "radius"]);
    for (const { file, log } of logs) {
      const path = /^#path\t(.*)$/m.exec(log.toString("latin1"))?.[1] ?? "";
      if (own.has(path)) continue;
      for (const [name, type] of typesOf(log)) {
        if (type === "time" || type === "interval")
          expect([file, name, jsonType(name, 0x30)]).toEqual([file, name, type]);
      }
    }
  });
});

function typesOf(log: Buffer): [string, string][] {
  const text = log.toString("latin1");
  const fields = /^#fields\t(.*)$/m.exec(text)?.[1]?.split("\t") ?? [];
  const types = /^#types\t(.*)$/m.exec(text)?.[1]?.split("\t") ?? [];
  return fields.map((name, i) => [name, types[i] ?? "string"]);
}
