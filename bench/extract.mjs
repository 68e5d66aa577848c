// bro extract beside 7-Zip, qemu-img convert + debugfs, and a loop mount + cp -a, on the same qcow2 disk of about 500 MB.
import { spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { installed, inTurns, lacksTime, PATH } from "./tools/measure.mjs";

export const title = "logs out of a qcow2 disk of 500 MB (one large log, 700 small ones)";

const MEGABYTES = 500;
/** `script`: $1 is the image, $2 the folder to make. */
const PEERS = [
  { what: "7zz x (no journal, no hashes)", needs: "7zz", from: "7zip", script: '7zz x -y -o"$2" "$1"' },
  {
    what: "qemu-img convert, debugfs rdump (no journal, no hashes)",
    needs: "debugfs",
    from: "e2fsprogs",
    script: 'mkdir "$2" && qemu-img convert -O raw "$1" "$2.raw" && debugfs -R "rdump / $2" "$2.raw"',
  },
  {
    what: "qemu-img convert, loop mount, cp -a (root; no hashes)",
    needs: "losetup",
    from: "mount",
    root: true,
    script:
      'mkdir "$2" "$2.mnt" && qemu-img convert -O raw "$1" "$2.raw" && mount -o loop,ro,noload "$2.raw" "$2.mnt" && cp -a "$2.mnt/." "$2"; code=$?; umount "$2.mnt"; rmdir "$2.mnt"; exit $code',
  },
];

export async function run(report, { builds, rounds }) {
  const lacks = lacksTime();
  if (lacks) return report.skip("everything", lacks);
  if (!installed("mke2fs") || !installed("qemu-img")) {
    return report.skip("everything", "no disk can be made: apt-get install e2fsprogs qemu-utils");
  }
  const folder = mkdtempSync(join(tmpdir(), "tapscope-bench-"));
  try {
    const image = await makeDisk(folder);
    let runs = 0;
    let out = "";
    const sh = (script) => () => ["sh", "-c", script, "sh", image, out];
    const common = {
      more: (wall) => ({ "MB/s": Math.round(MEGABYTES / wall) }),
      before: () => {
        out = join(folder, `out${++runs}`);
      },
      // The large files only: ext4 is slow to make files where others have just been deleted.
      after: () => {
        for (const name of [`${out}/conn.log`, `${out}.raw`]) rmSync(name, { force: true });
      },
    };
    const ours = builds.flatMap((build) =>
      ["native", "qemu-nbd"].map((method) => ({
        what: `${build.name} bro extract, ${method}`,
        argv: () => build.argv("bro", "extract", "--method", method, image, out),
        ...common,
      })),
    );
    const peers = PEERS.flatMap(({ what, needs, from, root, script }) => {
      if (!installed(needs)) report.skip(what, `${needs} is not installed: apt-get install ${from}`);
      else if (root && process.getuid() !== 0) report.skip(what, "mounting needs root");
      else return [{ what, argv: sh(script), ...common }];
      return [];
    });
    const medians = inTurns(report, [...ours, ...peers], rounds);
    for (const { what } of peers) {
      const [own] = medians.values();
      if (medians.has(what)) report.note(`- ${ours[0].what}: ${(own / medians.get(what)).toFixed(2)} of ${what}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A disk with one large log, seven hundred small ones. */
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
  const script = 'mke2fs -q -F -t ext4 -d "$1" "$2" && qemu-img convert -O qcow2 "$2" "$3" && rm -r "$2" "$1"';
  const image = join(folder, "disk.qcow2");
  const made = spawnSync("sh", ["-c", script, "sh", tree, raw, image], {
    env: { ...process.env, PATH },
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`cannot make the disk: ${made.stderr}`);
  return image;
}
