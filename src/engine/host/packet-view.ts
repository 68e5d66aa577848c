/** The packet counted last, at its innermost layer: what the engine's view of it holds, read in place. */
import { PACKET } from "../layout/layouts.ts";
import { startOf } from "../layout/memory-map.ts";
import { gettersOf, type MemoryView } from "./view.ts";

const AT = startOf("PACKET");

export class PacketView {
  readonly #view: MemoryView;
  readonly #get;

  constructor(view: MemoryView) {
    this.#view = view;
    this.#get = gettersOf(view, PACKET);
  }

  /** The bytes the places below refer to; valid until the next packet. */
  get data(): Uint8Array {
    return this.#view.bytes;
  }

  /** Where the captured bytes end. */
  get end(): number {
    return this.#get.end(AT);
  }

  /** Seconds since the epoch, to a fraction of a microsecond. */
  get time(): number {
    return this.#get.time(AT) / 1e9;
  }

  /** The transport header was whole and sane: what follows holds. */
  get transport(): boolean {
    return this.#get.transport(AT) === 1;
  }

  /** IANA protocol number. */
  get protocol(): number {
    return this.#get.protocol(AT);
  }

  get srcPort(): number {
    return this.#get.srcPort(AT);
  }

  get dstPort(): number {
    return this.#get.dstPort(AT);
  }

  get icmpType(): number {
    return this.#get.icmpType(AT);
  }

  /** Where the transport header begins. */
  get l4(): number {
    return this.#get.l4(AT);
  }

  /** Where what follows the transport header begins, -1 when that is damaged. */
  get payload(): number {
    return this.#get.payload(AT) || -1;
  }
}
