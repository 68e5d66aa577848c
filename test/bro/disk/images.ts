/**
 * Disk images for the tests, made with Debian's tools (e2fsprogs, fdisk, gdisk, qemu-utils) in a temporary folder. What is
 * written into them is the same every time.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };

/** Runs a tool and returns its standard output. */
export function tool(argv: readonly string[], input?: string): string {
  const [file, ...args] = argv;
  return execFileSync(file!, args, { env, input: input ?? "", stdio: ["pipe", "pipe", "pipe"], encoding: "utf8" });
}

/**
 * Runs qemu-img where it makes a LUKS key: it measures its own speed for that, and gives up when the machine does not tell
 * CPU time exactly at that moment.
 */
export function luksTool(argv: readonly string[]): void {
  for (let tries = 1; ; tries++) {
    try {
      tool(argv);
      return;
    } catch (error) {
      const stderr = String((error as { stderr?: string }).stderr);
      if (tries === 20 || !stderr.includes("Unable to get accurate CPU usage")) throw error;
    }
  }
}

/** A folder for one test file's images. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), "tapscope-disk-"));
}

const HEADER = (path: string) =>
  `#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t${path}\n#open\t2026-11-23-10-00-00\n` +
  "#fields\tts\tuid\tid.orig_h\n#types\ttime\tstring\taddr\n";

export function tsvLog(path: string, rows: number, closed = true): string {
  const lines = Array.from(
    { length: rows },
    (_, i) => `${1763892000 + i}.${String(i % 1000000).padStart(6, "0")}\tC${i}\t10.0.0.${i % 250}\n`,
  );
  return `${HEADER(path)}${lines.join("")}${closed ? "#close\t2026-11-23-11-00-00\n" : ""}`;
}

/** Names that a shell, a terminal or a careless program would trip over. */
export const ODD_NAMES: readonly Buffer[] = [
  "name with space.log",
  "new\nline.log",
  "-rf",
  "tab\t.log",
  "back\\slash",
  "*?.log",
  "%s%n",
  "\x1b[31mred",
  "$(id)",
  "quote'\".log",
  "CON",
  "a:b",
  ".hidden.log",
]
  .map((name) => Buffer.from(name))
  .concat([Buffer.from([0xff, 0xfe, 0x80]), Buffer.alloc(255, 0x78)]);

/** A tree of logs as a Zeek VM has them, and everything that makes copying hard. `files` counts the regular ones. */
export function makeSource(folder: string): { readonly root: string; readonly files: number } {
  const root = join(folder, "source");
  for (const dir of ["2026-11-23", "current", "deep/a/b/c/d", "many", "odd"])
    mkdirSync(join(root, dir), { recursive: true });
  const write = (path: string, data: string | Buffer) => writeFileSync(join(root, path), data);
  write("conn.log", tsvLog("conn", 5000));
  write("dns.log", `${tsvLog("dns", 100, false)}1763892100.5\tCcut`);
  write("http.json.log", Array.from({ length: 50 }, (_, i) => `{"ts":${1763892000 + i}.25,"uid":"C${i}"}\n`).join(""));
  write("empty.log", "");
  write("nul.log", Buffer.concat([Buffer.from(tsvLog("ssl", 30, false)), Buffer.alloc(3535)]));
  write("2026-11-23/conn.10:00:00-11:00:00.log.gz", gzipSync(tsvLog("conn", 700)));
  const cut = gzipSync(Buffer.from(tsvLog("files", 5000)));
  write("2026-11-23/files.10:00:00-11:00:00.log.gz", cut.subarray(0, cut.length >> 1));
  write("current/stderr.log", "");
  write("deep/a/b/c/d/x.log", tsvLog("weird", 3));
  write("big.bin", pseudoRandom(3_000_000));
  for (let i = 0; i < 300; i++) write(`many/f${String(i).padStart(4, "0")}`, `${i}\n`.repeat(i));
  for (const name of ODD_NAMES) writeFileSync(Buffer.concat([Buffer.from(`${root}/odd/`), name]), name);
  const sparse = openSync(join(root, "sparse.log"), "w");
  writeSync(sparse, tsvLog("notice", 2));
  closeSync(sparse);
  truncateSync(join(root, "sparse.log"), 20 << 20);
  linkSync(join(root, "conn.log"), join(root, "hard.log"));
  symlinkSync("conn.log", join(root, "link.log"));
  symlinkSync("../../../../../../etc/passwd", join(root, "rel-evil"));
  symlinkSync("/etc/shadow", join(root, "abs-evil"));
  symlinkSync("self", join(root, "self"));
  symlinkSync("2026-11-23", join(root, "latest"));
  tool(["mkfifo", join(root, "fifo")]);
  utimesSync(join(root, "conn.log"), 1763892000.5, 1763892000.5);
  return { root, files: listFiles(root).size };
}

