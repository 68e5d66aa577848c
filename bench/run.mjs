#!/usr/bin/env node
// Runs the parts: bench/NAME.mjs exports `title` and `run(report, context)`. report(row) takes {what, …figures} for the part's table, report.skip(what, why)
// says what could not be measured here, report.note(line) adds a sentence. context: {builds, rounds, cache, keep}. Figures are reported, never asserted.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeBuilds } from "./tools/builds.mjs";
import { ending, setting, tableOf } from "./tools/report.mjs";

const folder = import.meta.dirname;
const cache = join(folder, "../.cache/bench");
const known = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs") && file !== "run.mjs")
  .map((file) => file.slice(0, -4));

const HELP = `usage: npm run bench [-- [part…] [--against <git ref>] [--rounds <n>]]

Measures tapscope beside the programs people use today, in one run. Without parts: all of them.

${known.map((part) => `  ${part}`).join("\n")}

  --against <ref>   build that commit in a temporary worktree and measure it in the same run
  --rounds <n>      how often each program is run, in turns (default: 5)
  --help            this text

The captures are made from fixtures/ into .cache/bench (up to 7 GB while it runs, 1.5 GB afterwards); $TAPSCOPE_BENCH_PCAP names another
capture for the part "flows". The report is left in the folder .cache/bench, plots next to it.
Programs that are missing are named with their package; parts that need root say so.`;

function fail(message) {
  console.error(`bench: ${message}\nhint: npm run bench -- --help`);
  process.exit(2);
}

let options;
try {
  options = parseArgs({
    allowPositionals: true,
    options: {
      against: { type: "string" },
      rounds: { type: "string", default: "5" },
      help: { type: "boolean", short: "h" },
    },
  });
} catch (error) {
  fail(error.message);
}
const { values, positionals } = options;
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) fail(`there is no part ${unknown.join(", ")}; there are ${known.join(", ")}`);
if (!/^[1-9]\d?$/.test(values.rounds)) fail(`--rounds must be a number from 1 to 99, not '${values.rounds}'`);

mkdirSync(cache, { recursive: true });
let made;
try {
  made = makeBuilds(values.against);
} catch (error) {
  fail(`cannot build${values.against ? ` ${values.against}` : ""}: ${error.message.split("\n")[0]}`);
}
// A worktree must not stay behind when the run is interrupted: an exit handler runs for these too.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
process.once("exit", () => made.remove());

const text = [];
const say = (line) => {
  text.push(line);
  console.log(line);
};
say(setting(made.builds));
let failed = false;
for (const name of positionals.length > 0 ? positionals : known) {
  const part = await import(join(folder, `${name}.mjs`));
  say(`\n## ${name}: ${part.title}\n`);
  const [rows, after] = [[], []];
  const report = (row) => rows.push(row);
  report.skip = (what, why) => after.push(`- not measured: ${what}: ${why}`);
  report.note = (line) => after.push(line);
  try {
    await part.run(report, { builds: made.builds, rounds: Number(values.rounds), cache });
  } catch (error) {
    failed = true;
    after.push(`- this part failed: ${error.message.trim().split("\n")[0]}`);
    console.error(error);
  }
  if (rows.length > 0) say(tableOf(rows));
  if (after.length > 0) say(`\n${after.join("\n")}`);
}
say(`\n${ending()}`);
writeFileSync(join(cache, "report.md"), `${text.join("\n")}\n`);
process.exit(failed ? 1 : 0);
