/**
 * A pipe of the kernel's (pipe(7)). Node gives its children socket pairs, where every small write costs a buffer of its own: tcpdump
 * spent more than twice the time in the kernel writing packets to one.
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./process.ts";

export interface Pipe {
  /** Non-blocking. */
  readonly readFd: number;
  /** To be given to a child, and closed here then. */
  readonly writeFd: number;
}

/** Makes a pipe; its name is gone when this returns. */
export async function openPipe(): Promise<Pipe> {
  const dir = mkdtempSync(join(tmpdir(), "tapscope-pipe-"));
  try {
    const path = join(dir, "pipe");
    await run(["mkfifo", "-m", "600", path]);
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return { readFd, writeFd: openSync(path, "w") };
    } catch (error) {
      closeSync(readFd);
      throw error;
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
