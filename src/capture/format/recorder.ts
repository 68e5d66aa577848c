/**
 * Writes the frames of one device to a capture file, or to a ring of files of which the newest are kept
 * (`run.pcapng` becomes `run.00001.pcapng`, `run.00002.pcapng`, …).
 */
import { rmSync } from "node:fs";
import { parse } from "node:path";
import type { Frame } from "../frame.ts";
import { PcapWriter } from "./pcap-writer.ts";
import { PcapngWriter } from "./pcapng-writer.ts";
import type { CaptureWriter, WriterInterface, WriterStatistics } from "./writer.ts";

export interface RecorderOptions {
  /** A path, or `-` for standard output. */
  readonly path: string;
  readonly format: "pcapng" | "pcap";
  /** Size in bytes beyond which the next file begins, and how many files are kept. */
  readonly ring?: { readonly bytes: number; readonly files: number } | undefined;
  readonly device: Omit<WriterInterface, "linktype">;
}

/** The name of the `ordinal`th file of a ring. */
export function ringPath(path: string, ordinal: number): string {
  const { dir, name, ext } = parse(path);
  return `${dir === "" || dir.endsWith("/") ? dir : `${dir}/`}${name}.${String(ordinal).padStart(5, "0")}${ext}`;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #writer: CaptureWriter | null;
  /** Null until the file's head is written. */
  #linktype: number | null = null;
  #ordinal = 0;
  /** The file that is open has a frame: none is left empty. */
  #hasFrames = false;
  /** The files there are, oldest first. */
  readonly files: string[] = [];

  /** Opens the (first) file: what cannot be written is told at once, not with the first frame. @throws TapscopeError */
  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#writer = this.#open();
  }

  /** Writes the (first) file's head, so that it is valid even if no frame comes. */
  begin(linktype: number): void {
    this.#linktype = linktype;
    this.#describe(linktype);
  }

  write(frame: Frame): void {
    const { ring } = this.#options;
    if (this.#linktype === null) this.begin(frame.linktype);
    else if (ring && this.#writer!.bytes + frame.caplen > ring.bytes && this.#hasFrames) this.#next(ring.files);
    this.#writer!.write(frame, 0);
    this.#hasFrames = true;
  }

  flush(): void {
    this.#writer?.flush();
  }

  /** Finishes the last file; pcapng keeps the statistics. */
  close(statistics: WriterStatistics | null): void {
    this.#writer?.close(statistics ? [statistics] : []);
    this.#writer = null;
  }

  #next(keep: number): void {
    this.#writer?.close();
    this.#writer = this.#open();
    this.#describe(this.#linktype!);
    this.#hasFrames = false;
    while (this.files.length > keep) rmSync(this.files.shift()!, { force: true });
  }

  #open(): CaptureWriter {
    const { path, format, ring } = this.#options;
    const file = ring ? ringPath(path, ++this.#ordinal) : path;
    const writer = format === "pcap" ? new PcapWriter(file) : new PcapngWriter(file);
    this.files.push(file);
    return writer;
  }

  #describe(linktype: number): void {
    this.#writer!.addInterface({ ...this.#options.device, linktype });
  }
}
