// Small files and starting up, over what Node takes to start.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { mixedCapture } from "./tools/captures.mjs";
import { installed, median } from "./tools/measure.mjs";
import { Terminal } from "./tools/terminal.mjs";

export const title = "small files and starting up, in ms over `node -e 0`";

const small = join(import.meta.dirname, "../fixtures/pcaps/http.pcap");
const RUNS = 11;

export async function run(report, { builds, cache }) {
  const file = mixedCapture(cache, 1e6);
  const work = [
    ["--help", ["--help"]],
    ["flows, one HTTP connection", ["flows", "--format", "json", small]],
    ["flows, 1 MB", ["flows", "--format", "zeek", file]],
    ["info, 1 MB", ["info", file]],
    ["vm list", ["vm", "list"]],
  ];
  const contenders = [["node -e 0", [process.execPath, "-e", "0"]]];
  for (const build of builds)
    for (const [what, args] of work) contenders.push([`${build.name}: ${what}`, build.argv(...args)]);
  const times = new Map(contenders.map(([what]) => [what, []]));
  const failed = new Set();
  for (let round = 0; round < RUNS; round++) {
    for (const [what, [program, ...args]] of contenders) {
      const started = performance.now();
      const { status } = spawnSync(program, args, { stdio: "ignore" });
      times.get(what).push(performance.now() - started);
      // What an older build does not know yet.
      if (status !== 0) failed.add(what);
    }
  }
  const bare = median(times.get("node -e 0"));
  for (const [what, all] of times) {
    if (failed.has(what)) report.skip(what, "it failed");
    else row(report, what, all, bare);
  }
  if (!installed("script")) return report.skip("the first frame", "script is not installed: apt-get install bsdutils");
  const line = [];
  const bareNode = [process.execPath, "-e", "console.log(`tapscope`); setTimeout(() => {}, 5000)"];
  for (let n = 0; n < RUNS; n++) line.push(await firstFrame(bareNode));
  row(report, "node in a terminal, first line", line, median(line));
  for (const build of builds) {
    const frames = [];
    for (let n = 0; n < RUNS; n++) frames.push(await firstFrame(build.argv("watch", file)));
    row(report, `${build.name}: watch, first frame`, frames, median(line));
  }
}

function row(report, what, all, base) {
  const middle = median(all);
  report({
    what,
    "ms (median)": middle.toFixed(0),
    "min ms": Math.min(...all).toFixed(0),
    "over the base": (middle - base).toFixed(0),
  });
}

/** Milliseconds until the program's first frame, which has a border or the program's name in it, is written. */
async function firstFrame(argv) {
  const terminal = new Terminal(argv);
  try {
    return await terminal.until(/tapscope|─|LIVE|FILE/);
  } finally {
    await terminal.close();
  }
}
