/**
 * Live capture by the optional package cap: libpcap in this process, where there is no tcpdump. It tells neither
 * the kernel's timestamp, nor the original length, nor what was dropped, and sees only the devices of the host.
 */
import { createRequire } from "node:module";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import type { Place } from "../../core/place.ts";
import { captureFilter } from "../filter/bpf.ts";
import { Frame, type FrameSink } from "../frame.ts";
import type { CaptureEnd, LiveOptions, LiveSource } from "./live.ts";

/** What is used of the package. */
interface CapHandle {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  setMinBytes?(bytes: number): void;
  close(): void;
  on(event: "packet", listener: (bytes: number, truncated: boolean) => void): void;
}

const KERNEL_BUFFER = 32 * 1024 * 1024;
const PACKET_BUFFER = 262_144;
/** LINKTYPE_ values of what cap calls its link types. */
const LINKTYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  IEEE802_11_RADIO: 127,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
};

export class CapSource implements LiveSource {
  readonly lacks = [
    "tcpdump is not installed: captured in this process, without kernel timestamps, original lengths or drop counts",
  ];
  readonly drops = null;
  readonly linktype: number;
  readonly #handle: CapHandle;
  // cap writes packets here and keeps no reference to it: were it collected, memory would be corrupted.
  readonly #buffer = Buffer.alloc(PACKET_BUFFER);
  readonly #frame = new Frame();
  #end: (end: CaptureEnd) => void = () => {};

  private constructor(handle: CapHandle, { device, filter }: LiveOptions) {
    this.#handle = handle;
    try {
      const name = handle.open(device, filter === undefined ? "" : captureFilter(filter), KERNEL_BUFFER, this.#buffer);
      handle.setMinBytes?.(0);
      this.linktype = LINKTYPES[name] ?? 1;
    } catch (error) {
      throw new TapscopeError("E_CAPTURE_START", `cannot capture on ${device}: ${messageOf(error)}`, {
        hint: "install tcpdump, whose errors say more",
        cause: error,
      });
    }
  }

  /** @param missing why tcpdump is not used: what is thrown when cap cannot be either */
  static open(options: LiveOptions & { readonly place: Place }, missing: TapscopeError): CapSource {
    if (options.place.lab || options.place.netns !== undefined) throw missing;
    let handle: CapHandle;
    try {
      const { Cap } = createRequire(import.meta.url)("cap") as { Cap: new () => CapHandle };
      handle = new Cap();
    } catch {
      throw missing;
    }
    return new CapSource(handle, options);
  }

  refreshDrops(): void {}

  async run(sink: FrameSink): Promise<CaptureEnd> {
    const frame = this.#frame;
    frame.data = this.#buffer;
    frame.linktype = this.linktype;
    this.#handle.on("packet", (bytes) => {
      const now = Date.now();
      frame.caplen = bytes;
      frame.origLen = bytes;
      frame.sec = Math.floor(now / 1000);
      frame.nsec = (now % 1000) * 1e6;
      sink(frame);
    });
    return await new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async stop(): Promise<void> {
    this.#handle.close();
    this.#end({ drops: null, reason: null });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
