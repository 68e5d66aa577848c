/**
 * From frames to connections: decodes each frame, puts fragments together, follows tunnels inwards and counts every layer in the
 * flow table; frames that are no connection are counted by EtherType.
 */
import { decodeFrame, decodeInner } from "../decode/decode.ts";
import { Defragmenter } from "../decode/fragments.ts";
import { GRE, IPIP, IPV6, NEXT_NONE, OK, Packet, TRUNCATED, UNSUPPORTED } from "../decode/packet.ts";
import type { Frame } from "../frame.ts";
import { FlowTable, type FlowTableOptions } from "./table.ts";

export interface MeterOptions extends FlowTableOptions {
  /** Only the innermost connections are shown: what carries a tunnel is left out. */
  readonly inner?: boolean;
}

export class FlowMeter {
  readonly table: FlowTable;
  /** The view of the frame counted last, at its innermost layer. */
  readonly packet = new Packet();
  packets = 0;
  /** Lengths on the wire. */
  bytes = 0;
  /** Frames whose headers contradict themselves or are cut off by the capture before the ports. */
  malformed = 0;
  /** Frames that are not IP, by EtherType (1: LLC, 0: a link type without one). */
  readonly notIp = new Float64Array(65536);
  /** Frames of link types nobody here decodes. */
  unsupported = 0;
  readonly #inner: boolean;
  readonly #defragmenter = new Defragmenter((p) => {
    this.table.add(p);
  });

  constructor(options: MeterOptions = {}) {
    this.table = new FlowTable(options);
    this.#inner = options.inner ?? false;
  }

  /**
   * Counts a frame.
   * @returns the row of its outermost connection, -1 when it belongs to none
   */
  add(frame: Frame): number {
    const p = this.packet;
    this.packets++;
    this.bytes += frame.origLen;
    decodeFrame(p, frame);
    if (p.ipVersion === 0) {
      this.#countOther(p);
      return -1;
    }
    const outer = this.#addLayer(p, -1);
    let row = outer;
    while (p.innerKind !== NEXT_NONE && row >= 0 && decodeInner(p)) {
      if (p.ipVersion === 0) break;
      row = this.#addLayer(p, row);
    }
    return outer;
  }

  /** The capture is over: all connections end. */
  finish(): void {
    this.#defragmenter.finish();
    this.table.finish();
  }

  /** IP fragments seen. */
  get fragments(): number {
    return this.#defragmenter.fragments;
  }

  #addLayer(p: Packet, parent: number): number {
    if (p.fragment && !this.#defragmenter.add(p)) return -1;
    if (!p.transport) {
      if (p.error !== OK) this.malformed++;
      return -1;
    }
    if (p.error !== OK) this.malformed++;
    const row = this.table.add(p, parent);
    if (p.innerKind !== NEXT_NONE) {
      // GRE and IP-in-IP are not connections in Zeek's sense, what they carry is.
      const { ipProto } = p;
      this.table.markCarrier(row, this.#inner || ipProto === GRE || ipProto === IPIP || ipProto === IPV6);
    }
    return row;
  }

  #countOther(p: Packet): void {
    if (p.error === UNSUPPORTED) this.unsupported++;
    else if (p.error !== OK && (p.error !== TRUNCATED || p.etherType === 0)) this.malformed++;
    else this.notIp[p.etherType]!++;
  }
}
