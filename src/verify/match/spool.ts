/**
 * Where a capture waits to be matched: a pcap file, kept if the user wants it, else one without a name, which goes with
 * the process whatever ends it.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PcapWriter } from "../../capture/format/pcap-writer.ts";
import { CaptureReader } from "../../capture/format/reader.ts";
import type { Frame, FrameSink } from "../../capture/frame.ts";

const CHUNK = 256 * 1024;
const ETHERNET = 1;

export class Spool implements Disposable {
  /** Where the file stays, or null. */
  readonly file: string | null;
  #fd: number;
  readonly #writer: PcapWriter;
  #described = false;
  #reader: CaptureReader | undefined;
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK);

  /** @throws TapscopeError `E_CAPTURE_WRITE`, or the system's error, when the file cannot be made */
  constructor(file: string | null) {
    this.file = file;
    if (file !== null) {
      this.#writer = new PcapWriter(file);
      this.#fd = openSync(file, "r");
      return;
    }
    const dir = mkdtempSync(join(tmpdir(), "tapscope-verify-"));
    try {
      this.#fd = openSync(join(dir, "capture.pcap"), "wx+", 0o600);
    } finally {
      rmSync(dir, { recursive: true });
    }
    this.#writer = new PcapWriter(`/proc/self/fd/${this.#fd}`);
  }

  write(frame: Frame): void {
    if (!this.#described) this.#describe(frame.linktype);
    this.#writer.write(frame, 0);
  }

  #describe(linktype: number): void {
    this.#writer.addInterface({ name: "", linktype });
    this.#described = true;
  }

  /** No more frames come. */
  endWriting(): void {
    if (!this.#described) this.#describe(ETHERNET);
    this.#writer.close();
  }

  /** Hands the next frames to `sink`, always the same one; false when there are none left. */
  read(sink: FrameSink): boolean {
    this.#reader ??= new CaptureReader(sink);
    const length = readSync(this.#fd, this.#chunk, 0, CHUNK, null);
    if (length === 0) {
      this.#reader.end();
      return false;
    }
    this.#reader.push(length === CHUNK ? this.#chunk : this.#chunk.subarray(0, length));
    return true;
  }

  [Symbol.dispose](): void {
    this.#writer.close();
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
