/**
 * Live capture by the optional package cap (libpcap), where there is no tcpdump: in a Node of its own (cap-program.ts), read as
 * tcpdump is, from a pipe. cap tells neither the kernel's timestamp, nor the original length, nor what was dropped.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { TapscopeError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import { type Child, spawn } from "../../core/process.ts";
import { captureFilter } from "../filter/bpf.ts";
import { CaptureReader } from "../format/reader.ts";
import type { FrameSink } from "../frame.ts";
import type { CaptureEnd, LiveOptions, LiveSource } from "./live.ts";

/** What has reached the device is in the pipe after two of the program's flushes. */
const DRAIN_MS = 150;

export class CapSource implements LiveSource {
  readonly lacks = [
    "tcpdump is not installed: captured with cap, without kernel timestamps, original lengths or drop counts",
  ];
  readonly drops = null;
  readonly #child: Child;
  readonly #device: string;
  #reader: CaptureReader | undefined;
  #stderr = "";
  #stopping = false;

  private constructor(child: Child, device: string) {
    this.#child = child;
    this.#device = device;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000);
    });
  }

  /**
   * Resolves when the device is open.
   * @param missing why tcpdump is not used: what is thrown when cap is not installed either
   */
  static async open(options: LiveOptions & { readonly place: Place }, missing: TapscopeError): Promise<CapSource> {
    const { device, filter, place } = options;
    try {
      createRequire(import.meta.url).resolve("cap");
    } catch {
      throw missing;
    }
    const program = fileURLToPath(new URL("./cap-program.js", import.meta.url));
    const argv = [process.execPath, program, device, filter === undefined ? "" : captureFilter(filter)];
    const source = new CapSource(spawn(argv, { place }), device);
    const stdout = source.#child.stdout!;
    const opened = new Promise<null>((resolve) => stdout.once("readable", () => resolve(null)));
    const exit = await Promise.race([opened, source.#child.ended]);
    if (exit === null && stdout.readableLength > 0) return source;
    await source.#child.ended;
    throw source.#failed();
  }

  get linktype(): number | null {
    return this.#reader?.summary("").interfaces[0]?.linktype ?? null;
  }

  refreshDrops(): void {}

  async run(sink: FrameSink): Promise<CaptureEnd> {
    const reader = new CaptureReader(sink);
    this.#reader = reader;
    for await (const chunk of this.#child.stdout!) reader.push(chunk as Buffer);
    reader.end();
    await this.#child.ended;
    return { drops: null, reason: this.#stopping ? null : this.#failed().message };
  }

  async stop(drain: boolean): Promise<void> {
    if (drain) await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    this.#stopping = true;
    this.#child.signal("SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#child[Symbol.asyncDispose]();
  }

  #failed(): TapscopeError {
    const why = this.#stderr.trim().split("\n").at(-1) || "it ended";
    return new TapscopeError("E_CAPTURE_START", `cannot capture on ${this.#device}: ${why}`, {
      hint: "install tcpdump, whose errors say more",
    });
  }
}
