/**
 * A program of its own: captures on a device with the optional package cap and writes a pcap to standard output, until
 * standard output closes or it gets SIGINT. Arguments: device, capture filter. cap calls back on the main loop of its process only:
 * in a worker thread it takes Node down.
 */
import { createRequire } from "node:module";
import { PcapWriter } from "../format/pcap-writer.ts";
import { Frame } from "../frame.ts";

interface CapHandle {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  setMinBytes?(bytes: number): void;
  close(): void;
  on(event: "packet", listener: (bytes: number, truncated: boolean) => void): void;
}

const KERNEL_BUFFER = 32 * 1024 * 1024;
const SNAPLEN = 262_144;
const FLUSH_MS = 50;
/** LINKTYPE_ values of what cap calls its link types. */
const LINKTYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  IEEE802_11_RADIO: 127,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
};

const [device = "", filter = ""] = process.argv.slice(2);
const { Cap } = createRequire(import.meta.url)("cap") as { Cap: new () => CapHandle };
const handle = new Cap();
// cap writes packets here and keeps no reference to it: were it collected, memory would be corrupted.
const buffer = Buffer.alloc(SNAPLEN);
const frame = new Frame();
frame.data = buffer;

try {
  const linktype = LINKTYPES[handle.open(device, filter, KERNEL_BUFFER, buffer)] ?? 1;
  handle.setMinBytes?.(0);
  const writer = new PcapWriter("-");
  writer.addInterface({ name: device, linktype });
  writer.flush();
  const end = (): never => {
    try {
      handle.close();
      writer.close([]);
    } catch {
      // Who read this is gone.
    }
    process.exit(0);
  };
  handle.on("packet", (bytes) => {
    const now = Date.now();
    frame.caplen = bytes;
    frame.origLen = bytes;
    frame.sec = Math.floor(now / 1000);
    frame.nsec = (now % 1000) * 1e6;
    writer.write(frame, 0);
  });
  setInterval(() => {
    try {
      writer.flush();
    } catch {
      end();
    }
  }, FLUSH_MS);
  process.on("SIGINT", end);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
