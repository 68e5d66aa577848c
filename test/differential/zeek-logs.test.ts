/**
 * Zeek's own expected logs, row by row and field by field, against what `tapscope zeek` writes of the same traces. Times, uids and file
 * ids are not compared. Rows that differ are in the classes that docs/reference/protocol-logs.md explains; the count by kind is printed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { zeekOfFiles } from "../../src/jobs/zeek.ts";
import { describeUnless } from "../describe-unless.ts";
import { corpusLack, corpusPath, readJson } from "./corpus.ts";

type Row = Readonly<Record<string, string>>;

interface Expected {
  readonly test: string;
  readonly trace: string;
  readonly kind: string;
  readonly clean: boolean;
  readonly fields: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly Row[];
}

const NOT_COMPARED =
  /^(?:ts|uids?|fuids?|(?:orig|resp|parent|cert_chain|client_cert_chain)_fuids?|peer|tunnel_parents|local_orig|local_resp)$/;
const ENDS = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"];
/** Zeek's test suite hides what changes between runs. */
const HIDDEN = /X{5}/;

function read(path: string): Row[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  const fields = lines
    .find((line) => line.startsWith("#fields"))!
    .split("\t")
    .slice(1);
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => Object.fromEntries(line.split("\t").map((value, i) => [fields[i]!, value])));
}

function same(want: string, got: string, type: string): boolean {
  if (HIDDEN.test(want)) return true;
  const order = (text: string) => (type.startsWith("set") ? text.split(",").sort().join() : text);
  return order(want) === order(got);
}

interface Tally {
  rows: number;
  rowsSame: number;
  fields: number;
  fieldsSame: number;
}

/** Pairs each expected row with the one of ours, at the same ends, that has most in common with it. */
function compare(expected: Expected, ours: readonly Row[], tally: Tally, differences: string[]): void {
  const names = expected.fields.filter((field) => !NOT_COMPARED.test(field));
  const type = (field: string) => expected.types[expected.fields.indexOf(field)] ?? "string";
  const left = new Set(ours);
  for (const want of expected.rows) {
    const agrees = (row: Row, field: string) => same(want[field] ?? "-", row[field] ?? "-", type(field));
    let best: Row | undefined;
    let most = -1;
    for (const row of left) {
      if (ENDS.some((field) => field in want && !agrees(row, field))) continue;
      const score = names.filter((field) => agrees(row, field)).length;
      if (score > most) [best, most] = [row, score];
    }
    if (best) left.delete(best);
    const wrong = names.filter((field) => !best || !agrees(best, field));
    tally.rows++;
    tally.fields += names.length;
    tally.fieldsSame += names.length - wrong.length;
    if (wrong.length === 0) tally.rowsSame++;
    else {
      const shown = wrong.slice(0, 4).map((field) => `${field} ${want[field]} / ${best?.[field] ?? "no row"}`);
      differences.push(`${expected.kind} ${expected.trace}: ${shown.join("; ")}`);
    }
  }
}

/** The kinds that are to agree: first those of the first group. */
const KINDS = ["dns", "http", "files", "ssl", "x509", "quic", "ssh", "dhcp", "ntp", "ftp", "smtp", "tunnel"];
const MORE = ["ldap", "ldap_search", "mysql", "sip", "redis", "modbus", "socks", "syslog"];

describeUnless(corpusLack, "Zeek's logs", () => {
  it("agree row by row and field by field", { timeout: 600_000 }, async () => {
    const all = readJson<Expected[]>("zeek_logs.json").filter(
      ({ kind, clean }) => clean && [...KINDS, ...MORE].includes(kind),
    );
    const traces = new Set(all.map(({ trace }) => trace));
    const tallies = new Map<string, Tally>();
    const differences: string[] = [];
    const directory = mkdtempSync(join(tmpdir(), "tapscope-logs-"));
    try {
      for (const trace of traces) {
        const logs = join(directory, String(tallies.size), trace.replaceAll("/", "_"));
        await zeekOfFiles([corpusPath(trace)], { directory: logs, format: "tsv" }, () => {});
        for (const entry of all.filter((other) => other.trace === trace)) {
          const tally = tallies.get(entry.kind) ?? { rows: 0, rowsSame: 0, fields: 0, fieldsSame: 0 };
          tallies.set(entry.kind, tally);
          compare(entry, read(join(logs, `${entry.kind}.log`)), tally, differences);
        }
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
    const share = (part: number, whole: number) => ((part / whole) * 100).toFixed(1);
    const lines = [...tallies].map(
      ([kind, { rows, rowsSame, fields, fieldsSame }]) =>
        `${kind.padEnd(12)} rows ${rowsSame}/${rows} = ${share(rowsSame, rows)} %, fields ${share(fieldsSame, fields)} %`,
    );
    console.log([...lines.sort(), ...(process.env.TAPSCOPE_DIFFERENCES ? differences : [])].join("\n"));
    const first = [...tallies].filter(([kind]) => KINDS.includes(kind)).map(([, tally]) => tally);
    const sum = (field: keyof Tally) => first.reduce((total, tally) => total + tally[field], 0);
    console.log(
      `first group: rows ${share(sum("rowsSame"), sum("rows"))} %, fields ${share(sum("fieldsSame"), sum("fields"))} %`,
    );
    expect(sum("rowsSame") / sum("rows")).toBeGreaterThan(0.9);
  });
});