/** Bytes that do not compress, the same every time. */
export function pseudoRandom(length: number, seed = 1): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < length; i++) blocks.push(createHash("sha512").update(`${seed}:${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** Makes a filesystem of `megabytes` that holds `source`, at byte `offset` of a raw image. */
export function makeFilesystem(
  image: string,
  source: string | null,
  options: { readonly megabytes?: number; readonly mke2fs?: readonly string[]; readonly offset?: number } = {},
): string {
  const { megabytes = 24, offset = 0 } = options;
  const blocks = (megabytes << 10) - offset / 1024;
  if (!statSync(image, { throwIfNoEntry: false })) {
    writeFileSync(image, "");
    truncateSync(image, megabytes << 20);
  }
  const extended = offset > 0 ? ["-E", `offset=${offset}`] : [];
  const from = source === null ? [] : ["-d", source];
  const type = options.mke2fs?.includes("-t") ? [] : ["-t", "ext4"];
  tool(["mke2fs", "-q", "-F", ...type, ...(options.mke2fs ?? []), ...extended, ...from, image, `${blocks}k`]);
  return image;
}

/** A raw disk with partitions by sfdisk's script language. */
export function makePartitioned(image: string, megabytes: number, script: string): string {
  writeFileSync(image, "");
  truncateSync(image, megabytes << 20);
  tool(["sfdisk", "-q", image], script);
  return image;
}

export function convert(from: string, to: string, format: string, extra: readonly string[] = []): string {
  luksTool(["qemu-img", "convert", "-O", format, ...extra, from, to]);
  return to;
}

/** Commands of debugfs(8) that change an image: how the hostile ones are made. */
export function debugfs(image: string, commands: readonly string[]): string {
  return tool(["debugfs", "-w", "-f", "-", image], `${commands.join("\n")}\n`);
}

/** Overwrites bytes of an image, found by what they are: every place where `from` stands. */
export function replaceBytes(image: string, from: string, to: string): void {
  const data = readFileSync(image);
  const [before, after] = [Buffer.from(from, "latin1"), Buffer.from(to, "latin1")];
  if (before.length !== after.length) throw new Error("both must be of a length");
  let count = 0;
  for (let at = data.indexOf(before); at !== -1; at = data.indexOf(before, at + 1), count++) after.copy(data, at);
  if (count === 0) throw new Error(`there is no ${from} in ${image}`);
  writeFileSync(image, data);
}

export function sha256(path: string | Buffer): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Relative path (one character a byte) -> sha256 of every regular file below `root`, but the manifest. */
export function listFiles(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: Buffer, relative: string) => {
    for (const name of readdirSync(path, { encoding: "buffer" })) {
      const child = Buffer.concat([path, Buffer.from("/"), name]);
      const key = relative + name.toString("latin1");
      const stat = lstatSync(child);
      if (stat.isDirectory()) visit(child, `${key}/`);
      else if (stat.isFile() && key !== "manifest.jsonl") found.set(key, sha256(child));
    }
  };
  visit(Buffer.from(root), "");
  return found;
}

/** What must not change when an image is read. */
export function fingerprint(path: string): string {
  const { size, mtimeNs, ino } = statSync(path, { bigint: true });
  return `${size} ${mtimeNs} ${ino} ${sha256(path)}`;
}
