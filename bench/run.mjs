#!/usr/bin/env node
// npm run bench [-- NAME…]: runs bench/NAME.mjs (all of them when none is named), each beside its peers, in one run.
// A bench exports `title` and `async run(report)`; report(row) takes {what, …figures} and is printed as a table at the end;
// report.skip(what, why) says what could not be measured here. Figures are reported, never asserted.
import { readdirSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dirname;
const known = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs") && file !== "run.mjs")
  .map((file) => file.slice(0, -4));
const wanted = process.argv.slice(2);
if (wanted.includes("--help") || wanted.includes("-h")) {
  console.log(
    `npm run bench [-- NAME…]: measures what is named, or all: ${known.join(", ")}. Each beside its peers, in one run.`,
  );
  process.exit(0);
}
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: no such bench: ${unknown.join(", ")}\nhint: ${known.join(", ")}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : known) {
  const bench = await import(join(folder, `${name}.mjs`));
  console.log(`\n# ${name}: ${bench.title}`);
  const rows = [];
  const skipped = [];
  const report = (row) => rows.push(row);
  report.skip = (what, why) => skipped.push(`not measured: ${what}: ${why}`);
  await bench.run(report);
  console.table(rows);
  for (const line of skipped) console.log(line);
}
