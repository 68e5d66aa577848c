// Connection records of a large capture, beside programs that read, or make flows of, the same file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSize, mixedCapture } from "./tools/captures.mjs";
import { installed, inTurns, lacksTime } from "./tools/measure.mjs";

export const title = "connection records of a large capture, beside other meters";

const SIZES = [56e6, 1000e6];
const reader = join(import.meta.dirname, "tools/pcap-parser-read.mjs");

/** [what it does with the file, package, argv] */
const PEERS = (file, folder) => [
  ["tcpdump -w /dev/null (reads, no flows)", "tcpdump", ["tcpdump", "-Z", "root", "-n", "-r", file, "-w", "/dev/null"]],
  [
    "softflowd (NetFlow, no output)",
    "softflowd",
    ["softflowd", "-d", "-p", join(folder, "pid"), "-c", join(folder, "ctl"), "-r", file],
  ],
  ["nfpcapd (NetFlow, to files)", "nfdump", ["nfpcapd", "-r", file, "-w", folder]],
  ["argus", "argus-server", ["argus", "-X", "-r", file, "-w", "/dev/null"]],
  ["ndpiReader (protocols)", "libndpi-bin", ["ndpiReader", "-q", "-i", file]],
  ["tshark -z conv,tcp", "tshark", ["tshark", "-n", "-q", "-r", file, "-z", "conv,tcp"]],
];

export async function run(report, { builds, rounds, cache }) {
  const lacks = lacksTime();
  if (lacks) return report.skip("everything", lacks);
  const named = process.env.TAPSCOPE_BENCH_PCAP;
  const files = named ? [named] : SIZES.map((bytes) => mixedCapture(cache, bytes));
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    for (const file of files) {
      const size = describeSize(file);
      // Small captures are about starting up: the meters that people run on them are all the same.
      measure(report, { builds, rounds, file, size, folder, peers: file === files.at(-1) });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measure(report, { builds, rounds, file, size, folder, peers }) {
  const programs = [];
  for (const build of builds) {
    for (const format of ["zeek", "json", "csv"]) {
      for (const workers of build.hasFlowsOption("--workers") ? [1, 2] : [null]) {
        const more = workers === null ? [] : ["--workers", String(workers)];
        const suffix = workers === null ? "" : `, ${workers} worker${workers > 1 ? "s" : ""}`;
        programs.push({
          what: `${build.name} flows, ${format}${suffix}`,
          argv: build.argv("flows", "--format", format, ...more, file),
        });
      }
    }
  }
  for (const [what, name, argv] of peers ? PEERS(file, folder) : PEERS(file, folder).slice(0, 2)) {
    if (installed(argv[0])) programs.push({ what, argv });
    else report.skip(what, `it is not installed: apt-get install ${name}`);
  }
  if (peers) programs.push({ what: "pcap-parser (reads, no flows)", argv: [process.execPath, reader, file] });
  const rows = [];
  const collect = (row) => rows.push(row);
  collect.skip = report.skip;
  const medians = inTurns(collect, programs, rounds);
  const base = medians.get(PEERS("", "")[0][0]);
  const meter = medians.get(PEERS("", "")[1][0]);
  for (const { what, ...row } of rows) {
    const own = medians.get(what);
    const times = (other) => (other === undefined ? "" : (own / other).toFixed(1));
    report({ what: `${size}: ${what}`, ...row, "x tcpdump": times(base), "x softflowd": times(meter) });
  }
}
