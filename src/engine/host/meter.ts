/**
 * From captured frames to connections: the engine with what it is fed by, and its totals under their names. Readers of captures hand it
 * frames (`frame`, or whole stretches of pcap records), which are counted in batches; who must know at once which connection a frame
 * belongs to, calls `add`.
 */
import { MEMORY } from "../layout/memory-map.ts";
import type { ConnectionRecord } from "./connection-record.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { etherTypeName } from "./ethertype-names.ts";
import { type CapturedFrame, Feed, type PcapRecords } from "./feed.ts";
import { PacketView } from "./packet-view.ts";
import { protoOf } from "./protocols.ts";
import { RECORD_FORMATS, type RecordFormatName } from "./record-formats.ts";
import type { Rows } from "./rows.ts";

const TWO_32 = 2 ** 32;
const NS = 1_000_000_000n;

export class FlowMeter {
  readonly engine: Engine;
  readonly table: Rows;
  /** The packet counted last. */
  readonly packet: PacketView;
  readonly #feed: Feed;
  readonly #estimates: boolean;

  constructor(options: EngineOptions) {
    this.engine = new Engine(options);
    this.table = this.engine.rows;
    this.packet = new PacketView(this.engine.view);
    this.#feed = new Feed(this.engine);
    this.#estimates = options.estimateDuplicates === true;
  }

  /** Where a file may be read to without copying: to be asked for before each read. */
  room(): Buffer {
    return this.#feed.room();
  }

  /** Takes a frame; it is counted at the latest at the next `flush`. */
  frame(frame: CapturedFrame): void {
    this.#feed.add(frame);
  }

  /** Counts the plain pcap records at the beginning of `data[start, end)`. @returns where the first begins that was not taken */
  takeRecords(data: Uint8Array, start: number, end: number, records: PcapRecords): number {
    return this.#feed.takeRecords(data, start, end, records);
  }

  /** Counts the frames taken so far. */
  flush(): void {
    this.#feed.flush();
  }

  /**
   * Counts a frame at once.
   * @returns the row of its outermost connection, -1 when it belongs to none
   */
  add(frame: CapturedFrame): number {
    this.#feed.add(frame);
    this.#feed.flush();
    return this.table.rowAt(this.engine.exports.outerRow.value >>> 0);
  }

  /** The row of the innermost connection of the frame counted last, -1 when it belongs to none. */
  get innermost(): number {
    return this.table.rowAt(this.engine.exports.innerRow.value >>> 0);
  }

  /** Lets time pass: ends what has been idle. Seconds since the epoch. */
  advance(now: number): void {
    this.#feed.flush();
    const whole = Math.floor(now);
    this.engine.exports.letTimePass(BigInt(whole) * NS + BigInt(Math.floor((now - whole) * 1e9)));
    this.engine.view.refresh();
  }

  /** The capture is over: all connections end, and all records are handed on. */
  finish(): void {
    this.#feed.flush();
    this.engine.exports.endCapture();
    this.engine.exports.flushRecords();
    this.engine.view.refresh();
  }

  /** From now on records are written in this format. */
  startRecords(format: RecordFormatName): void {
    this.engine.exports.startRecords(RECORD_FORMATS[format].number);
  }

  /** Writes a row's record; `onRecords` gets it, with others, at the latest at `flushRecords`. */
  writeRecord(row: number): void {
    this.engine.exports.writeRow(this.table.address(row));
  }

  /**
   * Writes the records of some rows, without the header, while no others are being written.
   * @returns how many there were
   */
  writeRecords(format: RecordFormatName, rows: Iterable<number>, take: (bytes: Uint8Array) => void): number {
    this.startRecords(format);
    this.engine.onRecords = take;
    let count = 0;
    for (const row of rows) {
      this.writeRecord(row);
      count++;
    }
    this.flushRecords();
    return count;
  }

  /** Hands on the records gathered so far. */
  flushRecords(): void {
    this.engine.exports.flushRecords();
  }

  /** A row's record as an object, as JSON has it. */
  record(row: number): ConnectionRecord {
    return JSON.parse(this.engine.recordText(row)) as ConnectionRecord;
  }

  get packets(): number {
    return this.engine.count("packets");
  }

  /** Lengths on the wire. */
  get bytes(): number {
    return this.engine.count("bytes");
  }

  /** Packets whose headers contradict themselves, or are shorter than they must be without having been cut by a snaplen. */
  get malformed(): number {
    return this.engine.count("malformed");
  }

  /** Frames of which the capture's snaplen cut something off. */
  get cutPackets(): number {
    return this.engine.count("cutPackets");
  }

  /** Packets whose checksum offload had left unfinished: the sum of the pseudo-header alone stands there. */
  get offloadChecksums(): number {
    return this.engine.count("offloadChecksums");
  }

  /** Frames of link types nobody here decodes. */
  get unsupported(): number {
    return this.engine.count("unsupported");
  }

  /** IP fragments seen. */
  get fragments(): number {
    return this.engine.count("fragments");
  }

  /** Frames that are copies of one seen a moment before. */
  get duplicates(): number {
    const copies = this.engine.count("copies");
    const examined = this.engine.count("examined");
    return this.#estimates && examined > 0 ? Math.round((copies / examined) * this.packets) : copies;
  }

  /** Connections begun that are shown: not mere carriers of tunnels. Right once the capture is over. */
  get connections(): number {
    return this.engine.count("connections") - this.engine.count("hidden");
  }

  get evicted(): number {
    return this.engine.count("evicted");
  }

  /** Packets that belong to no IP flow (ARP, STP, LLDP, …). */
  get notIp(): number {
    let sum = 0;
    this.#each("NOT_IP", (_, count) => {
      sum += count;
    });
    return sum;
  }

  /** The same by the name of their EtherType. */
  notIpByName(): Record<string, number> {
    const counts: Record<string, number> = {};
    this.#each("NOT_IP", (type, count) => {
      counts[etherTypeName(type)] = count;
    });
    return counts;
  }

  /** Ended connections by the name of their protocol. */
  connectionsByProtocol(): Record<string, number> {
    const counts: Record<string, number> = {};
    this.#each("ENDED_BY_PROTOCOL", (protocol, count) => {
      const name = protoOf(protocol);
      counts[name] = (counts[name] ?? 0) + count;
    });
    return counts;
  }

  /** The numbers above 0 of a table of 64-bit counts; exact up to 2^53. */
  #each(region: string, visit: (index: number, count: number) => void): void {
    const { start, bytes } = MEMORY.get(region)!;
    const { words } = this.engine.view;
    for (let i = 0; i < bytes / 8; i++) {
      const place = (start >>> 2) + i * 2;
      const count = words[place]! + words[place + 1]! * TWO_32;
      if (count > 0) visit(i, count);
    }
  }
}
