/** Crash cases, fuzz cases and made-up edge cases: no exception, no hang, bounded memory, no impossible number. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readConnections } from "../../src/capture/read-connections.ts";
import { describeUnless } from "../describe-unless.ts";
import { corpusLack, corpusPath } from "./corpus.ts";

const main = join(import.meta.dirname, "../../dist/cli/main.js");

function hostileFiles(): string[] {
  const listed = readFileSync(corpusPath("hostile.tsv"), "utf8").split("\n").filter(Boolean);
  const paths = listed.map((line) => corpusPath(line.split("\t")[0]!));
  return [...paths, ...readdirSync(corpusPath("crafted")).map((name) => corpusPath(`crafted/${name}`))].filter(
    existsSync,
  );
}

describeUnless(corpusLack, "hostile captures", () => {
  it("give records with possible numbers, and never an exception", { timeout: 240_000 }, async () => {
    const files = hostileFiles();
    const wrong: string[] = [];
    const slowest = { file: "", ms: 0 };
    for (const file of files) {
      const began = performance.now();
      for await (const batch of readConnections(file)) {
        for (const record of batch) {
          for (const [name, value] of Object.entries(record)) {
            if (typeof value === "number" && !(value >= 0)) wrong.push(`${file} ${record.uid} ${name} ${value}`);
          }
        }
      }
      const ms = Math.round(performance.now() - began);
      if (ms > slowest.ms) Object.assign(slowest, { file, ms });
    }
    console.log(`${files.length} hostile files, the slowest in ${slowest.ms} ms: ${slowest.file.split("/").pop()}`);
    expect(files.length).toBeGreaterThan(200);
    expect(wrong).toEqual([]);
  });

  // What one process needs for all of them, it does not exceed for any.
  it("are read by the program within 200 MB, all of them in one run", { timeout: 120_000 }, (ctx) => {
    if (!existsSync(main)) ctx.skip("dist is not built");
    // The resident set's high-water mark, told by the process itself.
    const script = `
      process.on("exit", () => process.stderr.write(String(process.resourceUsage().maxRSS)));
      process.argv.splice(1, 1, ${JSON.stringify(main)});
      await import(${JSON.stringify(main)});`;
    const files = hostileFiles();
    const args = ["--input-type=module", "-e", script, "x", "flows", "--summary", "--json", ...files];
    let stderr = "";
    try {
      execFileSync(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 100_000 });
    } catch (error) {
      // Damaged files: exit code 1.
      expect((error as { status: number }).status).toBe(1);
      stderr = (error as { stderr: Buffer }).stderr.toString();
    }
    const kilobytes = Number(/(\d+)$/.exec(stderr)?.[1]);
    expect(kilobytes).toBeGreaterThan(10_000);
    expect(kilobytes).toBeLessThan(200_000);
  });
});
