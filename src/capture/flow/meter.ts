/**
 * From frames to connections: decodes each frame, recognises copies, puts fragments together, follows tunnels inwards and counts
 * every layer in the flow table; frames that are no connection are counted by EtherType.
 */
import { checksumsHold } from "../decode/checksum.ts";
import { decodeFrame, decodeInner } from "../decode/decode.ts";
import { Defragmenter } from "../decode/fragments.ts";
import { GRE, IPIP, IPV6, NEXT_NONE, OK, Packet, TRUNCATED, UNSUPPORTED } from "../decode/packet.ts";
import type { Frame } from "../frame.ts";
import { DuplicateFinder } from "./duplicates.ts";
import { etherTypeName } from "./ethertype-names.ts";
import { ServiceLabels } from "./service/labels.ts";
import { FlowTable, type FlowTableOptions } from "./table.ts";

export interface MeterOptions extends FlowTableOptions {
  /** Only the innermost connections are shown: what carries a tunnel is left out. */
  readonly inner?: boolean;
  /** Copies of a packet that a mirror made are left out, not only counted. */
  readonly dedup?: boolean;
  /** Of long captures `duplicates` is only estimated, which is faster. Without meaning together with `dedup`. */
  readonly estimateDuplicates?: boolean;
  /** Packets with a wrong checksum are treated as Zeek treats them without -C: noted in the history, and not counted. */
  readonly verifyChecksums?: boolean;
}

export class FlowMeter {
  readonly table: FlowTable;
  /** What the connections speak. */
  readonly labels: ServiceLabels;
  /** The view of the frame counted last, at its innermost layer. */
  readonly packet = new Packet();
  packets = 0;
  /** Lengths on the wire. */
  bytes = 0;
  /** Packets whose headers contradict themselves or are cut off by the capture before the ports. */
  malformed = 0;
  /** Frames that are not IP, by EtherType (1: LLC, 2: spanning tree, 0: a link type without one). */
  readonly notIp = new Float64Array(65536);
  /** Frames of link types nobody here decodes. */
  unsupported = 0;

  readonly #options: MeterOptions;
  readonly #finder: DuplicateFinder;
  readonly #defragmenter = new Defragmenter((p) => {
    this.table.add(p);
  });
  #lastSec = 0;
  #lastNsec = 0;

  constructor(options: MeterOptions = {}) {
    this.#options = options;
    this.#finder = new DuplicateFinder(options.estimateDuplicates === true && options.dedup !== true);
    this.table = new FlowTable(options);
    this.labels = new ServiceLabels(this.table);
  }

  /** Frames that are copies of one seen a moment before. */
  get duplicates(): number {
    const { copies, examined } = this.#finder;
    return this.#options.estimateDuplicates && examined > 0 ? Math.round((copies / examined) * this.packets) : copies;
  }

  /** IP fragments seen. */
  get fragments(): number {
    return this.#defragmenter.fragments;
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
    // A record without a time happened when the one before it did, as far as anyone can tell.
    if (p.hasTime) {
      this.#lastSec = p.sec;
      this.#lastNsec = p.nsec;
    } else {
      p.sec = this.#lastSec;
      p.nsec = this.#lastNsec;
    }
    if (this.#finder.seen(p) && this.#options.dedup) return -1;
    if (p.ipVersion === 0) {
      this.#countOther(p);
      return -1;
    }
    const outer = this.#addLayer(p, -1);
    let row = outer;
    while (row >= 0 && p.innerKind !== NEXT_NONE && decodeInner(p)) {
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

  /** Packets that are no connection, by the name of their EtherType. */
  notIpByName(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let type = 0; type < this.notIp.length; type++) {
      if (this.notIp[type]! > 0) counts[etherTypeName(type)] = this.notIp[type]!;
    }
    return counts;
  }

  #addLayer(p: Packet, parent: number): number {
    if (p.fragment && !this.#defragmenter.add(p)) return -1;
    if (p.error !== OK) this.malformed++;
    if (!p.transport) return -1;
    const { table } = this;
    const holds = checksumsHold(p);
    if (!holds && this.#options.verifyChecksums) {
      table.addBad(p, parent);
      p.innerKind = NEXT_NONE;
      return -1;
    }
    const row = table.add(p, parent);
    if (!holds) table.noteBadChecksum(row);
    this.labels.look(row, p);
    if (p.innerKind !== NEXT_NONE) {
      // GRE and IP-in-IP are not connections in Zeek's sense, what they carry is.
      const { ipProto } = p;
      const noConnection = ipProto === GRE || ipProto === IPIP || ipProto === IPV6;
      table.markCarrier(row, noConnection || this.#options.inner === true);
    }
    return row;
  }

  #countOther(p: Packet): void {
    if (p.error === UNSUPPORTED) this.unsupported++;
    else if (p.error !== OK && (p.error !== TRUNCATED || p.etherType === 0 || isIp(p.etherType))) this.malformed++;
    else this.notIp[p.etherType]!++;
  }
}

function isIp(etherType: number): boolean {
  return etherType === 0x0800 || etherType === 0x86dd;
}
