// bro cut beside bro-cut (package bro-aux), cut, gawk and jq on a conn.log of about 1 GB, TSV and JSON, in one run; and the overview of
// it. The rows are real ones, of the fixtures' captures, with other times, uids and addresses.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const title = "tapscope bro cut beside bro-cut, cut, gawk, jq; tapscope bro logs";

const program = join(import.meta.dirname, "../dist/cli/main.js");
const fixtures = join(import.meta.dirname, "../fixtures/pcaps");
const MEGABYTES = Number(process.env.TAPSCOPE_BENCH_MB ?? 1000);
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Wall and CPU seconds, peak memory of a shell command and all it starts. */
function measure(script, folder) {
  const stats = join(folder, "time");
  const wrapper = `import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(["sh", "-c", sys.argv[1]], stderr=subprocess.DEVNULL)
wall = time.monotonic() - start
use = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[2], "w").write(f"{wall} {use.ru_utime + use.ru_stime} {use.ru_maxrss}")
sys.exit(code)`;
  const { status } = spawnSync("python3", ["-c", wrapper, script, stats], { stdio: "ignore" });
  const [seconds, cpu, kilobytes] = readFileSync(stats, "utf8").split(" ").map(Number);
  return { status, seconds, cpu, peakMB: Math.round(kilobytes / 1024) };
}

/** Rows of the fixtures' connections, as JSON or TSV, one after another until the file is large enough. */
function makeLog(path, format) {
  const captures = readdirSync(fixtures).filter((file) => file.endsWith(".pcap"));
  const argv = [program, "flows", "--format", format, ...captures.map((file) => join(fixtures, file))];
  const lines = execFileSync(process.execPath, argv, { maxBuffer: 1e9, stdio: ["ignore", "pipe", "ignore"] });
  const all = lines.toString().split("\n").filter(Boolean);
  const rows = all.filter((line) => !line.startsWith("#"));
  let seed = 1;
  const random = (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const fd = openSync(path, "w");
  let text = all
    .filter((line) => line.startsWith("#") && !line.startsWith("#close"))
    .map((line) => `${line}\n`)
    .join("");
  let microseconds = 1_700_000_000_000_000;
  let count = 0;
  for (let size = 0; size < MEGABYTES * 1e6; ) {
    microseconds += 1 + random(5000);
    const ts = `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, "0")}`;
    const uid = `C${Array.from({ length: 17 }, () => BASE62[random(62)]).join("")}`;
    const address = `10.${random(4)}.${random(256)}.${1 + random(254)}`;
    const row = rows[count++ % rows.length];
    text +=
      format === "zeek"
        ? `${row.replace(/^\S+\t\S+\t/, `${ts}\t${uid}\t`).replace(/\t10\.[\d.]+\t/, `\t${address}\t`)}\n`
        : `${row.replace(/"ts":[\d.]+,"uid":"\w+"/, `"ts":${ts},"uid":"${uid}"`).replace(/"10\.[\d.]+"/, `"${address}"`)}\n`;
    if (text.length < 4e6) continue;
    size += writeSync(fd, text);
    text = "";
  }
  writeSync(fd, format === "zeek" ? `${text}#close\t2026-11-23-10-00-00\n` : text);
  closeSync(fd);
  return { rows: count, bytes: statSync(path).size };
}

export async function run(report) {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    const node = `'${process.execPath}' '${program}'`;
    for (const format of ["zeek", "json"]) {
      const path = join(folder, "conn.log");
      const made = makeLog(path, format);
      const columns = "ts id.orig_h id.resp_h";
      const contenders =
        format === "zeek"
          ? [
              ["bro cut, two threads", null, `${node} bro cut ${columns} '${path}'`],
              ["bro cut, one thread (standard input)", null, `${node} bro cut ${columns} < '${path}'`],
              ["bro-cut", "bro-cut", `bro-cut ${columns} < '${path}'`],
              ["cut", "cut", `LC_ALL=C cut -f1,3,5 '${path}'`],
              ["gawk", "gawk", `LC_ALL=C gawk -F'\\t' '!/^#/{print $1"\\t"$3"\\t"$5}' '${path}'`],
              ["bro cut --format json", null, `${node} bro cut --format json ${columns} '${path}'`],
              [
                "bro cut --where 'id.resp_p == 443'",
                null,
                `${node} bro cut --where 'id.resp_p == 443' ${columns} '${path}'`,
              ],
              ["bro logs", null, `${node} bro logs '${path}'`],
            ]
          : [
              ["bro cut of JSON, two threads", null, `${node} bro cut ${columns} '${path}'`],
              ["bro cut of JSON, one thread (standard input)", null, `${node} bro cut ${columns} < '${path}'`],
              [
                "jq (the first 100 MB)",
                "jq",
                `head -c 100000000 '${path}' | jq -r '[.ts,."id.orig_h",."id.resp_h"]|@tsv'`,
                0.1,
              ],
              ["bro logs of JSON", null, `${node} bro logs '${path}'`],
            ];
      // Once, so that the file is in memory for all of them.
      measure(`cat '${path}' > /dev/null`, folder);
      for (const [what, needs, script, part = 1] of contenders) {
        if (needs && spawnSync("sh", ["-c", `command -v ${needs}`]).status !== 0) {
          report.skip(what, `${needs} is not installed`);
          continue;
        }
        const best = [1, 2, 3]
          .map(() => measure(`${script} > /dev/null`, folder))
          .reduce((a, b) => (a.seconds <= b.seconds ? a : b));
        report({
          what,
          seconds: Number(best.seconds.toFixed(2)),
          "CPU seconds": Number(best.cpu.toFixed(2)),
          "M lines/s": Number(((made.rows * part) / best.seconds / 1e6).toFixed(2)),
          "MB/s": Math.round((made.bytes * part) / best.seconds / 1e6),
          "peak MB": best.peakMB,
          ...(what === "bro logs" && { "20 GB in s": Math.round((best.seconds * 2e10) / made.bytes) }),
        });
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
