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
  #writer: CaptureWriter | null = null;
  #linktype = 1;
  #ordinal = 0;
  /** The file that is open has a frame: none is left empty. */
  #hasFrames = false;
  /** The files there are, oldest first. */
  readonly files: string[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Opens the (first) file, so that it is there and valid even if no frame comes. */
  begin(linktype: number): void {
    this.#linktype = linktype;
    this.#writer = this.#open();
  }

  write(frame: Frame): void {
    const { ring } = this.#options;
    if (!this.#writer) this.begin(frame.linktype);
    else if (ring && this.#writer.bytes + frame.caplen > ring.bytes && this.#hasFrames) this.#next(ring.files);
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
    this.#hasFrames = false;
    while (this.files.length > keep) rmSync(this.files.shift()!, { force: true });
  }

  #open(): CaptureWriter {
    const { path, format, ring, device } = this.#options;
    const file = ring ? ringPath(path, ++this.#ordinal) : path;
    const writer = format === "pcap" ? new PcapWriter(file) : new PcapngWriter(file);
    writer.addInterface({ ...device, linktype: this.#linktype });
    this.files.push(file);
    return writer;
  }
}
