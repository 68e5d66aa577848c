// How the cost of connection records grows: with the size of the capture, and with the number of flows seen; and what a flood does.

import { spawnSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { floodCapture, mixedCapture } from "./tools/captures.mjs";
import { lacksTime, median, timed } from "./tools/measure.mjs";
import { plot } from "./tools/plot.mjs";

export const title = "cost by size (1 MB to 4 GB) and by flows seen (1,000 to 10 million: a SYN flood)";

const SIZES = [1e6, 10e6, 100e6, 1000e6, 4000e6];
const FLOWS = [1e3, 1e4, 1e5, 1e6, 3e6, 10e6];
/** Captures above this are made for the run only. */
const KEPT = 1.1e9;
const ROUNDS = 3;

export async function run(report, { builds, cache }) {
  const lacks = lacksTime();
  if (lacks) return report.skip("everything", lacks);
  const bySize = new Map(builds.map((build) => [build, []]));
  const byFlows = new Map(builds.map((build) => [build, []]));
  for (const bytes of SIZES) {
    const file = mixedCapture(cache, bytes);
    for (const build of builds) {
      const run = measure(report, build, file);
      if (run) bySize.get(build).push({ x: bytes, ...run });
      report({
        what: `${build.name}: ${bytes / 1e6} MB`,
        ...columns(run),
        "MB/s": run && Math.round(bytes / 1e6 / run.wall),
      });
    }
    drop(file);
  }
  for (const flows of FLOWS) {
    const file = floodCapture(cache, flows);
    for (const build of builds) {
      const run = measure(report, build, file);
      const evicted = run ? evictedOf(build, file) : 0;
      if (run) byFlows.get(build).push({ x: flows, ...run, evicted });
      report({
        what: `${build.name}: ${flows.toLocaleString("en")} flows`,
        ...columns(run),
        "flows/s": run && Math.round(flows / run.wall).toLocaleString("en"),
        evicted: run && evicted.toLocaleString("en"),
      });
    }
    drop(file);
  }
  for (const [name, label, series, unit] of [
    ["by-size", "size of the capture", bySize, (x) => (x >= 1e9 ? `${x / 1e9} GB` : `${x / 1e6} MB`)],
    [
      "by-flows",
      "flows seen (one SYN each)",
      byFlows,
      (x) => (x >= 1e6 ? `${x / 1e6} M` : x >= 1e3 ? `${x / 1e3} k` : String(x)),
    ],
  ]) {
    const path = join(cache, `growth-${name}.svg`);
    writeFileSync(
      path,
      plot({ label, unit, series: [...series].map(([build, points]) => ({ name: build.name, points })) }),
    );
    report.note(`Plot: ${path}`);
  }
}

/** The median run of a few, or null when it failed. */
function measure(report, build, file) {
  const runs = [];
  for (let round = 0; round < ROUNDS; round++) {
    const run = timed(build.argv("flows", "--format", "zeek", file));
    if (run.failed) {
      report.skip(`${build.name}: ${file}`, run.failed);
      return null;
    }
    runs.push(run);
    if (run.wall > 20) break;
  }
  const wall = median(runs.map((run) => run.wall));
  return { wall, cpu: median(runs.map((run) => run.cpu)), peak: Math.max(...runs.map((run) => run.peak)) };
}

const columns = (run) =>
  run ? { "wall s": run.wall.toFixed(2), "CPU s": run.cpu.toFixed(2), "peak MB": run.peak.toFixed(0) } : {};

/** How many flows were thrown out of the table to make room. */
function evictedOf(build, file) {
  const [program, ...args] = build.argv("flows", "--summary", "--json", file);
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return status === 0 ? (JSON.parse(stdout).evicted ?? 0) : 0;
}

function drop(file) {
  if (statSync(file).size > KEPT) rmSync(file);
}
