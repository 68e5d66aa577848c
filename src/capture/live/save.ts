/** Writes what the worker holds to files: packets of the ring, packets from now on, and the table of flows. */
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { messageOf, TapscopeError } from "../../core/errors.ts";
import { PcapngWriter } from "../format/pcapng-writer.ts";
import { Frame } from "../frame.ts";
import type { PacketMatch } from "./packet-list.ts";
import type { PacketRing } from "./packet-ring.ts";
import type { RecordingState } from "./snapshot.ts";

/** Where packets come from, for the head of a file. */
export interface SavedSource {
  readonly device: string;
  /** Bytes kept of each packet; 0: all. */
  readonly snaplen: number;
  readonly bpf: string | null;
}

/**
 * Writes the packets of a ring that match to a new pcapng file.
 * @returns how many
 * @throws TapscopeError when the file is there already, or cannot be written
 */
export function savePackets(
  ring: PacketRing,
  match: PacketMatch,
  path: string,
  source: SavedSource,
  comment: string,
): number {
  const frame = new Frame();
  const recording = new PacketRecording(path, source, comment);
  for (let number = ring.first; number < ring.next; number++) {
    if (!match(number)) continue;
    ring.read(number, frame);
    recording.write(frame);
  }
  recording.close();
  return recording.state.packets;
}

/** A pcapng file that frames are added to; one interface for each link type there is. */
export class PacketRecording {
  readonly #writer: PcapngWriter;
  readonly #source: SavedSource;
  readonly #interfaces = new Map<number, number>();
  #packets = 0;

  /** @throws TapscopeError when the file is there already, or cannot be written */
  constructor(path: string, source: SavedSource, comment: string) {
    refuseExisting(path);
    this.#source = source;
    this.#writer = new PcapngWriter(path, comment);
  }

  get state(): RecordingState {
    return { path: this.#writer.path, packets: this.#packets, bytes: this.#writer.bytes };
  }

  write(frame: Frame): void {
    // Of a file with several interfaces each keeps its own.
    const key = frame.interfaceId * 65_536 + frame.linktype;
    let id = this.#interfaces.get(key);
    if (id === undefined) {
      const { device, snaplen, bpf } = this.#source;
      id = this.#writer.addInterface({
        name: device,
        linktype: frame.linktype,
        snaplen,
        ...(bpf === null ? {} : { filter: bpf }),
      });
      this.#interfaces.set(key, id);
    }
    this.#writer.write(frame, id);
    this.#packets++;
  }

  flush(): void {
    this.#writer.flush();
  }

  close(): void {
    this.#writer.close();
  }
}

/**
 * Writes connection records to a new file, as `flows --format csv` and `--format json` do.
 * @param write gives the records piece by piece, and says how many they were
 * @throws TapscopeError when the file is there already, or cannot be written
 */
export function exportFlows(path: string, write: (piece: (bytes: Uint8Array) => void) => number): number {
  refuseExisting(path);
  try {
    const fd = openSync(path, "wx");
    try {
      return write((bytes) => {
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new TapscopeError("E_EXPORT_WRITE", `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function refuseExisting(path: string): void {
  if (existsSync(path))
    throw new TapscopeError("E_EXISTS", `${path} is there already`, { hint: "choose another name" });
}
