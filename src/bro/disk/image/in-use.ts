/**
 * Whether a running QEMU may be writing to an image. QEMU marks what it does with a file by OFD locks on single bytes
 * (block/file-posix.c, RAW_LOCK_PERM_BASE 100 and RAW_LOCK_SHARED_BASE 200): byte 100+n means "has permission n",
 * 200+n "shares it not"; 101 is write, 102 write unchanged, 103 resize. An image only read has 100 and 201.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";

const WRITE_BYTES = [101, 102, 103] as const;

/** Who has an image open for writing. `pid` is null when it cannot be told (other user, other PID namespace). */
export interface Writer {
  readonly pid: number | null;
  /** The process's name, `qemu-system-x86`; from /proc, so unsanitized. */
  readonly command: string | null;
}

/** The writer of the image at `path`, or null. `locks` is the text of /proc/locks. */
export function findWriter(path: string, locks = readOrEmpty("/proc/locks")): Writer | null {
  const { ino, dev } = statSync(path, { bigint: true });
  const candidates = parseLocks(locks).filter(
    (lock) => lock.inode === ino && WRITE_BYTES.some((byte) => holds(lock, byte)),
  );
  if (candidates.length === 0) return null;
  const pid = findHolder(dev, ino);
  // On some filesystems (btrfs, overlay) /proc/locks has another device number than stat(2): then the open file decides.
  if (pid === null && !candidates.some((lock) => lock.device === deviceText(dev))) return null;
  return { pid, command: pid === null ? null : readOrEmpty(`/proc/${pid}/comm`).trim() };
}

interface Lock {
  readonly device: string;
  readonly inode: bigint;
  readonly first: number;
  readonly last: number;
}

/** The byte-range locks in the text of /proc/locks (proc(5)). */
export function parseLocks(text: string): Lock[] {
  const found: Lock[] = [];
  for (const match of text.matchAll(/^\d+: (?:OFDLCK|POSIX) .* ([0-9a-f]+:[0-9a-f]+):(\d+) (\d+) (\d+|EOF)$/gm)) {
    const [, device, inode, first, last] = match;
    found.push({
      device: device!,
      inode: BigInt(inode!),
      first: Number(first),
      last: last === "EOF" ? Number.POSITIVE_INFINITY : Number(last),
    });
  }
  return found;
}

// A lock on the whole file is not QEMU's way of saying anything.
function holds(lock: Lock, byte: number): boolean {
  return lock.first >= 100 && lock.last <= 210 && lock.first <= byte && byte <= lock.last;
}

function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major.toString(16).padStart(2, "0")}:${minor.toString(16).padStart(2, "0")}`;
}

/** The first process that has the file open for writing. */
function findHolder(dev: bigint, ino: bigint): number | null {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    for (const fd of readdirOrEmpty(`/proc/${pid}/fd`)) {
      try {
        const stat = statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
        if (stat.ino !== ino || stat.dev !== dev) continue;
        const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(readOrEmpty(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? "0", 8);
        if ((flags & 3) !== 0) return Number(pid);
      } catch {
        // The process or its descriptor is gone.
      }
    }
  }
  return null;
}

function readdirOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
