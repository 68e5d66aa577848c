/** What killed machines and hostile ones leave in place of logs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { fileInput } from "../../../src/bro/log/input.ts";
import { LINE_LIMIT } from "../../../src/bro/log/lines.ts";
import { cut, memoryInput, recordsIn } from "./support.ts";

const HEADER =
  "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2026-11-23-10-00-00\n#fields\tts\tuid\tn\n#types\ttime\tstring\tcount\n";
const ROWS = Array.from({ length: 500 }, (_, i) => `1700000000.${String(i).padStart(6, "0")}\tC${i}\t${i}\n`);
const LOG = `${HEADER}${ROWS.join("")}#close\t2026-11-23-11-00-00\n`;
const KILLED = "no #close: its writer was killed or still running";

const folder = mkdtempSync(join(tmpdir(), "tapscope-logs-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function damageOf(content: string | Buffer): Promise<{ rows: number; damage: readonly string[] }> {
  const { records, summary } = await recordsIn(memoryInput(content));
  expect(records).toHaveLength(summary.rows);
  return { rows: summary.rows, damage: summary.damage };
}

describe("a damaged log", () => {
  it("is whole when it is", async () => {
    expect(await damageOf(LOG)).toEqual({ rows: 500, damage: [] });
  });

  it("without #close says so", async () => {
    expect(await damageOf(`${HEADER}${ROWS.join("")}`)).toEqual({ rows: 500, damage: [KILLED] });
  });

  it("of no bytes, or of NULs alone", async () => {
    expect((await damageOf("")).damage[0]).toMatch(/^size 0: .*delayed allocation/);
    expect((await damageOf(Buffer.alloc(5000))).damage[0]).toMatch(/^5000 NUL bytes at the end/);
  });

  it("cut in a row loses that row alone", async () => {
    const cutLog = LOG.slice(0, LOG.indexOf("\tC400\t"));
    expect(await damageOf(cutLog)).toEqual({ rows: 400, damage: ["the last line is incomplete", KILLED] });
  });

  it("with NULs at its end has all the rows before them", async () => {
    const log = Buffer.concat([Buffer.from(`${HEADER}${ROWS.slice(0, 10).join("")}17000`), Buffer.alloc(3535)]);
    expect(await damageOf(log)).toEqual({
      rows: 10,
      damage: [
        "3535 NUL bytes at the end: the last blocks were not written yet",
        "the last line is incomplete",
        KILLED,
      ],
    });
  });

  it("with NULs inside keeps them as \\x00", async () => {
    const { records, summary } = await recordsIn(memoryInput(LOG.replace("\tC7\t", "\tC\0\0\t")));
    expect(records[7]!.uid).toBe("C\0\0");
    expect(summary.damage).toEqual(["2 NUL bytes inside"]);
  });

  it("with lines of another length names the first", async () => {
    const { rows, damage } = await damageOf(LOG.replace("\tC7\t", "\t").replace("\tC9\t", "\tC9\t\t"));
    expect(rows).toBe(498);
    expect(damage).toEqual(["2 lines have another number of fields than the header says (the first: line 16)"]);
  });

  it("with a line that does not end stays within bounds", async () => {
    const log = Buffer.concat([
      Buffer.from(HEADER),
      Buffer.alloc(2 * LINE_LIMIT, 0x61),
      Buffer.from(`\n${ROWS[0]}#close\tx\n`),
    ]);
    expect(await damageOf(log)).toEqual({
      rows: 1,
      damage: [`lines left out for being longer than ${LINE_LIMIT} bytes: 1`],
    });
  });

  it("of several headers is read by name", async () => {
    const other = `#fields\tn\tuid\n#types\tcount\tstring\n7\tC7\n#close\tx\n`;
    const { records } = await recordsIn(memoryInput(LOG + other));
    expect(records.at(-1)).toEqual({ n: 7, uid: "C7" });
  });

  it("of JSON with a cut row, and one that is none", async () => {
    const { rows, damage } = await damageOf('{"ts":1.5}\nnonsense\n{"ts":2.5}\n{"ts":3');
    expect(rows).toBe(2);
    expect(damage).toEqual(["the last line is incomplete", "1 line has no JSON object (the first: line 2)"]);
  });
});

describe("files cut and flipped by truncate, dd and zstd", () => {
  it("give the rows up to where a gzip is cut", async () => {
    const path = join(folder, "conn.log.gz");
    const bytes = gzipSync(Buffer.from(LOG));
    writeFileSync(path, bytes);
    truncateSync(path, Math.floor(bytes.length / 2));
    const { records, summary } = await recordsIn(fileInput(path, null));
    expect(records.length).toBeGreaterThan(50);
    expect(records.length).toBeLessThan(500);
    expect(summary.damage[0]).toMatch(/gzip data is cut short/);
    expect(summary.kind).toBe("conn");
  });

  it("read zstd, whole and cut", async () => {
    const path = join(folder, "conn.log");
    writeFileSync(path, LOG);
    if (spawnSync("zstd", ["-q", "-f", path]).error) return;
    expect((await recordsIn(fileInput(`${path}.zst`, null))).summary.damage).toEqual([]);
    truncateSync(`${path}.zst`, 300);
    expect((await recordsIn(fileInput(`${path}.zst`, null))).summary.damage[0]).toMatch(/zstd/);
  });

  it("lose a block that dd has zeroed, and not the rows around it", async () => {
    const path = join(folder, "zeroed.log");
    writeFileSync(path, LOG);
    spawnSync("dd", ["if=/dev/zero", `of=${path}`, "bs=4096", "seek=1", "count=1", "conv=notrunc"]);
    const { records, summary } = await recordsIn(fileInput(path, null));
    expect(summary.damage.join()).toMatch(/4096 NUL bytes inside/);
    expect(records.at(-1)!.n).toBe(499);
    expect(records[0]!.n).toBe(0);
  });
});

describe("hostile bytes", () => {
  const base = Buffer.from(
    `${LOG.slice(0, 1500)}\n#separator |\n#fields|a|b\n#types|set[string]|time\nx,y|1.5\n{"ts":1.5,"id":{"orig_h":"::1"},"v":[1,"a",null]}\n`,
  );

  it("never make the reader throw or invent rows, in whatever chunks they come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 300 }),
        fc.nat(base.length),
        async (flips, chunk, length) => {
          const bytes = Buffer.from(base.subarray(0, length));
          for (const [at, value] of flips) if (at < length) bytes[at] = value;
          const whole = await recordsIn(memoryInput(bytes));
          const pieces = await recordsIn(memoryInput(bytes, "conn.log", chunk));
          expect(pieces).toEqual(whole);
          expect(whole.records.length).toBe(whole.summary.rows);
          for (const format of ["tsv", "json", "csv"] as const) {
            const { output } = await cut(memoryInput(bytes, "conn.log", chunk), { format, header: "all" });
            if (format !== "json") continue;
            const lines = output.toString().split("\n").slice(0, -1);
            expect(lines.length).toBeLessThanOrEqual(bytes.filter((byte) => byte === 0x0a).length + 1);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("of JSON objects are read as JSON.parse reads them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 })), async (object) => {
        const text = JSON.stringify(object);
        const { records } = await recordsIn(memoryInput(Buffer.from(`${text}\n`), "x.log", 5));
        expect(records).toHaveLength(1);
        for (const [key, value] of Object.entries(object)) {
          if (typeof value !== "string" || ["ts", "from", "till"].includes(key)) continue;
          // A key with dots in it and an object with the same names are one field.
          if (!key.includes(".")) expect(records[0]![key]).toBe(value);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("of TSV values are got back from their escapes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (value) => {
        const escaped = [...Buffer.from(value)]
          .map((byte) =>
            byte < 0x21 || byte > 0x7e || byte === 0x5c
              ? `\\x${byte.toString(16).padStart(2, "0")}`
              : String.fromCharCode(byte),
          )
          .join("");
        const text =
          escaped === "-" ? "\\x2d" : escaped === "" ? "(empty)" : escaped.replace(/^\(empty\)$/, "\\x28empty)");
        const { records } = await recordsIn(memoryInput(`${HEADER}1.5\t${text}\t1\n`));
        expect(records[0]!.uid).toBe(Buffer.from(value).toString());
      }),
    );
  });
});

it("reads this file as no log", async () => {
  const { summary } = await recordsIn(memoryInput(readFileSync(import.meta.filename), "damage.log"));
  expect(summary.format).toBe("other");
});
