/**
 * Writes the packets of chosen connections to a capture file. The captures are read twice: what a connection is like is known when it has
 * ended, and its packets are those of the first pass. Memory holds the chosen uids and what the flow table holds, never packets but the fragments of
 * datagrams that are not complete yet.
 */
import { basename } from "node:path";
import { textField } from "../engine/host/fields.ts";
import type { FlowMeter } from "../engine/host/meter.ts";
import type { Rows } from "../engine/host/rows.ts";
import { dissect } from "./dissect/dissect.ts";
import { PcapngWriter } from "./format/pcapng-writer.ts";
import type { CaptureInterface, CaptureSummary } from "./format/summary.ts";
import { Frame } from "./frame.ts";
import { type MeterOptions, meterCapture, openMeter } from "./meter.ts";
import { readCapture } from "./source/file.ts";

/** Fragments that wait for the rest of their datagrams. */
const MOST_FRAGMENTS = 2000;

export interface WriteFlowsOptions {
  /** Captures in the order of time; each is read twice. */
  readonly files: readonly string[];
  /** pcap-filter(7): only packets that match are looked at, and written. */
  readonly filter?: string | undefined;
  readonly meter: MeterOptions;
  /** Which connections are chosen, of a table. */
  readonly accept: (rows: Rows) => (row: number) => boolean;
  /** Where to write; a file that is there is written over. */
  readonly path: string;
  /** What the file says of itself. */
  readonly comment: string;
}

export interface WrittenFlows {
  readonly connections: number;
  readonly packets: number;
  /** Fragments of datagrams that were never complete: nobody knows whose they are. */
  readonly fragments: number;
  /** Of each file. */
  readonly summaries: readonly CaptureSummary[];
}

/** @throws as `readCapture`, and TapscopeError `E_CAPTURE_WRITE` */
export async function writeFlows({
  files,
  filter,
  meter,
  accept,
  path,
  comment,
}: WriteFlowsOptions): Promise<WrittenFlows> {
  const read = filter === undefined ? {} : { filter };
  const { chosen, summaries } = await choose();
  using writer = new PcapngWriter(path, comment);
  const selection = new FlowSelection(chosen, meter);
  const interfaces = new Map<string, number>();
  let packets = 0;
  for (const [index, file] of files.entries()) {
    const known = summaries[index]!.interfaces;
    const idOf = (frame: Frame): number => {
      const key = `${index} ${frame.interfaceId}`;
      let id = interfaces.get(key);
      if (id === undefined) {
        id = writer.addInterface(describe(known[frame.interfaceId], frame.linktype, file));
        interfaces.set(key, id);
      }
      return id;
    };
    await readCapture(
      file,
      (frame) => {
        for (const each of selection.take(frame)) {
          writer.write(each, idOf(each));
          packets++;
        }
      },
      read,
    );
  }
  return { connections: chosen.size, packets, fragments: selection.fragments, summaries };

  async function choose(): Promise<{ chosen: Set<string>; summaries: CaptureSummary[] }> {
    const uids = new Set<string>();
    const first = openMeter({
      ...meter,
      onEnd: (row) => {
        if (isChosen(row)) uids.add(uid(row) ?? "");
      },
    });
    const uid = textField(first.table, "uid");
    const isChosen = accept(first.table);
    const found: CaptureSummary[] = [];
    for (const file of files) found.push(await meterCapture(first, file, read));
    first.finish();
    return { chosen: uids, summaries: found };
  }
}

function describe(known: CaptureInterface | undefined, linktype: number, file: string) {
  return {
    name: known?.name ?? basename(file),
    linktype,
    ...(known?.snaplen ? { snaplen: known.snaplen } : {}),
    ...(known?.filter ? { filter: known.filter } : {}),
  };
}

/** Says of each frame of a capture, from its beginning on, whether it belongs to one of the connections with these uids. */
export class FlowSelection {
  readonly #meter: FlowMeter;
  readonly #uid: (row: number) => string | undefined;
  readonly #uids: ReadonlySet<string>;
  /** What is known of connections that go on, by their ids. */
  readonly #known = new Map<number, boolean>();
  /** Fragments by their datagram. */
  readonly #waiting = new Map<string, Frame[]>();
  #held = 0;
  #lost = 0;

  /** @param options what a connection is: as when the uids were found */
  constructor(uids: ReadonlySet<string>, options: MeterOptions = {}) {
    this.#uids = uids;
    this.#meter = openMeter({ ...options, onEnd: (row) => void this.#known.delete(this.#meter.table.id(row)) });
    this.#uid = textField(this.#meter.table, "uid");
  }

  /** Fragments that were let go of, or still wait. */
  get fragments(): number {
    return this.#lost + this.#held;
  }

  /** The frames that are to be written now: this one, and the fragments that it completes. */
  take(frame: Frame): readonly Frame[] {
    const outer = this.#meter.add(frame);
    const datagram = outer < 0 || this.#held > 0 ? datagramOf(frame) : null;
    if (outer < 0) {
      if (datagram !== null) this.#wait(datagram, frame);
      return [];
    }
    const before = datagram === null ? [] : this.#release(datagram);
    const inner = this.#meter.innermost;
    const wanted = this.#isChosen(outer) || (inner >= 0 && inner !== outer && this.#isChosen(inner));
    return wanted ? [...before, frame] : [];
  }

  #isChosen(row: number): boolean {
    const { table } = this.#meter;
    const id = table.id(row);
    let chosen = this.#known.get(id);
    if (chosen === undefined) {
      chosen = this.#uids.has(this.#uid(row) ?? "");
      this.#known.set(id, chosen);
    }
    return chosen;
  }

  #wait(datagram: string, frame: Frame): void {
    if (this.#held >= MOST_FRAGMENTS) {
      const oldest = this.#waiting.keys().next().value!;
      this.#lost += this.#release(oldest).length;
    }
    const { offset, caplen, data } = frame;
    const copy = Object.assign(new Frame(), frame, {
      data: data.slice(offset, offset + caplen),
      offset: 0,
      commentLength: 0,
    });
    this.#waiting.set(datagram, [...(this.#waiting.get(datagram) ?? []), copy]);
    this.#held++;
  }

  #release(datagram: string): Frame[] {
    const frames = this.#waiting.get(datagram) ?? [];
    this.#waiting.delete(datagram);
    this.#held -= frames.length;
    return frames;
  }
}

/** Addresses and identification of the datagram that a frame holds a fragment of; null when it holds none. */
function datagramOf(frame: Frame): string | null {
  for (const { fields } of dissect(frame).layers) {
    const value = (name: string): string | undefined => fields.find((field) => field.name === name)?.value;
    if (value("ipv6.fraghdr.ident") !== undefined) return `6 ${value("ipv6.fraghdr.ident")}`;
    if (value("ip.flags.mf") === "1" || !(value("ip.frag_offset") ?? "0").startsWith("0")) {
      return `4 ${value("ip.src")} ${value("ip.dst")} ${value("ip.id")} ${value("ip.proto")}`;
    }
  }
  return null;
}
