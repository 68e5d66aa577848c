/** A log read in pieces gives what it gives when read whole, also where its header changes on the way. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { LogSchema } from "../../../src/bro/format/header.ts";
import { cutLogs } from "../../../src/bro/log/cut/cut.ts";
import { fileInput } from "../../../src/bro/log/input.ts";
import { type PieceReader, readPieces } from "../../../src/bro/log/pieces/pool.ts";
import { type Piece, type PieceResult, runPiece } from "../../../src/bro/log/pieces/task.ts";
import { addCounts, type ReadCounts, summarize } from "../../../src/bro/log/reader.ts";
import { PLAIN } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tapscope-pieces-"));
afterAll(() => rmSync(folder, { recursive: true }));

const head = (fields: string) => `#separator \\x09\n#path\tconn\n#fields\t${fields}\n#types\tcount\tstring\n`;
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${from + i}\t${"x".repeat(40)}\n`).join("");

/** Answers late, so that pieces wait for each other. */
class Here implements PieceReader {
  read(piece: Piece): Promise<PieceResult> {
    return new Promise((resolve) => setImmediate(resolve)).then(() => runPiece(piece));
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

it("with several threads as with one", async () => {
  const path = join(folder, "conn.log");
  // About 20 MB: three pieces; the header changes within the second, and a row before that is bad.
  const second = `b\ta`;
  writeFileSync(
    path,
    `${head("a\tb")}${rows(0, 250_000)}bad\n${head(second).replace("count\tstring", "string\tcount")}${rows(250_000, 430_000)}#close\tx\n`,
  );
  const { size } = statSync(path);
  const options = { ...PLAIN, columns: ["b"], header: "all" as const };
  const whole: Buffer[] = [];
  let damage: readonly string[] = [];
  await cutLogs([fileInput(path, size)], {
    options,
    known: null,
    threads: 1,
    write: (bytes) => whole.push(Buffer.from(bytes)) > 0,
    done: (summary) => {
      damage = summary.damage;
    },
  });
  const schema: LogSchema = {
    format: "tsv",
    separator: Buffer.from("\t"),
    setSeparator: ",",
    emptyField: "(empty)",
    unsetField: "-",
    path: "conn",
    open: null,
    fields: ["a", "b"],
    types: ["count", "string"],
    crlf: false,
  };
  const pieces: Buffer[] = [];
  let counts: ReadCounts | null = null;
  await readPieces(
    { path, size, schema },
    { kind: "cut", options, known: null, headed: false },
    [new Here(), new Here()],
    (result) => {
      pieces.push(...result.output.map((bytes) => Buffer.from(bytes)));
      counts = counts === null ? result.counts : addCounts(counts, result.counts);
    },
  );
  expect(Buffer.concat(pieces).equals(Buffer.concat(whole))).toBe(true);
  expect(summarize(fileInput(path, size), counts!, null).damage).toEqual(damage);
  expect(damage).toEqual(["1 line has another number of fields than the header says (the first: line 250005)"]);
});
