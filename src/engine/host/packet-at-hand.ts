/** The packet the engine counted last, innermost layer: what readers of payload need of it. Valid until the next one is counted. */
import { PACKET } from "../layout/layouts.ts";
import { startOf } from "../layout/memory-map.ts";
import { bigintGetter, gettersOf, type MemoryView } from "./view.ts";

const AT = startOf("PACKET");

export class PacketAtHand {
  readonly #view: MemoryView;
  readonly #packet;
  readonly #time;

  constructor(view: MemoryView) {
    this.#view = view;
    this.#packet = gettersOf(view, PACKET);
    this.#time = bigintGetter(view, PACKET, "time");
  }

  /** Nanoseconds since the epoch. */
  get timeNs(): bigint {
    return this.#time(AT);
  }

  /** The transport header was whole and sane: what follows holds. */
  get hasTransport(): boolean {
    return this.#packet.transport(AT) !== 0;
  }

  /** The connection's originator sent it. */
  get fromOrig(): boolean {
    return this.#packet.fromOrig(AT) !== 0;
  }

  /** Control bits of TCP. */
  get tcpFlags(): number {
    return this.#packet.tcpFlags(AT);
  }

  get tcpSeq(): number {
    return this.#packet.tcpSeq(AT);
  }

  get tcpAck(): number {
    return this.#packet.tcpAck(AT);
  }

  /** Bytes of payload on the wire. */
  get payloadLength(): number {
    return this.#packet.payloadLength(AT);
  }

  /** What was captured of the payload; a view. */
  get payload(): Uint8Array {
    const at = this.#packet.payload(AT);
    return this.#view.bytes.subarray(at, at + this.#packet.payloadCaptured(AT));
  }
}
