/** Zeek's own conn.logs held against their traces: every difference is explained by evidence. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type Comparison, compareLogs } from "../../../src/bro/compare/compare.ts";
import { findLogs, groupLogs } from "../../../src/bro/log/set.ts";
import { describeUnless } from "../../describe-unless.ts";
import { corpusLack, corpusPath, formatClasses, readJson } from "../../differential/corpus.ts";

interface Baseline {
  readonly test: string;
  readonly trace: string;
  readonly kind: string;
  readonly clean: boolean;
  readonly fields: readonly string[];
  readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[];
}

const folder = mkdtempSync(join(tmpdir(), "tapscope-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));

const TYPES: Readonly<Record<string, string>> = { ts: "time", duration: "interval" };

async function compare({ trace, fields, rows }: Baseline): Promise<Comparison> {
  const cell = (value: string | number | boolean | null | undefined) =>
    value === null || value === undefined ? "-" : value === true ? "T" : value === false ? "F" : String(value);
  const log = [
    "#separator \\x09",
    "#path\tconn",
    `#fields\t${fields.join("\t")}`,
    `#types\t${fields.map((name) => TYPES[name] ?? "string").join("\t")}`,
    ...rows.map((row) => fields.map((name) => cell(row[name])).join("\t")),
    "#close\tx\n",
  ].join("\n");
  const path = join(folder, "conn.log");
  writeFileSync(path, log);
  const fail = (sentence: string) => expect.unreachable(sentence);
  return compareLogs([corpusPath(`captures/${trace}`)], await groupLogs(await findLogs([path], fail), fail));
}

describeUnless(corpusLack, "the conn.logs of Zeek's tests and their traces", () => {
  it("differ only in what is explained", { timeout: 120_000 }, async () => {
    const classes = new Map<string, number>();
    const wrong: string[] = [];
    for (const baseline of readJson<Baseline[]>("zeek_conn.json")) {
      if (!baseline.clean || baseline.kind === "no_ids") continue;
      if (!existsSync(corpusPath(`captures/${baseline.trace}`))) continue;
      const { connections, differences } = await compare(baseline);
      for (const [name, count] of Object.entries(connections)) classes.set(name, (classes.get(name) ?? 0) + count);
      for (const { class: name, explained, cause, key, capture, log } of differences) {
        if (!explained)
          wrong.push(
            `${baseline.trace} ${name} ${key}: ${cause} ${JSON.stringify(capture.map((c) => [c.ends, c.history]))} ${JSON.stringify(log.map((c) => [c.ends, c.history]))}`,
          );
      }
    }
    console.log(`zeek_conn.json: ${formatClasses(classes)}`);
    expect(wrong).toEqual([]);
  });
});
