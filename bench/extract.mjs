// bro extract beside 7-Zip, qemu-img convert + debugfs, and a loop mount + cp -a, on the same qcow2 disk of about 500 MB.
import { spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";

export const title = "tapscope bro extract beside 7zz, qemu-img convert + debugfs, loop mount + cp -a";

const program = join(import.meta.dirname, "../dist/cli/main.js");
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const MEGABYTES = Number(process.env.TAPSCOPE_BENCH_MB ?? 500);

function shell(script) {
  return spawnSync("sh", ["-c", script], { env, encoding: "utf8" });
}

/** Wall and CPU seconds, peak memory of one process (GNU time's figures from the kernel's rusage). */
function measure(script, folder) {
  const stats = join(folder, "time");
  const started = performance.now();
  const wrapper = `import resource, subprocess, sys
code = subprocess.call(["sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[2], "w").write(f"{use.ru_utime + use.ru_stime} {use.ru_maxrss}")
sys.exit(code)`;
  const { status } = spawnSync("python3", ["-c", wrapper, script, stats], { env });
  const seconds = (performance.now() - started) / 1000;
  const [cpu, kilobytes] = readFileSync(stats, "utf8").split(" ").map(Number);
  return { status, seconds, cpu, peakMB: Math.round(kilobytes / 1024) };
}

export async function run(report) {
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    const image = await makeDisk(folder);
    const out = join(folder, "out");
    const tapscope = (method) =>
      `'${process.execPath}' '${program}' bro extract --method ${method} '${image}' '${out}'`;
    const rows = [
      ["tapscope native", null, tapscope("native")],
      ["tapscope qemu-nbd", "qemu-nbd", tapscope("qemu-nbd")],
      ["7zz (no journal)", "7zz", `7zz x -y -o'${out}' '${image}'`],
      [
        "qemu-img convert + debugfs",
        "debugfs",
        `mkdir '${out}' && qemu-img convert -O raw '${image}' '${out}.raw' && debugfs -R 'rdump / ${out}' '${out}.raw'`,
      ],
      [
        "convert + loop mount + cp -a",
        "losetup",
        `mkdir '${out}' '${out}.mnt' && qemu-img convert -O raw '${image}' '${out}.raw' && mount -o loop,ro,noload '${out}.raw' '${out}.mnt' && cp -a '${out}.mnt/.' '${out}'; code=$?; umount '${out}.mnt'; rmdir '${out}.mnt'; exit $code`,
      ],
    ];
    for (const [what, tool, script] of rows) {
      if (tool && shell(`command -v ${tool}`).status !== 0) {
        report.skip(what, `${tool} is not installed`);
        continue;
      }
      const { status, seconds, cpu, peakMB } = measure(script, folder);
      if (status === 0) {
        report({
          what,
          wall_s: seconds.toFixed(2),
          cpu_s: cpu.toFixed(2),
          peak_MB: peakMB,
          MB_per_s: Math.round(MEGABYTES / seconds),
        });
      } else report.skip(what, `it failed with exit code ${status}`);
      shell(`rm -rf '${out}' '${out}.raw'`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A disk with one large log, seven hundred small ones, and bytes that do not compress. */
async function makeDisk(folder) {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "small"), { recursive: true });
  for (let i = 0; i < 700; i++)
    writeFileSync(join(tree, `small/dns.${i}.log`), `1763892000.${100000 + i}\tC${i}\n`.repeat(100));
  const log = createWriteStream(join(tree, "conn.log"));
  log.write("#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\n#types\ttime\tstring\taddr\n");
  const rows = Buffer.from(
    Array.from(
      { length: 10_000 },
      (_, i) =>
        `1763892000.${100000 + i}\tC${i}xYz0123456789ab\t10.0.0.1\t49152\t192.168.100.200\t443\ttcp\tssl\t12.345678\t1200\t45000\tSF\tT\tF\t0\tShADadFf\t20\t2240\t40\t47080\t-\n`,
    ).join(""),
  );
  for (let bytes = 0; bytes < MEGABYTES * 1e6; bytes += rows.length) {
    if (!log.write(rows)) await new Promise((resolve) => log.once("drain", resolve));
  }
  log.end();
  await finished(log);
  const raw = join(folder, "disk.raw");
  writeFileSync(raw, "");
  truncateSync(raw, (MEGABYTES * 1.15 + 64) * 1e6);
  const made = shell(
    `mke2fs -q -F -t ext4 -d '${tree}' '${raw}' && qemu-img convert -O qcow2 '${raw}' '${folder}/disk.qcow2' && rm -r '${raw}' '${tree}'`,
  );
  if (made.status !== 0) throw new Error(`cannot make the disk: ${made.stderr}`);
  return join(folder, "disk.qcow2");
}
