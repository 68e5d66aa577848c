// Times programs in turns: each round runs every program once, so that what else the machine does hits all of them alike.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TIME = "/usr/bin/time";
/** A program that takes longer is run in the first round only, seconds. */
const ONCE_ABOVE = 20;
const LIMIT_MS = 580_000;

export const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

export function installed(program) {
  return spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { env: { ...process.env, PATH } }).status === 0;
}

/** Why nothing can be measured here, or null. */
export function lacksTime() {
  return existsSync(TIME) ? null : "time(1) is not installed: apt-get install time";
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Runs a program to its end: wall and CPU seconds, peak memory in MB (10^6 bytes), or `failed`, why not. */
export function timed(argv, { input, cwd } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  const figures = join(folder, "time");
  try {
    const started = performance.now();
    const { status, signal, error, stderr } = spawnSync(TIME, ["-q", "-o", figures, "-f", "%U %S %M", ...argv], {
      stdio: [input ?? "ignore", "ignore", "pipe"],
      env: { ...process.env, PATH },
      cwd,
      timeout: LIMIT_MS,
      maxBuffer: 1 << 28,
    });
    const wall = (performance.now() - started) / 1000;
    if (error || signal) return { failed: error?.code === "ETIMEDOUT" ? "it took too long" : `it ended by ${signal}` };
    if (status !== 0)
      return {
        failed: `${status > 128 ? `it aborted (signal ${status - 128})` : `exit code ${status}`}: ${lastLine(stderr)}`,
      };
    const [user, system, kilobytes] = readFileSync(figures, "latin1").trim().split("\n").at(-1).split(" ").map(Number);
    return { wall, cpu: user + system, peak: (kilobytes * 1024) / 1e6 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lastLine(stderr) {
  return (stderr?.toString("latin1").trim().split("\n").at(-1) ?? "").replaceAll(/[^ -~]/g, "?").slice(0, 80);
}

/**
 * Times `programs` ({what, argv, before?, after?, more?}; argv may be a function, before and after are called around each run, more(wall) gives further columns) and calls `report` for each with the median and the minimum.
 * One that fails is reported as such and not timed. @returns wall medians by `what`
 */
export function inTurns(report, programs, rounds) {
  const runs = new Map(programs.map(({ what }) => [what, []]));
  const failed = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const { what, argv, before, after } of programs) {
      const soFar = runs.get(what);
      if (failed.has(what) || soFar.some(({ wall }) => wall > ONCE_ABOVE)) continue;
      before?.();
      const run = timed(typeof argv === "function" ? argv() : argv);
      after?.();
      if (run.failed) failed.set(what, run.failed);
      else soFar.push(run);
    }
  }
  const medians = new Map();
  for (const { what, more } of programs) {
    if (failed.has(what)) {
      report.skip(what, failed.get(what));
      continue;
    }
    const all = runs.get(what);
    const wall = median(all.map((run) => run.wall));
    medians.set(what, wall);
    report({
      what,
      "wall s": wall.toFixed(2),
      "min s": Math.min(...all.map((run) => run.wall)).toFixed(2),
      "CPU s": median(all.map((run) => run.cpu)).toFixed(2),
      "peak MB": Math.max(...all.map((run) => run.peak)).toFixed(0),
      ...more?.(wall),
      ...(all.length < rounds && { runs: String(all.length) }),
    });
  }
  return medians;
}
