// Flow records of a large capture beside programs that read, or make flows of, the same file: wall time and peak memory.
// The capture: $TAPSCOPE_BENCH_PCAP, else made from ../shared/corpus (about 1 GB, deleted afterwards).
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const title = "flow records of a large capture, beside tcpdump, softflowd and argus";

const root = join(import.meta.dirname, "..");
const program = join(root, "dist/cli/main.js");
const maker = join(root, "../shared/corpus/make-large.sh");

function installed(name) {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

/** Wall seconds, CPU seconds and peak memory of a program, by time(1). */
function measure(argv) {
  const result = spawnSync("/usr/bin/time", ["-f", "%e %U %S %M", ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
  });
  const figures = /([\d.]+) ([\d.]+) ([\d.]+) (\d+)\s*$/.exec(result.stderr);
  if (!figures) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
  const [wall, user, system, kilobytes] = figures.slice(1).map(Number);
  return { "wall s": wall, "cpu s": Number((user + system).toFixed(2)), "peak MB": Math.round(kilobytes / 1000) };
}

export async function run(report) {
  if (!existsSync("/usr/bin/time")) return report.skip("everything", "time(1) is not installed (package time)");
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    const file = process.env.TAPSCOPE_BENCH_PCAP ?? join(folder, "large.pcap");
    if (!existsSync(file)) {
      if (!existsSync(maker)) return report.skip("everything", "no capture: set TAPSCOPE_BENCH_PCAP");
      spawnSync("bash", [maker, file], { stdio: "ignore" });
    }
    if (!existsSync(file))
      return report.skip("everything", "the capture could not be made (wireshark-common, python3)");
    console.log(`${(statSync(file).size / 1e9).toFixed(2)} GB, best of three runs`);
    const peers = [
      ["tapscope flows --format json", [process.execPath, program, "flows", "--format", "json", file]],
      ["tapscope flows --summary", [process.execPath, program, "flows", "--summary", file]],
      ["tcpdump -w /dev/null (reads, no flows)", ["tcpdump", "-r", file, "-w", "/dev/null"]],
      ["softflowd", ["softflowd", "-d", "-r", file]],
      ["argus", ["argus", "-X", "-r", file, "-w", "/dev/null"]],
    ];
    for (const [what, argv] of peers) {
      if (!installed(argv[0])) {
        report.skip(what, `${argv[0]} is not installed`);
        continue;
      }
      const runs = [1, 2, 3].map(() => measure(argv)).sort((a, b) => a["wall s"] - b["wall s"]);
      report({ what, ...runs[0] });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
